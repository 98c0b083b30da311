#include "ngx_http_warder_module.h"


/* A rate-limit hint of the provider, shown under a name that cannot be taken for ours; "" when the header does not come back. */

static ngx_int_t
ngx_http_warder_hint_name(ngx_str_t *key, u_char *out, size_t size)
{
    size_t      i, skip = 0;
    ngx_uint_t  keep;

    for (i = 0; i < key->len; i++) {
        if (key->data[i] != '-' && ((key->data[i] | 0x20) < 'a' || (key->data[i] | 0x20) > 'z')) {
            return NGX_DECLINED;
        }
    }

    if (key->len > 2 && ngx_strncasecmp(key->data, (u_char *) "x-", 2) == 0) {
        skip = 2;
    }

    keep = (key->len > skip + 10 && ngx_strncasecmp(key->data + skip, (u_char *) "ratelimit-", 10) == 0)
           || (key->len > 20 && ngx_strncasecmp(key->data, (u_char *) "anthropic-ratelimit-", 20) == 0);

    if (!keep || sizeof("x-provider-") + key->len - skip > size) {
        return NGX_DECLINED;
    }

    out = ngx_cpymem(out, "x-provider-", sizeof("x-provider-") - 1);
    ngx_strlow(out, key->data + skip, key->len - skip);
    out[key->len - skip] = '\0';

    return NGX_OK;
}


static ngx_uint_t
ngx_http_warder_hint_value_ok(ngx_str_t *value)
{
    size_t  i;
    u_char  ch;

    if (value->len == 0 || value->len > 40) {
        return 0;
    }

    for (i = 0; i < value->len; i++) {
        ch = value->data[i];

        if (!((ch >= '0' && ch <= '9') || ch == '.' || ch == ':' || ch == '-' || ch == '+' || ch == 'T' || ch == 'Z'
              || ch == 'm' || ch == 's' || ch == 'h' || ch == 'd'))
        {
            return 0;
        }
    }

    return 1;
}


static ngx_uint_t
ngx_http_warder_is_seconds(ngx_str_t *value)
{
    return value->len > 0 && value->len <= 5 && ngx_atoi(value->data, value->len) != NGX_ERROR;
}


/* Only harmless headers come back; all others of the provider are dropped. */

ngx_int_t
ngx_http_warder_clean_headers(ngx_http_request_t *r)
{
    u_char                  name[96];
    ngx_str_t               hint[16][2];
    ngx_uint_t              i, n;
    ngx_list_part_t        *part;
    ngx_table_elt_t        *h;
    ngx_http_warder_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_warder_module);

    n = 0;
    part = &r->headers_out.headers.part;
    h = part->elts;

    for (i = 0; /* void */; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (n < 16 && h[i].hash != 0) {
            if (ngx_http_warder_hint_name(&h[i].key, name, sizeof(name)) == NGX_OK
                && ngx_http_warder_hint_value_ok(&h[i].value)
                && !wd_scan_suspect(&ctx->scan, wd_span((char *) h[i].key.data, h[i].key.len))
                && !wd_scan_suspect(&ctx->scan, wd_span((char *) h[i].value.data, h[i].value.len)))
            {
                hint[n][0].len = ngx_strlen(name) + 1;
                hint[n][0].data = ngx_pnalloc(r->pool, hint[n][0].len);

                if (hint[n][0].data == NULL) {
                    return NGX_ERROR;
                }

                ngx_memcpy(hint[n][0].data, name, hint[n][0].len);
                hint[n++][1] = h[i].value;

            } else if (r->headers_out.status >= 400 && h[i].key.len == 11
                       && ngx_strncasecmp(h[i].key.data, (u_char *) "retry-after", 11) == 0
                       && ngx_http_warder_is_seconds(&h[i].value))
            {
                hint[n][0].data = (u_char *) "retry-after";
                hint[n++][1] = h[i].value;
            }
        }

        h[i].hash = 0;
    }

    for (i = 0; i < n; i++) {
        if (ngx_http_warder_add_header(r, (char *) hint[i][0].data, (char *) hint[i][1].data, hint[i][1].len) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    r->headers_out.server = NULL;
    r->headers_out.date = NULL;
    r->headers_out.location = NULL;
    r->headers_out.refresh = NULL;
    r->headers_out.last_modified = NULL;
    r->headers_out.last_modified_time = -1;
    r->headers_out.etag = NULL;
    r->headers_out.www_authenticate = NULL;
    r->headers_out.accept_ranges = NULL;
    r->headers_out.content_range = NULL;
    r->headers_out.expires = NULL;
    r->headers_out.content_encoding = NULL;
    r->headers_out.status_line.len = 0;
    ngx_str_null(&r->headers_out.charset);

    return NGX_OK;
}
