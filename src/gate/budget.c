#include "budget.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define BUDGET_BYTES_A_TOKEN 3 /* fewer than in any language but random digits */
#define BUDGET_CHUNK 512       /* tokens that a running stream takes at least, where there is room */
#define BUDGET_COST_MAX (UINT64_C(1) << 56)
#define BUDGET_CLAIMS_MAX 960 /* the store takes 1,024 at a time */

/* tokens times a price do not fit 64 bits */
__extension__ typedef unsigned __int128 budget_wide;

static const struct {
    enum wd_attachment kind;
    uint32_t tokens;
} budget_attachments[] = {
    { WD_ATTACH_IMAGE, 1600 }, { WD_ATTACH_AUDIO, 4000 }, { WD_ATTACH_VIDEO, 20000 }, { WD_ATTACH_FILE, 20000 }
};

/* --- before --- */

/* Ops that make or read text with a model: all others use no tokens. */
static bool
budget_uses_tokens(enum wd_op op)
{
    switch (op) {
    case WD_OP_MODELS:
    case WD_OP_MESSAGES_COUNT:
    case WD_OP_COUNT_TOKENS:
        return false;
    default:
        return true;
    }
}

static bool
budget_makes_text(enum wd_op op)
{
    return budget_uses_tokens(op) && op != WD_OP_EMBEDDINGS && op != WD_OP_EMBED && op != WD_OP_BATCH_EMBED;
}

static uint64_t
budget_tokens_of(uint64_t bytes)
{
    return (bytes + BUDGET_BYTES_A_TOKEN - 1) / BUDGET_BYTES_A_TOKEN;
}

static uint64_t
budget_input(const struct wd_request *rq)
{
    uint64_t bytes = 0, tokens = 8 + (uint64_t)rq->message_count * 4;

    for (uint32_t i = 0; i < rq->text_count; i++) {
        const struct wd_json_node *n = &rq->doc.nodes[rq->texts[i].node];
        bytes += rq->texts[i].kind == WD_TEXT_KEY ? n->key_end - n->key_start : n->end - n->start;
    }
    for (uint32_t i = 0; i < rq->attachment_count; i++)
        for (size_t k = 0; k < sizeof(budget_attachments) / sizeof(budget_attachments[0]); k++)
            if (rq->attachments[i].kind == budget_attachments[k].kind)
                tokens += budget_attachments[k].tokens;
    return tokens + budget_tokens_of(bytes);
}

static uint64_t
budget_output(const struct wd_policy *policy, const struct wd_request *rq)
{
    uint64_t max = rq->max_tokens_count > 0 ? 0 : policy->max_tokens_max;

    for (uint32_t i = 0; i < rq->max_tokens_count; i++) {
        uint64_t own = (uint64_t)rq->max_tokens[i];
        if (policy->input_validation && own > policy->max_tokens_max)
            own = policy->max_tokens_max; /* clamped, or refused by now */
        if (own > max)
            max = own;
    }
    return max * (rq->choices > 1 ? (uint64_t)rq->choices : 1);
}

void
wd_budget_estimate(const struct wd_policy *policy, enum wd_op op, const struct wd_request *request, struct wd_budget *b)
{
    b->in = budget_uses_tokens(op) ? budget_input(request) : 0;
    b->out = budget_makes_text(op) ? budget_output(policy, request) : 0;
    b->bounded = request->max_tokens_count > 0;
}

uint64_t
wd_budget_cost(const struct wd_model *price, uint64_t in, uint64_t out)
{
    budget_wide cost;

    if (price == NULL)
        return 0;
    cost = (budget_wide)in * price->price_in + (budget_wide)out * price->price_out;
    cost = (cost + 999999) / 1000000;
    return cost < BUDGET_COST_MAX ? (uint64_t)cost : BUDGET_COST_MAX;
}

/* --- what counts --- */

/* One scope: its limits, the name of its key, what people read, and whose it is. */
struct budget_scope {
    const struct wd_limit_list *limits;
    const char *key, *shown, *a, *b;
};

#define BUDGET_SCOPES 4 /* besides those of models, two each */

static size_t
budget_scopes(const struct wd_gate *gate, const struct wd_exchange *ex, struct budget_scope out[BUDGET_SCOPES])
{
    const struct wd_policy *policy = gate->policy;
    const char *user = ex->who.user, *provider = ex->provider->name;

    if (!policy->rate_limiting)
        return 0;
    out[0] = (struct budget_scope){ &ex->provider->limits, "provider", "provider", provider, "" };
    out[1] = (struct budget_scope){ &ex->provider->user_limits, "provider_user", "user", provider, user };
    out[2] = (struct budget_scope){ &ex->role->limits, "role", "role", ex->role->name, user };
    out[3] = (struct budget_scope){ &policy->user_limits, "user", "user", user, "" };
    return BUDGET_SCOPES;
}

static bool
budget_model_counts(const struct wd_gate *gate, const struct wd_model *m, struct wd_span model)
{
    return gate->policy->rate_limiting && m->limits.count + m->user_limits.count > 0 && wd_glob_match(m->name, model);
}

size_t
wd_budget_count(const struct wd_gate *gate, const struct wd_exchange *ex, struct wd_span model)
{
    struct budget_scope scopes[BUDGET_SCOPES];
    size_t n = budget_scopes(gate, ex, scopes), count = 0;

    for (size_t i = 0; i < n; i++)
        count += scopes[i].limits->count;
    for (uint32_t i = 0; i < gate->policy->model_count && model.len > 0; i++) {
        const struct wd_model *m = &gate->policy->models[i];
        if (budget_model_counts(gate, m, model))
            count += m->limits.count + m->user_limits.count;
    }
    return count;
}

static uint64_t
budget_amount(const struct wd_limit *limit, const struct wd_model *price, uint64_t in, uint64_t out)
{
    switch ((enum wd_unit)limit->unit) {
    case WD_UNIT_TOKENS:
        return in + out;
    case WD_UNIT_MICRO_USD:
        return wd_budget_cost(price, in, out);
    case WD_UNIT_REQUESTS:
        break;
    }
    return 1;
}

/* False: money is limited, and there is no price. */
static bool
budget_claim_scope(const struct wd_gate *gate, struct wd_exchange *ex, const struct budget_scope *scope)
{
    const struct wd_budget *b = &ex->budget;
    uint8_t key[16];

    if (scope->limits->count == 0)
        return true;
    wd_limits_key(key, gate->limits_key, scope->key, wd_span_str(scope->a), wd_span_str(scope->b));
    for (uint32_t i = 0; i < scope->limits->count; i++) {
        const struct wd_limit *limit = &scope->limits->items[i];
        struct wd_claim *claim = &ex->held->claims[ex->held->claim_count];

        if (limit->unit != WD_UNIT_REQUESTS && !budget_uses_tokens(ex->route.op))
            continue;
        if (limit->unit == WD_UNIT_MICRO_USD && b->price == NULL)
            return false;
        *claim = (struct wd_claim){ .scope = scope->shown, .amount = budget_amount(limit, b->price, b->in, b->out) };
        wd_limits_key_of(claim, key, limit);
        ex->held->claim_count++;
    }
    return true;
}

enum wd_code
wd_budget_claim(const struct wd_gate *gate, struct wd_exchange *ex, struct wd_span model)
{
    struct budget_scope scopes[BUDGET_SCOPES];
    size_t n = budget_scopes(gate, ex, scopes);
    bool ok = true;

    if (model.len > 0 && budget_uses_tokens(ex->route.op))
        ex->budget.price = wd_policy_price(gate->policy, model);
    for (size_t i = 0; i < n && ok; i++)
        ok = budget_claim_scope(gate, ex, &scopes[i]);
    for (uint32_t i = 0; i < gate->policy->model_count && model.len > 0 && ok; i++) {
        const struct wd_model *m = &gate->policy->models[i];
        if (!budget_model_counts(gate, m, model))
            continue;
        ok = budget_claim_scope(gate, ex, &(struct budget_scope){ &m->limits, "model", "model", m->name, "" }) &&
             budget_claim_scope(gate, ex, &(struct budget_scope){ &m->user_limits, "model_user", "user", m->name, ex->who.user });
    }
    if (!ok)
        return wd_exchange_refuse(ex, WD_CODE_MODEL_NOT_ALLOWED, "money is limited here, and the model %s has no price",
                                  ex->model);
    ex->budget.claims = (uint32_t)ex->held->claim_count;
    ex->budget.chunk = 0; /* a body may be read again, and all this asked for again */
    for (size_t i = 0; i < ex->held->claim_count; i++)
        ex->budget.chunk += ex->held->claims[i].limit.unit != WD_UNIT_REQUESTS;
    return WD_CODE_NONE;
}

static void
budget_number(char *out, size_t size, uint8_t unit, uint64_t n)
{
    if (unit == WD_UNIT_MICRO_USD)
        snprintf(out, size, "%" PRIu64 ".%06" PRIu64 " usd", n / 1000000, n % 1000000);
    else
        snprintf(out, size, "%" PRIu64 " tokens", n);
}

enum wd_code
wd_budget_refuse(struct wd_exchange *ex, const struct wd_claim *claim)
{
    uint64_t wait = (claim->reset_us + 999999) / 1000000;
    char limit[48], needs[48];

    ex->retry_after_s = wait > 0 ? wait : 1;
    budget_number(limit, sizeof(limit), claim->limit.unit, claim->limit.count);
    budget_number(needs, sizeof(needs), claim->limit.unit, claim->amount);
    if (claim->amount > claim->limit.count)
        return wd_exchange_refuse(
            ex, WD_CODE_BUDGET_EXCEEDED,
            "budget exceeded (scope: %s): this request alone may use %s, and %s in %u s is the limit; ask for "
            "a shorter answer",
            claim->scope, needs, limit, claim->limit.window_s);
    return wd_exchange_refuse(ex, WD_CODE_BUDGET_EXCEEDED,
                              "budget exceeded (scope: %s): %s in %u s; this request may use %s; try again in %" PRIu64 " s",
                              claim->scope, limit, claim->limit.window_s, needs, ex->retry_after_s);
}

/* --- a running stream --- */

/*
 * Tokens that text is at least. A request with a bound of its own has its provider to keep it: only one that lies passes this.
 * Otherwise four bytes, as in plain English.
 */
static uint64_t
budget_running(const struct wd_budget *b, uint64_t text_bytes)
{
    return text_bytes / (b->bounded ? 8 : 4);
}

static void
budget_stop(struct wd_exchange *ex, enum wd_code code)
{
    ex->budget.stop = code;
    free(ex->budget.more);
    ex->budget.more = NULL;
}

static void
budget_stop_full(struct wd_exchange *ex)
{
    const struct wd_claim *claim = &ex->budget.more->claims[ex->budget.full];
    char limit[48];

    budget_number(limit, sizeof(limit), claim->limit.unit, claim->limit.count);
    wd_exchange_refuse(ex, WD_CODE_BUDGET_EXCEEDED, "budget exceeded (scope: %s): %s in %u s are used up; the answer was stopped",
                       claim->scope, limit, claim->limit.window_s);
    budget_stop(ex, WD_CODE_BUDGET_EXCEEDED);
}

/* The claims of the request that count amounts, for `tokens` more of output. */
static bool
budget_make_chunk(struct wd_exchange *ex, uint64_t tokens)
{
    struct wd_budget *b = &ex->budget;
    struct wd_reservation *more = b->more;

    if (more == NULL)
        more = calloc(1, sizeof(*more) + b->chunk * sizeof(struct wd_claim));
    if (more == NULL)
        return false;
    b->more = more;
    b->chunk_tokens = tokens;
    more->claims = (struct wd_claim *)(more + 1);
    more->claim_count = 0;
    for (uint32_t i = 0; i < b->claims; i++) {
        const struct wd_claim *of = &ex->held->claims[i];
        struct wd_claim *claim = &more->claims[more->claim_count];

        if (of->limit.unit == WD_UNIT_REQUESTS)
            continue;
        *claim = (struct wd_claim){ .limit = of->limit, .scope = of->scope };
        memcpy(claim->key, of->key, sizeof(claim->key));
        claim->amount = budget_amount(&of->limit, b->price, 0, tokens);
        more->claim_count++;
    }
    return true;
}

bool
wd_budget_more(struct wd_exchange *ex, uint64_t text_bytes, struct wd_store_op *op)
{
    struct wd_budget *b = &ex->budget;
    uint64_t running = budget_running(b, text_bytes), tokens = b->chunk_tokens;

    if (!ex->taken || b->chunk == 0 || b->stop != WD_CODE_NONE || running <= b->out)
        return false;
    if (tokens == 0) {
        tokens = b->out / 4 > BUDGET_CHUNK ? b->out / 4 : BUDGET_CHUNK;
        if (tokens < running - b->out)
            tokens = running - b->out;
    } else if (tokens < running - b->out) { /* there was not room for more than that */
        budget_stop_full(ex);
        return false;
    }
    if (!budget_make_chunk(ex, tokens)) {
        wd_exchange_refuse(ex, WD_CODE_STORE_UNAVAILABLE, "the gateway is out of memory for this request");
        budget_stop(ex, WD_CODE_STORE_UNAVAILABLE);
        return false;
    }
    b->more->nonce = ex->nonce;
    *op = (struct wd_store_op){ .kind = WD_STORE_RESERVE, .held = b->more, .filter_version = UINT64_MAX };
    return true;
}

/* How many tokens of output the claims have room for. */
static uint64_t
budget_room(const struct wd_budget *b)
{
    uint64_t room = UINT64_MAX;

    for (size_t i = 0; i < b->more->claim_count; i++) {
        const struct wd_claim *claim = &b->more->claims[i];
        uint64_t tokens = claim->remaining;

        if (claim->limit.unit == WD_UNIT_MICRO_USD)
            tokens =
                b->price->price_out == 0 ? UINT64_MAX : (uint64_t)((budget_wide)claim->remaining * 1000000 / b->price->price_out);
        if (tokens < room)
            room = tokens;
    }
    return room;
}

static bool
budget_grow(struct wd_exchange *ex)
{
    struct wd_budget *b = &ex->budget;
    struct wd_reservation *held = ex->held;
    size_t count = held->claim_count + b->more->claim_count;
    struct wd_claim *claims = count <= BUDGET_CLAIMS_MAX ? malloc(count * sizeof(*claims)) : NULL;

    if (claims == NULL)
        return false;
    memcpy(claims, held->claims, held->claim_count * sizeof(*claims));
    memcpy(claims + held->claim_count, b->more->claims, b->more->claim_count * sizeof(*claims));
    free(b->grown);
    b->grown = held->claims = claims;
    held->claim_count = count;
    return true;
}

void
wd_budget_answered(struct wd_exchange *ex, const struct wd_store_op *op)
{
    struct wd_budget *b = &ex->budget;

    if (op->err == WD_OK && budget_grow(ex)) {
        b->out += b->chunk_tokens;
        b->chunk_tokens = 0;
        free(b->more);
        b->more = NULL;
    } else if (op->err == WD_ERR_DENIED && op->why != WD_WHY_LIMIT) {
        wd_exchange_refuse(ex, WD_CODE_INVALID_TOKEN, "the token was revoked or has expired; the answer was stopped");
        budget_stop(ex, WD_CODE_INVALID_TOKEN);
    } else if (op->err == WD_ERR_DENIED) {
        uint64_t room = budget_room(b), asked = b->chunk_tokens;

        b->chunk_tokens = room;
        b->full = op->which < b->more->claim_count ? (uint32_t)op->which : 0;
        if (room == 0 || room >= asked)
            budget_stop_full(ex);
        /* otherwise asked for again, if it is enough */
    } else {
        wd_exchange_refuse(ex, WD_CODE_STORE_UNAVAILABLE, "the gateway's store does not answer; the answer was stopped");
        budget_stop(ex, WD_CODE_STORE_UNAVAILABLE);
    }
}

/* --- after --- */

/* What was used, by the rules of wd_budget_settle(). */
static void
budget_used(const struct wd_exchange *ex, const struct wd_budget_end *end, uint64_t *in, uint64_t *out)
{
    const struct wd_usage *u = &ex->usage;
    const struct wd_budget *b = &ex->budget;
    bool known_in = u->known_in && u->tokens_in <= WD_TOKENS_MAX, known_out = u->known_out && u->tokens_out <= WD_TOKENS_MAX;
    uint64_t estimate = budget_tokens_of(end->text_bytes);

    *in = known_in ? u->tokens_in : b->in;
    *out = known_out ? u->tokens_out : 0;
    if (end->status >= 400) {
        *in = known_in ? *in : 0;
        return;
    }
    if (!budget_makes_text(ex->route.op)) {
        *out = 0;
    } else if (end->status == 0 || (!end->complete && !end->streamed)) {
        *in = *in > b->in ? *in : b->in;
        *out = *out > b->out ? *out : b->out;
    } else if ((!end->complete || !known_out) && *out < estimate) {
        *out = estimate;
    }
}

/* used of `count` claims: as far as what is left of each unit goes, or all of it. */
static void
budget_spread(struct wd_claim *claims, size_t count, uint64_t left[3], bool all)
{
    uint64_t took[3] = { 0 };

    for (size_t i = 0; i < count; i++) {
        struct wd_claim *claim = &claims[i];
        uint64_t rest = left[claim->limit.unit];

        claim->used = all || rest < claim->amount ? rest : claim->amount;
        took[claim->limit.unit] = claim->used;
    }
    for (int u = WD_UNIT_TOKENS; u <= WD_UNIT_MICRO_USD; u++)
        left[u] -= took[u];
}

bool
wd_budget_settle(struct wd_exchange *ex, const struct wd_budget_end *end, struct wd_store_op *op)
{
    struct wd_budget *b = &ex->budget;
    uint64_t in, out;

    if (!ex->taken || ex->held == NULL || !budget_uses_tokens(ex->route.op))
        return false;
    ex->taken = false;
    budget_used(ex, end, &in, &out);
    b->cost = wd_budget_cost(b->price, in, out);
    if (b->chunk == 0)
        return false;

    uint64_t left[3] = { [WD_UNIT_TOKENS] = in + out, [WD_UNIT_MICRO_USD] = b->cost };
    size_t count = b->claims;
    for (size_t at = 0; at < ex->held->claim_count; at += count, count = b->chunk)
        budget_spread(ex->held->claims + at, count, left, at + count == ex->held->claim_count);
    *op = (struct wd_store_op){ .kind = WD_STORE_SETTLE, .held = ex->held };
    return true;
}
