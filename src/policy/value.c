#include "value.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "policy.h"

#define VALUE_DIGITS 15 /* a double holds these exactly */

/* Digits from *text on, which then stands behind them. */
static enum wd_err
value_digits(uint64_t *value, const char **text)
{
    const char *p = *text;
    size_t len = strspn(p, "0123456789");

    if (len == 0 || (len > 1 && p[0] == '0'))
        return WD_ERR_SYNTAX;
    *text = p + len;
    *value = 0;
    if (len > VALUE_DIGITS)
        return WD_ERR_RANGE;
    for (size_t i = 0; i < len; i++)
        *value = *value * 10 + (uint64_t)(p[i] - '0');
    return WD_OK;
}

enum wd_err
wd_value_uint(uint64_t *value, const char *text)
{
    enum wd_err err = value_digits(value, &text);

    return err == WD_ERR_SYNTAX || *text != '\0' ? WD_ERR_SYNTAX : err;
}

/* Digits, and up to six behind a point, from *text on, which then stands behind them. */
static enum wd_err
value_micro(uint64_t *micro, const char **text)
{
    uint64_t whole, fraction = 0;
    enum wd_err err = value_digits(&whole, text);

    if (err == WD_ERR_SYNTAX)
        return err;
    if (**text == '.') {
        size_t len = strspn(++*text, "0123456789");

        if (len == 0 || len > 6)
            return WD_ERR_SYNTAX;
        for (size_t i = 0; i < 6; i++)
            fraction = fraction * 10 + (i < len ? (uint64_t)((*text)[i] - '0') : 0);
        *text += len;
    }
    if (err == WD_OK && whole > UINT64_MAX / 1000000 - 1)
        err = WD_ERR_RANGE;
    *micro = err == WD_OK ? whole * 1000000 + fraction : 0;
    return err;
}

enum wd_err
wd_value_micro(uint64_t *micro, const char *text)
{
    enum wd_err err = value_micro(micro, &text);

    return err == WD_ERR_SYNTAX || *text != '\0' ? WD_ERR_SYNTAX : err;
}

enum wd_err
wd_value_decimal(double *value, const char *text)
{
    uint64_t micro;
    enum wd_err err = wd_value_micro(&micro, text);

    if (err == WD_OK)
        *value = (double)micro / 1000000;
    return err;
}

enum wd_err
wd_value_bytes(uint64_t *bytes, const char *text)
{
    static const struct {
        const char *name;
        unsigned shift;
    } units[] = { { "", 0 }, { "KiB", 10 }, { "MiB", 20 } };
    enum wd_err err = value_digits(bytes, &text);

    if (err == WD_ERR_SYNTAX)
        return err;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(text, units[i].name) != 0)
            continue;
        if (err != WD_OK || *bytes > UINT64_MAX >> units[i].shift)
            return WD_ERR_RANGE;
        *bytes <<= units[i].shift;
        return WD_OK;
    }
    return WD_ERR_SYNTAX;
}

enum wd_err
wd_value_millis(uint64_t *ms, const char *text)
{
    enum wd_err err = value_digits(ms, &text);
    uint64_t unit = strcmp(text, "ms") == 0 ? 1 : strcmp(text, "s") == 0 ? 1000 : 0;

    if (err == WD_ERR_SYNTAX || unit == 0)
        return WD_ERR_SYNTAX;
    if (err != WD_OK || *ms > UINT64_MAX / 1000)
        return WD_ERR_RANGE;
    *ms *= unit;
    return WD_OK;
}

static const uint64_t value_day = 86400;

enum wd_err
wd_duration_parse(uint64_t *seconds, const char *text)
{
    uint64_t n, unit;
    enum wd_err err = value_digits(&n, &text);

    if (err == WD_ERR_SYNTAX)
        return err;
    switch (*text) {
    case 's':
        unit = 1;
        break;
    case 'm':
        unit = 60;
        break;
    case 'h':
        unit = 3600;
        break;
    case 'd':
        unit = value_day;
        break;
    default:
        return WD_ERR_SYNTAX;
    }
    if (text[1] != '\0')
        return WD_ERR_SYNTAX;
    if (err != WD_OK || n == 0 || n > 36500 * value_day / unit)
        return WD_ERR_RANGE;
    *seconds = n * unit;
    return WD_OK;
}

enum wd_err
wd_limit_parse(struct wd_limit *limit, enum wd_unit unit, const char *text)
{
    uint64_t max = unit == WD_UNIT_REQUESTS ? WD_LIMIT_REQUESTS_MAX : WD_LIMIT_AMOUNT_MAX;
    uint64_t n, window;
    enum wd_err err, window_err;

    err = unit == WD_UNIT_MICRO_USD ? value_micro(&n, &text) : value_digits(&n, &text);
    if (err == WD_ERR_SYNTAX || *text != '/')
        return WD_ERR_SYNTAX;
    window_err = wd_duration_parse(&window, text + 1);
    if (window_err == WD_ERR_SYNTAX)
        return window_err;
    if (err != WD_OK || window_err != WD_OK || n < 1 || n > max || window > WD_LIMIT_WINDOW_MAX_S)
        return WD_ERR_RANGE;
    *limit = (struct wd_limit){ .count = n, .window_s = (uint32_t)window, .unit = (uint8_t)unit };
    return WD_OK;
}

static bool
limit_before(const struct wd_limit *a, const struct wd_limit *b)
{
    if (a->unit != b->unit)
        return a->unit < b->unit;
    return a->window_s != b->window_s ? a->window_s > b->window_s : a->count < b->count;
}

void
wd_limits_rank(struct wd_limit *limits, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct wd_limit l = limits[i];
        size_t k = i;
        for (; k > 0 && limit_before(&l, &limits[k - 1]); k--)
            limits[k] = limits[k - 1];
        limits[k] = l;
    }
    for (size_t first = 0, end; first < count; first = end) {
        uint32_t hash = 2166136261u;

        for (end = first; end < count && limits[end].unit == limits[first].unit; end++)
            hash = (hash ^ limits[end].window_s) * 16777619u;
        uint16_t group = (uint16_t)(hash >> 16 ^ hash);
        for (size_t i = first; i < end; i++) {
            limits[i].rank = (uint8_t)(i - first);
            limits[i].group = end - first > 1 ? (group != 0 ? group : 1) : 0;
        }
    }
}

static bool
value_ip(char out[WD_ADDRESS_SIZE], const char *text, int family)
{
    unsigned char bytes[sizeof(struct in6_addr)];

    return inet_pton(family, text, bytes) == 1 && inet_ntop(family, bytes, out, WD_ADDRESS_SIZE) != NULL;
}

/* The host in brackets or up to the last colon; *rest stands behind it. */
static bool
value_split_host(char *host, size_t size, bool *v6, const char *text, size_t len, const char **rest)
{
    const char *start = text, *end;

    *v6 = len > 0 && text[0] == '[';
    if (*v6)
        start++;
    end = memchr(text, *v6 ? ']' : ':', len);
    if (end == NULL && *v6)
        return false;
    if (end == NULL)
        end = text + len;
    if (end == start || (size_t)(end - start) >= size)
        return false;
    memcpy(host, start, (size_t)(end - start));
    host[end - start] = '\0';
    *rest = *v6 ? end + 1 : end;
    return true;
}

static enum wd_err
value_port(uint16_t *port, const char *text)
{
    uint64_t n;
    enum wd_err err = wd_value_uint(&n, text);

    if (err == WD_OK && (n < 1 || n > 65535))
        err = WD_ERR_RANGE;
    if (err == WD_OK)
        *port = (uint16_t)n;
    return err;
}

enum wd_err
wd_value_address(char host[WD_ADDRESS_SIZE], uint16_t *port, const char *text)
{
    char name[WD_ADDRESS_SIZE];
    const char *rest;
    bool v6;

    if (!value_split_host(name, sizeof(name), &v6, text, strlen(text), &rest) || *rest != ':')
        return WD_ERR_SYNTAX;
    if (strcasecmp(name, "localhost") == 0)
        memcpy(name, "127.0.0.1", sizeof("127.0.0.1"));
    if (!value_ip(host, name, v6 ? AF_INET6 : AF_INET))
        return WD_ERR_SYNTAX;
    return value_port(port, rest + 1);
}

bool
wd_value_loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;

    if (strcasecmp(host, "localhost") == 0)
        return true;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

bool
wd_value_any_address(const char *host)
{
    return strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
}

/* "127.1" and "0x7f.1" are addresses to inet_aton(3): a last label that is a number makes no name. */
static bool
value_numeric_label(const char *label)
{
    if (label[0] == '0' && label[1] == 'x')
        return label[2 + strspn(label + 2, "0123456789abcdef")] == '\0';
    return label[strspn(label, "0123456789")] == '\0';
}

/* A DNS name (RFC 1123, underscore allowed), turned to lower case. */
static bool
value_dns_name(char *host)
{
    size_t len = strlen(host), label = 0;

    if (len > 253)
        return false;
    for (size_t i = 0; i <= len; i++) {
        char c = host[i];

        if (c >= 'A' && c <= 'Z')
            c = host[i] = (char)(c + ('a' - 'A'));
        if (c == '.' || c == '\0') {
            if (i == label || i - label > 63 || host[label] == '-' || host[i - 1] == '-')
                return false;
            if (c == '.')
                label = i + 1;
        } else if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-')) {
            return false;
        }
    }
    return !value_numeric_label(host + label);
}

static bool
value_url_path(char *out, const char *path)
{
    static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    size_t len = strlen(path);

    if (len > 0 && path[len - 1] == '/')
        len--;
    for (size_t i = 0; i < len;) {
        size_t segment;

        if (path[i] != '/')
            return false;
        segment = strspn(path + ++i, unreserved);
        if (segment == 0 || (segment == 1 && path[i] == '.') || (segment == 2 && memcmp(path + i, "..", 2) == 0))
            return false;
        i += segment;
    }
    memcpy(out, path, len);
    out[len] = '\0';
    return true;
}

enum wd_err
wd_value_host(char host[WD_URL_SIZE], uint16_t *port, const char *authority, size_t len, const char **what)
{
    char digits[8], ip[WD_ADDRESS_SIZE];
    const char *rest;
    size_t left;
    bool v6;

    *what = "has no valid host";
    if (!value_split_host(host, WD_URL_SIZE, &v6, authority, len, &rest))
        return WD_ERR_SYNTAX;
    if (value_ip(ip, host, v6 ? AF_INET6 : AF_INET))
        memcpy(host, ip, sizeof(ip));
    else if (v6 || !value_dns_name(host))
        return WD_ERR_SYNTAX;
    left = len - (size_t)(rest - authority);
    if (left == 0)
        return WD_OK;
    *what = "has no valid port";
    if (rest[0] != ':' || left > sizeof(digits))
        return WD_ERR_SYNTAX;
    memcpy(digits, rest + 1, left - 1);
    digits[left - 1] = '\0';
    return value_port(port, digits);
}

enum wd_err
wd_value_url(struct wd_url *url, const char *text, const char **what)
{
    const char *authority;
    size_t len;
    enum wd_err err;

    *what = "is too long";
    if (strlen(text) >= WD_URL_SIZE)
        return WD_ERR_RANGE;
    *what = "is not an http or https URL";
    url->tls = strncasecmp(text, "https://", 8) == 0;
    if (!url->tls && strncasecmp(text, "http://", 7) != 0)
        return WD_ERR_SYNTAX;
    authority = text + (url->tls ? 8 : 7);
    *what = "must hold no user name, query or fragment";
    if (strpbrk(authority, "@?#") != NULL)
        return WD_ERR_SYNTAX;
    len = strcspn(authority, "/");
    url->port = url->tls ? 443 : 80;
    err = wd_value_host(url->host, &url->port, authority, len, what);
    if (err != WD_OK)
        return err;
    *what = "has a path of other than plain segments";
    if (!value_url_path(url->path, authority + len))
        return WD_ERR_SYNTAX;
    *what = "would send the key in the clear";
    if (!url->tls && !wd_value_loopback(url->host))
        return WD_ERR_RANGE;
    return WD_OK;
}

/* Beginnings of provider keys and tokens, July 2025. */
static const char *const value_key_starts[] = {
    "sk-",  "sk_",         "pk_",    "rk_", "AIza", "AKIA", "ASIA", "ghp_", "gho_",
    "ghs_", "github_pat_", "glpat-", "xox", "gsk_", "xai-", "hf_",  "eyJ",
};

bool
wd_value_secretive(const char *text)
{
    size_t len = strlen(text);
    bool lower = false, upper = false, digit = false;

    for (size_t i = 0; i < sizeof(value_key_starts) / sizeof(value_key_starts[0]); i++) {
        size_t n = strlen(value_key_starts[i]);

        if (len >= n + 8 && strncmp(text, value_key_starts[i], n) == 0)
            return true;
    }
    for (size_t i = 0; i < len; i++) {
        lower |= text[i] >= 'a' && text[i] <= 'z';
        upper |= text[i] >= 'A' && text[i] <= 'Z';
        digit |= text[i] >= '0' && text[i] <= '9';
    }
    return len >= 24 && digit && lower && upper;
}
