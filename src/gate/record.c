#include "record.h"

#include <inttypes.h>
#include <time.h>

#include "../base/json.h"
#include "../detect/rules.h"

/* Twice an exchange, so without printf. After an error nothing more is appended. */
struct record {
    struct wd_buf *out;
    enum wd_err err;
};

static void
record_add(struct record *r, const char *text)
{
    if (r->err == WD_OK)
        r->err = wd_buf_add_str(r->out, text);
}

static void
record_number(struct record *r, const char *before, uint64_t n)
{
    record_add(r, before);
    if (r->err == WD_OK)
        r->err = wd_buf_add_u64(r->out, n);
}

/* before: up to and with the opening quote. */
static void
record_string(struct record *r, const char *before, const char *value)
{
    record_add(r, before);
    if (r->err == WD_OK)
        r->err = wd_json_escape(r->out, wd_span_str(value));
    record_add(r, "\"");
}

static void
record_digits(char *to, unsigned n, int width)
{
    while (width-- > 0) {
        to[width] = (char)('0' + n % 10);
        n /= 10;
    }
}

/* RFC 3339, UTC, microseconds. */
static void
record_time(struct record *r, uint64_t wall_us)
{
    char text[] = "\"time\":\"0000-00-00T00:00:00.000000Z\"", *t = text + 8;
    time_t s = (time_t)(wall_us / 1000000);
    struct tm tm;

    if (gmtime_r(&s, &tm) == NULL) {
        r->err = WD_ERR_RANGE;
        return;
    }
    record_digits(t, (unsigned)tm.tm_year + 1900, 4);
    record_digits(t + 5, (unsigned)tm.tm_mon + 1, 2);
    record_digits(t + 8, (unsigned)tm.tm_mday, 2);
    record_digits(t + 11, (unsigned)tm.tm_hour, 2);
    record_digits(t + 14, (unsigned)tm.tm_min, 2);
    record_digits(t + 17, (unsigned)tm.tm_sec, 2);
    record_digits(t + 20, (unsigned)(wall_us % 1000000), 6);
    record_add(r, text);
}

static void
record_print(struct record *r, const char *before, const uint8_t print[WD_FINGERPRINT_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    char hex[2 * WD_FINGERPRINT_BYTES + 1];

    for (size_t i = 0; i < WD_FINGERPRINT_BYTES; i++) {
        hex[2 * i] = digits[print[i] >> 4];
        hex[2 * i + 1] = digits[print[i] & 15];
    }
    hex[2 * WD_FINGERPRINT_BYTES] = '\0';
    record_string(r, before, hex);
}

static void
record_finding(struct record *r, const struct wd_finding *f)
{
    record_string(r, "{\"rule\":\"", f->rule->id);
    record_string(r, ",\"category\":\"", wd_category_name(f->rule->category));
    record_string(r, ",\"severity\":\"", wd_severity_name(f->rule->severity));
    record_string(r, ",\"direction\":\"", f->direction == WD_INPUT ? "input" : "output");
    record_number(r, ",\"count\":", f->count);
    record_string(r, ",\"action\":\"", wd_action_name(f->action));
    record_print(r, ",\"fingerprint\":\"", f->fingerprint);
    record_add(r, "}");
}

static void
record_findings(struct record *r, const struct wd_findings *f)
{
    record_add(r, ",\"findings\":[");
    for (uint32_t i = 0; i < f->count; i++) {
        if (i > 0)
            record_add(r, ",");
        record_finding(r, &f->items[i]);
    }
    record_add(r, "]");
    if (f->more > 0)
        record_number(r, ",\"findings_more\":", f->more);
}

static void
record_score(struct record *r, const struct wd_findings *f)
{
    if (f->count == 0) {
        record_add(r, ",\"score\":1,\"severity\":null");
        return;
    }
    if (r->err == WD_OK)
        r->err = wd_buf_printf(r->out, ",\"score\":%.4g", wd_findings_score(f));
    record_string(r, ",\"severity\":\"", wd_severity_name(f->worst));
}

static void
record_outcome(struct record *r, const struct wd_exchange *ex)
{
    record_findings(r, &ex->findings);
    record_score(r, &ex->findings);
    if (ex->usage.known) {
        record_number(r, ",\"tokens_in\":", ex->usage.tokens_in);
        record_number(r, ",\"tokens_out\":", ex->usage.tokens_out);
    } else
        record_add(r, ",\"tokens_in\":null,\"tokens_out\":null");
    record_number(r, ",\"upstream_ms\":", ex->upstream_ms);
    record_number(r, ",\"gateway_us\":", ex->gateway_ns / 1000);
    if (ex->budget.price != NULL && r->err == WD_OK)
        r->err =
            wd_buf_printf(r->out, ",\"cost_usd\":%" PRIu64 ".%06" PRIu64, ex->budget.cost / 1000000, ex->budget.cost % 1000000);
}

enum wd_err
wd_record_write(const struct wd_exchange *ex, bool begun, struct wd_buf *out)
{
    struct record r = { .out = out };

    record_time(&r, ex->began.wall_us);
    record_string(&r, ",\"request_id\":\"", ex->request_id);
    record_string(&r, ",\"client\":\"", ex->address);
    record_string(&r, ",\"agent\":\"", ex->agent);
    record_string(&r, ",\"user\":\"", ex->who.user);
    record_string(&r, ",\"role\":\"", ex->who.role);
    record_string(&r, ",\"provider\":\"", ex->provider != NULL ? ex->provider->name : "");
    record_string(&r, ",\"model\":\"", ex->model);
    record_string(&r, ",\"route\":\"", ex->routed ? wd_op_name(ex->route.op) : "");
    record_add(&r, ex->stream ? ",\"stream\":true" : ",\"stream\":false");
    record_string(&r, ",\"decision\":\"", wd_decision_name(begun ? WD_DECISION_INTERRUPTED : ex->decision));
    record_string(&r, ",\"code\":\"", begun ? "" : wd_code_name(ex->code));
    record_number(&r, ",\"status\":", begun ? 0 : (uint64_t)ex->status);
    if (begun) /* what is found in the end is not known yet */
        record_add(&r, ",\"findings\":[],\"score\":null,\"severity\":null,\"tokens_in\":null,\"tokens_out\":null,"
                       "\"upstream_ms\":null,\"gateway_us\":null");
    else
        record_outcome(&r, ex);
    return r.err;
}

enum wd_err
wd_record_key(const struct wd_key_event *e, struct wd_buf *out)
{
    struct record r = { .out = out };

    record_time(&r, e->wall_us);
    record_string(&r, ",\"event\":\"", e->event);
    record_string(&r, ",\"who\":\"", e->who);
    if (e->uid >= 0)
        record_number(&r, ",\"uid\":", (uint64_t)e->uid);
    else
        record_add(&r, ",\"uid\":null");
    record_string(&r, ",\"provider\":\"", e->provider);
    record_number(&r, ",\"slot\":", e->slot);
    if (e->old_print != NULL)
        record_print(&r, ",\"old\":\"", e->old_print);
    else
        record_add(&r, ",\"old\":null");
    if (e->new_print != NULL)
        record_print(&r, ",\"new\":\"", e->new_print);
    else
        record_add(&r, ",\"new\":null");
    record_number(&r, ",\"grace_s\":", e->grace_s);
    record_string(&r, ",\"decision\":\"", e->decision);
    return r.err;
}
