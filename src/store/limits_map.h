#ifndef WD_LIMITS_MAP_H
#define WD_LIMITS_MAP_H

#include <pthread.h>
#include <stdint.h>

#include "limits.h"
#include "mapped.h"

/*
 * The file that limits.c works on, private to the two. Header, a bit per counter in use, counters, a bit per block
 * (repair only), blocks of 32 words. A counter is found at hash(key) or one of the places after it. Every store that matters is
 * one aligned word and stands in an order in which a kill between any two leaves more counted, never less;
 * what is then untidy (a block that nobody owns) is mended by limits_repair(). No index from the file is used unchecked.
 */
#define LIMITS_PROBE 32
#define LIMITS_SLOTS 32 /* words a block */
#define LIMITS_TABLE 32 /* blocks a counter: a log of 1,024 */
#define LIMITS_LOG (LIMITS_SLOTS * LIMITS_TABLE)
#define LIMITS_EXACT_MAX 1000 /* above: slices */
#define LIMITS_SLICES 64

enum limits_kind {
    LIMITS_KIND_LOG = 1,    /* words: times, oldest first, from `start` around a ring */
    LIMITS_KIND_SLICES = 2, /* words: number of the slice << 32 | count; slice k stands at k mod 65 */
    LIMITS_KIND_BUSY = 3,   /* between two of them */
    LIMITS_KIND_TOKENS = 4, /* pairs of words: number of the slice, amount; slice k stands at pair k mod 65 */
    LIMITS_KIND_USD = 5,    /* the same in micro-dollars */
};

struct limits_counter {
    uint8_t key[16];
    uint64_t ring;      /* log: start << 32 | count */
    uint64_t newest_us; /* no entry is later */
    uint64_t keep_us;   /* entries older than this are of no use: the longest window asked for */
    uint16_t kind;
    uint16_t group; /* of rank 0: wd_limit.group that its fellows were last made for */
    uint32_t slice_window_s;
    uint32_t table[LIMITS_TABLE]; /* block + 1, 0: none */
    uint64_t hidden, hidden_us;   /* log: how many it had no room for, and the latest of them: for larger limits to come */
};
_Static_assert(sizeof(struct limits_counter) == 192, "three cache lines");

struct limits_header {
    char magic[8];
    uint64_t bytes;
    uint32_t counters, blocks;
    uint64_t clock_offset_us; /* file time = monotonic + offset, modulo 2^64 */
    uint64_t last_us;         /* latest file time seen: never runs backwards */
    uint64_t last_mono_us, wall_offset_us;
    uint32_t dirty;     /* inside a critical section */
    uint32_t free_head; /* block + 1 */
    uint32_t fresh;     /* blocks from here on were never used */
    uint32_t backed;    /* blocks below have disk space: a hole on a full disk is SIGBUS */
    uint32_t sweep;     /* where to look for dead counters next */
    pthread_mutex_t lock __attribute__((aligned(64)));
};

struct wd_limits {
    struct limits_header *header;
    uint64_t *used; /* bit per counter */
    struct limits_counter *counters;
    uint64_t *marks; /* bit per block */
    uint64_t *blocks;
    uint32_t counter_count, block_count;
    size_t bytes;
    int fd;
    bool keeps, looked; /* wd_limits_look_again() */
};

#define limits_order() wd_mapped_order()

static inline void
limits_store(uint64_t *to, uint64_t v)
{
    limits_order();
    __atomic_store_n(to, v, __ATOMIC_RELAXED);
    limits_order();
}

enum wd_err limits_lock(struct wd_limits *l) WD_CHECK;
void limits_unlock(struct wd_limits *l);
void limits_repair(struct wd_limits *l);

static inline bool
limits_used(const struct wd_limits *l, uint32_t i)
{
    return (l->used[i / 64] >> (i % 64) & 1) != 0;
}

/* The words of block `ref` (block + 1); NULL for none and for what cannot be. */
static inline uint64_t *
limits_block(const struct wd_limits *l, uint32_t ref)
{
    return ref == 0 || ref > l->block_count ? NULL : l->blocks + (size_t)(ref - 1) * LIMITS_SLOTS;
}

/* A zeroed block + 1, or 0 when there is none. */
uint32_t limits_block_take(struct wd_limits *l);
void limits_block_free(struct wd_limits *l, uint32_t *ref);
/* Frees all blocks of a counter and then its place. */
void limits_counter_free(struct wd_limits *l, uint32_t i);

#endif
