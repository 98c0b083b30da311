#include "record.h"

#include <stdio.h>
#include <time.h>

#include "../base/json.h"
#include "../detect/rules.h"

/* "2026-11-23T07:34:00.123456Z" */
static enum wd_err
record_time(struct wd_buf *out, uint64_t wall_us)
{
    time_t s = (time_t)(wall_us / 1000000);
    struct tm tm;

    if (gmtime_r(&s, &tm) == NULL)
        return WD_ERR_RANGE;
    return wd_buf_printf(out, "\"time\":\"%04d-%02d-%02dT%02d:%02d:%02d.%06uZ\"", tm.tm_year + 1900, tm.tm_mon + 1,
                         tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (unsigned)(wall_us % 1000000));
}

static enum wd_err
record_string(struct wd_buf *out, const char *name, struct wd_span value)
{
    enum wd_err err;

    if ((err = wd_buf_printf(out, ",\"%s\":\"", name)) != WD_OK)
        return err;
    if ((err = wd_json_escape(out, value)) != WD_OK)
        return err;
    return wd_buf_add_byte(out, '"');
}

static enum wd_err
record_finding(struct wd_buf *out, const struct wd_finding *f)
{
    char hex[2 * WD_FINGERPRINT_BYTES + 1];

    for (size_t i = 0; i < WD_FINGERPRINT_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", f->fingerprint[i]);
    return wd_buf_printf(out,
                         "{\"rule\":\"%s\",\"category\":\"%s\",\"severity\":\"%s\",\"direction\":\"%s\",\"count\":%u,"
                         "\"action\":\"%s\",\"fingerprint\":\"%s\"}",
                         f->rule->id, wd_category_name(f->rule->category), wd_severity_name(f->rule->severity),
                         f->direction == WD_INPUT ? "input" : "output", f->count, wd_action_name(f->action), hex);
}

static enum wd_err
record_findings(struct wd_buf *out, const struct wd_findings *f)
{
    enum wd_err err;

    if ((err = wd_buf_add_str(out, ",\"findings\":[")) != WD_OK)
        return err;
    for (uint32_t i = 0; i < f->count; i++) {
        if (i > 0 && (err = wd_buf_add_byte(out, ',')) != WD_OK)
            return err;
        if ((err = record_finding(out, &f->items[i])) != WD_OK)
            return err;
    }
    if ((err = wd_buf_add_byte(out, ']')) != WD_OK)
        return err;
    return f->more > 0 ? wd_buf_printf(out, ",\"findings_more\":%u", f->more) : WD_OK;
}

static enum wd_err
record_outcome(struct wd_buf *out, const struct wd_exchange *ex)
{
    enum wd_err err;

    if ((err = wd_buf_printf(out, ",\"score\":%.4g", wd_findings_score(&ex->findings))) != WD_OK)
        return err;
    if (ex->findings.count > 0)
        err = wd_buf_printf(out, ",\"severity\":\"%s\"", wd_severity_name(ex->findings.worst));
    else
        err = wd_buf_add_str(out, ",\"severity\":null");
    if (err != WD_OK)
        return err;
    if (ex->usage.known)
        err = wd_buf_printf(out, ",\"tokens_in\":%llu,\"tokens_out\":%llu", (unsigned long long)ex->usage.tokens_in,
                            (unsigned long long)ex->usage.tokens_out);
    else
        err = wd_buf_add_str(out, ",\"tokens_in\":null,\"tokens_out\":null");
    if (err != WD_OK)
        return err;
    return wd_buf_printf(out, ",\"upstream_ms\":%llu,\"gateway_us\":%llu", (unsigned long long)ex->upstream_ms,
                         (unsigned long long)(ex->gateway_ns / 1000));
}

enum wd_err
wd_record_write(const struct wd_exchange *ex, bool begun, struct wd_buf *out)
{
    enum wd_decision decision = begun ? WD_DECISION_INTERRUPTED : ex->decision;
    struct {
        const char *name;
        struct wd_span value;
    } strings[] = {
        { "request_id", wd_span_str(ex->request_id) },
        { "client", wd_span_str(ex->address) },
        { "agent", wd_span_str(ex->agent) },
        { "user", wd_span_str(ex->who.user) },
        { "role", wd_span_str(ex->who.role) },
        { "provider", wd_span_str(ex->provider != NULL ? ex->provider->name : "") },
        { "model", wd_span_str(ex->model) },
        { "route", wd_span_str(ex->routed ? wd_op_name(ex->route.op) : "") },
    };
    enum wd_err err;

    if ((err = record_time(out, ex->began.wall_us)) != WD_OK)
        return err;
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
        if ((err = record_string(out, strings[i].name, strings[i].value)) != WD_OK)
            return err;
    err = wd_buf_printf(out, ",\"stream\":%s,\"decision\":\"%s\",\"code\":\"%s\",\"status\":%d", ex->stream ? "true" : "false",
                        wd_decision_name(decision), begun ? "" : wd_code_name(ex->code), begun ? 0 : ex->status);
    if (err != WD_OK)
        return err;
    if (begun) /* what is found in the end is not known yet */
        return wd_buf_add_str(out, ",\"findings\":[],\"score\":null,\"severity\":null,\"tokens_in\":null,\"tokens_out\":null,"
                                   "\"upstream_ms\":null,\"gateway_us\":null");
    if ((err = record_findings(out, &ex->findings)) != WD_OK)
        return err;
    return record_outcome(out, ex);
}
