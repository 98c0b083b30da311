#ifndef WD_INJECTION_PHRASES_H
#define WD_INJECTION_PHRASES_H

#include "injection.h"

/* The phrases of rules_injection.c, compiled. */
struct hs_database;

/* No phrase is longer, in bytes: words of a pattern that stand further apart have nothing to do with each other. */
enum { WD_INJECTION_PHRASE_LONGEST = 240 };

enum wd_err wd_injection_phrases_new(struct hs_database **phrases) WD_CHECK;
void wd_injection_phrases_free(struct hs_database *phrases);
/*
 * The first phrase of the text whose rule is not off for the scan: out->rule is NULL when there is none. Time is linear in the
 * text, whatever it holds. WD_ERR_LIMIT above 4 GiB, WD_ERR_NOMEM when Vectorscan fails.
 */
enum wd_err wd_injection_phrases_find(const struct hs_database *phrases, const struct wd_scan *scan, struct wd_span text,
                                      struct wd_injection_result *out) WD_CHECK;

#endif
