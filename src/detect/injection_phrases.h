#ifndef WD_INJECTION_PHRASES_H
#define WD_INJECTION_PHRASES_H

#include "injection.h"

/* The phrases of rules_injection.c, compiled. */
struct wd_injection_phrases {
    struct hs_database *look, *find; /* is there one? where does it start? */
};

enum wd_err wd_injection_phrases_init(struct wd_injection_phrases *p) WD_CHECK;
void wd_injection_phrases_deinit(struct wd_injection_phrases *p);
enum wd_err wd_injection_phrases_prepare(const struct wd_injection_phrases *p, struct hs_scratch **scratch) WD_CHECK;
/* The first phrase of the text: out->rule is NULL when there is none. */
enum wd_err wd_injection_phrases_find(const struct wd_injection_phrases *p, struct hs_scratch *scratch, struct wd_span text,
                                      struct wd_injection_result *out) WD_CHECK;

#endif
