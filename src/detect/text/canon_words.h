#ifndef WD_CANON_WORDS_H
#define WD_CANON_WORDS_H

#include "../../base/span.h"

#include <stdint.h>

/* Common English words, read as they stand, turned by 13 letters, or backwards. */
struct wd_canon_words {
    uint32_t all, plain, turned, backward;
};

struct wd_canon_words wd_canon_count(struct wd_span s);
/* The same of one word of len letters at p, where `room` >= len bytes may be read. odd: not whether it is one as it stands. */
struct wd_canon_words wd_canon_word(const char *p, size_t len, size_t room, bool odd);

/*
 * Counts words, all, turned and backward, in 64 bytes at p, of which those are letters that `letters` has a bit for, the first
 * one the lowest; 72 bytes may be read. Returns where the word starts that goes on behind them, 64 when none does.
 */
unsigned wd_canon_block_words(const char *p, uint64_t letters, struct wd_canon_words *sum);

#endif
