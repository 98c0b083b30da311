#ifndef WD_SANITIZE_H
#define WD_SANITIZE_H

#include "../base/buf.h"
#include "../policy/policy.h"

/*
 * Rewrites a text for the provider that is about to read it: openai: the marker
 * [SYSTEM] becomes [INSTRUCTION]; anthropic: a "Human:" turn marker at the start of a line
 * becomes "User:"; google: HTML tags are removed, "a < b" and vector<int> stay.
 * Letter case of markers is ignored. Appends to out and sets *changed; when nothing
 * changes nothing is appended. WD_ERR_NOMEM, WD_ERR_LIMIT.
 */
enum wd_err wd_sanitize(enum wd_format format, struct wd_span text, struct wd_buf *out, bool *changed) WD_CHECK;

#endif
