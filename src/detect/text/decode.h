#ifndef WD_DECODE_H
#define WD_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../base/span.h"

/* Text that stands in a text under another notation. What comes out as anything but text is none. */
enum wd_decode_kind {
    WD_DECODE_NONE,
    WD_DECODE_BASE64, /* RFC 4648, both alphabets, with and without padding */
    WD_DECODE_HEX,
    WD_DECODE_BITS, /* groups of eight 0 and 1 */
    WD_DECODE_PERCENT,
};

/* What stretches may look like. */
enum {
    WD_DECODE_TOKENS = 0,
    WD_DECODE_LOOSE = 1, /* with line breaks in base64, and blanks, commas, colons, \x or 0x between hex pairs */
};

enum {
    WD_DECODE_MIN = 16,        /* characters of a stretch */
    WD_DECODE_MAX = 64 * 1024, /* of a longer one this much is decoded */
    WD_DECODE_DEPTH = 3,       /* encodings in each other that are undone */
};

struct wd_decode_stretch {
    enum wd_decode_kind kind;
    size_t from, to;
};

/* The next stretch at or after `at` that may be encoded text; false when there is none. Linear over calls that pass s->to. */
bool wd_decode_next(struct wd_span text, size_t at, unsigned how, struct wd_decode_stretch *s);

/*
 * Decodes a stretch into out, which has room for size bytes; decodes no more than fits. Returns the bytes written, 0 when
 * the result is not text (most of it printable, well-formed UTF-8). UTF-16 of ASCII comes out as ASCII. *kind: how it was read.
 */
size_t wd_decode_stretch(struct wd_span text, const struct wd_decode_stretch *s, char *out, size_t size);

/* True when there is a stretch that wd_decode_stretch() reads, judged by its start; cheap. */
bool wd_decode_likely(struct wd_span text, unsigned how);

/*
 * The token around the first percent-encoded character (RFC 3986) at or after `at`; false when there is none. Linear over calls
 * that pass s->to.
 */
bool wd_decode_next_percent(struct wd_span text, size_t at, struct wd_decode_stretch *s);
/*
 * Its characters with %XX undone into out, and into map, when it is not NULL, where in the text each comes from; both have
 * room for size. Returns how many there are.
 */
size_t wd_decode_percent(struct wd_span text, const struct wd_decode_stretch *s, char *out, uint32_t *map, size_t size);

/* The byte that two hex digits at p are, -1 when they are none. */
int wd_decode_hex_pair(const char *p);

#endif
