#include "settings.h"

#include <stdio.h>

#define KEPT(type, member) offsetof(struct type, member), sizeof(((struct type *)0)->member)
#define POLICY(member) KEPT(wd_policy, member)
#define PROVIDER(member) KEPT(wd_provider, member)
#define ROLE(member) KEPT(wd_role, member)
#define MODEL(member) KEPT(wd_model, member)
#define RULE(member) KEPT(wd_own_rule, member)
#define NOT_KEPT 0, 0

static const struct wd_choice settings_bools[] = { { "true", true }, { "false", false }, { NULL } };
static const struct wd_choice settings_store_failures[] = { { "refuse", WD_STORE_REFUSE },
                                                            { "local", WD_STORE_LOCAL },
                                                            { NULL } };
static const struct wd_choice settings_formats[] = {
    { "openai", WD_FORMAT_OPENAI }, { "anthropic", WD_FORMAT_ANTHROPIC }, { "google", WD_FORMAT_GOOGLE }, { NULL }
};
static const struct wd_choice settings_above[] = { { "clamp", WD_CLAMP }, { "refuse", WD_ABOVE_REFUSE }, { NULL } };
static const struct wd_choice settings_kinds[] = {
    { "image", WD_ATTACH_IMAGE }, { "audio", WD_ATTACH_AUDIO }, { "video", WD_ATTACH_VIDEO }, { "file", WD_ATTACH_FILE }, { NULL }
};
static const struct wd_choice settings_actions[] = {
    { "refuse", WD_REFUSE }, { "redact", WD_REDACT }, { "flag", WD_FLAG }, { "off", WD_OFF }, { NULL }
};
static const struct wd_choice settings_categories[] = {
    { "secret", WD_SECRET }, { "pii", WD_PII }, { "injection", WD_INJECTION }, { "malicious", WD_MALICIOUS }, { NULL }
};
static const struct wd_choice settings_severities[] = {
    { "low", WD_LOW }, { "medium", WD_MEDIUM }, { "high", WD_HIGH }, { "critical", WD_CRITICAL }, { NULL }
};
static const struct wd_choice settings_directions[] = { { "input", WD_INPUT }, { "output", WD_OUTPUT }, { NULL } };
static const struct wd_choice settings_refusals[] = { { "error", false }, { "native", true }, { NULL } };
static const struct wd_choice settings_scopes[] = { { "user", WD_SCOPE_USER },
                                                    { "tenant", WD_SCOPE_TENANT },
                                                    { "conversation", WD_SCOPE_CONVERSATION },
                                                    { "global", WD_SCOPE_GLOBAL },
                                                    { NULL } };
static const struct wd_choice settings_isolated[] = {
#define X(id, name) { name, 1 << WD_ISOLATE_##id },
    WD_ISOLATE_KINDS(X)
#undef X
        { NULL }
};
static const struct wd_choice settings_conflicts[] = { { "refuse", false }, { "redact", true }, { NULL } };

/* clang-format off */
const struct wd_setting wd_settings[] = {
    { "listen", WD_SETTING_ADDRESS, POLICY(listen_host), 1, 65535, "127.0.0.1:8484", NULL,
      "Where callers connect. An address other than loopback needs `tls`." },
    { "tls.cert", WD_SETTING_PATH, POLICY(tls_cert), 0, 0, "null", NULL,
      "Certificate chain of the listener, PEM. With it, HTTPS and HTTP/2." },
    { "tls.key", WD_SETTING_PATH, POLICY(tls_key), 0, 0, "null", NULL,
      "Its private key, PEM; a file of mode 0600." },
    { "admin", WD_SETTING_ADDRESS, POLICY(admin_host), 1, 65535, "127.0.0.1:8485", NULL,
      "Health, readiness and metrics. Loopback only." },
    { "address_limit", WD_SETTING_LIMIT, POLICY(address_limit), 0, 0, "null", NULL,
      "Requests of one client address, counted before authentication." },
    { "state", WD_SETTING_PATH, POLICY(state), 0, 0, "./state", NULL,
      "Folder of tokens, counters and the audit log." },
    { "store", WD_SETTING_STORE, POLICY(store), 0, 0, "embedded", NULL,
      "Where tokens and counters are kept: in the state folder, or in a Redis 7 that many gateways share." },
    { "store_timeout", WD_SETTING_MILLIS, POLICY(store_timeout_ms), 10, 10000, "250ms", NULL,
      "How long the shared store may take to answer." },
    { "on_store_failure", WD_SETTING_CHOICE, POLICY(on_store_failure), 0, 0, "refuse", settings_store_failures,
      "When it does not answer: requests are refused, or each gateway applies limit / `replicas` by itself." },
    { "replicas", WD_SETTING_UINT, POLICY(replicas), 1, 1000, "1", NULL,
      "How many gateways share the store." },
    { "workers", WD_SETTING_UINT, POLICY(workers), 1, 64, "null", NULL,
      "Worker processes; null: one a core." },
    { "user_limits", WD_SETTING_LIMITS, POLICY(user_limits), 1, WD_LIMITS_MAX, "null", NULL,
      "Of each user, whatever provider, role and model." },

    { "providers.*.format", WD_SETTING_CHOICE, PROVIDER(format), 0, 0, NULL, settings_formats,
      "The wire format that the provider speaks." },
    { "providers.*.url", WD_SETTING_URL, PROVIDER(host), 0, 0, NULL, NULL,
      "Where it is reached, without the path of the format (`/v1/...`). Its keys go to this host only." },
    { "providers.*.ca_file", WD_SETTING_PATH, PROVIDER(ca_file), 0, 0, "null", NULL,
      "A further trust anchor for its certificate, PEM. Verification cannot be switched off." },
    { "providers.*.keys", WD_SETTING_KEYS, PROVIDER(keys), 1, 8, NULL, NULL,
      "Where its keys come from: a variable, or a file of mode 0600. The first is used, the rest stand by." },
    { "providers.*.key_prefix", WD_SETTING_PREFIX, PROVIDER(key_prefix), 1, 32, "null", NULL,
      "How its keys begin; another key stops the start." },
    { "providers.*.models", WD_SETTING_GLOBS, PROVIDER(models), 1, 256, NULL, NULL,
      "The models that may be asked for." },
    { "providers.*.limit", WD_SETTING_LIMIT, PROVIDER(limit), 0, 0, "null", NULL,
      "Requests of all users together." },
    { "providers.*.user_limit", WD_SETTING_LIMIT, PROVIDER(user_limit), 0, 0, "null", NULL,
      "Requests of each user at this provider." },
    { "providers.*.limits", WD_SETTING_LIMITS, PROVIDER(limits), 1, WD_LIMITS_MAX, "null", NULL,
      "Of all users together: requests, tokens and money, beside `limit`." },
    { "providers.*.user_limits", WD_SETTING_LIMITS, PROVIDER(user_limits), 1, WD_LIMITS_MAX, "null", NULL,
      "Of each user at this provider." },
    { "providers.*.connect_timeout", WD_SETTING_DURATION, PROVIDER(connect_timeout_ms), 1, 60, "5s", NULL,
      "How long connecting may take." },
    { "providers.*.read_timeout", WD_SETTING_DURATION, PROVIDER(read_timeout_ms), 1, 3600, "300s", NULL,
      "How long the provider may send nothing." },

    { "roles.*.providers", WD_SETTING_PROVIDERS, ROLE(providers), 1, 64, NULL, NULL,
      "The providers that the role may use." },
    { "roles.*.tools", WD_SETTING_GLOBS, ROLE(tools), 0, 256, "", NULL,
      "The tools that its requests may declare; none when empty." },
    { "roles.*.limit", WD_SETTING_LIMIT, ROLE(limit), 0, 0, "null", NULL,
      "Requests of each user of the role." },
    { "roles.*.limits", WD_SETTING_LIMITS, ROLE(limits), 1, WD_LIMITS_MAX, "null", NULL,
      "Of each user of the role: requests, tokens and money, beside `limit`." },

    { "models.*.price.input", WD_SETTING_PRICE, MODEL(price_in), 0, 1000000, "null", NULL,
      "US dollars for a million tokens of requests. `*` is a glob of models; the first with a price that matches counts." },
    { "models.*.price.output", WD_SETTING_PRICE, MODEL(price_out), 0, 1000000, "null", NULL,
      "The same for tokens of answers." },
    { "models.*.limits", WD_SETTING_LIMITS, MODEL(limits), 1, WD_LIMITS_MAX, "null", NULL,
      "Of all users of these models together; those of every glob that matches count." },
    { "models.*.user_limits", WD_SETTING_LIMITS, MODEL(user_limits), 1, WD_LIMITS_MAX, "null", NULL,
      "Of each user of these models." },

    { "input.message_chars.min", WD_SETTING_UINT, POLICY(message_chars_min), 0, 1000000, "1", NULL,
      "Fewest characters of a user message." },
    { "input.message_chars.max", WD_SETTING_UINT, POLICY(message_chars_max), 1, 100000000, "100000", NULL,
      "Most characters of any message." },
    { "input.temperature.min", WD_SETTING_DECIMAL, POLICY(temperature_min), 0, 10, "0", NULL, "Lowest temperature." },
    { "input.temperature.max", WD_SETTING_DECIMAL, POLICY(temperature_max), 0, 10, "2", NULL, "Highest temperature." },
    { "input.max_tokens.min", WD_SETTING_UINT, POLICY(max_tokens_min), 1, 10000000, "1", NULL,
      "Lowest limit of output tokens that a request may set." },
    { "input.max_tokens.max", WD_SETTING_UINT, POLICY(max_tokens_max), 1, 10000000, "4096", NULL,
      "Highest limit of output tokens." },
    { "input.max_tokens.above", WD_SETTING_CHOICE, POLICY(max_tokens_above), 0, 0, "clamp", settings_above,
      "What happens above it: the request is lowered to it, or refused." },
    { "input.attachments", WD_SETTING_FLAGS, POLICY(attachments), 0, 4, "image", settings_kinds,
      "Kinds let through uninspected; every other is refused." },
    { "input.sanitize", WD_SETTING_CHOICE, POLICY(sanitize), 0, 0, "true", settings_bools,
      "Rewriting of role markers and HTML, per provider." },
    { "input.body_bytes", WD_SETTING_BYTES, POLICY(body_bytes_max), 1024, 64 << 20, "10MiB", NULL,
      "Largest request body." },

    { "detect.input.secret", WD_SETTING_CHOICE, POLICY(detect_input[WD_SECRET]), 0, 0, "redact", settings_actions,
      "Keys, tokens, passwords in requests." },
    { "detect.input.pii", WD_SETTING_CHOICE, POLICY(detect_input[WD_PII]), 0, 0, "flag", settings_actions,
      "Personal data in requests." },
    { "detect.input.injection", WD_SETTING_CHOICE, POLICY(detect_input[WD_INJECTION]), 0, 0, "refuse", settings_actions,
      "Prompt injection and hidden text in user messages, tool results and documents; system text is never judged." },
    { "detect.input.malicious", WD_SETTING_CHOICE, POLICY(detect_input[WD_MALICIOUS]), 0, 0, "refuse", settings_actions,
      "Role markers and script content in requests." },
    { "detect.output.secret", WD_SETTING_CHOICE, POLICY(detect_output[WD_SECRET]), 0, 0, "redact", settings_actions,
      "Keys, tokens, passwords in answers." },
    { "detect.output.pii", WD_SETTING_CHOICE, POLICY(detect_output[WD_PII]), 0, 0, "redact", settings_actions,
      "Personal data in answers." },
    { "detect.output.injection", WD_SETTING_CHOICE, POLICY(detect_output[WD_INJECTION]), 0, 0, "flag", settings_actions,
      "Hidden text in answers: characters that a person does not see and a model reads." },
    { "detect.output.malicious", WD_SETTING_CHOICE, POLICY(detect_output[WD_MALICIOUS]), 0, 0, "redact", settings_actions,
      "Role markers and script content in answers." },
    { "detect.injection_score.user", WD_SETTING_DECIMAL, POLICY(injection_user), 0, 1, "0.5", NULL,
      "Score from which a user message is an injection; higher finds less." },
    { "detect.injection_score.document", WD_SETTING_DECIMAL, POLICY(injection_document), 0, 1, "0.5", NULL,
      "The same for tool results and documents." },
    { "detect.replacement", WD_SETTING_TEXT, POLICY(replacement), 1, 64, "[REDACTED]", NULL,
      "What stands in the place of redacted text." },

    { "rules.add.*.pattern", WD_SETTING_PATTERN, RULE(pattern), 1, 512, NULL, NULL,
      "A rule of your own: a regular expression, as Vectorscan reads it, that matches within one word. `*` is the rule's id." },
    { "rules.add.*.category", WD_SETTING_CHOICE, RULE(category), 0, 0, "secret", settings_categories,
      "Its category: `detect` says what happens to what it finds." },
    { "rules.add.*.kind", WD_SETTING_TEXT, RULE(kind), 1, 32, "custom", NULL, "Its kind, as records and reports name it." },
    { "rules.add.*.severity", WD_SETTING_CHOICE, RULE(severity), 0, 0, "high", settings_severities, "Its severity." },
    { "rules.add.*.directions", WD_SETTING_FLAGS, RULE(directions), 1, 2, "", settings_directions,
      "Where it is looked for; in both when it is not given." },
    { "rules.add.*.context", WD_SETTING_WORDS, RULE(context), 0, 32, "", NULL,
      "Words of which one must stand within 96 characters before the value." },
    { "rules.add.*.stop", WD_SETTING_WORDS, RULE(stop), 0, 32, "", NULL, "A value that holds one of these is no finding." },
    { "rules.off", WD_SETTING_GLOBS, POLICY(rules_off), 0, 256, "", NULL,
      "Rules that are not looked for, by id (`warder rules list`)." },
    { "rules.allow", WD_SETTING_GLOBS, POLICY(rules_allow), 0, 256, "", NULL,
      "Values that are never a finding, whatever the rule: the whole value, `*` any run, `?` any one." },

    { "isolation.enabled", WD_SETTING_CHOICE, POLICY(isolation.enabled), 0, 0, "false", settings_bools,
      "Sensitive data that one provider has been shown goes to no other (`docs/isolation.md`)." },
    { "isolation.scope", WD_SETTING_CHOICE, POLICY(isolation.scope), 0, 0, "user", settings_scopes,
      "Whose data is told apart: each user's, that of all users of a role (a tenant), each conversation's of a user, or everybody's together." },
    { "isolation.remember", WD_SETTING_DURATION, POLICY(isolation.remember_ms), 1, 31 * 86400, "24h", NULL,
      "How long a provider counts as the holder of a value that it was last shown." },
    { "isolation.kinds", WD_SETTING_FLAGS, POLICY(isolation.kinds), 1, 13, "", settings_isolated,
      "What detection finds that is told apart; secrets, cards, bank_accounts and national_ids when it is not given." },
    { "isolation.on_conflict", WD_SETTING_CHOICE, POLICY(isolation.redact), 0, 0, "refuse", settings_conflicts,
      "What happens to a value that another provider holds: the request is refused, or goes out without it." },
    { "isolation.header", WD_SETTING_PREFIX, POLICY(isolation.header), 3, 64, "x-warder-conversation", NULL,
      "With scope conversation: the header that names it, in lower case, `x-` first." },
    { "fallback", WD_SETTING_UNBUILT, NOT_KEPT, 0, 0, "[]", NULL,
      "Other providers to try; not available in this version." },
    { "refusal", WD_SETTING_CHOICE, POLICY(refusal_native), 0, 0, "error", settings_refusals,
      "How the policy refuses: with an error status, or with a 200 in the provider's own form of a refusal." },
    { "audit.enabled", WD_SETTING_CHOICE, POLICY(audit), 0, 0, "true", settings_bools,
      "A record of every exchange." },
    { "audit.encrypt_to", WD_SETTING_UNBUILT, NOT_KEPT, 0, 0, "null", NULL,
      "Sealing of records; not available in this version." },
    { "alerts", WD_SETTING_UNBUILT, NOT_KEPT, 0, 0, "[]", NULL, "Alerts; not available in this version." },
};
/* clang-format on */
const size_t wd_settings_count = sizeof(wd_settings) / sizeof(wd_settings[0]);

static void
settings_choices(const struct wd_setting *row, char *out, size_t size, const char *before)
{
    size_t len = (size_t)snprintf(out, size, "%s", before);
    const char *comma = "";

    for (const struct wd_choice *c = row->choices; c->name != NULL; c++) {
        if (c->unbuilt || len >= size)
            continue;
        len += (size_t)snprintf(out + len, size - len, "%s%s", comma, c->name);
        comma = ", ";
    }
}

static void
settings_accepted(const struct wd_setting *row, char *out, size_t size)
{
    long long min = row->min, max = row->max;

    switch (row->kind) {
    case WD_SETTING_ADDRESS:
        snprintf(out, size, "IPv4:PORT, [IPv6]:PORT or localhost:PORT, the port from %lld to %lld", min, max);
        break;
    case WD_SETTING_BYTES:
        snprintf(out, size, "%lldKiB to %lldMiB, or plain bytes", min >> 10, max >> 20);
        break;
    case WD_SETTING_CHOICE:
        settings_choices(row, out, size, "");
        break;
    case WD_SETTING_DECIMAL:
        snprintf(out, size, "a number from %lld to %lld", min, max);
        break;
    case WD_SETTING_DURATION:
        snprintf(out, size, "%llds to %llds, with s, m, h or d", min, max);
        break;
    case WD_SETTING_MILLIS:
        snprintf(out, size, "%lldms to %llds, with ms or s", min, max / 1000);
        break;
    case WD_SETTING_STORE:
        snprintf(out, size,
                 "embedded, rediss://[USER:PASSWORD@]HOST[:PORT],...[/DB][?sentinel=NAME&ca_file=PATH], or redis:// to loopback "
                 "and private addresses only, as it sends all in the clear");
        break;
    case WD_SETTING_FLAGS:
        settings_choices(row, out, size, "a list of ");
        break;
    case WD_SETTING_GLOBS:
        snprintf(out, size, "a list of %lld to %lld names of 1 to 128 printable ASCII characters, * any run, ? any one", min,
                 max);
        break;
    case WD_SETTING_PATTERN:
        snprintf(
            out, size,
            "a regular expression of %lld to %lld printable ASCII characters without blanks, no repeat above 1000, that does "
            "not match the empty text",
            min, max);
        break;
    case WD_SETTING_WORDS:
        snprintf(out, size, "a list of up to %lld words of 1 to 64 lower-case letters, digits, blanks, - and _", max);
        break;
    case WD_SETTING_KEYS:
        snprintf(out, size, "a list of %lld to %lld, each env:NAME or file:PATH", min, max);
        break;
    case WD_SETTING_LIMIT:
        snprintf(out, size, "N/WINDOW such as 100/60s, N from 1 to 1000000000, WINDOW from 1s to 31d");
        break;
    case WD_SETTING_LIMITS:
        snprintf(out, size,
                 "a list of %lld to %lld, each {requests: N/WINDOW}, {tokens: N/WINDOW} or {usd: N/WINDOW}, N from 1 to "
                 "1000000000 requests, 1 to 1000000000000 tokens, 0.000001 to 1000000 dollars, WINDOW from 1s to 31d",
                 min, max);
        break;
    case WD_SETTING_PRICE:
        snprintf(out, size, "%lld to %lld, up to six digits after the point", min, max);
        break;
    case WD_SETTING_PATH:
        snprintf(out, size, "a path of up to 1024 bytes, absolute or from the folder of this file, without quotes, \\ $ ; { }");
        break;
    case WD_SETTING_PREFIX:
        snprintf(out, size, "%lld to %lld letters, digits, - and _", min, max);
        break;
    case WD_SETTING_PROVIDERS:
        snprintf(out, size, "a list of names from providers, or [\"*\"]");
        break;
    case WD_SETTING_TEXT:
        snprintf(out, size, "%lld to %lld printable ASCII characters without quotes and backslash", min, max);
        break;
    case WD_SETTING_UINT:
        snprintf(out, size, "%lld to %lld", min, max);
        break;
    case WD_SETTING_UNBUILT:
        snprintf(out, size, "%s", row->fallback);
        break;
    case WD_SETTING_URL:
        snprintf(out, size, "https://HOST[:PORT][/PATH]; http:// to a loopback host only, as it sends the key in the clear");
        break;
    case WD_SETTING_KINDS:
        break;
    }
}

void
wd_setting_accepted(const struct wd_setting *row, char out[WD_ACCEPTED_SIZE])
{
    size_t len;

    out[0] = '\0';
    settings_accepted(row, out, WD_ACCEPTED_SIZE);
    len = strlen(out);
    if (row->kind != WD_SETTING_UNBUILT && row->fallback != NULL && strcmp(row->fallback, "null") == 0)
        snprintf(out + len, WD_ACCEPTED_SIZE - len, ", or null");
}

static bool
settings_is_list(const struct wd_setting *row)
{
    return row->kind == WD_SETTING_FLAGS || row->kind == WD_SETTING_GLOBS || row->kind == WD_SETTING_WORDS;
}

enum wd_err
wd_policy_reference(struct wd_buf *out)
{
    enum wd_err err = wd_buf_add_str(out, "| key | default | accepted | meaning |\n|---|---|---|---|\n");

    for (size_t i = 0; err == WD_OK && i < wd_settings_count; i++) {
        const struct wd_setting *row = &wd_settings[i];
        char accepted[WD_ACCEPTED_SIZE];
        const char *open = "`", *close = "`";

        wd_setting_accepted(row, accepted);
        if (row->fallback != NULL && settings_is_list(row)) {
            open = "`[";
            close = "]`";
        }
        err = wd_buf_printf(out, "| `%s` | %s%s%s | %s | %s |\n", row->name, row->fallback != NULL ? open : "",
                            row->fallback != NULL ? row->fallback : "required", row->fallback != NULL ? close : "", accepted,
                            row->doc);
    }
    return err;
}
