#ifndef WD_OP_H
#define WD_OP_H

#include "../policy/policy.h"
#include "code.h"

/* What a route asks for. The wire format of the body follows from it. */
enum wd_op {
    WD_OP_CHAT,            /* OpenAI chat/completions */
    WD_OP_RESPONSES,       /* OpenAI responses */
    WD_OP_EMBEDDINGS,      /* OpenAI embeddings */
    WD_OP_MODELS,          /* GET models, OpenAI or Anthropic (no body) */
    WD_OP_MESSAGES,        /* Anthropic messages */
    WD_OP_MESSAGES_COUNT,  /* Anthropic messages/count_tokens */
    WD_OP_GENERATE,        /* Google generateContent */
    WD_OP_STREAM_GENERATE, /* Google streamGenerateContent, alt=sse only */
    WD_OP_COUNT_TOKENS,    /* Google countTokens */
    WD_OP_EMBED,           /* Google embedContent */
    WD_OP_BATCH_EMBED,     /* Google batchEmbedContents */
    WD_OPS
};

const char *wd_op_name(enum wd_op op);          /* "chat", for records and metrics */
enum wd_error_shape wd_op_shape(enum wd_op op); /* models: OPENAI; the router knows better */

/* Where a request path leads. Spans point into the path. */
struct wd_route {
    enum wd_op op;
    enum wd_format format;
    struct wd_span provider; /* empty on a root alias: the model picks. openai, anthropic and google also when the policy has no
                                such provider */
    struct wd_span model;    /* Google: from the path, percent-decoding refused; else empty */
    struct wd_span version;  /* Google: "v1" or "v1beta" */
    enum wd_error_shape shape;
};

/*
 * Reads method, path (no query) and query. WD_CODE_NONE, or UNKNOWN_ROUTE (also a wrong method), INVALID_REQUEST (a key in the
 * query, any of key, api_key, access_token, token, ...), UNSUPPORTED_PARAMETER (streamGenerateContent without alt=sse, any other
 * parameter but beta=true at Anthropic), with *message a constant text. route->shape is set in every case as well as it can be
 * known from the path. The policy names further providers: /{provider}/v1/... or
 * /{provider}/openai/v1/... (WIRE: GROQ_BASE_URL=GW/groq/openai/v1).
 */
enum wd_code wd_route_read(struct wd_route *route, const struct wd_policy *policy, struct wd_span method, struct wd_span path,
                           struct wd_span query, const char **message);

/*
 * Appends the path (and query) at the provider: base_path + "/v1/chat/completions", ... The model is read for Google only:
 * WD_ERR_SYNTAX when it could leave its place in the path.
 */
enum wd_err wd_route_upstream(const struct wd_route *route, const struct wd_provider *provider, struct wd_span model,
                              struct wd_buf *out) WD_CHECK;

#endif
