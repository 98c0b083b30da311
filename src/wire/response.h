#ifndef WD_RESPONSE_H
#define WD_RESPONSE_H

#include "../base/edit.h"
#include "../base/json.h"
#include "op.h"

/*
 * What stands where in an answer, or in one event of a stream. Every string, key and long number of the document is either
 * listed as a part to inspect or is an opaque blob that the format defines at that very place.
 */
enum wd_part_kind {
    WD_PART_TEXT,     /* a whole string */
    WD_PART_JSON,     /* a whole string that is itself JSON: tool-call arguments */
    WD_PART_MEMBER,   /* a string in a tool's input: its key may say what it is */
    WD_PART_KEY,      /* the key of the node */
    WD_PART_NUMBER,   /* a number with 12 or more digits in its integer part */
    WD_PART_FRAGMENT, /* the next piece of a channel */
    WD_PART_LOGPROBS, /* spells the text of its parent object: goes when that changes */
};

struct wd_part {
    uint32_t node;
    uint8_t kind;           /* enum wd_part_kind */
    bool json;              /* fragment: the channel's text is JSON */
    bool spelled;           /* stands within logprobs */
    struct wd_span channel; /* fragment: which channel, in the arena */
};

enum wd_turn {
    WD_TURN_NONE,
    WD_TURN_MAY_END, /* the provider may close after this event, or may go on */
    WD_TURN_END,     /* nothing that counts comes behind it */
};

/* An id of what the provider keeps, and a later request may refer to. */
struct wd_issued {
    uint8_t kind; /* enum wd_isolate_kind, WD_ISOLATE_REF_... */
    uint32_t node;
};

struct wd_prefixes {
    struct wd_span *items;
    uint32_t count, size;
};

struct wd_response {
    const struct wd_json *doc;
    struct wd_arena *arena;
    enum wd_op op;
    bool stream, all;
    uint8_t *places;     /* of each node: where in the format it stands */
    uint32_t *positions; /* of each node in an array */
    struct wd_part *parts;
    uint32_t count, size, fragments;
    struct wd_issued *issued; /* listed whatever all says */
    uint32_t issued_count, issued_size;
    struct wd_prefixes before; /* channels with such a name ended before the event ... */
    struct wd_prefixes after;  /* ... or end with it */
    struct wd_prefixes pause;  /* ... or, when it carries nothing for them, will hardly go on */
    enum wd_turn turn;
    uint32_t sequence; /* node of sequence_number, 0: none */
    uint64_t sequence_number;
    bool usage_only; /* chat: no choices, only usage */
    bool has_usage_in, has_usage_out;
    uint64_t usage_in, usage_out;
};

#define WD_CHANNEL_MAX 1024   /* bytes of a channel's name */
#define WD_FRAGMENTS_MAX 1024 /* in one event */

/*
 * Reads a whole answer, or with stream set one event. all false: only fragments, logprobs and what steers the stream are listed,
 * for a document in which nothing can match. WD_ERR_SYNTAX: the root is not what the format says; WD_ERR_LIMIT; WD_ERR_NOMEM.
 */
enum wd_err wd_response_read(struct wd_response *r, enum wd_op op, bool stream, bool all, const struct wd_json *doc,
                             struct wd_arena *arena) WD_CHECK;

/*
 * An event that carries nothing but an empty fragment of the same channel: appends its JSON to out, *at is where the text goes
 * (between quotes). What *edits changes in the event is left out. Identifiers are kept, sequence_number is not.
 */
enum wd_err wd_response_tail(const struct wd_response *r, const struct wd_part *part, const struct wd_edits *edits,
                             struct wd_buf *out, size_t *at) WD_CHECK;

#endif
