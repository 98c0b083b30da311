#ifndef WD_PLACE_H
#define WD_PLACE_H

#include "response.h"

/* Where in an answer a value stands: the tables of the formats behind wd_response_read(). */
enum wd_place {
    PLACE_ANY, /* nothing is known: inspected whole, all below too */
    PLACE_OPAQUE,
    PLACE_JSON,
    PLACE_MEMBER,
    PLACE_LOGPROBS,
    PLACE_FRAGMENT,
    PLACE_FRAGMENT_JSON,
    PLACE_CHAT,
    PLACE_CHAT_CHOICES,
    PLACE_CHAT_CHOICE,
    PLACE_CHAT_DELTA,
    PLACE_CHAT_MESSAGE,
    PLACE_CHAT_AUDIO,
    PLACE_CHAT_CALLS,
    PLACE_CHAT_CALL,
    PLACE_CHAT_FUNCTION,
    PLACE_CHAT_CUSTOM,
    PLACE_RESPONSES,
    PLACE_RESPONSES_ANSWER,
    PLACE_RESPONSES_DELTA,
    PLACE_RESPONSES_ITEMS,
    PLACE_RESPONSES_ITEM,
    PLACE_RESPONSES_PARTS,
    PLACE_RESPONSES_PART,
    PLACE_RESPONSES_CONVERSATION,
    PLACE_RESPONSES_NOTES,
    PLACE_RESPONSES_NOTE,
    PLACE_MESSAGES,
    PLACE_MESSAGES_MESSAGE,
    PLACE_MESSAGES_BLOCKS,
    PLACE_MESSAGES_BLOCK,
    PLACE_MESSAGES_FIRST,
    PLACE_MESSAGES_FIRST_TEXT,
    PLACE_MESSAGES_RESULT,
    PLACE_MESSAGES_SOURCE,
    PLACE_MESSAGES_CITATIONS,
    PLACE_MESSAGES_CITATION,
    PLACE_MESSAGES_DELTA,
    PLACE_MESSAGES_CHANGE,
    PLACE_MESSAGES_CONTAINER,
    PLACE_GOOGLE,
    PLACE_GOOGLE_CANDIDATES,
    PLACE_GOOGLE_CANDIDATE,
    PLACE_GOOGLE_CONTENT,
    PLACE_GOOGLE_PARTS,
    PLACE_GOOGLE_PART,
    PLACE_GOOGLE_PART_OTHER,
    PLACE_GOOGLE_BLOB,
    PLACE_GOOGLE_CALL,
    PLACE_GOOGLE_PARTIALS,
    PLACE_GOOGLE_PARTIAL,
    PLACE_EMBEDDINGS,
    PLACE_EMBEDDINGS_LIST,
    PLACE_EMBEDDINGS_ITEM,
    PLACES
};

/* How a string in this place is treated. */
enum wd_place_text {
    PLACE_TEXT_WHOLE,
    PLACE_TEXT_OPAQUE,
    PLACE_TEXT_JSON,
    PLACE_TEXT_MEMBER,
    PLACE_TEXT_FRAGMENT,
    PLACE_TEXT_FRAGMENT_JSON
};

struct wd_place_row {
    const char *key;
    uint8_t len;      /* of key */
    uint8_t to;       /* enum wd_place */
    bool keep;        /* stays in a tail event */
    const char *when; /* holds only when the object's "type" is this; may be NULL */
    uint8_t issues;   /* enum wd_isolate_kind: the id of what a later request may refer to; 0: none */
};

enum wd_place wd_place_root(enum wd_op op, bool stream);
enum wd_place_text wd_place_text(enum wd_place place);
/* The place of a child. *row is set when the table names it, otherwise NULL. */
enum wd_place wd_place_child(enum wd_place parent, const struct wd_json *doc, uint32_t node, const struct wd_place_row **row);

#endif
