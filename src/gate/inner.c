#include "inner_parts.h"

#include <stdio.h>

/* Failed tokens of one address: DESIGN 4.4, always on. */
static const struct wd_limit inner_failed_tokens = { .count = 60, .window_s = 60 };

static uint64_t
inner_seconds_up(uint64_t us)
{
    uint64_t s = (us + 999999) / 1000000;
    return s > 0 ? s : 1;
}

static enum wd_code
inner_store_failed(struct wd_exchange *ex)
{
    return wd_exchange_refuse(ex, WD_CODE_STORE_UNAVAILABLE, "the gateway's store does not answer; the request was not sent");
}

/* One claim that is never given back: addresses and failed tokens. */
static enum wd_code
inner_take_address(const struct wd_gate *gate, struct wd_exchange *ex, const char *scope, struct wd_limit limit, uint64_t mono_us)
{
    struct wd_claim claim = { .limit = limit };
    size_t which;

    wd_limits_key(claim.key, gate->limits_key, scope, wd_span_str(ex->address), wd_span("", 0));
    switch (wd_limits_take(gate->limits, &claim, 1, mono_us, &which)) {
    case WD_OK:
        return WD_CODE_NONE;
    case WD_ERR_DENIED:
        ex->retry_after_s = inner_seconds_up(claim.reset_us);
        return wd_exchange_refuse(ex, WD_CODE_RATE_LIMIT_EXCEEDED, "too many %s from this address: %llu in %u s (scope: address)",
                                  strcmp(scope, "failed") == 0 ? "failed tokens" : "requests", (unsigned long long)limit.count,
                                  limit.window_s);
    default:
        return inner_store_failed(ex);
    }
}

static enum wd_code
inner_invalid_token(const struct wd_gate *gate, struct wd_exchange *ex, const char *why, uint64_t mono_us)
{
    enum wd_code code = inner_take_address(gate, ex, "failed", inner_failed_tokens, mono_us);

    if (code != WD_CODE_NONE)
        return code;
    return wd_exchange_refuse(ex, WD_CODE_INVALID_TOKEN,
                              "%s; send a Warder token where your SDK puts its API key (Authorization: Bearer, x-api-key or "
                              "x-goog-api-key)",
                              why);
}

static enum wd_code
inner_authenticate(const struct wd_gate *gate, struct wd_exchange *ex, const struct wd_arrival *arrival, struct wd_now now)
{
    struct wd_principal who;

    if (arrival->tokens_differ)
        return inner_invalid_token(gate, ex, "the request carries two different tokens", now.mono_us);
    if (arrival->token.len == 0)
        return inner_invalid_token(gate, ex, "the token is missing", now.mono_us);
    if (gate->tokens == NULL)
        return inner_store_failed(ex);

    switch (wd_tokens_lookup(gate->tokens, arrival->token, (int64_t)(now.wall_us / 1000000), &who)) {
    case WD_OK:
        break;
    case WD_ERR_NOTFOUND:
        return inner_invalid_token(gate, ex, "the token is not known or was revoked", now.mono_us);
    case WD_ERR_DENIED:
        return inner_invalid_token(gate, ex, "the token has expired", now.mono_us);
    default:
        return inner_store_failed(ex);
    }

    ex->who = who;
    ex->role = wd_policy_role(gate->policy, wd_span_str(who.role));
    if (ex->role == NULL)
        return wd_exchange_refuse(ex, WD_CODE_PROVIDER_NOT_ALLOWED, "the token's role is not in the policy any more");
    return WD_CODE_NONE;
}

/* The provider that the path names, or on GET /v1/models the first that the role may use in the caller's format. */
static enum wd_code
inner_provider_of_path(const struct wd_gate *gate, struct wd_exchange *ex, bool anthropic)
{
    const struct wd_policy *policy = gate->policy;

    if (ex->route.provider.len > 0) {
        ex->provider = wd_policy_provider(policy, ex->route.provider);
        if (ex->provider == NULL)
            return wd_exchange_refuse(ex, WD_CODE_PROVIDER_NOT_ALLOWED, "the policy names no such provider");
        return WD_CODE_NONE;
    }
    if (ex->route.op != WD_OP_MODELS)
        return WD_CODE_NONE; /* the model picks */

    enum wd_format format = anthropic ? WD_FORMAT_ANTHROPIC : WD_FORMAT_OPENAI;
    for (uint32_t i = 0; i < policy->provider_count; i++) {
        const struct wd_provider *p = &policy->providers[i];
        if (p->format == format && wd_role_allows(ex->role, p)) {
            ex->provider = p;
            ex->route.format = format;
            if (anthropic)
                ex->route.shape = WD_SHAPE_ANTHROPIC;
            return WD_CODE_NONE;
        }
    }
    return wd_exchange_refuse(ex, WD_CODE_PROVIDER_NOT_ALLOWED, "the role may use no provider of this format");
}

enum wd_code
wd_inner_provider_allowed(struct wd_exchange *ex)
{
    if (!wd_role_allows(ex->role, ex->provider))
        return wd_exchange_refuse(ex, WD_CODE_PROVIDER_NOT_ALLOWED, "the role %s may not use the provider %s", ex->role->name,
                                  ex->provider->name);
    return WD_CODE_NONE;
}

static void
inner_claim(struct wd_exchange *ex, const struct wd_gate *gate, struct wd_limit limit, const char *scope, const char *shown,
            const char *a, const char *b)
{
    struct wd_claim *claim = &ex->claims[ex->claim_count];

    if (limit.count == 0)
        return;
    claim->limit = limit;
    wd_limits_key(claim->key, gate->limits_key, scope, wd_span_str(a), wd_span_str(b));
    ex->claim_scope[ex->claim_count++] = shown;
}

/* The tightest limit is the one that the headers show. */
static void
inner_show_limits(struct wd_exchange *ex)
{
    const struct wd_claim *tight = NULL;

    for (size_t i = 0; i < ex->claim_count; i++)
        if (tight == NULL || ex->claims[i].remaining < tight->remaining)
            tight = &ex->claims[i];
    if (tight == NULL)
        return;
    ex->limit_known = true;
    ex->shown.limit = tight->limit.count;
    ex->shown.remaining = tight->remaining;
    ex->shown.reset_s = (tight->reset_us + 999999) / 1000000;
}

enum wd_code
wd_inner_reserve(const struct wd_gate *gate, struct wd_exchange *ex, uint64_t mono_us)
{
    const struct wd_policy *policy = gate->policy;
    const char *user = ex->who.user, *provider = ex->provider->name;
    size_t which = 0;

    if (!policy->rate_limiting)
        return WD_CODE_NONE;
    inner_claim(ex, gate, ex->provider->limit, "provider", "provider", provider, "");
    inner_claim(ex, gate, ex->provider->user_limit, "provider_user", "user", provider, user);
    inner_claim(ex, gate, ex->role->limit, "role", "role", ex->role->name, user);
    inner_claim(ex, gate, (struct wd_limit){ policy->max_requests_per_user, 3600 }, "user", "user", user, "");
    if (ex->claim_count == 0)
        return WD_CODE_NONE;

    switch (wd_limits_take(gate->limits, ex->claims, ex->claim_count, mono_us, &which)) {
    case WD_OK:
        ex->taken = true;
        inner_show_limits(ex);
        return WD_CODE_NONE;
    case WD_ERR_DENIED: {
        const struct wd_claim *claim = &ex->claims[which];
        ex->retry_after_s = inner_seconds_up(claim->reset_us);
        ex->limit_known = true;
        ex->shown.limit = claim->limit.count;
        ex->shown.remaining = 0;
        ex->shown.reset_s = ex->retry_after_s;
        return wd_exchange_refuse(ex, WD_CODE_RATE_LIMIT_EXCEEDED,
                                  "rate limit exceeded (scope: %s): %llu requests in %u s; try again in %llu s",
                                  ex->claim_scope[which], (unsigned long long)claim->limit.count, claim->limit.window_s,
                                  (unsigned long long)ex->retry_after_s);
    }
    default:
        return inner_store_failed(ex);
    }
}

void
wd_inner_unanswered(const struct wd_gate *gate, struct wd_exchange *ex)
{
    if (!ex->taken)
        return;
    ex->taken = false;
    wd_limits_return(gate->limits, ex->claims, ex->claim_count);
}

enum wd_code
wd_inner_arrive(const struct wd_gate *gate, struct wd_exchange *ex, const struct wd_arrival *arrival, struct wd_now now)
{
    const struct wd_policy *policy = gate->policy;
    const char *message = "";
    enum wd_code code, route_code;

    /* The route is read first for the shape of errors alone; it is judged in its turn. */
    route_code = wd_route_read(&ex->route, policy, arrival->method, arrival->path, arrival->query, &message);
    ex->routed = route_code == WD_CODE_NONE;

    if (gate->limits == NULL)
        return inner_store_failed(ex);
    if (policy->address_limit.count > 0 &&
        (code = inner_take_address(gate, ex, "address", policy->address_limit, now.mono_us)) != WD_CODE_NONE)
        return code;
    /* a key in the query is told as such, with a token beside it or not */
    if (route_code == WD_CODE_INVALID_REQUEST)
        return wd_exchange_refuse(ex, route_code, "%s", message);
    if ((code = inner_authenticate(gate, ex, arrival, now)) != WD_CODE_NONE)
        return code;
    if (route_code != WD_CODE_NONE)
        return wd_exchange_refuse(ex, route_code, "%s", message);
    if ((code = inner_provider_of_path(gate, ex, arrival->anthropic)) != WD_CODE_NONE)
        return code;
    if (arrival->encoded)
        return wd_exchange_refuse(ex, WD_CODE_UNINSPECTABLE_CONTENT,
                                  "a body with a Content-Encoding cannot be inspected; send it uncompressed");
    if (ex->route.op != WD_OP_MODELS)
        return WD_CODE_NONE;
    if (arrival->has_body)
        return wd_exchange_refuse(ex, WD_CODE_INVALID_REQUEST, "this request takes no body");
    if ((code = wd_inner_provider_allowed(ex)) != WD_CODE_NONE)
        return code;
    return wd_inner_reserve(gate, ex, now.mono_us);
}
