/* Escapes of characters: HTML entities, percent signs, backslashes. */
#include "../../base/utf8.h"
#include "canon_parts.h"
#include "decode.h"

enum { ESCAPE_ENTITY_MAX = 10, ESCAPE_DIGITS_MAX = 8 };

/* clang-format off */
static const struct {
    const char *name;
    uint16_t cp;
} escape_names[] = {
    { "amp", '&' }, { "lt", '<' }, { "gt", '>' }, { "quot", '"' }, { "apos", '\'' }, { "nbsp", ' ' }, { "colon", ':' },
    { "sol", '/' }, { "lpar", '(' }, { "rpar", ')' }, { "lsqb", '[' }, { "rsqb", ']' }, { "lbrack", '[' }, { "rbrack", ']' },
    { "Tab", '\t' }, { "NewLine", '\n' }, { "excl", '!' }, { "num", '#' }, { "equals", '=' }, { "period", '.' }, { "comma", ',' },
    { "shy", 0xad }, { "zwj", 0x200d }, { "zwnj", 0x200c }, { "ZeroWidthSpace", 0x200b },
};
/* clang-format on */

/* A number of at most `most` digits in base 10 or 16; returns how many there are. */
static size_t
escape_number(struct wd_span s, unsigned base, size_t most, uint32_t *value)
{
    size_t n = 0;
    unsigned d;

    for (*value = 0; n < s.len && n < most; n++) {
        d = (uint8_t)s.ptr[n];
        d = d >= '0' && d <= '9' ? d - '0' : (d | 0x20) >= 'a' && (d | 0x20) <= 'f' ? (d | 0x20) - 'a' + 10 : 99;
        if (d >= base)
            break;
        *value = *value * base + d;
    }
    return n;
}

/* Each: the bytes that the escape at the start of s takes, 0 when it is none. */
static size_t
escape_entity(struct wd_span s, uint32_t *cp)
{
    size_t i, n, at = 2;
    bool hex;

    if (s.len > 3 && s.ptr[1] == '#') {
        hex = (s.ptr[2] | 0x20) == 'x';
        at += hex;
        n = escape_number(wd_span(s.ptr + at, s.len - at), hex ? 16 : 10, ESCAPE_DIGITS_MAX - 1, cp);
        at += n;
        return n == 0 ? 0 : at + (at < s.len && s.ptr[at] == ';');
    }
    for (i = 0; i < sizeof(escape_names) / sizeof(escape_names[0]); i++) {
        n = strlen(escape_names[i].name);
        if (s.len < n + 2 || s.ptr[n + 1] != ';' || memcmp(s.ptr + 1, escape_names[i].name, n) != 0)
            continue;
        *cp = escape_names[i].cp;
        return n + 2;
    }
    return 0;
}

static bool
escape_surrogate(uint32_t cp, uint32_t first)
{
    return cp >= first && cp < first + 0x400;
}

/* Any number of backslashes, then uXXXX, u{X}, UXXXXXXXX, xXX or a letter. */
static size_t
escape_backslash(struct wd_span s, uint32_t *cp)
{
    static const char letters[] = "nrt\"'/", chars[] = "\n\r\t\"'/";
    size_t at = 0, n, more;
    const char *letter;
    uint32_t low;

    while (at < s.len && s.ptr[at] == '\\')
        at++;
    if (at == s.len)
        return 0;
    s = wd_span(s.ptr + at + 1, s.len - at - 1);
    switch (s.ptr[-1]) {
    case 'x':
        return escape_number(s, 16, 2, cp) == 2 ? at + 3 : 0;
    case 'U':
        return escape_number(s, 16, 8, cp) == 8 ? at + 9 : 0;
    case 'u':
        if (s.len > 2 && s.ptr[0] == '{') {
            n = escape_number(wd_span(s.ptr + 1, s.len - 1), 16, 6, cp);
            return n > 0 && n + 1 < s.len && s.ptr[n + 1] == '}' ? at + n + 3 : 0;
        }
        if (escape_number(s, 16, 4, cp) != 4)
            return 0;
        for (more = 4; escape_surrogate(*cp, 0xd800) && more < s.len && s.ptr[more] == '\\';)
            more++;
        if (more > 4 && more < s.len && s.ptr[more] == 'u' &&
            escape_number(wd_span(s.ptr + more + 1, s.len - more - 1), 16, 4, &low) == 4 && escape_surrogate(low, 0xdc00)) {
            *cp = 0x10000 + ((*cp - 0xd800) << 10) + (low - 0xdc00);
            return at + more + 6;
        }
        return at + 5;
    default:
        letter = strchr(letters, s.ptr[-1]);
        if (letter == NULL || *letter == '\0')
            return 0;
        *cp = (uint8_t)chars[letter - letters];
        return at + 1;
    }
}

/* RFC 3986: one byte of UTF-8. */
static size_t
escape_percent(struct wd_span s, uint32_t *byte)
{
    int b = s.len < 3 ? -1 : wd_decode_hex_pair(s.ptr + 1);

    *byte = (uint32_t)b;
    return b >= 0x20 || b == '\n' || b == '\t' || b == '\r' ? 3 : 0;
}

/* The bytes of a character, all from the same place; nothing for what is none. */
static void
escape_put(struct wd_canon_part *to, uint32_t cp, uint32_t off)
{
    char bytes[4];
    size_t n, i;

    if (cp > 0x10ffff || (cp & 0xfffff800) == 0xd800 || cp == 0)
        return;
    n = wd_utf8_encode(cp, bytes);
    for (i = 0; i < n; i++)
        wd_canon_put(to, bytes[i], off);
}

static inline bool
escape_begins(char c)
{
    return c == '&' || c == '\\' || c == '%';
}

bool
wd_canon_unescape(const struct wd_canon_source *from, struct wd_canon_part *to)
{
    struct wd_span t = from->text, rest;
    bool changed = false;
    size_t i, n;
    uint32_t cp;

    for (i = 0; i < t.len; i += n) {
        for (n = 0; i + n < t.len && !escape_begins(t.ptr[i + n]); n++)
            continue;
        if (n > 0) {
            wd_canon_copy(to, from, i, n);
            continue;
        }
        rest = wd_span(t.ptr + i, t.len - i);
        n = t.ptr[i] == '&' ? escape_entity(rest, &cp) : t.ptr[i] == '\\' ? escape_backslash(rest, &cp) : 0;
        if (n > 0) {
            escape_put(to, cp, wd_canon_off(from, i));
        } else if (t.ptr[i] == '%' && (n = escape_percent(rest, &cp)) > 0) {
            wd_canon_put(to, (char)cp, wd_canon_off(from, i));
        } else {
            n = 1;
            while (t.ptr[i] == '\\' && i + n < t.len && t.ptr[i + n] == '\\')
                n++;
            wd_canon_copy(to, from, i, n);
            continue;
        }
        changed = true;
    }
    return changed;
}
