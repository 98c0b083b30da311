#include <stdio.h>

#include "budget.h"
#include "inner_parts.h"

/* Failed tokens of one address: DESIGN 4.4, always on. */
static const struct wd_limit inner_failed_tokens = { .count = 60, .window_s = 60 };

static uint64_t
inner_seconds_up(uint64_t us)
{
    uint64_t s = (us + 999999) / 1000000;
    return s > 0 ? s : 1;
}

static enum wd_step
inner_refused(enum wd_code code)
{
    return code == WD_CODE_NONE ? WD_STEP_GO : WD_STEP_REFUSED;
}

static enum wd_code
inner_store_failed(struct wd_exchange *ex)
{
    return wd_exchange_refuse(ex, WD_CODE_STORE_UNAVAILABLE, "the gateway's store does not answer; the request was not sent");
}

/* --- who it is --- */

static void
inner_ask_address(const struct wd_gate *gate, const struct wd_exchange *ex, const char *scope, struct wd_limit limit,
                  struct wd_claim *claim)
{
    *claim = (struct wd_claim){ .limit = limit, .scope = scope };
    wd_limits_key(claim->key, gate->limits_key, scope, wd_span_str(ex->address), wd_span("", 0));
}

static enum wd_code
inner_address_full(struct wd_exchange *ex, const struct wd_claim *claim, const char *what)
{
    ex->retry_after_s = inner_seconds_up(claim->reset_us);
    return wd_exchange_refuse(ex, WD_CODE_RATE_LIMIT_EXCEEDED, "too many %s from this address: %llu in %u s (scope: address)",
                              what, (unsigned long long)claim->limit.count, claim->limit.window_s);
}

static enum wd_code
inner_invalid_token(struct wd_exchange *ex, const char *why)
{
    return wd_exchange_refuse(ex, WD_CODE_INVALID_TOKEN,
                              "%s; send a Warder token where your SDK puts its API key (Authorization: Bearer, x-api-key or "
                              "x-goog-api-key)",
                              why);
}

static enum wd_code
inner_denied(struct wd_exchange *ex, const struct wd_arrival *arrival, const struct wd_store_op *op)
{
    switch (op->why) {
    case WD_WHY_ADDRESS:
        return inner_address_full(ex, &op->address, "requests");
    case WD_WHY_FAILED:
        return inner_address_full(ex, &op->failed, "failed tokens");
    case WD_WHY_EXPIRED:
        return inner_invalid_token(ex, "the token has expired");
    default:
        return inner_invalid_token(ex, arrival->tokens_differ    ? "the request carries two different tokens"
                                       : arrival->token.len == 0 ? "the token is missing"
                                                                 : "the token is not known or was revoked");
    }
}

static enum wd_code
inner_authenticate(const struct wd_gate *gate, struct wd_exchange *ex, const struct wd_arrival *arrival,
                   const struct wd_store_op *op)
{
    if (op->err == WD_ERR_DENIED)
        return inner_denied(ex, arrival, op);
    if (op->err != WD_OK)
        return inner_store_failed(ex);
    if (ex->route_code == WD_CODE_INVALID_REQUEST) /* nobody was asked who it is */
        return WD_CODE_NONE;
    ex->who = op->who;
    ex->role = wd_policy_role(gate->policy, wd_span_str(op->who.role));
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

/* --- what it takes --- */

#define INNER_STALE_MAX 64 /* values that others name meanwhile: a burst of them must end first */

/* The tightest limit is the one that the headers show. */
static void
inner_show_limits(struct wd_exchange *ex)
{
    const struct wd_claim *tight = NULL;

    for (size_t i = 0; i < ex->held->claim_count; i++) {
        const struct wd_claim *claim = &ex->held->claims[i];
        if (claim->limit.unit == WD_UNIT_REQUESTS && (tight == NULL || claim->remaining < tight->remaining))
            tight = claim;
    }
    if (tight == NULL)
        return;
    ex->limit_known = true;
    ex->shown.limit = tight->limit.count;
    ex->shown.remaining = tight->remaining;
    ex->shown.reset_s = (tight->reset_us + 999999) / 1000000;
}

enum wd_step
wd_inner_reserve(const struct wd_gate *gate, struct wd_exchange *ex, const struct wd_inner_work *work, struct wd_store_op *op)
{
    struct wd_span model = work != NULL ? work->model : wd_span("", 0);
    size_t values = work != NULL ? work->isolate.values.count + work->isolate.probes.count : 0;

    if (ex->taken) /* the second time around */
        return WD_STEP_GO;
    if (wd_exchange_hold(ex, wd_budget_count(gate, ex, model), values, work != NULL ? work->request.ref_count : 0) == NULL) {
        inner_store_failed(ex);
        return WD_STEP_REFUSED;
    }
    if (wd_budget_claim(gate, ex, model) != WD_CODE_NONE)
        return WD_STEP_REFUSED;
    *op = (struct wd_store_op){ .kind = WD_STORE_RESERVE, .held = ex->held, .filter_version = UINT64_MAX };
    ex->held->nonce = ex->nonce;
    if (work != NULL) {
        wd_inner_holdings(work, ex->held);
        if (work->isolate.on)
            op->filter_version = work->isolate.filter_version;
    }
    return WD_STEP_ASK;
}

static enum wd_code
inner_limit_reached(struct wd_exchange *ex, const struct wd_claim *claim)
{
    if (claim->limit.unit != WD_UNIT_REQUESTS) {
        inner_show_limits(ex);
        return wd_budget_refuse(ex, claim);
    }
    ex->retry_after_s = inner_seconds_up(claim->reset_us);
    ex->limit_known = true;
    ex->shown.limit = claim->limit.count;
    ex->shown.remaining = 0;
    ex->shown.reset_s = ex->retry_after_s;
    return wd_exchange_refuse(
        ex, WD_CODE_RATE_LIMIT_EXCEEDED, "rate limit exceeded (scope: %s): %llu requests in %u s; try again in %llu s",
        claim->scope, (unsigned long long)claim->limit.count, claim->limit.window_s, (unsigned long long)ex->retry_after_s);
}

/* Values of others among what was taken: the body is read again, and goes out without them. */
static enum wd_step
inner_reserved(struct wd_exchange *ex)
{
    ex->taken = true;
    inner_show_limits(ex);
    for (size_t i = 0; i < ex->held->value_count; i++)
        ex->conflict = ex->conflict || ex->held->values[i].held == WD_HELD_OTHER;
    return ex->conflict ? WD_STEP_AGAIN : WD_STEP_GO;
}

enum wd_step
wd_inner_reserved(const struct wd_gate *gate, struct wd_exchange *ex, struct wd_store_op *op)
{
    (void)gate;
    if (op->err == WD_OK)
        return inner_reserved(ex);
    if (op->err == WD_ERR_DENIED && (op->why == WD_WHY_VALUE || op->why == WD_WHY_REFERENCE)) {
        ex->denied = op->why;
        ex->conflict = op->why == WD_WHY_VALUE;
        return WD_STEP_AGAIN;
    }
    if (op->err == WD_ERR_DENIED && op->why == WD_WHY_STALE && ex->stale++ < INNER_STALE_MAX)
        return WD_STEP_AGAIN;
    if (op->err != WD_ERR_DENIED || op->why == WD_WHY_STALE)
        inner_store_failed(ex);
    else if (op->why == WD_WHY_LIMIT)
        inner_limit_reached(ex, &op->held->claims[op->which]);
    else
        inner_invalid_token(ex, op->why == WD_WHY_EXPIRED ? "the token has expired" : "the token is not known or was revoked");
    return WD_STEP_REFUSED;
}

bool
wd_inner_unanswered(struct wd_exchange *ex, bool shown, struct wd_store_op *op)
{
    if (!ex->taken)
        return false;
    ex->taken = false;
    *op = (struct wd_store_op){ .kind = WD_STORE_SETTLE, .held = ex->held, .give_back = true, .shown = shown };
    return op->held->claim_count > 0 || op->held->value_count > 0;
}

/* --- before the body --- */

enum wd_step
wd_inner_arrive(const struct wd_gate *gate, struct wd_exchange *ex, const struct wd_arrival *arrival, struct wd_store_op *op)
{
    const struct wd_policy *policy = gate->policy;

    *op = (struct wd_store_op){ .kind = WD_STORE_ARRIVE };
    ex->route_message = "";
    /* The route is read first for the shape of errors alone; it is judged in its turn. */
    ex->route_code = wd_route_read(&ex->route, policy, arrival->method, arrival->path, arrival->query, &ex->route_message);
    ex->routed = ex->route_code == WD_CODE_NONE;

    if (policy->address_limit.count > 0)
        inner_ask_address(gate, ex, "address", policy->address_limit, &op->address);
    if (ex->route_code != WD_CODE_INVALID_REQUEST) {
        inner_ask_address(gate, ex, "failed", inner_failed_tokens, &op->failed);
        op->has_digest = !arrival->tokens_differ && wd_tokens_digest(arrival->token, op->digest);
    }
    return WD_STEP_ASK;
}

/* What the body is to be read with. */
static enum wd_code
inner_note_headers(struct wd_exchange *ex, const struct wd_arrival *arrival)
{
    if (arrival->sensitive_again)
        return wd_exchange_refuse(ex, WD_CODE_INVALID_REQUEST,
                                  "x-warder-sensitive came more than once; send one, with commas between its items");
    if (arrival->conversation.len > WD_CONVERSATION_MAX)
        return wd_exchange_refuse(ex, WD_CODE_INVALID_REQUEST,
                                  "the header that names the conversation is too long (at most %d bytes)", WD_CONVERSATION_MAX);
    ex->sensitive = arrival->sensitive;
    ex->conversation = arrival->conversation;
    return WD_CODE_NONE;
}

enum wd_step
wd_inner_arrived(const struct wd_gate *gate, struct wd_exchange *ex, const struct wd_arrival *arrival, struct wd_store_op *op)
{
    enum wd_code code = inner_authenticate(gate, ex, arrival, op);

    if (code != WD_CODE_NONE)
        return WD_STEP_REFUSED;
    /* a key in the query is told as such, with a token beside it or not */
    if (ex->route_code != WD_CODE_NONE)
        return inner_refused(wd_exchange_refuse(ex, ex->route_code, "%s", ex->route_message));
    if ((code = inner_provider_of_path(gate, ex, arrival->anthropic)) != WD_CODE_NONE)
        return WD_STEP_REFUSED;
    if (arrival->encoded)
        return inner_refused(wd_exchange_refuse(ex, WD_CODE_UNINSPECTABLE_CONTENT,
                                                "a body with a Content-Encoding cannot be inspected; send it uncompressed"));
    if (ex->route.op != WD_OP_MODELS)
        return inner_refused(inner_note_headers(ex, arrival));
    if (arrival->has_body)
        return inner_refused(wd_exchange_refuse(ex, WD_CODE_INVALID_REQUEST, "this request takes no body"));
    if (wd_inner_provider_allowed(ex) != WD_CODE_NONE)
        return WD_STEP_REFUSED;
    return wd_inner_reserve(gate, ex, NULL, op);
}
