#include "ledger.h"

/* In the making: no ledger can be opened yet. */
enum wd_err
wd_ledger_open(struct wd_ledger **l, const char *path, uint32_t entries)
{
    (void)path;
    (void)entries;
    *l = NULL;
    return WD_ERR_IO;
}

void
wd_ledger_close(struct wd_ledger *l)
{
    (void)l;
}

enum wd_err
wd_ledger_begin(struct wd_ledger *l, uint64_t now_s)
{
    (void)l;
    (void)now_s;
    return WD_ERR_IO;
}

void
wd_ledger_end(struct wd_ledger *l)
{
    (void)l;
}

void
wd_ledger_look(struct wd_ledger *l, struct wd_holding *h, size_t count, uint64_t holder)
{
    (void)l;
    (void)h;
    (void)count;
    (void)holder;
}

enum wd_err
wd_ledger_take(struct wd_ledger *l, struct wd_holding *h, size_t count, uint64_t holder, uint32_t keep_s, uint32_t nonce)
{
    (void)l;
    (void)h;
    (void)count;
    (void)holder;
    (void)keep_s;
    (void)nonce;
    return WD_ERR_IO;
}

void
wd_ledger_release(struct wd_ledger *l, const struct wd_holding *h, size_t count, uint32_t nonce)
{
    (void)l;
    (void)h;
    (void)count;
    (void)nonce;
}
