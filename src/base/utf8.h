#ifndef WD_UTF8_H
#define WD_UTF8_H

#include <stdint.h>

#include "span.h"

/* True when s is well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF). */
bool wd_utf8_valid(struct wd_span s);
/* Unicode characters in well-formed UTF-8. */
size_t wd_utf8_count(struct wd_span s);
/* Writes cp (a Unicode scalar value) to out; returns 1 to 4 bytes. */
size_t wd_utf8_encode(uint32_t cp, char out[4]);
/* Reads the character at the start of s into *cp; returns its 1 to 4 bytes, 0 when ill-formed, cut off or s is empty. */
static inline size_t
wd_utf8_decode(struct wd_span s, uint32_t *cp)
{
    const unsigned char *p = (const unsigned char *)s.ptr;
    uint32_t c;

    if (s.len == 0)
        return 0;
    c = p[0];
    if (c < 0x80) {
        *cp = c;
        return 1;
    }
    if (c < 0xe0) {
        if (c < 0xc2 || s.len < 2 || (p[1] & 0xc0) != 0x80)
            return 0;
        *cp = (c & 0x1f) << 6 | (p[1] & 0x3fu);
        return 2;
    }
    if (c < 0xf0) {
        if (s.len < 3 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80)
            return 0;
        c = (c & 0x0f) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
        *cp = c;
        return c < 0x800 || (c & 0xf800) == 0xd800 ? 0 : 3;
    }
    if (c > 0xf4 || s.len < 4 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80 || (p[3] & 0xc0) != 0x80)
        return 0;
    c = (c & 0x07) << 18 | (p[1] & 0x3fu) << 12 | (p[2] & 0x3fu) << 6 | (p[3] & 0x3fu);
    *cp = c;
    return c < 0x10000 || c > 0x10ffff ? 0 : 4;
}

#endif
