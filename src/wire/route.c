#include "op.h"

/* Where a path may lead, once a provider's name is off. Matched byte for byte: an escape, "//" or ".." is in no row. */
static const struct route_row {
    const char *path;
    enum wd_format format;
    enum wd_op op;
    bool alias_only; /* a spelling of SDKs that know no provider in front */
} route_rows[] = {
    { "/v1/chat/completions", WD_FORMAT_OPENAI, WD_OP_CHAT, false },
    { "/v1/responses", WD_FORMAT_OPENAI, WD_OP_RESPONSES, false },
    { "/v1/embeddings", WD_FORMAT_OPENAI, WD_OP_EMBEDDINGS, false },
    { "/v1/models", WD_FORMAT_OPENAI, WD_OP_MODELS, false },
    { "/v1/messages", WD_FORMAT_ANTHROPIC, WD_OP_MESSAGES, false },
    { "/v1/messages/count_tokens", WD_FORMAT_ANTHROPIC, WD_OP_MESSAGES_COUNT, false },
    { "/v1/models", WD_FORMAT_ANTHROPIC, WD_OP_MODELS, false },
    { "/messages", WD_FORMAT_ANTHROPIC, WD_OP_MESSAGES, true },
    { "/messages/count_tokens", WD_FORMAT_ANTHROPIC, WD_OP_MESSAGES_COUNT, true },
    { "/v1/v1/messages", WD_FORMAT_ANTHROPIC, WD_OP_MESSAGES, true },
    { "/v1/v1/messages/count_tokens", WD_FORMAT_ANTHROPIC, WD_OP_MESSAGES_COUNT, true },
};

static const struct {
    const char *name;
    enum wd_op op;
} route_verbs[] = {
    { "generateContent", WD_OP_GENERATE },       { "streamGenerateContent", WD_OP_STREAM_GENERATE },
    { "countTokens", WD_OP_COUNT_TOKENS },       { "embedContent", WD_OP_EMBED },
    { "batchEmbedContents", WD_OP_BATCH_EMBED },
};

/* Routes exist for these names whatever the policy says: the caller then learns that the provider is not allowed. */
static const struct {
    const char *name;
    enum wd_format format;
} route_known[] = {
    { "openai", WD_FORMAT_OPENAI },
    { "anthropic", WD_FORMAT_ANTHROPIC },
    { "google", WD_FORMAT_GOOGLE },
};

static const enum wd_error_shape route_shapes[] = {
    [WD_FORMAT_OPENAI] = WD_SHAPE_OPENAI,
    [WD_FORMAT_ANTHROPIC] = WD_SHAPE_ANTHROPIC,
    [WD_FORMAT_GOOGLE] = WD_SHAPE_GOOGLE,
};

/* Names in a query that carry a key, as they are once decoded, in lower case and without "-" and "_". */
static const char *const route_key_names[] = {
    "key",     "apikey",    "xapikey",    "xgoogapikey", "accesskey",   "secretkey", "token",         "accesstoken", "apitoken",
    "idtoken", "authtoken", "oauthtoken", "bearer",      "bearertoken", "auth",      "authorization", "secret",      "password",
};

static bool
route_starts(struct wd_span s, const char *prefix, struct wd_span *rest)
{
    size_t len = strlen(prefix);

    if (s.len < len || memcmp(s.ptr, prefix, len) != 0)
        return false;
    *rest = wd_span(s.ptr + len, s.len - len);
    return true;
}

/* True when the path is prefix or goes on below it. */
static bool
route_below(struct wd_span path, const char *prefix)
{
    struct wd_span rest;

    return route_starts(path, prefix, &rest) && (rest.len == 0 || rest.ptr[0] == '/');
}

static bool
route_model_valid(struct wd_span model)
{
    if (model.len == 0 || model.len > 256 || model.ptr[0] == '.')
        return false;
    for (size_t i = 0; i < model.len; i++) {
        char c = model.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';

        if (!plain && (c != '.' || (i > 0 && model.ptr[i - 1] == '.')))
            return false;
    }
    return true;
}

/* /{v1,v1beta}/models/{model}:{verb} */
static bool
route_google(struct wd_route *route, struct wd_span path)
{
    struct wd_span rest, verb;
    const char *colon;

    if (route_starts(path, "/v1beta/models/", &rest))
        route->version = wd_span(path.ptr + 1, 6);
    else if (route_starts(path, "/v1/models/", &rest))
        route->version = wd_span(path.ptr + 1, 2);
    else
        return false;
    colon = memchr(rest.ptr, ':', rest.len);
    if (colon == NULL)
        return false;
    route->model = wd_span(rest.ptr, (size_t)(colon - rest.ptr));
    verb = wd_span(colon + 1, rest.len - route->model.len - 1);
    for (size_t i = 0; i < sizeof(route_verbs) / sizeof(route_verbs[0]); i++) {
        if (wd_span_eq(verb, wd_span_str(route_verbs[i].name))) {
            route->op = route_verbs[i].op;
            route->format = WD_FORMAT_GOOGLE;
            return route_model_valid(route->model);
        }
    }
    return false;
}

static bool
route_row(struct wd_route *route, struct wd_span path, bool alias)
{
    for (size_t i = 0; i < sizeof(route_rows) / sizeof(route_rows[0]); i++) {
        const struct route_row *row = &route_rows[i];

        if (row->alias_only && !alias)
            continue;
        if (!alias && row->format != route->format)
            continue;
        if (wd_span_eq(path, wd_span_str(row->path))) {
            route->op = row->op;
            route->format = row->format;
            return true;
        }
    }
    return false;
}

static bool
route_provider_format(const struct wd_policy *policy, struct wd_span name, enum wd_format *format)
{
    for (uint32_t i = 0; i < policy->provider_count; i++) {
        if (wd_span_eq(name, wd_span_str(policy->providers[i].name))) {
            *format = policy->providers[i].format;
            return true;
        }
    }
    for (size_t i = 0; i < sizeof(route_known) / sizeof(route_known[0]); i++) {
        if (wd_span_eq(name, wd_span_str(route_known[i].name))) {
            *format = route_known[i].format;
            return true;
        }
    }
    return false;
}

/* The first segment of the path when it names a provider; what follows in *rest. */
static bool
route_provider(struct wd_route *route, const struct wd_policy *policy, struct wd_span path, struct wd_span *rest)
{
    const char *slash;
    size_t len;

    if (path.len < 2 || path.ptr[0] != '/')
        return false;
    slash = memchr(path.ptr + 1, '/', path.len - 1);
    len = slash != NULL ? (size_t)(slash - path.ptr) - 1 : path.len - 1;
    if (!route_provider_format(policy, wd_span(path.ptr + 1, len), &route->format))
        return false;
    route->provider = wd_span(path.ptr + 1, len);
    *rest = wd_span(path.ptr + 1 + len, path.len - 1 - len);
    return true;
}

static enum wd_error_shape
route_guess(struct wd_span path)
{
    static const struct {
        const char *prefix;
        enum wd_error_shape shape;
    } guesses[] = {
        { "/v1/messages", WD_SHAPE_ANTHROPIC },
        { "/v1/v1/messages", WD_SHAPE_ANTHROPIC },
        { "/messages", WD_SHAPE_ANTHROPIC },
        { "/v1beta", WD_SHAPE_GOOGLE },
    };
    struct wd_span rest;

    for (size_t i = 0; i < sizeof(guesses) / sizeof(guesses[0]); i++) {
        if (route_below(path, guesses[i].prefix))
            return guesses[i].shape;
    }
    if (route_starts(path, "/v1/models/", &rest) && memchr(rest.ptr, ':', rest.len) != NULL)
        return WD_SHAPE_GOOGLE;
    return route_below(path, "/v1") ? WD_SHAPE_OPENAI : WD_SHAPE_UNIVERSAL;
}

static bool
route_find(struct wd_route *route, const struct wd_policy *policy, struct wd_span path)
{
    struct wd_span rest, inner;

    route->shape = route_guess(path);
    if (route_row(route, path, true) || route_google(route, path)) {
        route->shape = wd_op_shape(route->op);
        return true;
    }
    *route = (struct wd_route){ .shape = route->shape };
    if (!route_provider(route, policy, path, &rest))
        return false;
    route->shape = route_shapes[route->format];
    if (route->format == WD_FORMAT_GOOGLE)
        return route_google(route, rest);
    if (route_row(route, rest, false))
        return true;
    return route->format == WD_FORMAT_OPENAI && !wd_span_eq(route->provider, WD_SPAN("openai")) &&
           route_starts(rest, "/openai", &inner) && route_row(route, inner, false);
}

static int
route_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-encoding and case undone, "-" and "_" left out; false when it is longer than any name we look for. */
static bool
route_fold_name(struct wd_span raw, char out[32], size_t *len)
{
    *len = 0;
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.ptr[i];

        if (c == '%' && i + 2 < raw.len && route_hex(raw.ptr[i + 1]) >= 0 && route_hex(raw.ptr[i + 2]) >= 0) {
            c = (char)(route_hex(raw.ptr[i + 1]) * 16 + route_hex(raw.ptr[i + 2]));
            i += 2;
        }
        if (c == '-' || c == '_' || c == '$')
            continue;
        if (*len == 32)
            return false;
        out[(*len)++] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    return true;
}

static bool
route_is_key(struct wd_span raw_name)
{
    char name[32];
    size_t len;

    if (!route_fold_name(raw_name, name, &len))
        return false;
    for (size_t i = 0; i < sizeof(route_key_names) / sizeof(route_key_names[0]); i++) {
        if (wd_span_eq(wd_span(name, len), wd_span_str(route_key_names[i])))
            return true;
    }
    return false;
}

static struct wd_span
route_parameter(struct wd_span *query)
{
    const char *end = memchr(query->ptr, '&', query->len);
    size_t len = end != NULL ? (size_t)(end - query->ptr) : query->len;
    struct wd_span parameter = wd_span(query->ptr, len);
    size_t skip = len + (end != NULL);

    *query = wd_span(query->ptr + skip, query->len - skip);
    return parameter;
}

static bool
route_query_has_key(struct wd_span query)
{
    while (query.len > 0) {
        struct wd_span parameter = route_parameter(&query);
        const char *equals = memchr(parameter.ptr, '=', parameter.len);

        if (route_is_key(wd_span(parameter.ptr, equals != NULL ? (size_t)(equals - parameter.ptr) : parameter.len)))
            return true;
    }
    return false;
}

static enum wd_code
route_query(const struct wd_route *route, struct wd_span query, const char **message)
{
    bool sse = false;

    while (query.len > 0) {
        struct wd_span parameter = route_parameter(&query);

        if (parameter.len == 0)
            continue;
        if (route->op == WD_OP_STREAM_GENERATE && wd_span_eq(parameter, WD_SPAN("alt=sse"))) {
            sse = true;
        } else if (route->format != WD_FORMAT_ANTHROPIC || !wd_span_eq(parameter, WD_SPAN("beta=true"))) {
            *message =
                "this query parameter is not supported (accepted: alt=sse with streamGenerateContent, beta=true with messages)";
            return WD_CODE_UNSUPPORTED_PARAMETER;
        }
    }
    if (route->op == WD_OP_STREAM_GENERATE && !sse) {
        *message = "streamGenerateContent is supported as server-sent events only (add ?alt=sse)";
        return WD_CODE_UNSUPPORTED_PARAMETER;
    }
    return WD_CODE_NONE;
}

enum wd_code
wd_route_read(struct wd_route *route, const struct wd_policy *policy, struct wd_span method, struct wd_span path,
              struct wd_span query, const char **message)
{
    *route = (struct wd_route){ 0 };
    *message = NULL;
    if (!route_find(route, policy, path)) {
        *message = "there is no such route here";
        return WD_CODE_UNKNOWN_ROUTE;
    }
    if (!wd_span_eq(method, route->op == WD_OP_MODELS ? WD_SPAN("GET") : WD_SPAN("POST"))) {
        *message = route->op == WD_OP_MODELS ? "this route is for GET" : "this route is for POST";
        return WD_CODE_UNKNOWN_ROUTE;
    }
    if (route_query_has_key(query)) {
        *message = "a key in the query ends up in logs: send it as a header (Authorization, x-api-key or x-goog-api-key)";
        return WD_CODE_INVALID_REQUEST;
    }
    return route_query(route, query, message);
}

static const char *
route_canonical(const struct wd_route *route)
{
    for (size_t i = 0; i < sizeof(route_rows) / sizeof(route_rows[0]); i++) {
        if (route_rows[i].op == route->op)
            return route_rows[i].path;
    }
    return NULL;
}

static enum wd_err
route_upstream_google(const struct wd_route *route, struct wd_span model, struct wd_buf *out)
{
    if (!route_model_valid(model))
        return WD_ERR_SYNTAX;
    for (size_t i = 0; i < sizeof(route_verbs) / sizeof(route_verbs[0]); i++) {
        if (route_verbs[i].op == route->op)
            return wd_buf_printf(out, "/%.*s/models/%.*s:%s%s", (int)route->version.len, route->version.ptr, (int)model.len,
                                 model.ptr, route_verbs[i].name, route->op == WD_OP_STREAM_GENERATE ? "?alt=sse" : "");
    }
    return WD_ERR_NOTFOUND;
}

enum wd_err
wd_route_upstream(const struct wd_route *route, const struct wd_provider *provider, struct wd_span model, struct wd_buf *out)
{
    size_t before = out->len;
    const char *path = route_canonical(route);
    enum wd_err err = wd_buf_add_str(out, provider->base_path);

    if (err == WD_OK)
        err = path != NULL ? wd_buf_add_str(out, path) : route_upstream_google(route, model, out);
    if (err != WD_OK)
        out->len = before;
    return err;
}
