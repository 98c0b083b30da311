#include "rules.h"

#include "chars.h"
#include "validate.h"

/* Between a name and its value: white space, quotes at any depth of escaping, emphasis. */
#define GLUE "(?:[ \\t\"'`*\\x01\\\\]|\\\\t)*"
#define GAP "(?:\\s|\\\\+[fnrt])*"
#define BOTH (WD_INPUT | WD_OUTPUT)

#define KEY(id_, class_, min_, max_, pattern_, needs_, valid_)                                                                   \
    {                                                                                                                            \
        .id = (id_), .kind = "api-key", .category = WD_SECRET, .severity = WD_CRITICAL, .directions = BOTH,                      \
        .shape = WD_SHAPE_RUN, .value = (class_), .min = (min_), .max = (max_), .pattern = (pattern_), .needs = (needs_),        \
        .valid = (valid_)                                                                                                        \
    }
#define ASSIGNED(id_, kind_, severity_, names_, valid_)                                                                          \
    {                                                                                                                            \
        .id = (id_), .kind = (kind_), .category = WD_SECRET, .severity = (severity_), .directions = BOTH,                        \
        .shape = WD_SHAPE_ASSIGNED, .glued = 1, .pattern = "(?i)(?:" names_ ")" GLUE "[:=]", .needs = ":=", .valid = (valid_)    \
    }
#define SCRIPT(id_, kind_, shape_, glued_, pattern_, needs_)                                                                     \
    {                                                                                                                            \
        .id = (id_), .kind = (kind_), .category = WD_MALICIOUS, .severity = WD_HIGH, .directions = BOTH, .shape = (shape_),      \
        .glued = (glued_), .pattern = (pattern_), .needs = (needs_)                                                              \
    }

/* clang-format off */
const struct wd_rule wd_rules[] = {
    KEY("openai-key", WD_CH_KEY, 23, 0, "sk-[A-Za-z0-9_-]{20}", "-", wd_valid_openai_key),
    KEY("anthropic-key", WD_CH_KEY, 24, 0, "sk-ant-[A-Za-z0-9_-]{17}", "-", wd_valid_key),
    KEY("google-key", WD_CH_KEY, 39, 0, "AIza[A-Za-z0-9_-]{35}", "", NULL),
    KEY("aws-access-key", WD_CH_ALNUM, 20, 20, "(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}", "", NULL),
    ASSIGNED("aws-secret-key", "api-key", WD_CRITICAL, "aws_?(?:secret)?_?(?:access)?_?key|secret_?access_?key",
             wd_valid_aws_secret),
    KEY("github-token", WD_CH_ALNUM, 40, 255, "gh[pousr]_[A-Za-z0-9]{36}", "_", NULL),
    KEY("github-fine-grained-token", WD_CH_KEY, 60, 255, "github_pat_[A-Za-z0-9_]{49}", "_", NULL),
    KEY("gitlab-token", WD_CH_DOTTED, 24, 0,
        "gl(?:pat|ptt|dt|rt|rtr|cbt|ft|imt|soat|agent|oas|ffct)-[A-Za-z0-9_-]{20}", "-", wd_valid_key),
    KEY("gitlab-runner-token", WD_CH_KEY, 29, 0, "GR1348941[A-Za-z0-9_-]{20}", "", NULL),
    KEY("slack-token", WD_CH_KEY, 20, 0, "(?:xox[abeoprs]|xapp)-[A-Za-z0-9-]{15}", "-", wd_valid_key),
    KEY("slack-webhook", WD_CH_KEY | WD_CH_SIGN, 43, 0,
        "hooks\\.slack\\.com/(?:services|workflows|triggers)/[A-Za-z0-9/]{18}", "/", NULL),
    KEY("stripe-key", WD_CH_KEY, 18, 0, "[rs\\r]k_(?:live|test|prod)_[A-Za-z0-9]{10}", "_", wd_valid_key),
    KEY("stripe-webhook-secret", WD_CH_BASE64, 38, 0, "whsec_[A-Za-z0-9+/]{32}", "_", wd_valid_key),
    KEY("warder-token", WD_CH_KEY, 47, 47, "wdr_[A-Za-z0-9_-]{43}", "_", NULL),
    { .id = "jwt", .kind = "token", .category = WD_SECRET, .severity = WD_HIGH, .directions = BOTH, .shape = WD_SHAPE_JWT,
      .glued = 1, .pattern = "eyJ[A-Za-z0-9_-]{8,}\\.eyJ", .needs = "." },
    { .id = "private-key", .kind = "private-key", .category = WD_SECRET, .severity = WD_CRITICAL, .directions = BOTH,
      .shape = WD_SHAPE_PEM, .glued = 1, .pattern = "-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY", .needs = "-" },
    ASSIGNED("password", "password", WD_HIGH, "password|passwd|passphrase|passwort|pwd", wd_valid_password),
    ASSIGNED("assigned-secret", "token", WD_MEDIUM, "secret|token|(?:api|access|secret|private|auth)[_-]?key", wd_valid_assigned),

    { .id = "email", .kind = "email", .category = WD_PII, .severity = WD_MEDIUM, .directions = BOTH, .shape = WD_SHAPE_EMAIL,
      .glued = 1, .pattern = "[A-Za-z0-9._%+-]@[A-Za-z0-9]", .needs = "@" },
    { .id = "card", .kind = "card", .category = WD_PII, .severity = WD_HIGH, .directions = BOTH, .shape = WD_SHAPE_CARD,
      .pattern = "[2-6][0-9]{3}(?:[0-9]{8}|[ .-][0-9]{4,6}[ .-][0-9]{4})", .needs = "0123456789" },

    SCRIPT("role-marker", "marker", WD_SHAPE_MATCH, 1, "(?i)\\[" GAP "(?:system|assistant|human)" GAP "\\]", "["),
    SCRIPT("script-tag", "script", WD_SHAPE_TAG, 1, "(?i)<" GAP "/?" GAP "script", "<"),
    SCRIPT("javascript-link", "script", WD_SHAPE_LINK, 0, "(?i)javascript:", ":"),
    SCRIPT("html-data-link", "script", WD_SHAPE_MATCH, 0, "(?i)data:text/html", ":"),
};
/* clang-format on */

const size_t wd_rules_count = sizeof(wd_rules) / sizeof(wd_rules[0]);

const struct wd_rule wd_rule_own = {
    .id = "gateway-key",
    .kind = "api-key",
    .category = WD_SECRET,
    .severity = WD_CRITICAL,
    .directions = BOTH,
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
    size_t i;

    for (i = 0; i < wd_rules_count; i++)
        if (wd_span_eq(id, wd_span_str(wd_rules[i].id)))
            return &wd_rules[i];
    return wd_span_eq(id, wd_span_str(wd_rule_own.id)) ? &wd_rule_own : NULL;
}

const struct wd_rule *
wd_rule_for_name(struct wd_span name)
{
    size_t i;

    for (i = 0; i < sizeof(rules_names) / sizeof(rules_names[0]); i++)
        if (rules_names[i].rule != NULL && rules_ends_with(name, rules_names[i].word))
            return wd_rule_find(wd_span_str(rules_names[i].rule));
    return NULL;
}

bool
wd_rule_name_ends(struct wd_span s)
{
    /* Asked for every word of a text: how the names above end. */
    static const char ends[][2] = { { 'r', 'd' }, { 'w', 'd' }, { 's', 'e' }, { 'r', 't' },
                                    { 'e', 't' }, { 'e', 'n' }, { 'e', 'y' } };
    uint8_t last, before;
    size_t i;
    bool may = false;

    if (s.len < 3)
        return false;
    last = wd_char_lower((uint8_t)s.ptr[s.len - 1]);
    before = wd_char_lower((uint8_t)s.ptr[s.len - 2]);
    for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        may |= last == (uint8_t)ends[i][1] && before == (uint8_t)ends[i][0];
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
    static const char *const names[] = { "off", "flag", "redact", "refuse" };

    return names[a];
}
