/* Any text gives a policy that holds what it promises, or one line of an error that is whole. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "policy/load.h"

static char *
no_variable(const char *name)
{
    return NULL;
}

static void
check_limit(struct wd_limit limit)
{
    assert(limit.count <= 1000000000 && limit.window_s <= 31 * 86400 && (limit.count == 0) == (limit.window_s == 0));
}

static void
check_list(const struct wd_limit_list *list)
{
    assert(list->count <= WD_LIMITS_MAX + 1);
    for (uint32_t i = 0; i < list->count; i++) {
        const struct wd_limit *l = &list->items[i], *before = i > 0 ? l - 1 : NULL;

        assert(l->count > 0 && l->count <= WD_LIMIT_AMOUNT_MAX && l->window_s > 0 && l->window_s <= WD_LIMIT_WINDOW_MAX_S);
        assert(l->unit <= WD_UNIT_MICRO_USD && l->rank == (before != NULL && before->unit == l->unit ? before->rank + 1 : 0));
        assert(before == NULL || before->unit < l->unit || (before->unit == l->unit && before->window_s >= l->window_s));
        assert(l->unit != WD_UNIT_REQUESTS || l->count <= WD_LIMIT_REQUESTS_MAX);
    }
}

static void
check_provider(const struct wd_policy *p, const struct wd_provider *provider)
{
    assert(wd_policy_provider(p, wd_span_str(provider->name)) == provider);
    assert(provider->host[0] != '\0' && provider->port != 0 && provider->key_prefix != NULL);
    assert(provider->base_path[0] == '\0' || provider->base_path[0] == '/');
    assert(provider->key_count > 0 && provider->models.count > 0);
    assert(provider->connect_timeout_ms >= 1000 && provider->read_timeout_ms >= 1000);
    for (uint32_t i = 0; i < provider->key_count; i++)
        assert(provider->keys[i].name[0] != '\0' && (!provider->keys[i].is_file || provider->keys[i].name[0] == '/'));
    for (uint32_t i = 0; i < provider->models.count; i++)
        assert(provider->models.items[i][0] != '\0');
    check_limit(provider->limit);
    check_limit(provider->user_limit);
    check_list(&provider->limits);
    check_list(&provider->user_limits);
}

static void
check_policy(const struct wd_policy *p)
{
    assert(p->provider_count > 0 && p->provider_count <= 64 && p->role_count > 0 && p->role_count <= 64);
    assert(p->state[0] == '/' && p->listen_port != 0 && p->admin_port != 0);
    assert(p->message_chars_min <= p->message_chars_max && p->temperature_min <= p->temperature_max);
    assert(p->max_tokens_min <= p->max_tokens_max && p->body_bytes_max >= 1024 && p->body_bytes_max <= 64 << 20);
    assert(p->detect_input[WD_INJECTION] == WD_OFF && p->detect_output[WD_INJECTION] == WD_OFF);
    check_limit(p->address_limit);
    for (uint32_t i = 0; i < p->provider_count; i++) {
        assert(p->providers[i].index == i);
        check_provider(p, &p->providers[i]);
    }
    for (uint32_t i = 0; i < p->role_count; i++) {
        const struct wd_role *role = &p->roles[i];

        assert(role->all_providers || role->providers != 0);
        assert(p->provider_count == 64 || role->providers >> p->provider_count == 0);
        check_limit(role->limit);
        check_list(&role->limits);
    }
    check_list(&p->user_limits);
    for (uint32_t i = 0; i < p->model_count; i++) {
        check_list(&p->models[i].limits);
        check_list(&p->models[i].user_limits);
        assert((p->models[i].price_in == WD_PRICE_NONE) == (p->models[i].price_out == WD_PRICE_NONE));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wd_policy_error error;
    struct wd_policy *policy;

    if (wd_policy_parse(&policy, wd_span((const char *)data, size), "p", "/nonexistent", no_variable, &error) == WD_OK) {
        check_policy(policy);
    } else {
        assert(policy == NULL && error.text[0] == 'p' && strlen(error.text) < sizeof(error.text));
        for (const char *c = error.text; *c != '\0'; c++)
            assert(*c >= ' ' && *c <= '~');
    }
    wd_policy_free(policy);
    return 0;
}
