/*
 * One pass, no recursion: a node is written when its value starts and completed when it ends. While a container is open its
 * `end` holds its last child, so that a child is linked in constant time and no stack is needed. UTF-8 is judged where
 * bytes above ASCII stand, escapes where a backslash stands; all else in a string is skipped 8 bytes at a time.
 */
#include "json.h"

#include <endian.h>
#include <stdlib.h>

#include "json_keys.h"
#include "utf8.h"

enum { JSON_NODES_FIRST = 64 };

struct json_reader {
    struct wd_json *doc;
    struct wd_arena *arena;
    struct wd_json_limits limits;
    const char *start, *p, *end;
    uint32_t size, depth;
    uint32_t open; /* innermost open container */
    uint32_t key_start, key_end;
    bool key_escaped;
    const char *what;
    struct wd_json_node *heap; /* NULL while the nodes fit in first */
    struct wd_json_node first[JSON_NODES_FIRST];
};

static enum wd_err
json_fail(struct json_reader *r, const char *what)
{
    r->what = what;
    return WD_ERR_SYNTAX;
}

static enum wd_err
json_limit(struct json_reader *r, const char *what)
{
    r->what = what;
    return WD_ERR_LIMIT;
}

static enum wd_err
json_nomem(struct json_reader *r)
{
    r->what = "out of memory";
    return WD_ERR_NOMEM;
}

static inline void
json_space(struct json_reader *r)
{
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\n' || *r->p == '\r' || *r->p == '\t'))
        r->p++;
}

static enum wd_err
json_grow(struct json_reader *r)
{
    size_t size = (size_t)r->size * 2;
    struct wd_json_node *nodes;

    if (r->doc->count >= r->limits.nodes)
        return json_limit(r, "too many values");
    if (size > r->limits.nodes)
        size = r->limits.nodes;
    nodes = realloc(r->heap, size * sizeof(*nodes));
    if (nodes == NULL)
        return json_nomem(r);
    if (r->heap == NULL)
        memcpy(nodes, r->first, sizeof(r->first));
    r->heap = r->doc->nodes = nodes;
    r->size = (uint32_t)size;
    return WD_OK;
}

/* Starts the value at r->p as the last child of the open container. */
static inline enum wd_err
json_node(struct json_reader *r, enum wd_json_type type)
{
    struct wd_json_node *n, *parent;
    uint32_t index = r->doc->count;

    if (index >= r->size) {
        enum wd_err err = json_grow(r);

        if (err != WD_OK)
            return err;
    }
    n = &r->doc->nodes[index];
    *n = (struct wd_json_node){ .start = (uint32_t)(r->p - r->start),
                                .key_start = r->key_start,
                                .key_end = r->key_end,
                                .parent = r->open,
                                .type = (uint8_t)type,
                                .key_escaped = r->key_escaped };
    r->doc->count++;
    if (index == 0)
        return WD_OK;
    parent = &r->doc->nodes[r->open];
    if (parent->child == 0)
        parent->child = index;
    else
        r->doc->nodes[parent->end].next = index;
    parent->end = index;
    return WD_OK;
}

static inline void
json_node_end(struct json_reader *r)
{
    r->doc->nodes[r->doc->count - 1].end = (uint32_t)(r->p - r->start);
}

/* Four hexadecimal digits at p, or -1. */
static int32_t
json_hex4(const struct json_reader *r, const char *p)
{
    int32_t value = 0;

    if (r->end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = p[i];

        if (c >= '0' && c <= '9')
            value = value << 4 | (c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            value = value << 4 | ((c | 0x20) - 'a' + 10);
        else
            return -1;
    }
    return value;
}

static enum wd_err
json_escape(struct json_reader *r)
{
    int32_t unit, low;

    if (r->end - r->p < 2)
        return json_fail(r, "unfinished string");
    if (r->p[1] != 'u') {
        if (memchr("\"\\/bfnrt", r->p[1], 8) == NULL)
            return json_fail(r, "unknown escape");
        r->p += 2;
        return WD_OK;
    }
    unit = json_hex4(r, r->p + 2);
    if (unit < 0)
        return json_fail(r, "\\u without four hexadecimal digits");
    if ((unit & 0xf800) != 0xd800) {
        r->p += 6;
        return WD_OK;
    }
    low = r->end - r->p >= 8 && r->p[6] == '\\' && r->p[7] == 'u' ? json_hex4(r, r->p + 8) : -1;
    if ((unit & 0x400) != 0 || low < 0 || (low & 0xfc00) != 0xdc00)
        return json_fail(r, "lone surrogate");
    r->p += 12;
    return WD_OK;
}

/* To the next quote, backslash, control character or byte above ASCII; to the end when there is none. */
static inline const char *
json_plain(const char *p, const char *end)
{
    const uint64_t ones = 0x0101010101010101, highs = 0x8080808080808080;

    while (end - p >= 8) {
        uint64_t x, quote, slash, hit;

        memcpy(&x, p, sizeof(x));
        x = le64toh(x);
        quote = x ^ ones * '"';
        slash = x ^ ones * '\\';
        /* A borrow can only raise a false hit above a true one, and the lowest is taken. */
        hit = (x | (x - ones * 0x20) | (quote - ones) | (slash - ones)) & highs;
        if (hit != 0)
            return p + __builtin_ctzll(hit) / 8;
        p += 8;
    }
    while (p < end && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x80 && *p != '"' && *p != '\\')
        p++;
    return p;
}

/* From the opening quote to behind the closing one. */
static inline enum wd_err
json_string(struct json_reader *r, bool *escaped)
{
    uint32_t cp;
    size_t n;

    *escaped = false;
    r->p++;
    for (;;) {
        r->p = json_plain(r->p, r->end);
        if (r->p == r->end)
            return json_fail(r, "unfinished string");
        if (*r->p == '"') {
            r->p++;
            return WD_OK;
        }
        if (*r->p == '\\') {
            enum wd_err err = json_escape(r);

            if (err != WD_OK)
                return err;
            *escaped = true;
            continue;
        }
        if ((unsigned char)*r->p < 0x20)
            return json_fail(r, "control character in a string");
        do {
            n = wd_utf8_decode(wd_span(r->p, (size_t)(r->end - r->p)), &cp);
            if (n == 0)
                return json_fail(r, "not UTF-8");
            r->p += n;
        } while (r->p < r->end && (unsigned char)*r->p >= 0x80);
    }
}

static inline bool
json_digits(struct json_reader *r)
{
    const char *from = r->p;

    while (r->p < r->end && *r->p >= '0' && *r->p <= '9')
        r->p++;
    return r->p > from;
}

static enum wd_err
json_number(struct json_reader *r)
{
    if (*r->p == '-')
        r->p++;
    if (r->p < r->end && *r->p == '0')
        r->p++;
    else if (!json_digits(r))
        return json_fail(r, "number without digits");
    if (r->p < r->end && *r->p == '.') {
        r->p++;
        if (!json_digits(r))
            return json_fail(r, "number without digits after the point");
    }
    if (r->p < r->end && (*r->p | 0x20) == 'e') {
        r->p++;
        if (r->p < r->end && (*r->p == '+' || *r->p == '-'))
            r->p++;
        if (!json_digits(r))
            return json_fail(r, "number without digits in the exponent");
    }
    return WD_OK;
}

static enum wd_err
json_word(struct json_reader *r)
{
    static const struct {
        const char *word;
        size_t len;
    } words[] = { [WD_JSON_NULL] = { "null", 4 }, [WD_JSON_FALSE] = { "false", 5 }, [WD_JSON_TRUE] = { "true", 4 } };

    for (int type = WD_JSON_NULL; type <= WD_JSON_TRUE; type++) {
        size_t len = words[type].len;
        enum wd_err err;

        if ((size_t)(r->end - r->p) < len || memcmp(r->p, words[type].word, len) != 0)
            continue;
        err = json_node(r, (enum wd_json_type)type);
        r->p += len;
        return err;
    }
    return json_fail(r, "expected a value");
}

/* A value that is no container. */
static inline enum wd_err
json_scalar(struct json_reader *r)
{
    enum wd_err err;
    bool escaped;

    if (*r->p == '"') {
        err = json_node(r, WD_JSON_STRING);
        if (err == WD_OK)
            err = json_string(r, &escaped);
        if (err == WD_OK)
            r->doc->nodes[r->doc->count - 1].escaped = escaped;
    } else if (*r->p == '-' || (*r->p >= '0' && *r->p <= '9')) {
        err = json_node(r, WD_JSON_NUMBER);
        if (err == WD_OK)
            err = json_number(r);
    } else {
        err = json_word(r);
    }
    if (err == WD_OK)
        json_node_end(r);
    return err;
}

/* The key of the next member and its colon, up to the value. */
static inline enum wd_err
json_key(struct json_reader *r)
{
    enum wd_err err;
    const char *from = r->p;

    if (r->p == r->end || *r->p != '"')
        return json_fail(r, "expected a key in quotes");
    err = json_string(r, &r->key_escaped);
    if (err != WD_OK)
        return err;
    r->key_start = (uint32_t)(from + 1 - r->start);
    r->key_end = (uint32_t)(r->p - 1 - r->start);
    json_space(r);
    if (r->p == r->end || *r->p != ':')
        return json_fail(r, "expected a colon");
    r->p++;
    json_space(r);
    return WD_OK;
}

/* Closes the innermost container at its bracket. */
static enum wd_err
json_close(struct json_reader *r)
{
    struct wd_json_node *n = &r->doc->nodes[r->open];
    uint32_t twin;

    r->p++;
    n->end = (uint32_t)(r->p - r->start);
    if (n->type == WD_JSON_OBJECT) {
        enum wd_err err = wd_json_keys_twin(r->doc, r->open, r->arena, &twin);

        if (err != WD_OK)
            return json_nomem(r);
        if (twin != 0) {
            r->p = r->start + r->doc->nodes[twin].key_start;
            return json_fail(r, "duplicate key");
        }
    }
    r->depth--;
    r->open = n->parent;
    return WD_OK;
}

/* Opens a container; r->p stands behind its bracket and space. */
static enum wd_err
json_open(struct json_reader *r)
{
    enum wd_json_type type = *r->p == '{' ? WD_JSON_OBJECT : WD_JSON_ARRAY;
    enum wd_err err;

    if (r->depth >= r->limits.depth)
        return json_limit(r, "nested too deeply");
    err = json_node(r, type);
    if (err != WD_OK)
        return err;
    r->depth++;
    r->open = r->doc->count - 1;
    r->key_start = r->key_end = 0;
    r->key_escaped = false;
    r->p++;
    json_space(r);
    return WD_OK;
}

/*
 * After a value: closes what ends here and steps over the comma before the next value. r->p stands at that value, its key
 * read; *done when the root is complete.
 */
static inline enum wd_err
json_after(struct json_reader *r, bool *done)
{
    enum wd_err err;
    bool object;

    *done = false;
    while (r->depth > 0) {
        json_space(r);
        object = r->doc->nodes[r->open].type == WD_JSON_OBJECT;
        if (r->p == r->end)
            return json_fail(r, "unfinished array or object");
        if (*r->p == ',') {
            r->p++;
            json_space(r);
            if (object)
                return json_key(r);
            r->key_start = r->key_end = 0;
            r->key_escaped = false;
            return WD_OK;
        }
        if (*r->p != (object ? '}' : ']'))
            return json_fail(r, object ? "expected a comma or a closing brace" : "expected a comma or a closing bracket");
        err = json_close(r);
        if (err != WD_OK)
            return err;
    }
    *done = true;
    return WD_OK;
}

static enum wd_err
json_document(struct json_reader *r)
{
    enum wd_err err;
    bool done = false, object;

    json_space(r);
    while (!done) {
        if (r->p == r->end)
            return json_fail(r, "expected a value");
        if (*r->p == '{' || *r->p == '[') {
            object = *r->p == '{';
            err = json_open(r);
            if (err != WD_OK)
                return err;
            if (r->p == r->end)
                return json_fail(r, "unfinished array or object");
            if (*r->p != (object ? '}' : ']')) {
                err = object ? json_key(r) : WD_OK;
                if (err != WD_OK)
                    return err;
                continue;
            }
        } else {
            err = json_scalar(r);
            if (err != WD_OK)
                return err;
        }
        err = json_after(r, &done);
        if (err != WD_OK)
            return err;
    }
    json_space(r);
    return r->p == r->end ? WD_OK : json_fail(r, "bytes after the value");
}

enum wd_err
wd_json_parse(struct wd_json *doc, struct wd_span text, struct wd_arena *arena, struct wd_json_limits limits,
              struct wd_json_error *error)
{
    struct json_reader r;
    struct wd_json_node *nodes = NULL;
    enum wd_err err;

    memset(&r, 0, offsetof(struct json_reader, first));
    *doc = (struct wd_json){ .text = text, .nodes = r.first };
    *error = (struct wd_json_error){ 0 };
    r.doc = doc;
    r.arena = arena;
    r.limits = limits;
    r.start = r.p = text.ptr;
    r.end = text.ptr + text.len;
    r.size = limits.nodes < JSON_NODES_FIRST ? limits.nodes : JSON_NODES_FIRST;

    if (text.len == 0)
        err = json_fail(&r, "empty");
    else if (text.len >= UINT32_MAX)
        err = json_limit(&r, "too long");
    else if (text.len >= 3 && memcmp(text.ptr, "\xef\xbb\xbf", 3) == 0)
        err = json_fail(&r, "byte order mark");
    else
        err = json_document(&r);

    if (err == WD_OK) {
        nodes = wd_arena_alloc(arena, doc->count * sizeof(*nodes));
        if (nodes == NULL)
            err = json_nomem(&r);
        else
            memcpy(nodes, doc->nodes, doc->count * sizeof(*nodes));
    }
    free(r.heap);
    if (err != WD_OK) {
        *error = (struct wd_json_error){ .what = r.what, .offset = (size_t)(r.p - r.start) };
        doc->count = 0;
    }
    doc->nodes = nodes;
    return err;
}
