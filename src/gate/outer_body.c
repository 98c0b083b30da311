/* Whole texts: what a document holds beside fragments, and answers that come in one piece. */
#include <stdlib.h>

#include "../detect/redactor.h"
#include "outer_priv.h"

static enum wd_err
body_edit(struct wd_outer_work *w, size_t start, size_t end, const char *quote)
{
    enum wd_err err;

    wd_buf_clear(&w->memory.inner);
    err = wd_buf_add_str(&w->memory.inner, quote);
    if (err == WD_OK)
        err = wd_json_escape(&w->memory.inner, wd_buf_span(&w->memory.text));
    if (err == WD_OK)
        err = wd_buf_add_str(&w->memory.inner, quote);
    return err == WD_OK ? wd_edits_add(&w->edits, &w->memory.arena, start, end, wd_buf_span(&w->memory.inner)) : err;
}

/* The key that says what a value is: its own, or that of the list it stands in. */
static struct wd_span
body_member_name(const struct wd_response *r, uint32_t node)
{
    const struct wd_json_node *nodes = r->doc->nodes;

    while (node != 0 && wd_json_type(r->doc, nodes[node].parent) == WD_JSON_ARRAY)
        node = nodes[node].parent;
    return node == 0 ? wd_span("", 0) : wd_json_key(r->doc, node, r->arena);
}

static struct wd_span
body_text(const struct wd_response *r, const struct wd_part *part)
{
    if (part->kind == WD_PART_NUMBER)
        return wd_json_raw(r->doc, part->node);
    if (part->kind == WD_PART_KEY)
        return wd_json_key(r->doc, part->node, r->arena);
    return wd_json_string(r->doc, part->node, r->arena);
}

static enum wd_err
body_redact(struct wd_outer_work *w, const struct wd_scan *scan, const struct wd_response *r, const struct wd_part *part,
            struct wd_span text, bool *changed)
{
    struct wd_span name;

    wd_buf_clear(&w->memory.text);
    if (part->kind != WD_PART_MEMBER)
        return wd_redact(scan, part->kind == WD_PART_JSON ? WD_REDACT_JSON : WD_REDACT_TEXT, text, &w->memory.text, changed);
    name = body_member_name(r, part->node);
    return name.ptr == NULL ? WD_ERR_NOMEM : wd_redact_member(scan, name, text, &w->memory.text, changed);
}

/* A Responses stream repeats its texts: one that was counted is only looked at. */
static enum wd_err
body_part(struct wd_outer_work *w, const struct wd_response *r, const struct wd_part *part, bool *changed)
{
    struct wd_span text = body_text(r, part);
    enum wd_err err;

    *changed = false;
    if (text.ptr == NULL)
        return WD_ERR_NOMEM;
    if (r->op != WD_OP_RESPONSES || !r->stream)
        return body_redact(w, &w->scan, r, part, text, changed);
    w->seen.count = w->seen.more = 0;
    err = body_redact(w, &w->look, r, part, text, changed);
    if (w->seen.count == 0 || wd_outer_counted(w->o, wd_outer_hash(0, text)))
        return err;
    return body_redact(w, &w->scan, r, part, text, changed);
}

enum wd_err
wd_outer_inspect(struct wd_outer_work *w, struct wd_response *r)
{
    struct wd_part *logprobs = NULL;
    enum wd_err err = WD_OK;
    bool changed;

    for (uint32_t i = 0; err == WD_OK && i < r->count; i++) {
        struct wd_part *part = &r->parts[i];
        const struct wd_json_node *n = &r->doc->nodes[part->node];

        if (part->kind == WD_PART_LOGPROBS)
            logprobs = part;
        if (part->kind == WD_PART_LOGPROBS || part->kind == WD_PART_FRAGMENT)
            continue;
        err = body_part(w, r, part, &changed);
        if (err != WD_OK || !changed)
            continue;
        if (part->spelled && logprobs != NULL)
            logprobs->spelled = true;
        else if (part->kind == WD_PART_KEY)
            err = body_edit(w, n->key_start, n->key_end, "");
        else if (part->kind == WD_PART_NUMBER)
            err = body_edit(w, n->start, n->end, "\"");
        else
            err = body_edit(w, n->start + 1, n->end - 1, "");
    }
    if (err == WD_ERR_REFUSED)
        wd_outer_refuse(w);
    return err;
}

static int
body_edit_compare(const void *a, const void *b)
{
    const struct wd_edit *x = a, *y = b;

    return x->start < y->start ? -1 : x->start > y->start;
}

/* True when one of the first count edits, sorted, starts in [start, end). */
static bool
body_edited(const struct wd_edits *e, size_t count, size_t start, size_t end)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (e->items[mid].start < start)
            low = mid + 1;
        else
            high = mid;
    }
    return low < count && e->items[low].start < end;
}

enum wd_err
wd_outer_drop_logprobs(struct wd_outer_work *w, const struct wd_response *r)
{
    size_t count = w->edits.count;
    bool sorted = false;
    enum wd_err err = WD_OK;

    for (uint32_t i = 0; err == WD_OK && i < r->count; i++) {
        const struct wd_json_node *n = &r->doc->nodes[r->parts[i].node], *parent = &r->doc->nodes[n->parent];

        if (r->parts[i].kind != WD_PART_LOGPROBS)
            continue;
        if (!sorted && count > 1)
            qsort(w->edits.items, count, sizeof(*w->edits.items), body_edit_compare);
        sorted = true;
        if (r->parts[i].spelled || body_edited(&w->edits, count, parent->start, parent->end))
            err = wd_edits_add(&w->edits, &w->memory.arena, n->start, n->end,
                               n->type == WD_JSON_ARRAY ? WD_SPAN("[]") : WD_SPAN("null"));
    }
    return err;
}

static void
body_count_text(struct wd_outer *o, const struct wd_json *doc)
{
    for (uint32_t i = 0; i < doc->count; i++)
        if (doc->nodes[i].type == WD_JSON_STRING)
            o->text_bytes += doc->nodes[i].end - doc->nodes[i].start - 2;
}

static enum wd_err
body_read(struct wd_outer_work *w, struct wd_span body, bool issues, struct wd_buf *out)
{
    struct wd_outer *o = w->o;
    struct wd_json_error where;
    struct wd_response r;
    struct wd_json doc;
    enum wd_err err;

    wd_outer_work_reset(w);
    err = wd_json_parse(&doc, body, &w->memory.arena, WD_JSON_LIMITS, &where);
    if (err == WD_OK)
        err = wd_response_read(&r, o->config.op, false, wd_scan_suspect(o->config.scan, body), &doc, &w->memory.arena);
    if (err != WD_OK)
        return err;
    wd_outer_take_usage(o, &r);
    o->complete = true;
    body_count_text(o, &doc);
    if (r.all)
        err = wd_outer_inspect(w, &r);
    if (err == WD_OK)
        err = wd_outer_drop_logprobs(w, &r);
    if (err == WD_OK && issues)
        err = wd_outer_take_issued(o, &r);
    if (err != WD_OK)
        return err;
    return w->edits.count == 0 ? wd_buf_add(out, body) : wd_edits_apply(&w->edits, body, out);
}

enum wd_err
wd_outer_body(struct wd_outer *o, struct wd_span body, int status, struct wd_buf *out)
{
    struct wd_outer_work w;
    enum wd_err err;

    /* an error of the provider is text like any other, but nothing is issued by it */
    if (body.len > o->config.body_max)
        return WD_ERR_LIMIT;
    wd_outer_work_init(&w, o);
    err = body_read(&w, body, status >= 200 && status < 300, out);
    wd_outer_work_deinit(&w);
    return err;
}
