#include <stdio.h>
#include <strings.h>

#include "load.h"
#include "value.h"

/* Switches of the environment, in the order in which their errors are told. */
static const struct {
    const char *name;
    size_t offset;
} environ_switches[] = {
    { "ENABLE_RATE_LIMITING", offsetof(struct wd_policy, rate_limiting) },
    { "ENABLE_INPUT_VALIDATION", offsetof(struct wd_policy, input_validation) },
    { "ENABLE_OUTPUT_FILTERING", offsetof(struct wd_policy, output_filtering) },
    { "ENABLE_AUDIT_LOGGING", offsetof(struct wd_policy, audit) },
};

static enum wd_err
environ_fail(struct wd_load *load, enum wd_err err, const char *name, const char *what, const char *accepted)
{
    wd_yaml_error_at(load->error, "environment", 0, name, what, accepted);
    return err;
}

static enum wd_err
environ_bool(struct wd_load *load, const char *name, bool *value)
{
    const char *text = load->env(name);

    if (text == NULL)
        return WD_OK;
    if (strcmp(text, "true") == 0 || strcmp(text, "1") == 0)
        *value = true;
    else if (strcmp(text, "false") == 0 || strcmp(text, "0") == 0)
        *value = false;
    else
        return environ_fail(load, WD_ERR_SYNTAX, name, "is not valid", "true, false, 1, 0");
    return WD_OK;
}

static bool
environ_production(const struct wd_load *load)
{
    const char *text = load->env("WARDER_ENV");

    return text != NULL && (strcasecmp(text, "production") == 0 || strcasecmp(text, "prod") == 0);
}

static enum wd_err
environ_switch_all(struct wd_load *load)
{
    struct wd_policy *policy = load->policy;

    policy->rate_limiting = policy->input_validation = policy->output_filtering = true;
    for (size_t i = 0; i < sizeof(environ_switches) / sizeof(environ_switches[0]); i++) {
        bool *value = (bool *)(void *)((char *)policy + environ_switches[i].offset), is = true;
        enum wd_err err = environ_bool(load, environ_switches[i].name, &is);

        if (err != WD_OK)
            return err;
        if (is && !*value && load->env(environ_switches[i].name) != NULL)
            return wd_load_fail(load, WD_ERR_DENIED, "audit.enabled", "differs from ENABLE_AUDIT_LOGGING", "the same in both");
        if (!is && environ_production(load))
            return environ_fail(load, WD_ERR_DENIED, environ_switches[i].name, "switches a control off in production", "true, 1");
        *value = *value && is;
    }
    return WD_OK;
}

static enum wd_err
environ_encryption(struct wd_load *load)
{
    bool on = false;
    enum wd_err err = environ_bool(load, "ENCRYPTION_ENABLED", &on);

    if (err == WD_OK && on)
        return environ_fail(load, WD_ERR_DENIED, "ENCRYPTION_ENABLED", "asks for what is not available in this version",
                            "false, 0");
    return err;
}

static enum wd_err
environ_max_requests(struct wd_load *load)
{
    static const char name[] = "MAX_REQUESTS_PER_USER", accepted[] = "1 to 10000, an hour";
    const char *text = load->env(name);
    uint64_t n;
    enum wd_err err;

    if (text == NULL)
        return WD_OK;
    err = wd_value_uint(&n, text);
    if (err == WD_ERR_SYNTAX)
        return environ_fail(load, err, name, "is not a whole number", accepted);
    if (err != WD_OK || n < 1 || n > 10000)
        return environ_fail(load, WD_ERR_RANGE, name, "is out of range", accepted);
    load->policy->max_requests_per_user = (uint32_t)n;
    return WD_OK;
}

static enum wd_err
environ_store_password(struct wd_load *load)
{
    static const char name[] = "WARDER_STORE_PASSWORD";
    const char *text = load->env(name);
    enum wd_err err;

    if (text == NULL || !load->policy->store.shared)
        return WD_OK;
    err = wd_policy_store_password(load->policy, wd_span_str(text));
    return err == WD_ERR_SYNTAX ? environ_fail(load, err, name, "is not valid", "1 to 512 bytes, no control characters") : err;
}

/* The bits of the providers in "a, b". */
static enum wd_err
environ_allowed(struct wd_load *load, const char *name, const char *text, uint64_t *allowed)
{
    char what[128];

    for (;;) {
        const struct wd_provider *provider;
        size_t len, name_len;

        text += strspn(text, " ");
        name_len = len = strcspn(text, ",");
        while (name_len > 0 && text[name_len - 1] == ' ')
            name_len--;
        provider = wd_policy_provider(load->policy, wd_span(text, name_len));
        if (provider == NULL) {
            char shown[65] = "";

            if (name_len < sizeof(shown))
                memcpy(shown, text, name_len);
            snprintf(what, sizeof(what), "names %s, which is not in providers", wd_yaml_shown(shown));
            return environ_fail(load, WD_ERR_NOTFOUND, name, what, "names from providers, with commas between");
        }
        *allowed |= UINT64_C(1) << provider->index;
        if (text[len] == '\0')
            return WD_OK;
        text += len + 1;
    }
}

static enum wd_err
environ_narrow(struct wd_load *load, uint64_t allowed)
{
    struct wd_policy *policy = load->policy;
    uint32_t kept = 0;
    uint64_t masks[64] = { 0 };
    char path[96];

    for (uint32_t i = 0; i < policy->provider_count; i++) {
        if ((allowed >> i & 1) == 0)
            continue;
        for (uint32_t r = 0; r < policy->role_count; r++)
            masks[r] |= (policy->roles[r].providers >> i & 1) << kept;
        policy->providers[kept] = policy->providers[i];
        policy->providers[kept].index = kept;
        kept++;
    }
    policy->provider_count = kept;
    for (uint32_t r = 0; r < policy->role_count; r++) {
        struct wd_role *role = &policy->roles[r];

        role->providers = masks[r];
        if (role->all_providers || masks[r] != 0)
            continue;
        snprintf(path, sizeof(path), "roles.%s.providers", role->name);
        return wd_load_fail(load, WD_ERR_NOTFOUND, path, "has no provider left, since ALLOWED_PROVIDERS names none of them",
                            "a role with one of the allowed providers");
    }
    return WD_OK;
}

enum wd_err
wd_environ_apply(struct wd_load *load)
{
    static const char name[] = "ALLOWED_PROVIDERS";
    const char *text;
    uint64_t allowed = 0;
    enum wd_err err = environ_switch_all(load);

    if (err == WD_OK)
        err = environ_encryption(load);
    if (err == WD_OK)
        err = environ_max_requests(load);
    if (err == WD_OK)
        err = environ_store_password(load);
    if (err != WD_OK)
        return err;
    text = load->env(name);
    if (text == NULL)
        return WD_OK;
    err = environ_allowed(load, name, text, &allowed);
    return err == WD_OK ? environ_narrow(load, allowed) : err;
}

enum wd_err
wd_environ_production(struct wd_load *load)
{
    static const struct {
        const char *name;
        size_t offset;
    } off[] = {
        { "detect.input.secret", offsetof(struct wd_policy, detect_input[WD_SECRET]) },
        { "detect.input.pii", offsetof(struct wd_policy, detect_input[WD_PII]) },
        { "detect.input.injection", offsetof(struct wd_policy, detect_input[WD_INJECTION]) },
        { "detect.input.malicious", offsetof(struct wd_policy, detect_input[WD_MALICIOUS]) },
        { "detect.output.secret", offsetof(struct wd_policy, detect_output[WD_SECRET]) },
        { "detect.output.pii", offsetof(struct wd_policy, detect_output[WD_PII]) },
        { "detect.output.injection", offsetof(struct wd_policy, detect_output[WD_INJECTION]) },
        { "detect.output.malicious", offsetof(struct wd_policy, detect_output[WD_MALICIOUS]) },
    };
    static const char what[] = "switches a control off in production";
    const struct wd_policy *policy = load->policy;

    if (!environ_production(load))
        return WD_OK;
    for (size_t i = 0; i < sizeof(off) / sizeof(off[0]); i++) {
        enum wd_action action = *(const enum wd_action *)(const void *)((const char *)policy + off[i].offset);

        if (action == WD_OFF)
            return wd_load_fail(load, WD_ERR_DENIED, off[i].name, what, "refuse, redact, flag");
    }
    if (!policy->sanitize)
        return wd_load_fail(load, WD_ERR_DENIED, "input.sanitize", what, "true");
    if (!policy->audit)
        return wd_load_fail(load, WD_ERR_DENIED, "audit.enabled", what, "true");
    /* where nobody asked for it, it is not switched off */
    if (wd_yaml_get(load->root, "isolation") != NULL && !policy->isolation.enabled)
        return wd_load_fail(load, WD_ERR_DENIED, "isolation.enabled", what, "true, or no isolation at all");
    return WD_OK;
}
