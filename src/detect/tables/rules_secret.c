/* The rules for secrets: keys with a known form, and values that are assigned to a name. */
#include "../text/chars.h"
#include "../rules.h"
#include "../secret/validate.h"

/* Between a name and its value: white space, quotes at any depth of escaping, emphasis. */
#define GLUE "(?:[ \\t\"'`*\\x01\\\\]|\\\\t)*"
#define BOTH (WD_INPUT | WD_OUTPUT)

#define KEY(id_, class_, min_, max_, pattern_, needs_, valid_)                                                                   \
    {                                                                                                                            \
        .id = (id_), .kind = "api-key", .category = WD_SECRET, .severity = WD_CRITICAL, .directions = BOTH,                      \
        .shape = WD_SHAPE_RUN, .value = (class_), .min = (min_), .max = (max_), .pattern = (pattern_), .needs = (needs_),        \
        .valid = (valid_)                                                                                                        \
    }
/* Between a name and its value there is one of these; GLUE stands before some. A value after a word has a digit or a sign. */
#define SIGN "(?:" GLUE "(?:[?.+|!]{0,2}[:=]|value[ =]|(?:is|was)[ :\\t]{1,3}[^\\s]*[0-9@#$%^&])|[\"'`\\x01]" GLUE ",|>)"
/* Behind a name that is an option of a command there need not be any. */
#define ASSIGNED(id_, kind_, severity_, names_, valid_)                                                                          \
    {                                                                                                                            \
        .id = (id_), .kind = (kind_), .category = WD_SECRET, .severity = (severity_), .directions = BOTH,                        \
        .shape = WD_SHAPE_ASSIGNED, .glued = 1, .pattern = "(?i)(?:" names_ ")" SIGN "|-(?:" names_ ")[ \\t]",                   \
        .needs = ":=>-\"'`\x01"                                                                                                  \
                 "0123456789@#$%^&",                                                                                             \
        .valid = (valid_)                                                                                                        \
    }
#define BEHIND(id_, kind_, severity_, pattern_, needs_, valid_)                                                                  \
    {                                                                                                                            \
        .id = (id_), .kind = (kind_), .category = WD_SECRET, .severity = (severity_), .directions = BOTH,                        \
        .shape = WD_SHAPE_ASSIGNED, .pattern = (pattern_), .needs = (needs_), .valid = (valid_)                                  \
    }
#define WEBHOOK(id_, min_, pattern_)                                                                                             \
    {                                                                                                                            \
        .id = (id_), .kind = "webhook", .category = WD_SECRET, .severity = WD_HIGH, .directions = BOTH, .shape = WD_SHAPE_RUN,   \
        .value = WD_CH_BASE64 | WD_CH_MORE, .min = (min_), .pattern = (pattern_), .needs = "/", .valid = wd_valid_drawn          \
    }

/* clang-format off */
static const struct wd_rule rows[] = {
    KEY("openai-key", WD_CH_KEY, 23, 0, "sk-[A-Za-z0-9_-]{20}", "-", wd_valid_openai_key),
    KEY("anthropic-key", WD_CH_KEY, 24, 0, "sk-ant-[A-Za-z0-9_-]{17}", "-", wd_valid_key),
    KEY("google-key", WD_CH_KEY, 39, 0, "AIza[A-Za-z0-9_-]{35}", "", wd_valid_key),
    KEY("aws-access-key", WD_CH_ALNUM, 20, 20, "(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}", "", wd_valid_drawn),
    ASSIGNED("aws-secret-key", "api-key", WD_CRITICAL, "aws_?(?:secret)?_?(?:access)?_?key|secret_?access_?key",
             wd_valid_aws_secret),
    KEY("github-token", WD_CH_ALNUM, 40, 255, "gh[pousr]_[A-Za-z0-9]{36}", "_", wd_valid_key),
    KEY("github-fine-grained-token", WD_CH_KEY, 60, 255, "github_pat_[A-Za-z0-9_]{49}", "_", wd_valid_key),
    KEY("gitlab-token", WD_CH_DOTTED, 24, 0,
        "gl(?:pat|ptt|dt|rt|rtr|cbt|ft|imt|soat|agent|oas|ffct)-[A-Za-z0-9_-]{20}", "-", wd_valid_key),
    KEY("gitlab-runner-token", WD_CH_KEY, 29, 0, "GR1348941[A-Za-z0-9_-]{20}", "", NULL),
    KEY("slack-token", WD_CH_KEY, 20, 0, "(?:xox[abeoprs]|xapp)-[A-Za-z0-9-]{15}", "-", wd_valid_key),
    WEBHOOK("slack-webhook", 43, "hooks\\.slack\\.com/(?:services|workflows|triggers)/[A-Za-z0-9/]{18}"),
    WEBHOOK("discord-webhook", 80, "discord(?:app)?\\.com/api/(?:v[0-9]{1,2}/)?webhooks/[0-9]{17}"),
    WEBHOOK("teams-webhook", 100, "(?:webhook|outlook)\\.office\\.com/webhook(?:b2)?/[a-f0-9-]{8}"),
    WEBHOOK("zapier-webhook", 40, "hooks\\.zapier\\.com/hooks/(?:catch|standard)/[0-9]{4}"),
    WEBHOOK("make-webhook", 40, "hook\\.[eu][us][0-9]\\.make\\.com/[a-z0-9]{20}"),
    WEBHOOK("ifttt-webhook", 48, "maker\\.ifttt\\.com/(?:trigger|use)/[A-Za-z0-9_-]{1}"),
    KEY("stripe-key", WD_CH_KEY, 18, 0, "[rs\\r]k_(?:live|test|prod)_[A-Za-z0-9]{10}", "_", wd_valid_key),
    KEY("stripe-webhook-secret", WD_CH_BASE64, 38, 0, "whsec_[A-Za-z0-9+/]{32}", "_", wd_valid_key),
    KEY("warder-token", WD_CH_KEY, 47, 47, "wdr_[A-Za-z0-9_-]{43}", "_", NULL),
    { .id = "jwt", .kind = "token", .category = WD_SECRET, .severity = WD_HIGH, .directions = BOTH, .shape = WD_SHAPE_JWT,
      .glued = 1, .pattern = "eyJ[A-Za-z0-9_-]{8,}\\.eyJ", .needs = "." },
    { .id = "private-key", .kind = "private-key", .category = WD_SECRET, .severity = WD_CRITICAL, .directions = BOTH,
      .shape = WD_SHAPE_PEM, .glued = 1, .pattern = "-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY", .needs = "-" },
    ASSIGNED("password", "password", WD_HIGH, "password|passwd|passphrase|passwort|passcode|kennwort|senha|pwd|[_-]pass|_pw",
             wd_valid_password),
    ASSIGNED("assigned-secret", "token", WD_MEDIUM,
             "secret|token|credentials?|_auth|accesssignature|(?:api|access|secret|private|auth|account)[_-]?key",
             wd_valid_assigned),
    BEHIND("bearer-token", "token", WD_MEDIUM, "(?i)bearer[ :=]{1,3}[A-Za-z0-9._~+/-]{15}", "0123456789", wd_valid_random),
    BEHIND("basic-login", "password", WD_HIGH, "(?i)basic[ :=]{1,3}[A-Za-z0-9+/]{11}", "", wd_valid_basic),
    BEHIND("login-option", "password", WD_HIGH,
           "(?:-[uU]|--(?:proxy-)?user)[ =][\"'\\x01\\\\]{0,4}[^\\s\"':=]+:[^\\s]{3}", ":", wd_valid_login),
    { .id = "url-password", .kind = "connection-string", .category = WD_SECRET, .severity = WD_HIGH, .directions = BOTH,
      .shape = WD_SHAPE_URL, .glued = 1, .needs = "@", .valid = wd_valid_url,
      .pattern = "://(?:[^\\s/@:\"'`<>\\x01]*:[^\\s/@\"'`<>\\x01]+|[A-Za-z0-9_-]{20}[A-Za-z0-9_-]*)@" },
    { .id = "bare-key", .kind = "token", .category = WD_SECRET, .severity = WD_MEDIUM, .directions = BOTH,
      .shape = WD_SHAPE_BARE, .needs = "0123456789" },
};
/* clang-format on */

const struct wd_rule_table wd_rules_secret = { rows, sizeof(rows) / sizeof(rows[0]) };
