/* Characters into what they are read as, and the text that hidden ones carry. */
#include "../../base/utf8.h"
#include "canon_parts.h"
#include "fold.h"

enum { FOLD_FLAG_BASE = 0x1f3f4, FOLD_TAG_END = 0xe007f, FOLD_FLAG_TAGS = 7, FOLD_HIDDEN_MIN = 4, FOLD_BITS_MIN = 14 };

struct fold_work {
    const struct wd_canon_source *from;
    struct wd_canon_part *to;
    uint32_t scripts; /* a bit for each script that the text holds letters of which look like none of ASCII */
    bool changed;
};

/* The character at i and how many bytes it takes; a byte that is none stands for itself. */
static size_t
fold_at(struct wd_span t, size_t i, uint32_t *cp)
{
    size_t n = wd_utf8_decode(wd_span(t.ptr + i, t.len - i), cp);

    if (n == 0)
        *cp = UINT32_MAX;
    return n == 0 ? 1 : n;
}

static bool
fold_is_letter(uint32_t cp)
{
    return (cp | 0x20) >= 'a' && (cp | 0x20) <= 'z';
}

static void
fold_copy(struct fold_work *w, size_t i, size_t n)
{
    wd_canon_copy(w->to, w->from, i, n);
}

static void
fold_put(struct fold_work *w, uint32_t cp, size_t i)
{
    struct wd_fold f = wd_fold_get(cp);
    uint8_t k;

    for (k = 0; k < f.len; k++)
        wd_canon_put(w->to, f.ascii[k], wd_canon_off(w->from, i));
    w->changed = true;
}

/* Which scripts are really written here. */
static uint32_t
fold_scripts(struct wd_span t)
{
    uint32_t scripts = 0, cp;
    struct wd_fold f;
    size_t i;

    for (i = wd_fold_ascii(t); i < t.len; i += wd_fold_ascii(wd_span(t.ptr + i, t.len - i))) {
        i += fold_at(t, i, &cp);
        if (cp == UINT32_MAX || wd_fold_kind(cp) != WD_FOLD_LETTER)
            continue;
        f = wd_fold_get(cp);
        scripts |= 1u << f.script;
    }
    return scripts;
}

/* The word from i on: where it ends, and whether letters of other scripts in it stand for ASCII. */
static size_t
fold_word(const struct fold_work *w, size_t i, bool *undo)
{
    struct wd_span t = w->from->text;
    uint32_t scripts = 0, cp;
    bool latin = false;
    enum wd_fold_kind kind;
    size_t n;

    for (; i < t.len; i += n) {
        n = fold_at(t, i, &cp);
        if (cp == UINT32_MAX)
            break;
        kind = wd_fold_kind(cp);
        if (kind == WD_FOLD_SELF && (cp >= 0x80 || !fold_is_letter(cp)) && (cp < '0' || cp > '9'))
            break;
        if (kind == WD_FOLD_FORM && wd_fold_char(wd_fold_entry(cp)) == ' ')
            break;
        latin |= (cp < 0x80 && fold_is_letter(cp)) || kind == WD_FOLD_FORM || kind == WD_FOLD_PLAIN;
        if (kind == WD_FOLD_ALIKE)
            scripts |= 1u << wd_fold_get(cp).script;
    }
    *undo = latin || (scripts & w->scripts) == 0;
    return i;
}

/* A flag of a part of a country: the black flag, letters and digits in tags, the end tag. Returns its bytes, 0 when it is none.
 */
static size_t
fold_flag(struct wd_span t, size_t i)
{
    size_t at = i, n, tags;
    uint32_t cp;

    at += fold_at(t, at, &cp);
    if (cp != FOLD_FLAG_BASE)
        return 0;
    for (tags = 0; tags < FOLD_FLAG_TAGS && at < t.len; tags++) {
        n = fold_at(t, at, &cp);
        at += n;
        if (cp == FOLD_TAG_END)
            return tags > 2 ? at - i : 0;
        if (cp == UINT32_MAX || wd_fold_kind(cp) != WD_FOLD_TAG)
            return 0;
    }
    return 0;
}

/* One character, not ASCII. foreign: one of another script or an emoji stands before, which may need what shows nothing. */
static void
fold_char(struct fold_work *w, size_t i, size_t n, uint32_t cp, bool undo, bool foreign)
{
    enum wd_fold_kind kind = cp == UINT32_MAX ? WD_FOLD_SELF : wd_fold_kind(cp);

    switch (kind) {
    case WD_FOLD_HIDDEN:
    case WD_FOLD_BIDI:
    case WD_FOLD_TAG:
    case WD_FOLD_MARK:
        w->changed = true;
        return;
    case WD_FOLD_JOIN:
    case WD_FOLD_SELECTOR:
        if (foreign)
            break;
        w->changed = true;
        return;
    case WD_FOLD_ALIKE:
        if (!undo)
            break;
        fold_put(w, cp, i);
        return;
    case WD_FOLD_FORM:
    case WD_FOLD_PLAIN:
    case WD_FOLD_FLAG:
    case WD_FOLD_MANY:
        fold_put(w, cp, i);
        return;
    case WD_FOLD_SELF:
    case WD_FOLD_LETTER:
        break;
    }
    fold_copy(w, i, n);
}

/* A word, or what is no word, up to `end`. */
static void
fold_stretch(struct fold_work *w, size_t i, size_t end, bool undo, bool *foreign)
{
    struct wd_span t = w->from->text;
    enum wd_fold_kind kind;
    uint32_t cp;
    size_t n;

    for (; i < end; i += n) {
        n = (uint8_t)t.ptr[i] < 0x80 ? wd_fold_ascii(wd_span(t.ptr + i, end - i)) : 0;
        if (n > 0) {
            fold_copy(w, i, n);
            *foreign = false;
            continue;
        }
        n = fold_flag(t, i);
        if (n > 0) {
            fold_copy(w, i, n);
            continue;
        }
        n = fold_at(t, i, &cp);
        fold_char(w, i, n, cp, undo, *foreign);
        kind = cp == UINT32_MAX ? WD_FOLD_SELF : wd_fold_kind(cp);
        if (*foreign && (kind == WD_FOLD_JOIN || kind == WD_FOLD_SELECTOR))
            continue;
        *foreign = kind == WD_FOLD_SELF || kind == WD_FOLD_LETTER || (kind == WD_FOLD_ALIKE && !undo);
    }
}

bool
wd_canon_fold(const struct wd_canon_source *from, struct wd_canon_part *to)
{
    struct fold_work w = { .from = from, .to = to, .scripts = fold_scripts(from->text) };
    struct wd_span t = from->text;
    bool undo = false, foreign = false;
    size_t i, end, n;

    for (i = 0; i < t.len; i = end) {
        /* ASCII up to the word that goes on in something else. */
        n = wd_fold_ascii(wd_span(t.ptr + i, t.len - i));
        while (n > 0 && i + n < t.len && fold_is_letter((uint8_t)t.ptr[i + n - 1]))
            n--;
        if (n > 0) {
            fold_copy(&w, i, n);
            foreign = false;
            end = i + n;
            continue;
        }
        end = fold_word(&w, i, &undo);
        end += end == i ? fold_flag(t, i) : 0;
        if (end == i)
            end += (uint8_t)t.ptr[i] < 0x80 ? 1 : fold_at(t, i, &(uint32_t){ 0 });
        fold_stretch(&w, i, end, undo, &foreign);
    }
    return w.changed;
}

/* Zero-width bits: one of the two is 1, either end of a byte comes first, seven or eight are a byte. */
static size_t
fold_bits(const uint8_t *bits, size_t n, unsigned how, char *out)
{
    unsigned width = how & 4 ? 7 : 8, byte, k, bit;
    size_t i, len = 0, good = 0;

    for (i = 0; i + width <= n; i += width) {
        for (byte = k = 0; k < width; k++) {
            bit = (bits[i + k] ^ how) & 1;
            byte |= how & 2 ? bit << k : bit << (width - 1 - k);
        }
        good += (byte >= ' ' && byte < 0x7f) || byte == '\n';
        out[len++] = (char)byte;
    }
    return len > 0 && good >= len - len / 8 ? len : 0;
}

/* The run of zero-width characters [i, end): the two that differ are the bits; a third stands between bytes. */
static void
fold_reveal_bits(const struct wd_canon_source *from, size_t i, size_t end, struct wd_canon_part *to)
{
    struct wd_span t = from->text;
    uint32_t cp, seen[2] = { 0 };
    uint8_t bits[4096];
    char bytes[sizeof(bits)];
    size_t n = 0, len = 0, start = i, k;
    unsigned how;

    for (; i < end && n < sizeof(bits);) {
        i += fold_at(t, i, &cp);
        seen[0] = seen[0] == 0 ? cp : seen[0];
        seen[1] = seen[1] == 0 && cp != seen[0] ? cp : seen[1];
        if (cp == seen[0] || cp == seen[1])
            bits[n++] = cp == seen[0];
    }
    for (how = 0; n >= FOLD_BITS_MIN && how < 8 && len == 0; how++)
        len = fold_bits(bits, n, how, bytes);
    for (k = 0; k < len; k++)
        wd_canon_put(to, bytes[k], wd_canon_off(from, start + k * (i - start) / len));
}

static bool
fold_is_zero_width(enum wd_fold_kind kind)
{
    return kind == WD_FOLD_HIDDEN || kind == WD_FOLD_JOIN || kind == WD_FOLD_BIDI;
}

/* A tag or a selector as the byte that it carries. */
static char
fold_carried(uint32_t cp)
{
    if (cp >= 0xe0100)
        return (char)(cp - 0xe0100 + 16);
    return (char)(cp >= 0xe0000 ? cp - 0xe0000 : cp - 0xfe00);
}

/* The run of hidden characters at i, all of one kind or all of zero width; returns where it ends. */
static size_t
fold_reveal_run(const struct wd_canon_source *from, size_t i, enum wd_fold_kind kind, struct wd_canon_part *to)
{
    struct wd_span t = from->text;
    size_t start = i, n, count = 0;
    enum wd_fold_kind next;
    uint32_t cp, len = to->len;

    for (; i < t.len; i += n, count++) {
        n = fold_at(t, i, &cp);
        next = cp == UINT32_MAX ? WD_FOLD_SELF : wd_fold_kind(cp);
        if (next != kind && !(fold_is_zero_width(kind) && fold_is_zero_width(next)))
            break;
        if (!fold_is_zero_width(kind) && cp != FOLD_TAG_END && cp >= 0xfe00)
            wd_canon_put(to, fold_carried(cp), wd_canon_off(from, i));
    }
    if (fold_is_zero_width(kind))
        fold_reveal_bits(from, start, i, to);
    else if (count < FOLD_HIDDEN_MIN)
        to->len = len;
    return i;
}

bool
wd_canon_reveal(const struct wd_canon_source *from, struct wd_canon_part *to)
{
    struct wd_span t = from->text;
    enum wd_fold_kind kind;
    uint32_t cp;
    size_t i, n;

    for (i = wd_fold_ascii(t); i < t.len; i += wd_fold_ascii(wd_span(t.ptr + i, t.len - i))) {
        n = fold_flag(t, i);
        if (n == 0) {
            n = fold_at(t, i, &cp);
            kind = cp == UINT32_MAX ? WD_FOLD_SELF : wd_fold_kind(cp);
            if (kind == WD_FOLD_TAG || kind == WD_FOLD_SELECTOR || fold_is_zero_width(kind)) {
                i = fold_reveal_run(from, i, kind, to);
                continue;
            }
        }
        i += n;
    }
    return to->len >= FOLD_HIDDEN_MIN;
}
