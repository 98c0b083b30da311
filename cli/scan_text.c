#include "scan_text.h"

#include <sodium.h>
#include <stdlib.h>

#include "../src/detect/text/chars.h"
#include "../src/detect/injection/injection.h"
#include "../src/detect/redactor.h"
#include "scan_allow.h"
#include "scan_example.h"

/*
 * A text passes through a window. Of every block that the quick look clears nothing more is done; one that it does not goes
 * through the redactor, which tells where findings stand; their lines are read off the window afterwards, once what follows
 * on the line is there too. What a finding needs of its surroundings fits the part of the window that is kept, but for a
 * finding without end, such as one word of 100 MB: its start is told with its end. So the window is copied when one is open.
 */
enum {
    TEXT_FIRST = 64 << 10,   /* the first read: most files are smaller */
    TEXT_BLOCK = 1 << 20,    /* looked at together */
    TEXT_OVERLAP = 64 << 10, /* looked at again with the next block; no pattern that is not stretched on purpose is longer */
    TEXT_KEEP = 512 << 10,   /* above what a redactor holds, escaped as deep as it reads */
    TEXT_SIZE = TEXT_KEEP + TEXT_BLOCK,
    TEXT_SLICE = 64 << 10,
    TEXT_VALUE_MAX = 1024, /* of a value that is hashed and compared */
};

/* What ordinary code and its documentation is full of: a folder is not searched for it unless that is asked for. */
static const struct {
    enum wd_category category;
    const char *kind;
} text_usual[] = {
    { WD_PII, "email" },
    { WD_PII, "phone" },
    { WD_MALICIOUS, "script" },
    { WD_MALICIOUS, "marker" },
};

struct text_window {
    char *bytes;
    size_t len;
    struct scan_place base; /* of bytes[0] */
};

struct text_pending {
    const struct wd_rule *rule;
    uint64_t start, end;
};

struct scan_text {
    struct detector d;
    const struct scan_wanted *wanted;
    struct wd_redactor *redactor;
    struct wd_buf out; /* what the redactor lets through: of no use here */
    bool tree;
    struct text_window now, old;
    size_t done;              /* bytes of the window that were looked at */
    struct scan_place cursor; /* the last place that was asked for */
    bool active;              /* the redactor is in the middle of a text */
    uint64_t origin;          /* where that text starts */
    uint64_t observed;
    bool comments; /* an allow comment was seen */
    bool looked;   /* it is no binary */
    struct text_pending *pending;
    uint32_t pending_count, pending_size;
    struct scan_found found;
    enum wd_err err;
};

static bool
text_is_usual(const struct wd_rule *rule)
{
    for (size_t i = 0; i < sizeof(text_usual) / sizeof(text_usual[0]); i++)
        if (rule->category == text_usual[i].category && strcmp(rule->kind, text_usual[i].kind) == 0)
            return true;
    return false;
}

static void
text_on_finding(void *ctx, const struct wd_rule *rule, uint64_t start, uint64_t end)
{
    struct scan_text *t = ctx;
    struct text_pending *more;
    uint32_t size;

    t->observed++;
    if (t->err != WD_OK || rule->severity < t->wanted->least || !select_wants(&t->wanted->category, rule) ||
        !select_wants(&t->wanted->rules, rule))
        return;
    if (t->tree && t->wanted->narrow && text_is_usual(rule)) {
        t->found.usual++;
        return;
    }
    if (t->found.count + t->pending_count == SCAN_FINDINGS_MAX) {
        t->found.more++;
        return;
    }
    if (t->pending_count == t->pending_size) {
        size = t->pending_size == 0 ? 16 : t->pending_size * 2;
        more = realloc(t->pending, size * sizeof(*more));
        if (more == NULL) {
            t->err = WD_ERR_NOMEM;
            return;
        }
        t->pending = more;
        t->pending_size = size;
    }
    t->pending[t->pending_count++] = (struct text_pending){ rule, t->origin + start, t->origin + end };
}

enum wd_err
scan_text_new(struct scan_text **text, const struct detector *shared, const struct scan_wanted *wanted)
{
    struct scan_text *t = calloc(1, sizeof(*t));

    if (t == NULL)
        return WD_ERR_NOMEM;
    t->wanted = wanted;
    wd_buf_init(&t->out, SIZE_MAX / 4);
    t->now.bytes = malloc(TEXT_SIZE);
    if (t->now.bytes == NULL || !detector_share(&t->d, shared))
        goto failed;
    /* What only one direction looks for is looked for all the same. */
    t->d.scan.direction = (enum wd_direction)(WD_INPUT | WD_OUTPUT);
    for (int c = 0; c < WD_CATEGORIES; c++)
        t->d.scan.actions[c] = WD_FLAG;
    t->d.scan.observe = text_on_finding;
    t->d.scan.observe_ctx = t;
    if (wd_redactor_new(&t->redactor, &t->d.scan, WD_REDACT_TEXT) != WD_OK)
        goto failed;
    *text = t;
    return WD_OK;

failed:
    scan_text_free(t);
    return WD_ERR_NOMEM;
}

void
scan_text_free(struct scan_text *t)
{
    if (t == NULL)
        return;
    wd_redactor_free(t->redactor);
    if (t->d.engine != NULL)
        detector_deinit(&t->d);
    wd_buf_wipe(&t->out);
    free(t->now.bytes);
    free(t->old.bytes);
    free(t->pending);
    free(t->found.items);
    free(t);
}

void
scan_text_begin(struct scan_text *t, bool tree)
{
    t->tree = tree;
    t->now.len = t->done = 0;
    t->now.base = t->cursor = SCAN_PLACE_START;
    free(t->old.bytes);
    t->old = (struct text_window){ 0 };
    t->active = t->comments = t->looked = false;
    t->observed = 0;
    t->pending_count = 0;
    t->d.findings = (struct wd_findings){ 0 };
    free(t->found.items);
    t->found = (struct scan_found){ 0 };
    t->err = WD_OK;
}

char *
scan_text_room(struct scan_text *t, size_t *room)
{
    *room = t->now.len == 0 ? TEXT_FIRST : TEXT_SIZE - t->now.len;
    return t->now.bytes + t->now.len;
}

/* The redactor counts a finding when it starts and tells its place when it ends. */
static bool
text_is_open(const struct scan_text *t)
{
    uint64_t count = t->d.findings.more;

    for (uint32_t i = 0; i < t->d.findings.count; i++)
        count += t->d.findings.items[i].count;
    return count > t->observed;
}

static struct scan_place
text_place(struct scan_text *t, const struct text_window *w, uint64_t offset)
{
    if (t->cursor.offset < w->base.offset || offset < t->cursor.offset)
        t->cursor = w->base;
    scan_place_advance(&t->cursor, w->bytes + (t->cursor.offset - w->base.offset), offset - t->cursor.offset);
    return t->cursor;
}

/* By rule and value; of a card by its digits, however they are grouped. */
static void
text_fingerprint(const struct scan_text *t, const struct wd_rule *rule, struct wd_span value, uint64_t length,
                 uint8_t out[WD_FINGERPRINT_BYTES])
{
    crypto_generichash_state state;

    if (rule->shape == WD_SHAPE_CARD)
        length = 0;
    crypto_generichash_init(&state, t->d.scan.fingerprint_key, sizeof(t->d.scan.fingerprint_key), WD_FINGERPRINT_BYTES);
    crypto_generichash_update(&state, (const uint8_t *)rule->id, strlen(rule->id) + 1);
    for (size_t i = 0; i < 8; i++)
        crypto_generichash_update(&state, &(uint8_t){ (uint8_t)(length >> (8 * i)) }, 1);
    if (rule->shape != WD_SHAPE_CARD)
        crypto_generichash_update(&state, (const uint8_t *)value.ptr, value.len);
    for (size_t i = 0; rule->shape == WD_SHAPE_CARD && i < value.len; i++)
        if (wd_char_is((uint8_t)value.ptr[i], WD_CH_DIGIT))
            crypto_generichash_update(&state, (const uint8_t *)value.ptr + i, 1);
    crypto_generichash_final(&state, out, WD_FINGERPRINT_BYTES);
    sodium_memzero(&state, sizeof(state));
}

/* Four characters, and of a short value no more than a quarter. */
static void
text_preview(struct scan_finding *f, struct wd_span value)
{
    uint64_t most = f->length / 4 < 4 ? f->length / 4 : 4, n = 0;
    size_t i;

    for (i = 0; i < value.len && i < SCAN_PREVIEW_MAX; i++) {
        n += ((uint8_t)value.ptr[i] & 0xc0) != 0x80;
        if (n > most)
            break;
        f->preview[i] = value.ptr[i];
    }
    f->preview_len = (uint8_t)i;
}

static enum wd_err
text_append(struct scan_found *found, const struct scan_finding *f)
{
    uint32_t size = found->size == 0 ? 4 : found->size * 2;
    struct scan_finding *items;

    if (found->count == found->size) {
        items = realloc(found->items, size * sizeof(*items));
        if (items == NULL)
            return WD_ERR_NOMEM;
        found->items = items;
        found->size = size;
    }
    found->items[found->count++] = *f;
    return WD_OK;
}

static enum wd_err
text_add(struct scan_text *t, const struct text_pending *p)
{
    const struct text_window *w = p->start < t->now.base.offset && t->old.bytes != NULL ? &t->old : &t->now;
    uint64_t start = p->start > w->base.offset ? p->start : w->base.offset, last = w->base.offset + w->len;
    uint64_t here = p->end > last ? last : p->end > start ? p->end : start;
    struct wd_span value = wd_span(w->bytes + (start - w->base.offset), (size_t)(here - start));
    struct scan_finding f = { .rule = p->rule, .severity = (enum wd_severity)p->rule->severity };

    if (t->comments && scan_allow_is(wd_span(w->bytes, w->len), (size_t)(start - w->base.offset), value.len, p->rule)) {
        t->found.allowed++;
        return WD_OK;
    }
    f.start = text_place(t, w, start);
    f.end = f.start;
    if (w == &t->now)
        scan_place_advance(&f.end, value.ptr, value.len);
    else
        f.end = text_place(t, &t->now, p->end > t->now.base.offset ? p->end : t->now.base.offset);
    f.length = scan_place_characters(value.ptr, value.len) + (p->end > here ? p->end - here : 0);
    value.len = value.len < TEXT_VALUE_MAX ? value.len : TEXT_VALUE_MAX;
    f.example = scan_example_is(p->rule, value);
    if (f.example && !t->wanted->examples)
        return WD_OK;
    if (f.example)
        f.severity = WD_LOW;
    text_fingerprint(t, p->rule, value, p->end - p->start, f.fingerprint);
    text_preview(&f, value);
    return text_append(&t->found, &f);
}

static int
text_by_start(const void *a, const void *b)
{
    const struct text_pending *x = a, *y = b;

    return x->start != y->start ? (x->start > y->start ? 1 : -1) : 0;
}

/* Findings whose line is there; all that start before `base`; all of them when the text is over. */
static enum wd_err
text_resolve(struct scan_text *t, uint64_t base, bool last)
{
    uint64_t end = t->now.base.offset + t->now.len;
    enum wd_err err = WD_OK;
    uint32_t i, kept = 0;

    if (t->pending_count > 1)
        qsort(t->pending, t->pending_count, sizeof(*t->pending), text_by_start);
    for (i = 0; i < t->pending_count && err == WD_OK; i++)
        if (last || t->pending[i].start < base || t->pending[i].end + SCAN_ALLOW_LOOK <= end)
            err = text_add(t, &t->pending[i]);
        else
            t->pending[kept++] = t->pending[i];
    t->pending_count = kept;
    return err;
}

/* The window makes room for the next block. */
static enum wd_err
text_trim(struct scan_text *t)
{
    size_t drop = t->now.len > TEXT_KEEP ? t->now.len - TEXT_KEEP : 0;
    enum wd_err err = text_resolve(t, t->now.base.offset + drop, false);

    if (err != WD_OK)
        return err;
    if (!text_is_open(t)) {
        free(t->old.bytes);
        t->old = (struct text_window){ 0 };
    } else if (t->old.bytes == NULL) {
        t->old = t->now;
        t->old.bytes = malloc(t->now.len);
        if (t->old.bytes == NULL)
            return WD_ERR_NOMEM;
        memcpy(t->old.bytes, t->now.bytes, t->now.len);
    }
    scan_place_advance(&t->now.base, t->now.bytes, drop);
    t->now.len -= drop;
    memmove(t->now.bytes, t->now.bytes + drop, t->now.len);
    t->done = t->now.len;
    t->cursor = t->now.base;
    return WD_OK;
}

static enum wd_err
text_feed(struct scan_text *t, size_t from)
{
    enum wd_err err = WD_OK;
    size_t n;

    for (; from < t->now.len && err == WD_OK; from += n) {
        n = t->now.len - from < TEXT_SLICE ? t->now.len - from : TEXT_SLICE;
        err = wd_redactor_feed(t->redactor, wd_span(t->now.bytes + from, n), &t->out);
        wd_buf_clear(&t->out);
    }
    return err != WD_OK ? err : t->err;
}

static enum wd_err
text_finish(struct scan_text *t)
{
    enum wd_err err = wd_redactor_finish(t->redactor, &t->out);

    wd_buf_clear(&t->out);
    t->active = false;
    return err != WD_OK ? err : t->err;
}

/*
 * Injection in what is new, as in a document: the worst place of each stretch. In folders only where it is asked for: code,
 * tests and manuals are full of instructions.
 */
static enum wd_err
text_judge(struct scan_text *t)
{
    const struct wd_injection_thresholds limits = WD_INJECTION_THRESHOLDS;
    uint64_t origin = t->origin, observed = t->observed;
    struct wd_injection_result found;
    enum wd_err err = WD_OK;
    size_t from, n;

    if ((t->tree && t->wanted->narrow) || !t->wanted->category.categories[WD_INJECTION])
        return WD_OK;
    for (from = t->done; from < t->now.len && err == WD_OK; from += n) {
        n = t->now.len - from < TEXT_SLICE ? t->now.len - from : TEXT_SLICE;
        err = wd_injection_scan(&t->d.scan, WD_INJECTION_DOCUMENT, &limits, wd_span(t->now.bytes + from, n), &found);
        if (err != WD_OK || found.rule == NULL)
            continue;
        t->origin = t->now.base.offset + from;
        text_on_finding(t, found.rule, found.start, found.end);
    }
    t->origin = origin;
    t->observed = observed;
    return err != WD_OK ? err : t->err;
}

static enum wd_err
text_look(struct scan_text *t, bool last)
{
    size_t from = t->done > TEXT_OVERLAP ? t->done - TEXT_OVERLAP : 0;
    struct wd_span seen = wd_span(t->now.bytes + from, t->now.len - from);
    enum wd_err err = WD_OK;

    if (wd_scan_suspect(&t->d.scan, seen)) {
        t->comments = t->comments || scan_allow_possible(seen);
        if (t->active)
            from = t->done;
        else
            t->origin = t->now.base.offset + from;
        t->active = true;
        err = text_feed(t, from);
    } else if (t->active && text_is_open(t)) {
        err = text_feed(t, t->done);
    } else if (t->active) {
        err = text_finish(t);
    }
    if (err == WD_OK && last && t->active)
        err = text_finish(t);
    return err == WD_OK ? text_judge(t) : err;
}

/* A NUL, or more control characters than any text has. */
static bool
text_is_binary(struct wd_span start)
{
    size_t controls = 0;

    if (start.len > SCAN_BINARY_LOOK)
        start.len = SCAN_BINARY_LOOK;
    if (start.len > 0 && memchr(start.ptr, '\0', start.len) != NULL)
        return true;
    for (size_t i = 0; i < start.len; i++)
        controls += (uint8_t)start.ptr[i] < 0x20 && strchr("\t\n\v\f\r\b\x1b", start.ptr[i]) == NULL;
    return controls > start.len / 20;
}

enum wd_err
scan_text_block(struct scan_text *t, size_t n, bool last, bool *over)
{
    enum wd_err err;

    t->now.len += n;
    t->found.bytes += n;
    *over = last;
    if (!t->looked && (last || t->now.len >= SCAN_BINARY_LOOK)) {
        t->looked = true;
        t->found.binary = text_is_binary(wd_span(t->now.bytes, t->now.len));
    }
    if (t->found.binary) {
        *over = true;
        return WD_OK;
    }
    if (!last && t->now.len < TEXT_SIZE)
        return WD_OK;
    err = text_look(t, last);
    if (err == WD_OK)
        err = last ? text_resolve(t, 0, true) : text_trim(t);
    return err;
}

static int
text_by_place(const void *a, const void *b)
{
    const struct scan_finding *x = a, *y = b;

    if (x->start.offset != y->start.offset)
        return x->start.offset > y->start.offset ? 1 : -1;
    if (x->end.offset != y->end.offset)
        return x->end.offset > y->end.offset ? 1 : -1;
    return strcmp(x->rule->id, y->rule->id);
}

void
scan_text_take(struct scan_text *t, struct scan_found *found)
{
    uint32_t i, k;

    *found = t->found;
    t->found = (struct scan_found){ 0 };
    if (t->active) /* it failed half-way: what is left of this text is not the next one's */
        (void)text_finish(t);
    if (found->count > 1)
        qsort(found->items, found->count, sizeof(*found->items), text_by_place);
    for (i = 1; i < found->count; i++)
        for (k = i; k-- > 0;)
            if (found->items[k].rule == found->items[i].rule) {
                found->items[i].nth = found->items[k].nth + 1;
                break;
            }
}
