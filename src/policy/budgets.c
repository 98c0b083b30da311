/* Limits of requests, tokens and money, and what models cost. */
#include <stdio.h>

#include "load.h"

#define BUDGETS_PRICED "an entry of models with a price whose glob covers it, such as \"*\": {price: {input: 2.50, output: 10}}"

bool
wd_budgets_name(const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < len; i++)
        if (name[i] <= ' ' || name[i] > '~')
            return false;
    return len >= 1 && len <= 128;
}

static enum wd_err
budgets_fail(struct wd_load *load, const struct wd_yaml *node, const char *what, const char *accepted)
{
    wd_yaml_error(load->error, load->policy->file, node, NULL, what, accepted);
    return WD_ERR_DENIED;
}

enum wd_err
wd_budgets_model(struct wd_load *load, const struct wd_yaml *node, uint32_t index, void *item)
{
    struct wd_model *model = item;
    const struct wd_yaml *price = wd_yaml_get(node, "price");
    enum wd_err err;

    (void)index;
    model->name = wd_arena_dup(&load->policy->arena, wd_span_str(node->key));
    if (model->name == NULL)
        return WD_ERR_NOMEM;
    model->price_in = model->price_out = WD_PRICE_NONE;
    err = wd_bind(load, node, "models.*.", model);
    if (err != WD_OK)
        return err;
    if ((model->price_in == WD_PRICE_NONE) != (model->price_out == WD_PRICE_NONE))
        return budgets_fail(load, price, "is not whole", "input and output");
    if (model->price_in == WD_PRICE_NONE && model->limits.count == 0 && model->user_limits.count == 0)
        return budgets_fail(load, node, "says nothing", "price, limits or user_limits");
    return WD_OK;
}

/* --- what can be spent must have a price --- */

static bool
budgets_covered(const struct wd_policy *p, const char *models)
{
    for (uint32_t i = 0; i < p->model_count; i++)
        if (p->models[i].price_in != WD_PRICE_NONE && wd_glob_covers(p->models[i].name, models))
            return true;
    return false;
}

/* The first glob of the provider's models that no price covers; NULL: each is. */
static const char *
budgets_unpriced(const struct wd_policy *p, const struct wd_provider *provider)
{
    for (uint32_t i = 0; i < provider->models.count; i++)
        if (!budgets_covered(p, provider->models.items[i]))
            return provider->models.items[i];
    return NULL;
}

static bool
budgets_money(const struct wd_limit_list *list)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (list->items[i].unit == WD_UNIT_MICRO_USD)
            return true;
    return false;
}

/* What is looked up once a policy: of each provider what budgets_unpriced() says. */
struct budgets_check {
    struct wd_load *load;
    const char *unpriced[64];
};

/* The list stands in map under key; role NULL: of every provider, only: of this one alone. */
static enum wd_err
budgets_check(const struct budgets_check *c, const struct wd_yaml *map, const char *key, const struct wd_limit_list *list,
              const struct wd_role *role, const struct wd_provider *only)
{
    const struct wd_policy *p = c->load->policy;

    if (!budgets_money(list))
        return WD_OK;
    for (uint32_t i = 0; i < p->provider_count; i++) {
        const struct wd_provider *provider = &p->providers[i];
        const char *models = c->unpriced[i];
        char what[256];

        if ((only != NULL && provider != only) || (role != NULL && !wd_role_allows(role, provider)))
            continue;
        if (models == NULL)
            continue;
        snprintf(what, sizeof(what), "counts usd, and %s of the provider %s has no price", wd_yaml_shown(models), provider->name);
        return budgets_fail(c->load, wd_yaml_get(map, key), what, BUDGETS_PRICED);
    }
    return WD_OK;
}

static bool
budgets_reach(const struct wd_policy *p, const struct wd_model *model)
{
    for (uint32_t i = 0; i < p->provider_count; i++)
        for (uint32_t k = 0; k < p->providers[i].models.count; k++)
            if (wd_glob_overlap(model->name, p->providers[i].models.items[k]))
                return true;
    return false;
}

/* A glob with money of its own needs a price of its own, or one that covers it; a glob with limits must meet some model. */
static enum wd_err
budgets_check_model(struct wd_load *load, const struct wd_model *model)
{
    const struct wd_yaml *node = wd_yaml_get(wd_yaml_get(load->root, "models"), model->name);
    bool all = budgets_money(&model->limits), each = budgets_money(&model->user_limits);

    if (model->limits.count + model->user_limits.count > 0 && !budgets_reach(load->policy, model))
        return budgets_fail(load, node, "limits models that no provider has", "a glob that meets one of providers.*.models");
    if ((all || each) && !budgets_covered(load->policy, model->name))
        return budgets_fail(load, wd_yaml_get(node, all ? "limits" : "user_limits"), "counts usd, and there is no price",
                            BUDGETS_PRICED);
    return WD_OK;
}

static enum wd_err
budgets_check_all(struct wd_load *load)
{
    const struct wd_policy *p = load->policy;
    const struct wd_yaml *providers = wd_yaml_get(load->root, "providers"), *roles = wd_yaml_get(load->root, "roles");
    struct budgets_check c = { .load = load };
    enum wd_err err;

    for (uint32_t i = 0; i < p->provider_count; i++)
        c.unpriced[i] = budgets_unpriced(p, &p->providers[i]);
    err = budgets_check(&c, load->root, "user_limits", &p->user_limits, NULL, NULL);

    for (uint32_t i = 0; i < p->provider_count && err == WD_OK; i++) {
        const struct wd_provider *provider = &p->providers[i];
        const struct wd_yaml *node = wd_yaml_get(providers, provider->name);

        err = budgets_check(&c, node, "limits", &provider->limits, NULL, provider);
        if (err == WD_OK)
            err = budgets_check(&c, node, "user_limits", &provider->user_limits, NULL, provider);
    }
    for (uint32_t i = 0; i < p->role_count && err == WD_OK; i++)
        err = budgets_check(&c, wd_yaml_get(roles, p->roles[i].name), "limits", &p->roles[i].limits, &p->roles[i], NULL);
    for (uint32_t i = 0; i < p->model_count && err == WD_OK; i++)
        err = budgets_check_model(load, &p->models[i]);
    return err;
}

/* --- one list a scope --- */

static void
budgets_merge(struct wd_limit_list *list, struct wd_limit one)
{
    if (one.count > 0)
        list->items[list->count++] = one;
    wd_limits_rank(list->items, list->count);
}

enum wd_err
wd_budgets_finish(struct wd_load *load)
{
    struct wd_policy *p = load->policy;
    enum wd_err err = budgets_check_all(load);

    if (err != WD_OK)
        return err;
    for (uint32_t i = 0; i < p->provider_count; i++) {
        budgets_merge(&p->providers[i].limits, p->providers[i].limit);
        budgets_merge(&p->providers[i].user_limits, p->providers[i].user_limit);
    }
    for (uint32_t i = 0; i < p->role_count; i++)
        budgets_merge(&p->roles[i].limits, p->roles[i].limit);
    for (uint32_t i = 0; i < p->model_count; i++) {
        budgets_merge(&p->models[i].limits, (struct wd_limit){ 0 });
        budgets_merge(&p->models[i].user_limits, (struct wd_limit){ 0 });
    }
    budgets_merge(&p->user_limits, (struct wd_limit){ .count = p->max_requests_per_user, .window_s = 3600 });
    return WD_OK;
}
