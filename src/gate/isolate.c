/* What a request shows, collected while its texts are read. */
#include "isolate.h"

#include <stdio.h>

#include "../detect/text/chars.h"

/* --- kinds --- */

/* Of rules that find personal data; the kind of every secret is one. */
static const struct {
    const char *rule_kind;
    uint8_t kind;
} isolate_kinds[] = {
    { "card", WD_ISOLATE_CARDS },
    { "card-code", WD_ISOLATE_CARDS },
    { "iban", WD_ISOLATE_BANK_ACCOUNTS },
    { "bank-account", WD_ISOLATE_BANK_ACCOUNTS },
    { "national-id", WD_ISOLATE_NATIONAL_IDS },
    { "ssn", WD_ISOLATE_NATIONAL_IDS },
    { "tax-id", WD_ISOLATE_NATIONAL_IDS },
    { "passport", WD_ISOLATE_NATIONAL_IDS },
    { "driving-licence", WD_ISOLATE_NATIONAL_IDS },
    { "email", WD_ISOLATE_EMAIL },
    { "phone", WD_ISOLATE_PHONE },
    { "address", WD_ISOLATE_ADDRESS },
    { "birth-date", WD_ISOLATE_BIRTH_DATE },
    { "ip", WD_ISOLATE_IP },
    { "mac", WD_ISOLATE_MAC },
    { "crypto-address", WD_ISOLATE_CRYPTO },
    { "medical-licence", WD_ISOLATE_MEDICAL },
};

enum wd_isolate_kind
wd_isolate_kind_of(const struct wd_rule *rule)
{
    if (rule->category == WD_SECRET)
        return WD_ISOLATE_SECRETS;
    if (rule->category != WD_PII)
        return WD_ISOLATE_NONE;
    for (size_t i = 0; i < sizeof(isolate_kinds) / sizeof(isolate_kinds[0]); i++)
        if (strcmp(rule->kind, isolate_kinds[i].rule_kind) == 0)
            return (enum wd_isolate_kind)isolate_kinds[i].kind;
    return WD_ISOLATE_CUSTOM;
}

/* Which characters of a value are compared, and in which letter case. */
struct isolate_form {
    unsigned keep; /* classes of characters; 0: all but white space, and what is above ASCII */
    bool lower;
    bool exact;   /* as it is */
    bool leading; /* zeros in front do not count */
};

static const struct isolate_form isolate_forms[WD_ISOLATE_COUNT] = {
    [WD_ISOLATE_SECRETS] = { .exact = true },
    [WD_ISOLATE_CARDS] = { .keep = WD_CH_DIGIT },
    [WD_ISOLATE_BANK_ACCOUNTS] = { .keep = WD_CH_ALNUM, .lower = true },
    [WD_ISOLATE_NATIONAL_IDS] = { .keep = WD_CH_ALNUM, .lower = true },
    [WD_ISOLATE_EMAIL] = { .lower = true },
    [WD_ISOLATE_PHONE] = { .keep = WD_CH_DIGIT, .leading = true },
    [WD_ISOLATE_ADDRESS] = { .lower = true },
    [WD_ISOLATE_BIRTH_DATE] = { .keep = WD_CH_ALNUM, .lower = true },
    [WD_ISOLATE_IP] = { .lower = true },
    [WD_ISOLATE_MAC] = { .keep = WD_CH_ALNUM, .lower = true },
    [WD_ISOLATE_CRYPTO] = { .lower = true },
    [WD_ISOLATE_MEDICAL] = { .keep = WD_CH_ALNUM, .lower = true },
    [WD_ISOLATE_CUSTOM] = { .exact = true },
};

static bool
isolate_keeps(const struct isolate_form *form, uint8_t c)
{
    return form->keep != 0 ? wd_char_is(c, form->keep) : !wd_char_is(c, WD_CH_SPACE);
}

/* A key block is the same however its lines are broken; any other secret is compared byte for byte. */
static bool
isolate_is_block(struct wd_span value)
{
    return value.len >= 11 && memcmp(value.ptr, "-----BEGIN ", 11) == 0;
}

size_t
wd_isolate_normal(enum wd_isolate_kind kind, struct wd_span value, char out[WD_ISOLATE_VALUE_MAX])
{
    struct isolate_form form = isolate_forms[kind];
    size_t n = 0;

    if (kind == WD_ISOLATE_SECRETS && isolate_is_block(value))
        form.exact = false;
    for (size_t i = 0; i < value.len && n < WD_ISOLATE_VALUE_MAX; i++) {
        uint8_t c = (uint8_t)value.ptr[i];

        if (!form.exact && !isolate_keeps(&form, c))
            continue;
        if (form.leading && n == 0 && c == '0')
            continue;
        out[n++] = (char)(form.lower ? wd_char_lower(c) : c);
    }
    return n;
}

/* --- sets --- */

static uint32_t *
isolate_slot(const struct wd_isolate_set *set, const uint8_t key[16])
{
    uint32_t at;

    memcpy(&at, key, sizeof(at));
    for (at &= set->size - 1;; at = (at + 1) & (set->size - 1)) {
        uint32_t n = set->table[at];
        if (n == 0 || memcmp(set->items[n - 1].key, key, 16) == 0)
            return &set->table[at];
    }
}

bool
wd_isolate_set_has(const struct wd_isolate_set *set, const uint8_t key[16])
{
    return set->size > 0 && *isolate_slot(set, key) != 0;
}

/* At most half of the table is used. */
static bool
isolate_grow(struct wd_isolate_set *set, struct wd_arena *arena)
{
    uint32_t size = set->size == 0 ? 32 : set->size * 2;
    struct wd_holding *items = wd_arena_alloc(arena, size / 2 * sizeof(*items));
    uint32_t *table = wd_arena_alloc(arena, size * sizeof(*table));

    if (items == NULL || table == NULL)
        return false;
    if (set->count > 0)
        memcpy(items, set->items, set->count * sizeof(*items));
    set->items = items;
    set->table = table;
    set->size = size;
    for (uint32_t n = 0; n < set->count; n++)
        *isolate_slot(set, items[n].key) = n + 1;
    return true;
}

struct wd_holding *
wd_isolate_set_add(struct wd_isolate_set *set, struct wd_arena *arena, const uint8_t key[16], bool *is_new)
{
    uint32_t *slot;

    *is_new = false;
    if (set->size > 0 && *(slot = isolate_slot(set, key)) != 0)
        return &set->items[*slot - 1];
    if (set->count >= set->max || (set->count >= set->size / 2 && !isolate_grow(set, arena)))
        return NULL;
    slot = isolate_slot(set, key);
    *slot = ++set->count;
    memcpy(set->items[set->count - 1].key, key, 16);
    *is_new = true;
    return &set->items[set->count - 1];
}

/* --- scopes --- */

struct wd_span
wd_isolate_scope_of(struct wd_arena *arena, enum wd_isolate_scope scope, const char *who, struct wd_span conversation)
{
    static const char *const names[] = { "user", "tenant", "conversation", "global" };
    size_t name = strlen(names[scope]) + 1, len = strlen(who) + 1;
    char *text;

    if (scope == WD_SCOPE_GLOBAL)
        return WD_SPAN("");
    text = wd_arena_alloc(arena, name + len + conversation.len);
    if (text == NULL)
        return wd_span(NULL, 0);
    memcpy(text, names[scope], name);
    memcpy(text + name, who, len);
    if (conversation.len > 0)
        memcpy(text + name + len, conversation.ptr, conversation.len);
    return wd_span(text, name + len + conversation.len);
}

static bool
isolate_add_scope(struct wd_isolate *i, enum wd_isolate_scope scope, const char *who, struct wd_span conversation)
{
    struct wd_span text = wd_isolate_scope_of(i->arena, scope, who, conversation);

    if (text.ptr == NULL) {
        i->err = WD_ERR_NOMEM;
        return false;
    }
    for (unsigned n = 0; n < i->scope_count; n++)
        if (wd_span_eq(i->scopes[n], text))
            return true;
    i->scopes[i->scope_count++] = text;
    return true;
}

bool
wd_isolate_scopes(struct wd_isolate *i)
{
    enum wd_isolate_scope scope = i->gate->policy->isolation.scope;
    const struct wd_exchange *ex = i->ex;

    if (i->scope_count > 0)
        return true;
    /* who names no conversation speaks in the user's own */
    if (scope == WD_SCOPE_CONVERSATION && ex->conversation.len == 0)
        scope = WD_SCOPE_USER;
    return isolate_add_scope(i, scope, scope == WD_SCOPE_TENANT ? ex->who.role : ex->who.user,
                             scope == WD_SCOPE_CONVERSATION ? ex->conversation : wd_span("", 0)) &&
           isolate_add_scope(i, WD_SCOPE_USER, ex->who.user, wd_span("", 0)) &&
           isolate_add_scope(i, WD_SCOPE_GLOBAL, "", wd_span("", 0));
}

/* --- what detection finds --- */

static enum wd_action
isolate_value(void *ctx, const struct wd_rule *rule, struct wd_span value, enum wd_action action)
{
    struct wd_isolate *i = ctx;
    enum wd_isolate_kind kind = wd_isolate_kind_of(rule);
    char normal[WD_ISOLATE_VALUE_MAX];
    struct wd_holding *h;
    uint8_t key[16];
    size_t len;
    bool is_new;

    if ((i->gate->policy->isolation.kinds >> kind & 1) == 0 || i->err != WD_OK || !wd_isolate_scopes(i))
        return action;
    len = wd_isolate_normal(kind, value, normal);
    if (len == 0)
        return action;
    wd_ledger_key(key, i->gate->ledger_key, WD_LEDGER_VALUE, i->scopes[0], wd_span(normal, len));
    wd_secret_wipe(normal, len);
    if (i->again) {
        if (!wd_isolate_set_has(&i->others, key))
            return action;
        i->hit = true;
        return i->gate->policy->isolation.redact ? WD_REDACT : action;
    }
    h = wd_isolate_set_add(&i->values, i->arena, key, &is_new);
    if (h == NULL)
        i->err = WD_ERR_LIMIT;
    else if (is_new)
        h->kind = kind;
    return action;
}

void
wd_isolate_watch(struct wd_isolate *i, struct wd_scan *scan)
{
    uint32_t kinds = i->gate->policy->isolation.kinds;

    if (!i->on)
        return;
    scan->value = isolate_value;
    scan->value_ctx = i;
    if (scan->actions[WD_SECRET] == WD_OFF && (kinds >> WD_ISOLATE_SECRETS & 1) != 0)
        scan->actions[WD_SECRET] = WD_WATCH;
    if (scan->actions[WD_PII] == WD_OFF && (kinds & ~(1u << WD_ISOLATE_SECRETS)) != 0)
        scan->actions[WD_PII] = WD_WATCH;
}

/* --- one reading --- */

/* What others hold of what the last reading showed. */
static void
isolate_take_others(struct wd_isolate *i)
{
    const struct wd_reservation *held = i->ex->held;
    bool is_new;

    for (size_t n = 0; n < held->value_count && i->err == WD_OK; n++)
        if (held->values[n].held == WD_HELD_OTHER &&
            wd_isolate_set_add(&i->others, i->arena, held->values[n].key, &is_new) == NULL)
            i->err = WD_ERR_NOMEM;
}

void
wd_isolate_begin(struct wd_isolate *i, const struct wd_gate *gate, struct wd_exchange *ex, struct wd_arena *arena)
{
    *i = (struct wd_isolate){
        .gate = gate,
        .ex = ex,
        .arena = arena,
        .on = gate->policy->isolation.enabled,
        .values.max = WD_ISOLATE_VALUES_MAX,
        .probes.max = gate->policy->store.shared ? WD_ISOLATE_PROBES_SHARED : WD_ISOLATE_PROBES_MAX,
        .seen.max = WD_ISOLATE_PROBES_MAX,
        .others.max = WD_ISOLATE_VALUES_MAX + WD_ISOLATE_PROBES_MAX,
    };
    i->filter_version = UINT64_MAX;
    if (!i->on)
        return;
    i->filter_version = 0;
    if (gate->filter != NULL)
        i->filter_version = __atomic_load_n(&gate->filter->version, __ATOMIC_ACQUIRE);
    i->filter = i->filter_version > 0 ? gate->filter : NULL;
    i->again = ex->held != NULL && (ex->taken || ex->denied == WD_WHY_VALUE);
    if (i->again)
        isolate_take_others(i);
}

/* --- telling a conflict --- */

void
wd_isolate_conflict(const struct wd_gate *gate, const struct wd_reservation *held, char *kinds, size_t size, const char **holder)
{
    uint32_t seen = 0;
    uint64_t owner = 0;
    size_t len = 0;

    kinds[0] = '\0';
    *holder = "another provider";
    for (size_t n = 0; n < held->value_count; n++) {
        const struct wd_holding *h = &held->values[n];

        if (h->held != WD_HELD_OTHER)
            continue;
        owner = owner == 0 ? h->owner : owner;
        if ((seen >> h->kind & 1) != 0 || len >= size)
            continue;
        seen |= 1u << h->kind;
        len += (size_t)snprintf(kinds + len, size - len, "%s%s", len > 0 ? ", " : "", wd_isolate_kind_name(h->kind));
    }
    for (uint32_t p = 0; p < gate->policy->provider_count; p++)
        if (owner != 0 && wd_ledger_holder(gate->ledger_key, "provider", wd_span_str(gate->policy->providers[p].name)) == owner)
            *holder = gate->policy->providers[p].name;
}
