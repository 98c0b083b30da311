/*
 * Reads answers and events: places from the tables of place.c, then what each format says beside them: names of channels, where
 * they end, terminators, usage.
 */
#include "response.h"

#include "place.h"
#include "response_priv.h"

enum { LONG_NUMBER_DIGITS = 12, FRAGMENTS_WORK_MAX = 1 << 23 };

/* A growing array in the arena: room for one more item. */
void *
wd_response_room(struct wd_arena *arena, void *items, uint32_t count, uint32_t *size, size_t item_size)
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
    struct wd_part *parts = wd_response_room(r->arena, r->parts, r->count, &r->size, sizeof(*parts));

    if (parts == NULL)
        return WD_ERR_NOMEM;
    r->parts = parts;
    r->parts[r->count++] = part;
    return WD_OK;
}

static bool
has_long_number(struct wd_span raw)
{
    size_t digits = 0;

    for (size_t i = raw.len > 0 && raw.ptr[0] == '-'; i < raw.len && raw.ptr[i] >= '0' && raw.ptr[i] <= '9'; i++)
        digits++;
    return digits >= LONG_NUMBER_DIGITS;
}

static enum wd_err
response_fragment(struct wd_response *r, uint32_t node, bool json)
{
    struct wd_part part = { .node = node, .kind = WD_PART_FRAGMENT, .json = json };
    struct wd_name n = { .len = 0 };
    char *copy;

    /* names are read from the event anew for each */
    if (++r->fragments > WD_FRAGMENTS_MAX || (uint64_t)r->fragments * r->doc->count > FRAGMENTS_WORK_MAX)
        return WD_ERR_LIMIT;
    switch (r->op) {
    case WD_OP_CHAT:
        wd_name_add_path(r, &n, 0, node);
        break;
    case WD_OP_RESPONSES:
        wd_name_responses(r, &n, wd_name_stem(wd_response_type(r, 0), WD_SPAN(".delta")));
        wd_name_add_path(r, &n, wd_json_get(r->doc, 0, "delta"), node);
        break;
    case WD_OP_MESSAGES:
        wd_name_messages(r, &n, node);
        break;
    default:
        wd_name_google(r, &n, node);
    }
    if (n.odd)
        return WD_ERR_SYNTAX;
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

static enum wd_err
response_issued(struct wd_response *r, uint32_t node, uint8_t kind)
{
    struct wd_issued *issued = wd_response_room(r->arena, r->issued, r->issued_count, &r->issued_size, sizeof(*issued));

    if (issued == NULL)
        return WD_ERR_NOMEM;
    r->issued = issued;
    r->issued[r->issued_count++] = (struct wd_issued){ kind, node };
    return WD_OK;
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
    if (err == WD_OK && n->type == WD_JSON_STRING && row != NULL && row->issues != 0)
        err = response_issued(r, node, row->issues);
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

static void
usage_read(struct wd_response *r, uint32_t usage, const char *in, const char *out)
{
    r->has_usage_in |= wd_response_number(r->doc, wd_response_get(r->doc, usage, in), &r->usage_in);
    r->has_usage_out |= wd_response_number(r->doc, wd_response_get(r->doc, usage, out), &r->usage_out);
}

/* Anthropic tells what was read from a cache, or written to it, beside the rest. */
static void
usage_cached(struct wd_response *r, uint32_t usage)
{
    static const char *const names[] = { "cache_creation_input_tokens", "cache_read_input_tokens" };
    uint64_t n;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (wd_response_number(r->doc, wd_response_get(r->doc, usage, names[i]), &n))
            r->usage_in += n;
}

static void
usage_messages(struct wd_response *r, uint32_t usage)
{
    bool before = r->has_usage_in;

    r->has_usage_in = false;
    usage_read(r, usage, "input_tokens", "output_tokens");
    if (r->has_usage_in)
        usage_cached(r, usage);
    r->has_usage_in |= before;
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
        usage_read(r, r->stream ? wd_response_get(doc, wd_json_get(doc, 0, "response"), "usage") : wd_json_get(doc, 0, "usage"),
                   "input_tokens", "output_tokens");
        break;
    case WD_OP_MESSAGES:
        usage_messages(r, wd_response_get(doc, wd_json_get(doc, 0, "message"), "usage"));
        usage_messages(r, wd_json_get(doc, 0, "usage"));
        break;
    case WD_OP_GENERATE:
    case WD_OP_STREAM_GENERATE:
        usage = wd_json_get(doc, 0, "usageMetadata");
        usage_read(r, usage, "promptTokenCount", "candidatesTokenCount");
        if (wd_response_number(doc, wd_response_get(doc, usage, "thoughtsTokenCount"), &thoughts)) {
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
    return stream ? wd_response_steer(r) : WD_OK;
}
