#ifndef DEMO_ASK_H
#define DEMO_ASK_H

#include "base/json.h"

/* What was asked, in whichever of the four formats. Spans live in the body or the arena. */
struct demo_ask {
    struct wd_span model;
    struct wd_span user;      /* text of the last user message, shortened */
    struct wd_span result;    /* of the last tool result, ptr NULL when there is none */
    struct wd_span tool_name; /* to be called now, ptr NULL when none is */
    struct wd_span tool_args; /* JSON object made from its schema */
    uint32_t inputs;          /* texts to embed */
    uint32_t tokens_in;
    bool stream;
    bool include_usage;
    bool base64;
};

/* The body is any valid JSON: what is missing or of another type reads as absent. */
enum wd_err demo_ask_read(struct demo_ask *ask, const struct wd_json *doc, struct wd_arena *arena) WD_CHECK;

#endif
