#include "load.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "file.h"
#include "store_url.h"
#include "value.h"

#define LOAD_FILE_BYTES (1 << 20)
#define LOAD_ARENA_BYTES (32 << 20)
#define LOAD_PROVIDERS 64 /* bits of wd_role.providers */
#define LOAD_ROLES 64
#define LOAD_OWN_RULES 256
#define LOAD_MODELS 256

#define LOAD_LOWER "abcdefghijklmnopqrstuvwxyz0123456789"
#define LOAD_UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* First words of routes and of the admin listener: a provider of that name could not be told from them. */
static const char *const load_reserved[] = {
    "v1",        "v1beta",     "v1alpha", "messages", "models",  "chat",  "completions",
    "responses", "embeddings", "healthz", "readyz",   "metrics", "admin",
};

/* The node of a path such as "detect.input.secret", or as far as the file has it. */
static const struct wd_yaml *
load_nearest(const struct wd_yaml *node, const char *path)
{
    char key[96];

    while (*path != '\0') {
        size_t len = strcspn(path, ".");
        const struct wd_yaml *child;

        if (len >= sizeof(key))
            return node;
        memcpy(key, path, len);
        key[len] = '\0';
        child = wd_yaml_get(node, key);
        if (child == NULL)
            return node;
        node = child;
        path += len + (path[len] == '.');
    }
    return node;
}

/* The node of a path, NULL when the file has none. */
static const struct wd_yaml *
load_node(const struct wd_yaml *root, const char *path)
{
    const char *dot = strchr(path, '.');
    char first[32];

    if (dot == NULL)
        return wd_yaml_get(root, path);
    snprintf(first, sizeof(first), "%.*s", (int)(dot - path), path);
    root = wd_yaml_get(root, first);
    return root != NULL && root->kind == WD_YAML_MAP ? wd_yaml_get(root, dot + 1) : NULL;
}

enum wd_err
wd_load_fail(struct wd_load *load, enum wd_err err, const char *path, const char *what, const char *accepted)
{
    wd_yaml_error_at(load->error, load->policy->file, load_nearest(load->root, path)->line, path, what, accepted);
    return err;
}

static bool
load_name(const char *name, const char *first, const char *further, size_t max)
{
    size_t len = strlen(name);

    return len > 0 && len <= max && strchr(first, name[0]) != NULL && name[strspn(name, further)] == '\0' &&
           !wd_value_secretive(name);
}

static bool
load_provider_name(const char *name)
{
    for (size_t i = 0; i < sizeof(load_reserved) / sizeof(load_reserved[0]); i++)
        if (strcmp(name, load_reserved[i]) == 0)
            return false;
    return load_name(name, LOAD_LOWER, LOAD_LOWER "-", 32);
}

static bool
load_role_name(const char *name)
{
    return load_name(name, LOAD_LOWER LOAD_UPPER, LOAD_LOWER LOAD_UPPER "-_", 32);
}

static enum wd_err
load_provider(struct wd_load *load, const struct wd_yaml *node, uint32_t index, void *item)
{
    struct wd_provider *provider = item;
    enum wd_err err;

    provider->name = wd_arena_dup(&load->policy->arena, wd_span_str(node->key));
    if (provider->name == NULL)
        return WD_ERR_NOMEM;
    provider->index = index;
    provider->line = node->line;
    err = wd_bind(load, node, "providers.*.", provider);
    if (provider->key_prefix == NULL)
        provider->key_prefix = "";
    return err;
}

static enum wd_err
load_role(struct wd_load *load, const struct wd_yaml *node, uint32_t index, void *item)
{
    struct wd_role *role = item;

    role->name = wd_arena_dup(&load->policy->arena, wd_span_str(node->key));
    if (role->name == NULL)
        return WD_ERR_NOMEM;
    role->index = index;
    return wd_bind(load, node, "roles.*.", role);
}

static enum wd_err
load_own_rule(struct wd_load *load, const struct wd_yaml *node, uint32_t index, void *item)
{
    struct wd_own_rule *rule = item;

    rule->id = wd_arena_dup(&load->policy->arena, wd_span_str(node->key));
    if (rule->id == NULL)
        return WD_ERR_NOMEM;
    rule->line = node->line;
    return wd_bind(load, node, "rules.add.*.", rule);
}

/* A map whose keys are names that the user gives. */
struct load_named {
    const char *key;
    bool may_lack;
    uint32_t max;
    size_t size;
    bool (*is_name)(const char *name);
    enum wd_err (*bind)(struct wd_load *load, const struct wd_yaml *node, uint32_t index, void *item);
    const char *accepted, *accepted_name;
};

static const struct load_named load_providers = {
    .key = "providers",
    .max = LOAD_PROVIDERS,
    .size = sizeof(struct wd_provider),
    .is_name = load_provider_name,
    .bind = load_provider,
    .accepted = "a map of 1 to 64 providers",
    .accepted_name = "1 to 32 of a-z, 0-9 and -, no - first, no word of a route such as v1 or models",
};
static const struct load_named load_roles = {
    .key = "roles",
    .max = LOAD_ROLES,
    .size = sizeof(struct wd_role),
    .is_name = load_role_name,
    .bind = load_role,
    .accepted = "a map of 1 to 64 roles",
    .accepted_name = "1 to 32 letters, digits, - and _, a letter or digit first",
};

static const struct load_named load_models = {
    .key = "models",
    .may_lack = true,
    .max = LOAD_MODELS,
    .size = sizeof(struct wd_model),
    .is_name = wd_budgets_name,
    .bind = wd_budgets_model,
    .accepted = "a map of up to 256 globs of models",
    .accepted_name = "1 to 128 printable ASCII characters without blanks, * any run, ? any one",
};

static const struct load_named load_own_rules = {
    .key = "rules.add",
    .may_lack = true,
    .max = LOAD_OWN_RULES,
    .size = sizeof(struct wd_own_rule),
    .is_name = wd_own_rules_name,
    .bind = load_own_rule,
    .accepted = "a map of up to 256 rules",
    .accepted_name = "1 to 64 of a-z, 0-9 and -, a letter first, no id of a rule that there is",
};

static enum wd_err
load_named_item(struct wd_load *load, const struct load_named *kind, const struct wd_yaml *node, uint32_t index, void *item)
{
    const char *what = "is not a map", *accepted = "a map of its settings";

    if (!kind->is_name(node->key)) {
        what = "is not a usable name";
        accepted = kind->accepted_name;
    } else if (node->kind == WD_YAML_MAP) {
        return kind->bind(load, node, index, item);
    }
    wd_yaml_error(load->error, load->policy->file, node, NULL, what, accepted);
    return WD_ERR_SYNTAX;
}

/* *items and *count are set together, when all are bound. */
static enum wd_err
load_named(struct wd_load *load, const struct load_named *kind, void **items, uint32_t *count)
{
    const struct wd_yaml *map = load_node(load->root, kind->key);
    uint32_t index = 0;
    char *item;

    if (kind->may_lack && (map == NULL || wd_yaml_is_null(map) || (map->kind == WD_YAML_MAP && map->count == 0)))
        return WD_OK;
    if (map == NULL)
        return wd_load_fail(load, WD_ERR_NOTFOUND, kind->key, "is missing", kind->accepted);
    if (map->kind != WD_YAML_MAP || map->count == 0)
        return wd_load_fail(load, WD_ERR_SYNTAX, kind->key, map->kind == WD_YAML_MAP ? "is empty" : "is not a map",
                            kind->accepted);
    if (map->count > kind->max)
        return wd_load_fail(load, WD_ERR_LIMIT, kind->key, "holds too many", kind->accepted);
    item = wd_arena_alloc(&load->policy->arena, map->count * kind->size);
    if (item == NULL)
        return WD_ERR_NOMEM;
    *items = item;
    for (const struct wd_yaml *node = map->child; node != NULL; node = node->next, item += kind->size) {
        enum wd_err err = load_named_item(load, kind, node, index++, item);

        if (err != WD_OK)
            return err;
    }
    *count = map->count;
    return WD_OK;
}

static enum wd_err
load_bind(struct wd_load *load)
{
    struct wd_policy *policy = load->policy;
    void *items = NULL;
    enum wd_err err = wd_bind(load, load->root, "", policy);

    if (err == WD_OK)
        err = load_named(load, &load_providers, &items, &policy->provider_count);
    if (err != WD_OK)
        return err;
    policy->providers = items;
    err = load_named(load, &load_roles, &items, &policy->role_count);
    if (err != WD_OK)
        return err;
    policy->roles = items;
    items = NULL;
    err = load_named(load, &load_models, &items, &policy->model_count);
    if (err != WD_OK)
        return err;
    policy->models = items;
    items = NULL;
    err = load_named(load, &load_own_rules, &items, &policy->own_rule_count);
    policy->own_rules = items;
    if (err == WD_OK)
        err = wd_own_rules_finish(load);
    if (err != WD_OK)
        return err;
    err = wd_environ_apply(load);
    if (err == WD_OK)
        err = wd_budgets_finish(load);
    return err == WD_OK ? wd_check_policy(load) : err;
}

/* The one value of the file that may hold a password. */
static void
load_wipe_store(const struct wd_yaml *root)
{
    const struct wd_yaml *store = root != NULL && root->kind == WD_YAML_MAP ? wd_yaml_get(root, "store") : NULL;

    if (store != NULL && store->kind == WD_YAML_SCALAR && store->text != NULL)
        wd_secret_wipe((char *)store->text, strlen(store->text));
}

static enum wd_err
load_text(struct wd_load *load, struct wd_span text, const char *file, const char *base_dir)
{
    struct wd_policy *policy = load->policy;
    struct wd_arena nodes;
    struct wd_yaml *root = NULL;
    enum wd_err err = WD_ERR_NOMEM;

    policy->file = wd_arena_dup(&policy->arena, wd_span_str(file));
    policy->base_dir = wd_arena_dup(&policy->arena, wd_span_str(base_dir));
    if (policy->file == NULL || policy->base_dir == NULL)
        return err;
    wd_arena_init(&nodes, LOAD_ARENA_BYTES);
    err = wd_yaml_read(&root, text, &nodes, file, load->error);
    load->root = root;
    if (err == WD_OK)
        err = load_bind(load);
    load_wipe_store(root);
    wd_arena_deinit(&nodes);
    return err;
}

enum wd_err
wd_policy_parse(struct wd_policy **policy, struct wd_span text, const char *file, const char *base_dir, wd_getenv_fn *env,
                struct wd_policy_error *error)
{
    struct wd_load load = { .policy = calloc(1, sizeof(struct wd_policy)), .env = env, .error = error };
    enum wd_err err = WD_ERR_NOMEM;

    *policy = NULL;
    error->text[0] = '\0';
    if (load.policy != NULL) {
        wd_arena_init(&load.policy->arena, LOAD_ARENA_BYTES);
        err = load_text(&load, text, file, base_dir);
    }
    if (err == WD_OK) {
        *policy = load.policy;
        return WD_OK;
    }
    if (error->text[0] == '\0')
        wd_yaml_error_at(error, file, 0, "policy", "out of memory", NULL);
    wd_policy_free(load.policy);
    return err;
}

/* The folder, absolute; the caller frees it. NULL with errno. */
static char *
load_base_dir(const char *file, const char *base_dir)
{
    const char *slash = strrchr(file, '/');
    char *folder, *path;

    if (base_dir != NULL)
        return realpath(base_dir, NULL);
    if (slash == NULL)
        return realpath(".", NULL);
    folder = strndup(file, (size_t)(slash - file) + 1);
    if (folder == NULL)
        return NULL;
    path = realpath(folder, NULL);
    free(folder);
    return path;
}

static enum wd_err
load_read(struct wd_buf *text, const char *file, struct wd_policy_error *error)
{
    const char *what;
    enum wd_err err;
    int fd;

    err = wd_file_open(&fd, file, false, &what);
    if (err == WD_OK) {
        err = wd_file_read(text, fd);
        what = err == WD_ERR_LIMIT ? "is too large" : err == WD_ERR_NOMEM ? "out of memory" : "cannot be read";
    }
    if (err == WD_OK && text->len == 0) {
        what = "is empty";
        err = WD_ERR_SYNTAX;
    }
    if (err != WD_OK)
        wd_yaml_error_at(error, file, 1, "policy", what, "a regular file of 1 byte to 1 MiB");
    return err;
}

/* A file that holds the store's password is as secret as a file of keys. */
static enum wd_err
load_check_mode(struct wd_policy **policy, const char *file, struct wd_policy_error *error)
{
    const char *what;

    if (!(*policy)->store.password_in_file || wd_file_check(file, true, &what) == WD_OK)
        return WD_OK;
    wd_yaml_error_at(error, file, 1, "store", "holds a password in a file that others can read",
                     "mode 0600, or the password in WARDER_STORE_PASSWORD instead");
    wd_policy_free(*policy);
    *policy = NULL;
    return WD_ERR_DENIED;
}

enum wd_err
wd_policy_load(struct wd_policy **policy, const char *file, const char *base_dir, wd_getenv_fn *env,
               struct wd_policy_error *error)
{
    struct wd_buf text;
    enum wd_err err;

    *policy = NULL;
    wd_buf_init(&text, LOAD_FILE_BYTES);
    err = load_read(&text, file, error);
    if (err == WD_OK) {
        char *base = load_base_dir(file, base_dir);

        if (base != NULL) {
            err = wd_policy_parse(policy, wd_buf_span(&text), file, base, env, error);
            if (err == WD_OK)
                err = load_check_mode(policy, file, error);
        } else {
            wd_yaml_error_at(error, file, 1, "policy", "the folder of its paths cannot be found", "a folder that exists");
            err = WD_ERR_IO;
        }
        free(base);
    }
    wd_buf_wipe(&text);
    return err;
}

void
wd_policy_free(struct wd_policy *policy)
{
    if (policy == NULL)
        return;
    wd_secret_free(policy->store.password);
    wd_arena_deinit(&policy->arena);
    free(policy);
}

enum wd_err
wd_policy_store_password(struct wd_policy *policy, struct wd_span password)
{
    struct wd_secret *secret;
    enum wd_err err;

    if (!wd_store_password_ok(password))
        return WD_ERR_SYNTAX;
    err = wd_secret_new(&secret, password);
    if (err != WD_OK)
        return err;
    wd_secret_free(policy->store.password);
    policy->store.password = secret;
    return WD_OK;
}

const struct wd_provider *
wd_policy_provider(const struct wd_policy *p, struct wd_span name)
{
    for (uint32_t i = 0; i < p->provider_count; i++)
        if (wd_span_eq(wd_span_str(p->providers[i].name), name))
            return &p->providers[i];
    return NULL;
}

const struct wd_role *
wd_policy_role(const struct wd_policy *p, struct wd_span name)
{
    for (uint32_t i = 0; i < p->role_count; i++)
        if (wd_span_eq(wd_span_str(p->roles[i].name), name))
            return &p->roles[i];
    return NULL;
}

bool
wd_strings_match(const struct wd_strings *globs, struct wd_span text)
{
    for (uint32_t i = 0; i < globs->count; i++)
        if (wd_glob_match(globs->items[i], text))
            return true;
    return false;
}

const struct wd_model *
wd_policy_price(const struct wd_policy *p, struct wd_span model)
{
    for (uint32_t i = 0; i < p->model_count; i++)
        if (p->models[i].price_in != WD_PRICE_NONE && wd_glob_match(p->models[i].name, model))
            return &p->models[i];
    return NULL;
}

bool
wd_role_allows(const struct wd_role *role, const struct wd_provider *provider)
{
    return role->all_providers || (role->providers >> provider->index & 1) != 0;
}
