#include "redactor.h"

#include <sodium.h>
#include <stdlib.h>

#include "text/chars.h"
#include "hold.h"
#include "match.h"
#include "secret/pem.h"
#include "text/glyphs.h"

/*
 * Bytes become characters (glyphs.c), characters are cut into pieces that no finding crosses (hold.c), pieces that
 * are complete are matched (redactor_settle). Nothing in this depends on how the bytes arrived.
 */
enum {
    REDACTOR_SLICE = 4096,
    REDACTOR_PIECE_MAX = 4096, /* a longer one is cut, */
    REDACTOR_OVERLAP = 512,    /* and this much of it is looked at again */
    REDACTOR_PEM_MAX = 65536,
};

/* The rest of a finding that was longer than a piece. */
struct redactor_skip {
    const struct wd_rule *rule; /* NULL: nothing is skipped */
    uint64_t start;             /* where the finding does, in the text */
    bool show;                  /* it is only flagged */
    bool encoded;               /* it is an encoded token */
    uint32_t len;
    struct wd_pem pem;
};

struct wd_redactor {
    const struct wd_scan *scan;
    enum wd_redactor_mode mode;
    struct wd_view view;
    struct wd_hold hold;
    struct wd_glyphs reader;
    struct wd_hold_pieces *batch; /* that a feed completed, during it, */
    struct wd_buf *out;           /* and where it puts what leaves */
    struct redactor_skip skip;
    uint32_t extra[8];
    uint32_t least;               /* shorter words of letters alone are nothing */
    uint32_t open;                /* where what is held starts in the view */
    int before;                   /* the character before the view */
    uint64_t gone;                /* bytes of the text before the view */
    uint8_t past[WD_CONTEXT_MAX]; /* the last characters before the view */
    uint32_t past_len;
    bool in_string; /* WD_REDACT_JSON: the view starts inside of a string */
    enum wd_err failed;
};

static enum wd_err redactor_show(void *ctx, uint8_t c, uint32_t lead, uint32_t len);

static void
redactor_reset(struct wd_redactor *r)
{
    r->hold = (struct wd_hold){ .extra = r->hold.extra, .past = r->past, .past_len = &r->past_len };
    r->skip = (struct redactor_skip){ 0 };
    r->view.count = 0;
    wd_buf_clear(&r->view.raw);
    wd_view_shrink(&r->view);
    r->open = 0;
    r->before = -1;
    r->gone = 0;
    r->past_len = 0;
    r->in_string = false;
    r->failed = WD_OK;
    wd_glyphs_reset(&r->reader);
}

/* Keys of ours, and what rules of the policy find, may hold characters that no other token does. White space and quotes end them
 * all the same. */
static void
redactor_learn_own(struct wd_redactor *r)
{
    const uint32_t *named = wd_engine_extra(r->scan->engine);
    struct wd_span key;
    size_t i, k;
    uint8_t c;

    if (named != NULL) {
        memcpy(r->extra, named, sizeof(r->extra));
        r->hold.extra = r->extra;
    }
    for (i = 0; i < r->scan->own_count; i++) {
        key = wd_secret_get(r->scan->own[i]);
        for (k = 0; k < key.len; k++) {
            c = (uint8_t)key.ptr[k];
            if (wd_char_is_token(c) || wd_char_is(c, WD_CH_SPACE))
                continue;
            r->extra[c / 32] |= (uint32_t)1 << (c % 32);
            r->hold.extra = r->extra;
        }
    }
}

enum wd_err
wd_redactor_new(struct wd_redactor **redactor, const struct wd_scan *scan, enum wd_redactor_mode mode)
{
    struct wd_redactor *r = calloc(1, sizeof(*r));
    enum wd_err err;

    if (r == NULL)
        return WD_ERR_NOMEM;
    r->scan = scan;
    r->mode = mode;
    r->reader = (struct wd_glyphs){ .show = redactor_show, .ctx = r, .json = mode == WD_REDACT_JSON };
    wd_view_init(&r->view);
    err = wd_view_reserve(&r->view, 1);
    if (err != WD_OK) {
        wd_redactor_free(r);
        return err;
    }
    redactor_learn_own(r);
    r->least = scan->own_count == 0 ? wd_match_least_plain(scan) : 0;
    redactor_reset(r);
    *redactor = r;
    return WD_OK;
}

void
wd_redactor_free(struct wd_redactor *r)
{
    if (r == NULL)
        return;
    wd_view_deinit(&r->view);
    free(r);
}

size_t
wd_redactor_held(const struct wd_redactor *r)
{
    return r->view.raw.len;
}

struct wd_span
wd_redactor_held_text(const struct wd_redactor *r)
{
    return wd_buf_span(&r->view.raw);
}

/* Whether the character at i stands in a string, when the one at from does as told. */
static bool
redactor_in_string(const struct wd_redactor *r, uint32_t from, uint32_t i, bool in_string)
{
    for (; r->mode == WD_REDACT_JSON && from < i; from++)
        in_string ^= r->view.chars[from] == WD_CH_STRING_QUOTE;
    return in_string;
}

/* A number that is redacted becomes a string. */
static enum wd_err
redactor_replace(struct wd_redactor *r, struct wd_buf *out, bool in_string)
{
    bool quote = r->mode == WD_REDACT_JSON && !in_string;
    enum wd_err err = WD_OK;

    if (quote)
        err = wd_buf_add_byte(out, '"');
    if (err == WD_OK)
        err = wd_buf_add(out, r->scan->replacement);
    if (err == WD_OK && quote)
        err = wd_buf_add_byte(out, '"');
    return err;
}

/* What was written of the view, and what is known there. */
struct redactor_cursor {
    uint32_t done;
    uint32_t at;
    bool in_string;
};

static void
redactor_observe(const struct wd_redactor *r, const struct wd_rule *rule, uint64_t start, uint64_t end)
{
    if (r->scan->observe != NULL)
        r->scan->observe(r->scan->observe_ctx, rule, start, end);
}

/* What is done with a finding. Of one that is to stay the value is told, unless it is gone with another already. */
static enum wd_action
redactor_action(const struct wd_redactor *r, const struct wd_match *m, struct wd_span value, bool gone)
{
    enum wd_action action = wd_scan_action(r->scan, m->rule);

    if (r->scan->value == NULL || action >= WD_REDACT || gone)
        return action;
    if (m->encoded)
        return m->action > action ? (enum wd_action)m->action : action;
    return r->scan->value(r->scan->value_ctx, m->rule, value, action);
}

/* Counts the finding and writes the text before it, and its replacement. */
static enum wd_err
redactor_apply(struct wd_redactor *r, struct wd_match *m, uint32_t base, struct redactor_cursor *cursor, struct wd_buf *out)
{
    uint8_t fingerprint[WD_FINGERPRINT_BYTES];
    uint32_t start = base + m->start, end = base + m->end;
    struct wd_span value = wd_span((const char *)r->view.chars + start, end - start);
    enum wd_action action = redactor_action(r, m, value, end <= cursor->done);
    enum wd_err err = WD_OK;

    m->action = (uint8_t)action;
    if (action == WD_WATCH)
        return WD_OK;
    if (!wd_findings_count(r->scan->findings, m->rule, r->scan->direction, action)) {
        wd_scan_fingerprint(r->scan, m->rule, value, fingerprint);
        wd_findings_add(r->scan->findings, m->rule, r->scan->direction, action, fingerprint);
    }
    if (!m->open)
        redactor_observe(r, m->rule, r->gone + r->view.offs[start], r->gone + r->view.offs[end]);
    if (action == WD_FLAG)
        return WD_OK;
    if (start >= cursor->done) {
        cursor->in_string = redactor_in_string(r, cursor->at, start, cursor->in_string);
        cursor->at = start;
        /* The sign of a number goes with it. */
        if (r->mode == WD_REDACT_JSON && !cursor->in_string && m->start > 0 && start > cursor->done &&
            r->view.chars[start - 1] == '-')
            start--;
        err = wd_buf_add(out, wd_view_raw(&r->view, cursor->done, start));
        if (err == WD_OK && action == WD_REDACT)
            err = redactor_replace(r, out, cursor->in_string);
    }
    if (err == WD_OK && action == WD_REFUSE)
        return WD_ERR_REFUSED;
    cursor->done = end > cursor->done ? end : cursor->done;
    return err;
}

static struct wd_piece
redactor_piece(const struct wd_redactor *r, uint32_t start, uint32_t end)
{
    return (struct wd_piece){
        .chars = r->view.chars + start,
        .offs = r->view.offs + start,
        .len = end - start,
        .before = start > 0 ? r->view.chars[start - 1] : r->before,
        .after = end < r->view.count ? r->view.chars[end] : -1,
        .near = start,
        .past = r->past,
        .past_len = r->past_len,
    };
}

/* The first n characters of the view are about to be dropped: the last of them are kept as what stands before. */
static void
redactor_remember(struct wd_redactor *r, uint32_t n)
{
    uint32_t take = n < WD_CONTEXT_MAX ? n : WD_CONTEXT_MAX, keep = WD_CONTEXT_MAX - take;

    keep = keep < r->past_len ? keep : r->past_len;
    memmove(r->past, r->past + r->past_len - keep, keep);
    memcpy(r->past + keep, r->view.chars + n - take, take);
    r->past_len = keep + take;
}

static void
redactor_drop(struct wd_redactor *r, uint32_t n)
{
    if (n == 0)
        return;
    redactor_remember(r, n);
    r->before = r->view.chars[n - 1];
    r->gone += r->view.offs[n];
    r->in_string = redactor_in_string(r, 0, n, r->in_string);
    wd_view_drop(&r->view, n);
    wd_hold_drop(&r->hold, &r->view, n);
    r->open -= r->open < n ? r->open : n;
}

static enum wd_err
redactor_match(struct wd_redactor *r, uint32_t start, uint32_t end, unsigned kinds, struct redactor_cursor *cursor,
               struct wd_buf *out)
{
    struct wd_piece piece = redactor_piece(r, start, end);
    struct wd_matches *found;
    enum wd_err err;
    uint32_t i;

    kinds = wd_match_possible(r->scan, wd_span((const char *)piece.chars, piece.len), piece.len, kinds);
    if (kinds == 0)
        return WD_OK;
    err = wd_match_piece(r->scan, &piece, kinds, &found);
    for (i = 0; i < found->count && err == WD_OK; i++)
        err = redactor_apply(r, &found->items[i], start, cursor, out);
    return err;
}

/* Matches the complete pieces and releases all that stands before what is held. */
static enum wd_err
redactor_settle(struct wd_redactor *r, struct wd_buf *out)
{
    struct redactor_cursor cursor = { .in_string = r->in_string };
    struct wd_hold_pieces *b = r->batch;
    enum wd_err err = WD_OK;
    unsigned kinds = 0;
    uint32_t i;

    if (b->count > 0)
        kinds = wd_match_possible(r->scan, wd_span((const char *)r->view.chars, r->open), b->longest, WD_MATCH_ALL);
    for (i = 0; kinds != 0 && i < b->count && err == WD_OK; i++)
        err = redactor_match(r, b->items[i].start, b->items[i].end, kinds, &cursor, out);
    if (err == WD_OK)
        err = wd_buf_add(out, wd_view_raw(&r->view, cursor.done, r->open));
    b->count = b->longest = 0;
    redactor_drop(r, r->open);
    return err;
}

/* What is held is too much: everything before keep is matched and leaves. */
static enum wd_err
redactor_trim(struct wd_redactor *r, uint32_t keep, struct wd_buf *out)
{
    uint32_t open = r->open, i;
    enum wd_err err = redactor_settle(r, out);
    struct redactor_cursor cursor = { .in_string = r->in_string };
    struct wd_piece piece;
    struct wd_matches *found;
    const struct wd_rule *more = NULL;
    uint64_t more_start = 0;
    bool encoded = false, show = false;

    if (err != WD_OK)
        return err;
    keep -= open;
    piece = redactor_piece(r, 0, r->view.count);
    piece.open = true;
    err = wd_match_piece(r->scan, &piece, WD_MATCH_ALL, &found);
    for (i = 0; i < found->count && found->items[i].start < keep && err == WD_OK; i++) {
        err = redactor_apply(r, &found->items[i], 0, &cursor, out);
        keep = found->items[i].end > keep ? found->items[i].end : keep;
        if (!found->items[i].open)
            continue;
        more = found->items[i].rule;
        encoded = found->items[i].encoded;
        show = found->items[i].action < WD_REDACT;
        more_start = r->gone + r->view.offs[found->items[i].start];
    }
    if (err != WD_OK)
        return err;
    if (cursor.done < keep)
        err = wd_buf_add(out, wd_view_raw(&r->view, cursor.done, keep));
    redactor_drop(r, keep);
    if (more != NULL) {
        r->skip = (struct redactor_skip){
            .rule = more, .start = more_start, .show = show, .encoded = encoded, .pem = { .state = WD_PEM_BODY }
        };
        r->hold = (struct wd_hold){ .extra = r->hold.extra, .past = r->past, .past_len = &r->past_len, .before = r->hold.before };
    }
    return err;
}

/* Does the finding that is skipped go on with c? */
static bool
redactor_skips(struct wd_redactor *r, uint8_t c)
{
    struct redactor_skip *skip = &r->skip;

    if (skip->encoded)
        return wd_char_is(c, WD_CH_BASE64 | WD_CH_MORE);
    switch ((enum wd_shape)skip->rule->shape) {
    case WD_SHAPE_PEM:
        return ++skip->len <= REDACTOR_PEM_MAX && skip->pem.state != WD_PEM_DONE && wd_pem_step(&skip->pem, c);
    case WD_SHAPE_ASSIGNED:
    case WD_SHAPE_HANDLER:
        if (r->mode == WD_REDACT_JSON && !r->in_string && (c == ',' || c == ']' || c == '}'))
            return false;
        return !wd_char_is(c, WD_CH_SPACE) && !wd_char_is_quote(c);
    case WD_SHAPE_JWT:
        return wd_char_is(c, WD_CH_DOTTED);
    case WD_SHAPE_HIDDEN:
        return c == WD_CH_HIDDEN;
    default:
        return wd_char_is(c, skip->rule->value);
    }
}

static enum wd_err
redactor_skip(struct wd_redactor *r, uint8_t c, uint32_t len, struct wd_buf *out)
{
    struct wd_buf *raw = &r->view.raw;
    enum wd_err err = WD_OK;

    if (r->skip.show)
        err = wd_buf_add(out, wd_span(raw->ptr, len));
    wd_buf_drop(raw, len);
    r->gone += len;
    r->before = r->hold.before = c;
    return err;
}

/* The next character, which the next bytes of the view's raw text stand for: lead that show nothing, and len of its own. */
static enum wd_err
redactor_char(struct wd_redactor *r, uint8_t c, uint32_t lead, uint32_t len)
{
    struct wd_view *v = &r->view;
    struct wd_buf *out = r->out;
    uint32_t at = v->count, keep;
    enum wd_err err = WD_OK;
    bool together;

    if (r->skip.rule != NULL) {
        if (redactor_skips(r, c))
            return redactor_skip(r, c, lead + len, out);
        redactor_observe(r, r->skip.rule, r->skip.start, r->gone);
        r->skip.rule = NULL;
    }
    together = wd_hold_step(&r->hold, v, c, len);
    if (!together && r->open < at)
        wd_hold_pieces_add(r->batch, r->open, at);
    wd_view_add(v, c, lead + len);
    if (r->hold.live == 0)
        r->open = at + 1;
    else if (!together)
        r->open = at;
    if (r->batch->count == WD_HOLD_PIECES)
        err = redactor_settle(r, out);
    if (err != WD_OK)
        return err;
    if (v->count - r->open >= REDACTOR_PIECE_MAX)
        return redactor_trim(r, v->count - REDACTOR_OVERLAP, out);
    keep = wd_hold_slide(&r->hold, v);
    return keep > 0 ? redactor_trim(r, keep, out) : WD_OK;
}

static enum wd_err
redactor_show(void *ctx, uint8_t c, uint32_t lead, uint32_t len)
{
    return redactor_char(ctx, c, lead, len);
}

/* The next n bytes are a character each, and what is held goes on or does not start with them. */
static void
redactor_take(struct wd_redactor *r, const char *bytes, size_t n)
{
    struct wd_view *v = &r->view;
    uint32_t i;

    memcpy(v->raw.ptr + v->raw.len, bytes, n);
    memcpy(v->chars + v->count, bytes, n);
    for (i = 0; i < n; i++)
        v->offs[v->count + i + 1] = v->offs[v->count] + i + 1;
    v->raw.len += n;
    v->count += (uint32_t)n;
    wd_glyphs_saw(&r->reader, (uint8_t)bytes[n - 1]);
}

/* Words and what is between them, without a look at each character; how many bytes that took. */
static size_t
redactor_quick(struct wd_redactor *r, const char *bytes, size_t n)
{
    uint32_t room = REDACTOR_PIECE_MAX - 1 - (r->view.count - r->open);

    if (r->skip.rule != NULL)
        return 0;
    if ((uint8_t)bytes[0] < 0x80) {
        n = wd_hold_quick(&r->hold, &r->view, wd_span(bytes, n), room, r->batch, &r->open);
    } else {
        n = r->hold.live == 0 && r->hold.extra == NULL ? wd_glyphs_foreign(wd_span(bytes, n)) : 0;
        if (n > 0)
            wd_hold_pass(&r->hold, (uint8_t)bytes[n - 1]);
        r->open += (uint32_t)n;
    }
    if (n > 0)
        redactor_take(r, bytes, n);
    return n;
}

static enum wd_err
redactor_slice(struct wd_redactor *r, struct wd_span slice)
{
    struct wd_buf *raw = &r->view.raw;
    enum wd_err err;
    size_t i = 0;

    /* What the reader waits for may become a character a byte, too. */
    err = wd_view_reserve(&r->view, (uint32_t)(slice.len + raw->len - r->view.offs[r->view.count]));
    while (i < slice.len && err == WD_OK) {
        if (wd_glyphs_idle(&r->reader)) {
            i += redactor_quick(r, slice.ptr + i, slice.len - i);
            if (i == slice.len)
                break;
        }
        raw->ptr[raw->len++] = slice.ptr[i];
        err = wd_glyphs_byte(&r->reader, (uint8_t)slice.ptr[i++]);
    }
    return err != WD_OK ? err : redactor_settle(r, r->out);
}

/* An empty one; what it holds is written when it is added. */
static void
redactor_batch(const struct wd_redactor *r, struct wd_hold_pieces *batch)
{
    batch->count = batch->longest = 0;
    batch->least = r->least;
}

enum wd_err
wd_redactor_feed(struct wd_redactor *r, struct wd_span text, struct wd_buf *out)
{
    struct wd_hold_pieces batch;
    size_t n;

    redactor_batch(r, &batch);
    r->batch = &batch;
    r->out = out;
    while (text.len > 0 && r->failed == WD_OK) {
        n = text.len < REDACTOR_SLICE ? text.len : REDACTOR_SLICE;
        r->failed = redactor_slice(r, wd_span(text.ptr, n));
        text = wd_span(text.ptr + n, text.len - n);
    }
    r->batch = NULL;
    r->out = NULL;
    wd_view_shrink(&r->view);
    return r->failed;
}

enum wd_err
wd_redactor_finish(struct wd_redactor *r, struct wd_buf *out)
{
    struct wd_hold_pieces batch;
    enum wd_err err = r->failed;

    redactor_batch(r, &batch);
    r->batch = &batch;
    r->out = out;
    if (err == WD_OK)
        err = wd_view_reserve(&r->view, (uint32_t)(r->view.raw.len - r->view.offs[r->view.count]) + 1);
    if (err == WD_OK)
        err = wd_glyphs_finish(&r->reader);
    if (err == WD_OK) {
        if (r->open < r->view.count)
            wd_hold_pieces_add(r->batch, r->open, r->view.count);
        r->open = r->view.count;
        err = redactor_settle(r, out);
        if (r->skip.rule != NULL)
            redactor_observe(r, r->skip.rule, r->skip.start, r->gone);
    }
    r->batch = NULL;
    r->out = NULL;
    redactor_reset(r);
    return err;
}
