/*
 * Channels: each text that arrives in fragments has a redactor of its own, and what it still holds when the text ends leaves in
 * an event of our own before the event that ended it.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "outer_priv.h"

enum { CHANNEL_HELD_MAX = 1 << 20 };

static void
channel_free(struct wd_channel *c)
{
    wd_redactor_free(c->redactor);
    wd_buf_wipe(&c->ended);
    wd_buf_wipe(&c->shown);
    free(c->tail);
    free(c);
}

void
wd_outer_channels_free(struct wd_outer *o)
{
    for (uint32_t i = 0; i < o->channel_count; i++)
        channel_free(o->channels[i]);
    free(o->channels);
    o->channels = NULL;
    o->channel_count = o->channel_size = 0;
}

static bool
channel_starts_with(const struct wd_channel *c, struct wd_span prefix)
{
    return c->name_len >= prefix.len && (prefix.len == 0 || memcmp(c->name, prefix.ptr, prefix.len) == 0);
}

static struct wd_channel *
channel_find(const struct wd_outer *o, struct wd_span name)
{
    for (uint32_t i = 0; i < o->channel_count; i++) {
        if (o->channels[i]->name_len == name.len && channel_starts_with(o->channels[i], name))
            return o->channels[i];
    }
    return NULL;
}

/* Makes room: the oldest of the channels that have ended goes. */
static bool
channels_forget_one(struct wd_outer *o)
{
    for (uint32_t i = 0; i < o->channel_count; i++) {
        if (!o->channels[i]->again || o->channels[i]->last != CHANNEL_NONE)
            continue;
        channel_free(o->channels[i]);
        o->channel_count--;
        memmove(&o->channels[i], &o->channels[i + 1], (o->channel_count - i) * sizeof(*o->channels));
        return true;
    }
    return false;
}

static enum wd_err
channel_new(struct wd_channel **channel, struct wd_outer *o, struct wd_span name, bool json)
{
    struct wd_channel *c, **channels;
    enum wd_err err;

    if (o->channel_count >= CHANNELS_MAX && !channels_forget_one(o))
        return WD_ERR_LIMIT;
    if (o->channel_count == o->channel_size) {
        uint32_t size = o->channel_size == 0 ? 2 : o->channel_size * 2;

        channels = realloc(o->channels, size * sizeof(*channels));
        if (channels == NULL)
            return WD_ERR_NOMEM;
        o->channels = channels;
        o->channel_size = size;
    }
    c = calloc(1, sizeof(*c) + name.len);
    if (c == NULL)
        return WD_ERR_NOMEM;
    err = wd_redactor_new(&c->redactor, o->config.scan, json ? WD_REDACT_JSON : WD_REDACT_TEXT);
    if (err != WD_OK) {
        free(c);
        return err;
    }
    c->name_len = (uint32_t)name.len;
    memcpy(c->name, name.ptr, name.len);
    c->last = CHANNEL_NONE;
    wd_buf_init(&c->ended, CHANNEL_HELD_MAX);
    wd_buf_init(&c->shown, CHANNEL_HELD_MAX);
    o->channels[o->channel_count++] = *channel = c;
    return WD_OK;
}

/* Frees the channels that are marked, keeps the order of the rest. keep: what had a last word stays, its text may go on. */
static void
channels_sweep(struct wd_outer *o, bool keep)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < o->channel_count; i++) {
        struct wd_channel *c = o->channels[i];

        if (!c->closing) {
            o->channels[kept++] = c;
            continue;
        }
        if (c->found)
            wd_outer_counted(o, c->hash);
        if (!keep || !c->again) {
            channel_free(c);
            continue;
        }
        c->closing = c->found = false;
        c->hash = 0;
        o->channels[kept++] = c;
    }
    o->channel_count = kept;
}

/* Drops from out, behind was, what was shown before. */
static void
channel_drop_shown(struct wd_channel *c, struct wd_buf *out, size_t was)
{
    size_t n = 0;

    while (c->shown_at < c->shown.len && was + n < out->len) {
        if (out->ptr[was + n] != c->shown.ptr[c->shown_at]) {
            c->shown_at = c->shown.len;
            break;
        }
        c->shown_at++;
        n++;
    }
    if (n == 0)
        return;
    memmove(out->ptr + was, out->ptr + was + n, out->len - was - n);
    out->len -= n;
}

static uint64_t
channel_findings(const struct wd_outer *o)
{
    const struct wd_findings *f = o->config.scan->findings;
    uint64_t n = f->more;

    for (uint32_t i = 0; i < f->count; i++)
        n += f->items[i].count;
    return n;
}

/*
 * The text ends, or seems to: several providers give a reason to finish with every chunk. What is held leaves, but is remembered,
 * so that a finding that goes on behind the end is still found.
 */
static enum wd_err
channel_finish(struct wd_channel *c, struct wd_buf *out)
{
    struct wd_span held = wd_redactor_held_text(c->redactor);
    size_t was = out->len;
    enum wd_err err;

    if (held.len == 0)
        return wd_redactor_finish(c->redactor, out);
    wd_buf_clear(&c->ended);
    err = wd_buf_add(&c->ended, held);
    if (err == WD_OK)
        err = wd_redactor_finish(c->redactor, out);
    if (err != WD_OK)
        return err;
    held = wd_span(out->ptr + was, out->len - was);
    if (c->shown_at < c->shown.len) {
        struct wd_buf shown;

        wd_buf_init(&shown, CHANNEL_HELD_MAX);
        err = wd_buf_add(&shown, held);
        channel_drop_shown(c, out, was);
        wd_buf_wipe(&c->shown);
        c->shown = shown;
    } else {
        wd_buf_clear(&c->shown);
        err = wd_buf_add(&c->shown, held);
    }
    c->shown_at = c->shown.len;
    c->again = true;
    return err;
}

/* Feeds and, when it is the last of the text, finishes. */
static enum wd_err
channel_feed(const struct wd_outer *o, struct wd_channel *c, struct wd_span text, bool last, struct wd_buf *out)
{
    bool repeats = o->config.op == WD_OP_RESPONSES;
    uint64_t before = repeats ? channel_findings(o) : 0;
    size_t was = out->len;
    enum wd_err err = WD_OK;

    if (c->again && text.len > 0) {
        c->again = false;
        c->shown_at = 0;
        err = wd_redactor_feed(c->redactor, wd_buf_span(&c->ended), out);
    }
    if (err == WD_OK && text.len > 0)
        err = wd_redactor_feed(c->redactor, text, out);
    channel_drop_shown(c, out, was);
    if (err == WD_OK && last)
        err = channel_finish(c, out);
    if (repeats) {
        c->hash = wd_outer_hash(c->hash, text);
        c->found |= channel_findings(o) != before;
    }
    return err;
}

/* Writes the tail event with the text in w->memory.text. */
static enum wd_err
channel_write_tail(struct wd_outer_work *w, struct wd_channel *c)
{
    struct wd_outer *o = w->o;
    size_t was = w->memory.block.len;
    enum wd_err err = wd_buf_add(&w->memory.block, wd_span(c->tail, c->tail_json + 1));

    if (err == WD_OK && o->has_sequence)
        err = wd_buf_printf(&w->memory.block, "\"sequence_number\":%" PRIu64 ",", o->sequence + o->shift);
    if (err == WD_OK)
        err = wd_buf_add(&w->memory.block, wd_span(c->tail + c->tail_json + 1, c->tail_at - c->tail_json - 1));
    if (err == WD_OK)
        err = wd_json_escape(&w->memory.block, wd_buf_span(&w->memory.text));
    if (err == WD_OK)
        err = wd_buf_add(&w->memory.block, wd_span(c->tail + c->tail_at, c->tail_len - c->tail_at));
    if (err != WD_OK) {
        w->memory.block.len = was;
        return err;
    }
    w->whole = w->memory.block.len;
    o->shift += o->has_sequence;
    return WD_OK;
}

/* Ends the text of a channel: what it held leaves in an event of its own. */
static enum wd_err
channel_flush(struct wd_outer_work *w, struct wd_channel *c)
{
    enum wd_err err;

    if (c->tail == NULL || wd_redactor_held(c->redactor) == 0)
        return WD_OK;
    wd_buf_clear(&w->memory.text);
    err = channel_feed(w->o, c, wd_span(NULL, 0), true, &w->memory.text);
    if (err == WD_ERR_REFUSED)
        wd_outer_refuse(w);
    if (err != WD_OK || w->memory.text.len == 0)
        return err;
    return channel_write_tail(w, c);
}

enum wd_err
wd_outer_channels_close(struct wd_outer_work *w, struct wd_span prefix)
{
    struct wd_outer *o = w->o;
    enum wd_err err = WD_OK;

    for (uint32_t i = 0; err == WD_OK && i < o->channel_count; i++) {
        struct wd_channel *c = o->channels[i];

        if (!channel_starts_with(c, prefix))
            continue;
        c->closing = true;
        err = channel_flush(w, c);
    }
    channels_sweep(o, false);
    return err;
}

/*
 * The held end of a channel when another of the same choice goes on: a plain word leaves, so that reasoning stays before the text
 * that follows it. Should the channel go on after all, the word is fed again, so that a finding across it is still found.
 */
static enum wd_err
channel_yield(struct wd_outer_work *w, struct wd_channel *c)
{
    struct wd_span held = wd_redactor_held_text(c->redactor);

    if (held.len == 0 || held.len > CHANNEL_WORD)
        return WD_OK;
    for (size_t i = 0; i < held.len; i++) {
        if (((held.ptr[i] | 0x20) < 'a' || (held.ptr[i] | 0x20) > 'z') && strchr(".,;:!?'\")*", held.ptr[i]) == NULL)
            return WD_OK;
    }
    return channel_flush(w, c);
}

/* "choices/0/": up to the second slash. */
static struct wd_span
channel_family(struct wd_span name)
{
    const char *p = memchr(name.ptr, '/', name.len);

    if (p != NULL)
        p = memchr(p + 1, '/', name.len - (size_t)(p + 1 - name.ptr));
    return p == NULL ? name : wd_span(name.ptr, (size_t)(p + 1 - name.ptr));
}

static bool
part_is_empty(const struct wd_response *r, uint32_t i)
{
    const struct wd_json_node *n = &r->doc->nodes[r->parts[i].node];

    return n->end - n->start == 2;
}

static enum wd_err
channels_yield_to(struct wd_outer_work *w, struct wd_span family, struct wd_span except)
{
    struct wd_outer *o = w->o;
    enum wd_err err = WD_OK;

    for (uint32_t i = 0; err == WD_OK && i < o->channel_count; i++) {
        struct wd_channel *c = o->channels[i];

        if (c->last == CHANNEL_NONE && channel_starts_with(c, family) && !wd_span_eq(wd_span(c->name, c->name_len), except))
            err = channel_yield(w, c);
    }
    return err;
}

static enum wd_err
channels_yield(struct wd_outer_work *w, const struct wd_response *r)
{
    enum wd_err err = WD_OK;

    for (uint32_t i = 0; err == WD_OK && i < r->pause.count; i++)
        err = channels_yield_to(w, r->pause.items[i], wd_span(NULL, 0));
    if (r->op != WD_OP_CHAT && r->op != WD_OP_STREAM_GENERATE)
        return err;
    for (uint32_t i = 0; err == WD_OK && i < r->count; i++) {
        /* a tool call begins with empty arguments */
        if (r->parts[i].kind == WD_PART_FRAGMENT && (r->parts[i].json || !part_is_empty(r, i)))
            err = channels_yield_to(w, channel_family(r->parts[i].channel), r->parts[i].channel);
    }
    return err;
}

static bool
channel_name_is_plain(struct wd_span name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i] | 0x20;

        if ((c < 'a' || c > 'z') && (name.ptr[i] < '0' || name.ptr[i] > '9') && name.ptr[i] != '.' && name.ptr[i] != '_')
            return false;
    }
    return name.len > 0 && name.len <= 64;
}

static enum wd_err
channel_make_tail(struct wd_outer_work *w, struct wd_channel *c, const struct wd_response *r, const struct wd_part *part,
                  struct wd_span event_name)
{
    size_t json, at;
    enum wd_err err = WD_OK;

    wd_buf_clear(&w->memory.inner);
    if (r->op == WD_OP_MESSAGES)
        event_name = WD_SPAN("content_block_delta");
    if (channel_name_is_plain(event_name))
        err = wd_buf_printf(&w->memory.inner, "event: %.*s\n", (int)event_name.len, event_name.ptr);
    if (err == WD_OK)
        err = wd_buf_add_str(&w->memory.inner, "data: ");
    json = w->memory.inner.len;
    if (err == WD_OK)
        err = wd_response_tail(r, part, &w->edits, &w->memory.inner, &at);
    if (err == WD_OK)
        err = wd_buf_add_str(&w->memory.inner, "\n\n");
    if (err != WD_OK)
        return err;
    c->tail = malloc(w->memory.inner.len);
    if (c->tail == NULL)
        return WD_ERR_NOMEM;
    memcpy(c->tail, w->memory.inner.ptr, w->memory.inner.len);
    c->tail_len = (uint32_t)w->memory.inner.len;
    c->tail_json = (uint32_t)json;
    c->tail_at = (uint32_t)(json + at);
    return WD_OK;
}

static enum wd_err
channel_take(struct wd_outer_work *w, const struct wd_response *r, uint32_t i, struct wd_span event_name)
{
    const struct wd_part *part = &r->parts[i];
    const struct wd_json_node *n = &r->doc->nodes[part->node];
    struct wd_channel *c = channel_find(w->o, part->channel);
    struct wd_span text = wd_json_string(r->doc, part->node, r->arena);
    enum wd_err err;

    if (text.ptr == NULL)
        return WD_ERR_NOMEM;
    w->o->text_bytes += text.len;
    if (c == NULL)
        return WD_OK;
    wd_buf_clear(&w->memory.text);
    err = channel_feed(w->o, c, text, c->closing && c->last == i, &w->memory.text);
    if (err == WD_ERR_REFUSED)
        wd_outer_refuse(w);
    if (err == WD_OK && !wd_span_eq(wd_buf_span(&w->memory.text), text)) {
        wd_buf_clear(&w->memory.inner);
        err = wd_json_escape(&w->memory.inner, wd_buf_span(&w->memory.text));
        if (err == WD_OK)
            err = wd_edits_add(&w->edits, &w->memory.arena, n->start + 1, n->end - 1, wd_buf_span(&w->memory.inner));
    }
    if (err == WD_OK && c->tail == NULL && wd_redactor_held(c->redactor) > 0)
        err = channel_make_tail(w, c, r, part, event_name);
    return err;
}

/* Opens channels, tells which are in the event and which end with it. */
static enum wd_err
channels_mark(struct wd_outer *o, const struct wd_response *r)
{
    struct wd_channel *c;
    enum wd_err err = WD_OK;

    for (uint32_t i = 0; i < o->channel_count; i++)
        o->channels[i]->last = CHANNEL_NONE;
    for (uint32_t i = 0; err == WD_OK && i < r->count; i++) {
        if (r->parts[i].kind != WD_PART_FRAGMENT || part_is_empty(r, i))
            continue;
        c = channel_find(o, r->parts[i].channel);
        if (c == NULL)
            err = channel_new(&c, o, r->parts[i].channel, r->parts[i].json);
        if (err == WD_OK)
            c->last = i;
    }
    for (uint32_t i = 0; i < r->after.count; i++) {
        for (uint32_t k = 0; k < o->channel_count; k++)
            o->channels[k]->closing |= channel_starts_with(o->channels[k], r->after.items[i]);
    }
    return err;
}

enum wd_err
wd_outer_channels_take(struct wd_outer_work *w, const struct wd_response *r, struct wd_span event_name)
{
    struct wd_outer *o = w->o;
    enum wd_err err;

    if (r->fragments == 0 && o->channel_count == 0)
        return WD_OK;
    err = channels_mark(o, r);
    if (err == WD_OK)
        err = channels_yield(w, r);
    for (uint32_t i = 0; err == WD_OK && i < o->channel_count; i++) {
        if (o->channels[i]->closing && o->channels[i]->last == CHANNEL_NONE)
            err = channel_flush(w, o->channels[i]);
    }
    for (uint32_t i = 0; err == WD_OK && i < r->count; i++) {
        if (r->parts[i].kind == WD_PART_FRAGMENT)
            err = channel_take(w, r, i, event_name);
    }
    channels_sweep(o, true);
    return err;
}
