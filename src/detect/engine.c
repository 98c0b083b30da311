#include "engine.h"

#include <hs.h>
#include <sodium.h>
#include <stdlib.h>

#include "chars.h"
#include "match.h"
#include "measure_pii.h"

enum { ENGINE_RULES_MAX = 1024, ENGINE_CONTEXTS_MAX = 256, ENGINE_CONTEXT_LEN = 2048, ENGINE_WORDS = 4 };

/* Escapes that may hide a letter, a digit, a blank or a slash. Only bytes as they came hold them. */
#define ENGINE_ESCAPE "\\\\(?:u00[0-7]|/)"

struct wd_engine {
    const struct wd_rule *rules[ENGINE_RULES_MAX]; /* by the number of their pattern */
    uint32_t count;
    uint16_t same[ENGINE_RULES_MAX];    /* the next rule that has the same pattern, 0: none. Only the first is in a database */
    bool repeats[ENGINE_RULES_MAX];     /* an earlier one has it */
    uint16_t context[ENGINE_RULES_MAX]; /* the number of the words that a rule needs, from 1; 0: it needs none */
    const char *contexts[ENGINE_CONTEXTS_MAX];
    uint32_t context_count;
    hs_database_t *look;     /* does anything match? */
    hs_database_t *find;     /* where does it start? */
    uint32_t shortest;       /* no finding is shorter */
    uint32_t shortest_plain; /* none that is made of letters alone */
    uint8_t needed[256];     /* 1: a finding may need this character */
};

struct wd_scratch {
    hs_scratch_t *hs;
    struct wd_matches matches;
    /* While a piece is matched. */
    const struct wd_scan *scan;
    const struct wd_piece *piece;
    /* The last word that a pattern led to whose rules look at words: once is enough. */
    struct {
        unsigned id;
        uint32_t start;
    } words[ENGINE_WORDS];
    enum wd_err err;
};

static void
engine_learn(struct wd_engine *e)
{
    const struct wd_rule *rule;
    hs_expr_info_t *info;
    hs_compile_error_t *error;
    uint32_t width;
    size_t i;
    const char *c;

    e->shortest = e->shortest_plain = UINT32_MAX;
    for (i = 0; i < e->count; i++) {
        rule = e->rules[i];
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
        for (c = rule->needs; *c != '\0'; c++)
            e->needed[(uint8_t)*c] = 1;
    }
}

/* Which rules share a pattern, which share their context. */
static enum wd_err
engine_pair(struct wd_engine *e)
{
    uint32_t i, k;

    for (i = 0; i < e->count; i++) {
        for (k = i; k-- > 0 && strcmp(e->rules[k]->pattern, e->rules[i]->pattern) != 0;)
            continue;
        e->repeats[i] = k != UINT32_MAX;
        if (e->repeats[i])
            e->same[k] = (uint16_t)i;
        if (e->rules[i]->context == NULL)
            continue;
        for (k = 0; k < e->context_count && strcmp(e->contexts[k], e->rules[i]->context) != 0; k++)
            continue;
        if (k == ENGINE_CONTEXTS_MAX)
            return WD_ERR_LIMIT;
        e->contexts[k] = e->rules[i]->context;
        e->context_count = k == e->context_count ? k + 1 : e->context_count;
        e->context[i] = (uint16_t)(k + 1);
    }
    return WD_OK;
}

/* The words as a pattern: a superset of what wd_piece_context() answers. */
static enum wd_err
engine_words(const char *words, char out[ENGINE_CONTEXT_LEN])
{
    size_t n = 0;

    for (; *words != '\0'; words++) {
        if (n + 3 > ENGINE_CONTEXT_LEN)
            return WD_ERR_LIMIT;
        if (*words != '|' && (uint8_t)*words < 0x80 && !wd_char_is((uint8_t)*words, WD_CH_ALNUM))
            out[n++] = '\\';
        out[n++] = *words;
    }
    out[n] = '\0';
    return WD_OK;
}

/* What is to be compiled: rules, and for a quick look escapes (numbered count) and contexts (numbered behind that). */
struct engine_source {
    const char *patterns[ENGINE_RULES_MAX + 1 + ENGINE_CONTEXTS_MAX];
    unsigned flags[ENGINE_RULES_MAX + 1 + ENGINE_CONTEXTS_MAX], id[ENGINE_RULES_MAX + 1 + ENGINE_CONTEXTS_MAX], n;
    char words[ENGINE_CONTEXTS_MAX][ENGINE_CONTEXT_LEN];
};

static void
engine_source_add(struct engine_source *s, const char *pattern, unsigned flags, unsigned id)
{
    s->patterns[s->n] = pattern;
    s->flags[s->n] = flags;
    s->id[s->n++] = id;
}

static enum wd_err
engine_compile(const struct wd_engine *e, hs_database_t **db, unsigned flags, bool look)
{
    struct engine_source *s = calloc(1, sizeof(*s));
    hs_compile_error_t *error;
    enum wd_err err = WD_OK;
    hs_error_t rc;
    uint32_t i;

    if (s == NULL)
        return WD_ERR_NOMEM;
    for (i = 0; i < e->count; i++)
        if (!e->repeats[i])
            engine_source_add(s, e->rules[i]->pattern, flags, i);
    if (look)
        engine_source_add(s, ENGINE_ESCAPE, flags, e->count);
    for (i = 0; look && i < e->context_count && err == WD_OK; i++) {
        err = engine_words(e->contexts[i], s->words[i]);
        engine_source_add(s, s->words[i], flags | HS_FLAG_CASELESS, e->count + 1 + i);
    }
    if (err != WD_OK) {
        free(s);
        return err;
    }
    rc = hs_compile_multi(s->patterns, s->flags, s->id, s->n, HS_MODE_BLOCK, NULL, db, &error);
    free(s);
    if (rc == HS_SUCCESS)
        return WD_OK;
    hs_free_compile_error(error);
    return rc == HS_NOMEM ? WD_ERR_NOMEM : WD_ERR_SYNTAX;
}

enum wd_err
wd_engine_new(struct wd_engine **engine)
{
    struct wd_engine *e = calloc(1, sizeof(*e));
    const struct wd_rule *rule;
    enum wd_err err;

    if (e == NULL)
        return WD_ERR_NOMEM;
    while (e->count < ENGINE_RULES_MAX && (rule = wd_rule_at(e->count)) != NULL)
        e->rules[e->count++] = rule;
    engine_learn(e);
    err = engine_pair(e);
    if (err == WD_OK)
        err = engine_compile(e, &e->look, HS_FLAG_SINGLEMATCH, true);
    if (err == WD_OK)
        err = engine_compile(e, &e->find, HS_FLAG_SOM_LEFTMOST, false);
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
    if (engine == NULL)
        return;
    hs_free_database(engine->look);
    hs_free_database(engine->find);
    free(engine);
}

enum wd_err
wd_scratch_new(struct wd_scratch **scratch, const struct wd_engine *engine)
{
    struct wd_scratch *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return WD_ERR_NOMEM;
    if (hs_alloc_scratch(engine->look, &s->hs) != HS_SUCCESS || hs_alloc_scratch(engine->find, &s->hs) != HS_SUCCESS) {
        wd_scratch_free(s);
        return WD_ERR_NOMEM;
    }
    *scratch = s;
    return WD_OK;
}

void
wd_scratch_free(struct wd_scratch *scratch)
{
    if (scratch == NULL)
        return;
    hs_free_scratch(scratch->hs);
    free(scratch->matches.items);
    free(scratch);
}

enum wd_action
wd_scan_action(const struct wd_scan *scan, const struct wd_rule *rule)
{
    if (rule == &wd_rule_own)
        return WD_REDACT;
    return (rule->directions & scan->direction) != 0 ? scan->actions[rule->category] : WD_OFF;
}

void
wd_scan_fingerprint(const struct wd_scan *scan, const struct wd_rule *rule, struct wd_span value,
                    uint8_t fingerprint[WD_FINGERPRINT_BYTES])
{
    crypto_generichash_state state;
    size_t i;

    crypto_generichash_init(&state, scan->fingerprint_key, sizeof(scan->fingerprint_key), WD_FINGERPRINT_BYTES);
    if (rule->shape == WD_SHAPE_CARD) {
        for (i = 0; i < value.len; i++)
            if (wd_char_is((uint8_t)value.ptr[i], WD_CH_DIGIT))
                crypto_generichash_update(&state, (const uint8_t *)value.ptr + i, 1);
    } else {
        crypto_generichash_update(&state, (const uint8_t *)value.ptr, value.len);
    }
    crypto_generichash_final(&state, fingerprint, WD_FINGERPRINT_BYTES);
    sodium_memzero(&state, sizeof(state));
}

/* What a quick look has seen. */
struct engine_view {
    const struct wd_scan *scan;
    bool whole; /* the text is all there is: what a rule needs before its value has to stand in it */
    uint64_t seen[ENGINE_CONTEXTS_MAX / 64], wanted[ENGINE_CONTEXTS_MAX / 64];
};

/* A rule that counts ends the scan, one that needs a context when that is there, too. */
static int
engine_on_look(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *ctx)
{
    struct engine_view *view = ctx;
    const struct wd_engine *e = view->scan->engine;
    unsigned context;
    uint64_t bit;

    if (id == e->count)
        return 1;
    if (id > e->count) {
        context = id - e->count - 1;
        bit = (uint64_t)1 << (context % 64);
        view->seen[context / 64] |= bit;
        return (view->wanted[context / 64] & bit) != 0;
    }
    do {
        if (wd_scan_action(view->scan, e->rules[id]) == WD_OFF)
            continue;
        if (e->context[id] == 0 || !view->whole)
            return 1;
        context = e->context[id] - 1u;
        bit = (uint64_t)1 << (context % 64);
        if ((view->seen[context / 64] & bit) != 0)
            return 1;
        view->wanted[context / 64] |= bit;
    } while ((id = e->same[id]) != 0);
    return 0;
}

static bool
engine_look(const struct wd_scan *scan, struct wd_span text, bool whole)
{
    struct engine_view view = { .scan = scan, .whole = whole };

    if (text.len < scan->engine->shortest)
        return false;
    /* What could not be scanned is suspect. */
    if (text.len > UINT32_MAX)
        return true;
    return hs_scan(scan->engine->look, text.ptr, (unsigned)text.len, 0, scan->scratch->hs, engine_on_look, &view) != HS_SUCCESS;
}

static bool
engine_holds_own(const struct wd_scan *scan, struct wd_span text)
{
    struct wd_span key;
    size_t i;

    for (i = 0; i < scan->own_count; i++) {
        key = wd_secret_get(scan->own[i]);
        if (key.len > 0 && key.len <= text.len && memmem(text.ptr, text.len, key.ptr, key.len) != NULL)
            return true;
    }
    return false;
}

bool
wd_scan_suspect(const struct wd_scan *scan, struct wd_span raw)
{
    struct wd_span key;
    size_t i;

    if (engine_look(scan, raw, true) || engine_holds_own(scan, raw))
        return true;
    /* A key with a character that JSON escapes may stand there in another form. */
    for (i = 0; i < scan->own_count; i++) {
        key = wd_secret_get(scan->own[i]);
        if (memchr(key.ptr, '\\', key.len) != NULL || memchr(key.ptr, '"', key.len) != NULL)
            return true;
    }
    return false;
}

bool
wd_match_possible(const struct wd_scan *scan, struct wd_span chars, uint32_t longest_piece)
{
    const struct wd_engine *e = scan->engine;
    bool needed = false;
    size_t i;

    if (engine_holds_own(scan, chars))
        return true;
    if (longest_piece < e->shortest)
        return false;
    for (i = 0; i < chars.len && !needed; i++)
        needed = e->needed[(uint8_t)chars.ptr[i]] != 0;
    return (needed || longest_piece >= e->shortest_plain) && engine_look(scan, chars, false);
}

static enum wd_err
engine_add(struct wd_matches *all, const struct wd_match *m)
{
    struct wd_match *items;
    uint32_t i, size;

    for (i = all->count; i > 0 && all->items[i - 1].start >= m->start; i--) {
        struct wd_match *other = &all->items[i - 1];

        if (other->start != m->start || other->end != m->end || other->rule->category != m->rule->category)
            continue;
        if (m->rule->severity > other->rule->severity)
            *other = *m;
        return WD_OK;
    }
    if (all->count == all->size) {
        size = all->size == 0 ? 16 : all->size * 2;
        items = realloc(all->items, size * sizeof(*items));
        if (items == NULL)
            return WD_ERR_NOMEM;
        all->items = items;
        all->size = size;
    }
    for (i = all->count; i > 0 && all->items[i - 1].start > m->start; i--)
        all->items[i] = all->items[i - 1];
    all->items[i] = *m;
    all->count++;
    return WD_OK;
}

/* Inside of what the same rule has found already there is nothing more to find. */
static bool
engine_is_known(const struct wd_matches *all, const struct wd_rule *rule, uint32_t from)
{
    uint32_t i;

    for (i = all->count; i > 0; i--)
        if (all->items[i - 1].rule == rule)
            return from < all->items[i - 1].end;
    return false;
}

/* The rules of this pattern look at the word around the match, and have looked at it before. */
static bool
engine_is_word_known(struct wd_scratch *s, unsigned id, uint32_t from)
{
    const struct wd_rule *rule = s->scan->engine->rules[id];
    uint32_t slot = id % ENGINE_WORDS, start;

    if (rule->mask == NULL || rule->mask[0] != '<')
        return false;
    start = wd_measure_word(s->piece, from);
    if (start == WD_MEASURE_NO_WORD || (s->words[slot].id == id && s->words[slot].start == start))
        return true;
    s->words[slot].id = id;
    s->words[slot].start = start;
    return false;
}

static int
engine_on_find(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *ctx)
{
    struct wd_scratch *s = ctx;
    const struct wd_engine *e = s->scan->engine;
    bool known = engine_is_word_known(s, id, (uint32_t)from);
    struct wd_match m;

    do {
        const struct wd_rule *rule = e->rules[id];

        if (rule->mask != NULL && known)
            continue;
        if (wd_scan_action(s->scan, rule) == WD_OFF || engine_is_known(&s->matches, rule, (uint32_t)from))
            continue;
        if (wd_measure(rule, s->piece, (uint32_t)from, (uint32_t)to, &m))
            s->err = engine_add(&s->matches, &m);
    } while (s->err == WD_OK && (id = e->same[id]) != 0);
    return s->err != WD_OK;
}

uint32_t
wd_piece_before(const struct wd_piece *piece, uint32_t at, char out[WD_CONTEXT_MAX])
{
    uint32_t here = at + piece->near, n = here < WD_CONTEXT_MAX ? here : WD_CONTEXT_MAX, more, i;

    more = WD_CONTEXT_MAX - n < piece->past_len ? WD_CONTEXT_MAX - n : piece->past_len;
    for (i = 0; i < more; i++)
        out[i] = (char)wd_char_lower(piece->past[piece->past_len - more + i]);
    for (i = 0; i < n; i++)
        out[more + i] = (char)wd_char_lower(piece->chars[(int64_t)at - n + i]);
    return more + n;
}

int
wd_piece_at(const struct wd_piece *piece, int64_t i)
{
    if (i >= 0)
        return i < piece->len ? piece->chars[i] : i == piece->len ? piece->after : -1;
    if (-i <= piece->near)
        return piece->chars[i];
    i += (int64_t)piece->near + piece->past_len;
    return i >= 0 ? piece->past[i] : -1;
}

bool
wd_piece_near(const struct wd_piece *piece, uint32_t at, const char *words, uint32_t reach)
{
    char before[WD_CONTEXT_MAX];
    uint32_t len = wd_piece_before(piece, at, before);
    const char *start = len > reach ? before + len - reach : before, *found, *from;
    size_t n;

    for (;; words += n + 1) {
        n = strcspn(words, "|");
        for (from = start; n > 0 && (found = memmem(from, len - (size_t)(from - before), words, n)) != NULL; from = found + 1)
            if (found == before || !wd_char_is((uint8_t)found[-1], WD_CH_ALNUM) || !wd_char_is((uint8_t)words[0], WD_CH_ALNUM))
                return true;
        if (words[n] == '\0')
            return false;
    }
}

bool
wd_piece_context(const struct wd_piece *piece, uint32_t at, const char *words)
{
    return wd_piece_near(piece, at, words, WD_CONTEXT_MAX);
}

static enum wd_err
engine_find_own(const struct wd_scan *scan, const struct wd_piece *piece)
{
    struct wd_match m = { .rule = &wd_rule_own };
    const uint8_t *at, *from, *end = piece->chars + piece->len;
    struct wd_span key;
    enum wd_err err;
    size_t i;

    for (i = 0; i < scan->own_count; i++) {
        key = wd_secret_get(scan->own[i]);
        for (from = piece->chars; key.len > 0; from = at + key.len) {
            at = memmem(from, (size_t)(end - from), key.ptr, key.len);
            if (at == NULL)
                break;
            m.start = (uint32_t)(at - piece->chars);
            m.end = m.start + (uint32_t)key.len;
            err = engine_add(&scan->scratch->matches, &m);
            if (err != WD_OK)
                return err;
        }
    }
    return WD_OK;
}

/* The more severe one, then the longer. */
static bool
engine_is_better(const struct wd_match *a, const struct wd_match *b)
{
    if (a->rule->severity != b->rule->severity)
        return a->rule->severity > b->rule->severity;
    return a->end - a->start > b->end - b->start;
}

/* Of findings of personal data that overlap one is left: a number is one thing. */
static void
engine_sweep(struct wd_matches *all)
{
    struct wd_match *last = NULL, *m;
    uint32_t i, n = 0;

    for (i = 0; i < all->count; i++) {
        m = &all->items[i];
        if (m->rule->category != WD_PII)
            continue;
        if (last == NULL || m->start >= last->end) {
            last = m;
        } else if (engine_is_better(m, last)) {
            last->rule = NULL;
            last = m;
        } else {
            m->rule = NULL;
        }
    }
    for (i = 0; i < all->count; i++)
        if (all->items[i].rule != NULL)
            all->items[n++] = all->items[i];
    all->count = n;
}

enum wd_err
wd_match_piece(const struct wd_scan *scan, const struct wd_piece *piece, struct wd_matches **out)
{
    struct wd_scratch *s = scan->scratch;
    hs_error_t rc;

    s->matches.count = 0;
    *out = &s->matches;
    s->err = engine_find_own(scan, piece);
    if (s->err != WD_OK || piece->len < scan->engine->shortest)
        return s->err;
    s->scan = scan;
    s->piece = piece;
    memset(s->words, 0xff, sizeof(s->words));
    rc = hs_scan(scan->engine->find, (const char *)piece->chars, piece->len, 0, s->hs, engine_on_find, s);
    if (rc != HS_SUCCESS && s->err == WD_OK)
        s->err = WD_ERR_NOMEM;
    engine_sweep(&s->matches);
    return s->err;
}
