#ifndef WD_RULES_EXAMPLE_H
#define WD_RULES_EXAMPLE_H

#include "scan_text.h"

/*
 * Makes up a text that the rule finds something in, from its pattern and shape, and lets the detectors confirm it. The same one
 * every time; no key that anybody gave out. False when none comes out.
 */
bool rules_example(const struct wd_rule *rule, struct scan_text *text, struct wd_buf *out);

/* All that the detectors find in a whole text; the caller frees found->items. False when memory is out. */
bool rules_find(struct scan_text *text, struct wd_span what, struct scan_found *found);

#endif
