/* From rules to an engine: compiled here, or taken from the form in which one was stored. */
#include "engine_priv.h"

#include <sodium.h>
#include <stdlib.h>

#include "text/chars.h"
#include "injection/injection_phrases.h"

/* The stored form: this, then for each database its length (8 bytes) and its serialized bytes. */
struct engine_stored {
    char magic[8];
    uint8_t rules[WD_ENGINE_DIGEST_BYTES]; /* wd_engine_digest() */
    uint8_t rest[WD_ENGINE_DIGEST_BYTES];  /* of all that follows this member */
    uint32_t shortest, shortest_plain;
};

static const char engine_magic[8] = "WDRULES";

/* Escapes that may hide a letter, a digit, a blank or a slash. Only bytes as they came hold them. */
enum { ENGINE_CONTEXT_LEN = 16384, ENGINE_PHONE_DIGITS = 6 };

#define ENGINE_ESCAPE "\\\\(?:u00[0-7]|/)"

static void
engine_learn_needs(struct wd_engine *e)
{
    const char *c;
    size_t i;

    for (i = 0; i < e->count; i++)
        for (c = e->rules[i]->pattern != NULL ? e->rules[i]->needs : ""; *c != '\0'; c++)
            e->needed[(uint8_t)*c] = 1;
}

static void
engine_learn(struct wd_engine *e)
{
    const struct wd_rule *rule;
    hs_expr_info_t *info;
    hs_compile_error_t *error;
    uint32_t width;
    size_t i;

    engine_learn_needs(e);
    e->shortest = e->shortest_plain = UINT32_MAX;
    for (i = 0; i < e->count; i++) {
        rule = e->rules[i];
        if (rule->pattern == NULL)
            continue;
        width = 0;
        if (hs_expression_info(rule->pattern, HS_FLAG_SINGLEMATCH, &info, &error) == HS_SUCCESS) {
            width = info->min_width;
            free(info);
        } else {
            hs_free_compile_error(error);
        }
        e->shortest = width < e->shortest ? width : e->shortest;
        if (rule->needs[0] == '\0')
            e->shortest_plain = width < e->shortest_plain ? width : e->shortest_plain;
    }
}

/* Characters that the policy's own patterns name and no token holds: a word goes on over them. */
static void
engine_learn_own(struct wd_engine *e)
{
    const char *c;
    size_t i;

    for (i = 0; i < e->set.more_count; i++)
        for (c = e->set.more[i].pattern; *c != '\0'; c++) {
            uint8_t u = (uint8_t)*c;

            if (u == '\\' && c[1] != '\\')
                continue;
            e->quotes = e->quotes || u == '"' || u == '\\';
            if (u == '"' || wd_char_is_token(u) || wd_char_is(u, WD_CH_SPACE))
                continue;
            e->extra[u / 32] |= (uint32_t)1 << (u % 32);
            e->has_extra = true;
        }
}

static bool
engine_is_off(const struct wd_ruleset *set, const struct wd_rule *rule)
{
    size_t i;

    for (i = 0; i < set->off_count; i++)
        if (strcmp(set->off[i], rule->id) == 0)
            return true;
    return false;
}

/* The fewest digits that a finding of the rule has. */
static uint8_t
engine_least(const struct wd_rule *rule)
{
    unsigned least = 255, digits = 0;
    const char *c;

    if (rule->shape == WD_SHAPE_PHONE)
        return ENGINE_PHONE_DIGITS;
    if (rule->mask == NULL)
        return 0;
    for (c = rule->mask; *c != '\0'; c++) {
        digits += *c == '#';
        if (*c != '|' && c[1] != '\0')
            continue;
        least = digits < least ? digits : least;
        digits = 0;
    }
    return (uint8_t)least;
}

static bool
engine_are_twins(const struct wd_rule *a, const struct wd_rule *b)
{
    return a->pattern != NULL && strcmp(a->pattern, b->pattern) == 0 && wd_engine_is_number(a) == wd_engine_is_number(b);
}

/* Which rules share a pattern, which share their context. */
static enum wd_err
engine_pair(struct wd_engine *e)
{
    uint32_t i, k;

    for (i = 0; i < e->count; i++) {
        if (e->rules[i]->pattern == NULL)
            continue;
        for (k = i; k-- > 0 && !engine_are_twins(e->rules[k], e->rules[i]);)
            continue;
        e->repeats[i] = k != UINT32_MAX;
        if (e->repeats[i])
            e->same[k] = (uint16_t)i;
        e->least[i] = engine_least(e->rules[i]);
        if (e->rules[i]->context == NULL)
            continue;
        for (k = 0; k < e->context_count && strcmp(e->contexts[k], e->rules[i]->context) != 0; k++)
            continue;
        if (k == WD_ENGINE_CONTEXTS_MAX)
            return WD_ERR_LIMIT;
        if (k == e->context_count)
            e->context_least[e->context_count++] = UINT8_MAX;
        e->contexts[k] = e->rules[i]->context;
        /* One digit is enough for a house, and too little to look for. */
        e->early[k] |= e->rules[i]->shape == WD_SHAPE_POSTAL;
        if (wd_engine_is_number(e->rules[i]) && e->least[i] < e->context_least[k])
            e->context_least[k] = e->least[i];
        e->context[i] = (uint16_t)(k + 1);
    }
    return WD_OK;
}

/* The table and the rules of the policy, without those that are off. */
static enum wd_err
engine_take(struct wd_engine *e, const struct wd_ruleset *set)
{
    size_t i, all = wd_rule_count();
    const struct wd_rule *rule;

    e->set = set != NULL ? *set : (struct wd_ruleset){ 0 };
    if (all + e->set.more_count > WD_ENGINE_RULES_MAX)
        return WD_ERR_LIMIT;
    for (i = 0; i < all + e->set.more_count; i++) {
        rule = i < all ? wd_rule_at(i) : &e->set.more[i - all];
        if (!engine_is_off(&e->set, rule))
            e->rules[e->count++] = rule;
        if (rule->pattern == NULL && !engine_is_off(&e->set, rule))
            e->bare = rule;
        if (rule->shape == WD_SHAPE_HANDLER && !engine_is_off(&e->set, rule))
            e->handler = rule;
    }
    engine_learn_own(e);
    return engine_pair(e);
}

/*
 * The words as a pattern, a superset of what wd_piece_context() answers, which takes letters and digits for the start of a
 * word. Raw text may have an escape before it. exact: that is asked for, too.
 */
static enum wd_err
engine_words(const char *words, bool exact, char out[ENGINE_CONTEXT_LEN])
{
    static const char begins[] = "(?:^|[^A-Za-z0-9]|\\\\(?:[nrtbf]|u[0-9A-Fa-f]{4}))";
    bool first = true;
    size_t n = 0;

    for (; *words != '\0'; words++) {
        if (n + sizeof(begins) + 3 > ENGINE_CONTEXT_LEN)
            return WD_ERR_LIMIT;
        if (exact && first && wd_char_is((uint8_t)*words, WD_CH_ALNUM)) {
            memcpy(out + n, begins, sizeof(begins) - 1);
            n += sizeof(begins) - 1;
        }
        if (*words != '|' && (uint8_t)*words < 0x80 && !wd_char_is((uint8_t)*words, WD_CH_ALNUM))
            out[n++] = '\\';
        out[n++] = *words;
        first = *words == '|';
    }
    out[n] = '\0';
    return WD_OK;
}

/* What is to be compiled: rules, and for a quick look escapes (numbered count) and contexts (numbered behind that). */
struct engine_source {
    const char *patterns[WD_ENGINE_RULES_MAX + 1 + WD_ENGINE_CONTEXTS_MAX];
    unsigned flags[WD_ENGINE_RULES_MAX + 1 + WD_ENGINE_CONTEXTS_MAX], id[WD_ENGINE_RULES_MAX + 1 + WD_ENGINE_CONTEXTS_MAX], n;
    char words[WD_ENGINE_CONTEXTS_MAX][ENGINE_CONTEXT_LEN];
};

static void
engine_source_add(struct engine_source *s, const char *pattern, unsigned flags, unsigned id)
{
    s->patterns[s->n] = pattern;
    s->flags[s->n] = flags;
    s->id[s->n++] = id;
}

/* What one database holds. */
struct engine_plan {
    unsigned flags;
    bool rules, numbers, escapes, early, contexts;
    bool alone; /* no rule that needs words */
};

static const struct engine_plan engine_plans[WD_ENGINE_DBS] = {
    [WD_ENGINE_LOOK] = { .flags = HS_FLAG_SINGLEMATCH, .rules = true, .escapes = true, .early = true },
    [WD_ENGINE_FIND] = { .flags = HS_FLAG_SOM_LEFTMOST, .rules = true },
    [WD_ENGINE_NUMBERS] = { .flags = HS_FLAG_SINGLEMATCH, .numbers = true, .alone = true },
    [WD_ENGINE_FIND_NUMBERS] = { .flags = HS_FLAG_SOM_LEFTMOST, .numbers = true },
    [WD_ENGINE_WORDS] = { .flags = HS_FLAG_SINGLEMATCH, .contexts = true },
};

/* One of the rules that share the pattern of rule i needs no words. */
static bool
engine_stands_alone(const struct wd_engine *e, uint32_t i)
{
    do {
        if (e->rules[i]->context == NULL)
            return true;
    } while ((i = e->same[i]) != 0);
    return false;
}

static enum wd_err
engine_fill(const struct wd_engine *e, const struct engine_plan *plan, struct engine_source *s)
{
    enum wd_err err = WD_OK;
    uint32_t i;

    for (i = 0; i < e->count; i++) {
        const struct wd_rule *rule = e->rules[i];

        if (e->repeats[i] || rule->pattern == NULL || (plan->escapes && rule == e->handler) ||
            (plan->alone && !engine_stands_alone(e, i)))
            continue;
        if (wd_engine_is_number(rule) ? plan->numbers : plan->rules)
            engine_source_add(s, rule->pattern, plan->flags, i);
    }
    if (plan->escapes)
        engine_source_add(s, ENGINE_ESCAPE, plan->flags, e->count);
    for (i = 0; i < e->context_count && err == WD_OK; i++) {
        if (!plan->contexts && !(plan->early && e->early[i]))
            continue;
        err = engine_words(e->contexts[i], plan->contexts, s->words[i]);
        /* Every place of early words counts. */
        engine_source_add(s, s->words[i], (plan->contexts ? plan->flags : 0) | HS_FLAG_CASELESS, e->count + 1 + i);
    }
    /* A database holds something. */
    if (s->n == 0)
        engine_source_add(s, ENGINE_ESCAPE, plan->flags, e->count);
    return err;
}

static enum wd_err
engine_compile(struct wd_engine *e, enum wd_engine_db db)
{
    struct engine_source *s = calloc(1, sizeof(*s));
    hs_compile_error_t *error;
    enum wd_err err;
    hs_error_t rc;

    if (s == NULL)
        return WD_ERR_NOMEM;
    err = engine_fill(e, &engine_plans[db], s);
    if (err != WD_OK) {
        free(s);
        return err;
    }
    rc = hs_compile_multi(s->patterns, s->flags, s->id, s->n, HS_MODE_BLOCK, NULL, &e->db[db], &error);
    free(s);
    if (rc == HS_SUCCESS)
        return WD_OK;
    hs_free_compile_error(error);
    return rc == HS_NOMEM ? WD_ERR_NOMEM : WD_ERR_SYNTAX;
}

enum wd_err
wd_engine_new(struct wd_engine **engine, const struct wd_ruleset *set)
{
    struct wd_engine *e = calloc(1, sizeof(*e));
    enum wd_err err;
    int db;

    if (e == NULL)
        return WD_ERR_NOMEM;
    err = engine_take(e, set);
    if (err == WD_OK)
        engine_learn(e);
    for (db = 0; db < WD_ENGINE_DBS && err == WD_OK; db++)
        if (db != WD_ENGINE_PHRASES)
            err = engine_compile(e, (enum wd_engine_db)db);
    if (err == WD_OK)
        err = wd_injection_phrases_new(&e->db[WD_ENGINE_PHRASES]);
    if (err == WD_OK)
        err = wd_injection_new(&e->injection, e->db[WD_ENGINE_PHRASES]);
    if (err != WD_OK) {
        wd_engine_free(e);
        return err;
    }
    *engine = e;
    return WD_OK;
}

void
wd_engine_free(struct wd_engine *engine)
{
    size_t i;

    if (engine == NULL)
        return;
    wd_injection_free(engine->injection);
    for (i = 0; i < WD_ENGINE_DBS; i++)
        hs_free_database(engine->db[i]);
    free(engine);
}

static void
engine_hash(crypto_generichash_state *state, const char *s)
{
    crypto_generichash_update(state, (const uint8_t *)s, strlen(s) + 1);
}

void
wd_engine_digest(const struct wd_ruleset *set, uint8_t digest[WD_ENGINE_DIGEST_BYTES])
{
    crypto_generichash_state state;
    size_t i, all = wd_rule_count();
    const struct wd_rule *rule;

    crypto_generichash_init(&state, NULL, 0, WD_ENGINE_DIGEST_BYTES);
    engine_hash(&state, WARDER_VERSION);
    engine_hash(&state, hs_version());
    engine_hash(&state, ENGINE_ESCAPE);
    for (i = 0; i < all + (set != NULL ? set->more_count : 0); i++) {
        rule = i < all ? wd_rule_at(i) : &set->more[i - all];
        if (set != NULL && engine_is_off(set, rule))
            continue;
        engine_hash(&state, rule->id);
        engine_hash(&state, rule->pattern != NULL ? rule->pattern : "");
        engine_hash(&state, rule->needs);
        engine_hash(&state, rule->context != NULL ? rule->context : "");
    }
    for (i = 0; i < wd_rules_injection.count; i++)
        engine_hash(&state, wd_rules_injection.rows[i].pattern);
    crypto_generichash_final(&state, digest, WD_ENGINE_DIGEST_BYTES);
}

enum wd_err
wd_engine_save(const struct wd_engine *engine, struct wd_buf *out)
{
    struct engine_stored head = { .shortest = engine->shortest, .shortest_plain = engine->shortest_plain };
    size_t start = out->len, from = start + offsetof(struct engine_stored, shortest), i;
    enum wd_err err = wd_buf_add(out, wd_span((const char *)&head, sizeof(head)));

    for (i = 0; i < WD_ENGINE_DBS && err == WD_OK; i++) {
        char *bytes = NULL;
        size_t len = 0;
        uint64_t length;

        if (hs_serialize_database(engine->db[i], &bytes, &len) != HS_SUCCESS)
            return WD_ERR_NOMEM;
        length = len;
        err = wd_buf_add(out, wd_span((const char *)&length, sizeof(length)));
        if (err == WD_OK)
            err = wd_buf_add(out, wd_span(bytes, len));
        free(bytes);
    }
    if (err != WD_OK)
        return err;
    memcpy(head.magic, engine_magic, sizeof(head.magic));
    wd_engine_digest(&engine->set, head.rules);
    crypto_generichash(head.rest, sizeof(head.rest), (const uint8_t *)out->ptr + from, out->len - from, NULL, 0);
    memcpy(out->ptr + start, &head, sizeof(head));
    return WD_OK;
}

/* The databases behind the head, which is whole and of these rules. */
static enum wd_err
engine_restore(struct wd_engine *e, struct wd_span rest)
{
    uint64_t length;
    size_t i;

    for (i = 0; i < WD_ENGINE_DBS; i++) {
        if (rest.len < sizeof(length))
            return WD_ERR_CORRUPT;
        memcpy(&length, rest.ptr, sizeof(length));
        rest = wd_span(rest.ptr + sizeof(length), rest.len - sizeof(length));
        /* Of another processor or version of the library, too. */
        if (length > rest.len || hs_deserialize_database(rest.ptr, (size_t)length, &e->db[i]) != HS_SUCCESS)
            return WD_ERR_CORRUPT;
        rest = wd_span(rest.ptr + length, rest.len - (size_t)length);
    }
    return rest.len == 0 ? WD_OK : WD_ERR_CORRUPT;
}

enum wd_err
wd_engine_load(struct wd_engine **engine, const struct wd_ruleset *set, struct wd_span stored)
{
    uint8_t digest[WD_ENGINE_DIGEST_BYTES];
    const size_t from = offsetof(struct engine_stored, shortest);
    struct engine_stored head;
    struct wd_engine *e;
    enum wd_err err;

    if (stored.len < sizeof(head))
        return WD_ERR_CORRUPT;
    memcpy(&head, stored.ptr, sizeof(head));
    wd_engine_digest(set, digest);
    if (memcmp(head.magic, engine_magic, sizeof(head.magic)) != 0 || memcmp(head.rules, digest, sizeof(digest)) != 0)
        return WD_ERR_CORRUPT;
    crypto_generichash(digest, sizeof(digest), (const uint8_t *)stored.ptr + from, stored.len - from, NULL, 0);
    if (memcmp(head.rest, digest, sizeof(digest)) != 0)
        return WD_ERR_CORRUPT;
    e = calloc(1, sizeof(*e));
    if (e == NULL)
        return WD_ERR_NOMEM;
    err = engine_take(e, set);
    if (err == WD_OK) {
        engine_learn_needs(e);
        e->shortest = head.shortest;
        e->shortest_plain = head.shortest_plain;
        err = engine_restore(e, wd_span(stored.ptr + sizeof(head), stored.len - sizeof(head)));
    }
    if (err == WD_OK)
        err = wd_injection_new(&e->injection, e->db[WD_ENGINE_PHRASES]);
    if (err != WD_OK) {
        wd_engine_free(e);
        return err;
    }
    *engine = e;
    return WD_OK;
}
