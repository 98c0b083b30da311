/*
 * Reads answers and events: places from the tables of place.c, then what each format says beside them: names of channels, where they
 * end, terminators, usage.
 */
#include "response.h"

#include "place.h"

enum { LONG_NUMBER_DIGITS = 12, DEPTH_MAX = 64 };

/* A growing array in the arena: room for one more item. */
static void *
response_room(struct wd_arena *arena, void *items, uint32_t count, uint32_t *size, size_t item_size)
{
    uint32_t more = *size == 0 ? 8 : *size * 2;
    void *grown;

    if (count < *size)
        return items;
    grown = wd_arena_alloc(arena, more * item_size);
    if (grown == NULL)
        return NULL;
    if (count > 0)
        memcpy(grown, items, count * item_size);
    *size = more;
    return grown;
}

static enum wd_err
response_add(struct wd_response *r, struct wd_part part)
{
    struct wd_part *parts = response_room(r->arena, r->parts, r->count, &r->size, sizeof(*parts));

    if (parts == NULL)
        return WD_ERR_NOMEM;
    r->parts = parts;
    r->parts[r->count++] = part;
    return WD_OK;
}

static enum wd_err
prefix_add(struct wd_response *r, struct wd_prefixes *p, struct wd_span prefix)
{
    struct wd_span *items = response_room(r->arena, p->items, p->count, &p->size, sizeof(*items));
    char *copy = wd_arena_dup(r->arena, prefix);

    if (items == NULL || copy == NULL)
        return WD_ERR_NOMEM;
    p->items = items;
    p->items[p->count++] = wd_span(copy, prefix.len);
    return WD_OK;
}

/* A name under construction. full: too long, or memory was out. */
struct name {
    char text[WD_CHANNEL_MAX];
    size_t len;
    bool full;
};

static void
name_add(struct name *n, struct wd_span s)
{
    if (s.len > sizeof(n->text) - n->len) {
        n->full = true;
        return;
    }
    if (s.len > 0)
        memcpy(n->text + n->len, s.ptr, s.len);
    n->len += s.len;
}

/* Text that the document gave; ptr NULL: memory was out. */
static void
name_add_text(struct name *n, struct wd_span s)
{
    if (s.ptr == NULL)
        n->full = true;
    else
        name_add(n, s);
}

static void
name_add_number(struct name *n, uint64_t value)
{
    char digits[20];
    size_t at = sizeof(digits);

    do
        digits[--at] = (char)('0' + value % 10);
    while ((value /= 10) != 0);
    name_add(n, wd_span(digits + at, sizeof(digits) - at));
}

static uint32_t
get_in(const struct wd_json *doc, uint32_t node, const char *name)
{
    return node == 0 ? 0 : wd_json_get(doc, node, name);
}

static bool
is_set(const struct wd_json *doc, uint32_t node)
{
    return node != 0 && wd_json_type(doc, node) != WD_JSON_NULL;
}

/* A plain non-negative integer below 2^53. */
static bool
number(const struct wd_json *doc, uint32_t node, uint64_t *value)
{
    struct wd_span raw;
    uint64_t v = 0;

    if (node == 0 || wd_json_type(doc, node) != WD_JSON_NUMBER)
        return false;
    raw = wd_json_raw(doc, node);
    if (raw.len > 15)
        return false;
    for (size_t i = 0; i < raw.len; i++) {
        if (raw.ptr[i] < '0' || raw.ptr[i] > '9')
            return false;
        v = v * 10 + (uint64_t)(raw.ptr[i] - '0');
    }
    *value = v;
    return true;
}

static struct wd_span
type_of(const struct wd_response *r, uint32_t object)
{
    uint32_t node = wd_json_get(r->doc, object, "type");

    if (node == 0 || wd_json_type(r->doc, node) != WD_JSON_STRING)
        return wd_span(NULL, 0);
    return wd_json_string(r->doc, node, r->arena);
}

static bool
ends_with(struct wd_span s, struct wd_span tail)
{
    return s.len >= tail.len && memcmp(s.ptr + s.len - tail.len, tail.ptr, tail.len) == 0;
}

static bool
has_long_number(struct wd_span raw)
{
    size_t digits = 0;

    for (size_t i = raw.len > 0 && raw.ptr[0] == '-'; i < raw.len && raw.ptr[i] >= '0' && raw.ptr[i] <= '9'; i++)
        digits++;
    return digits >= LONG_NUMBER_DIGITS;
}

/* The number that tells an element of an array apart: its index member, otherwise its position. */
static void
name_add_element(const struct wd_response *r, struct name *n, uint32_t node)
{
    uint64_t index;

    if (!number(r->doc, wd_json_get(r->doc, node, "index"), &index))
        index = r->positions[node];
    name_add_number(n, index);
}

/* "a/0/b/" from below top down to node. */
static void
name_add_path(const struct wd_response *r, struct name *n, uint32_t top, uint32_t node)
{
    uint32_t path[DEPTH_MAX + 1];
    size_t depth = 0;

    for (; node != top && depth <= DEPTH_MAX; node = r->doc->nodes[node].parent)
        path[depth++] = node;
    while (depth > 0) {
        uint32_t at = path[--depth];

        if (wd_json_type(r->doc, r->doc->nodes[at].parent) == WD_JSON_ARRAY)
            name_add_element(r, n, at);
        else
            name_add_text(n, wd_json_key(r->doc, at, r->arena));
        name_add(n, WD_SPAN("/"));
    }
}

static void
name_add_index(const struct wd_response *r, struct name *n, const char *tag, const char *key)
{
    uint64_t value;

    if (!number(r->doc, wd_json_get(r->doc, 0, key), &value))
        return;
    name_add(n, wd_span_str(tag));
    name_add_number(n, value);
    name_add(n, WD_SPAN("/"));
}

/* The item of a Responses event. Its id only when nothing else tells: it may change from event to event. */
static void
name_responses_item(const struct wd_response *r, struct name *n)
{
    uint32_t id = wd_json_get(r->doc, 0, "item_id");
    size_t was = n->len;

    name_add_index(r, n, "", "output_index");
    if (n->len > was || id == 0 || wd_json_type(r->doc, id) != WD_JSON_STRING)
        return;
    name_add(n, WD_SPAN("id:"));
    name_add_text(n, wd_json_string(r->doc, id, r->arena));
    name_add(n, WD_SPAN("/"));
}

static void
name_responses(const struct wd_response *r, struct name *n, struct wd_span stem)
{
    name_responses_item(r, n);
    name_add_index(r, n, "c", "content_index");
    name_add_index(r, n, "s", "summary_index");
    name_add_index(r, n, "x", "command_index");
    name_add(n, stem);
    if (stem.len > 0)
        name_add(n, WD_SPAN("/"));
}

static struct wd_span
stem_of(struct wd_span type, struct wd_span tail)
{
    return ends_with(type, tail) ? wd_span(type.ptr, type.len - tail.len) : type;
}

/* "text" block: its first text goes on in text_delta.text */
static void
name_messages(const struct wd_response *r, struct name *n, uint32_t node)
{
    uint32_t delta = wd_json_get(r->doc, 0, "delta");

    name_add_index(r, n, "", "index");
    if (r->places[node] == PLACE_MESSAGES_FIRST_TEXT) {
        name_add(n, type_of(r, r->doc->nodes[node].parent));
        name_add(n, WD_SPAN("_delta/"));
        name_add_text(n, wd_json_key(r->doc, node, r->arena));
        name_add(n, WD_SPAN("/"));
        return;
    }
    name_add(n, type_of(r, delta));
    name_add(n, WD_SPAN("/"));
    name_add_path(r, n, delta, node);
}

/* The candidate above a node: "candidates/0/" */
static void
name_google_candidate(const struct wd_response *r, struct name *n, uint32_t node)
{
    while (node != 0 && r->places[node] != PLACE_GOOGLE_CANDIDATE)
        node = r->doc->nodes[node].parent;
    name_add_path(r, n, 0, node);
}

static void
name_google(const struct wd_response *r, struct name *n, uint32_t node)
{
    uint32_t object = r->doc->nodes[node].parent, mark;

    name_google_candidate(r, n, node);
    if (r->places[object] == PLACE_GOOGLE_PARTIAL) {
        mark = wd_json_get(r->doc, object, "jsonPath");
        name_add(n, WD_SPAN("call/"));
        if (mark != 0 && wd_json_type(r->doc, mark) == WD_JSON_STRING)
            name_add_text(n, wd_json_string(r->doc, mark, r->arena));
        name_add(n, WD_SPAN("/"));
        return;
    }
    mark = wd_json_get(r->doc, object, "thought");
    name_add(n, mark != 0 && wd_json_type(r->doc, mark) == WD_JSON_TRUE ? WD_SPAN("thought/") : WD_SPAN("part/"));
    name_add_text(n, wd_json_key(r->doc, node, r->arena));
    name_add(n, WD_SPAN("/"));
}

static enum wd_err
response_fragment(struct wd_response *r, uint32_t node, bool json)
{
    struct wd_part part = { .node = node, .kind = WD_PART_FRAGMENT, .json = json };
    struct name n = { .len = 0 };
    char *copy;

    if (++r->fragments > WD_FRAGMENTS_MAX)
        return WD_ERR_LIMIT;
    switch (r->op) {
    case WD_OP_CHAT:
        name_add_path(r, &n, 0, node);
        break;
    case WD_OP_RESPONSES:
        name_responses(r, &n, stem_of(type_of(r, 0), WD_SPAN(".delta")));
        name_add_path(r, &n, wd_json_get(r->doc, 0, "delta"), node);
        break;
    case WD_OP_MESSAGES:
        name_messages(r, &n, node);
        break;
    default:
        name_google(r, &n, node);
    }
    if (n.full)
        return WD_ERR_LIMIT;
    copy = wd_arena_dup(r->arena, wd_span(n.text, n.len));
    if (copy == NULL)
        return WD_ERR_NOMEM;
    part.channel = wd_span(copy, n.len);
    return response_add(r, part);
}

static enum wd_err
response_string(struct wd_response *r, uint32_t node)
{
    static const uint8_t kinds[] = { [PLACE_TEXT_WHOLE] = WD_PART_TEXT,
                                     [PLACE_TEXT_JSON] = WD_PART_JSON,
                                     [PLACE_TEXT_MEMBER] = WD_PART_MEMBER,
                                     [PLACE_TEXT_FRAGMENT] = WD_PART_TEXT,
                                     [PLACE_TEXT_FRAGMENT_JSON] = WD_PART_JSON };
    enum wd_place_text text = wd_place_text((enum wd_place)r->places[node]);

    if (text == PLACE_TEXT_OPAQUE)
        return WD_OK;
    if (r->stream && (text == PLACE_TEXT_FRAGMENT || text == PLACE_TEXT_FRAGMENT_JSON))
        return response_fragment(r, node, text == PLACE_TEXT_FRAGMENT_JSON);
    if (!r->all)
        return WD_OK;
    return response_add(r, (struct wd_part){ .node = node, .kind = kinds[text], .spelled = r->places[node] == PLACE_LOGPROBS });
}

/* One value: its place, its key, itself. */
static enum wd_err
response_node(struct wd_response *r, uint32_t node)
{
    const struct wd_json_node *n = &r->doc->nodes[node];
    const struct wd_place_row *row = NULL;
    bool spelled, within;
    enum wd_err err = WD_OK;

    within = r->places[n->parent] == PLACE_LOGPROBS && node != 0;
    if (node != 0)
        r->places[node] = (uint8_t)wd_place_child((enum wd_place)r->places[n->parent], r->doc, node, &row);
    spelled = r->places[node] == PLACE_LOGPROBS;

    if (r->all && row == NULL && n->key_end > n->key_start)
        err = response_add(r, (struct wd_part){ .node = node, .kind = WD_PART_KEY, .spelled = spelled });
    if (err == WD_OK && spelled && !within && n->child != 0)
        err = response_add(r, (struct wd_part){ .node = node, .kind = WD_PART_LOGPROBS });
    if (err == WD_OK && n->type == WD_JSON_STRING)
        err = response_string(r, node);
    if (err == WD_OK && r->all && n->type == WD_JSON_NUMBER && has_long_number(wd_json_raw(r->doc, node)))
        err = response_add(r, (struct wd_part){ .node = node, .kind = WD_PART_NUMBER, .spelled = spelled });
    return err;
}

static enum wd_err
response_nodes(struct wd_response *r)
{
    const struct wd_json *doc = r->doc;
    uint32_t *filled = NULL; /* of each array: elements so far */
    enum wd_err err = WD_OK;

    r->places = wd_arena_alloc(r->arena, doc->count);
    if (r->places == NULL)
        return WD_ERR_NOMEM;
    if (r->stream) {
        r->positions = wd_arena_alloc(r->arena, doc->count * sizeof(*r->positions));
        filled = wd_arena_alloc(r->arena, doc->count * sizeof(*filled));
        if (r->positions == NULL || filled == NULL)
            return WD_ERR_NOMEM;
    }
    r->places[0] = (uint8_t)wd_place_root(r->op, r->stream);
    for (uint32_t i = 0; err == WD_OK && i < doc->count; i++) {
        if (r->stream && i > 0)
            r->positions[i] = filled[doc->nodes[i].parent]++;
        err = response_node(r, i);
    }
    return err;
}

static enum wd_err
close_named(struct wd_response *r, struct wd_prefixes *p, const struct name *n)
{
    return n->full ? WD_ERR_LIMIT : prefix_add(r, p, wd_span(n->text, n->len));
}

static enum wd_err
steer_chat(struct wd_response *r)
{
    const struct wd_json *doc = r->doc;
    uint32_t choices = wd_json_get(doc, 0, "choices"), usage = wd_json_get(doc, 0, "usage");
    enum wd_err err = WD_OK;

    if (is_set(doc, wd_json_get(doc, 0, "error")))
        r->turn = WD_TURN_MAY_END;
    if (choices == 0 || wd_json_type(doc, choices) != WD_JSON_ARRAY)
        return WD_OK;
    r->usage_only = doc->nodes[choices].child == 0 && usage != 0 && wd_json_type(doc, usage) == WD_JSON_OBJECT;
    for (uint32_t c = doc->nodes[choices].child; err == WD_OK && c != 0; c = doc->nodes[c].next) {
        struct name n = { .len = 0 };

        if (!is_set(doc, wd_json_get(doc, c, "finish_reason")))
            continue;
        name_add_path(r, &n, 0, c);
        err = close_named(r, &r->after, &n);
    }
    return err;
}

static enum wd_err
steer_responses(struct wd_response *r)
{
    static const char *const ends[] = { "response.completed", "response.incomplete", "response.failed" };
    struct wd_span type = type_of(r, 0);
    struct name n = { .len = 0 };

    r->sequence = wd_json_get(r->doc, 0, "sequence_number");
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        if (wd_span_eq(type, wd_span_str(ends[i])))
            r->turn = WD_TURN_END;
    }
    if (wd_span_eq(type, WD_SPAN("error")))
        r->turn = WD_TURN_MAY_END;
    if (r->turn != WD_TURN_NONE)
        return close_named(r, &r->after, &n);
    if (!ends_with(type, WD_SPAN(".done")))
        return WD_OK;
    if (wd_span_eq(type, WD_SPAN("response.output_item.done")))
        name_responses_item(r, &n);
    else if (ends_with(type, WD_SPAN("_part.done")))
        name_responses(r, &n, wd_span(NULL, 0));
    else
        name_responses(r, &n, stem_of(type, WD_SPAN(".done")));
    return n.len == 0 ? WD_OK : close_named(r, &r->after, &n);
}

static enum wd_err
steer_messages(struct wd_response *r)
{
    struct wd_span type = type_of(r, 0);
    uint32_t delta = wd_json_get(r->doc, 0, "delta");
    struct name n = { .len = 0 };

    if (wd_span_eq(type, WD_SPAN("message_start")))
        return close_named(r, &r->before, &n);
    if (wd_span_eq(type, WD_SPAN("message_stop")) || wd_span_eq(type, WD_SPAN("error"))) {
        r->turn = wd_span_eq(type, WD_SPAN("error")) ? WD_TURN_MAY_END : WD_TURN_END;
        return close_named(r, &r->after, &n);
    }
    name_add_index(r, &n, "", "index");
    if (wd_span_eq(type, WD_SPAN("content_block_start")))
        return close_named(r, &r->before, &n);
    if (wd_span_eq(type, WD_SPAN("content_block_stop")))
        return close_named(r, &r->after, &n);
    if (delta != 0 && wd_span_eq(type_of(r, delta), WD_SPAN("signature_delta")))
        return close_named(r, &r->pause, &n);
    return WD_OK;
}

/* Arguments that arrive in pieces: a new name starts another call, willContinue ends a string, then the call. */
static enum wd_err
steer_google_call(struct wd_response *r, uint32_t call)
{
    const struct wd_json *doc = r->doc;
    uint32_t more = wd_json_get(doc, call, "willContinue"), partials = wd_json_get(doc, call, "partialArgs"), value;
    struct name n = { .len = 0 };
    enum wd_err err = WD_OK;

    name_google_candidate(r, &n, call);
    err = close_named(r, &r->pause, &n);
    name_add(&n, WD_SPAN("call/"));
    if (err == WD_OK && is_set(doc, wd_json_get(doc, call, "name")))
        err = close_named(r, &r->before, &n);
    if (err == WD_OK && (more == 0 || wd_json_type(doc, more) != WD_JSON_TRUE))
        err = close_named(r, &r->after, &n);
    if (partials == 0 || wd_json_type(doc, partials) != WD_JSON_ARRAY)
        return err;
    for (uint32_t p = doc->nodes[partials].child; err == WD_OK && p != 0; p = doc->nodes[p].next) {
        struct name channel = { .len = 0 };

        more = wd_json_get(doc, p, "willContinue");
        value = wd_json_get(doc, p, "stringValue");
        if (value == 0 || (more != 0 && wd_json_type(doc, more) == WD_JSON_TRUE))
            continue;
        name_google(r, &channel, value);
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

    if (is_set(doc, wd_json_get(doc, 0, "error")) || is_set(doc, get_in(doc, wd_json_get(doc, 0, "promptFeedback"), "blockReason")))
        r->turn = WD_TURN_MAY_END;
    for (uint32_t i = 0; err == WD_OK && i < doc->count; i++) {
        if (r->places[i] == PLACE_GOOGLE_CALL)
            err = steer_google_call(r, i);
    }
    if (candidates == 0 || wd_json_type(doc, candidates) != WD_JSON_ARRAY)
        return err;
    for (uint32_t c = doc->nodes[candidates].child; err == WD_OK && c != 0; c = doc->nodes[c].next) {
        struct name n = { .len = 0 };

        if (!is_set(doc, wd_json_get(doc, c, "finishReason")))
            continue;
        r->turn = WD_TURN_MAY_END;
        name_google_candidate(r, &n, c);
        err = close_named(r, &r->after, &n);
    }
    return err;
}

static void
usage_read(struct wd_response *r, uint32_t usage, const char *in, const char *out)
{
    r->has_usage_in |= number(r->doc, get_in(r->doc, usage, in), &r->usage_in);
    r->has_usage_out |= number(r->doc, get_in(r->doc, usage, out), &r->usage_out);
}

static void
response_usage(struct wd_response *r)
{
    const struct wd_json *doc = r->doc;
    uint64_t thoughts;
    uint32_t usage;

    switch (r->op) {
    case WD_OP_CHAT:
    case WD_OP_EMBEDDINGS:
        usage_read(r, wd_json_get(doc, 0, "usage"), "prompt_tokens", "completion_tokens");
        break;
    case WD_OP_RESPONSES:
        usage_read(r, r->stream ? get_in(doc, wd_json_get(doc, 0, "response"), "usage") : wd_json_get(doc, 0, "usage"), "input_tokens",
                   "output_tokens");
        break;
    case WD_OP_MESSAGES:
        usage_read(r, get_in(doc, wd_json_get(doc, 0, "message"), "usage"), "input_tokens", "output_tokens");
        usage_read(r, wd_json_get(doc, 0, "usage"), "input_tokens", "output_tokens");
        break;
    case WD_OP_GENERATE:
    case WD_OP_STREAM_GENERATE:
        usage = wd_json_get(doc, 0, "usageMetadata");
        usage_read(r, usage, "promptTokenCount", "candidatesTokenCount");
        if (number(doc, get_in(doc, usage, "thoughtsTokenCount"), &thoughts)) {
            r->has_usage_out = true;
            r->usage_out += thoughts;
        }
        break;
    default:
        break;
    }
}

enum wd_err
wd_response_read(struct wd_response *r, enum wd_op op, bool stream, bool all, const struct wd_json *doc, struct wd_arena *arena)
{
    static enum wd_err (*const steer[WD_OPS])(struct wd_response *) = {
        [WD_OP_CHAT] = steer_chat,
        [WD_OP_RESPONSES] = steer_responses,
        [WD_OP_MESSAGES] = steer_messages,
        [WD_OP_STREAM_GENERATE] = steer_google,
        [WD_OP_GENERATE] = steer_google,
    };
    enum wd_json_type root = wd_json_type(doc, 0);
    enum wd_err err;

    *r = (struct wd_response){ .doc = doc, .arena = arena, .op = op, .stream = stream, .all = all };
    /* an error of Google may come as a list of one */
    if (root != WD_JSON_OBJECT && (stream || root != WD_JSON_ARRAY))
        return WD_ERR_SYNTAX;
    err = response_nodes(r);
    if (err != WD_OK || root != WD_JSON_OBJECT)
        return err;
    response_usage(r);
    return stream && steer[op] != NULL ? steer[op](r) : WD_OK;
}
