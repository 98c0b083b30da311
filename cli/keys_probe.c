#include "keys_probe.h"

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#define PROBE_CONNECT_S 5L
#define PROBE_S 20L
#define PROBE_CA_FOLDER "/etc/ssl/certs"
#define PROBE_ACCEPTED "(accepted: a key that the provider takes, or --no-probe)"

/*
 * libcurl is loaded when it is needed: with the thirty libraries that it brings, every other command would start 8 ms later, and
 * the gateway's supervisor would carry them.
 */
#define PROBE_LIBRARY "libcurl.so.4"

static struct {
    __typeof__(curl_global_init) *global_init;
    __typeof__(curl_global_cleanup) *global_cleanup;
    __typeof__(curl_easy_init) *init;
    __typeof__(curl_easy_cleanup) *cleanup;
    __typeof__(curl_easy_setopt) *setopt;
    __typeof__(curl_easy_perform) *perform;
    __typeof__(curl_easy_getinfo) *getinfo;
    __typeof__(curl_easy_strerror) *strerror;
    __typeof__(curl_slist_append) *append;
    __typeof__(curl_slist_free_all) *free_all;
} curl;

static bool
probe_load(void)
{
    static const struct {
        const char *name;
        void *to;
    } symbols[] = {
        { "curl_global_init", &curl.global_init }, { "curl_global_cleanup", &curl.global_cleanup },
        { "curl_easy_init", &curl.init },          { "curl_easy_cleanup", &curl.cleanup },
        { "curl_easy_setopt", &curl.setopt },      { "curl_easy_perform", &curl.perform },
        { "curl_easy_getinfo", &curl.getinfo },    { "curl_easy_strerror", &curl.strerror },
        { "curl_slist_append", &curl.append },     { "curl_slist_free_all", &curl.free_all },
    };
    void *library = dlopen(PROBE_LIBRARY, RTLD_NOW | RTLD_LOCAL);

    for (size_t i = 0; library != NULL && i < sizeof(symbols) / sizeof(symbols[0]); i++) {
        void *symbol = dlsym(library, symbols[i].name);
        if (symbol == NULL)
            return false;
        memcpy(symbols[i].to, &symbol, sizeof(symbol));
    }
    return library != NULL && curl.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

/* How each format asks for its models, and where it wants the key. */
static const struct {
    const char *path, *header, *more;
} probe_ways[] = {
    [WD_FORMAT_OPENAI] = { "/v1/models", "Authorization: Bearer ", NULL },
    [WD_FORMAT_ANTHROPIC] = { "/v1/models", "x-api-key: ", "anthropic-version: 2023-06-01" },
    [WD_FORMAT_GOOGLE] = { "/v1beta/models", "x-goog-api-key: ", NULL },
};

/* What the provider says of its models is of no interest, and its errors may quote the key. */
static size_t
probe_drop(char *bytes, size_t size, size_t count, void *ctx)
{
    (void)bytes, (void)ctx;
    return size * count;
}

static bool
probe_fail(const struct wd_provider *p, const char *what)
{
    fprintf(stderr, "warder: keys rotate: the models of \"%s\": %s " PROBE_ACCEPTED "\n", p->name, what);
    return false;
}

static bool
probe_judge(const struct wd_provider *p, long status)
{
    char text[96];

    if (status >= 200 && status < 300)
        return true;
    snprintf(text, sizeof(text),
             status == 401 || status == 403 ? "the provider refuses the key (%ld)" : "the provider answered %ld", status);
    return probe_fail(p, text);
}

static bool
probe_set(CURL *c, const struct wd_provider *p, const char *url, struct curl_slist *headers)
{
    return curl.setopt(c, CURLOPT_URL, url) == CURLE_OK &&
           curl.setopt(c, CURLOPT_PROTOCOLS_STR, p->tls ? "https" : "http") == CURLE_OK &&
           curl.setopt(c, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK && curl.setopt(c, CURLOPT_PROXY, "") == CURLE_OK &&
           curl.setopt(c, CURLOPT_NOPROXY, "*") == CURLE_OK && curl.setopt(c, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
           curl.setopt(c, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
           curl.setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
           curl.setopt(c, CURLOPT_CAPATH, PROBE_CA_FOLDER) == CURLE_OK &&
           (p->ca_file == NULL || curl.setopt(c, CURLOPT_CAINFO, p->ca_file) == CURLE_OK) &&
           curl.setopt(c, CURLOPT_CONNECTTIMEOUT, PROBE_CONNECT_S) == CURLE_OK &&
           curl.setopt(c, CURLOPT_TIMEOUT, PROBE_S) == CURLE_OK && curl.setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl.setopt(c, CURLOPT_USERAGENT, "warder/" WARDER_VERSION) == CURLE_OK &&
           curl.setopt(c, CURLOPT_WRITEFUNCTION, probe_drop) == CURLE_OK &&
           curl.setopt(c, CURLOPT_HTTPHEADER, headers) == CURLE_OK;
}

static bool
probe_run(const struct wd_provider *p, const char *url, struct curl_slist *headers)
{
    CURL *c = curl.init();
    long status = 0;
    CURLcode rc;
    bool ok;

    if (c == NULL || !probe_set(c, p, url, headers)) {
        curl.cleanup(c);
        return probe_fail(p, "cannot be asked for");
    }
    rc = curl.perform(c);
    if (rc == CURLE_OK)
        curl.getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    ok = rc == CURLE_OK ? probe_judge(p, status) : probe_fail(p, curl.strerror(rc));
    curl.cleanup(c);
    return ok;
}

bool
keys_probe(const struct wd_provider *p, const struct wd_secret *key)
{
    bool v6 = strchr(p->host, ':') != NULL, ok = false;
    struct wd_span bytes = wd_secret_get(key);
    struct curl_slist *headers = NULL, *more;
    char url[2048], header[8192 + 64];

    snprintf(url, sizeof(url), "http%s://%s%s%s:%u%s%s", p->tls ? "s" : "", v6 ? "[" : "", p->host, v6 ? "]" : "", p->port,
             p->base_path, probe_ways[p->format].path);
    snprintf(header, sizeof(header), "%s%.*s", probe_ways[p->format].header, (int)bytes.len, bytes.ptr);
    if (!probe_load()) {
        wd_secret_wipe(header, sizeof(header));
        return probe_fail(p, "cannot be asked for: " PROBE_LIBRARY " (package libcurl4) is not there");
    }
    headers = curl.append(NULL, header);
    wd_secret_wipe(header, sizeof(header));
    more = headers != NULL && probe_ways[p->format].more != NULL ? curl.append(headers, probe_ways[p->format].more) : headers;
    if (more != NULL)
        ok = probe_run(p, url, headers);
    else
        probe_fail(p, "cannot be asked for");
    if (headers != NULL)
        wd_secret_wipe(headers->data, strlen(headers->data));
    curl.free_all(headers);
    curl.global_cleanup();
    return ok;
}
