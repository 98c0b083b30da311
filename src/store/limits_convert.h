#ifndef WD_LIMITS_CONVERT_H
#define WD_LIMITS_CONVERT_H

#include "limits_map.h"

/* Counters in another form: after a reload a limit may want another kind, or other slices. Private to the limits; under the lock.
 */

enum limits_kind limits_kind_for(const struct wd_limit *limit);
/*
 * Makes c what the limit wants, out of what *from counted (c itself, or one that counted the same over a longer window), rounded
 * against the caller. The new state is built beside the old one; while the two are swapped the counter is marked, and a kill in
 * between makes it refuse for a window.
 */
enum wd_err limits_convert(struct wd_limits *l, struct limits_counter *c, const struct limits_counter *from,
                           const struct wd_limit *limit, uint64_t now) WD_CHECK;

#endif
