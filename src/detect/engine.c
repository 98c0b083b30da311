#include "engine.h"

#include <hs.h>
#include <sodium.h>
#include <stdlib.h>

#include "../base/buf.h"
#include "canon.h"
#include "chars.h"
#include "encoded.h"
#include "injection.h"
#include "match.h"
#include "reader.h"

enum { ENGINE_RULES_MAX = 1024, ENGINE_READ_KEPT = 1 << 18 };

/* Escapes that may hide a letter, a digit, a blank or a slash. Only bytes as they came hold them. */
#define ENGINE_ESCAPE "\\\\(?:u00[0-7]|/)"

struct wd_engine {
    const struct wd_rule *rules[ENGINE_RULES_MAX]; /* by the number of their pattern */
    uint32_t count;
    hs_database_t *look;     /* does anything match? */
    hs_database_t *find;     /* where does it start? */
    uint32_t shortest;       /* no finding is shorter */
    uint32_t shortest_plain; /* none that is made of letters alone */
    uint8_t needed[256];     /* 1: a finding may need this character */
    struct wd_injection *injection;
};

struct wd_scratch {
    hs_scratch_t *hs;
    struct wd_canon canon;
    struct wd_matches matches;
    struct wd_buf read; /* a text as its reader sees it */
    /* While a piece is matched. */
    const struct wd_scan *scan;
    const struct wd_piece *piece;
    struct wd_matches *into;
    enum wd_err err;
    struct wd_encoded encoded;
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

static enum wd_err
engine_compile(const struct wd_engine *e, hs_database_t **db, unsigned flags, bool escapes)
{
    const char *patterns[ENGINE_RULES_MAX + 1];
    unsigned flag[ENGINE_RULES_MAX + 1], id[ENGINE_RULES_MAX + 1], n;
    hs_compile_error_t *error;
    hs_error_t rc;

    for (n = 0; n < e->count; n++) {
        patterns[n] = e->rules[n]->pattern;
        flag[n] = flags;
        id[n] = n;
    }
    if (escapes) {
        patterns[n] = ENGINE_ESCAPE;
        flag[n] = flags;
        id[n] = n;
        n++;
    }
    rc = hs_compile_multi(patterns, flag, id, n, HS_MODE_BLOCK, NULL, db, &error);
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
    err = engine_compile(e, &e->look, HS_FLAG_SINGLEMATCH, true);
    if (err == WD_OK)
        err = engine_compile(e, &e->find, HS_FLAG_SOM_LEFTMOST, false);
    if (err == WD_OK)
        err = wd_injection_new(&e->injection);
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
    wd_injection_free(engine->injection);
    free(engine);
}

enum wd_err
wd_scratch_new(struct wd_scratch **scratch, const struct wd_engine *engine)
{
    struct wd_scratch *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return WD_ERR_NOMEM;
    wd_buf_init(&s->read, UINT32_MAX);
    wd_encoded_init(&s->encoded);
    wd_canon_init(&s->canon);
    if (hs_alloc_scratch(engine->look, &s->hs) != HS_SUCCESS || hs_alloc_scratch(engine->find, &s->hs) != HS_SUCCESS ||
        wd_injection_prepare(engine->injection, &s->hs) != WD_OK) {
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
    wd_canon_deinit(&scratch->canon);
    free(scratch->matches.items);
    wd_buf_deinit(&scratch->read);
    wd_encoded_deinit(&scratch->encoded);
    free(scratch);
}

const struct wd_injection *
wd_engine_injection(const struct wd_engine *engine)
{
    return engine->injection;
}

struct hs_scratch *
wd_scratch_hs(struct wd_scratch *scratch)
{
    return scratch->hs;
}

struct wd_canon *
wd_scratch_canon(struct wd_scratch *scratch)
{
    return &scratch->canon;
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

/* Any rule that counts ends the scan. */
static int
engine_on_look(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *ctx)
{
    const struct wd_scan *scan = ctx;

    return id >= scan->engine->count || wd_scan_action(scan, scan->engine->rules[id]) != WD_OFF;
}

bool
wd_match_look(const struct wd_scan *scan, struct wd_span text)
{
    if (text.len < scan->engine->shortest)
        return false;
    /* What could not be scanned is suspect. */
    if (text.len > UINT32_MAX)
        return true;
    return hs_scan(scan->engine->look, text.ptr, (unsigned)text.len, 0, scan->scratch->hs, engine_on_look, (void *)scan) !=
           HS_SUCCESS;
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

static enum wd_err
engine_show(void *ctx, uint8_t c, uint32_t lead, uint32_t len)
{
    return wd_buf_add_byte(ctx, (char)c);
}

/* What may match in a text, or in what is encoded in it, or be a key of ours. */
static bool
engine_suspects(const struct wd_scan *scan, struct wd_span text)
{
    return wd_match_look(scan, text) || engine_holds_own(scan, text) || wd_encoded_suspect(scan, &scan->scratch->encoded, text);
}

/* The text as its reader sees it, where that differs from its bytes. */
static bool
engine_look_read(const struct wd_scan *scan, struct wd_span raw)
{
    struct wd_buf *read = &scan->scratch->read;
    struct wd_reader reader = { .show = engine_show, .ctx = read };
    enum wd_err err;
    bool suspect;
    size_t i;

    wd_reader_reset(&reader);
    wd_buf_clear(read);
    err = wd_buf_reserve(read, raw.len);
    for (i = 0; i < raw.len && err == WD_OK; i++)
        err = wd_reader_byte(&reader, (uint8_t)raw.ptr[i]);
    if (err == WD_OK)
        err = wd_reader_finish(&reader);
    /* What could not be read is suspect. */
    suspect = err != WD_OK || engine_suspects(scan, wd_buf_span(read));
    if (read->size > ENGINE_READ_KEPT)
        wd_buf_deinit(read);
    return suspect;
}

bool
wd_scan_suspect(const struct wd_scan *scan, struct wd_span raw)
{
    struct wd_span key;
    size_t i;

    if (engine_suspects(scan, raw) || (wd_reader_changes(raw) && engine_look_read(scan, raw)))
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

    if (engine_holds_own(scan, chars) || wd_encoded_suspect(scan, &scan->scratch->encoded, chars))
        return true;
    if (longest_piece < e->shortest)
        return false;
    for (i = 0; i < chars.len && !needed; i++)
        needed = e->needed[(uint8_t)chars.ptr[i]] != 0;
    return (needed || longest_piece >= e->shortest_plain) && wd_match_look(scan, chars);
}

enum wd_err
wd_matches_add(struct wd_matches *all, const struct wd_match *m)
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

static int
engine_on_find(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *ctx)
{
    struct wd_scratch *s = ctx;
    const struct wd_rule *rule = s->scan->engine->rules[id];
    struct wd_match m;

    if (wd_scan_action(s->scan, rule) == WD_OFF || engine_is_known(s->into, rule, (uint32_t)from))
        return 0;
    if (wd_measure(rule, s->piece, (uint32_t)from, (uint32_t)to, &m))
        s->err = wd_matches_add(s->into, &m);
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

bool
wd_piece_context(const struct wd_piece *piece, uint32_t at, const char *words)
{
    char before[WD_CONTEXT_MAX];
    uint32_t len = wd_piece_before(piece, at, before);
    const char *found, *from;
    size_t n;

    for (;; words += n + 1) {
        n = strcspn(words, "|");
        for (from = before; n > 0 && (found = memmem(from, len - (size_t)(from - before), words, n)) != NULL; from = found + 1)
            if (found == before || !wd_char_is((uint8_t)found[-1], WD_CH_ALNUM) || !wd_char_is((uint8_t)words[0], WD_CH_ALNUM))
                return true;
        if (words[n] == '\0')
            return false;
    }
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
            err = wd_matches_add(&scan->scratch->matches, &m);
            if (err != WD_OK)
                return err;
        }
    }
    return WD_OK;
}

enum wd_err
wd_match_find(const struct wd_scan *scan, const struct wd_piece *piece, struct wd_matches *into)
{
    struct wd_scratch *s = scan->scratch;
    hs_error_t rc;

    s->scan = scan;
    s->piece = piece;
    s->into = into;
    s->err = WD_OK;
    rc = hs_scan(scan->engine->find, (const char *)piece->chars, piece->len, 0, s->hs, engine_on_find, s);
    if (rc != HS_SUCCESS && s->err == WD_OK)
        s->err = WD_ERR_NOMEM;
    return s->err;
}

enum wd_err
wd_match_piece(const struct wd_scan *scan, const struct wd_piece *piece, struct wd_matches **out)
{
    struct wd_scratch *s = scan->scratch;
    enum wd_err err;

    s->matches.count = 0;
    *out = &s->matches;
    err = engine_find_own(scan, piece);
    if (err == WD_OK && piece->len >= scan->engine->shortest)
        err = wd_match_find(scan, piece, &s->matches);
    return err == WD_OK ? wd_encoded_find(scan, &s->encoded, piece, &s->matches) : err;
}
