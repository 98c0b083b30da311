#ifndef WD_KEYED_H
#define WD_KEYED_H

#include <stdint.h>

#include "../base/span.h"

/*
 * 128 bits that stand for the three together, under the key: no two lists of names read alike, and without the key nobody can
 * say what stands behind one. use: constant text that keeps uses apart.
 */
void wd_keyed(uint8_t out[16], const uint8_t secret[32], const char *use, struct wd_span a, struct wd_span b);

#endif
