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

#endif
