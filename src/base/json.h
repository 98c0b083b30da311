#ifndef WD_JSON_H
#define WD_JSON_H

#include <stdint.h>

#include "arena.h"
#include "buf.h"
#include "err.h"
#include "span.h"

/*
 * Strict JSON (RFC 8259) that keeps byte spans. UTF-8 only, no byte order
 * mark, no lone surrogates in escapes, no duplicate keys in an object (compared
 * after unescaping), bounded depth and node count. Any value may be the root.
 * The text is borrowed: spans point into it.
 */
enum wd_json_type {
    WD_JSON_NULL,
    WD_JSON_FALSE,
    WD_JSON_TRUE,
    WD_JSON_NUMBER,
    WD_JSON_STRING,
    WD_JSON_ARRAY,
    WD_JSON_OBJECT,
};

struct wd_json_node {
    uint32_t start, end;         /* the value, quotes and brackets included */
    uint32_t key_start, key_end; /* between the quotes of its key; equal when in an array or root */
    uint32_t parent;             /* index; the root is its own parent */
    uint32_t next;               /* next sibling, 0 at the last */
    uint32_t child;              /* first child, 0 when none */
    uint8_t type;                /* enum wd_json_type */
    uint8_t escaped;             /* the string value holds a backslash */
    uint8_t key_escaped;         /* the key holds a backslash */
};

/* nodes[0] is the root; nodes stand in document order, a parent before its children. */
struct wd_json {
    struct wd_span text;
    struct wd_json_node *nodes;
    uint32_t count;
};

struct wd_json_limits {
    uint32_t depth; /* nested arrays and objects */
    uint32_t nodes;
};
#define WD_JSON_LIMITS ((struct wd_json_limits){ .depth = 64, .nodes = 1000000 })

struct wd_json_error {
    const char *what; /* constant text, never quotes the input */
    size_t offset;    /* bytes from the start */
};

/*
 * Reads the whole text. WD_ERR_SYNTAX, WD_ERR_LIMIT (depth, nodes, 2^32 bytes)
 * or WD_ERR_NOMEM, with *error filled in. Nodes live in the arena.
 */
enum wd_err wd_json_parse(struct wd_json *doc, struct wd_span text, struct wd_arena *arena, struct wd_json_limits limits,
                          struct wd_json_error *error) WD_CHECK;

/* The raw bytes of a value (with quotes) and of its key (without). */
struct wd_span wd_json_raw(const struct wd_json *doc, uint32_t node);
struct wd_span wd_json_key_raw(const struct wd_json *doc, uint32_t node);

/*
 * The text of a string value or of a key, unescaped. Points into the document
 * when it holds no escape, otherwise into the arena; ptr NULL when memory is out.
 */
struct wd_span wd_json_string(const struct wd_json *doc, uint32_t node, struct wd_arena *arena);
struct wd_span wd_json_key(const struct wd_json *doc, uint32_t node, struct wd_arena *arena);

/* True when the node's key, unescaped, is name. */
bool wd_json_key_is(const struct wd_json *doc, uint32_t node, const char *name);
/*
 * True when the key, unescaped, differs from name but would be read as it by a
 * lax reader: letter case (U+017F and U+212A fold to s and k).
 */
bool wd_json_key_folds_to(const struct wd_json *doc, uint32_t node, const char *name);
/* The child of an object with this key, 0 when there is none (or node is no object). */
uint32_t wd_json_get(const struct wd_json *doc, uint32_t node, const char *name);
/* True when the node is a string whose text, unescaped, is s. */
bool wd_json_string_is(const struct wd_json *doc, uint32_t node, const char *s);

static inline enum wd_json_type
wd_json_type(const struct wd_json *doc, uint32_t node)
{
    return (enum wd_json_type)doc->nodes[node].type;
}

/* Appends text as the inside of a JSON string: escapes quote, backslash and U+0000 to U+001F. */
enum wd_err wd_json_escape(struct wd_buf *out, struct wd_span text) WD_CHECK;
/* Appends the unescaped form of the inside of a valid JSON string. */
enum wd_err wd_json_unescape(struct wd_buf *out, struct wd_span inside) WD_CHECK;

#endif
