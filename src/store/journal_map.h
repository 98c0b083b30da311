#ifndef WD_JOURNAL_MAP_H
#define WD_JOURNAL_MAP_H

#include <stdint.h>
#include <sys/types.h>

#include "journal_chain.h"

/*
 * DIR/N.open, private to the journal: head, queue of final bodies, slots of exchanges in progress. A slot is given free only
 * after its line is in N.jsonl. Before a write the head says what it will be (pending); so whoever comes after a kill sees from
 * the end of N.jsonl whether it came through, and each exchange has one line. One process writes; the order of its stores is
 * kept, a killed process leaves what it had executed.
 */
#define JOURNAL_MAGIC "WDJOURN1"
#define JOURNAL_SLOTS_MAX 16384
#define JOURNAL_SLOTS_STEP 64
#define JOURNAL_HEAD_BYTES 4096
/* The first half takes bodies; an entry without one (the body in the slot counts) always finds room. */
#define JOURNAL_QUEUE_BYTES ((uint32_t)512 << 10)
#define JOURNAL_QUEUE_BODIES (JOURNAL_QUEUE_BYTES / 2)
#define JOURNAL_BATCH_BYTES ((size_t)256 << 10)

struct journal_head {
    char magic[8];
    uint32_t writers;     /* how many N the folder has had, as far as known here */
    uint32_t slots;       /* that have disk space */
    uint64_t lines;       /* of N.jsonl, written for certain */
    uint64_t queue;       /* bytes done << 32 | bytes used */
    char hash[CHAIN_HEX]; /* of the last line */
    uint64_t size;        /* of N.jsonl */
    /* the write under way */
    uint64_t pending; /* 1: what follows holds */
    uint64_t pending_base, pending_bytes, pending_lines, pending_queue;
    char pending_hash[CHAIN_HEX];
};

struct journal_entry { /* padded to 8 */
    uint32_t slot, len;
    char body[];
};

struct journal_slot {
    uint32_t open, len;
    char body[WD_JOURNAL_OPEN_MAX];
};

_Static_assert(sizeof(struct journal_head) <= JOURNAL_HEAD_BYTES, "one page");
_Static_assert(JOURNAL_QUEUE_BYTES - JOURNAL_QUEUE_BODIES >= JOURNAL_SLOTS_MAX * sizeof(struct journal_entry), "each finds room");

enum { JOURNAL_FREE, JOURNAL_OPEN, JOURNAL_QUEUED };

struct wd_journal {
    struct journal_head *head;
    char *queue;
    struct journal_slot *slots;
    int open_fd, line_fd;
    bool failed; /* the last write did not come through */
    bool cut;    /* somebody made N.open shorter: its memory must not be touched */
    uint32_t busy;
    uint64_t reserved;  /* N.jsonl has disk space up to here */
    uint64_t seen_size; /* of N.jsonl, when looked */
    bool keeps, looked; /* wd_journal_look_again(); a flush looks anyway */
    char prev[CHAIN_HEX];
    uint8_t key[32];
    char *batch;
    uint32_t *free; /* stack of free slots */
    uint32_t free_count;
    uint8_t state[JOURNAL_SLOTS_MAX];
};

#define journal_order() __atomic_signal_fence(__ATOMIC_SEQ_CST)

static inline void
journal_store(uint64_t *to, uint64_t v)
{
    journal_order();
    __atomic_store_n(to, v, __ATOMIC_RELAXED);
    journal_order();
}

static inline size_t
journal_bytes(uint32_t slots)
{
    return JOURNAL_HEAD_BYTES + JOURNAL_QUEUE_BYTES + (size_t)slots * sizeof(struct journal_slot);
}

/* The entry of the queue at this offset, NULL when it cannot be; *next: where the one after it stands. */
const struct journal_entry *journal_entry_at(const struct wd_journal *j, uint32_t at, uint32_t used, uint32_t *next);
/* Looks how a write that was under way ended, and completes or undoes it. */
enum wd_err journal_settle(struct wd_journal *j) WD_CHECK;
/* Queues the body that the slot holds. */
void journal_end_as_begun(struct wd_journal *j, uint32_t slot);
/* Disk space and the free list for JOURNAL_SLOTS_STEP more. */
enum wd_err journal_grow(struct wd_journal *j) WD_CHECK;

#endif
