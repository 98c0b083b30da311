/* An event that carries the held end of a channel: the event of one of its fragments, reduced to what tells where the text
 * belongs. */
#include "place.h"

enum { TAIL_DEPTH_MAX = 65, TAIL_SCALAR_MAX = 256 };

struct tail {
    const struct wd_response *r;
    const struct wd_edits *edits;
    struct wd_buf *out;
    uint32_t path[TAIL_DEPTH_MAX];
    uint32_t depth;
    size_t at;
};

static bool
tail_edited(const struct tail *t, uint32_t node)
{
    const struct wd_json_node *n = &t->r->doc->nodes[node];

    for (size_t i = 0; i < t->edits->count; i++) {
        if (t->edits->items[i].start < n->end && t->edits->items[i].end > n->start)
            return true;
    }
    return false;
}

static bool
tail_keeps(const struct tail *t, uint32_t object, uint32_t node)
{
    const struct wd_json_node *n = &t->r->doc->nodes[node];
    const struct wd_place_row *row;

    wd_place_child((enum wd_place)t->r->places[object], t->r->doc, node, &row);
    return row != NULL && row->keep && n->child == 0 && n->end - n->start <= TAIL_SCALAR_MAX && !tail_edited(t, node);
}

static enum wd_err
tail_key(struct tail *t, uint32_t node, bool *first)
{
    enum wd_err err = *first ? WD_OK : wd_buf_add_byte(t->out, ',');

    *first = false;
    if (err == WD_OK)
        err = wd_buf_add_byte(t->out, '"');
    if (err == WD_OK)
        err = wd_buf_add(t->out, wd_json_key_raw(t->r->doc, node));
    return err == WD_OK ? wd_buf_add_str(t->out, "\":") : err;
}

static enum wd_err tail_value(struct tail *t, uint32_t depth);

static enum wd_err
tail_object(struct tail *t, uint32_t depth)
{
    const struct wd_json *doc = t->r->doc;
    uint32_t object = t->path[depth];
    bool first = true;
    enum wd_err err = wd_buf_add_byte(t->out, '{');

    for (uint32_t c = doc->nodes[object].child; err == WD_OK && c != 0; c = doc->nodes[c].next) {
        if (c == t->path[depth + 1]) {
            err = tail_key(t, c, &first);
            if (err == WD_OK)
                err = tail_value(t, depth + 1);
        } else if (tail_keeps(t, object, c)) {
            err = tail_key(t, c, &first);
            if (err == WD_OK)
                err = wd_buf_add(t->out, wd_json_raw(doc, c));
        }
    }
    return err == WD_OK ? wd_buf_add_byte(t->out, '}') : err;
}

static enum wd_err
tail_value(struct tail *t, uint32_t depth)
{
    enum wd_err err;

    if (depth + 1 == t->depth) {
        t->at = t->out->len + 1;
        return wd_buf_add_str(t->out, "\"\"");
    }
    if (wd_json_type(t->r->doc, t->path[depth]) == WD_JSON_OBJECT)
        return tail_object(t, depth);
    err = wd_buf_add_byte(t->out, '[');
    if (err == WD_OK)
        err = tail_value(t, depth + 1);
    return err == WD_OK ? wd_buf_add_byte(t->out, ']') : err;
}

/* The first text of an Anthropic block goes on in a delta. */
static enum wd_err
tail_first(struct tail *t, uint32_t node)
{
    const struct wd_json *doc = t->r->doc;
    uint32_t index = wd_json_get(doc, 0, "index");
    struct wd_span key = wd_json_key_raw(doc, node), number = WD_SPAN("0");
    enum wd_err err;

    if (index != 0 && wd_json_type(doc, index) == WD_JSON_NUMBER && wd_json_raw(doc, index).len <= TAIL_SCALAR_MAX)
        number = wd_json_raw(doc, index);
    err = wd_buf_printf(t->out, "{\"type\":\"content_block_delta\",\"index\":%.*s,\"delta\":{\"type\":\"%.*s_delta\",\"%.*s\":\"",
                        (int)number.len, number.ptr, (int)key.len, key.ptr, (int)key.len, key.ptr);
    t->at = t->out->len;
    return err == WD_OK ? wd_buf_add_str(t->out, "\"}}") : err;
}

enum wd_err
wd_response_tail(const struct wd_response *r, const struct wd_part *part, const struct wd_edits *edits, struct wd_buf *out,
                 size_t *at)
{
    struct tail t = { .r = r, .edits = edits, .out = out };
    size_t was = out->len;
    enum wd_err err;

    if (r->places[part->node] == PLACE_MESSAGES_FIRST_TEXT) {
        err = tail_first(&t, part->node);
    } else {
        uint32_t node = part->node, up[TAIL_DEPTH_MAX], n = 0;

        while (node != 0 && n < TAIL_DEPTH_MAX - 1) {
            up[n++] = node;
            node = r->doc->nodes[node].parent;
        }
        if (node != 0)
            return WD_ERR_LIMIT;
        up[n++] = 0;
        for (uint32_t i = 0; i < n; i++)
            t.path[i] = up[n - 1 - i];
        t.depth = n;
        err = tail_value(&t, 0);
    }
    if (err != WD_OK) {
        out->len = was;
        return err;
    }
    *at = t.at - was;
    return WD_OK;
}
