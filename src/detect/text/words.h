#ifndef WD_WORDS_H
#define WD_WORDS_H

#include <stdint.h>

#include "../../base/arena.h"

/*
 * A text as words that can be compared: runs of letters, digits and bytes above ASCII, letter case and marks folded, look-alikes
 * and forms of ASCII as ASCII, what shows nothing left out, JSON escapes at whatever depth undone. Each character by itself, so
 * that the same word is the same wherever it stands.
 */
struct wd_words {
    const uint8_t *chars; /* to be read through wd_words_fold */
    const uint32_t *offs; /* count + 1: where each stands in the text; NULL: at its own place */
    size_t count;
};

/* A character of a word in lower case, 0 for what is between words. */
extern const uint8_t wd_words_fold[256];

/* Borrows text when it is ASCII without escapes; otherwise in the arena. WD_ERR_NOMEM. At most 2^32 - 1 bytes. */
enum wd_err wd_words_read(struct wd_words *w, struct wd_span text, struct wd_arena *arena) WD_CHECK;

static inline size_t
wd_words_at(const struct wd_words *w, size_t i)
{
    return w->offs != NULL ? w->offs[i] : i;
}

#endif
