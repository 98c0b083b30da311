#include "engine_priv.h"

#include <sodium.h>
#include <stdlib.h>

#include "../base/glob.h"
#include "secret/bare.h"
#include "text/chars.h"

#include "pii/measure_pii.h"
#include "text/numbers.h"

/* ENGINE_DIGITS: no number that is looked for has fewer, but for houses, which stand behind words at most ENGINE_HOUSE bytes
 * away. */

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

enum wd_err
wd_matches_add(struct wd_matches *all, const struct wd_match *m)
{
    struct wd_match *items;
    uint32_t i, size;
    uint8_t action;

    for (i = all->count; i > 0 && all->items[i - 1].start >= m->start; i--) {
        struct wd_match *other = &all->items[i - 1];

        if (other->start != m->start || other->end != m->end || other->rule->category != m->rule->category)
            continue;
        action = m->action > other->action ? m->action : other->action;
        if (m->rule->severity > other->rule->severity)
            *other = *m;
        other->action = action;
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
    uint32_t slot = id % WD_ENGINE_WORDS_KNOWN, start;

    if (rule->mask == NULL || rule->mask[0] != '<')
        return false;
    start = wd_measure_word(s->piece, from);
    if (start == WD_MEASURE_NO_WORD || (s->words[slot].id == id && s->words[slot].start == start))
        return true;
    s->words[slot].id = id;
    s->words[slot].start = start;
    return false;
}

/* The quick look counts on it. */
static bool
engine_has_digits(const struct wd_scratch *s, const struct wd_match *m)
{
    unsigned digits = 0;
    uint32_t i;

    if (!wd_engine_is_number(m->rule) || m->rule->shape == WD_SHAPE_POSTAL)
        return true;
    for (i = m->start; i < m->end && digits < WD_ENGINE_DIGITS; i++)
        digits += wd_char_is(s->piece->chars[i], WD_CH_DIGIT);
    return digits == WD_ENGINE_DIGITS;
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

        if ((rule->mask != NULL && known) || (wd_engine_is_number(rule) && !wd_engine_called_has(&s->called, e->context[id])))
            continue;
        if (wd_scan_action(s->scan, rule) == WD_OFF || engine_is_known(s->into, rule, (uint32_t)from))
            continue;
        if (wd_measure(rule, s->piece, (uint32_t)from, (uint32_t)to, &m) && engine_has_digits(s, &m) && !engine_is_allowed(s, &m))
            s->err = wd_matches_add(s->into, &m);
    } while (s->err == WD_OK && (id = e->same[id]) != 0);
    return s->err != WD_OK;
}

uint32_t
wd_piece_text_before(const struct wd_piece *piece, uint32_t at, char out[WD_CONTEXT_MAX])
{
    uint32_t here = at + piece->near, n = here < WD_CONTEXT_MAX ? here : WD_CONTEXT_MAX, more;

    more = WD_CONTEXT_MAX - n < piece->past_len ? WD_CONTEXT_MAX - n : piece->past_len;
    if (more > 0)
        memcpy(out, piece->past + (piece->past_len - more), more);
    memcpy(out + more, piece->chars + at - n, n);
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

static hs_error_t
engine_scan(struct wd_scratch *s, enum wd_engine_db db)
{
    return hs_scan(s->scan->engine->db[db], (const char *)s->piece->chars, s->piece->len, 0, s->hs, engine_on_find, s);
}

static enum wd_err
engine_find(const struct wd_scan *scan, const struct wd_piece *piece, unsigned kinds, struct wd_matches *into)
{
    struct wd_scratch *s = scan->scratch;
    hs_error_t rc = HS_SUCCESS;

    s->scan = scan;
    s->piece = piece;
    s->into = into;
    s->err = WD_OK;
    memset(s->words, 0xff, sizeof(s->words));
    if ((kinds & WD_MATCH_TEXT) != 0)
        rc = engine_scan(s, WD_ENGINE_FIND);
    if (rc == HS_SUCCESS && (kinds & WD_MATCH_NUMBER) != 0 && wd_engine_calls_number(scan, piece, &s->called))
        rc = engine_scan(s, WD_ENGINE_FIND_NUMBERS);
    if (rc != HS_SUCCESS && s->err == WD_OK)
        s->err = WD_ERR_NOMEM;
    if (s->err == WD_OK && (kinds & WD_MATCH_BARE) != 0 && wd_engine_wants_bare(scan))
        s->err = engine_find_bare(s);
    engine_sweep(into);
    return s->err;
}

enum wd_err
wd_match_find(const struct wd_scan *scan, const struct wd_piece *piece, struct wd_matches *into)
{
    return engine_find(scan, piece, WD_MATCH_ALL, into);
}

enum wd_err
wd_match_piece(const struct wd_scan *scan, const struct wd_piece *piece, unsigned kinds, struct wd_matches **out)
{
    struct wd_scratch *s = scan->scratch;
    enum wd_err err;

    s->matches.count = 0;
    *out = &s->matches;
    err = (kinds & WD_MATCH_HIDDEN) != 0 ? engine_find_own(scan, piece) : WD_OK;
    if (err == WD_OK && piece->len >= scan->engine->shortest)
        err = engine_find(scan, piece, kinds, &s->matches);
    return err == WD_OK && (kinds & WD_MATCH_HIDDEN) != 0 ? wd_encoded_find(scan, &s->encoded, piece, &s->matches) : err;
}
