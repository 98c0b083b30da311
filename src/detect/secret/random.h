#ifndef WD_RANDOM_H
#define WD_RANDOM_H

#include "../../base/span.h"

/*
 * How much a row of characters looks as if it had been drawn by lot rather than written: the sum over its pairs of
 * neighbours, in tenths of a nat, of how much likelier the pair is in a generated key than in words, names and numbers. Of a
 * long row the best part counts, so that a name before a key takes nothing away. About 0 for words, above 40 for keys of 16
 * characters and more.
 */
int wd_random_score(struct wd_span s);

#endif
