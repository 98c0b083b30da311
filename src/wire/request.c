#include "reader.h"

static wd_read_fn *const request_readers[WD_OPS] = {
    [WD_OP_CHAT] = wd_chat_read,
    [WD_OP_RESPONSES] = wd_responses_read,
    [WD_OP_EMBEDDINGS] = wd_embeddings_read,
    [WD_OP_MESSAGES] = wd_anthropic_read,
    [WD_OP_MESSAGES_COUNT] = wd_anthropic_read,
    [WD_OP_GENERATE] = wd_google_read,
    [WD_OP_STREAM_GENERATE] = wd_google_read,
    [WD_OP_COUNT_TOKENS] = wd_google_read,
    [WD_OP_EMBED] = wd_google_read,
    [WD_OP_BATCH_EMBED] = wd_google_read,
};

static bool
request_parse(struct wd_reader *r, struct wd_span body)
{
    struct wd_json_error error = { 0 };

    switch (wd_json_parse(&r->request->doc, body, r->arena, WD_JSON_LIMITS, &error)) {
    case WD_OK:
        break;
    case WD_ERR_NOMEM:
        return wd_reader_exhausted(r);
    default:
        *r->problem = (struct wd_problem){ .code = WD_CODE_INVALID_JSON, .message = error.what };
        return false;
    }
    r->marks = wd_arena_alloc(r->arena, r->request->doc.count * sizeof(*r->marks));
    if (r->marks == NULL)
        return wd_reader_exhausted(r);
    return true;
}

bool
wd_request_read(struct wd_request *request, const struct wd_route *route, struct wd_span body, struct wd_arena *arena,
                struct wd_problem *problem)
{
    struct wd_reader r = { .request = request, .doc = &request->doc, .route = route, .arena = arena, .problem = problem };
    wd_read_fn *read = request_readers[route->op];

    memset(request, 0, sizeof(*request));
    memset(problem, 0, sizeof(*problem));
    if (read == NULL) {
        if (body.len == 0)
            return true;
        *problem = (struct wd_problem){ .code = WD_CODE_INVALID_REQUEST, .message = "this route takes no body" };
        return false;
    }
    if (!request_parse(&r, body))
        return false;
    wd_reader_role(&r, 0, WD_ROLE(OTHER));
    return read(&r, 0) && wd_reader_finish(&r);
}
