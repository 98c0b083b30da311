/* Whole texts and object members, by way of a redactor. */
#include "match.h"
#include "redactor.h"

enum wd_err
wd_redact(const struct wd_scan *scan, enum wd_redactor_mode mode, struct wd_span text, struct wd_buf *out, bool *changed)
{
    struct wd_redactor *r;
    size_t before = out->len;
    enum wd_err err;

    *changed = false;
    if (!wd_scan_suspect(scan, text))
        return WD_OK;
    err = wd_redactor_new(&r, scan, mode);
    if (err != WD_OK)
        return err;
    err = wd_redactor_feed(r, text, out);
    if (err == WD_OK)
        err = wd_redactor_finish(r, out);
    wd_redactor_free(r);
    if (err != WD_OK)
        return err;
    *changed = !wd_span_eq(wd_span(out->ptr + before, out->len - before), text);
    if (!*changed)
        out->len = before;
    return WD_OK;
}

enum wd_err
wd_redact_member(const struct wd_scan *scan, struct wd_span name, struct wd_span value, struct wd_buf *out, bool *changed)
{
    const struct wd_rule *rule = wd_rule_for_name(name);
    uint8_t fingerprint[WD_FINGERPRINT_BYTES];
    enum wd_action action = rule != NULL ? wd_scan_action(scan, rule) : WD_OFF;
    size_t before = out->len;
    enum wd_err err = wd_redact(scan, WD_REDACT_TEXT, value, out, changed);

    if (err != WD_OK || action == WD_OFF || !rule->valid(value, WD_VALUE_QUOTED))
        return err;
    if (scan->value != NULL && action < WD_REDACT && !*changed)
        action = scan->value(scan->value_ctx, rule, value, action);
    if (action == WD_WATCH)
        return WD_OK;
    wd_scan_fingerprint(scan, rule, value, fingerprint);
    wd_findings_add(scan->findings, rule, scan->direction, action, fingerprint);
    if (scan->observe != NULL)
        scan->observe(scan->observe_ctx, rule, 0, value.len);
    if (action == WD_FLAG)
        return WD_OK;
    out->len = before;
    if (action == WD_REFUSE)
        return WD_ERR_REFUSED;
    *changed = true;
    return wd_buf_add(out, scan->replacement);
}
