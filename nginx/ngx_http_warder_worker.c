#include "ngx_http_warder_module.h"
#include "ngx_http_warder_redis.h"
#include "ngx_http_warder_shared.h"

#include <sys/prctl.h>

#include "../src/store/install.h"

#define NGX_HTTP_WARDER_LOOK_MS      5
#define NGX_HTTP_WARDER_ARENA_MAX    (192 * 1024 * 1024)
#define NGX_HTTP_WARDER_LIMITS_SIZE (64 * 1024 * 1024)

ngx_http_warder_worker_t  ngx_http_warder_worker;


struct wd_now
ngx_http_warder_now(void)
{
    struct wd_now    now;
    struct timespec  wall, mono;

    clock_gettime(CLOCK_REALTIME, &wall);
    clock_gettime(CLOCK_MONOTONIC, &mono);

    now.wall_us = (uint64_t) wall.tv_sec * 1000000 + wall.tv_nsec / 1000;
    now.mono_us = (uint64_t) mono.tv_sec * 1000000 + mono.tv_nsec / 1000;

    return now;
}


/* The working folder is the state folder: set before nginx was started, so that no parent folder needs to be readable. */

static void
ngx_http_warder_worker_open(ngx_log_t *log)
{
    ngx_http_warder_worker_t  *w = &ngx_http_warder_worker;
    ngx_uint_t                 shared = w->gate.policy->store.shared;

    if (!shared && w->gate.store.tokens == NULL && wd_tokens_open(&w->gate.store.tokens, ".", 0) != WD_OK) {
        w->gate.store.tokens = NULL;
        ngx_log_error(NGX_LOG_ALERT, log, ngx_errno, "the token store cannot be opened");
    }

    if (w->gate.store.limits == NULL && wd_limits_open(&w->gate.store.limits, "limits.map", NGX_HTTP_WARDER_LIMITS_SIZE) != WD_OK) {
        w->gate.store.limits = NULL;
        ngx_log_error(NGX_LOG_ALERT, log, ngx_errno, "the limits cannot be opened");
    }

    if (!shared && w->gate.store.ledger == NULL && wd_ledger_open(&w->gate.store.ledger, "ledger.map", 0) != WD_OK) {
        w->gate.store.ledger = NULL;
        ngx_log_error(NGX_LOG_ALERT, log, ngx_errno, "the ledger cannot be opened");
    }

    if (!shared) {
        w->gate.filter = w->gate.store.ledger != NULL ? wd_ledger_filter(w->gate.store.ledger) : NULL;
    }

    if (w->journal == NULL && w->gate.policy->audit && wd_journal_open(&w->journal, "audit", w->audit_key) != WD_OK) {
        w->journal = NULL;
        ngx_log_error(NGX_LOG_ALERT, log, ngx_errno, "the audit log cannot be opened");
    }
}


/* With a shared store the limits of this machine serve while that does not answer. */

static ngx_uint_t
ngx_http_warder_worker_whole(void)
{
    ngx_http_warder_worker_t  *w = &ngx_http_warder_worker;

    if (w->gate.store.limits == NULL || (w->journal == NULL && w->gate.policy->audit)) {
        return 0;
    }

    return w->gate.policy->store.shared || (w->gate.store.tokens != NULL && w->gate.store.ledger != NULL);
}


void
ngx_http_warder_worker_look(ngx_log_t *log)
{
    ngx_http_warder_worker_t  *w = &ngx_http_warder_worker;

    if (ngx_current_msec - w->looked_at >= NGX_HTTP_WARDER_LOOK_MS) {
        w->looked_at = ngx_current_msec;

        if (w->gate.store.limits != NULL) {
            wd_limits_look_again(w->gate.store.limits);
        }

        if (w->gate.store.ledger != NULL) {
            wd_ledger_look_again(w->gate.store.ledger);
        }

        if (w->journal != NULL) {
            wd_journal_look_again(w->journal);
        }
    }

    if (ngx_http_warder_worker_whole()) {
        return;
    }

    if ((ngx_msec_int_t) (ngx_current_msec - w->retry_at) < 0) {
        return;
    }

    w->retry_at = ngx_current_msec + 1000;
    ngx_http_warder_worker_open(log);
}


ngx_int_t
ngx_http_warder_worker_init(ngx_cycle_t *cycle)
{
    ngx_http_warder_worker_t     *w = &ngx_http_warder_worker;
    ngx_http_warder_main_conf_t  *mcf;

    uint8_t  store_key[32];

    mcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_warder_module);

    if (ngx_process != NGX_PROCESS_WORKER || mcf == NULL || mcf->policy == NULL) {
        return NGX_OK;
    }

    /* a worker never outlives its master, and leaves no core file with keys in it */

    if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1 || prctl(PR_SET_DUMPABLE, 0) == -1 || getppid() != ngx_parent) {
        return NGX_ERROR;
    }

    w->gate.policy = mcf->policy;
    w->gate.engine = mcf->engine;

    if (ngx_http_warder_keys_init(cycle, mcf->policy) != NGX_OK || ngx_http_warder_channel_open(cycle, mcf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (wd_install_key(".", NULL, mcf->install_key) != WD_OK) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno, "install.key in the state folder cannot be read");
        return NGX_ERROR;
    }

    wd_install_derive(mcf->install_key, "fingerprint", w->gate.fingerprint_key);
    wd_install_derive(mcf->install_key, "limits", w->gate.limits_key);
    wd_install_derive(mcf->install_key, "audit", w->audit_key);

    if (wd_install_store_key(".", mcf->install_key, store_key) != WD_OK) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno, "store.key in the state folder cannot be read, or others can read it");
        return NGX_ERROR;
    }

    wd_install_derive(store_key, "ledger", w->gate.ledger_key);
    wd_secret_wipe(mcf->install_key, sizeof(mcf->install_key));

    if (mcf->policy->store.shared && ngx_http_warder_shared_init(store_key) != NGX_OK) {
        return NGX_ERROR;
    }

    wd_secret_wipe(store_key, sizeof(store_key));

    if (wd_scratch_new(&w->gate.scratch, w->gate.engine) != WD_OK) {
        return NGX_ERROR;
    }

    wd_buf_init(&w->record, WD_JOURNAL_BODY_MAX);
    wd_arena_init(&w->arena, NGX_HTTP_WARDER_ARENA_MAX);
    wd_outer_spare_init(&w->spare);

    w->flush.handler = ngx_http_warder_record_flush;
    w->flush.log = cycle->log;
    w->flush.data = w;
    w->flush.cancelable = 1; /* closing the journal flushes too */

    w->metrics = mcf->metrics_zone->data;
    ngx_http_warder_metrics_bind(w->metrics, mcf->policy);

    if (ngx_http_warder_peers_init_worker(cycle, mcf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_warder_redis_init(cycle, mcf->policy, mcf->store_ssl) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_warder_worker_open(cycle->log);

    return ngx_http_warder_ready(cycle->log);
}


void
ngx_http_warder_worker_exit(ngx_cycle_t *cycle)
{
    ngx_http_warder_worker_t  *w = &ngx_http_warder_worker;

    ngx_http_warder_redis_exit(); /* first: who waits for it may still write */

    if (w->journal != NULL) {
        wd_journal_close(w->journal);
    }

    if (w->gate.store.tokens != NULL) {
        wd_tokens_close(w->gate.store.tokens);
    }

    if (w->gate.store.limits != NULL) {
        wd_limits_close(w->gate.store.limits);
    }

    if (w->gate.store.ledger != NULL) {
        wd_ledger_close(w->gate.store.ledger);
    }

    ngx_http_warder_shared_exit();
    ngx_http_warder_keys_exit();
    wd_scratch_free(w->gate.scratch);
    wd_buf_deinit(&w->record);
    wd_arena_deinit(&w->arena);
    wd_outer_spare_deinit(&w->spare);
}
