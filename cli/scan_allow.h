#ifndef WD_SCAN_ALLOW_H
#define WD_SCAN_ALLOW_H

#include "../src/detect/rules.h"

/* As far before and behind a finding its line is searched for a comment. */
#define SCAN_ALLOW_LOOK 4096

/* False when text holds no comment that allows anything. */
bool scan_allow_possible(struct wd_span text);
/*
 * A line of the finding, at `start` in text and `len` bytes long, holds `warder:allow`, or `warder:allow=LIST` where LIST,
 * with commas between, names its rule or category.
 */
bool scan_allow_is(struct wd_span text, size_t start, size_t len, const struct wd_rule *rule);

#endif
