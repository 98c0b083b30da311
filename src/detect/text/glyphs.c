#include "glyphs.h"

#include "../../base/utf8.h"
#include "chars.h"
#include "fold.h"

/* Hidden characters in a row that are a text. Nothing that people write has as many. */
enum {
    READER_RUN = 6,
    READER_FLAG = 0x1f3f4,
    READER_FLAG_END = 0xe007f,
    READER_FLAG_MIN = 4,
    READER_FLAG_MAX = 7,
    READER_OVERRIDE = 0x202e
};

void
wd_glyphs_reset(struct wd_glyphs *r)
{
    *r = (struct wd_glyphs){ .show = r->show, .ctx = r->ctx, .json = r->json, .before = ' ' };
}

static enum wd_err
glyphs_show(struct wd_glyphs *r, uint8_t c, uint32_t lead, uint32_t len)
{
    r->before = c;
    return r->show(r->ctx, c, lead, len);
}

static bool
glyphs_is_foreign(uint8_t c)
{
    return c >= 0x80 || c == 0;
}

/* What a form of ASCII is shown as. Quotes and backslashes stay what they are: they say where a string ends. */
static uint8_t
glyphs_form(uint16_t entry)
{
    uint8_t c = wd_fold_char(entry);

    return wd_char_is_token(c) || (c != 0 && memchr(" =:<>[]#$&*{}", c, 13) != NULL) ? c : 0;
}

/* A character that stays what it is. */
static enum wd_err
glyphs_show_itself(struct wd_glyphs *r, uint32_t cp, uint32_t lead, uint32_t len, bool escaped)
{
    enum wd_err err = WD_OK;
    char bytes[4];
    size_t n, i;

    if (escaped || lead > 0)
        return glyphs_show(r, 0, 0, lead + len);
    n = wd_utf8_encode(cp, bytes);
    for (i = 0; i < n && err == WD_OK; i++)
        err = glyphs_show(r, (uint8_t)bytes[i], 0, 1);
    return err;
}

/* It is known now whether letters stand for ASCII. */
static enum wd_err
glyphs_decide(struct wd_glyphs *r, bool ascii)
{
    enum wd_err err = WD_OK;
    uint8_t i, n = r->alikes;

    r->alikes = 0;
    for (i = 0; i < n && err == WD_OK; i++) {
        const struct wd_glyphs_alike *a = &r->alike[i];

        if (ascii)
            err = glyphs_show(r, wd_fold_char(wd_fold_entry(a->cp)), a->lead, a->len);
        else
            err = glyphs_show_itself(r, a->cp, a->lead, a->len, a->escaped);
    }
    return err;
}

/* What was hidden is one character by itself. */
static enum wd_err
glyphs_show_hidden(struct wd_glyphs *r, uint8_t c)
{
    uint32_t lead = r->lead;
    enum wd_err err = glyphs_decide(r, false);

    r->lead = 0;
    r->hidden = 0;
    return err == WD_OK && lead > 0 ? glyphs_show(r, c, 0, lead) : err;
}

/* A character that shows something comes: hidden ones belong to it, or they do not. */
static enum wd_err
glyphs_unhide(struct wd_glyphs *r, bool belongs)
{
    bool text = r->carries && r->run >= READER_RUN;
    enum wd_err err = WD_OK;

    if (r->lead > 0 && (text || !belongs || (r->alikes == 0 && glyphs_is_foreign(r->before))))
        err = glyphs_show_hidden(r, text ? WD_CH_HIDDEN : 0);
    r->run = r->hidden = 0;
    r->carries = r->flag = r->reorders = false;
    r->symbol = 0;
    return err;
}

/* ASCII, as it stands or as what something is read as. */
static enum wd_err
glyphs_ascii(struct wd_glyphs *r, uint8_t c, uint32_t len)
{
    enum wd_err err = WD_OK;
    uint32_t lead;

    if (r->reorders && !wd_char_is(c, WD_CH_SPACE | WD_CH_DIGIT) && !wd_char_is_quote(c))
        err = glyphs_show_hidden(r, WD_CH_HIDDEN);
    if (err == WD_OK)
        err = glyphs_unhide(r, true);
    if (err == WD_OK && r->alikes > 0)
        err = glyphs_decide(r, wd_char_is(c, WD_CH_ALNUM));
    lead = r->lead;
    r->lead = 0;
    /* The length of a quote tells what it closes: what is hidden before it is a blank. */
    if (err == WD_OK && lead > 0 && wd_char_is_quote(c)) {
        err = glyphs_show(r, ' ', 0, lead);
        lead = 0;
    }
    return err == WD_OK ? glyphs_show(r, c, lead, len) : err;
}

static enum wd_err
glyphs_other(struct wd_glyphs *r, uint32_t cp, uint32_t len, bool escaped)
{
    enum wd_err err = glyphs_unhide(r, false);

    if (err == WD_OK)
        err = glyphs_decide(r, false);
    r->flag = cp == READER_FLAG;
    return err == WD_OK ? glyphs_show_itself(r, cp, 0, len, escaped) : err;
}

static enum wd_err
glyphs_alike(struct wd_glyphs *r, uint32_t cp, uint32_t len, bool escaped)
{
    enum wd_err err = glyphs_unhide(r, true);

    if (err == WD_OK && r->alikes == WD_GLYPHS_ALIKE)
        err = glyphs_decide(r, false);
    if (err != WD_OK)
        return err;
    if (r->alikes == 0 && wd_char_is(r->before, WD_CH_ALNUM))
        return glyphs_ascii(r, wd_fold_char(wd_fold_entry(cp)), len);
    r->alike[r->alikes++] = (struct wd_glyphs_alike){ cp, r->lead, len, escaped };
    r->lead = 0;
    return WD_OK;
}

/* Flags of parts of a country: a black flag, letters and digits in tags, the end tag. */
static bool
glyphs_ends_flag(struct wd_glyphs *r, uint32_t cp)
{
    if (cp == READER_FLAG_END && r->run >= READER_FLAG_MIN)
        return true;
    r->flag = cp != READER_FLAG_END && r->run < READER_FLAG_MAX;
    return false;
}

static enum wd_err
glyphs_hidden(struct wd_glyphs *r, uint32_t cp, uint32_t len, enum wd_fold_kind kind)
{
    enum wd_err err;

    r->lead += len;
    r->hidden++;
    r->reorders = r->reorders || cp == READER_OVERRIDE;
    if (kind == WD_FOLD_MARK) {
        r->run = 0;
        r->flag = false;
    } else {
        r->run += r->run < UINT8_MAX;
        r->symbol = r->symbol == 0 ? cp : r->symbol;
        r->carries = r->carries || kind == WD_FOLD_TAG || kind == WD_FOLD_SELECTOR || cp != r->symbol;
    }
    if (r->flag && (kind != WD_FOLD_TAG || glyphs_ends_flag(r, cp))) {
        err = r->flag && kind == WD_FOLD_TAG ? glyphs_show_hidden(r, 0) : WD_OK;
        r->flag = false;
        r->run = 0;
        return err;
    }
    if (r->carries && r->run >= READER_RUN && !r->flag)
        return glyphs_show_hidden(r, WD_CH_HIDDEN);
    return r->hidden >= WD_GLYPHS_HIDDEN ? glyphs_show_hidden(r, 0) : WD_OK;
}

/* A character above ASCII. */
static enum wd_err
glyphs_char(struct wd_glyphs *r, uint32_t cp, uint32_t len, bool escaped)
{
    uint16_t entry = wd_fold_entry(cp);
    enum wd_fold_kind kind = (enum wd_fold_kind)(entry >> 12);
    uint8_t form;

    if (wd_fold_hides(kind))
        return glyphs_hidden(r, cp, len, kind);
    if (kind == WD_FOLD_ALIKE)
        return glyphs_alike(r, cp, len, escaped);
    form = kind == WD_FOLD_FORM ? glyphs_form(entry) : 0;
    return form != 0 ? glyphs_ascii(r, form, len) : glyphs_other(r, cp, len, escaped);
}

/* Bytes that looked like a character are none. */
static enum wd_err
glyphs_broken(struct wd_glyphs *r)
{
    enum wd_err err = WD_OK;
    uint8_t i, n = r->have;

    if (n == 0)
        return WD_OK;
    r->have = 0;
    err = glyphs_unhide(r, false);
    if (err == WD_OK)
        err = glyphs_decide(r, false);
    for (i = 0; i < n && err == WD_OK; i++)
        err = glyphs_show(r, r->bytes[i], 0, 1);
    return err;
}

/* The first half of a pair that the second does not follow. */
static enum wd_err
glyphs_lone(struct wd_glyphs *r)
{
    uint32_t len = r->high_len;

    r->high_len = 0;
    return len > 0 ? glyphs_other(r, r->high, len, true) : WD_OK;
}

/* What looked like an escape is none: backslashes and what was read behind them. */
static enum wd_err
glyphs_unescape(struct wd_glyphs *r)
{
    uint32_t slashes = r->slashes, rest = r->hex, i;
    enum wd_err err = glyphs_lone(r);

    r->slashes = r->hex = 0;
    if (err == WD_OK && slashes > 0)
        err = glyphs_ascii(r, '\\', slashes);
    for (i = 0; i < rest && err == WD_OK; i++)
        err = glyphs_ascii(r, i == 0 ? 'u' : r->digits[i - 1], 1);
    return err;
}

/* The digits behind \u; the last one ends the escape. */
static enum wd_err
glyphs_digit(struct wd_glyphs *r, uint8_t b)
{
    uint32_t len = (uint32_t)r->slashes + 1 + WD_GLYPHS_DIGITS, cp = 0, i, d;
    enum wd_err err;

    r->digits[r->hex - 1] = b;
    if (r->hex++ < WD_GLYPHS_DIGITS)
        return WD_OK;
    for (i = 0; i < WD_GLYPHS_DIGITS; i++) {
        d = r->digits[i];
        cp = cp << 4 | (d <= '9' ? d - '0' : (d | 0x20u) - 'a' + 10);
    }
    r->slashes = r->hex = 0;
    if (r->high_len > 0 && (cp & 0xfc00) == 0xdc00) {
        len += r->high_len;
        r->high_len = 0;
        return glyphs_char(r, 0x10000 + ((r->high & 0x3ff) << 10) + (cp & 0x3ff), len, true);
    }
    err = glyphs_lone(r);
    if (err != WD_OK)
        return err;
    if ((cp & 0xfc00) == 0xd800) {
        r->high = cp;
        r->high_len = len;
        return WD_OK;
    }
    if (cp < 0x80)
        return cp == 0 || cp == WD_CH_STRING_QUOTE || cp == WD_CH_HIDDEN ? glyphs_other(r, 0, len, true)
                                                                         : glyphs_ascii(r, (uint8_t)cp, len);
    return (cp & 0xfc00) == 0xdc00 ? glyphs_other(r, cp, len, true) : glyphs_char(r, cp, len, true);
}

/* The character behind backslashes; an even number of them before a quote ends a JSON string. */
static enum wd_err
glyphs_escaped(struct wd_glyphs *r, uint8_t b)
{
    static const char letters[] = "nrtbf\"'`/", chars[] = "\n\r\t\b\f\"'`/";
    uint32_t len = (uint32_t)r->slashes + 1;
    const char *letter = b == 0 ? NULL : strchr(letters, b);
    enum wd_err err;

    if (letter != NULL && (b != '"' || !r->json || r->slashes % 2 == 1)) {
        r->slashes = 0;
        err = glyphs_lone(r);
        return err == WD_OK ? glyphs_ascii(r, (uint8_t)chars[letter - letters], len) : err;
    }
    err = glyphs_unescape(r);
    return err == WD_OK ? wd_glyphs_byte(r, b) : err;
}

static bool
glyphs_is_hex(uint8_t b)
{
    return (b >= '0' && b <= '9') || ((b | 0x20) >= 'a' && (b | 0x20) <= 'f');
}

/* A byte of a character above ASCII, or of none. */
static enum wd_err
glyphs_high_byte(struct wd_glyphs *r, uint8_t b)
{
    enum wd_err err = WD_OK;
    uint32_t cp;
    uint8_t need;

    if ((b & 0xc0) != 0x80)
        err = glyphs_broken(r);
    if (err != WD_OK)
        return err;
    r->bytes[r->have++] = b;
    b = r->bytes[0];
    need = b < 0xc2 || b > 0xf4 ? 1 : b < 0xe0 ? 2 : b < 0xf0 ? 3 : 4;
    if (r->have < need)
        return WD_OK;
    if (need == 1 || wd_utf8_decode(wd_span((const char *)r->bytes, need), &cp) != need)
        return glyphs_broken(r);
    r->have = 0;
    return glyphs_char(r, cp, need, false);
}

enum wd_err
wd_glyphs_byte(struct wd_glyphs *r, uint8_t b)
{
    enum wd_err err = WD_OK;

    if (r->hex > 0) {
        if (glyphs_is_hex(b))
            return glyphs_digit(r, b);
        err = glyphs_unescape(r);
    }
    if (b >= 0x80 && err == WD_OK) {
        if (r->slashes > 0 || r->high_len > 0)
            err = glyphs_unescape(r);
        return err == WD_OK ? glyphs_high_byte(r, b) : err;
    }
    if (r->have > 0 && err == WD_OK)
        err = glyphs_broken(r);
    if (err != WD_OK)
        return err;
    if (b == '\\')
        return ++r->slashes == WD_GLYPHS_SLASHES ? glyphs_unescape(r) : WD_OK;
    if (r->slashes > 0 && b == 'u') {
        r->hex = 1;
        return WD_OK;
    }
    if (r->slashes > 0)
        return glyphs_escaped(r, b);
    if (r->high_len > 0)
        err = glyphs_lone(r);
    if (err != WD_OK)
        return err;
    if (b == '"' && r->json)
        b = WD_CH_STRING_QUOTE;
    else if (b == WD_CH_STRING_QUOTE || b == WD_CH_HIDDEN)
        b = 0;
    return b == 0 ? glyphs_other(r, 0, 1, true) : glyphs_ascii(r, b, 1);
}

enum wd_err
wd_glyphs_finish(struct wd_glyphs *r)
{
    enum wd_err err = glyphs_broken(r);

    if (err == WD_OK)
        err = glyphs_unescape(r);
    if (err == WD_OK)
        err = glyphs_unhide(r, false);
    return err == WD_OK ? glyphs_decide(r, false) : err;
}

/* Shown as it stands, and nothing behind it is read otherwise for it. */
static bool
glyphs_stays(uint32_t cp)
{
    uint16_t entry = wd_fold_entry(cp);
    enum wd_fold_kind kind = (enum wd_fold_kind)(entry >> 12);

    return !wd_fold_hides(kind) && kind != WD_FOLD_ALIKE && (kind != WD_FOLD_FORM || glyphs_form(entry) == 0) &&
           cp != READER_FLAG;
}

size_t
wd_glyphs_foreign(struct wd_span s)
{
    size_t i = 0, n;
    uint32_t cp;

    while (i < s.len && (uint8_t)s.ptr[i] >= 0x80) {
        n = wd_utf8_decode(wd_span(s.ptr + i, s.len - i), &cp);
        if (n == 0 || !glyphs_stays(cp))
            break;
        i += n;
    }
    return i;
}

/* \uXXXX above ASCII that does not stay what it is; i is at its backslash. */
static bool
glyphs_escape_changes(struct wd_span t, size_t i)
{
    uint32_t cp = 0, k, d;

    while (i < t.len && t.ptr[i] == '\\')
        i++;
    if (t.len - i < 1 + WD_GLYPHS_DIGITS || t.ptr[i] != 'u')
        return false;
    for (k = 1; k <= WD_GLYPHS_DIGITS; k++) {
        d = (uint8_t)t.ptr[i + k];
        if (!glyphs_is_hex((uint8_t)d))
            return false;
        cp = cp << 4 | (d <= '9' ? d - '0' : (d | 0x20) - 'a' + 10);
    }
    /* Pairs: mathematical letters are U+1Dxxx, tags and selectors U+E0xxx, enclosed ones and digits in between. */
    if ((cp & 0xf800) == 0xd800)
        return cp == 0xdb40 || (cp >= 0xd800 && cp <= 0xd83c);
    return cp >= 0x80 && !glyphs_stays(cp);
}

static bool
glyphs_escapes_change(struct wd_span t)
{
    const char *at = t.ptr, *end = t.ptr + t.len;

    while (at < end && (at = memchr(at, '\\', (size_t)(end - at))) != NULL) {
        if (glyphs_escape_changes(t, (size_t)(at - t.ptr)))
            return true;
        while (at < end && *at == '\\')
            at++;
    }
    return false;
}

bool
wd_glyphs_changes(struct wd_span t)
{
    bool foreign = false, alike = false;
    enum wd_fold_kind kind;
    size_t i, n, hidden = 0;
    uint32_t cp;

    for (i = wd_fold_ascii(t); i < t.len; i += n) {
        if ((uint8_t)t.ptr[i] < 0x80) {
            if (alike && wd_char_is((uint8_t)t.ptr[i], WD_CH_ALNUM))
                return true;
            n = wd_fold_ascii(wd_span(t.ptr + i, t.len - i));
            foreign = alike = false;
            hidden = 0;
            continue;
        }
        n = wd_utf8_decode(wd_span(t.ptr + i, t.len - i), &cp);
        if (n == 0) {
            n = 1;
            foreign = true;
            alike = false;
            hidden = 0;
            continue;
        }
        kind = wd_fold_kind(cp);
        if (wd_fold_hides(kind)) {
            /* Emoji and scripts that need them have one at a time. */
            if (!foreign || ++hidden > 2 || cp == READER_OVERRIDE)
                return true;
        } else if (kind == WD_FOLD_ALIKE) {
            if (i > 0 && wd_char_is((uint8_t)t.ptr[i - 1], WD_CH_ALNUM))
                return true;
            foreign = false;
            alike = true;
            hidden = 0;
        } else if (kind == WD_FOLD_FORM && glyphs_form(wd_fold_entry(cp)) != 0) {
            return true;
        } else {
            foreign = true;
            alike = false;
            hidden = 0;
        }
    }
    return glyphs_escapes_change(t);
}
