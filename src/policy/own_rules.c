/* Rules of the policy's own, and what it takes away: `rules`. */
#include <stdio.h>

#include "load.h"

/* Words are looked for, not read: no copy of the table's ids is kept here. */
bool
wd_own_rules_name(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

    return len > 0 && len <= 64 && name[len] == '\0' && name[0] >= 'a' && name[0] <= 'z' &&
           wd_rule_find(wd_span_str(name)) == NULL;
}

/* "a|b|c" in the arena; NULL for an empty list, or when memory is out (*err). */
static const char *
own_rules_words(struct wd_policy *policy, const struct wd_strings *list, enum wd_err *err)
{
    size_t len = 0;
    char *words, *to;

    if (list->count == 0)
        return NULL;
    for (uint32_t i = 0; i < list->count; i++)
        len += strlen(list->items[i]) + 1;
    words = wd_arena_alloc(&policy->arena, len);
    if (words == NULL) {
        *err = WD_ERR_NOMEM;
        return NULL;
    }
    to = stpcpy(words, list->items[0]);
    for (uint32_t i = 1; i < list->count; i++) {
        *to++ = '|';
        to = stpcpy(to, list->items[i]);
    }
    return words;
}

static enum wd_err
own_rules_add(struct wd_policy *policy)
{
    struct wd_rule *rows = wd_arena_alloc(&policy->arena, policy->own_rule_count * sizeof(*rows) + 1);
    enum wd_err err = WD_OK;

    if (rows == NULL)
        return WD_ERR_NOMEM;
    for (uint32_t i = 0; i < policy->own_rule_count; i++) {
        const struct wd_own_rule *own = &policy->own_rules[i];

        rows[i] = (struct wd_rule){
            .id = own->id,
            .kind = own->kind,
            .category = (uint8_t)own->category,
            .severity = (uint8_t)own->severity,
            .directions = own->directions != 0 ? (uint8_t)own->directions : WD_INPUT | WD_OUTPUT,
            .shape = WD_SHAPE_WORD,
            .glued = 1,
            .pattern = own->pattern,
            .needs = "",
            .context = own_rules_words(policy, &own->context, &err),
            .stop = own_rules_words(policy, &own->stop, &err),
            .source = "the policy",
        };
    }
    policy->rules.more = rows;
    policy->rules.more_count = policy->own_rule_count;
    return err;
}

static bool
own_rules_known(const struct wd_policy *policy, const char *id)
{
    const struct wd_rule *rule = wd_rule_find(wd_span_str(id));

    for (uint32_t i = 0; rule == NULL && i < policy->own_rule_count; i++)
        if (strcmp(policy->own_rules[i].id, id) == 0)
            return true;
    return rule != NULL && rule != &wd_rule_own;
}

enum wd_err
wd_own_rules_finish(struct wd_load *load)
{
    struct wd_policy *policy = load->policy;
    char what[128];

    for (uint32_t i = 0; i < policy->rules_off.count; i++) {
        if (own_rules_known(policy, policy->rules_off.items[i]))
            continue;
        snprintf(what, sizeof(what), "names %s, which is no rule", wd_yaml_shown(policy->rules_off.items[i]));
        return wd_load_fail(load, WD_ERR_NOTFOUND, "rules.off", what, "ids that `warder rules list` prints");
    }
    for (uint32_t i = 0; i < policy->rules_allow.count; i++)
        if (strspn(policy->rules_allow.items[i], "*?") == strlen(policy->rules_allow.items[i]))
            return wd_load_fail(load, WD_ERR_RANGE, "rules.allow", "allows everything", "values with a character of their own");
    policy->rules.off = (const char *const *)policy->rules_off.items;
    policy->rules.off_count = policy->rules_off.count;
    policy->rules.allow = (const char *const *)policy->rules_allow.items;
    policy->rules.allow_count = policy->rules_allow.count;
    return own_rules_add(policy);
}
