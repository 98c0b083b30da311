#ifndef WD_CANON_WORDS_H
#define WD_CANON_WORDS_H

#include "../base/span.h"

#include <stdint.h>

/* Common English words, read as they stand, turned by 13 letters, or backwards. */
struct wd_canon_words {
    uint32_t all, plain, turned, backward;
};

struct wd_canon_words wd_canon_count(struct wd_span s);
/* The same of one word of len letters at p, where `room` >= len bytes may be read. */
struct wd_canon_words wd_canon_word(const char *p, size_t len, size_t room);

#endif
