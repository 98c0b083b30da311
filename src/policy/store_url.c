#include "store_url.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "value.h"

#define STORE_URL_BYTES 2048
#define STORE_WORD 512 /* bytes of a user, a password, a path */
#define STORE_DB_MAX 9999
#define STORE_PORT 6379
#define STORE_SENTINEL_PORT 26379

/* A part of the URL on its way. */
struct store_read {
    struct wd_store_url *store;
    struct wd_arena *arena;
    const char **what;
};

static int
store_hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Percent-decoded, with a NUL behind it; false for a wrong escape, a NUL within, or what is too long. */
static bool
store_decode(char out[STORE_WORD + 1], size_t *out_len, struct wd_span text)
{
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c == '%') {
            int high = -1, low = -1;

            if (text.len - i > 2) {
                high = store_hex(text.ptr[i + 1]);
                low = store_hex(text.ptr[i + 2]);
            }
            if (high < 0 || low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        }
        if (c == '\0' || len == STORE_WORD)
            return false;
        out[len++] = c;
    }
    out[len] = '\0';
    *out_len = len;
    return true;
}

bool
wd_store_password_ok(struct wd_span password)
{
    for (size_t i = 0; i < password.len; i++)
        if ((unsigned char)password.ptr[i] < ' ' || password.ptr[i] == 0x7f)
            return false;
    return password.len >= 1 && password.len <= STORE_WORD;
}

static enum wd_err
store_keep(struct store_read *r, const char **member, struct wd_span text)
{
    *member = wd_arena_dup(r->arena, text);
    return *member != NULL ? WD_OK : WD_ERR_NOMEM;
}

/* "user:password", ":password" or "user", whose password comes from the environment. */
static enum wd_err
store_login(struct store_read *r, struct wd_span text)
{
    const char *colon = memchr(text.ptr, ':', text.len);
    size_t user_len = colon != NULL ? (size_t)(colon - text.ptr) : text.len, len;
    char word[STORE_WORD + 1];
    enum wd_err err = WD_OK;

    *r->what = "has no valid user name";
    if (!store_decode(word, &len, wd_span(text.ptr, user_len)) || (len == 0 && colon == NULL))
        return WD_ERR_SYNTAX;
    if (len > 0 && (!wd_store_password_ok(wd_span(word, len)) || memchr(word, ' ', len) != NULL))
        return WD_ERR_SYNTAX;
    if (len > 0)
        err = store_keep(r, &r->store->user, wd_span(word, len));
    if (err != WD_OK || colon == NULL)
        return err;
    *r->what = "has no valid password";
    err = WD_ERR_SYNTAX;
    if (store_decode(word, &len, wd_span(colon + 1, text.len - user_len - 1)) && wd_store_password_ok(wd_span(word, len)))
        err = wd_secret_new(&r->store->password, wd_span(word, len));
    r->store->password_in_file = err == WD_OK;
    wd_secret_wipe(word, sizeof(word));
    return err;
}

bool
wd_store_address_private(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;

    if (wd_value_loopback(host))
        return true;
    if (inet_pton(AF_INET, host, &v4) == 1) {
        uint32_t ip = ntohl(v4.s_addr);

        return ip >> 24 == 10 || ip >> 20 == (172 << 4 | 1) || ip >> 16 == (192 << 8 | 168);
    }
    return inet_pton(AF_INET6, host, &v6) == 1 && (v6.s6_addr[0] & 0xfe) == 0xfc;
}

static enum wd_err
store_host(struct store_read *r, struct wd_span text)
{
    struct wd_store_host *host = &r->store->hosts[r->store->host_count];
    char name[WD_URL_SIZE];
    enum wd_err err;

    *r->what = "names too many hosts";
    if (r->store->host_count == WD_STORE_HOSTS_MAX)
        return WD_ERR_RANGE;
    host->port = r->store->sentinel != NULL ? STORE_SENTINEL_PORT : STORE_PORT;
    err = wd_value_host(name, &host->port, text.ptr, text.len, r->what);
    if (err != WD_OK)
        return err;
    *r->what = "would send tokens' digests and counters in the clear to a host that need not be near";
    if (!r->store->tls && !wd_store_address_private(name))
        return WD_ERR_DENIED;
    r->store->host_count++;
    return store_keep(r, &host->host, wd_span_str(name));
}

static enum wd_err
store_hosts(struct store_read *r, struct wd_span text)
{
    for (;;) {
        const char *comma = text.len > 0 ? memchr(text.ptr, ',', text.len) : NULL;
        size_t len = comma != NULL ? (size_t)(comma - text.ptr) : text.len;
        enum wd_err err = store_host(r, wd_span(text.ptr, len));

        if (err != WD_OK || comma == NULL)
            return err;
        text = wd_span(comma + 1, text.len - len - 1);
    }
}

/* "/2", "/" or nothing. */
static enum wd_err
store_db(struct store_read *r, struct wd_span text)
{
    char digits[8];
    uint64_t db = 0;

    *r->what = "has no valid number of a database";
    if (text.len <= 1)
        return WD_OK;
    if (text.len > sizeof(digits))
        return WD_ERR_SYNTAX;
    memcpy(digits, text.ptr + 1, text.len - 1);
    digits[text.len - 1] = '\0';
    if (wd_value_uint(&db, digits) != WD_OK)
        return WD_ERR_SYNTAX;
    r->store->db = (uint32_t)db;
    return db <= STORE_DB_MAX ? WD_OK : WD_ERR_RANGE;
}

static bool
store_sentinel_name(const char *name)
{
    size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.");

    return len >= 1 && len <= 64 && name[len] == '\0';
}

static enum wd_err
store_option(struct store_read *r, struct wd_span name, struct wd_span value)
{
    bool sentinel = wd_span_eq(name, WD_SPAN("sentinel"));
    const char **member = sentinel ? &r->store->sentinel : &r->store->ca_file;
    char word[STORE_WORD + 1];
    size_t len;

    *r->what = "has an option that is not known";
    if (!sentinel && !wd_span_eq(name, WD_SPAN("ca_file")))
        return WD_ERR_SYNTAX;
    *r->what = sentinel ? "has no valid sentinel" : "has no valid ca_file";
    if (*member != NULL || !store_decode(word, &len, value) || len == 0 || (sentinel && !store_sentinel_name(word)))
        return WD_ERR_SYNTAX;
    *r->what = "has a ca_file, which has no effect without TLS";
    if (!sentinel && !r->store->tls)
        return WD_ERR_SYNTAX;
    return store_keep(r, member, wd_span(word, len));
}

/* "sentinel=NAME&ca_file=PATH" */
static enum wd_err
store_options(struct store_read *r, struct wd_span text)
{
    while (text.len > 0) {
        const char *end = memchr(text.ptr, '&', text.len);
        size_t len = end != NULL ? (size_t)(end - text.ptr) : text.len;
        const char *equals = memchr(text.ptr, '=', len);
        size_t name_len = equals != NULL ? (size_t)(equals - text.ptr) : len;
        enum wd_err err =
            store_option(r, wd_span(text.ptr, name_len),
                         equals != NULL ? wd_span(equals + 1, len - name_len - 1) : wd_span(text.ptr + name_len, 0));

        if (err != WD_OK)
            return err;
        text = end != NULL ? wd_span(end + 1, text.len - len - 1) : wd_span(text.ptr + len, 0);
    }
    return WD_OK;
}

/* Options are read before the hosts: Sentinels have another port. */
static enum wd_err
store_parts(struct store_read *r, const char *rest)
{
    size_t len = strcspn(rest, "/?#");
    const char *at = memchr(rest, '@', len), *hosts = at != NULL ? at + 1 : rest, *path = rest + len;
    size_t path_len = strcspn(path, "?#");
    enum wd_err err = WD_OK;

    *r->what = "has a fragment, or a # that is not written as %23";
    if (strchr(rest, '#') != NULL)
        return WD_ERR_SYNTAX;
    *r->what = "has more than one @ (write %40 within a password)";
    if (at != NULL && memchr(hosts, '@', len - (size_t)(hosts - rest)) != NULL)
        return WD_ERR_SYNTAX;
    if (path[path_len] == '?')
        err = store_options(r, wd_span_str(path + path_len + 1));
    if (err == WD_OK)
        err = store_db(r, wd_span(path, path_len));
    if (err == WD_OK)
        err = store_hosts(r, wd_span(hosts, len - (size_t)(hosts - rest)));
    if (err == WD_OK && at != NULL)
        err = store_login(r, wd_span(rest, (size_t)(at - rest)));
    return err;
}

enum wd_err
wd_store_url(struct wd_store_url *store, struct wd_arena *arena, const char *text, const char **what)
{
    struct store_read r = { .store = store, .arena = arena, .what = what };

    *store = (struct wd_store_url){ 0 };
    if (strcmp(text, "embedded") == 0)
        return WD_OK;
    *what = "is too long";
    if (strlen(text) > STORE_URL_BYTES)
        return WD_ERR_RANGE;
    *what = "is neither embedded nor a redis:// or rediss:// URL";
    store->shared = true;
    store->tls = strncasecmp(text, "rediss://", 9) == 0;
    if (!store->tls && strncasecmp(text, "redis://", 8) != 0)
        return WD_ERR_SYNTAX;
    return store_parts(&r, text + (store->tls ? 9 : 8));
}
