#ifndef WD_LEDGER_H
#define WD_LEDGER_H

#include <stdint.h>

#include "../base/err.h"
#include "../base/span.h"

/*
 * Who holds what, as keyed fingerprints: values that were shown to a provider (its holder), and references that a provider gave
 * to a user (who is the holder). A file that every process of the machine maps, kept over reload, restart and kill -9; one robust
 * process-shared lock. Times are Unix seconds, handed in; the ledger's own time never runs backwards, so a clock that is set back
 * forgets nothing too early. After a kill all that was taken is there; a power cut may take what the last half minute brought,
 * which the kernel had not written yet.
 */
struct wd_ledger;

enum wd_held {
    WD_HELD_NOT,   /* nobody's */
    WD_HELD_SAME,  /* the holder's already */
    WD_HELD_OTHER, /* somebody else's, or the file is damaged there (owner 0) and nobody can say */
};

struct wd_holding {
    uint8_t key[16]; /* wd_ledger_key() */
    uint8_t kind;    /* for lists: what sort of value it is (enum wd_isolate_kind) */
    uint8_t words;   /* of a named value, that is to be noted in the filter (wd_ledger_name): its words; otherwise 0 */
    /* filled in by look and take: */
    uint8_t held;   /* enum wd_held, as it was before */
    uint32_t first; /* not filled in: words not 0: the hash of the first one */
    uint64_t owner; /* WD_HELD_OTHER: whose it is */
};

struct wd_ledger_entry {
    uint8_t key[16];
    uint64_t holder;
    uint32_t expires_s;
    uint8_t kind;
};

/*
 * Path of the file, made when missing. entries: how many it may hold (0: the default, 12 million; at most 700 million, else
 * WD_ERR_IO with EINVAL); a file that is there keeps what it was made with. WD_ERR_IO, WD_ERR_CORRUPT: only wd_ledger_prepare
 * mends a damaged one.
 */
enum wd_err wd_ledger_open(struct wd_ledger **l, const char *path, uint32_t entries) WD_CHECK;
void wd_ledger_close(struct wd_ledger *l);
/*
 * At start, before any worker: makes a missing file, mends what a kill or a power cut left, resets the lock. A file that is no
 * ledger, or was cut, is WD_ERR_CORRUPT: nobody could say any more what was shown to whom, so it is for a person to remove it.
 * With others attached it leaves all that alone. Reads the whole file: ten million entries take some tenths of a second.
 */
enum wd_err wd_ledger_prepare(const char *path, uint32_t entries, uint64_t now_s) WD_CHECK;
/* As wd_limits_look_again(). */
void wd_ledger_look_again(struct wd_ledger *l);

/* The fingerprint of a value within a scope: two scopes never meet. scope: whose data is told apart, "" for everybody's. */
void wd_ledger_key(uint8_t out[16], const uint8_t secret[32], const char *use, struct wd_span scope, struct wd_span value);
/* The number that stands for a provider or a user: 1 to 2^56 - 1. No other holder may be handed in. */
uint64_t wd_ledger_holder(const uint8_t secret[32], const char *use, struct wd_span name);

/*
 * A step is everything between begin and end: nobody else reads or changes the ledger meanwhile. begin fails when the file is
 * not whole (WD_ERR_CORRUPT) or cannot be locked (WD_ERR_IO).
 */
enum wd_err wd_ledger_begin(struct wd_ledger *l, uint64_t now_s) WD_CHECK;
void wd_ledger_end(struct wd_ledger *l);

/* Within a step: fills in held and owner of each. */
void wd_ledger_look(struct wd_ledger *l, struct wd_holding *h, size_t count, uint64_t holder);
/*
 * Within a step: makes holder the owner of each that is nobody's, and keeps each of its own for keep_s from now. Those of others
 * are left. nonce, not 0, names the taker for wd_ledger_release: no two exchanges in progress may have the same. WD_ERR_FULL (no
 * room in the file or on the disk), WD_ERR_CORRUPT: nothing was taken.
 */
enum wd_err wd_ledger_take(struct wd_ledger *l, struct wd_holding *h, size_t count, uint64_t holder, uint32_t keep_s,
                           uint32_t nonce) WD_CHECK;
/* A step of its own: frees what take took (h as take left it) for this nonce, unless another exchange has taken it since. */
void wd_ledger_release(struct wd_ledger *l, const struct wd_holding *h, size_t count, uint32_t nonce);
/* A step of its own. WD_ERR_NOTFOUND. */
enum wd_err wd_ledger_forget(struct wd_ledger *l, const uint8_t key[16]) WD_CHECK;
/* Forgets everything that fn, called under the lock, says yes to; NULL: everything. *count tells how many. */
enum wd_err wd_ledger_forget_if(struct wd_ledger *l, bool (*fn)(void *ctx, const struct wd_ledger_entry *e), void *ctx,
                                uint64_t *count) WD_CHECK;
/* Calls fn for each entry that has not expired, once and in no order, without the lock; stops when it returns false. */
enum wd_err wd_ledger_list(struct wd_ledger *l, uint64_t now_s, bool (*fn)(void *ctx, const struct wd_ledger_entry *e),
                           void *ctx) WD_CHECK;
/* Entries in use, expired ones among them, and how many there may be. */
void wd_ledger_size(const struct wd_ledger *l, uint64_t *used, uint64_t *max);

/*
 * The filter of values that were named (by a caller's header, or registered), which no rule would find: a set bit says that a
 * named value may begin with a word of that hash, so that a text is compared with fingerprints at few places. Bits are only ever
 * set. One for all scopes. Read without a lock.
 */
#define WD_FILTER_BITS ((uint32_t)1 << 20)
#define WD_FILTER_WORDS_MAX 16 /* words of a named value */
struct wd_filter {
    uint64_t version;                   /* counts the changes; 0: nothing was ever named */
    uint64_t word_counts;               /* bit n: there is a named value of n words */
    uint64_t bits[WD_FILTER_BITS / 64]; /* by the hash of the first word, modulo WD_FILTER_BITS */
};
const struct wd_filter *wd_ledger_filter(const struct wd_ledger *l);
/* Within a step: notes a named value of that many words (1 to WD_FILTER_WORDS_MAX). */
void wd_ledger_name(struct wd_ledger *l, uint32_t first_word_hash, uint32_t words);

#endif
