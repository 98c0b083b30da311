#include "encoded.h"

#include <stdlib.h>

void
wd_encoded_init(struct wd_encoded *e)
{
    uint32_t i;

    e->inner = (struct wd_matches){ 0 };
    for (i = 0; i <= WD_ENCODED_MAX; i++)
        e->offs[i] = i;
}

void
wd_encoded_deinit(struct wd_encoded *e)
{
    free(e->inner.items);
}

static bool encoded_look(const struct wd_scan *scan, struct wd_encoded *e, struct wd_span text, unsigned depth);

/* What was decoded, and what is encoded in it. */
static bool
encoded_look_at(const struct wd_scan *scan, struct wd_encoded *e, size_t len, unsigned depth)
{
    struct wd_span text = wd_span(e->text[depth], len);

    return len > 0 && (wd_match_look(scan, text) || (depth + 1 < WD_DECODE_DEPTH && encoded_look(scan, e, text, depth + 1)));
}

/* A stretch in parts that overlap. */
static bool
encoded_look_parts(const struct wd_scan *scan, struct wd_encoded *e, struct wd_span text, struct wd_decode_stretch s,
                   unsigned depth)
{
    struct wd_decode_stretch part = s;

    for (;; part.from += WD_ENCODED_MAX / 2) {
        part.to = s.to - part.from > WD_ENCODED_MAX ? part.from + WD_ENCODED_MAX : s.to;
        if (encoded_look_at(scan, e, wd_decode_stretch(text, &part, e->text[depth], WD_ENCODED_MAX), depth))
            return true;
        if (part.to == s.to)
            return false;
    }
}

static bool
encoded_look(const struct wd_scan *scan, struct wd_encoded *e, struct wd_span text, unsigned depth)
{
    struct wd_decode_stretch s, part;
    size_t at;

    for (at = 0; wd_decode_next(text, at, WD_DECODE_TOKENS, &s); at = s.to) {
        if (encoded_look_parts(scan, e, text, s, depth))
            return true;
        /* The letter of an escape as it came is not part of the token: \n, \u2028 */
        if (s.from == 0 || text.ptr[s.from - 1] != '\\')
            continue;
        s.from += text.ptr[s.from] == 'u' ? 5 : 1;
        if (encoded_look_parts(scan, e, text, s, depth))
            return true;
    }
    for (at = 0; wd_decode_next_percent(text, at, &s); at = s.to)
        for (part = s; part.from < s.to; part.from += WD_ENCODED_MAX / 2) {
            part.to = s.to - part.from > WD_ENCODED_MAX ? part.from + WD_ENCODED_MAX : s.to;
            if (encoded_look_at(scan, e, wd_decode_percent(text, &part, e->text[depth], NULL, WD_ENCODED_MAX), depth))
                return true;
        }
    return false;
}

bool
wd_encoded_suspect(const struct wd_scan *scan, struct wd_encoded *e, struct wd_span text)
{
    return encoded_look(scan, e, text, 0);
}

static bool
encoded_touches(const struct wd_matches *all, size_t from, size_t to)
{
    uint32_t i;

    for (i = 0; i < all->count && all->items[i].start < to; i++)
        if (all->items[i].end > from)
            return true;
    return false;
}

/* Tells a decoded value that is to stay. */
static uint8_t
encoded_tell(const struct wd_scan *scan, struct wd_span text, const struct wd_match *inner)
{
    enum wd_action action = wd_scan_action(scan, inner->rule);

    if (scan->value == NULL || action >= WD_REDACT)
        return WD_OFF;
    return (uint8_t)scan->value(scan->value_ctx, inner->rule, wd_span(text.ptr + inner->start, inner->end - inner->start),
                                action);
}

/*
 * What the decoded text at this depth holds, and what is encoded in it, all as findings of the place `at`; or, when map is not
 * NULL, at their own places in the piece.
 */
static enum wd_err
encoded_find_at(const struct wd_scan *scan, struct wd_encoded *e, size_t len, unsigned depth, const struct wd_match *at,
                const uint32_t *map, struct wd_matches *all)
{
    struct wd_span text = wd_span(e->text[depth], len);
    struct wd_piece piece = { .chars = (const uint8_t *)text.ptr, .offs = e->offs, .len = (uint32_t)len, -1, -1 };
    enum wd_err err = WD_OK;
    struct wd_decode_stretch s;
    struct wd_match m;
    size_t i, n;

    e->inner.count = 0;
    if (len > 0 && wd_match_look(scan, text))
        err = wd_match_find(scan, &piece, &e->inner);
    for (i = 0; i < e->inner.count && err == WD_OK; i++) {
        m = *at;
        m.rule = e->inner.items[i].rule;
        m.action = encoded_tell(scan, text, &e->inner.items[i]);
        if (map != NULL) {
            m.open = m.open && e->inner.items[i].end == len;
            m.start = map[e->inner.items[i].start];
            m.end = map[e->inner.items[i].end];
        }
        err = wd_matches_add(all, &m);
    }
    if (depth + 1 == WD_DECODE_DEPTH || e->inner.count > 0)
        return err;
    for (i = 0; err == WD_OK && wd_decode_next(text, i, WD_DECODE_TOKENS, &s); i = s.to) {
        n = wd_decode_stretch(text, &s, e->text[depth + 1], WD_ENCODED_MAX);
        err = encoded_find_at(scan, e, n, depth + 1, at, NULL, all);
    }
    for (i = 0; err == WD_OK && wd_decode_next_percent(text, i, &s); i = s.to) {
        n = wd_decode_percent(text, &s, e->text[depth + 1], NULL, WD_ENCODED_MAX);
        err = encoded_find_at(scan, e, n, depth + 1, at, NULL, all);
    }
    return err;
}

/* The place of a stretch in the piece. */
static struct wd_match
encoded_place(const struct wd_piece *piece, const struct wd_decode_stretch *s)
{
    return (struct wd_match){
        .start = (uint32_t)s->from, .end = (uint32_t)s->to, .open = piece->open && s->to == piece->len, .encoded = true
    };
}

enum wd_err
wd_encoded_find(const struct wd_scan *scan, struct wd_encoded *e, const struct wd_piece *piece, struct wd_matches *all)
{
    struct wd_span text = wd_span((const char *)piece->chars, piece->len);
    struct wd_decode_stretch s;
    enum wd_err err = WD_OK;
    struct wd_match at;
    size_t i, n;

    for (i = 0; err == WD_OK && wd_decode_next(text, i, WD_DECODE_TOKENS, &s); i = s.to) {
        if (encoded_touches(all, s.from, s.to))
            continue;
        at = encoded_place(piece, &s);
        n = wd_decode_stretch(text, &s, e->text[0], WD_ENCODED_MAX);
        err = encoded_find_at(scan, e, n, 0, &at, NULL, all);
    }
    for (i = 0; err == WD_OK && wd_decode_next_percent(text, i, &s); i = s.to) {
        if (encoded_touches(all, s.from, s.to))
            continue;
        at = encoded_place(piece, &s);
        n = wd_decode_percent(text, &s, e->text[0], e->map, WD_ENCODED_MAX);
        e->map[n] = (uint32_t)s.to;
        err = encoded_find_at(scan, e, n, 0, &at, e->map, all);
    }
    return err;
}
