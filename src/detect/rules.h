#ifndef WD_RULES_H
#define WD_RULES_H

#include <stddef.h>
#include <stdint.h>

#include "../base/span.h"

enum wd_category { WD_SECRET, WD_PII, WD_INJECTION, WD_MALICIOUS, WD_CATEGORIES };
enum wd_severity { WD_LOW, WD_MEDIUM, WD_HIGH, WD_CRITICAL };
enum wd_direction { WD_INPUT = 1, WD_OUTPUT = 2 };
/* What the policy does with a finding. */
enum wd_action { WD_OFF, WD_FLAG, WD_REDACT, WD_REFUSE };

const char *wd_category_name(enum wd_category c); /* "secret" */
const char *wd_severity_name(enum wd_severity s); /* "high" */
const char *wd_action_name(enum wd_action a);     /* "redact" */

#endif
