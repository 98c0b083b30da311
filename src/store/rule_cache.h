#ifndef WD_RULE_CACHE_H
#define WD_RULE_CACHE_H

#include "../detect/engine.h"

/*
 * An engine by way of a folder that keeps its compiled form, rules-DIGEST.cache. A compiled form is code in all but name: it is
 * read only when folder and file belong to this user and nobody else can write them. Whatever is wrong with it, the rules are
 * compiled, and the result is written for the next start; what cannot be written is not an error. folder NULL: compile.
 * Files of other rules in the folder are removed when a new one is written. Errors as wd_engine_new().
 */
enum wd_err wd_rule_cache_open(struct wd_engine **engine, const struct wd_ruleset *set, const char *folder) WD_CHECK;

#endif
