#ifndef WD_SELECT_H
#define WD_SELECT_H

#include "../src/detect/rules.h"

enum { SELECT_RULES_MAX = 256 };

/* Which rules a command works with: whole categories and single rules. */
struct select {
    bool categories[WD_CATEGORIES];
    const struct wd_rule *rules[SELECT_RULES_MAX];
    size_t count;
};

/*
 * Adds what LIST names, with commas between: categories, and ids of rules when `rules` is set. False, with a message on stderr
 * that starts with the command and the option, when one of them is unknown or there are too many.
 */
bool select_parse(struct select *s, const char *list, bool rules, const char *option);
bool select_wants(const struct select *s, const struct wd_rule *rule);

#endif
