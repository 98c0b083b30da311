/* Names of channels: what tells one text that arrives in fragments from another, in each format. */
#include "place.h"
#include "response_priv.h"

enum { DEPTH_MAX = 64 };

void
wd_name_add(struct wd_name *n, struct wd_span s)
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
name_add_text(struct wd_name *n, struct wd_span s)
{
    if (s.ptr == NULL)
        n->full = true;
    else
        wd_name_add(n, s);
}

static void
name_add_number(struct wd_name *n, uint64_t value)
{
    char digits[20];
    size_t at = sizeof(digits);

    do
        digits[--at] = (char)('0' + value % 10);
    while ((value /= 10) != 0);
    wd_name_add(n, wd_span(digits + at, sizeof(digits) - at));
}

uint32_t
wd_response_get(const struct wd_json *doc, uint32_t node, const char *name)
{
    return node == 0 ? 0 : wd_json_get(doc, node, name);
}

bool
wd_response_is_set(const struct wd_json *doc, uint32_t node)
{
    return node != 0 && wd_json_type(doc, node) != WD_JSON_NULL;
}

/* A plain non-negative integer below 2^53. */
bool
wd_response_number(const struct wd_json *doc, uint32_t node, uint64_t *value)
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

struct wd_span
wd_response_type(const struct wd_response *r, uint32_t object)
{
    uint32_t node = wd_json_get(r->doc, object, "type");

    if (node == 0 || wd_json_type(r->doc, node) != WD_JSON_STRING)
        return wd_span(NULL, 0);
    return wd_json_string(r->doc, node, r->arena);
}

bool
wd_span_ends(struct wd_span s, struct wd_span tail)
{
    return s.len >= tail.len && memcmp(s.ptr + s.len - tail.len, tail.ptr, tail.len) == 0;
}

/* 0.0, -0 and "0" are 0 to a client: they cannot name a text. */
static bool
name_read_index(const struct wd_response *r, struct wd_name *n, uint32_t node, uint64_t *index)
{
    if (wd_response_number(r->doc, node, index))
        return true;
    n->odd |= wd_response_is_set(r->doc, node);
    return false;
}

/* The number that tells an element of an array apart: its index member, otherwise its position. */
static void
name_add_element(const struct wd_response *r, struct wd_name *n, uint32_t node)
{
    uint64_t index = r->positions[node];

    name_read_index(r, n, wd_json_get(r->doc, node, "index"), &index);
    name_add_number(n, index);
}

/* "a/0/b/" from below top down to node. */
void
wd_name_add_path(const struct wd_response *r, struct wd_name *n, uint32_t top, uint32_t node)
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
        wd_name_add(n, WD_SPAN("/"));
    }
}

void
wd_name_add_index(const struct wd_response *r, struct wd_name *n, const char *tag, const char *key)
{
    uint64_t value;

    if (!name_read_index(r, n, wd_json_get(r->doc, 0, key), &value))
        return;
    wd_name_add(n, wd_span_str(tag));
    name_add_number(n, value);
    wd_name_add(n, WD_SPAN("/"));
}

/* The item of a Responses event. Its id only when nothing else tells: it may change from event to event. */
void
wd_name_responses_item(const struct wd_response *r, struct wd_name *n)
{
    uint32_t id = wd_json_get(r->doc, 0, "item_id");
    size_t was = n->len;

    wd_name_add_index(r, n, "", "output_index");
    if (n->len > was || id == 0 || wd_json_type(r->doc, id) != WD_JSON_STRING)
        return;
    wd_name_add(n, WD_SPAN("id:"));
    name_add_text(n, wd_json_string(r->doc, id, r->arena));
    wd_name_add(n, WD_SPAN("/"));
}

void
wd_name_responses(const struct wd_response *r, struct wd_name *n, struct wd_span stem)
{
    wd_name_responses_item(r, n);
    wd_name_add_index(r, n, "c", "content_index");
    wd_name_add_index(r, n, "s", "summary_index");
    wd_name_add_index(r, n, "x", "command_index");
    wd_name_add(n, stem);
    if (stem.len > 0)
        wd_name_add(n, WD_SPAN("/"));
}

struct wd_span
wd_name_stem(struct wd_span type, struct wd_span tail)
{
    return wd_span_ends(type, tail) ? wd_span(type.ptr, type.len - tail.len) : type;
}

void
wd_name_messages_block(const struct wd_response *r, struct wd_name *n)
{
    size_t was = n->len;

    wd_name_add_index(r, n, "", "index");
    if (n->len == was)
        wd_name_add(n, WD_SPAN("0/"));
}

/* "text" block: its first text goes on in text_delta.text */
void
wd_name_messages(const struct wd_response *r, struct wd_name *n, uint32_t node)
{
    uint32_t delta = wd_json_get(r->doc, 0, "delta");

    wd_name_messages_block(r, n);
    if (r->places[node] == PLACE_MESSAGES_FIRST_TEXT) {
        wd_name_add(n, wd_response_type(r, r->doc->nodes[node].parent));
        wd_name_add(n, WD_SPAN("_delta/"));
        name_add_text(n, wd_json_key(r->doc, node, r->arena));
        wd_name_add(n, WD_SPAN("/"));
        return;
    }
    wd_name_add(n, wd_response_type(r, delta));
    wd_name_add(n, WD_SPAN("/"));
    wd_name_add_path(r, n, delta, node);
}

/* The candidate above a node: "candidates/0/" */
void
wd_name_google_candidate(const struct wd_response *r, struct wd_name *n, uint32_t node)
{
    while (node != 0 && r->places[node] != PLACE_GOOGLE_CANDIDATE)
        node = r->doc->nodes[node].parent;
    wd_name_add_path(r, n, 0, node);
}

void
wd_name_google(const struct wd_response *r, struct wd_name *n, uint32_t node)
{
    uint32_t object = r->doc->nodes[node].parent, mark;

    wd_name_google_candidate(r, n, node);
    if (r->places[object] == PLACE_GOOGLE_PARTIAL) {
        mark = wd_json_get(r->doc, object, "jsonPath");
        wd_name_add(n, WD_SPAN("call/"));
        if (mark != 0 && wd_json_type(r->doc, mark) == WD_JSON_STRING)
            name_add_text(n, wd_json_string(r->doc, mark, r->arena));
        wd_name_add(n, WD_SPAN("/"));
        return;
    }
    mark = wd_json_get(r->doc, object, "thought");
    wd_name_add(n, mark != 0 && wd_json_type(r->doc, mark) == WD_JSON_TRUE ? WD_SPAN("thought/") : WD_SPAN("part/"));
    name_add_text(n, wd_json_key(r->doc, node, r->arena));
    wd_name_add(n, WD_SPAN("/"));
}
