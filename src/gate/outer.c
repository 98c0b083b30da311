#include "outer.h"

#include <inttypes.h>
#include <stdlib.h>

#include "../detect/rules.h"
#include "outer_priv.h"

enum { WORK_CAP = 1 << 28, WORK_KEPT = 64 << 10 };

enum wd_err
wd_outer_new(struct wd_outer **o, const struct wd_outer_config *config)
{
    *o = calloc(1, sizeof(**o));
    if (*o == NULL)
        return WD_ERR_NOMEM;
    (*o)->config = *config;
    wd_sse_init(&(*o)->sse, config->body_max);
    return WD_OK;
}

void
wd_outer_free(struct wd_outer *o)
{
    if (o == NULL)
        return;
    wd_outer_channels_free(o);
    wd_sse_deinit(&o->sse);
    free(o->counted);
    free(o->issued);
    free(o);
}

bool
wd_outer_ended(const struct wd_outer *o)
{
    return o->ended;
}

bool
wd_outer_terminated(const struct wd_outer *o)
{
    return o->terminated;
}

enum wd_code
wd_outer_code(const struct wd_outer *o)
{
    return o->code;
}

struct wd_usage
wd_outer_usage(const struct wd_outer *o)
{
    return o->usage;
}

uint64_t
wd_outer_events(const struct wd_outer *o)
{
    return o->events;
}

uint64_t
wd_outer_text_bytes(const struct wd_outer *o)
{
    return o->text_bytes;
}

bool
wd_outer_complete(const struct wd_outer *o)
{
    return o->complete;
}

void
wd_outer_spare_init(struct wd_outer_spare *spare)
{
    wd_arena_init(&spare->arena, WORK_CAP);
    wd_buf_init(&spare->text, WORK_CAP);
    wd_buf_init(&spare->inner, WORK_CAP);
    wd_buf_init(&spare->block, WORK_CAP);
}

void
wd_outer_spare_deinit(struct wd_outer_spare *spare)
{
    wd_arena_deinit(&spare->arena);
    wd_buf_deinit(&spare->text);
    wd_buf_deinit(&spare->inner);
    wd_buf_deinit(&spare->block);
}

void
wd_outer_work_init(struct wd_outer_work *w, struct wd_outer *o)
{
    w->o = o;
    w->edits = (struct wd_edits){ 0 };
    if (o->config.spare != NULL)
        w->memory = *o->config.spare;
    else
        wd_outer_spare_init(&w->memory);
}

void
wd_outer_work_reset(struct wd_outer_work *w)
{
    wd_arena_reset(&w->memory.arena);
    w->edits = (struct wd_edits){ 0 };
    w->scan = w->look = *w->o->config.scan;
    w->look.findings = &w->seen;
    w->seen.count = 0;
    wd_buf_clear(&w->memory.block);
    w->whole = 0;
}

/* What a large answer took goes back at once. */
static void
outer_keep(struct wd_buf *b)
{
    if (b->size > WORK_KEPT)
        wd_buf_deinit(b);
    else
        wd_buf_clear(b);
}

void
wd_outer_work_deinit(struct wd_outer_work *w)
{
    if (w->o->config.spare == NULL) {
        wd_outer_spare_deinit(&w->memory);
        return;
    }
    wd_arena_reset(&w->memory.arena);
    outer_keep(&w->memory.text);
    outer_keep(&w->memory.inner);
    outer_keep(&w->memory.block);
    *w->o->config.spare = w->memory;
}

void
wd_outer_refuse(struct wd_outer_work *w)
{
    static const enum wd_code codes[WD_CATEGORIES] = {
        [WD_SECRET] = WD_CODE_SECRET_DETECTED,
        [WD_PII] = WD_CODE_PII_DETECTED,
        [WD_INJECTION] = WD_CODE_INJECTION_DETECTED,
        [WD_MALICIOUS] = WD_CODE_MALICIOUS_CONTENT,
    };
    const struct wd_findings *found[] = { &w->seen, w->scan.findings };

    /* when the table of findings was full the rule is not known */
    w->o->code = WD_CODE_MALICIOUS_CONTENT;
    for (size_t f = 0; f < 2; f++) {
        for (uint32_t i = 0; i < found[f]->count; i++) {
            const struct wd_finding *item = &found[f]->items[i];

            if (item->action == WD_REFUSE && item->direction == w->scan.direction) {
                w->o->code = codes[item->rule->category];
                return;
            }
        }
    }
}

uint64_t
wd_outer_hash(uint64_t hash, struct wd_span text)
{
    if (hash == 0)
        hash = 0xcbf29ce484222325;
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.ptr[i]) * 0x100000001b3;
    return hash;
}

bool
wd_outer_counted(struct wd_outer *o, uint64_t hash)
{
    for (uint32_t i = 0; i < o->counted_count; i++) {
        if (o->counted[i] == hash)
            return true;
    }
    for (uint32_t i = 0; i < o->channel_count; i++) {
        if (o->channels[i]->hash == hash && !o->channels[i]->closing)
            return true;
    }
    if (o->counted == NULL)
        o->counted = malloc(COUNTED_MAX * sizeof(*o->counted));
    if (o->counted != NULL && o->counted_count < COUNTED_MAX)
        o->counted[o->counted_count++] = hash;
    return false;
}

/* Was it told before? Otherwise it is remembered; beyond the table an id is told as often as it comes. */
static bool
outer_issued_before(struct wd_outer *o, uint64_t hash)
{
    for (uint32_t i = 0; i < o->issued_count; i++)
        if (o->issued[i] == hash)
            return true;
    if ((o->issued_count & (o->issued_count - 1)) == 0 && o->issued_count < ISSUED_MAX) {
        uint32_t size = o->issued_count == 0 ? 1 : o->issued_count * 2;
        uint64_t *grown = realloc(o->issued, size * sizeof(*grown));
        if (grown == NULL)
            return false;
        o->issued = grown;
    } else if (o->issued_count == ISSUED_MAX) {
        return false;
    }
    o->issued[o->issued_count++] = hash;
    return false;
}

enum wd_err
wd_outer_take_issued(struct wd_outer *o, struct wd_response *r)
{
    for (uint32_t i = 0; i < r->issued_count && o->config.issued != NULL; i++) {
        enum wd_isolate_kind kind = (enum wd_isolate_kind)r->issued[i].kind;
        struct wd_span id = wd_json_string(r->doc, r->issued[i].node, r->arena);

        if (id.ptr == NULL)
            return WD_ERR_NOMEM;
        if (o->config.unstored && (kind == WD_ISOLATE_REF_RESPONSE || kind == WD_ISOLATE_REF_ITEM))
            continue;
        if (id.len > 0 && !outer_issued_before(o, wd_outer_hash(0, id)))
            o->config.issued(o->config.issued_ctx, kind, id);
    }
    return WD_OK;
}

void
wd_outer_take_usage(struct wd_outer *o, const struct wd_response *r)
{
    o->usage.known |= r->has_usage_in | r->has_usage_out;
    o->usage.known_in |= r->has_usage_in;
    o->usage.known_out |= r->has_usage_out;
    if (r->has_usage_in)
        o->usage.tokens_in = r->usage_in;
    if (r->has_usage_out)
        o->usage.tokens_out = r->usage_out;
}

/* Responses has an error event of its own shape, numbered like the others. */
static enum wd_err
stop_responses(struct wd_outer *o, enum wd_code code, const char *message, struct wd_buf *out)
{
    return wd_buf_printf(out,
                         "event: error\ndata: {\"type\":\"error\",\"code\":\"%s\",\"message\":\"%s\",\"param\":null,"
                         "\"sequence_number\":%" PRIu64 "}\n\n",
                         wd_code_name(code), message, o->sequence + o->shift);
}

static enum wd_err
stop_event(struct wd_outer *o, enum wd_code code, const char *message, struct wd_buf *out)
{
    static const struct {
        const char *before, *after;
    } frames[] = {
        [WD_SHAPE_OPENAI] = { "data: ", "\n\ndata: [DONE]\n\n" },
        [WD_SHAPE_ANTHROPIC] = { "event: error\ndata: ", "\n\n" },
        [WD_SHAPE_GOOGLE] = { "data: ", "\n\n" },
        [WD_SHAPE_UNIVERSAL] = { "data: ", "\n\n" },
    };
    enum wd_error_shape shape = wd_op_shape(o->config.op);
    enum wd_err err;

    if (o->config.op == WD_OP_RESPONSES)
        return stop_responses(o, code, message, out);
    err = wd_buf_add_str(out, frames[shape].before);
    if (err == WD_OK)
        err = wd_error_body(out, shape, code, wd_span_str(message), wd_span(NULL, 0), o->config.request_id);
    while (err == WD_OK && out->len > 0 && out->ptr[out->len - 1] == '\n')
        out->len--;
    return err == WD_OK ? wd_buf_add_str(out, frames[shape].after) : err;
}

enum wd_err
wd_outer_stop(struct wd_outer_work *w, enum wd_code code, const char *message, struct wd_buf *out)
{
    struct wd_outer *o = w->o;
    size_t was = out->len;
    enum wd_err err = WD_OK;

    w->memory.block.len = w->whole;
    if (o->code == WD_CODE_NONE) {
        err = wd_outer_channels_close(w, wd_span(NULL, 0));
        if (err == WD_ERR_NOMEM)
            return err;
    }
    /* what a channel gave while it was finished may have been refused: that is then the reason */
    if (o->code == WD_CODE_NONE)
        o->code = code;
    else
        message = "the answer was stopped: it held content that the policy refuses";
    err = wd_buf_add(out, wd_buf_span(&w->memory.block));
    wd_buf_clear(&w->memory.block);
    if (err == WD_OK)
        err = stop_event(o, o->code, message, out);
    if (err != WD_OK)
        out->len = was;
    o->ended = o->closed = o->terminated = true;
    wd_outer_channels_free(o);
    return err;
}
