#ifndef WD_SCAN_EXAMPLE_H
#define WD_SCAN_EXAMPLE_H

#include "../src/detect/rules.h"

/* The value is a documented example: it opens nothing and names nobody. Of a long value its start may be given instead. */
bool scan_example_is(const struct wd_rule *rule, struct wd_span value);

#endif
