#ifndef WD_PATTERN_H
#define WD_PATTERN_H

#include "../base/err.h"
#include "../base/span.h"

/*
 * Is this a pattern that a policy may add to the rules? Printable ASCII, at most 512 bytes. Refused, with the reason in what
 * (WD_ERR_SYNTAX): what Vectorscan does not take, what matches the empty text or white space alone, repeats above 1000, and
 * nested repeats or alternatives that make the compiled form larger than 256 KiB. WD_ERR_NOMEM.
 */
enum wd_err wd_pattern_check(struct wd_span pattern, char *what, size_t size) WD_CHECK;

#endif
