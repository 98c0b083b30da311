#include "canon.h"

#include <stdlib.h>

#include "canon_parts.h"
#include "decode.h"

enum { CANON_TEXT_MAX = 1 << 30, CANON_MORE = 64 * 1024, CANON_TIMES = 3, CANON_UNESCAPES = 3 };

void
wd_canon_init(struct wd_canon *c)
{
    *c = (struct wd_canon){ 0 };
}

void
wd_canon_deinit(struct wd_canon *c)
{
    size_t i;

    for (i = 0; i < sizeof(c->parts) / sizeof(c->parts[0]); i++) {
        free(c->parts[i].ptr);
        free(c->parts[i].offs);
    }
    wd_canon_init(c);
}

enum wd_err
wd_canon_reserve(struct wd_canon_part *p, uint32_t len)
{
    char *ptr;
    uint32_t *offs, size = len < 64 ? 64 : len;

    p->len = 0;
    if (p->size >= len)
        return WD_OK;
    ptr = realloc(p->ptr, size);
    if (ptr == NULL)
        return WD_ERR_NOMEM;
    p->ptr = ptr;
    offs = realloc(p->offs, (size_t)size * sizeof(*offs));
    if (offs == NULL)
        return WD_ERR_NOMEM;
    p->offs = offs;
    p->size = size;
    return WD_OK;
}

static struct wd_canon_source
canon_source(const struct wd_canon_part *p)
{
    return (struct wd_canon_source){ wd_span(p->ptr, p->len), p->offs };
}

/* The part that the next reading is made in, with room for len bytes; NULL when there is none. */
static struct wd_canon_part *
canon_next(struct wd_canon *c, size_t len, enum wd_err *err)
{
    struct wd_canon_part *p = &c->parts[c->count];

    if (*err != WD_OK || c->count == WD_CANON_READINGS || len == 0 || len > c->room)
        return NULL;
    *err = wd_canon_reserve(p, (uint32_t)len);
    return *err == WD_OK ? p : NULL;
}

/* What was made in it is a reading. */
static void
canon_take(struct wd_canon *c, enum wd_canon_how how, unsigned depth, bool changed)
{
    struct wd_canon_part *p = &c->parts[c->count];

    c->readings[c->count++] = (struct wd_reading){ how, (uint8_t)depth, changed, p->ptr, p->len, p->offs };
    c->room -= p->len < c->room ? p->len : c->room;
}

static bool
canon_may_be_escaped(struct wd_span t)
{
    return memchr(t.ptr, '\\', t.len) != NULL || memchr(t.ptr, '&', t.len) != NULL || memchr(t.ptr, '%', t.len) != NULL;
}

/* Escapes undone and characters folded: from is a text, or one that was decoded. */
static enum wd_err
canon_add_folded(struct wd_canon *c, struct wd_canon_source from, enum wd_canon_how how, unsigned depth)
{
    struct wd_canon_part *work = c->parts + WD_CANON_READINGS, *to;
    enum wd_err err = WD_OK;
    bool changed = false;
    int i;

    for (i = 0; i < CANON_UNESCAPES && canon_may_be_escaped(from.text); i++) {
        /* from may be the second of them: it is the one that is not written then. */
        to = from.text.ptr == work[0].ptr ? &work[1] : &work[0];
        err = wd_canon_reserve(to, (uint32_t)from.text.len);
        if (err != WD_OK || !wd_canon_unescape(&from, to))
            break;
        changed = true;
        from = canon_source(to);
    }
    /* Three bytes become at most four letters. */
    to = canon_next(c, from.text.len + from.text.len / 3 + 1, &err);
    if (to == NULL)
        return err;
    changed |= wd_canon_fold(&from, to);
    canon_take(c, how, depth, changed || depth > 0);
    return WD_OK;
}

/* What stands in a reading, or in the text itself, under another notation. */
static enum wd_err
canon_add_decoded(struct wd_canon *c, struct wd_canon_source from, unsigned depth)
{
    struct wd_canon_part *work = &c->parts[WD_CANON_READINGS];
    struct wd_decode_stretch s;
    enum wd_err err = WD_OK;
    size_t at, n, i;

    for (at = 0; err == WD_OK && c->count < WD_CANON_READINGS && wd_decode_next(from.text, at, WD_DECODE_LOOSE, &s); at = s.to) {
        n = s.to - s.from < WD_DECODE_MAX ? s.to - s.from : WD_DECODE_MAX;
        err = wd_canon_reserve(work, (uint32_t)n);
        if (err != WD_OK)
            break;
        work->len = (uint32_t)wd_decode_stretch(from.text, &s, work->ptr, n);
        for (i = 0; i < work->len; i++)
            work->offs[i] = wd_canon_off(&from, s.from + i * (s.to - s.from) / work->len);
        if (work->len > 0)
            err = canon_add_folded(c, canon_source(work), WD_CANON_DECODED, depth);
    }
    return err;
}

static enum wd_err
canon_add_hidden(struct wd_canon *c, struct wd_canon_source from, unsigned depth)
{
    struct wd_canon_part *work = &c->parts[WD_CANON_READINGS];
    enum wd_err err = wd_canon_reserve(work, (uint32_t)from.text.len);

    if (err != WD_OK || !wd_canon_reveal(&from, work))
        return err;
    return canon_add_folded(c, canon_source(work), WD_CANON_HIDDEN, depth);
}

/* The reading at i in other ways of spelling that it shows signs of. */
static enum wd_err
canon_add_spellings(struct wd_canon *c, uint32_t i, unsigned signs)
{
    static const struct {
        unsigned sign;
        bool (*make)(const struct wd_canon_source *, struct wd_canon_part *);
        enum wd_canon_how how;
    } spellings[] = {
        { WD_CANON_SIGN_SPACED, wd_canon_spaced, WD_CANON_SPACED },
        { WD_CANON_SIGN_LEET, wd_canon_leet, WD_CANON_LEET },
        { WD_CANON_SIGN_TURNED, wd_canon_rot13, WD_CANON_ROT13 },
        { WD_CANON_SIGN_BACKWARD, wd_canon_reversed, WD_CANON_REVERSED },
    };
    struct wd_canon_source from = canon_source(&c->parts[i]);
    struct wd_canon_part *to;
    enum wd_err err = WD_OK;
    size_t k;

    for (k = 0; k < sizeof(spellings) / sizeof(spellings[0]); k++) {
        if ((signs & spellings[k].sign) == 0)
            continue;
        to = canon_next(c, from.text.len, &err);
        if (to == NULL)
            return err;
        if (spellings[k].make(&from, to))
            canon_take(c, spellings[k].how, c->readings[i].depth, true);
    }
    return WD_OK;
}

/* A right-to-left override: letters behind it show in the other order. */
static bool
canon_is_reordered(struct wd_span t)
{
    return t.len > 3 && memmem(t.ptr, t.len, "\xe2\x80\xae", 3) != NULL;
}

enum wd_err
wd_canon_make(struct wd_canon *c, struct wd_span text)
{
    struct wd_canon_source whole = { text, NULL };
    enum wd_err err;
    unsigned signs;
    uint32_t i;

    c->count = 0;
    if (text.len >= CANON_TEXT_MAX)
        return WD_ERR_LIMIT;
    c->room = UINT32_MAX;
    err = canon_add_folded(c, whole, WD_CANON_FOLDED, 0);
    c->room = (uint32_t)(text.len < UINT32_MAX / 8 ? CANON_TIMES * text.len + CANON_MORE : text.len);
    if (err == WD_OK)
        err = canon_add_hidden(c, whole, 1);
    for (i = 0; i < c->count && err == WD_OK; i++) {
        signs = wd_canon_signs(canon_source(&c->parts[i]).text);
        if (i == 0 && canon_is_reordered(text))
            signs |= WD_CANON_SIGN_BACKWARD;
        /* The spelled ones stand behind that which they were made from: not spelled anew. */
        if (c->readings[i].how <= WD_CANON_DECODED)
            err = canon_add_spellings(c, i, signs);
        if (err == WD_OK && (signs & WD_CANON_SIGN_ENCODED) != 0 && c->readings[i].depth < WD_DECODE_DEPTH)
            err = canon_add_decoded(c, canon_source(&c->parts[i]), c->readings[i].depth + 1u);
    }
    return err;
}

void
wd_canon_span(const struct wd_canon *c, const struct wd_reading *r, struct wd_span text, uint32_t from, uint32_t to,
              uint32_t *start, uint32_t *end)
{
    uint32_t i, low = UINT32_MAX, high = 0;

    for (i = from; i < to; i++) {
        low = r->offs[i] < low ? r->offs[i] : low;
        high = r->offs[i] > high ? r->offs[i] : high;
    }
    /* The character of the text that the last one comes from, and what hides behind it. */
    *start = low;
    *end = (uint32_t)text.len;
    if (r->how != WD_CANON_REVERSED && to < r->len && r->offs[to] > high)
        *end = r->offs[to];
    else if (to < r->len || r->how == WD_CANON_REVERSED)
        for (*end = high + 1; *end < text.len && (text.ptr[*end] & 0xc0) == 0x80; ++*end)
            continue;
}
