#ifndef WD_INJECTION_GATE_H
#define WD_INJECTION_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "../../base/span.h"

/*
 * The cheap first stage of the classifier: one small table of weights by word, summed over the same windows as in
 * injection_model.h. What it lets through is read properly; nearly all text is not.
 */
enum { WD_INJECTION_GATE_BITS = 14, WD_INJECTION_GATE_SIZE = 1 << WD_INJECTION_GATE_BITS };

struct wd_injection_gate {
    const int8_t *weights;
    int32_t near, far; /* added to the sum of a window; above 0 it is suspect */
};

/* The words of a text as the gate knows them: runs of letters, digits and bytes above ASCII, by their first eight bytes. */
struct wd_injection_gate_words {
    const uint8_t *begin, *at, *end; /* at: the block of 64 bytes that mask is of */
    uint64_t mask, next;             /* a bit for each byte that belongs to a word: of the block, of the one behind it */
    uint64_t starts;                 /* a bit for each word of the block that is not done yet */
    uint64_t bits;                   /* a bit for each byte of the word, up to 64 */
    size_t start, after;             /* the word */
    uint32_t slot;                   /* its place in the table */
    bool alone;                      /* of a script without blanks, which the gate cannot read */
};

void wd_injection_gate_words_init(struct wd_injection_gate_words *w, struct wd_span text);
bool wd_injection_gate_words_next(struct wd_injection_gate_words *w);

/*
 * The first suspect stretch of the text at or behind *from, with some words around it; *from moves behind it. False when there
 * is none up to the end.
 */
bool wd_injection_gate_next(const struct wd_injection_gate *gate, struct wd_span text, size_t *from, struct wd_span *suspect);

#endif
