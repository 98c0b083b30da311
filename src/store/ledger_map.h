#ifndef WD_LEDGER_MAP_H
#define WD_LEDGER_MAP_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "ledger.h"
#include "mapped.h"

/*
 * The file of the ledger, private to its parts. Header, filter, directory, pages: extendible hashing. The first bits of a key are
 * its place in the directory, whose word is the number of a page; a page of depth d holds the keys that begin with its d bits, so
 * 2^(bits - d) words name it. A full page is split: the new one takes the upper half. A slot is in use when its tag is not 0; an
 * entry is written before its tag. Every store that matters is one aligned word, in an order in which a kill between any two
 * leaves more remembered, never less. No number from the file is used unchecked.
 */
#define LEDGER_PAGE 4096
#define LEDGER_SLOTS 123
#define LEDGER_PAGE_MAGIC 0x31504457u
#define LEDGER_DEPTH_MAX 24
#define LEDGER_NONE UINT32_MAX

struct ledger_slot {
    uint8_t key[16];
    uint64_t holder;    /* and the kind in the lowest 8 bits */
    uint32_t expires_s; /* of no use from then on */
    uint32_t nonce;     /* who may release it; 0: nobody any more */
};

struct ledger_page {
    uint32_t magic;
    uint32_t lost;  /* made by ledger_mend() in the place of one that never reached the disk */
    uint64_t range; /* depth << 32 | the first depth bits of its keys */
    uint64_t spare[2];
    uint8_t tags[128]; /* of the key; those past LEDGER_SLOTS stay 0 */
    struct ledger_slot slots[LEDGER_SLOTS];
};
_Static_assert(sizeof(struct ledger_page) == LEDGER_PAGE, "one page");

struct ledger_header {
    char magic[8];
    uint64_t bytes;
    uint32_t bits, max; /* of the directory; entries */
    uint32_t pages;     /* in use; there may be 2^bits */
    uint32_t backed;    /* pages below have disk space: a hole on a full disk is SIGBUS */
    uint32_t dirty;     /* inside a step */
    uint32_t now_s;     /* latest time seen: never runs backwards */
    uint32_t sweep;     /* the page to look for expired entries next */
    uint32_t spare;
    uint64_t used;
    uint64_t split; /* a split in progress: old page << 32 | new page + 1; 0: none */
    pthread_mutex_t lock __attribute__((aligned(64)));
};
_Static_assert(sizeof(struct ledger_header) <= LEDGER_PAGE, "one page");

struct wd_ledger {
    struct ledger_header *header;
    struct wd_filter *filter;
    uint32_t *directory;
    struct ledger_page *pages;
    size_t bytes;
    uint32_t bits, max;
    int fd;
    bool keeps, looked; /* wd_ledger_look_again() */
};

#define LEDGER_RANGE(depth, prefix) ((uint64_t)(depth) << 32 | (prefix))

static inline uint32_t
ledger_depth(const struct ledger_page *p)
{
    return (uint32_t)(p->range >> 32);
}

/* The word of the directory that a key belongs to. */
static inline uint32_t
ledger_place(const struct wd_ledger *l, const uint8_t key[16])
{
    uint64_t h;

    __builtin_memcpy(&h, key, sizeof(h));
    return (uint32_t)(h >> (64 - l->bits));
}

static inline uint8_t
ledger_tag(const uint8_t key[16])
{
    return key[15] != 0 ? key[15] : 1;
}

static inline bool
ledger_in_range(const struct wd_ledger *l, const struct ledger_page *p, uint32_t place)
{
    uint32_t depth = ledger_depth(p);

    return depth <= l->bits && place >> (l->bits - depth) == (uint32_t)p->range;
}

/* The words of the directory that belong to a page with a range that can be. */
static inline uint32_t
ledger_first(const struct wd_ledger *l, const struct ledger_page *p)
{
    return (uint32_t)p->range << (l->bits - ledger_depth(p));
}

static inline uint32_t
ledger_span(const struct wd_ledger *l, const struct ledger_page *p)
{
    return (uint32_t)1 << (l->bits - ledger_depth(p));
}

static inline bool
ledger_page_is(const struct wd_ledger *l, const struct ledger_page *p)
{
    return p->magic == LEDGER_PAGE_MAGIC && ledger_depth(p) <= l->bits && (uint32_t)p->range >> ledger_depth(p) == 0;
}

/* Disk space for pages below n. WD_ERR_FULL: there is none. */
enum wd_err ledger_back(struct wd_ledger *l, uint32_t n) WD_CHECK;

/* The page of a key; NULL when the file does not hold together. */
struct ledger_page *ledger_page_of(const struct wd_ledger *l, const uint8_t key[16]);
/* NULL: not in it. Expired ones are found too. */
struct ledger_slot *ledger_find(struct ledger_page *p, const uint8_t key[16]);
/* A key that is not there yet. WD_ERR_FULL, WD_ERR_CORRUPT: nothing changed. */
enum wd_err ledger_insert(struct wd_ledger *l, const struct ledger_slot *entry) WD_CHECK;
void ledger_remove(struct wd_ledger *l, struct ledger_page *p, uint32_t slot);
/* Finishes, or undoes, the split that a killed process left. */
void ledger_repair(struct wd_ledger *l);
/* Makes the directory anew from the pages, and all that does not hold together with it. Only with the file to ourselves. */
enum wd_err ledger_mend(struct wd_ledger *l) WD_CHECK;

#endif
