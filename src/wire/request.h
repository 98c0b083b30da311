#ifndef WD_REQUEST_H
#define WD_REQUEST_H

#include "../base/json.h"
#include "op.h"

/*
 * The exchange view of a request: what the gate decides on, whatever the format. Arrays live in the arena; node numbers are
 * those of the document. Every string of the document, keys included, is either a text to inspect or an opaque blob that the
 * format defines at that very place (signature, encrypted_content, thoughtSignature, base64 of an allowed attachment).
 */
enum wd_text_role { WD_ROLE_SYSTEM, WD_ROLE_USER, WD_ROLE_ASSISTANT, WD_ROLE_TOOL, WD_ROLE_OTHER };

enum wd_text_kind {
    WD_TEXT_PROSE,  /* message text */
    WD_TEXT_JSON,   /* a string that is itself JSON: tool-call arguments */
    WD_TEXT_SIGNED, /* thinking text under a provider's signature: must not be changed */
    WD_TEXT_OTHER,  /* any other string value: names, ids, descriptions, schemas */
    WD_TEXT_KEY,    /* an object key */
    WD_TEXT_NUMBER, /* a number with 12 or more digits in its integer part */
};

struct wd_text {
    uint32_t node;
    uint8_t role; /* enum wd_text_role */
    uint8_t kind; /* enum wd_text_kind */
    bool member;  /* string in tool arguments or results: the key of it, or of the list around it, may say what it is */
};

struct wd_message {
    uint32_t node;
    uint8_t role;   /* enum wd_text_role */
    uint64_t chars; /* Unicode characters of its prose and tool text */
    bool more;      /* holds more than text of its role: an attachment, a tool call, a tool result; so it may well be wordless */
};

struct wd_tool {
    struct wd_span name; /* function: its name; hosted tool: its type (Google: its member as spelt), e.g. "web_search_preview",
                            "google_search" */
    bool hosted;
};

struct wd_attachment_ref {
    enum wd_attachment kind;
    uint32_t node;
};

/* What the provider keeps and the request only names. Honoured for the user to whom it was issued, and for nobody else. */
struct wd_ref {
    uint8_t kind; /* enum wd_isolate_kind, WD_ISOLATE_REF_... */
    uint32_t node;
    struct wd_span value;
};

struct wd_request {
    struct wd_json doc;
    struct wd_span model; /* as sent (unescaped); empty on Google */
    uint32_t model_node;
    bool stream;
    uint32_t temperature_node; /* 0: none */
    double temperature;
    uint32_t max_tokens_nodes[4]; /* every field of the format that bounds the output: max_tokens, max_completion_tokens,
                                     max_output_tokens, maxOutputTokens */
    double max_tokens[4];
    uint32_t max_tokens_count;
    double choices;         /* how many answers are asked for: chat n, Google candidateCount; 0: not said */
    double thinking_budget; /* Anthropic thinking.budget_tokens, 0 when none: max_tokens may not be clamped to or below it */
    bool include_usage;     /* chat: stream_options.include_usage was true */
    uint32_t stream_options_node; /* chat: 0 none */
    struct wd_text *texts;        /* in the order of the document, a key before its value */
    uint32_t text_count;
    struct wd_message *messages;
    uint32_t message_count;
    struct wd_tool *tools;
    uint32_t tool_count;
    struct wd_attachment_ref *attachments;
    uint32_t attachment_count;
    struct wd_ref *refs;
    uint32_t ref_count;
    bool unstored; /* Responses: store is false, so nothing can refer to the answer */
};

/* What is wrong with a request, for its error body. */
struct wd_problem {
    enum wd_code code;
    const char *message; /* constant text, says what is accepted; reads on from param: "must be a string" */
    const char *param;   /* field path such as "messages[3].content", in the arena; may be NULL */
};

/*
 * Reads body into *request. False with *problem: INVALID_JSON, INVALID_REQUEST (wrong type, a name that differs only in letter
 * case from one that the gate reads; Google also: underscores), UNSUPPORTED_PARAMETER, UNINSPECTABLE_CONTENT (unknown part, token
 * arrays, stored prompts), REQUEST_TOO_LARGE (more than the arena may hold: 1,000,000 nodes need about 64 MiB). An attachment's
 * kind is listed, not judged; a file by id or by a URL is one of kind file. References are listed, not judged either.
 */
bool wd_request_read(struct wd_request *request, const struct wd_route *route, struct wd_span body, struct wd_arena *arena,
                     struct wd_problem *problem) WD_CHECK;

#endif
