/* Text of JSON strings: unescaping, escaping and comparing without a copy. */
#include "json.h"

#include "utf8.h"

static int
text_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static uint32_t
text_hex4(const char *p)
{
    return (uint32_t)(text_hex(p[0]) << 12 | text_hex(p[1]) << 8 | text_hex(p[2]) << 4 | text_hex(p[3]));
}

/* Reads the escape at *p, which the parser has found valid, and steps over it. */
static uint32_t
text_escape(const char **p)
{
    uint32_t high;
    char c = (*p)[1];

    *p += 2;
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'u':
        high = text_hex4(*p);
        *p += 4;
        if ((high & 0xfc00) != 0xd800)
            return high;
        *p += 6;
        return 0x10000 + ((high & 0x3ff) << 10) + (text_hex4(*p - 4) & 0x3ff);
    default:
        return (unsigned char)c;
    }
}

/* Never longer than the inside: each escape is at least as long as what it stands for. */
static size_t
text_unescape(char *out, struct wd_span inside)
{
    const char *p = inside.ptr, *end = p + inside.len, *slash;
    char *o = out;

    while (p < end) {
        slash = memchr(p, '\\', (size_t)(end - p));
        if (slash == NULL)
            slash = end;
        memcpy(o, p, (size_t)(slash - p));
        o += slash - p;
        p = slash;
        if (p < end) {
            uint32_t cp = text_escape(&p);

            o += wd_utf8_encode(cp, o);
        }
    }
    return (size_t)(o - out);
}

enum wd_err
wd_json_unescape(struct wd_buf *out, struct wd_span inside)
{
    enum wd_err err = wd_buf_reserve(out, inside.len);

    if (err == WD_OK && inside.len > 0)
        out->len += text_unescape(out->ptr + out->len, inside);
    return err;
}

enum wd_err
wd_json_escape(struct wd_buf *out, struct wd_span text)
{
    static const char shorts[] = "\b\f\n\r\t\"\\", names[] = "bfnrt\"\\", hex[] = "0123456789abcdef";
    size_t was = out->len, from = 0;
    enum wd_err err = WD_OK;

    for (size_t i = 0; i < text.len && err == WD_OK; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        char escape[6] = "\\u00";
        const char *at;
        size_t n = 6;

        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        at = memchr(shorts, c, sizeof(shorts) - 1);
        if (at != NULL) {
            escape[1] = names[at - shorts];
            n = 2;
        } else {
            escape[4] = hex[c >> 4];
            escape[5] = hex[c & 15];
        }
        err = wd_buf_add(out, wd_span(text.ptr + from, i - from));
        if (err == WD_OK)
            err = wd_buf_add(out, wd_span(escape, n));
        from = i + 1;
    }
    if (err == WD_OK && from < text.len)
        err = wd_buf_add(out, wd_span(text.ptr + from, text.len - from));
    if (err != WD_OK)
        out->len = was;
    return err;
}

struct wd_span
wd_json_raw(const struct wd_json *doc, uint32_t node)
{
    const struct wd_json_node *n = &doc->nodes[node];

    return wd_span(doc->text.ptr + n->start, n->end - n->start);
}

struct wd_span
wd_json_key_raw(const struct wd_json *doc, uint32_t node)
{
    const struct wd_json_node *n = &doc->nodes[node];

    return wd_span(doc->text.ptr + n->key_start, n->key_end - n->key_start);
}

/* Between the quotes; ptr NULL for a node that is no string. */
static struct wd_span
text_inside(const struct wd_json *doc, uint32_t node)
{
    const struct wd_json_node *n = &doc->nodes[node];

    if (n->type != WD_JSON_STRING)
        return wd_span(NULL, 0);
    return wd_span(doc->text.ptr + n->start + 1, n->end - n->start - 2);
}

static struct wd_span
text_plain(struct wd_span inside, bool escaped, struct wd_arena *arena)
{
    char *copy;

    if (!escaped || inside.ptr == NULL)
        return inside;
    copy = wd_arena_alloc(arena, inside.len);
    if (copy == NULL)
        return wd_span(NULL, 0);
    return wd_span(copy, text_unescape(copy, inside));
}

struct wd_span
wd_json_string(const struct wd_json *doc, uint32_t node, struct wd_arena *arena)
{
    return text_plain(text_inside(doc, node), doc->nodes[node].escaped, arena);
}

struct wd_span
wd_json_key(const struct wd_json *doc, uint32_t node, struct wd_arena *arena)
{
    return text_plain(wd_json_key_raw(doc, node), doc->nodes[node].key_escaped, arena);
}

/* The next character of well-formed UTF-8, *p < end. */
static uint32_t
text_next(const char **p, const char *end)
{
    uint32_t cp = 0;

    *p += wd_utf8_decode(wd_span(*p, (size_t)(end - *p)), &cp);
    return cp;
}

/* What a reader that ignores letter case takes the character for (simple case folding into ASCII). */
static uint32_t
text_fold(uint32_t cp)
{
    if (cp >= 'A' && cp <= 'Z')
        return cp | 0x20;
    if (cp == 0x17f)
        return 's';
    return cp == 0x212a ? 'k' : cp;
}

enum text_likeness { TEXT_OTHER, TEXT_FOLDED, TEXT_SAME };

static enum text_likeness
text_compare(struct wd_span inside, const char *name)
{
    const char *p = inside.ptr, *end = p + inside.len, *n = name, *name_end = name + strlen(name);
    bool same = true;

    while (p < end && n < name_end) {
        uint32_t a = *p == '\\' ? text_escape(&p) : text_next(&p, end), b = text_next(&n, name_end);

        if (a == b)
            continue;
        if (text_fold(a) != text_fold(b))
            return TEXT_OTHER;
        same = false;
    }
    if (p < end || n < name_end)
        return TEXT_OTHER;
    return same ? TEXT_SAME : TEXT_FOLDED;
}

static bool
text_is(struct wd_span inside, bool escaped, const char *s)
{
    if (escaped)
        return text_compare(inside, s) == TEXT_SAME;
    return wd_span_eq(inside, wd_span_str(s));
}

bool
wd_json_key_is(const struct wd_json *doc, uint32_t node, const char *name)
{
    return text_is(wd_json_key_raw(doc, node), doc->nodes[node].key_escaped, name);
}

bool
wd_json_key_folds_to(const struct wd_json *doc, uint32_t node, const char *name)
{
    return text_compare(wd_json_key_raw(doc, node), name) == TEXT_FOLDED;
}

bool
wd_json_string_is(const struct wd_json *doc, uint32_t node, const char *s)
{
    struct wd_span inside = text_inside(doc, node);

    return inside.ptr != NULL && text_is(inside, doc->nodes[node].escaped, s);
}

uint32_t
wd_json_get(const struct wd_json *doc, uint32_t node, const char *name)
{
    if (doc->nodes[node].type != WD_JSON_OBJECT)
        return 0;
    for (uint32_t c = doc->nodes[node].child; c != 0; c = doc->nodes[c].next) {
        if (wd_json_key_is(doc, c, name))
            return c;
    }
    return 0;
}
