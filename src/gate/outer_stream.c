/* Streams: each event is read, its texts pass, what must change is written in place, and the stream ends as its format says. */
#include <inttypes.h>

#include "../base/utf8.h"
#include "outer_priv.h"

static const char stream_unreadable[] = "the provider sent an event that cannot be read";

static struct wd_span
stream_trim(struct wd_span s)
{
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
        s = wd_span(s.ptr + 1, s.len - 1);
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/* The next line of a block, *ending with what ends it. */
static struct wd_span
stream_line(struct wd_span *rest, struct wd_span *ending)
{
    struct wd_span line = *rest;
    size_t n = 0, end;

    while (n < line.len && line.ptr[n] != '\n' && line.ptr[n] != '\r')
        n++;
    end = n;
    if (end < line.len)
        end += line.ptr[end] == '\r' && end + 1 < line.len && line.ptr[end + 1] == '\n' ? 2 : 1;
    *ending = wd_span(line.ptr + n, end - n);
    *rest = wd_span(line.ptr + end, line.len - end);
    return wd_span(line.ptr, n);
}

static bool
stream_is_data(struct wd_span line)
{
    return line.len >= 4 && memcmp(line.ptr, "data", 4) == 0 && (line.len == 4 || line.ptr[4] == ':');
}

/* A line that is no data: comments and names are text too. */
static enum wd_err
stream_other_line(struct wd_outer_work *w, struct wd_span line)
{
    bool changed = false;
    enum wd_err err = WD_OK;

    wd_buf_clear(&w->memory.text);
    if (w->suspect)
        err = wd_redact(&w->scan, WD_REDACT_TEXT, line, &w->memory.text, &changed);
    if (err == WD_ERR_REFUSED)
        wd_outer_refuse(w);
    return err == WD_OK ? wd_buf_add(&w->memory.block, changed ? wd_buf_span(&w->memory.text) : line) : err;
}

/* Several data lines become one: a line end in JSON is white space. */
static enum wd_err
stream_data_line(struct wd_outer_work *w, struct wd_span data)
{
    size_t from;
    enum wd_err err = wd_buf_add_str(&w->memory.block, "data: ");

    from = w->memory.block.len;
    if (err == WD_OK)
        err = wd_buf_add(&w->memory.block, data);
    for (size_t i = from; err == WD_OK && i < w->memory.block.len; i++) {
        if (w->memory.block.ptr[i] == '\n' || w->memory.block.ptr[i] == '\r')
            w->memory.block.ptr[i] = ' ';
    }
    return err;
}

/* Writes the block line by line, its data lines replaced by data unless it is as it came. */
static enum wd_err
stream_write_lines(struct wd_outer_work *w, const struct wd_sse_event *e, const struct wd_span *data)
{
    struct wd_span rest = e->raw, line, ending;
    bool written = false;
    enum wd_err err = WD_OK;

    while (err == WD_OK && rest.len > 0) {
        line = stream_line(&rest, &ending);
        if (!stream_is_data(line))
            err = stream_other_line(w, line);
        else if (data == NULL)
            err = wd_buf_add(&w->memory.block, line);
        else if (written)
            continue;
        else
            err = stream_data_line(w, *data);
        written |= stream_is_data(line);
        if (err == WD_OK)
            err = wd_buf_add(&w->memory.block, ending);
    }
    return err;
}

/* Appends the event to the block, with its edits. */
static enum wd_err
stream_write(struct wd_outer_work *w, const struct wd_sse_event *e)
{
    bool clean = !w->suspect || (!e->has_other && e->name.len == 0); /* nothing but the data may change */
    struct wd_span data = e->data;
    enum wd_err err;

    if (w->edits.count == 0)
        return clean ? wd_buf_add(&w->memory.block, e->raw) : stream_write_lines(w, e, NULL);
    if (clean && e->data_end > e->data_start) {
        err = wd_buf_add(&w->memory.block, wd_span(e->raw.ptr, e->data_start));
        if (err == WD_OK)
            err = wd_edits_apply(&w->edits, e->data, &w->memory.block);
        return err == WD_OK ? wd_buf_add(&w->memory.block, wd_span(e->raw.ptr + e->data_end, e->raw.len - e->data_end)) : err;
    }
    wd_buf_clear(&w->memory.inner);
    err = wd_edits_apply(&w->edits, e->data, &w->memory.inner);
    data = wd_buf_span(&w->memory.inner);
    return err == WD_OK ? stream_write_lines(w, e, &data) : err;
}

/* Anthropic's SDK takes no notice of an error without its name. */
static enum wd_err
stream_write_error(struct wd_outer_work *w, const struct wd_sse_event *e)
{
    enum wd_err err;

    wd_buf_clear(&w->memory.inner);
    err = wd_edits_apply(&w->edits, e->data, &w->memory.inner);
    if (err == WD_OK)
        err = wd_buf_add_str(&w->memory.block, "event: error\n");
    if (err == WD_OK)
        err = stream_data_line(w, wd_buf_span(&w->memory.inner));
    return err == WD_OK ? wd_buf_add_str(&w->memory.block, "\n\n") : err;
}

/* Numbers of Responses events go on behind events of ours. */
static enum wd_err
stream_renumber(struct wd_outer_work *w, const struct wd_response *r)
{
    const struct wd_json_node *n = &r->doc->nodes[r->sequence];
    enum wd_err err;

    if (!w->o->has_sequence || w->o->shift == 0 || r->sequence == 0)
        return WD_OK;
    wd_buf_clear(&w->memory.inner);
    err = wd_buf_printf(&w->memory.inner, "%" PRIu64, w->o->sequence + w->o->shift);
    return err == WD_OK ? wd_edits_add(&w->edits, &w->memory.arena, n->start, n->end, wd_buf_span(&w->memory.inner)) : err;
}

/* Everything that an event of JSON says, into the block. */
static enum wd_err
stream_pass(struct wd_outer_work *w, const struct wd_sse_event *e, struct wd_response *r)
{
    enum wd_err err = WD_OK;

    if (r->sequence != 0) {
        w->o->sequence = r->sequence_number;
        w->o->has_sequence = true;
    }
    for (uint32_t i = 0; err == WD_OK && i < r->before.count; i++)
        err = wd_outer_channels_close(w, r->before.items[i]);
    if (err == WD_OK && r->all)
        err = wd_outer_inspect(w, r);
    if (err == WD_OK)
        err = wd_outer_channels_take(w, r, e->name);
    if (err == WD_OK)
        err = wd_outer_drop_logprobs(w, r);
    if (err == WD_OK)
        err = stream_renumber(w, r);
    if (err != WD_OK)
        return err;
    if (r->op == WD_OP_MESSAGES && r->turn == WD_TURN_MAY_END && e->name.len == 0)
        return stream_write_error(w, e);
    return stream_write(w, e);
}

static enum wd_err
stream_json(struct wd_outer_work *w, const struct wd_sse_event *e)
{
    struct wd_outer *o = w->o;
    struct wd_json_error where;
    struct wd_response r;
    struct wd_json doc;
    enum wd_err err;

    err = wd_json_parse(&doc, e->data, &w->memory.arena, WD_JSON_LIMITS, &where);
    if (err == WD_OK)
        err = wd_response_read(&r, o->config.op, true, w->suspect, &doc, &w->memory.arena);
    if (err != WD_OK)
        return err;
    wd_outer_take_usage(o, &r);
    err = wd_outer_take_issued(o, &r);
    if (err != WD_OK)
        return err;
    if (o->config.drop_usage && r.usage_only)
        return WD_OK;
    err = stream_pass(w, e, &r);
    if (err != WD_OK)
        return err;
    o->sequence += o->has_sequence;
    o->may_end |= r.turn != WD_TURN_NONE;
    o->closed |= r.turn == WD_TURN_END;
    o->terminated |= r.turn == WD_TURN_END;
    o->complete |= r.turn == WD_TURN_END;
    return WD_OK;
}

static enum wd_err
stream_event(struct wd_outer_work *w, const struct wd_sse_event *e)
{
    struct wd_outer *o = w->o;
    enum wd_err err;

    if ((e->has_other || e->name.len > 0) && !wd_utf8_valid(e->raw))
        return WD_ERR_SYNTAX;
    o->events += e->has_data;
    w->suspect = wd_scan_suspect(o->config.scan, e->raw);
    if (!w->suspect && e->has_data && e->data_start == e->data_end)
        w->suspect = wd_scan_suspect(o->config.scan, e->data);
    if (!e->has_data || e->data.len == 0)
        return stream_write_lines(w, e, NULL);
    if (o->config.op != WD_OP_CHAT || !wd_span_eq(stream_trim(e->data), WD_SPAN("[DONE]")))
        return stream_json(w, e);
    err = wd_outer_channels_close(w, wd_span(NULL, 0));
    if (err != WD_OK)
        return err;
    o->closed = o->terminated = o->complete = true;
    return stream_write_lines(w, e, NULL);
}

/* May what the event says be sent, and the stream go on? */
static enum wd_code
stream_may_go_on(struct wd_outer *o, const char **message)
{
    if (o->config.may_go_on == NULL || o->closed)
        return WD_CODE_NONE;
    return o->config.may_go_on(o->config.data, o->text_bytes, message);
}

/* Takes bytes event by event. What cannot be read or may not leave ends the stream. */
static enum wd_err
stream_feed(struct wd_outer_work *w, struct wd_span bytes, struct wd_buf *out)
{
    struct wd_outer *o = w->o;
    struct wd_sse_event event;
    const char *message = "";
    enum wd_code code;
    enum wd_err err;
    bool got;

    while (!o->closed) {
        err = wd_sse_next(&o->sse, &bytes, &event, &got);
        wd_outer_work_reset(w);
        if (err == WD_OK && !got)
            return WD_OK;
        if (err == WD_OK)
            err = stream_event(w, &event);
        if (err == WD_ERR_NOMEM)
            return err;
        if (err != WD_OK)
            return wd_outer_stop(w, WD_CODE_PROVIDER_INVALID_RESPONSE,
                                 err == WD_ERR_LIMIT ? "the provider sent an event that is too large" : stream_unreadable, out);
        if ((code = stream_may_go_on(o, &message)) != WD_CODE_NONE)
            return wd_outer_stop(w, code, message, out);
        err = wd_buf_add(out, wd_buf_span(&w->memory.block));
        if (err != WD_OK)
            return err;
    }
    wd_outer_channels_free(o);
    return WD_OK;
}

enum wd_err
wd_outer_feed(struct wd_outer *o, struct wd_span bytes, struct wd_buf *out)
{
    struct wd_outer_work w;
    enum wd_err err;

    if (o->closed)
        return WD_OK;
    wd_outer_work_init(&w, o);
    err = stream_feed(&w, bytes, out);
    wd_outer_work_deinit(&w);
    return err;
}

/* The provider may close here: what is held leaves, chat still needs its last line. */
static enum wd_err
stream_complete(struct wd_outer_work *w, struct wd_buf *out)
{
    struct wd_outer *o = w->o;
    enum wd_err err;

    wd_outer_work_reset(w);
    err = wd_outer_channels_close(w, wd_span(NULL, 0));
    if (err == WD_ERR_NOMEM)
        return err;
    if (err != WD_OK)
        return wd_outer_stop(w, WD_CODE_PROVIDER_INVALID_RESPONSE, stream_unreadable, out);
    if (o->config.op == WD_OP_CHAT)
        err = wd_buf_add_str(&w->memory.block, "data: [DONE]\n\n");
    if (err == WD_OK)
        err = wd_buf_add(out, wd_buf_span(&w->memory.block));
    o->closed = o->terminated = o->complete = true;
    return err;
}

static const char *
stream_why(enum wd_code why)
{
    switch (why) {
    case WD_CODE_PROVIDER_UNAVAILABLE:
        return "the connection to the provider broke before the answer was complete";
    case WD_CODE_PROVIDER_TIMEOUT:
        return "the provider took too long to complete the answer";
    case WD_CODE_PROVIDER_INVALID_RESPONSE:
        return "the provider's stream ended before it was complete";
    default:
        return "the answer was stopped before it was complete";
    }
}

enum wd_err
wd_outer_end(struct wd_outer *o, enum wd_code why, struct wd_buf *out)
{
    struct wd_outer_work w;
    enum wd_err err = WD_OK;

    if (o->closed)
        return WD_OK;
    wd_outer_work_init(&w, o);
    /* a last event without its blank line */
    if (why == WD_CODE_NONE && wd_sse_pending(&o->sse) > 0)
        err = stream_feed(&w, WD_SPAN("\n\n"), out);
    if (why == WD_CODE_NONE)
        why = WD_CODE_PROVIDER_INVALID_RESPONSE;
    if (err == WD_OK && !o->closed) {
        wd_outer_work_reset(&w);
        err = o->may_end ? stream_complete(&w, out) : wd_outer_stop(&w, why, stream_why(why), out);
    }
    wd_outer_work_deinit(&w);
    return err;
}
