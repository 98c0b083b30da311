#include "decode.h"

#include "../../base/utf8.h"
#include "chars.h"

enum {
    DECODE_START = 18,    /* bytes of the result that tell whether it is worth going on */
    DECODE_LINE = 48,     /* a line of base64 that goes on in the next one is at least this long */
    DECODE_PAIRS_MIN = 8, /* hex pairs or groups of bits */
    DECODE_BITS = 8,
};

/* Values of base64 digits of both alphabets plus one; 0: none. */
/* clang-format off */
static const uint8_t decode_digits[256] = {
    ['A'] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,
    ['a'] = 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52,
    ['0'] = 53, 54, 55, 56, 57, 58, 59, 60, 61, 62,
    ['+'] = 63, ['-'] = 63, ['/'] = 64, ['_'] = 64,
};
/* clang-format on */

static int
decode_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int
wd_decode_hex_pair(const char *p)
{
    int high = decode_hex(p[0]), low = decode_hex(p[1]);

    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static bool
decode_is_digit(char c)
{
    return decode_digits[(uint8_t)c] != 0;
}

/* What may stand between two hex pairs or groups of bits. */
static size_t
decode_separator(struct wd_span t, size_t at)
{
    size_t i = at;

    while (i < t.len && i < at + 2 && (t.ptr[i] == ' ' || t.ptr[i] == ':' || t.ptr[i] == ',' || t.ptr[i] == '\n'))
        i++;
    if (i + 1 < t.len && ((t.ptr[i] == '0' && t.ptr[i + 1] == 'x') || (t.ptr[i] == '\\' && t.ptr[i + 1] == 'x')))
        i += 2;
    return i - at;
}

static bool
decode_is_bits(struct wd_span t, size_t at)
{
    size_t i;

    if (t.len - at < DECODE_BITS)
        return false;
    for (i = at; i < at + DECODE_BITS; i++)
        if (t.ptr[i] != '0' && t.ptr[i] != '1')
            return false;
    return i == t.len || (t.ptr[i] != '0' && t.ptr[i] != '1') || (t.len - i >= DECODE_BITS);
}

/* Pairs or groups with something between from `at` on; returns where they end, at when there are too few. */
static size_t
decode_groups(struct wd_span t, size_t at, bool bits)
{
    size_t i = at, end = at, n = 0, skip;

    while (i < t.len && (bits ? decode_is_bits(t, i) : i + 2 <= t.len && wd_decode_hex_pair(t.ptr + i) >= 0)) {
        i += bits ? DECODE_BITS : 2;
        end = i;
        n++;
        skip = decode_separator(t, i);
        if (skip == 0 && !bits)
            break;
        i += skip;
    }
    return n >= DECODE_PAIRS_MIN ? end : at;
}

/* Where the base64 digits from `at` on end, across line breaks when how says so. */
static size_t
decode_run(struct wd_span t, size_t at, unsigned how)
{
    size_t i = at, line = at, next;

    for (;;) {
        while (i < t.len && decode_is_digit(t.ptr[i]))
            i++;
        next = i;
        while ((how & WD_DECODE_LOOSE) != 0 && next < t.len && (t.ptr[next] == '\n' || t.ptr[next] == '\r'))
            next++;
        if (next == i || i - line < DECODE_LINE || next == t.len || !decode_is_digit(t.ptr[next]))
            return i;
        i = line = next;
    }
}

static bool
decode_is_hex(struct wd_span t, size_t from, size_t to)
{
    size_t i;

    if ((to - from) % 2 != 0)
        return false;
    for (i = from; i < to; i++)
        if (decode_hex(t.ptr[i]) < 0)
            return false;
    return true;
}

/*
 * The first run of base64 digits from `at` on that is long enough; t.len when there is none. One that is covers eight aligned
 * bytes: only where eight bytes hold nothing below '+' a closer look is worth it.
 */
static size_t
decode_next_run(struct wd_span t, size_t at, size_t *end)
{
    const uint64_t ones = 0x0101010101010101u;
    uint64_t eight;
    size_t i = at, from;

    for (; i + 8 <= t.len; i += 8) {
        memcpy(&eight, t.ptr + i, 8);
        /* A byte of 0x2b to 0x7f keeps its high bit clear when 0x2b is taken from it. */
        if ((((eight | ones * 0x80) - ones * '+') & ones * 0x80) != ones * 0x80 || (eight & ones * 0x80) != 0)
            continue;
        for (from = i; from > at && decode_is_digit(t.ptr[from - 1]); from--)
            continue;
        *end = decode_run(t, from, WD_DECODE_TOKENS);
        if (*end - from >= WD_DECODE_MIN)
            return from;
        i = *end > i + 8 ? *end - 8 : i;
    }
    return t.len;
}

bool
wd_decode_next(struct wd_span t, size_t at, unsigned how, struct wd_decode_stretch *s)
{
    size_t i = at, end;

    if ((how & WD_DECODE_LOOSE) == 0) {
        i = decode_next_run(t, at, &end);
        *s = (struct wd_decode_stretch){ WD_DECODE_BASE64, i, i < t.len ? end : i };
        s->kind = decode_is_hex(t, i, s->to) ? WD_DECODE_HEX : WD_DECODE_BASE64;
        return i < t.len;
    }
    while (i < t.len) {
        if (!decode_is_digit(t.ptr[i])) {
            i++;
            continue;
        }
        *s = (struct wd_decode_stretch){ WD_DECODE_BASE64, i, decode_run(t, i, how) };
        if (s->to - i <= 2 * DECODE_BITS + 2) {
            if ((end = decode_groups(t, i, true)) > i)
                *s = (struct wd_decode_stretch){ WD_DECODE_BITS, i, end };
            else if ((end = decode_groups(t, i, false)) > i)
                *s = (struct wd_decode_stretch){ WD_DECODE_HEX, i, end };
        }
        if (s->kind != WD_DECODE_BASE64 || s->to - i >= WD_DECODE_MIN) {
            if (s->kind == WD_DECODE_BASE64 && decode_is_hex(t, i, s->to))
                s->kind = WD_DECODE_HEX;
            return true;
        }
        i = s->to;
    }
    return false;
}

/* Most of it is printable and it is well-formed, but for a character that the end cuts. */
static bool
decode_is_text(const char *p, size_t len)
{
    size_t i = 0, n, odd = 0;
    uint32_t cp;

    while (i < len) {
        n = wd_utf8_decode(wd_span(p + i, len - i), &cp);
        if (n == 0 && len - i < 4 && ((uint8_t)p[i] & 0xc0) == 0xc0)
            break;
        odd += n == 0 || cp == 0x7f || (cp < 0x20 && cp != '\n' && cp != '\r' && cp != '\t') || (cp >= 0x80 && cp < 0xa0);
        if (odd > len / 16)
            return false;
        i += n == 0 ? 1 : n;
    }
    return len > 0;
}

/* ASCII in UTF-16, either byte order. Returns the new length. */
static size_t
decode_narrow(char *p, size_t len)
{
    size_t i, zero = len >= 8 && p[0] == 0 && p[2] == 0 && p[4] == 0 ? 0 : 1;

    if (len < 8 || p[zero] != 0 || p[zero + 2] != 0 || p[zero + 4] != 0)
        return len;
    for (i = 0; i < len / 2; i++)
        p[i] = p[2 * i + 1 - zero];
    return len / 2;
}

/* Base64 digits of [from, to) into at most size bytes; what is no digit is skipped. */
static size_t
decode_base64(struct wd_span t, size_t from, size_t to, char *out, size_t size)
{
    uint32_t bits = 0, have = 0, digit;
    size_t n = 0;

    for (; from < to && n < size; from++) {
        digit = decode_digits[(uint8_t)t.ptr[from]];
        if (digit == 0)
            continue;
        bits = bits << 6 | (digit - 1);
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[n++] = (char)(bits >> have & 0xff);
        }
    }
    return n;
}

static size_t
decode_pairs(struct wd_span t, size_t from, size_t to, char *out, size_t size)
{
    size_t n = 0;
    int byte;

    while (from + 2 <= to && n < size) {
        byte = wd_decode_hex_pair(t.ptr + from);
        if (byte >= 0)
            out[n++] = (char)byte;
        from += byte >= 0 ? 2 : 1;
        from += byte >= 0 && from < to ? decode_separator(wd_span(t.ptr, to), from) : 0;
    }
    return n;
}

static size_t
decode_bits(struct wd_span t, size_t from, size_t to, char *out, size_t size)
{
    uint32_t bits = 0, have = 0;
    size_t n = 0;

    for (; from < to && n < size; from++) {
        if (t.ptr[from] != '0' && t.ptr[from] != '1')
            continue;
        bits = bits << 1 | (t.ptr[from] == '1');
        if (++have == DECODE_BITS) {
            out[n++] = (char)(bits & 0xff);
            have = 0;
        }
    }
    return n;
}

static size_t
decode_as(struct wd_span t, enum wd_decode_kind kind, size_t from, size_t to, char *out, size_t size)
{
    switch (kind) {
    case WD_DECODE_BASE64:
        return decode_base64(t, from, to, out, size);
    case WD_DECODE_HEX:
        return decode_pairs(t, from, to, out, size);
    case WD_DECODE_BITS:
        return decode_bits(t, from, to, out, size);
    case WD_DECODE_PERCENT:
    case WD_DECODE_NONE:
        break;
    }
    return 0;
}

/* A few bytes of the result tell. Those of a stretch that starts in the middle of four digits do so after as many more. */
static bool
decode_starts(struct wd_span t, enum wd_decode_kind kind, size_t from, size_t to)
{
    char start[DECODE_START];
    size_t n = decode_as(t, kind, from, to, start, sizeof(start));

    return decode_is_text(start, decode_narrow(start, n));
}

/* How it is to be read: kind and the first digit that counts. */
static bool
decode_find(struct wd_span t, const struct wd_decode_stretch *s, enum wd_decode_kind *kind, size_t *from)
{
    size_t phase, phases = s->to - s->from >= 4 * DECODE_START ? 4 : 1;

    *from = s->from;
    *kind = s->kind;
    if (s->kind != WD_DECODE_BASE64 && decode_starts(t, s->kind, s->from, s->to))
        return true;
    if (s->kind == WD_DECODE_BITS)
        return false;
    *kind = WD_DECODE_BASE64;
    for (phase = 0; phase < phases; phase++) {
        *from = s->from + phase;
        if (decode_starts(t, WD_DECODE_BASE64, *from, s->to))
            return true;
    }
    return false;
}

size_t
wd_decode_stretch(struct wd_span t, const struct wd_decode_stretch *s, char *out, size_t size)
{
    enum wd_decode_kind kind;
    size_t from, n;

    if (!decode_find(t, s, &kind, &from))
        return 0;
    n = decode_as(t, kind, from, s->to, out, size < WD_DECODE_MAX ? size : WD_DECODE_MAX);
    n = decode_narrow(out, n);
    return decode_is_text(out, n) ? n : 0;
}

bool
wd_decode_likely(struct wd_span t, unsigned how)
{
    struct wd_decode_stretch s;
    enum wd_decode_kind kind;
    size_t at, from;

    for (at = 0; wd_decode_next(t, at, how, &s); at = s.to)
        if (decode_find(t, &s, &kind, &from))
            return true;
    return false;
}

static bool
decode_is_percent(struct wd_span t, size_t i)
{
    return t.ptr[i] == '%' && t.len - i > 2 && wd_decode_hex_pair(t.ptr + i + 1) >= 0;
}

bool
wd_decode_next_percent(struct wd_span t, size_t at, struct wd_decode_stretch *s)
{
    const char *sign = t.ptr + at;

    for (;; sign++) {
        sign = at < t.len ? memchr(sign, '%', (size_t)(t.ptr + t.len - sign)) : NULL;
        if (sign == NULL)
            return false;
        if (decode_is_percent(t, (size_t)(sign - t.ptr)))
            break;
    }
    *s = (struct wd_decode_stretch){ WD_DECODE_PERCENT, (size_t)(sign - t.ptr), (size_t)(sign - t.ptr) };
    while (s->from > at && wd_char_is_token((uint8_t)t.ptr[s->from - 1]))
        s->from--;
    while (s->to < t.len && wd_char_is_token((uint8_t)t.ptr[s->to]))
        s->to++;
    return true;
}

size_t
wd_decode_percent(struct wd_span t, const struct wd_decode_stretch *s, char *out, uint32_t *map, size_t size)
{
    struct wd_span in = wd_span(t.ptr, s->to);
    size_t i = s->from, n;
    bool is;

    for (n = 0; n < size && i < s->to; n++) {
        is = decode_is_percent(in, i);
        out[n] = is ? (char)wd_decode_hex_pair(in.ptr + i + 1) : in.ptr[i];
        if (map != NULL)
            map[n] = (uint32_t)i;
        i += is ? 3 : 1;
    }
    return n;
}
