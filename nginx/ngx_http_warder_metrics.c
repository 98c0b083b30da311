#include "ngx_http_warder_module.h"

/* Upper bounds of the gateway's own time, in microseconds. */
static const uint32_t  ngx_http_warder_bounds[NGX_HTTP_WARDER_BUCKETS] = {
    5, 10, 20, 35, 60, 100, 200, 500, 1000, 2500, 5000, 10000, 50000, 250000
};

/* Slot of each provider of this worker's policy, by its index. */
static uint8_t  ngx_http_warder_slots[NGX_HTTP_WARDER_PROVIDERS_MAX];

/* This worker's own place for streams under way. */
static ngx_uint_t  ngx_http_warder_place;

#define NGX_HTTP_WARDER_NO_PROVIDER  (NGX_HTTP_WARDER_METRICS_SLOTS - 1)


static ngx_int_t
ngx_http_warder_metrics_init_zone(ngx_shm_zone_t *zone, void *data)
{
    ngx_slab_pool_t            *pool;
    ngx_http_warder_metrics_t  *m;

    pool = (ngx_slab_pool_t *) zone->shm.addr;

    if (data != NULL) {
        zone->data = data;
        ngx_http_warder_standby_forget(data); /* a reload may bring other keys */
        return NGX_OK;
    }

    m = ngx_slab_calloc(pool, sizeof(ngx_http_warder_metrics_t));
    if (m == NULL) {
        return NGX_ERROR;
    }

    zone->data = m;

    return NGX_OK;
}


ngx_int_t
ngx_http_warder_metrics_zone(ngx_conf_t *cf, ngx_shm_zone_t **zone, void *tag)
{
    ngx_str_t  name = ngx_string("warder_metrics");

    *zone = ngx_shared_memory_add(cf, &name, 2 * sizeof(ngx_http_warder_metrics_t) + 16 * ngx_pagesize, tag);
    if (*zone == NULL) {
        return NGX_ERROR;
    }

    (*zone)->init = ngx_http_warder_metrics_init_zone;

    return NGX_OK;
}


static ngx_uint_t
ngx_http_warder_metrics_slot(ngx_http_warder_metrics_t *m, const char *name)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_WARDER_NO_PROVIDER; i++) {
        if (m->provider[i].name[0] == '\0') {
            ngx_cpystrn((u_char *) m->provider[i].name, (u_char *) name, sizeof(m->provider[i].name));
        }

        if (ngx_strcmp(m->provider[i].name, name) == 0) {
            return i;
        }
    }

    return NGX_HTTP_WARDER_NO_PROVIDER;
}


static ngx_uint_t
ngx_http_warder_metrics_alive(ngx_http_warder_metrics_t *m, ngx_uint_t place)
{
    ngx_pid_t  pid = (ngx_pid_t) m->worker[place].pid;

    return pid != 0 && (kill(pid, 0) == 0 || ngx_errno != ESRCH);
}


static void
ngx_http_warder_metrics_take_place(ngx_http_warder_metrics_t *m)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_WARDER_WORKERS_MAX - 1; i++) {
        if (!ngx_http_warder_metrics_alive(m, i)) {
            break;
        }
    }

    ngx_memzero(&m->worker[i], sizeof(m->worker[i]));
    m->worker[i].pid = (ngx_atomic_uint_t) ngx_pid;
    ngx_http_warder_place = i;
}


void
ngx_http_warder_metrics_bind(ngx_http_warder_metrics_t *m, const struct wd_policy *policy)
{
    ngx_uint_t  i;

    ngx_spinlock(&m->locked, 1, 2048);

    ngx_http_warder_metrics_take_place(m);

    for (i = 0; i < policy->provider_count; i++) {
        ngx_http_warder_slots[i] = (uint8_t) ngx_http_warder_metrics_slot(m, policy->providers[i].name);
    }

    ngx_unlock(&m->locked);
}


ngx_http_warder_key_marks_t *
ngx_http_warder_metrics_keys(ngx_http_warder_metrics_t *m, ngx_uint_t provider)
{
    return m->provider[ngx_http_warder_slots[provider]].key;
}


static ngx_uint_t
ngx_http_warder_metrics_of(const struct wd_exchange *ex)
{
    return ex->provider != NULL ? ngx_http_warder_slots[ex->provider->index] : NGX_HTTP_WARDER_NO_PROVIDER;
}


void
ngx_http_warder_metrics_count(ngx_http_warder_metrics_t *m, const struct wd_exchange *ex, uint64_t events)
{
    uint64_t                  us;
    ngx_uint_t                i, slot;
    const struct wd_finding  *f;

    slot = ngx_http_warder_metrics_of(ex);
    us = ex->gateway_ns / 1000;

    for (i = 0; i < NGX_HTTP_WARDER_BUCKETS && us > ngx_http_warder_bounds[i]; i++) { /* void */ }

    (void) ngx_atomic_fetch_add(&m->provider[slot].requests[ex->decision][ex->code], 1);
    (void) ngx_atomic_fetch_add(&m->provider[slot].gateway_bucket[i], 1);
    (void) ngx_atomic_fetch_add(&m->provider[slot].gateway_us_sum, us);

    if (events > 0) {
        (void) ngx_atomic_fetch_add(&m->provider[slot].events_total, events);
    }

    if (ex->conflict) {
        (void) ngx_atomic_fetch_add(&m->provider[slot].conflicts, 1);
    }

    if (ex->usage.known) {
        (void) ngx_atomic_fetch_add(&m->provider[slot].tokens_in, ex->usage.tokens_in);
        (void) ngx_atomic_fetch_add(&m->provider[slot].tokens_out, ex->usage.tokens_out);
    }

    if (ex->budget.cost > 0) {
        (void) ngx_atomic_fetch_add(&m->provider[slot].cost, ex->budget.cost);
    }

    for (i = 0; i < ex->findings.count; i++) {
        f = &ex->findings.items[i];
        (void) ngx_atomic_fetch_add(&m->findings[f->direction == WD_OUTPUT][f->rule->category], f->count);
    }
}


void
ngx_http_warder_metrics_stream(ngx_http_warder_metrics_t *m, const struct wd_exchange *ex, int delta)
{
    ngx_uint_t  slot = ngx_http_warder_metrics_of(ex);

    m->worker[ngx_http_warder_place].streams[slot] += delta;

    if (delta > 0) {
        (void) ngx_atomic_fetch_add(&m->provider[slot].streams_total, delta);
    }
}


void
ngx_http_warder_metrics_store(ngx_http_warder_metrics_t *m, ngx_uint_t state)
{
    m->worker[ngx_http_warder_place].store = state;
}


static const char *
ngx_http_warder_metrics_name(ngx_http_warder_metrics_t *m, ngx_uint_t slot)
{
    return slot == NGX_HTTP_WARDER_NO_PROVIDER ? "" : m->provider[slot].name;
}


static enum wd_err
ngx_http_warder_print_requests(ngx_http_warder_metrics_t *m, ngx_uint_t slot, struct wd_buf *out)
{
    ngx_uint_t   d, c;
    enum wd_err  err;

    for (d = 0; d < WD_DECISIONS; d++) {
        for (c = 0; c < WD_CODE_COUNT; c++) {
            if (m->provider[slot].requests[d][c] == 0) {
                continue;
            }

            err = wd_buf_printf(out, "warder_requests_total{provider=\"%s\",decision=\"%s\",code=\"%s\"} %lu\n",
                                ngx_http_warder_metrics_name(m, slot), wd_decision_name(d), wd_code_name(c),
                                (unsigned long) m->provider[slot].requests[d][c]);
            if (err != WD_OK) {
                return err;
            }
        }
    }

    return WD_OK;
}


static enum wd_err
ngx_http_warder_print_histogram(ngx_http_warder_metrics_t *m, ngx_uint_t slot, struct wd_buf *out)
{
    ngx_uint_t     i;
    enum wd_err    err;
    const char    *name = ngx_http_warder_metrics_name(m, slot);
    unsigned long  total = 0;

    for (i = 0; i <= NGX_HTTP_WARDER_BUCKETS; i++) {
        total += m->provider[slot].gateway_bucket[i];

        if (i < NGX_HTTP_WARDER_BUCKETS) {
            err = wd_buf_printf(out, "warder_gateway_seconds_bucket{provider=\"%s\",le=\"%g\"} %lu\n", name,
                                ngx_http_warder_bounds[i] / 1e6, total);
        } else {
            err = wd_buf_printf(out, "warder_gateway_seconds_bucket{provider=\"%s\",le=\"+Inf\"} %lu\n", name, total);
        }

        if (err != WD_OK) {
            return err;
        }
    }

    return wd_buf_printf(out, "warder_gateway_seconds_sum{provider=\"%s\"} %.6f\nwarder_gateway_seconds_count{provider=\"%s\"} %lu\n",
                         name, m->provider[slot].gateway_us_sum / 1e6, name, total);
}


static enum wd_err
ngx_http_warder_print_streams(ngx_http_warder_metrics_t *m, struct wd_buf *out)
{
    ngx_uint_t     i, k;
    enum wd_err    err;
    unsigned long  active;

    err = wd_buf_add_str(out, "# HELP warder_streams_active Streams under way.\n# TYPE warder_streams_active gauge\n");

    for (i = 0; err == WD_OK && i < NGX_HTTP_WARDER_NO_PROVIDER && m->provider[i].name[0] != '\0'; i++) {
        active = 0;

        for (k = 0; k < NGX_HTTP_WARDER_WORKERS_MAX; k++) {
            if (m->worker[k].streams[i] != 0 && ngx_http_warder_metrics_alive(m, k)) {
                active += m->worker[k].streams[i];
            }
        }

        err = wd_buf_printf(out, "warder_streams_active{provider=\"%s\"} %lu\n", m->provider[i].name, active);
    }

    return err;
}


/* Up when it is for every worker; nothing without a shared store. */

static enum wd_err
ngx_http_warder_print_store(ngx_http_warder_metrics_t *m, struct wd_buf *out)
{
    ngx_uint_t  k, up = NGX_HTTP_WARDER_STORE_UP;

    if (m->worker[ngx_http_warder_place].store == NGX_HTTP_WARDER_STORE_NONE) {
        return WD_OK;
    }

    for (k = 0; k < NGX_HTTP_WARDER_WORKERS_MAX; k++) {
        if (m->worker[k].store != NGX_HTTP_WARDER_STORE_NONE && ngx_http_warder_metrics_alive(m, k)) {
            up = ngx_min(up, m->worker[k].store);
        }
    }

    return wd_buf_printf(out, "# HELP warder_store_up Whether the shared store takes writes of every worker.\n"
                              "# TYPE warder_store_up gauge\nwarder_store_up %u\n", up == NGX_HTTP_WARDER_STORE_UP);
}


static enum wd_err
ngx_http_warder_print_counter(ngx_http_warder_metrics_t *m, struct wd_buf *out, const char *name, const char *help,
    size_t offset)
{
    ngx_uint_t       i;
    enum wd_err      err;
    ngx_atomic_t    *value;

    err = wd_buf_printf(out, "# HELP %s %s\n# TYPE %s counter\n", name, help, name);

    for (i = 0; err == WD_OK && i < NGX_HTTP_WARDER_NO_PROVIDER; i++) {
        if (m->provider[i].name[0] == '\0') {
            break;
        }

        value = (ngx_atomic_t *) ((char *) &m->provider[i] + offset);
        err = wd_buf_printf(out, "%s{provider=\"%s\"} %lu\n", name, m->provider[i].name, (unsigned long) *value);
    }

    return err;
}


static enum wd_err
ngx_http_warder_print_cost(ngx_http_warder_metrics_t *m, struct wd_buf *out)
{
    ngx_uint_t     i;
    enum wd_err    err;
    unsigned long  cost;

    err = wd_buf_add_str(out, "# HELP warder_cost_usd_total What answers cost by the policy's prices, in US dollars.\n"
                              "# TYPE warder_cost_usd_total counter\n");

    for (i = 0; err == WD_OK && i < NGX_HTTP_WARDER_NO_PROVIDER && m->provider[i].name[0] != '\0'; i++) {
        cost = (unsigned long) m->provider[i].cost;
        err = wd_buf_printf(out, "warder_cost_usd_total{provider=\"%s\"} %lu.%06lu\n", m->provider[i].name, cost / 1000000,
                            cost % 1000000);
    }

    return err;
}


static enum wd_err
ngx_http_warder_print_findings(ngx_http_warder_metrics_t *m, struct wd_buf *out)
{
    ngx_uint_t   d, c;
    enum wd_err  err;

    err = wd_buf_add_str(out, "# HELP warder_findings_total Matches of rules.\n# TYPE warder_findings_total counter\n");

    for (d = 0; err == WD_OK && d < 2; d++) {
        for (c = 0; err == WD_OK && c < WD_CATEGORIES; c++) {
            err = wd_buf_printf(out, "warder_findings_total{direction=\"%s\",category=\"%s\"} %lu\n", d ? "output" : "input",
                                wd_category_name(c), (unsigned long) m->findings[d][c]);
        }
    }

    return err;
}


enum wd_err
ngx_http_warder_metrics_print(ngx_http_warder_metrics_t *m, struct wd_buf *out)
{
    ngx_uint_t   i, k;
    enum wd_err  err;

    static const struct {
        const char  *name, *help;
        size_t       offset;
    } counters[] = {
#define PROVIDER_OFFSET(field)                                                                                         \
    (offsetof(ngx_http_warder_metrics_t, provider[0].field) - offsetof(ngx_http_warder_metrics_t, provider[0]))
        { "warder_streams_total", "Streams begun.", PROVIDER_OFFSET(streams_total) },
        { "warder_stream_events_total", "Events of streams.", PROVIDER_OFFSET(events_total) },
        { "warder_tokens_in_total", "Tokens of requests, as the provider counts.", PROVIDER_OFFSET(tokens_in) },
        { "warder_isolation_conflicts_total", "Requests with values that another provider holds.", PROVIDER_OFFSET(conflicts) },
        { "warder_tokens_out_total", "Tokens of answers, as the provider counts.", PROVIDER_OFFSET(tokens_out) },
    };

    err = wd_buf_add_str(out, "# HELP warder_requests_total Exchanges by provider, decision and code.\n"
                              "# TYPE warder_requests_total counter\n");

    for (i = 0; err == WD_OK && i < NGX_HTTP_WARDER_METRICS_SLOTS; i++) {
        err = ngx_http_warder_print_requests(m, i, out);
    }

    if (err == WD_OK) {
        err = wd_buf_add_str(out, "# HELP warder_gateway_seconds The gateway's own time in an exchange.\n"
                                  "# TYPE warder_gateway_seconds histogram\n");
    }

    for (i = 0; err == WD_OK && i < NGX_HTTP_WARDER_METRICS_SLOTS; i++) {
        if (i == NGX_HTTP_WARDER_NO_PROVIDER || m->provider[i].name[0] != '\0') {
            err = ngx_http_warder_print_histogram(m, i, out);
        }
    }

    for (k = 0; err == WD_OK && k < sizeof(counters) / sizeof(counters[0]); k++) {
        err = ngx_http_warder_print_counter(m, out, counters[k].name, counters[k].help, counters[k].offset);
    }

    if (err == WD_OK) {
        err = ngx_http_warder_print_cost(m, out);
    }

    if (err == WD_OK) {
        err = ngx_http_warder_print_streams(m, out);
    }

    if (err == WD_OK) {
        err = ngx_http_warder_print_store(m, out);
    }

    return err == WD_OK ? ngx_http_warder_print_findings(m, out) : err;
}
