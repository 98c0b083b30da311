#ifndef WD_SCAN_PLACE_H
#define WD_SCAN_PLACE_H

#include <stddef.h>
#include <stdint.h>

/*
 * Where a byte stands. Lines end in LF and count from 1; columns count characters from 1: every byte that does not continue a
 * UTF-8 character is one, so that text in other encodings has columns too.
 */
struct scan_place {
    uint64_t offset, line, column;
};

#define SCAN_PLACE_START ((struct scan_place){ 0, 1, 1 })

/* The place behind the next n bytes. */
void scan_place_advance(struct scan_place *at, const char *bytes, size_t n);
/* Characters in n bytes. */
uint64_t scan_place_characters(const char *bytes, size_t n);

#endif
