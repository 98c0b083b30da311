#ifndef BENCH_STAMP_H
#define BENCH_STAMP_H

#include <stdint.h>

/*
 * The text of an event: a space, when it was sent (CLOCK_MONOTONIC ns in letters: digits would be looked at as a card number),
 * and more words. The stamp is a finished word, since a space follows in the same event; the last word is not.
 */

#define STAMP_LETTERS 14
#define STAMP_WORDS " the tide turns at noon in the harbour"
#define STAMP_TEXT (1 + STAMP_LETTERS + sizeof(STAMP_WORDS) - 1) /* bytes of text an event */

static inline void
stamp_write(char out[STAMP_LETTERS + 1], uint64_t ns)
{
    out[STAMP_LETTERS] = '\0';
    for (int i = STAMP_LETTERS - 1; i >= 0; i--, ns /= 26)
        out[i] = (char)('a' + ns % 26);
}

#endif
