#ifndef WD_READER_H
#define WD_READER_H

#include "request.h"

/*
 * What the readers of the wire formats share. A format is a set of tables: which members of an object the gate reads, what
 * their strings are, and which types of part, item or block exist. A reader marks nodes of the document; nothing has to be
 * found: every string that no table calls opaque becomes a text (wd_reader_finish).
 *
 * Functions that return bool answer false when the request is refused; the problem is then filled in.
 */
struct wd_mark {
    uint8_t role; /* enum wd_text_role + 1; 0: that of the node around */
    uint8_t kind; /* enum wd_text_kind + 1; 0: WD_TEXT_OTHER */
    uint8_t flags;
};
enum { WD_MARK_OPAQUE = 1, WD_MARK_DATA = 2, WD_MARK_NUMERIC = 4, WD_MARK_ATTACHED = 8 };

struct wd_reader {
    struct wd_request *request;
    const struct wd_json *doc;
    const struct wd_route *route;
    struct wd_arena *arena;
    struct wd_problem *problem;
    struct wd_mark *marks; /* one for each node */
    uint32_t message_size, tool_size, attachment_size, ref_size;
    bool camel; /* Google: members may be spelt in snake_case too */
};

typedef bool wd_read_fn(struct wd_reader *r, uint32_t node);

/* Accepted JSON types of a member, as bits. */
enum {
    WD_IS_STRING = 1 << WD_JSON_STRING,
    WD_IS_NUMBER = 1 << WD_JSON_NUMBER,
    WD_IS_ARRAY = 1 << WD_JSON_ARRAY,
    WD_IS_OBJECT = 1 << WD_JSON_OBJECT,
    WD_IS_BOOL = 1 << WD_JSON_TRUE | 1 << WD_JSON_FALSE,
    WD_IS_ANY = 0x7f,
    WD_REQUIRED = 0x80, /* and not null; otherwise null is as good as absent */
};

/* What the strings of a member are. */
enum wd_take {
    WD_TAKE_OTHER,
    WD_TAKE_PROSE,
    WD_TAKE_JSON,
    WD_TAKE_SIGNED,
    WD_TAKE_OPAQUE,        /* a provider's blob: not inspected as long as it is base64 */
    WD_TAKE_DATA,          /* free values of a tool: each is a member; as a tool's result its strings are prose */
    WD_TAKE_NUMERIC,       /* a number that says nothing: a seed */
    WD_TAKE_UNINSPECTABLE, /* refused when there, with note as the message */
    WD_TAKE_UNSUPPORTED,
    WD_TAKE_REF, /* the id of what the provider keeps: a string, listed as a reference of the kind in ref */
};

struct wd_field {
    const char *name;
    uint8_t is;
    uint8_t take;     /* enum wd_take */
    wd_read_fn *read; /* reads the value further; may be NULL */
    const char *note; /* message of a refusal */
    uint8_t ref;      /* enum wd_isolate_kind */
};
/* The row of such an id. */
#define WD_REF_FIELD(name_, kind, required)                                                                                      \
    {                                                                                                                            \
        (name_), WD_IS_STRING | (required), WD_TAKE_REF, NULL, NULL, WD_ISOLATE_REF_##kind                                       \
    }

struct wd_object {
    const struct wd_field *fields;
    uint32_t count;
    const char *closed; /* not NULL: a member without a row is refused as uninspectable, with this message */
};
#define WD_OBJECT(table)                                                                                                         \
    {                                                                                                                            \
        (table), sizeof(table) / sizeof((table)[0]), NULL                                                                        \
    }
#define WD_OBJECT_CLOSED(table, message)                                                                                         \
    {                                                                                                                            \
        (table), sizeof(table) / sizeof((table)[0]), (message)                                                                   \
    }

#define WD_OBJECT_NONE                                                                                                           \
    {                                                                                                                            \
        NULL, 0, NULL                                                                                                            \
    }

/* One type of part, item or block. */
struct wd_variant {
    const char *type;
    uint8_t role; /* enum wd_text_role + 1; 0: that of the message */
    struct wd_object object;
    wd_read_fn *read; /* after the members; may be NULL */
};
#define WD_ROLE(role) (WD_ROLE_##role + 1)

struct wd_union {
    const struct wd_variant *variants;
    uint32_t count;
    const char *accepted; /* message for an unknown type */
};
#define WD_UNION(table, message)                                                                                                 \
    {                                                                                                                            \
        (table), sizeof(table) / sizeof((table)[0]), (message)                                                                   \
    }

/* Refuses; param is the path of node, and of its member name when that is not NULL. */
bool wd_reader_refuse(struct wd_reader *r, enum wd_code code, const char *message, uint32_t node, const char *name);
/* Out of memory, or more than the arena may hold. */
bool wd_reader_exhausted(struct wd_reader *r);

/* Reads the members of an object by its table: spelling, types, marks, then the rows' read functions in the order of the table.
 */
bool wd_reader_object(struct wd_reader *r, uint32_t node, const struct wd_object *object);
/* The object's variant by its "type". */
bool wd_reader_variant(struct wd_reader *r, uint32_t node, const struct wd_union *u);
/* Each element of an array (at Google a lone object too, as protobuf JSON has it). */
bool wd_reader_each(struct wd_reader *r, uint32_t node, wd_read_fn *read);
/* A string of prose, or parts of the union in an array, or one such part. */
bool wd_reader_content(struct wd_reader *r, uint32_t node, const struct wd_union *u);
/* The member that wd_reader_object() has seen; 0 when absent or null. */
uint32_t wd_reader_get(const struct wd_reader *r, uint32_t node, const char *name);
/* Text of a string node; ptr NULL when memory is out. */
struct wd_span wd_reader_string(struct wd_reader *r, uint32_t node);

void wd_reader_role(struct wd_reader *r, uint32_t node, uint8_t role); /* WD_ROLE(...) */
struct wd_named_role {
    const char *name;
    uint8_t role; /* WD_ROLE(...); a table ends with a NULL name */
};
/* The role that a string names; 0 when it is none of the table: refused then, with accepted as the message. */
uint8_t wd_reader_role_of(struct wd_reader *r, uint32_t node, const struct wd_named_role *roles, const char *accepted);
bool wd_reader_message(struct wd_reader *r, uint32_t node, uint8_t role);
bool wd_reader_tool(struct wd_reader *r, struct wd_span name, bool hosted);
/* A reference; the node is a string. */
bool wd_reader_ref(struct wd_reader *r, uint8_t kind, uint32_t node);
bool wd_reader_attach(struct wd_reader *r, enum wd_attachment kind, uint32_t node);

/* Rows that several formats share. */
bool wd_reader_model(struct wd_reader *r, uint32_t node);
bool wd_reader_stream(struct wd_reader *r, uint32_t node);
bool wd_reader_temperature(struct wd_reader *r, uint32_t node);
bool wd_reader_max_tokens(struct wd_reader *r, uint32_t node);
bool wd_reader_choices(struct wd_reader *r, uint32_t node);
/* A whole number from 0 to 2^31 - 1. */
bool wd_reader_count(struct wd_reader *r, uint32_t node, double *value);

/* A tool of OpenAI, in the spelling of chat (name inside) or of Responses (name outside), with the tools inside a namespace. */
bool wd_openai_tool(struct wd_reader *r, uint32_t node);

/* Marks to texts, and the characters of each message. */
bool wd_reader_finish(struct wd_reader *r);

/* The formats: node is the root. */
bool wd_chat_read(struct wd_reader *r, uint32_t node);
bool wd_responses_read(struct wd_reader *r, uint32_t node);
bool wd_embeddings_read(struct wd_reader *r, uint32_t node);
bool wd_anthropic_read(struct wd_reader *r, uint32_t node);
bool wd_google_read(struct wd_reader *r, uint32_t node);

#endif
