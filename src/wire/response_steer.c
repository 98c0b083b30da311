/* What an event says beside its texts: channels that end, terminators, numbers. */
#include "place.h"
#include "response_priv.h"

static enum wd_err
prefix_add(struct wd_response *r, struct wd_prefixes *p, struct wd_span prefix)
{
    struct wd_span *items = wd_response_room(r->arena, p->items, p->count, &p->size, sizeof(*items));
    char *copy = wd_arena_dup(r->arena, prefix);

    if (items == NULL || copy == NULL)
        return WD_ERR_NOMEM;
    p->items = items;
    p->items[p->count++] = wd_span(copy, prefix.len);
    return WD_OK;
}

static enum wd_err
close_named(struct wd_response *r, struct wd_prefixes *p, const struct wd_name *n)
{
    if (n->odd)
        return WD_ERR_SYNTAX;
    return n->full ? WD_ERR_LIMIT : prefix_add(r, p, wd_span(n->text, n->len));
}

/* Some providers give a reason that is none with every chunk. */
static bool
steer_is_finish(const struct wd_json *doc, uint32_t reason)
{
    return wd_response_is_set(doc, reason) && !wd_json_string_is(doc, reason, "") &&
           !wd_json_string_is(doc, reason, "FINISH_REASON_UNSPECIFIED");
}

static enum wd_err
steer_chat(struct wd_response *r)
{
    const struct wd_json *doc = r->doc;
    uint32_t choices = wd_json_get(doc, 0, "choices"), usage = wd_json_get(doc, 0, "usage");
    enum wd_err err = WD_OK;

    if (wd_response_is_set(doc, wd_json_get(doc, 0, "error")))
        r->turn = WD_TURN_MAY_END;
    if (choices == 0 || wd_json_type(doc, choices) != WD_JSON_ARRAY)
        return WD_OK;
    r->usage_only = doc->nodes[choices].child == 0 && usage != 0 && wd_json_type(doc, usage) == WD_JSON_OBJECT;
    for (uint32_t c = doc->nodes[choices].child; err == WD_OK && c != 0; c = doc->nodes[c].next) {
        struct wd_name n = { .len = 0 };

        if (!steer_is_finish(doc, wd_json_get(doc, c, "finish_reason")))
            continue;
        wd_name_add_path(r, &n, 0, c);
        err = close_named(r, &r->after, &n);
    }
    return err;
}

static enum wd_err
steer_responses(struct wd_response *r)
{
    static const char *const ends[] = { "response.completed", "response.incomplete", "response.failed" };
    struct wd_span type = wd_response_type(r, 0);
    struct wd_name n = { .len = 0 };

    r->sequence = wd_json_get(r->doc, 0, "sequence_number");
    if (!wd_response_number(r->doc, r->sequence, &r->sequence_number))
        r->sequence = 0;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        if (wd_span_eq(type, wd_span_str(ends[i])))
            r->turn = WD_TURN_END;
    }
    if (wd_span_eq(type, WD_SPAN("error")))
        r->turn = WD_TURN_MAY_END;
    if (r->turn != WD_TURN_NONE)
        return close_named(r, &r->after, &n);
    if (!wd_span_ends(type, WD_SPAN(".done")))
        return WD_OK;
    if (wd_span_eq(type, WD_SPAN("response.output_item.done")))
        wd_name_responses_item(r, &n);
    else if (wd_span_ends(type, WD_SPAN("_part.done")))
        wd_name_responses(r, &n, wd_span(NULL, 0));
    else
        wd_name_responses(r, &n, wd_name_stem(type, WD_SPAN(".done")));
    return n.len == 0 ? WD_OK : close_named(r, &r->after, &n);
}

static enum wd_err
steer_messages(struct wd_response *r)
{
    struct wd_span type = wd_response_type(r, 0);
    uint32_t delta = wd_json_get(r->doc, 0, "delta");
    struct wd_name n = { .len = 0 };

    if (type.ptr == NULL && delta != 0)
        return WD_ERR_SYNTAX; /* a client that goes by the event's name would take its text */
    if (wd_span_eq(type, WD_SPAN("message_start")))
        return close_named(r, &r->before, &n);
    if (wd_span_eq(type, WD_SPAN("message_stop")) || wd_span_eq(type, WD_SPAN("error"))) {
        r->turn = wd_span_eq(type, WD_SPAN("error")) ? WD_TURN_MAY_END : WD_TURN_END;
        return close_named(r, &r->after, &n);
    }
    wd_name_messages_block(r, &n);
    if (wd_span_eq(type, WD_SPAN("content_block_start")))
        return close_named(r, &r->before, &n);
    if (wd_span_eq(type, WD_SPAN("content_block_stop")))
        return close_named(r, &r->after, &n);
    if (delta != 0 && wd_span_eq(wd_response_type(r, delta), WD_SPAN("signature_delta")))
        return close_named(r, &r->pause, &n);
    return WD_OK;
}

/* Arguments that arrive in pieces: a new name starts another call, willContinue ends a string, then the call. */
static enum wd_err
steer_google_call(struct wd_response *r, uint32_t call)
{
    const struct wd_json *doc = r->doc;
    uint32_t more = wd_json_get(doc, call, "willContinue"), partials = wd_json_get(doc, call, "partialArgs"), value;
    struct wd_name n = { .len = 0 };
    enum wd_err err = WD_OK;

    wd_name_google_candidate(r, &n, call);
    err = close_named(r, &r->pause, &n);
    wd_name_add(&n, WD_SPAN("call/"));
    if (err == WD_OK && wd_response_is_set(doc, wd_json_get(doc, call, "name")))
        err = close_named(r, &r->before, &n);
    if (err == WD_OK && (more == 0 || wd_json_type(doc, more) != WD_JSON_TRUE))
        err = close_named(r, &r->after, &n);
    if (partials == 0 || wd_json_type(doc, partials) != WD_JSON_ARRAY)
        return err;
    for (uint32_t p = doc->nodes[partials].child; err == WD_OK && p != 0; p = doc->nodes[p].next) {
        struct wd_name channel = { .len = 0 };

        more = wd_json_get(doc, p, "willContinue");
        value = wd_json_get(doc, p, "stringValue");
        if (value == 0 || (more != 0 && wd_json_type(doc, more) == WD_JSON_TRUE))
            continue;
        wd_name_google(r, &channel, value);
        err = close_named(r, &r->after, &channel);
    }
    return err;
}

static enum wd_err
steer_google(struct wd_response *r)
{
    const struct wd_json *doc = r->doc;
    uint32_t candidates = wd_json_get(doc, 0, "candidates");
    enum wd_err err = WD_OK;

    if (wd_response_is_set(doc, wd_json_get(doc, 0, "error")) ||
        wd_response_is_set(doc, wd_response_get(doc, wd_json_get(doc, 0, "promptFeedback"), "blockReason")))
        r->turn = WD_TURN_MAY_END;
    for (uint32_t i = 0; err == WD_OK && i < doc->count; i++) {
        if (r->places[i] == PLACE_GOOGLE_CALL)
            err = steer_google_call(r, i);
    }
    if (candidates == 0 || wd_json_type(doc, candidates) != WD_JSON_ARRAY)
        return err;
    for (uint32_t c = doc->nodes[candidates].child; err == WD_OK && c != 0; c = doc->nodes[c].next) {
        struct wd_name n = { .len = 0 };

        if (!steer_is_finish(doc, wd_json_get(doc, c, "finishReason")))
            continue;
        r->turn = WD_TURN_MAY_END;
        wd_name_google_candidate(r, &n, c);
        err = close_named(r, &r->after, &n);
    }
    return err;
}

enum wd_err
wd_response_steer(struct wd_response *r)
{
    switch (r->op) {
    case WD_OP_CHAT:
        return steer_chat(r);
    case WD_OP_RESPONSES:
        return steer_responses(r);
    case WD_OP_MESSAGES:
        return steer_messages(r);
    case WD_OP_GENERATE:
    case WD_OP_STREAM_GENERATE:
        return steer_google(r);
    default:
        return WD_OK;
    }
}
