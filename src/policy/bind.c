#include <assert.h>
#include <stdio.h>

#include "../detect/pattern.h"
#include "load.h"
#include "settings.h"
#include "store_url.h"
#include "value.h"

#define BIND_NAME 96

static_assert(offsetof(struct wd_policy, listen_port) == offsetof(struct wd_policy, listen_host) + sizeof(char *) &&
                  offsetof(struct wd_policy, admin_port) == offsetof(struct wd_policy, admin_host) + sizeof(char *),
              "the port of an address stands behind its host");

/* One value on its way into its member. */
struct bind {
    struct wd_policy *policy;
    const struct wd_setting *row;
    void *base, *member;
    int line;
    uint32_t index, count; /* of a list: the item at hand and their number */
    const char *what;      /* what is wrong, when there is more to say than the error code */
    char text[128];        /* room for it */
};

typedef enum wd_err bind_set_fn(struct bind *b, const char *text);

static enum wd_err
bind_keep(struct bind *b, const char **member, const char *text)
{
    *member = wd_arena_dup(&b->policy->arena, wd_span_str(text));
    return *member != NULL ? WD_OK : WD_ERR_NOMEM;
}

static bool
bind_in_range(const struct bind *b, double value)
{
    return value >= (double)b->row->min && value <= (double)b->row->max;
}

static enum wd_err
bind_address(struct bind *b, const char *text)
{
    char host[WD_ADDRESS_SIZE];
    uint16_t *port = (uint16_t *)(void *)((char *)b->member + sizeof(char *));
    enum wd_err err = wd_value_address(host, port, text);

    return err == WD_OK ? bind_keep(b, b->member, host) : err;
}

static enum wd_err
bind_bytes(struct bind *b, const char *text)
{
    uint64_t n;
    enum wd_err err = wd_value_bytes(&n, text);

    if (err != WD_OK)
        return err;
    if (!bind_in_range(b, (double)n))
        return WD_ERR_RANGE;
    *(uint64_t *)b->member = n;
    return WD_OK;
}

static enum wd_err
bind_find_choice(struct bind *b, const char *text, int *value)
{
    for (const struct wd_choice *c = b->row->choices; c->name != NULL; c++) {
        if (!wd_glob_match(c->name, wd_span_str(text)))
            continue;
        b->what = "asks for what is not available in this version";
        *value = c->value;
        return c->unbuilt ? WD_ERR_DENIED : WD_OK;
    }
    return WD_ERR_SYNTAX;
}

static enum wd_err
bind_choice(struct bind *b, const char *text)
{
    int value;
    enum wd_err err = bind_find_choice(b, text, &value);

    if (err != WD_OK)
        return err;
    if (b->row->size == sizeof(bool))
        *(bool *)b->member = value != 0;
    else if (b->row->size == sizeof(int))
        *(int *)b->member = value;
    return WD_OK;
}

static enum wd_err
bind_flags(struct bind *b, const char *text)
{
    int value;
    enum wd_err err = bind_find_choice(b, text, &value);

    if (err == WD_OK)
        *(uint32_t *)b->member |= (uint32_t)value;
    return err;
}

static enum wd_err
bind_decimal(struct bind *b, const char *text)
{
    double value;
    enum wd_err err = wd_value_decimal(&value, text);

    if (err != WD_OK)
        return err;
    if (!bind_in_range(b, value))
        return WD_ERR_RANGE;
    *(double *)b->member = value;
    return WD_OK;
}

static enum wd_err
bind_duration(struct bind *b, const char *text)
{
    uint64_t seconds;
    enum wd_err err = wd_duration_parse(&seconds, text);

    if (err != WD_OK)
        return err;
    if (!bind_in_range(b, (double)seconds))
        return WD_ERR_RANGE;
    if (b->row->size != 0)
        *(uint32_t *)b->member = (uint32_t)(seconds * 1000);
    return WD_OK;
}

static enum wd_err
bind_limit(struct bind *b, const char *text)
{
    return wd_limit_parse(b->member, WD_UNIT_REQUESTS, text);
}

static enum wd_err
bind_price(struct bind *b, const char *text)
{
    uint64_t micro;
    enum wd_err err = wd_value_micro(&micro, text);

    if (err != WD_OK)
        return err;
    if (micro < (uint64_t)b->row->min * 1000000 || micro > (uint64_t)b->row->max * 1000000)
        return WD_ERR_RANGE;
    *(uint64_t *)b->member = micro;
    return WD_OK;
}

static enum wd_err
bind_uint(struct bind *b, const char *text)
{
    uint64_t n;
    enum wd_err err = wd_value_uint(&n, text);

    if (err != WD_OK)
        return err;
    if (!bind_in_range(b, (double)n))
        return WD_ERR_RANGE;
    *(uint32_t *)b->member = (uint32_t)n;
    return WD_OK;
}

static enum wd_err
bind_millis(struct bind *b, const char *text)
{
    uint64_t ms;
    enum wd_err err = wd_value_millis(&ms, text);

    if (err != WD_OK)
        return err;
    if (!bind_in_range(b, (double)ms))
        return WD_ERR_RANGE;
    *(uint32_t *)b->member = (uint32_t)ms;
    return WD_OK;
}

static bool
bind_printable(const char *text, size_t min, size_t max, const char *but)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < len; i++)
        if (text[i] < ' ' || text[i] > '~' || strchr(but, text[i]) != NULL)
            return false;
    return len >= min && len <= max;
}

static enum wd_err
bind_text(struct bind *b, const char *text)
{
    if (!bind_printable(text, (size_t)b->row->min, (size_t)b->row->max, "\"'\\"))
        return WD_ERR_SYNTAX;
    return bind_keep(b, b->member, text);
}

static enum wd_err
bind_prefix(struct bind *b, const char *text)
{
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");

    if (text[len] != '\0' || len < (size_t)b->row->min || len > (size_t)b->row->max)
        return WD_ERR_SYNTAX;
    if (wd_value_secretive(text)) {
        b->what = "looks like a whole key";
        return WD_ERR_SYNTAX;
    }
    return bind_keep(b, b->member, text);
}

/* Paths end up in a configuration file of another program: what could end a word there is refused. */
static enum wd_err
bind_path(struct bind *b, const char *text, const char **path)
{
    const char *base = b->policy->base_dir;
    char whole[1025];
    int len;

    while (text[0] == '.' && text[1] == '/')
        text += 2 + strspn(text + 2, "/");
    len = snprintf(whole, sizeof(whole), "%s%s%s", text[0] == '/' ? "" : base,
                   text[0] == '/' || base[strlen(base) - 1] == '/' ? "" : "/", text);
    if (text[0] == '\0' || len < 0 || (size_t)len >= sizeof(whole) || strpbrk(whole, "\"'\\$;{}") != NULL)
        return WD_ERR_SYNTAX;
    return bind_keep(b, path, whole);
}

static enum wd_err
bind_file(struct bind *b, const char *text)
{
    return bind_path(b, text, b->member);
}

static enum wd_err
bind_url(struct bind *b, const char *text)
{
    struct wd_provider *provider = b->base;
    struct wd_url url;
    enum wd_err err = wd_value_url(&url, text, &b->what);

    if (err != WD_OK)
        return err;
    provider->tls = url.tls;
    provider->port = url.port;
    err = bind_keep(b, &provider->host, url.host);
    return err == WD_OK ? bind_keep(b, &provider->base_path, url.path) : err;
}

static enum wd_err
bind_store(struct bind *b, const char *text)
{
    struct wd_store_url *store = b->member;
    enum wd_err err = wd_store_url(store, &b->policy->arena, text, &b->what);

    if (err != WD_OK || store->ca_file == NULL)
        return err;
    b->what = "has no valid ca_file";
    return bind_path(b, store->ca_file, &store->ca_file);
}

/* What is wrong with it is said without the pattern: it may hold a value that somebody wants to find. */
static enum wd_err
bind_pattern(struct bind *b, const char *text)
{
    enum wd_err err;

    if (!bind_printable(text, (size_t)b->row->min, (size_t)b->row->max, " "))
        return WD_ERR_SYNTAX;
    err = wd_pattern_check(wd_span_str(text), b->text, sizeof(b->text));
    if (err == WD_ERR_NOMEM)
        return err;
    b->what = b->text;
    return err == WD_OK ? bind_keep(b, b->member, text) : WD_ERR_SYNTAX;
}

static enum wd_err
bind_item(struct bind *b, const char *text)
{
    struct wd_strings *list = b->member;

    if (b->index == 0) {
        list->items = wd_arena_alloc(&b->policy->arena, b->count * sizeof(*list->items));
        if (list->items == NULL)
            return WD_ERR_NOMEM;
        list->count = b->count;
    }
    return bind_keep(b, &list->items[b->index], text);
}

static enum wd_err
bind_word(struct bind *b, const char *text)
{
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789 -_");

    return text[len] == '\0' && len >= 1 && len <= 64 ? bind_item(b, text) : WD_ERR_SYNTAX;
}

static enum wd_err
bind_glob(struct bind *b, const char *text)
{
    return bind_printable(text, 1, 128, " ") ? bind_item(b, text) : WD_ERR_SYNTAX;
}

static bool
bind_variable_name(const char *name)
{
    size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");

    return len > 0 && len <= 64 && name[len] == '\0' && !(name[0] >= '0' && name[0] <= '9') && !wd_value_secretive(name);
}

/* Whatever is wrong here may be a key that was pasted: the text is never shown. */
static enum wd_err
bind_key(struct bind *b, const char *text)
{
    struct wd_provider *provider = b->base;
    struct wd_key_source *source;
    const char *name, *last;

    if (b->index == 0) {
        provider->keys = wd_arena_alloc(&b->policy->arena, b->count * sizeof(*provider->keys));
        if (provider->keys == NULL)
            return WD_ERR_NOMEM;
        provider->key_count = b->count;
    }
    source = &provider->keys[b->index];
    source->line = b->line;
    source->is_file = strncmp(text, "file:", 5) == 0;
    b->what = "must be env:NAME or file:PATH";
    if (!source->is_file && strncmp(text, "env:", 4) != 0)
        return WD_ERR_SYNTAX;
    name = text + (source->is_file ? 5 : 4);
    if (!source->is_file) {
        b->what = "does not name a variable";
        return bind_variable_name(name) ? bind_keep(b, &source->name, name) : WD_ERR_SYNTAX;
    }
    b->what = "does not name a file";
    last = strrchr(name, '/');
    if (wd_value_secretive(last != NULL ? last + 1 : name))
        return WD_ERR_SYNTAX;
    return bind_path(b, name, &source->name);
}

static enum wd_err
bind_role_provider(struct bind *b, const char *text)
{
    struct wd_role *role = b->base;
    const struct wd_provider *provider;

    if (strcmp(text, "*") == 0) {
        role->all_providers = true;
        return WD_OK;
    }
    provider = wd_policy_provider(b->policy, wd_span_str(text));
    if (provider == NULL) {
        snprintf(b->text, sizeof(b->text), "names %s, which is not in providers", wd_yaml_shown(text));
        b->what = b->text;
        return WD_ERR_NOTFOUND;
    }
    role->providers |= UINT64_C(1) << provider->index;
    return WD_OK;
}

static const struct {
    bind_set_fn *set;
    bool list;
} bind_kinds[WD_SETTING_KINDS] = {
    [WD_SETTING_ADDRESS] = { bind_address },
    [WD_SETTING_BYTES] = { bind_bytes },
    [WD_SETTING_CHOICE] = { bind_choice },
    [WD_SETTING_DECIMAL] = { bind_decimal },
    [WD_SETTING_DURATION] = { bind_duration },
    [WD_SETTING_FLAGS] = { bind_flags, .list = true },
    [WD_SETTING_GLOBS] = { bind_glob, .list = true },
    [WD_SETTING_KEYS] = { bind_key, .list = true },
    [WD_SETTING_LIMIT] = { bind_limit },
    [WD_SETTING_LIMITS] = { NULL, .list = true },
    [WD_SETTING_MILLIS] = { bind_millis },
    [WD_SETTING_PATTERN] = { bind_pattern },
    [WD_SETTING_PATH] = { bind_file },
    [WD_SETTING_PREFIX] = { bind_prefix },
    [WD_SETTING_PRICE] = { bind_price },
    [WD_SETTING_PROVIDERS] = { bind_role_provider, .list = true },
    [WD_SETTING_STORE] = { bind_store },
    [WD_SETTING_TEXT] = { bind_text },
    [WD_SETTING_UINT] = { bind_uint },
    [WD_SETTING_UNBUILT] = { NULL },
    [WD_SETTING_URL] = { bind_url },
    [WD_SETTING_WORDS] = { bind_word, .list = true },
};

static enum wd_err
bind_fail(struct wd_load *load, enum wd_err err, const struct wd_yaml *node, const struct wd_setting *row, const char *what)
{
    char accepted[WD_ACCEPTED_SIZE];

    if (err == WD_ERR_NOMEM) {
        wd_yaml_error(load->error, load->policy->file, node, NULL, "out of memory", NULL);
        return err;
    }
    wd_setting_accepted(row, accepted);
    if (what == NULL)
        what = err == WD_ERR_RANGE ? "is out of range" : "is not valid";
    wd_yaml_error(load->error, load->policy->file, node, NULL, what, accepted);
    return err;
}

static void
bind_init(struct bind *b, struct wd_load *load, const struct wd_setting *row, void *base)
{
    *b = (struct bind){ .policy = load->policy, .row = row, .base = base, .count = 1 };
    b->member = row->size != 0 ? (char *)base + row->offset : NULL;
}

/* A map of one unit: {tokens: 200000/1h}. */
static enum wd_err
bind_limits_item(struct bind *b, const struct wd_yaml *item)
{
    static const char *const units[] = {
        [WD_UNIT_REQUESTS] = "requests", [WD_UNIT_TOKENS] = "tokens", [WD_UNIT_MICRO_USD] = "usd"
    };
    struct wd_limit_list *list = b->member;
    const struct wd_yaml *entry = item->kind == WD_YAML_MAP && item->count == 1 ? item->child : NULL;

    b->what = "has an item that is no map of one unit";
    if (entry == NULL || entry->kind != WD_YAML_SCALAR || wd_yaml_is_null(entry) || wd_yaml_is_blank(entry))
        return WD_ERR_SYNTAX;
    for (int u = 0; u < 3; u++) {
        if (strcmp(entry->key, units[u]) != 0)
            continue;
        b->what = NULL;
        return wd_limit_parse(&list->items[list->count++], (enum wd_unit)u, entry->text);
    }
    snprintf(b->text, sizeof(b->text), "counts %s, which is no unit", wd_yaml_shown(entry->key));
    b->what = b->text;
    return WD_ERR_NOTFOUND;
}

static enum wd_err
bind_list_item(struct bind *b, const struct wd_yaml *item)
{
    if (b->row->kind == WD_SETTING_LIMITS)
        return bind_limits_item(b, item);
    b->what = "has an item that is no text";
    if (item->kind != WD_YAML_SCALAR || wd_yaml_is_null(item) || wd_yaml_is_blank(item))
        return WD_ERR_SYNTAX;
    b->what = NULL;
    return bind_kinds[b->row->kind].set(b, item->text);
}

static enum wd_err
bind_list(struct wd_load *load, const struct wd_setting *row, const struct wd_yaml *list, void *base)
{
    struct bind b;

    if (list->kind != WD_YAML_LIST)
        return bind_fail(load, WD_ERR_SYNTAX, list, row, "is not a list");
    if (list->count < row->min)
        return bind_fail(load, WD_ERR_RANGE, list, row, "is an empty list");
    if (list->count > row->max)
        return bind_fail(load, WD_ERR_RANGE, list, row, "has too many items");
    bind_init(&b, load, row, base);
    b.count = list->count;
    if (b.member != NULL)
        memset(b.member, 0, row->size);
    for (const struct wd_yaml *item = list->child; item != NULL; item = item->next, b.index++) {
        enum wd_err err;

        b.line = item->line;
        err = bind_list_item(&b, item);
        if (err != WD_OK)
            return bind_fail(load, err, item, row, b.what);
    }
    return WD_OK;
}

static enum wd_err
bind_value(struct wd_load *load, const struct wd_setting *row, const struct wd_yaml *node, void *base)
{
    struct bind b;
    enum wd_err err;

    if (wd_yaml_is_blank(node))
        return bind_fail(load, WD_ERR_SYNTAX, node, row, "has no value");
    if (row->kind == WD_SETTING_UNBUILT) {
        bool none = wd_yaml_is_null(node) || (node->kind == WD_YAML_LIST && node->count == 0);

        return none ? WD_OK : bind_fail(load, WD_ERR_DENIED, node, row, "asks for what is not available in this version");
    }
    if (wd_yaml_is_null(node)) {
        bool may = row->fallback != NULL && strcmp(row->fallback, "null") == 0;

        return may ? WD_OK : bind_fail(load, WD_ERR_SYNTAX, node, row, "must not be null");
    }
    if (bind_kinds[row->kind].list)
        return bind_list(load, row, node, base);
    if (node->kind != WD_YAML_SCALAR)
        return bind_fail(load, WD_ERR_SYNTAX, node, row, "is not a single value");
    bind_init(&b, load, row, base);
    b.line = node->line;
    err = bind_kinds[row->kind].set(&b, node->text);
    return err == WD_OK ? WD_OK : bind_fail(load, err, node, row, b.what);
}

/* The rest of the row's name behind the prefix; NULL when it is not in that map or stands below any name. */
static const char *
bind_rest(const struct wd_setting *row, const char *prefix)
{
    size_t len = strlen(prefix);

    if (strncmp(row->name, prefix, len) != 0 || strchr(row->name + len, '*') != NULL)
        return NULL;
    return row->name + len;
}

static enum wd_err
bind_defaults(struct wd_load *load, const struct wd_yaml *map, const char *prefix, void *base)
{
    char accepted[WD_ACCEPTED_SIZE];

    for (size_t i = 0; i < wd_settings_count; i++) {
        const struct wd_setting *row = &wd_settings[i];
        const char *rest = bind_rest(row, prefix);
        struct bind b;

        if (rest == NULL)
            continue;
        if (row->fallback == NULL && wd_yaml_get(map, rest) == NULL) {
            wd_setting_accepted(row, accepted);
            wd_yaml_error(load->error, load->policy->file, map, rest, "is missing", accepted);
            return WD_ERR_NOTFOUND;
        }
        if (row->size == 0 || row->fallback == NULL || row->fallback[0] == '\0' || strcmp(row->fallback, "null") == 0)
            continue;
        bind_init(&b, load, row, base);
        if (bind_kinds[row->kind].set(&b, row->fallback) != WD_OK) {
            wd_yaml_error(load->error, load->policy->file, map, rest, "has no usable default; name it", NULL);
            return WD_ERR_SYNTAX;
        }
    }
    return WD_OK;
}

static enum wd_err
bind_unknown(struct wd_load *load, const struct wd_yaml *node, const char *prefix)
{
    char names[320] = "";
    size_t len = 0, before = 0;

    for (size_t i = 0; i < wd_settings_count; i++) {
        const char *rest = wd_settings[i].name + strlen(prefix);
        size_t word;

        if (strncmp(wd_settings[i].name, prefix, strlen(prefix)) != 0)
            continue;
        word = strcspn(rest, ".");
        /* rows of one group stand together */
        if (len > 0 && len - before == word && memcmp(names + before, rest, word) == 0)
            continue;
        if (len + word + 3 > sizeof(names))
            break;
        before = len > 0 ? len + 2 : 0;
        len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%.*s", len > 0 ? ", " : "", (int)word, rest);
    }
    wd_yaml_error(load->error, load->policy->file, node, NULL, "is not a known key", names);
    return WD_ERR_NOTFOUND;
}

static enum wd_err bind_map(struct wd_load *load, const struct wd_yaml *map, const char *prefix, void *base);

static enum wd_err
bind_node(struct wd_load *load, const struct wd_yaml *node, const char *prefix, void *base)
{
    char name[BIND_NAME];
    const struct wd_setting *group = NULL;
    int len = snprintf(name, sizeof(name), "%s%s", prefix, node->key);

    if (len < 0 || (size_t)len + 2 > sizeof(name) || strpbrk(node->key, ".*") != NULL || node->key[0] == '\0')
        return bind_unknown(load, node, prefix);
    for (size_t i = 0; i < wd_settings_count && group == NULL; i++) {
        if (strcmp(wd_settings[i].name, name) == 0)
            return bind_value(load, &wd_settings[i], node, base);
        if (strncmp(wd_settings[i].name, name, (size_t)len) == 0 && wd_settings[i].name[len] == '.')
            group = &wd_settings[i];
    }
    if (group == NULL)
        return bind_unknown(load, node, prefix);
    /* maps of any names are bound by themselves */
    if (group->name[len + 1] == '*' || wd_yaml_is_null(node))
        return WD_OK;
    if (node->kind != WD_YAML_MAP) {
        wd_yaml_error(load->error, load->policy->file, node, NULL, wd_yaml_is_blank(node) ? "has no value" : "is not a map",
                      "a map, or null");
        return WD_ERR_SYNTAX;
    }
    memcpy(name + len, ".", 2);
    return bind_map(load, node, name, base);
}

static enum wd_err
bind_map(struct wd_load *load, const struct wd_yaml *map, const char *prefix, void *base)
{
    enum wd_err err = WD_OK;

    for (const struct wd_yaml *node = map->child; node != NULL && err == WD_OK; node = node->next)
        err = bind_node(load, node, prefix, base);
    return err;
}

enum wd_err
wd_bind(struct wd_load *load, const struct wd_yaml *map, const char *prefix, void *base)
{
    enum wd_err err = bind_defaults(load, map, prefix, base);

    return err == WD_OK ? bind_map(load, map, prefix, base) : err;
}
