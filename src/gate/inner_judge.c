/* Injection in the texts of a request: what a user says, and what stands in tool results and documents. */
#include "../detect/injection/injection.h"
#include "inner_parts.h"

enum { JUDGE_SHORTEST = 12, JUDGE_PASSES = 8 };

bool
wd_inner_is_judged(const struct wd_text *t)
{
    if (t->role == WD_ROLE_USER)
        return t->kind == WD_TEXT_PROSE;
    return t->role == WD_ROLE_TOOL && t->kind != WD_TEXT_NUMBER;
}

static void
judge_count(const struct wd_scan *scan, const struct wd_injection_result *found, struct wd_span text)
{
    uint8_t fingerprint[WD_FINGERPRINT_BYTES];

    wd_scan_fingerprint(scan, found->rule, wd_span(text.ptr + found->start, found->end - found->start), fingerprint);
    wd_findings_add(scan->findings, found->rule, WD_INPUT, wd_scan_action(scan, found->rule), fingerprint);
}

/* Each place that is found is replaced and the rest looked at again; where that does not come to an end, nothing is left. */
static enum wd_err
judge_redact(const struct wd_scan *scan, enum wd_injection_role role, const struct wd_injection_thresholds *t,
             struct wd_injection_result *found, struct wd_span text, struct wd_buf *out)
{
    struct wd_buf from;
    enum wd_err err = wd_buf_add(out, text);
    int pass;

    wd_buf_init(&from, out->cap);
    for (pass = 0; err == WD_OK && found->rule != NULL; pass++) {
        struct wd_buf swap = from;
        bool all = pass == JUDGE_PASSES;

        from = *out;
        *out = swap;
        wd_buf_clear(out);
        judge_count(scan, found, wd_buf_span(&from));
        err = wd_buf_add(out, wd_span(from.ptr, all ? 0 : found->start));
        if (err == WD_OK)
            err = wd_buf_add(out, scan->replacement);
        if (err == WD_OK && !all)
            err = wd_buf_add(out, wd_span(from.ptr + found->end, from.len - found->end));
        if (all)
            break;
        if (err == WD_OK)
            err = wd_injection_scan(scan, role, t, wd_buf_span(out), found);
    }
    wd_buf_wipe(&from);
    return err;
}

enum wd_err
wd_inner_judge(struct wd_inner_work *work, const struct wd_scan *scan, const struct wd_text *t, struct wd_span text,
               struct wd_buf *out, bool *changed)
{
    const struct wd_policy *policy = work->gate->policy;
    /* A name of a member stands alone: there is no document that it could be out of place in. */
    bool document = t->role != WD_ROLE_USER && t->kind != WD_TEXT_KEY;
    enum wd_injection_role role = document ? WD_INJECTION_DOCUMENT : WD_INJECTION_USER;
    struct wd_injection_thresholds limits = { policy->injection_user, policy->injection_document };
    struct wd_injection_result found;
    enum wd_action action;
    enum wd_err err;

    *changed = false;
    if (text.len < JUDGE_SHORTEST)
        return WD_OK;
    err = wd_injection_scan(scan, role, &limits, text, &found);
    if (err != WD_OK || found.rule == NULL)
        return err;
    action = wd_scan_action(scan, found.rule);
    if (action == WD_REDACT) {
        *changed = true;
        return judge_redact(scan, role, &limits, &found, text, out);
    }
    judge_count(scan, &found, text);
    return action == WD_REFUSE ? WD_ERR_REFUSED : WD_OK;
}
