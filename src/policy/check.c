#include <stdio.h>
#include <string.h>

#include "file.h"
#include "load.h"
#include "value.h"

static enum wd_err
check_listeners(struct wd_load *load)
{
    const struct wd_policy *p = load->policy;

    if (!wd_value_loopback(p->admin_host))
        return wd_load_fail(load, WD_ERR_DENIED, "admin", "is not a loopback address", "127.0.0.0/8 or ::1");
    if (p->tls_cert == NULL && !wd_value_loopback(p->listen_host))
        return wd_load_fail(load, WD_ERR_DENIED, "listen", "is open to other machines without tls",
                            "a loopback address, or tls with cert and key");
    if (p->listen_port == p->admin_port && (strcmp(p->listen_host, p->admin_host) == 0 || wd_value_any_address(p->listen_host)))
        return wd_load_fail(load, WD_ERR_DENIED, "admin", "is the address of listen", "another port");
    return WD_OK;
}

static enum wd_err
check_file(struct wd_load *load, const char *path, const char *file, bool secret)
{
    const char *what;
    enum wd_err err;

    if (file == NULL)
        return WD_OK;
    err = wd_file_check(file, secret, &what);
    if (err == WD_OK)
        return WD_OK;
    return wd_load_fail(load, err, path, what, secret ? "a PEM file of mode 0600" : "a PEM file");
}

static enum wd_err
check_tls(struct wd_load *load)
{
    const struct wd_yaml *tls = wd_yaml_get(load->root, "tls");
    const struct wd_policy *p = load->policy;
    enum wd_err err;

    if (tls != NULL && tls->kind == WD_YAML_MAP && (p->tls_cert == NULL || p->tls_key == NULL))
        return wd_load_fail(load, WD_ERR_NOTFOUND, "tls", "is not whole", "cert and key, or null");
    err = check_file(load, "tls.cert", p->tls_cert, false);
    return err == WD_OK ? check_file(load, "tls.key", p->tls_key, true) : err;
}

static enum wd_err
check_providers(struct wd_load *load)
{
    for (uint32_t i = 0; i < load->policy->provider_count; i++) {
        const struct wd_provider *provider = &load->policy->providers[i];
        char path[64];
        enum wd_err err;

        if (provider->ca_file == NULL)
            continue;
        snprintf(path, sizeof(path), "providers.%s.ca_file", provider->name);
        if (!provider->tls)
            return wd_load_fail(load, WD_ERR_DENIED, path, "has no effect on an http:// url", "null, or an https:// url");
        err = check_file(load, path, provider->ca_file, false);
        if (err != WD_OK)
            return err;
    }
    return WD_OK;
}

static enum wd_err
check_store(struct wd_load *load)
{
    return check_file(load, "store", load->policy->store.ca_file, false);
}

static enum wd_err
check_bounds(struct wd_load *load)
{
    const struct wd_policy *p = load->policy;
    const struct {
        const char *path;
        double min, max;
    } pairs[] = {
        { "input.message_chars.max", p->message_chars_min, p->message_chars_max },
        { "input.temperature.max", p->temperature_min, p->temperature_max },
        { "input.max_tokens.max", p->max_tokens_min, p->max_tokens_max },
    };

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        char accepted[64];

        if (pairs[i].min <= pairs[i].max)
            continue;
        snprintf(accepted, sizeof(accepted), "min up to %.6g, max from %.6g", pairs[i].max, pairs[i].min);
        return wd_load_fail(load, WD_ERR_RANGE, pairs[i].path, "is below min", accepted);
    }
    return WD_OK;
}

static enum wd_err
check_isolation_header(struct wd_load *load, bool given)
{
    static const char *const taken[] = { "x-api-key", "x-goog-api-key", "x-warder-sensitive" };
    const char *header = load->policy->isolation.header;
    bool fits = strncmp(header, "x-", 2) == 0 && header[strspn(header, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';

    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
        fits = fits && strcmp(header, taken[i]) != 0;
    if (!fits)
        return wd_load_fail(load, WD_ERR_SYNTAX, "isolation.header", "cannot name a conversation",
                            "x- and lower-case letters, digits and -; no header that the gateway reads already");
    if (given && load->policy->isolation.scope != WD_SCOPE_CONVERSATION)
        return wd_load_fail(load, WD_ERR_DENIED, "isolation.header", "has no effect with this scope", "scope: conversation");
    return WD_OK;
}

/* "isolation: {scope: user}" may be meant to switch it on: the file has to say so. */
static enum wd_err
check_isolation(struct wd_load *load)
{
    const struct wd_yaml *isolation = wd_yaml_get(load->root, "isolation");
    struct wd_isolation *iso = &load->policy->isolation;

    if (iso->kinds == 0)
        iso->kinds = WD_ISOLATE_DEFAULT;
    if (isolation == NULL || isolation->kind != WD_YAML_MAP || isolation->count == 0)
        return WD_OK;
    if (wd_yaml_get(isolation, "enabled") == NULL)
        return wd_load_fail(load, WD_ERR_DENIED, "isolation", "does not say whether it is enabled", "enabled: true or false");
    return check_isolation_header(load, wd_yaml_get(isolation, "header") != NULL);
}

enum wd_err
wd_check_policy(struct wd_load *load)
{
    static enum wd_err (*const checks[])(struct wd_load *) = {
        check_tls, check_listeners, check_providers, check_store, check_bounds, check_isolation, wd_environ_production,
    };
    enum wd_err err = WD_OK;

    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]) && err == WD_OK; i++)
        err = checks[i](load);
    return err;
}
