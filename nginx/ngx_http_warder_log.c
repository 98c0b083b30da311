#include "ngx_http_warder_module.h"

#include "../src/detect/redactor.h"


/* nginx quotes in its error log what a provider or a caller sent: what a rule finds there does not get out (FAILURES F55). */

static void
ngx_http_warder_log_writer(ngx_log_t *log, ngx_uint_t level, u_char *buf, size_t len)
{
    bool                       changed;
    ngx_uint_t                 i;
    struct wd_buf              clean;
    struct wd_scan             scan;
    struct wd_span             line = wd_span((char *) buf, len);
    struct wd_findings         ignored;
    ngx_http_warder_worker_t  *w = &ngx_http_warder_worker;

    if (w->gate.scratch == NULL) {
        (void) ngx_write_fd(ngx_stderr, buf, len);
        return;
    }

    ngx_memzero(&scan, sizeof(scan));
    ngx_memzero(&ignored, sizeof(ignored));

    scan.engine = w->gate.engine;
    scan.scratch = w->gate.scratch;
    scan.direction = WD_OUTPUT;
    scan.replacement = wd_span_str(w->gate.policy->replacement);
    scan.own = w->gate.keys;
    scan.own_count = w->gate.key_count;
    scan.findings = &ignored;

    for (i = 0; i < WD_CATEGORIES; i++) {
        scan.actions[i] = WD_REDACT;
    }

    wd_buf_init(&clean, 4 * NGX_MAX_ERROR_STR);
    changed = 0;

    if (wd_redact(&scan, WD_REDACT_TEXT, line, &clean, &changed) != WD_OK) {
        line = WD_SPAN("a line of the error log could not be looked at\n");

    } else if (changed) {
        line = wd_buf_span(&clean);
    }

    (void) ngx_write_fd(ngx_stderr, (char *) line.ptr, line.len);
    wd_buf_deinit(&clean);
}


void
ngx_http_warder_log_init(ngx_conf_t *cf)
{
    cf->cycle->new_log.writer = ngx_http_warder_log_writer;
}
