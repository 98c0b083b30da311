#include "exchange.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "../detect/redactor.h"

static const char *const decision_names[] = {
    [WD_DECISION_INTERRUPTED] = "interrupted", [WD_DECISION_ALLOWED] = "allowed", [WD_DECISION_CHANGED] = "changed",
    [WD_DECISION_REFUSED] = "refused",         [WD_DECISION_ENDED] = "ended",     [WD_DECISION_FAILED] = "failed",
    [WD_DECISION_ABORTED] = "aborted",
};

const char *
wd_decision_name(enum wd_decision d)
{
    return decision_names[d];
}

enum wd_code
wd_exchange_refuse(struct wd_exchange *ex, enum wd_code code, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(ex->message, sizeof(ex->message), fmt, args);
    va_end(args);

    ex->code = code;
    ex->status = wd_code_status(code);
    ex->decision = WD_DECISION_REFUSED;
    return code;
}

struct wd_reservation *
wd_exchange_hold(struct wd_exchange *ex, size_t claims, size_t values, size_t refs)
{
    size_t size = sizeof(*ex->held) + claims * sizeof(struct wd_claim) + (values + refs) * sizeof(struct wd_holding);

    wd_exchange_release(ex);
    ex->held = calloc(1, size);
    if (ex->held == NULL)
        return NULL;
    ex->held->claims = (struct wd_claim *)(ex->held + 1);
    ex->held->values = (struct wd_holding *)(ex->held->claims + claims);
    ex->held->refs = ex->held->values + values;
    return ex->held;
}

void
wd_exchange_release(struct wd_exchange *ex)
{
    free(ex->held);
    free(ex->budget.more);
    free(ex->budget.grown);
    ex->held = NULL;
    ex->budget.more = NULL;
    ex->budget.grown = NULL;
}

void
wd_exchange_scan(struct wd_exchange *ex, const struct wd_gate *gate, enum wd_direction direction, struct wd_scan *scan)
{
    const struct wd_policy *policy = gate->policy;
    const enum wd_action *actions = direction == WD_INPUT ? policy->detect_input : policy->detect_output;

    *scan = (struct wd_scan){
        .engine = gate->engine,
        .scratch = gate->scratch,
        .direction = direction,
        .replacement = wd_span_str(policy->replacement),
        .own = gate->keys,
        .own_count = gate->key_count,
        .findings = &ex->findings,
    };
    memcpy(scan->actions, actions, sizeof(scan->actions));
    memcpy(scan->fingerprint_key, gate->fingerprint_key, sizeof(scan->fingerprint_key));

    if (direction == WD_INPUT && !policy->input_validation) {
        scan->actions[WD_MALICIOUS] = WD_OFF;
        scan->actions[WD_INJECTION] = WD_OFF;
    }
    if (direction == WD_OUTPUT && !policy->output_filtering)
        memset(scan->actions, 0, sizeof(scan->actions));
}

void
wd_exchange_note(struct wd_exchange *ex, const struct wd_gate *gate, struct wd_span text, char *to, size_t size)
{
    struct wd_findings ignored = { .count = 0 };
    struct wd_scan scan;
    struct wd_buf clean;
    bool changed = false;
    size_t n = text.len < size ? text.len : size - 1;

    for (size_t i = 0; i < n; i++)
        to[i] = text.ptr[i] >= 0x20 && text.ptr[i] < 0x7f ? text.ptr[i] : '?';
    to[n] = '\0';

    wd_exchange_scan(ex, gate, WD_INPUT, &scan);
    scan.findings = &ignored;
    for (int c = 0; c < WD_CATEGORIES; c++)
        scan.actions[c] = WD_REDACT;
    if (!wd_scan_suspect(&scan, wd_span(to, n)))
        return;
    wd_buf_init(&clean, 4096);
    if (wd_redact(&scan, WD_REDACT_TEXT, wd_span(to, n), &clean, &changed) != WD_OK)
        to[0] = '\0';
    else if (changed) {
        n = clean.len < size ? clean.len : size - 1;
        memcpy(to, clean.ptr, n);
        to[n] = '\0';
    }
    wd_buf_deinit(&clean);
}

enum wd_code
wd_exchange_refuse_finding(struct wd_exchange *ex, enum wd_direction direction, const char *where)
{
    static const enum wd_code codes[WD_CATEGORIES] = {
        [WD_SECRET] = WD_CODE_SECRET_DETECTED,
        [WD_PII] = WD_CODE_PII_DETECTED,
        [WD_INJECTION] = WD_CODE_INJECTION_DETECTED,
        [WD_MALICIOUS] = WD_CODE_MALICIOUS_CONTENT,
    };
    const struct wd_rule *rule = NULL;

    for (uint32_t i = 0; i < ex->findings.count; i++) {
        const struct wd_finding *f = &ex->findings.items[i];
        if (f->action == WD_REFUSE && f->direction == direction)
            rule = f->rule;
    }
    if (rule == NULL)
        return wd_exchange_refuse(ex, WD_CODE_MALICIOUS_CONTENT, "the content was refused by a rule");
    return wd_exchange_refuse(ex, codes[rule->category], "refused: rule %s (%s) matched%s%s", rule->id,
                              wd_category_name(rule->category), where != NULL ? " in " : "", where != NULL ? where : "");
}
