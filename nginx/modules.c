#include <ngx_config.h>
#include <ngx_core.h>

/* What nginx looks for in a dynamic module. No order: the last to be added, so the first to see an answer. */

extern ngx_module_t  ngx_http_warder_module;

__attribute__((visibility("default"))) ngx_module_t  *ngx_modules[] = {
    &ngx_http_warder_module,
    NULL
};

__attribute__((visibility("default"))) char  *ngx_module_names[] = {
    "ngx_http_warder_module",
    NULL
};

__attribute__((visibility("default"))) char  *ngx_module_order[] = {
    NULL
};
