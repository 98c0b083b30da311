#ifndef WD_NEARBY_H
#define WD_NEARBY_H

#include <stdbool.h>
#include <stdint.h>

#include "../../base/span.h"

/* How far before its value a word may stand, in characters: the further away, the surer the value must look. */
enum { WD_NEARBY_CLOSE = 32, WD_NEARBY_MIDDLE = 56, WD_NEARBY_FAR = 96, WD_NEARBY_WORD_MAX = 24 };

/*
 * Does the text before a value call it a secret? True when the last word that says so ("token", "Bearer", apiKey) ends within
 * the last `reach` characters, and no word that says what else it is ("commit", "digest", traceId) stands behind it.
 */
bool wd_nearby_secret(struct wd_span before, size_t reach);
/* Where the last word of a secret ends, whatever stands behind it; 0 when there is none. */
size_t wd_nearby_last(struct wd_span s);

#endif
