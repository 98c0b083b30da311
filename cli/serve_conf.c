#include <string.h>
#include <unistd.h>

#include "serve.h"

#define SYSTEM_CA "/etc/ssl/certs/ca-certificates.crt"

/* Lines that do not depend on the policy. */
static const char conf_http[] = "    access_log off;\n"
                                "    server_tokens off;\n"
                                "    default_type application/json;\n"
                                "    keepalive_timeout 75s;\n"
                                "    keepalive_requests 100000;\n"
                                "    client_header_timeout 15s;\n"
                                "    client_body_timeout 15s;\n"
                                "    send_timeout 60s;\n"
                                "    reset_timedout_connection on;\n"
                                "    client_header_buffer_size 4k;\n" /* most requests arrive in one read, body and all */
                                "    large_client_header_buffers 4 16k;\n"
                                "    merge_slashes off;\n"
                                "    tcp_nodelay on;\n"
                                "    client_body_temp_path body;\n" /* relative paths stand on the run folder */
                                "    proxy_temp_path proxy;\n"
                                "    fastcgi_temp_path fastcgi;\n"
                                "    uwsgi_temp_path uwsgi;\n"
                                "    scgi_temp_path scgi;\n";

/* Every error that nginx itself can raise leads to a body in the caller's format; a URI, since named locations miss some. */
static const char conf_errors[] =
    "        error_page 400 401 402 403 404 405 406 408 409 410 411 412 413 414 415 416 421 429 494 495 496 497\n"
    "                   500 501 502 503 504 505 507 /.warder/error;\n"
    "        location = /.warder/error { internal; client_max_body_size 0; warder_error; }\n"
    "        error_page 418 = @warder_standby;\n" /* the module's own status: the next key; by name, so that the method stays */
    "        location @warder_standby { warder_standby; }\n";

static const char conf_proxy[] =
    "            proxy_http_version 1.1;\n"
    "            proxy_pass_request_headers off;\n"
    "            proxy_set_header Connection \"\";\n"
    "            proxy_set_header Accept-Encoding identity;\n"
    "            proxy_set_header Accept \"application/json, text/event-stream\";\n"
    "            proxy_set_header User-Agent warder/" WARDER_VERSION ";\n"
    "            proxy_set_header traceparent $http_traceparent;\n"
    "            proxy_buffering off;\n"
    "            proxy_buffer_size 16k;\n"
    "            proxy_buffers 8 16k;\n"
    "            proxy_busy_buffers_size 32k;\n"
    "            proxy_redirect off;\n"
    "            proxy_intercept_errors off;\n"
    "            proxy_ignore_headers X-Accel-Redirect X-Accel-Expires X-Accel-Limit-Rate X-Accel-Buffering X-Accel-Charset\n"
    "                                 Expires Cache-Control Set-Cookie Vary;\n"
    "            proxy_next_upstream error timeout;\n"
    "            proxy_next_upstream_tries 3;\n"
    "            proxy_socket_keepalive on;\n";

static const char *const conf_auth[] = {
    [WD_FORMAT_OPENAI] = "            proxy_set_header Authorization \"Bearer $warder_key\";\n",
    [WD_FORMAT_ANTHROPIC] = "            proxy_set_header x-api-key $warder_key;\n"
                            "            proxy_set_header anthropic-version $warder_anthropic_version;\n"
                            "            proxy_set_header anthropic-beta $http_anthropic_beta;\n",
    [WD_FORMAT_GOOGLE] = "            proxy_set_header x-goog-api-key $warder_key;\n",
};

bool
serve_conf_path_ok(const char *path)
{
    for (const char *p = path; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f || strchr("\"'\\${};", *p) != NULL)
            return false;
    return true;
}

static bool
conf_is_ipv6(const char *host)
{
    return strchr(host, ':') != NULL;
}

static enum wd_err
conf_address(struct wd_buf *out, const char *host, unsigned port)
{
    return wd_buf_printf(out, conf_is_ipv6(host) ? "[%s]:%u" : "%s:%u", host, port);
}

static enum wd_err
conf_upstream(struct wd_buf *out, const struct wd_provider *p)
{
    /* nginx asks for a server line; warder_peers brings the real addresses */
    return wd_buf_printf(out,
                         "    upstream warder_%s {\n"
                         "        server 127.0.0.1:9;\n"
                         "        warder_peers %s;\n"
                         "        keepalive 64;\n"
                         "        keepalive_timeout 45s;\n"
                         "        keepalive_requests 100000;\n"
                         "    }\n",
                         p->name, p->name);
}

static enum wd_err
conf_tls(struct wd_buf *out, const struct wd_provider *p)
{
    enum wd_err err;

    if (!p->tls)
        return WD_OK;
    if (p->ca_file != NULL)
        err = wd_buf_printf(out, "            proxy_ssl_trusted_certificate ca-%s.pem;\n", p->name);
    else
        err = wd_buf_add_str(out, "            proxy_ssl_trusted_certificate " SYSTEM_CA ";\n");
    if (err != WD_OK)
        return err;
    return wd_buf_printf(out,
                         "            proxy_ssl_server_name on;\n"
                         "            proxy_ssl_name %s;\n"
                         "            proxy_ssl_verify on;\n"
                         "            proxy_ssl_verify_depth 6;\n"
                         "            proxy_ssl_protocols TLSv1.2 TLSv1.3;\n"
                         "            proxy_ssl_session_reuse off;\n",
                         p->host);
}

static enum wd_err
conf_location(struct wd_buf *out, const struct wd_provider *p)
{
    bool default_port = p->port == (p->tls ? 443 : 80);
    enum wd_err err;

    err = wd_buf_printf(out,
                        "        location = /.warder/provider/%s {\n"
                        "            internal;\n"
                        "            warder_provider %s;\n"
                        "            proxy_pass http%s://warder_%s;\n"
                        "            proxy_set_header Host ",
                        p->name, p->name, p->tls ? "s" : "", p->name);
    if (err != WD_OK)
        return err;
    if (default_port)
        err = wd_buf_printf(out, conf_is_ipv6(p->host) ? "[%s];\n" : "%s;\n", p->host);
    else if ((err = conf_address(out, p->host, p->port)) == WD_OK)
        err = wd_buf_add_str(out, ";\n");
    if (err != WD_OK || (err = wd_buf_add_str(out, conf_proxy)) != WD_OK ||
        (err = wd_buf_add_str(out, conf_auth[p->format])) != WD_OK || (err = conf_tls(out, p)) != WD_OK)
        return err;
    return wd_buf_printf(out,
                         "            proxy_set_header Content-Type application/json;\n"
                         "            proxy_connect_timeout %ums;\n"
                         "            proxy_send_timeout %ums;\n"
                         "            proxy_read_timeout %ums;\n"
                         "        }\n",
                         p->connect_timeout_ms, p->read_timeout_ms, p->read_timeout_ms);
}

static enum wd_err
conf_main(struct wd_buf *out, const struct serve_paths *paths)
{
    enum wd_err err;

    if (paths->user[0] != '\0' && (err = wd_buf_printf(out, "user %s;\n", paths->user)) != WD_OK)
        return err;
    return wd_buf_printf(out,
                         "load_module \"%s\";\n"
                         "daemon off;\n"
                         "pid nginx.pid;\n"
                         "lock_file nginx.lock;\n"
                         "error_log stderr warn;\n"
                         "worker_processes %u;\n"
                         "worker_rlimit_nofile %u;\n"
                         "worker_rlimit_core 0;\n"
                         "thread_pool warder_resolve threads=1 max_queue=256;\n"
                         "events { worker_connections %u; }\n",
                         paths->module, paths->workers, paths->files, paths->connections);
}

static enum wd_err
conf_listener(struct wd_buf *out, const struct wd_policy *policy)
{
    enum wd_err err;

    if ((err = wd_buf_add_str(out, "    server {\n        listen ")) != WD_OK ||
        (err = conf_address(out, policy->listen_host, policy->listen_port)) != WD_OK ||
        (err = wd_buf_add_str(out, policy->tls_cert != NULL ? " ssl http2 backlog=4096;\n" : " backlog=4096;\n")) != WD_OK)
        return err;
    if (policy->tls_cert != NULL && (err = wd_buf_printf(out,
                                                         "        ssl_certificate \"%s\";\n"
                                                         "        ssl_certificate_key \"%s\";\n"
                                                         "        ssl_protocols TLSv1.2 TLSv1.3;\n"
                                                         "        ssl_session_cache shared:warder_tls:4m;\n",
                                                         policy->tls_cert, policy->tls_key)) != WD_OK)
        return err;
    err = wd_buf_printf(out,
                        "        client_max_body_size %llu;\n"
                        "        client_body_buffer_size %llu;\n",
                        (unsigned long long)policy->body_bytes_max, (unsigned long long)policy->body_bytes_max + 1);
    if (err != WD_OK || (err = wd_buf_add_str(out, conf_errors)) != WD_OK)
        return err;
    if ((err = wd_buf_add_str(out, "        location / { warder_gate; }\n")) != WD_OK)
        return err;
    for (uint32_t i = 0; i < policy->provider_count; i++)
        if ((err = conf_location(out, &policy->providers[i])) != WD_OK)
            return err;
    return wd_buf_add_str(out, "    }\n");
}

static enum wd_err
conf_admin(struct wd_buf *out, const struct wd_policy *policy)
{
    enum wd_err err;

    if ((err = wd_buf_add_str(out, "    server {\n        listen ")) != WD_OK ||
        (err = conf_address(out, policy->admin_host, policy->admin_port)) != WD_OK ||
        (err = wd_buf_add_str(out, ";\n        client_max_body_size 1k;\n")) != WD_OK)
        return err;
    return wd_buf_add_str(out, "        location = /healthz { warder_admin healthz; }\n"
                               "        location = /readyz { warder_admin readyz; }\n"
                               "        location = /metrics { warder_admin metrics; }\n"
                               "        error_page 400 404 405 413 414 494 500 503 /.error;\n"
                               "        location = /.error { internal; default_type text/plain; return 404 \"not here\\n\"; }\n"
                               "        location / { return 404; }\n"
                               "    }\n");
}

enum wd_err
serve_conf_render(const struct wd_policy *policy, const struct serve_paths *paths, struct wd_buf *out)
{
    enum wd_err err;

    if ((err = conf_main(out, paths)) != WD_OK ||
        (err = wd_buf_printf(out, "http {\n    warder_policy %s/policy.yaml \"%s\" %u;\n", paths->run, policy->base_dir,
                             paths->generation)) != WD_OK ||
        (err = wd_buf_add_str(out, conf_http)) != WD_OK ||
        (err = wd_buf_add_str(out, "    map $http_anthropic_version $warder_anthropic_version {\n"
                                   "        default $http_anthropic_version;\n"
                                   "        \"\" 2023-06-01;\n"
                                   "    }\n")) != WD_OK)
        return err;
    for (uint32_t i = 0; i < policy->provider_count; i++)
        if ((err = conf_upstream(out, &policy->providers[i])) != WD_OK)
            return err;
    if ((err = conf_listener(out, policy)) != WD_OK || (err = conf_admin(out, policy)) != WD_OK)
        return err;
    return wd_buf_add_str(out, "}\n");
}
