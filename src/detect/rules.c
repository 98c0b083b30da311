#include "rules.h"

#include "text/chars.h"

static const struct wd_rule_table *const rules_tables[] = { &wd_rules_key, &wd_rules_secret, &wd_rules_pii, &wd_rules_malicious,
                                                            &wd_rules_hidden };

const struct wd_rule *
wd_rule_at(size_t i)
{
    size_t t;

    for (t = 0; t < sizeof(rules_tables) / sizeof(rules_tables[0]); t++) {
        if (i < rules_tables[t]->count)
            return &rules_tables[t]->rows[i];
        i -= rules_tables[t]->count;
    }
    return NULL;
}

const struct wd_rule *
wd_rule_listed(size_t i)
{
    size_t pieces = wd_rule_count();

    if (i < pieces)
        return wd_rule_at(i);
    i -= pieces;
    if (i < wd_rules_injection.count)
        return &wd_rules_injection.rows[i];
    return i == wd_rules_injection.count ? &wd_rule_injection_classifier : NULL;
}

size_t
wd_rule_count(void)
{
    size_t t, n = 0;

    for (t = 0; t < sizeof(rules_tables) / sizeof(rules_tables[0]); t++)
        n += rules_tables[t]->count;
    return n;
}

const struct wd_rule wd_rule_own = {
    .id = "gateway-key",
    .kind = "api-key",
    .category = WD_SECRET,
    .severity = WD_CRITICAL,
    .directions = WD_INPUT | WD_OUTPUT,
    .shape = WD_SHAPE_OWN,
};

/* Names end in one of these, in any letter case. A name without a rule is only waited for: another word may make it one. */
static const struct {
    const char *word, *rule;
} rules_names[] = {
    { "password", "password" },
    { "passwd", "password" },
    { "passphrase", "password" },
    { "passwort", "password" },
    { "pwd", "password" },
    { "secret", "assigned-secret" },
    { "token", "assigned-secret" },
    { "apikey", "assigned-secret" },
    { "api_key", "assigned-secret" },
    { "api-key", "assigned-secret" },
    { "accesskey", "assigned-secret" },
    { "access_key", "assigned-secret" },
    { "access-key", "assigned-secret" },
    { "secretkey", "assigned-secret" },
    { "secret_key", "assigned-secret" },
    { "secret-key", "assigned-secret" },
    { "privatekey", "assigned-secret" },
    { "private_key", "assigned-secret" },
    { "authkey", "assigned-secret" },
    { "auth_key", "assigned-secret" },
    { "auth-key", "assigned-secret" },
    { "private-key", "assigned-secret" },
    { "accountkey", "assigned-secret" },
    { "account_key", "assigned-secret" },
    { "credential", "assigned-secret" },
    { "credentials", "assigned-secret" },
    { "accesssignature", "assigned-secret" },
    { "_auth", "assigned-secret" },
    { "passcode", "password" },
    { "kennwort", "password" },
    { "senha", "password" },
    { "_pass", "password" },
    { "-pass", "password" },
    { "_pw", "password" },
    { "-u", NULL },
    { "-user", NULL },
    { "basic", NULL },
    { "bearer", NULL },
    { "key", NULL },
};

static bool
rules_ends_with(struct wd_span s, const char *word)
{
    size_t i, len = strlen(word);

    if (s.len < len)
        return false;
    for (i = 0; i < len; i++)
        if (wd_char_lower((uint8_t)s.ptr[s.len - len + i]) != (uint8_t)word[i])
            return false;
    return true;
}

const struct wd_rule *
wd_rule_find(struct wd_span id)
{
    const struct wd_rule *rule;
    size_t i;

    for (i = 0; (rule = wd_rule_at(i)) != NULL; i++)
        if (wd_span_eq(id, wd_span_str(rule->id)))
            return rule;
    for (i = 0; i < wd_rules_injection.count; i++)
        if (wd_span_eq(id, wd_span_str(wd_rules_injection.rows[i].id)))
            return &wd_rules_injection.rows[i];
    if (wd_span_eq(id, wd_span_str(wd_rule_injection_classifier.id)))
        return &wd_rule_injection_classifier;
    return wd_span_eq(id, wd_span_str(wd_rule_own.id)) ? &wd_rule_own : NULL;
}

bool
wd_rule_name_is_other(struct wd_span name)
{
    static const char *const others[] = {
        "pagetoken",   "page_token",   "page-token", "nexttoken",  "next_token", "continuationtoken", "continuation_token",
        "publictoken", "public_token", "publickey",  "public_key", "public-key", "synctoken",         "sync_token",
        "maxtoken",    "max_token",    "bos_token",  "eos_token",  "pad_token",  "unk_token",         "stop_token",
    };
    size_t i;

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (rules_ends_with(name, others[i]))
            return true;
    return false;
}

const struct wd_rule *
wd_rule_for_name(struct wd_span name)
{
    size_t i;

    for (i = 0; i < sizeof(rules_names) / sizeof(rules_names[0]) && !wd_rule_name_is_other(name); i++)
        if (rules_names[i].rule != NULL && rules_ends_with(name, rules_names[i].word))
            return wd_rule_find(wd_span_str(rules_names[i].rule));
    return NULL;
}

bool
wd_rule_name_ends(struct wd_span s)
{
    /* Asked for every word of a text: what stands before the last letter of the names above. */
    static const char ends[26][3][3] = {
        ['a' - 'a'] = { "nh" },
        ['c' - 'a'] = { "si" },
        ['d' - 'a'] = { "or", "sw", "pw" },
        ['e' - 'a'] = { "as", "ur", "od" },
        ['h' - 'a'] = { "ut" },
        ['l' - 'a'] = { "ia" },
        ['n' - 'a'] = { "ke" },
        ['r' - 'a'] = { "se", "re" },
        ['s' - 'a'] = { "al", "as" },
        ['t' - 'a'] = { "or", "re" },
        ['w' - 'a'] = { "_p" },
        ['y' - 'a'] = { "ke" },
    };
    uint8_t last, b, c;
    size_t i;
    bool may;

    if (s.len < 2 || !wd_char_is((uint8_t)s.ptr[s.len - 1], WD_CH_ALPHA))
        return false;
    last = wd_char_lower((uint8_t)s.ptr[s.len - 1]);
    b = wd_char_lower((uint8_t)s.ptr[s.len - 2]);
    c = s.len > 2 ? wd_char_lower((uint8_t)s.ptr[s.len - 3]) : 0;
    may = b == '-' && (s.len == 2 ? last : (uint8_t)s.ptr[s.len - 1]) == 'u';
    for (i = 0; i < 3 && !may; i++)
        may = b == (uint8_t)ends[last - 'a'][i][1] && c == (uint8_t)ends[last - 'a'][i][0];
    for (i = 0; may && i < sizeof(rules_names) / sizeof(rules_names[0]); i++)
        if (rules_ends_with(s, rules_names[i].word))
            return true;
    return false;
}

const char *
wd_category_name(enum wd_category c)
{
    static const char *const names[] = { "secret", "pii", "injection", "malicious" };

    return names[c];
}

const char *
wd_severity_name(enum wd_severity s)
{
    static const char *const names[] = { "low", "medium", "high", "critical" };

    return names[s];
}

const char *
wd_action_name(enum wd_action a)
{
    static const char *const names[] = { "off", "watch", "flag", "redact", "refuse" };

    return names[a];
}
