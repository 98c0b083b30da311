#include "ngx_http_warder_module.h"
#include "ngx_http_warder_redis.h"

#include <libgen.h>
#include <sodium.h>

#include "../src/store/rule_cache.h"

static void *ngx_http_warder_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_warder_init_main_conf(ngx_conf_t *cf, void *conf);
static void *ngx_http_warder_create_loc_conf(ngx_conf_t *cf);
static ngx_int_t ngx_http_warder_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_warder_postconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_warder_init_module(ngx_cycle_t *cycle);
static char *ngx_http_warder_policy(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *ngx_http_warder_gate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *ngx_http_warder_error(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *ngx_http_warder_standby(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *ngx_http_warder_provider(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static ngx_int_t ngx_http_warder_key_variable(ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data);


static ngx_command_t  ngx_http_warder_commands[] = {

    /* the policy's snapshot, the folder that its relative paths stand on, and the supervisor's number of it */
    { ngx_string("warder_policy"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE3,
      ngx_http_warder_policy,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("warder_gate"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_warder_gate,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("warder_error"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_warder_error,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("warder_standby"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_warder_standby,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    /* marks the internal location that proxies to this provider */
    { ngx_string("warder_provider"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_warder_provider,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("warder_peers"),
      NGX_HTTP_UPS_CONF|NGX_CONF_TAKE1,
      ngx_http_warder_peers,
      0,
      0,
      NULL },

    { ngx_string("warder_admin"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_warder_admin,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_warder_module_ctx = {
    ngx_http_warder_preconfiguration,      /* preconfiguration */
    ngx_http_warder_postconfiguration,     /* postconfiguration */

    ngx_http_warder_create_main_conf,      /* create main configuration */
    ngx_http_warder_init_main_conf,        /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_warder_create_loc_conf,       /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_warder_module = {
    NGX_MODULE_V1,
    &ngx_http_warder_module_ctx,           /* module context */
    ngx_http_warder_commands,              /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_warder_init_module,           /* init module */
    ngx_http_warder_worker_init,           /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_warder_worker_exit,           /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static void
ngx_http_warder_policy_cleanup(void *data)
{
    ngx_http_warder_main_conf_t  *mcf = data;

    if (!mcf->taken) {
        ngx_http_warder_say(ngx_cycle->log, "F");
    }

    if (mcf->policy == NULL) {
        return;
    }

    wd_engine_free(mcf->engine);
    mcf->engine = NULL;
    wd_policy_free(mcf->policy);
    mcf->policy = NULL;
}


/* The configuration is good and its sockets are open: workers follow. */

static ngx_int_t
ngx_http_warder_init_module(ngx_cycle_t *cycle)
{
    ngx_http_warder_main_conf_t  *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_warder_module);

    if (mcf != NULL && mcf->policy != NULL) {
        mcf->taken = 1;
        ngx_http_warder_say(cycle->log, "C");
    }

    return NGX_OK;
}


static void *
ngx_http_warder_create_main_conf(ngx_conf_t *cf)
{
    ngx_pool_cleanup_t           *cln;
    ngx_http_warder_main_conf_t  *mcf;

    mcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_warder_main_conf_t));
    cln = ngx_pool_cleanup_add(cf->pool, 0);

    if (mcf == NULL || cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_warder_policy_cleanup;
    cln->data = mcf;

    return mcf;
}


static void *
ngx_http_warder_create_loc_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_warder_loc_conf_t));
}


static char *
ngx_http_warder_policy(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_warder_main_conf_t  *mcf = conf;

    char                     folder[NGX_MAX_PATH];
    ngx_str_t               *value;
    struct wd_policy_error   error;

    value = cf->args->elts;

    if (value[1].len >= sizeof(folder)) {
        return "has too long a path";
    }

    if (mcf->policy != NULL) {
        return "is duplicate";
    }

    if (sodium_init() < 0) {
        return "could not start libsodium";
    }

    if (wd_policy_load(&mcf->policy, (char *) value[1].data, (char *) value[2].data,
                       getenv, &error) != WD_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s", error.text);
        return NGX_CONF_ERROR;
    }

    mcf->generation = ngx_atoi(value[3].data, value[3].len);

    if (ngx_http_warder_redis_conf(cf, mcf->policy, &mcf->store_ssl) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    /* the compiled rules are kept beside the snapshot of the policy, where only who started the gateway can write */

    ngx_memcpy(folder, value[1].data, value[1].len);
    folder[value[1].len] = '\0';

    if (wd_rule_cache_open(&mcf->engine, &mcf->policy->rules, dirname(folder)) != WD_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "the rules could not be compiled");
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_warder_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_warder_main_conf_t  *mcf = conf;

    if (mcf->policy == NULL) {
        return NGX_CONF_OK;
    }

    ngx_memzero(&ngx_http_warder_worker, sizeof(ngx_http_warder_worker_t));

    return NGX_CONF_OK;
}


static char *
ngx_http_warder_set_handler(ngx_conf_t *cf, ngx_http_handler_pt handler)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = handler;

    return NGX_CONF_OK;
}


static char *
ngx_http_warder_gate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_http_warder_set_handler(cf, ngx_http_warder_handler);
}


static char *
ngx_http_warder_error(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_http_warder_set_handler(cf, ngx_http_warder_error_handler);
}


static char *
ngx_http_warder_standby(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_http_warder_set_handler(cf, ngx_http_warder_standby_handler);
}


static char *
ngx_http_warder_provider(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_warder_loc_conf_t  *wlcf = conf;

    ngx_str_t                    *value;
    const struct wd_provider     *provider;
    ngx_http_warder_main_conf_t  *mcf;

    value = cf->args->elts;
    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_warder_module);

    if (mcf->policy == NULL) {
        return "needs warder_policy before it";
    }

    provider = wd_policy_provider(mcf->policy, wd_span((char *) value[1].data, value[1].len));
    if (provider == NULL) {
        return "names a provider that is not in the policy";
    }

    wlcf->provider = value[1];
    mcf->provider_conf[provider->index] = ((ngx_http_conf_ctx_t *) cf->ctx)->loc_conf;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_warder_preconfiguration(ngx_conf_t *cf)
{
    ngx_str_t             name = ngx_string("warder_key");
    ngx_http_variable_t  *var;

    var = ngx_http_add_variable(cf, &name, NGX_HTTP_VAR_NOCACHEABLE|NGX_HTTP_VAR_NOHASH);
    if (var == NULL) {
        return NGX_ERROR;
    }

    var->get_handler = ngx_http_warder_key_variable;

    return NGX_OK;
}


/* The provider's key, straight from guarded memory, and only for the provider that the gate chose. */

static ngx_int_t
ngx_http_warder_key_variable(ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data)
{
    struct wd_span                key;
    ngx_http_warder_ctx_t        *ctx;
    const struct wd_secret       *secret;
    ngx_http_warder_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_warder_module);
    ctx = ngx_http_get_module_ctx(r, ngx_http_warder_module);

    if (ctx == NULL || !ctx->forwarded || ctx->ex.provider == NULL
        || r->loc_conf != mcf->provider_conf[ctx->ex.provider->index])
    {
        v->not_found = 1;
        return NGX_OK;
    }

    secret = ngx_http_warder_key(ctx->ex.provider->index, ctx->key_slot);

    if (secret == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    key = wd_secret_get(secret);

    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;
    v->len = key.len;
    v->data = (u_char *) key.ptr;

    return NGX_OK;
}


static ngx_int_t
ngx_http_warder_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_handler_pt          *h;
    ngx_http_core_main_conf_t    *cmcf;
    ngx_http_warder_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_warder_module);

    if (mcf->policy == NULL) {
        return NGX_OK;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_LOG_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_warder_log_handler;

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_POST_READ_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_warder_post_read_handler;

    if (ngx_http_warder_metrics_zone(cf, &mcf->metrics_zone, &ngx_http_warder_module) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_warder_log_init(cf);

    return ngx_http_warder_filter_init(cf);
}
