#include "inner_parts.h"

#include <stdio.h>

#include "../detect/redactor.h"
#include "../detect/sanitize.h"

static const char *
text_where_part(struct wd_inner_work *work, uint32_t node, char *out, size_t size)
{
    const struct wd_json *doc = &work->request.doc;
    const struct wd_json_node *n = &doc->nodes[node];
    char up[160] = "";

    if (node == 0)
        return "";
    text_where_part(work, n->parent, up, sizeof(up));
    if (doc->nodes[n->parent].type == WD_JSON_ARRAY) {
        unsigned index = 0;
        for (uint32_t c = doc->nodes[n->parent].child; c != node; c = doc->nodes[c].next)
            index++;
        snprintf(out, size, "%s[%u]", up, index);
    } else {
        struct wd_span key = wd_json_key_raw(doc, node);
        bool plain = key.len <= 40;
        for (size_t i = 0; plain && i < key.len; i++)
            plain = (key.ptr[i] >= 'a' && key.ptr[i] <= 'z') || (key.ptr[i] >= 'A' && key.ptr[i] <= 'Z') || key.ptr[i] == '_';
        snprintf(out, size, "%s%s%.*s", up, up[0] != '\0' ? "." : "", plain ? (int)key.len : 1, plain ? key.ptr : "?");
    }
    return out;
}

const char *
wd_inner_where(struct wd_inner_work *work, uint32_t node)
{
    char path[160] = "";
    char *dup;

    text_where_part(work, node, path, sizeof(path));
    dup = wd_arena_dup(work->arena, wd_span_str(path));
    return dup != NULL ? dup : "";
}

static enum wd_code
text_no_memory(struct wd_exchange *ex)
{
    return wd_exchange_refuse(ex, WD_CODE_STORE_UNAVAILABLE, "the gateway is out of memory for this request");
}

static struct wd_span
text_of(struct wd_inner_work *work, const struct wd_text *t)
{
    const struct wd_json *doc = &work->request.doc;

    switch ((enum wd_text_kind)t->kind) {
    case WD_TEXT_KEY:
        return wd_json_key(doc, t->node, work->arena);
    case WD_TEXT_NUMBER:
        return wd_json_raw(doc, t->node);
    default:
        return wd_json_string(doc, t->node, work->arena);
    }
}

/* The new text takes the place of the old one inside its quotes; a number becomes a string. */
static enum wd_err
text_replace(struct wd_inner_work *work, const struct wd_text *t, struct wd_span with)
{
    const struct wd_json_node *n = &work->request.doc.nodes[t->node];
    bool number = t->kind == WD_TEXT_NUMBER;
    size_t start = t->kind == WD_TEXT_KEY ? n->key_start : n->start + (number ? 0 : 1);
    size_t end = t->kind == WD_TEXT_KEY ? n->key_end : n->end - (number ? 0 : 1);
    struct wd_buf escaped;
    enum wd_err err;

    wd_buf_init(&escaped, with.len * 6 + 16);
    if (number && (err = wd_buf_add_byte(&escaped, '"')) != WD_OK)
        goto done;
    if ((err = wd_json_escape(&escaped, with)) != WD_OK)
        goto done;
    if (number && (err = wd_buf_add_byte(&escaped, '"')) != WD_OK)
        goto done;
    err = wd_edits_add(&work->edits, work->arena, start, end, wd_buf_span(&escaped));
done:
    wd_buf_deinit(&escaped);
    return err;
}

/* The key of a value, or of the lists that it stands in. */
static struct wd_span
text_member_name(struct wd_inner_work *work, uint32_t node)
{
    const struct wd_json *doc = &work->request.doc;

    while (node != 0 && wd_json_type(doc, doc->nodes[node].parent) == WD_JSON_ARRAY)
        node = doc->nodes[node].parent;
    return node == 0 ? wd_span("", 0) : wd_json_key(doc, node, work->arena);
}

static enum wd_err
text_detect(struct wd_inner_work *work, const struct wd_scan *scan, const struct wd_text *t, struct wd_span text,
            struct wd_buf *out, bool *changed)
{
    *changed = false;
    if (t->member) {
        struct wd_span name = text_member_name(work, t->node);
        return name.ptr != NULL ? wd_redact_member(scan, name, text, out, changed) : WD_ERR_NOMEM;
    }
    return wd_redact(scan, t->kind == WD_TEXT_JSON ? WD_REDACT_JSON : WD_REDACT_TEXT, text, out, changed);
}

static enum wd_code
text_refused(struct wd_inner_work *work, const struct wd_text *t)
{
    struct wd_exchange *ex = work->ex;

    snprintf(ex->param, sizeof(ex->param), "%s", wd_inner_where(work, t->node));
    return wd_exchange_refuse_finding(ex, WD_INPUT, ex->param[0] != '\0' ? ex->param : NULL);
}

/*
 * What sanitising took away may have joined what stood on either side of it, so the result is looked at once more. Findings of
 * this look count only when they act: the first look has counted the rest.
 */
static enum wd_err
text_look_again(const struct wd_scan *scan, struct wd_buf *text)
{
    struct wd_findings again = { .count = 0 };
    struct wd_scan look = *scan;
    struct wd_buf next;
    bool changed;
    enum wd_err err;

    look.findings = &again;
    wd_buf_init(&next, text->cap);
    err = wd_redact(&look, WD_REDACT_TEXT, wd_buf_span(text), &next, &changed);
    for (uint32_t i = 0; i < again.count; i++)
        if (again.items[i].action >= WD_REDACT)
            wd_findings_add(scan->findings, again.items[i].rule, scan->direction, again.items[i].action,
                            again.items[i].fingerprint);
    if (err == WD_OK && changed) {
        wd_buf_clear(text);
        err = wd_buf_add(text, wd_buf_span(&next));
    }
    wd_buf_wipe(&next);
    return err;
}

/* What is to be done with the texts of a request. */
struct text_plan {
    const struct wd_scan *scan;
    struct wd_scan system; /* the same for system text, where injection is not looked for */
    bool suspect;          /* a rule may match somewhere */
    bool sanitize, judge;
    bool search; /* for values that were named */
};

static bool
text_is_sanitized(const struct text_plan *plan, const struct wd_text *t)
{
    return plan->sanitize && t->kind == WD_TEXT_PROSE && (t->role == WD_ROLE_USER || t->role == WD_ROLE_TOOL);
}

/* What is in out so far becomes the text of the next step, and out is empty again. before keeps it. */
static struct wd_span
text_next(struct wd_buf *out, struct wd_buf *before)
{
    wd_buf_wipe(before);
    *before = *out;
    wd_buf_init(out, before->cap);
    return wd_buf_span(before);
}

/*
 * Detection, then injection in what is left, then what the provider could misread: each step takes what the one before left.
 * out is for the caller to free.
 */
static enum wd_err
text_clean(struct wd_inner_work *work, const struct text_plan *plan, const struct wd_text *t, struct wd_buf *out, bool *changed)
{
    const struct wd_scan *scan = t->role == WD_ROLE_SYSTEM ? &plan->system : plan->scan;
    struct wd_span text = text_of(work, t);
    struct wd_buf before = { .ptr = NULL };
    bool now = false;
    enum wd_err err = WD_OK;

    if (text.ptr == NULL)
        return WD_ERR_NOMEM;
    wd_buf_init(out, text.len * 4 + 4096);
    before.cap = out->cap;
    if (plan->suspect)
        err = text_detect(work, scan, t, text, out, changed);
    if (err == WD_OK && plan->judge && wd_inner_is_judged(t)) {
        text = *changed ? text_next(out, &before) : text;
        err = wd_inner_judge(work, scan, t, text, out, &now);
        if (err == WD_OK && !now && *changed)
            err = wd_buf_add(out, text);
        *changed = *changed || now;
    }
    if (err == WD_OK && text_is_sanitized(plan, t)) {
        text = *changed ? text_next(out, &before) : text;
        err = wd_sanitize(work->ex->provider->format, text, out, &now);
        if (err == WD_OK && now)
            err = text_look_again(scan, out);
        else if (err == WD_OK && *changed)
            err = wd_buf_add(out, text);
        *changed = *changed || now;
    }
    wd_buf_wipe(&before);
    return err;
}

/* Values that were named, in what is left. */
static enum wd_err
text_search(struct wd_inner_work *work, const struct wd_text *t, struct wd_buf *out, bool *changed)
{
    struct wd_span text = *changed ? wd_buf_span(out) : text_of(work, t);
    struct wd_buf next;
    bool now;
    enum wd_err err;

    if (text.ptr == NULL)
        return WD_ERR_NOMEM;
    wd_buf_init(&next, text.len * (work->gate->policy->replacement[0] != '\0' ? 65 : 1) + 4096);
    err = wd_isolate_search(&work->isolate, text, t->kind == WD_TEXT_JSON, &next, &now);
    if (err == WD_OK && now) {
        wd_buf_wipe(out);
        *out = next;
        *changed = true;
    } else {
        wd_buf_wipe(&next);
    }
    return err;
}

/* The text shows what another provider holds: refused here, or gone from it. */
static enum wd_code
text_conflict(struct wd_inner_work *work, const struct wd_text *t)
{
    struct wd_exchange *ex = work->ex;

    if (work->gate->policy->isolation.redact && t->kind != WD_TEXT_SIGNED)
        return WD_CODE_NONE;
    snprintf(ex->param, sizeof(ex->param), "%s", wd_inner_where(work, t->node));
    return wd_inner_conflict(work->gate, ex);
}

static enum wd_code
text_check(struct wd_inner_work *work, const struct text_plan *plan, const struct wd_text *t)
{
    struct wd_exchange *ex = work->ex;
    struct wd_buf out = { .ptr = NULL };
    enum wd_code code = WD_CODE_NONE;
    bool changed = false;
    enum wd_err err;

    work->isolate.hit = false;
    err = text_clean(work, plan, t, &out, &changed);
    if (err == WD_OK && plan->search)
        err = text_search(work, t, &out, &changed);
    if (work->isolate.err != WD_OK)
        code = wd_inner_unreadable(work);
    else if (err == WD_ERR_REFUSED)
        code = text_refused(work, t);
    else if (err == WD_OK && work->isolate.hit && (code = text_conflict(work, t)) != WD_CODE_NONE)
        ;
    else if (err == WD_OK && changed && t->kind == WD_TEXT_SIGNED) {
        snprintf(ex->param, sizeof(ex->param), "%s", wd_inner_where(work, t->node));
        code = wd_exchange_refuse(ex, WD_CODE_SECRET_DETECTED,
                                  "signed thinking text holds sensitive text and cannot be redacted without breaking its "
                                  "signature; leave the block out");
    } else if (err == WD_OK && changed) {
        ex->changed = true;
        err = text_replace(work, t, wd_buf_span(&out));
    }
    if (code == WD_CODE_NONE && err != WD_OK)
        code = text_no_memory(ex);
    wd_buf_wipe(&out);
    return code;
}

/* Numbers that are no texts, for they are short: somebody may have named one. */
static enum wd_code
text_numbers(struct wd_inner_work *work, const struct text_plan *plan)
{
    const struct wd_json *doc = &work->request.doc;
    struct text_plan numbers = { .scan = plan->scan, .system = plan->system, .search = true };
    const struct wd_request *rq = &work->request;
    enum wd_code code = WD_CODE_NONE;
    uint32_t text = 0;

    for (uint32_t n = 0; n < doc->count && code == WD_CODE_NONE; n++) {
        struct wd_text t = { .node = n, .role = WD_ROLE_OTHER, .kind = WD_TEXT_NUMBER };
        while (text < rq->text_count && (rq->texts[text].node < n || rq->texts[text].kind == WD_TEXT_KEY))
            text++;
        if (wd_json_type(doc, n) != WD_JSON_NUMBER || wd_json_raw(doc, n).len < WD_SENSITIVE_SHORTEST)
            continue;
        if (text == rq->text_count || rq->texts[text].node != n)
            code = text_check(work, &numbers, &t);
    }
    return code;
}

enum wd_code
wd_inner_texts(struct wd_inner_work *work)
{
    const struct wd_policy *policy = work->gate->policy;
    const struct wd_request *rq = &work->request;
    struct wd_scan scan;
    struct text_plan plan = { .scan = &scan, .sanitize = policy->input_validation && policy->sanitize };
    enum wd_code code;

    wd_exchange_scan(work->ex, work->gate, WD_INPUT, &scan);
    wd_isolate_watch(&work->isolate, &scan);
    plan.search = work->isolate.filter != NULL;
    plan.suspect = wd_scan_suspect(&scan, rq->doc.text);
    plan.judge = scan.actions[WD_INJECTION] != WD_OFF;
    plan.system = scan;
    plan.system.actions[WD_INJECTION] = WD_OFF;
    if (!plan.suspect && !plan.sanitize && !plan.judge && !plan.search)
        return WD_CODE_NONE;

    for (uint32_t i = 0; i < rq->text_count; i++) {
        const struct wd_text *t = &rq->texts[i];
        if (!plan.suspect && !plan.search && !text_is_sanitized(&plan, t) && !(plan.judge && wd_inner_is_judged(t)))
            continue;
        if ((code = text_check(work, &plan, t)) != WD_CODE_NONE)
            return code;
    }
    return plan.search ? text_numbers(work, &plan) : WD_CODE_NONE;
}
