#include "select.h"

#include <stdio.h>

static bool
select_category(struct select *s, struct wd_span name)
{
    for (int c = 0; c < WD_CATEGORIES; c++)
        if (wd_span_eq(name, wd_span_str(wd_category_name((enum wd_category)c))))
            return s->categories[c] = true;
    return false;
}

bool
select_parse(struct select *s, const char *list, bool rules, const char *option)
{
    const struct wd_rule *rule;
    size_t len;

    for (;; list += len + 1) {
        len = strcspn(list, ",");
        if (!select_category(s, wd_span(list, len))) {
            rule = rules ? wd_rule_find(wd_span(list, len)) : NULL;
            if (rule == NULL) {
                fprintf(stderr, "warder: %s: there is no \"%.*s\" (accepted: secret, pii, injection, malicious%s)\n", option,
                        (int)(len < 80 ? len : 80), list, rules ? ", or a rule of `warder rules list`" : "");
                return false;
            }
            if (s->count == SELECT_RULES_MAX) {
                fprintf(stderr, "warder: %s: too many rules (accepted: up to %d)\n", option, SELECT_RULES_MAX);
                return false;
            }
            s->rules[s->count++] = rule;
        }
        if (list[len] == '\0')
            return true;
    }
}

bool
select_wants(const struct select *s, const struct wd_rule *rule)
{
    if (s->categories[rule->category])
        return true;
    for (size_t i = 0; i < s->count; i++)
        if (s->rules[i] == rule)
            return true;
    return false;
}
