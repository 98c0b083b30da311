#ifndef WD_INJECTION_H
#define WD_INJECTION_H

#include "../engine.h"

/*
 * Injection and jailbreak, looked for in a whole text: phrases that have no other use (rules_injection.c), and a linear
 * classifier over words. System text is never looked at.
 */
enum wd_injection_role {
    WD_INJECTION_USER,
    WD_INJECTION_DOCUMENT, /* and tool results: text that should be data */
};

/* By role, 0 to 1: what scores above it is a finding. 0.5 is where the model was measured; more finds less. */
struct wd_injection_thresholds {
    double user, document;
};

#define WD_INJECTION_THRESHOLDS ((struct wd_injection_thresholds){ 0.5, 0.5 })

struct wd_injection_result {
    const struct wd_rule *rule; /* NULL: nothing was found */
    double score;               /* 0 to 1, also when nothing was found */
    size_t start, end;          /* bytes of the text: the phrase, or the window that scored worst */
};

/*
 * Text is any bytes, meant to be UTF-8, of any length; time is linear in it. Reads neither actions nor findings of the scan:
 * what follows from the result is the caller's.
 */
enum wd_err wd_injection_scan(const struct wd_scan *scan, enum wd_injection_role role, const struct wd_injection_thresholds *t,
                              struct wd_span text, struct wd_injection_result *out) WD_CHECK;

/* What an engine holds for it. */
struct wd_injection;
struct hs_scratch;

struct hs_database;

/* phrases: as wd_injection_phrases_new() makes them; borrowed. */
enum wd_err wd_injection_new(struct wd_injection **injection, const struct hs_database *phrases) WD_CHECK;
void wd_injection_free(struct wd_injection *injection);
/* Makes the scratch fit for it. */
enum wd_err wd_injection_prepare(const struct wd_injection *injection, struct hs_scratch **scratch) WD_CHECK;

#endif
