#include "engine_priv.h"

#include <sodium.h>
#include <stdlib.h>

#include "../base/glob.h"
#include "bare.h"
#include "canon.h"
#include "chars.h"
#include "encoded.h"
#include "match.h"
#include "glyphs.h"

#include "measure_pii.h"

enum { ENGINE_READ_KEPT = 1 << 18, ENGINE_WORDS = 4 };

struct wd_scratch {
    hs_scratch_t *hs;
    struct wd_canon canon;
    struct wd_matches matches;
    struct wd_buf read; /* a text as its reader sees it */
    /* While a piece is matched. */
    const struct wd_scan *scan;
    const struct wd_piece *piece;
    struct wd_matches *into;
    /* The last word that a pattern led to whose rules look at words: once is enough. */
    struct {
        unsigned id;
        uint32_t start;
    } words[ENGINE_WORDS];
    enum wd_err err;
    struct wd_encoded encoded;
};

enum wd_err
wd_scratch_new(struct wd_scratch **scratch, const struct wd_engine *engine)
{
    struct wd_scratch *s = calloc(1, sizeof(*s));
    size_t i;

    if (s == NULL)
        return WD_ERR_NOMEM;
    wd_buf_init(&s->read, UINT32_MAX);
    wd_encoded_init(&s->encoded);
    wd_canon_init(&s->canon);
    for (i = 0; i < WD_ENGINE_DBS; i++)
        if (hs_alloc_scratch(engine->db[i], &s->hs) != HS_SUCCESS) {
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

const uint32_t *
wd_engine_extra(const struct wd_engine *engine)
{
    return engine->has_extra ? engine->extra : NULL;
}

struct wd_canon *
wd_scratch_canon(struct wd_scratch *scratch)
{
    return &scratch->canon;
}

enum wd_action
wd_scan_action(const struct wd_scan *scan, const struct wd_rule *rule)
{
    size_t i;

    if (rule == &wd_rule_own)
        return WD_REDACT;
    for (i = 0; i < scan->engine->set.off_count; i++)
        if (strcmp(scan->engine->set.off[i], rule->id) == 0)
            return WD_OFF;
    if (scan->wanted != NULL && !scan->wanted(scan->wanted_ctx, rule))
        return WD_OFF;
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
    uint64_t seen[WD_ENGINE_CONTEXTS_MAX / 64], wanted[WD_ENGINE_CONTEXTS_MAX / 64];
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
    return hs_scan(scan->engine->db[WD_ENGINE_LOOK], text.ptr, (unsigned)text.len, 0, scan->scratch->hs, engine_on_look, &view) !=
           HS_SUCCESS;
}

bool
wd_match_look(const struct wd_scan *scan, struct wd_span text)
{
    return engine_look(scan, text, false);
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

static bool
engine_wants_bare(const struct wd_scan *scan)
{
    return scan->engine->bare != NULL && wd_scan_action(scan, scan->engine->bare) != WD_OFF;
}

/* What may match in a text, or in what is encoded in it, or be a key of ours. */
static bool
engine_suspects(const struct wd_scan *scan, struct wd_span text)
{
    return engine_look(scan, text, true) || engine_holds_own(scan, text) ||
           wd_encoded_suspect(scan, &scan->scratch->encoded, text) || (engine_wants_bare(scan) && wd_bare_suspect(text));
}

/* The text as its reader sees it, where that differs from its bytes. */
static bool
engine_look_read(const struct wd_scan *scan, struct wd_span raw)
{
    struct wd_buf *read = &scan->scratch->read;
    struct wd_glyphs reader = { .show = engine_show, .ctx = read };
    enum wd_err err;
    bool suspect;
    size_t i;

    wd_glyphs_reset(&reader);
    wd_buf_clear(read);
    err = wd_buf_reserve(read, raw.len);
    for (i = 0; i < raw.len && err == WD_OK; i++)
        err = wd_glyphs_byte(&reader, (uint8_t)raw.ptr[i]);
    if (err == WD_OK)
        err = wd_glyphs_finish(&reader);
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

    if (scan->engine->quotes || engine_suspects(scan, raw) || (wd_glyphs_changes(raw) && engine_look_read(scan, raw)))
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
    if (longest_piece >= WD_BARE_MIN && engine_wants_bare(scan) && wd_bare_possible(chars))
        return true;
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

static bool
engine_is_allowed(const struct wd_scratch *s, const struct wd_match *m)
{
    const struct wd_ruleset *set = &s->scan->engine->set;
    size_t i;

    for (i = 0; i < set->allow_count; i++)
        if (wd_glob_match(set->allow[i], wd_span((const char *)s->piece->chars + m->start, m->end - m->start)))
            return true;
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
    if (s->words[slot].id == id && s->words[slot].start == start)
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
        if (wd_scan_action(s->scan, rule) == WD_OFF || engine_is_known(s->into, rule, (uint32_t)from))
            continue;
        if (wd_measure(rule, s->piece, (uint32_t)from, (uint32_t)to, &m) && !engine_is_allowed(s, &m))
            s->err = wd_matches_add(s->into, &m);
    } while (s->err == WD_OK && (id = e->same[id]) != 0);
    return s->err != WD_OK;
}

uint32_t
wd_piece_text_before(const struct wd_piece *piece, uint32_t at, char out[WD_CONTEXT_MAX])
{
    uint32_t here = at + piece->near, n = here < WD_CONTEXT_MAX ? here : WD_CONTEXT_MAX, more, i;

    more = WD_CONTEXT_MAX - n < piece->past_len ? WD_CONTEXT_MAX - n : piece->past_len;
    for (i = 0; i < more; i++)
        out[i] = (char)piece->past[piece->past_len - more + i];
    for (i = 0; i < n; i++)
        out[more + i] = (char)piece->chars[(int64_t)at - n + i];
    return more + n;
}

uint32_t
wd_piece_before(const struct wd_piece *piece, uint32_t at, char out[WD_CONTEXT_MAX])
{
    uint32_t len = wd_piece_text_before(piece, at, out), i;

    for (i = 0; i < len; i++)
        out[i] = (char)wd_char_lower((uint8_t)out[i]);
    return len;
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
            err = wd_matches_add(&scan->scratch->matches, &m);
            if (err != WD_OK)
                return err;
        }
    }
    return WD_OK;
}

static bool
engine_is_covered(const struct wd_matches *all, const struct wd_match *m)
{
    uint32_t i;

    for (i = 0; i < all->count; i++)
        if (all->items[i].rule->category == m->rule->category && all->items[i].start < m->end && m->start < all->items[i].end)
            return true;
    return false;
}

/* What another rule has found is not found again. */
static enum wd_err
engine_find_bare(struct wd_scratch *s)
{
    struct wd_match m = { .rule = s->scan->engine->bare };
    enum wd_err err = WD_OK;
    uint32_t at = 0;

    while (err == WD_OK && wd_bare_next(s->piece, &at, &m))
        if (!engine_is_covered(s->into, &m))
            err = wd_matches_add(s->into, &m);
    return err;
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
wd_match_find(const struct wd_scan *scan, const struct wd_piece *piece, struct wd_matches *into)
{
    struct wd_scratch *s = scan->scratch;
    hs_error_t rc;

    s->scan = scan;
    s->piece = piece;
    s->into = into;
    s->err = WD_OK;
    memset(s->words, 0xff, sizeof(s->words));
    rc = hs_scan(scan->engine->db[WD_ENGINE_FIND], (const char *)piece->chars, piece->len, 0, s->hs, engine_on_find, s);
    if (rc != HS_SUCCESS && s->err == WD_OK)
        s->err = WD_ERR_NOMEM;
    if (s->err == WD_OK && engine_wants_bare(scan))
        s->err = engine_find_bare(s);
    engine_sweep(into);
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
