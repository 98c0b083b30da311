#include "redis_wire.h"

#include <stdlib.h>
#include <string.h>

static const char *const redis_state_texts[WD_REDIS_STATES] = {
    [WD_REDIS_OK] = "ok",
    [WD_REDIS_CONNECTING] = "connecting",
    [WD_REDIS_UNRESOLVED] = "its host cannot be resolved",
    [WD_REDIS_UNREACHABLE] = "not reachable",
    [WD_REDIS_SILENT] = "does not answer in time",
    [WD_REDIS_PASSWORD] = "refuses user or password",
    [WD_REDIS_PERMISSION] = "does not allow its user what is needed",
    [WD_REDIS_TLS] = "TLS failed, or its certificate is not trusted",
    [WD_REDIS_GARBAGE] = "does not speak the protocol",
    [WD_REDIS_LOADING] = "loading its data",
    [WD_REDIS_READONLY] = "read-only",
    [WD_REDIS_FULL] = "full",
    [WD_REDIS_NO_MASTER] = "no master is known",
    [WD_REDIS_FAR] = "at an address that is not spoken to without TLS",
    [WD_REDIS_OTHER_MASTER] = "its data was begun with another master key than this gateway's",
    [WD_REDIS_OTHER_SCHEMA] = "its data is of another version of Warder",
    [WD_REDIS_FORGETS] = "throws out what counts when its memory is full",
    [WD_REDIS_REFUSED] = "refuses to work",
};

const char *
wd_redis_state_text(enum wd_redis_state state)
{
    return redis_state_texts[state];
}

/* First words of errors that concern more than one command. */
static const struct {
    const char *word;
    enum wd_redis_state state;
} redis_errors[] = {
    { "NOAUTH", WD_REDIS_PASSWORD },      { "WRONGPASS", WD_REDIS_PASSWORD },  { "NOPERM", WD_REDIS_PERMISSION },
    { "LOADING", WD_REDIS_LOADING },      { "READONLY", WD_REDIS_READONLY },   { "OOM", WD_REDIS_FULL },
    { "MASTERDOWN", WD_REDIS_NO_MASTER }, { "IDONTKNOW", WD_REDIS_NO_MASTER }, { "CLUSTERDOWN", WD_REDIS_NO_MASTER },
    { "MISCONF", WD_REDIS_REFUSED },      { "NOREPLICAS", WD_REDIS_REFUSED },  { "DENIED", WD_REDIS_REFUSED },
    { "BUSY", WD_REDIS_SILENT },
};

static bool
redis_begins(const redisReply *reply, const char *word)
{
    size_t len = strlen(word);

    return reply->type == REDIS_REPLY_ERROR && reply->len >= len && memcmp(reply->str, word, len) == 0 &&
           (reply->len == len || reply->str[len] == ' ');
}

enum wd_redis_state
wd_redis_state_of(const redisReply *reply)
{
    for (size_t i = 0; i < sizeof(redis_errors) / sizeof(redis_errors[0]); i++)
        if (redis_begins(reply, redis_errors[i].word))
            return redis_errors[i].state;
    return WD_REDIS_OK;
}

/* The functions of hiredis that make a reply, kept beside the reader since hiredis has one table for all. */
struct redis_functions {
    redisReplyObjectFunctions own;
    void *(*make_array)(const redisReadTask *task, int elements);
};

static void *
redis_make_array(const redisReadTask *task, int elements)
{
    struct wd_redis_reader *r = task->privdata;
    const struct redis_functions *fn = (const void *)r->reader->fn;

    if (elements < 0 || (size_t)elements > WD_REDIS_REPLY_ITEMS - r->items)
        return NULL;
    r->items += (size_t)elements;
    return fn->make_array(task, elements);
}

enum wd_err
wd_redis_reader_init(struct wd_redis_reader *r)
{
    struct redis_functions *fn = calloc(1, sizeof(*fn));

    *r = (struct wd_redis_reader){ .reader = fn != NULL ? redisReaderCreate() : NULL };
    if (r->reader == NULL) {
        free(fn);
        return WD_ERR_NOMEM;
    }
    fn->own = *r->reader->fn;
    fn->make_array = fn->own.createArray;
    fn->own.createArray = redis_make_array;
    r->reader->fn = &fn->own;
    r->reader->privdata = r;
    return WD_OK;
}

void
wd_redis_reader_deinit(struct wd_redis_reader *r)
{
    redisReplyObjectFunctions *fn = r->reader != NULL ? r->reader->fn : NULL;

    if (r->reader != NULL)
        redisReaderFree(r->reader);
    free(fn);
    *r = (struct wd_redis_reader){ 0 };
}

enum wd_err
wd_redis_reader_feed(struct wd_redis_reader *r, const char *bytes, size_t len)
{
    r->pending += len;
    return redisReaderFeed(r->reader, bytes, len) == REDIS_OK ? WD_OK : WD_ERR_NOMEM;
}

enum wd_err
wd_redis_reader_next(struct wd_redis_reader *r, redisReply **reply)
{
    void *made = NULL;

    *reply = NULL;
    if (redisReaderGetReply(r->reader, &made) != REDIS_OK)
        return r->reader->err == REDIS_ERR_OOM ? WD_ERR_LIMIT : WD_ERR_SYNTAX;
    if (made == NULL)
        return r->pending <= WD_REDIS_REPLY_BYTES ? WD_OK : WD_ERR_LIMIT;
    r->pending = r->reader->len - r->reader->pos;
    r->items = 0;
    *reply = made;
    return WD_OK;
}

enum wd_err
wd_redis_command(struct wd_buf *out, const struct wd_span *words, size_t count)
{
    size_t before = out->len;
    enum wd_err err = wd_buf_printf(out, "*%zu\r\n", count);

    for (size_t i = 0; err == WD_OK && i < count; i++) {
        err = wd_buf_printf(out, "$%zu\r\n", words[i].len);
        if (err == WD_OK)
            err = wd_buf_add(out, words[i]);
        if (err == WD_OK)
            err = wd_buf_add(out, WD_SPAN("\r\n"));
    }
    if (err != WD_OK)
        out->len = before;
    return err;
}

enum wd_err
wd_redis_greet(struct wd_buf *out, const struct wd_store_url *store, enum wd_redis_greeting greeting)
{
    struct wd_span words[3];
    char digits[16];

    switch (greeting) {
    case WD_REDIS_GREET_AUTH:
        if (store->password == NULL)
            return WD_OK;
        words[0] = WD_SPAN("AUTH");
        words[1] = wd_span_str(store->user != NULL ? store->user : "default");
        words[2] = wd_secret_get(store->password);
        return wd_redis_command(out, words, 3);
    case WD_REDIS_GREET_SELECT:
        if (store->db == 0)
            return WD_OK;
        snprintf(digits, sizeof(digits), "%u", store->db);
        words[0] = WD_SPAN("SELECT");
        words[1] = wd_span_str(digits);
        return wd_redis_command(out, words, 2);
    default:
        words[0] = WD_SPAN("ROLE");
        return wd_redis_command(out, words, 1);
    }
}

enum wd_redis_state
wd_redis_greeted(const struct wd_store_url *store, enum wd_redis_greeting greeting, const redisReply *reply)
{
    enum wd_redis_state state = wd_redis_state_of(reply);
    const redisReply *role;

    if (greeting != WD_REDIS_GREET_ROLE)
        return state != WD_REDIS_OK                ? state
               : reply->type == REDIS_REPLY_STATUS ? WD_REDIS_OK
               : reply->type != REDIS_REPLY_ERROR  ? WD_REDIS_GARBAGE
               : greeting == WD_REDIS_GREET_AUTH   ? WD_REDIS_PASSWORD
                                                   : WD_REDIS_REFUSED;
    /* without Sentinels the probe says the same: a user need not be allowed to ask */
    if (state == WD_REDIS_PERMISSION && store->sentinel == NULL)
        return WD_REDIS_OK;
    if (state != WD_REDIS_OK)
        return state;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0 || reply->element[0]->type != REDIS_REPLY_STRING)
        return WD_REDIS_GARBAGE;
    role = reply->element[0];
    return wd_span_eq(wd_span(role->str, role->len), WD_SPAN("master")) ? WD_REDIS_OK : WD_REDIS_READONLY;
}

enum wd_err
wd_redis_probe(struct wd_buf *out)
{
    /* a script that says by its first line that it may write is refused as a write would be */
    static const struct wd_span words[] = { WD_SPAN_INIT("EVAL"), WD_SPAN_INIT("#!lua\nreturn 1"), WD_SPAN_INIT("0") };

    return wd_redis_command(out, words, sizeof(words) / sizeof(words[0]));
}

enum wd_redis_state
wd_redis_probed(const redisReply *reply)
{
    enum wd_redis_state state = wd_redis_state_of(reply);

    if (state != WD_REDIS_OK)
        return state;
    if (reply->type == REDIS_REPLY_ERROR)
        return WD_REDIS_REFUSED;
    return reply->type == REDIS_REPLY_INTEGER && reply->integer == 1 ? WD_REDIS_OK : WD_REDIS_GARBAGE;
}

enum wd_err
wd_redis_ask_sentinel(struct wd_buf *out, const char *name)
{
    const struct wd_span words[] = { WD_SPAN("SENTINEL"), WD_SPAN("get-master-addr-by-name"), wd_span_str(name) };

    return wd_redis_command(out, words, sizeof(words) / sizeof(words[0]));
}

/* Letters, digits and what else stands in names and addresses; nothing that a log or a resolver would read otherwise. */
static bool
redis_place(struct wd_redis_place *place, struct wd_span host, struct wd_span port)
{
    unsigned long n = 0;

    if (host.len == 0 || host.len >= sizeof(place->host) || port.len == 0 || port.len > 5)
        return false;
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr(".-_:", c) != NULL) ||
            c == '\0')
            return false;
    }
    for (size_t i = 0; i < port.len; i++) {
        if (port.ptr[i] < '0' || port.ptr[i] > '9')
            return false;
        n = n * 10 + (unsigned long)(port.ptr[i] - '0');
    }
    if (n < 1 || n > 65535)
        return false;
    memmove(place->host, host.ptr, host.len);
    place->host[host.len] = '\0';
    place->port = (uint16_t)n;
    return true;
}

bool
wd_redis_sentinel_says(const redisReply *reply, struct wd_redis_place *place)
{
    const redisReply *host, *port;

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2)
        return false;
    host = reply->element[0];
    port = reply->element[1];
    return host->type == REDIS_REPLY_STRING && port->type == REDIS_REPLY_STRING &&
           redis_place(place, wd_span(host->str, host->len), wd_span(port->str, port->len));
}

bool
wd_redis_moved(const redisReply *reply, struct wd_redis_place *place)
{
    const char *address, *colon, *end;

    if (!redis_begins(reply, "MOVED"))
        return false;
    end = reply->str + reply->len;
    address = reply->len > 6 ? memchr(reply->str + 6, ' ', reply->len - 6) : NULL;
    if (address == NULL)
        return false;
    address++;
    colon = memrchr(address, ':', (size_t)(end - address));
    if (colon == NULL)
        return false;
    return redis_place(place, colon == address ? wd_span_str(place->host) : wd_span(address, (size_t)(colon - address)),
                       wd_span(colon + 1, (size_t)(end - colon - 1)));
}
