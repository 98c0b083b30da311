#ifndef WD_GATE_BUDGET_H
#define WD_GATE_BUDGET_H

#include "../wire/request.h"
#include "exchange.h"

/*
 * Limits of requests, tokens and money. What a request may use is estimated high and reserved before it is sent; in the end what
 * it did use takes its place. No token is counted as a model would: there are too many tokenizers.
 */

#define WD_TOKENS_MAX UINT64_C(1000000000) /* a provider that reports more for one answer is not believed */

/*
 * Fills in in, out and bounded. Input: a token for every three bytes of the strings, keys and long numbers of the request as they
 * stand in it, four a message, eight at all, and a constant an attachment (image 1,600, audio 4,000, video and file 20,000).
 * Output: the largest of the request's own bounds, clamped to input.max_tokens.max, or else that one, times the number of
 * choices. Embeddings: no output. Counting tokens, and lists of models: nothing.
 */
void wd_budget_estimate(const struct wd_policy *policy, enum wd_op op, const struct wd_request *request, struct wd_budget *b);
/* Micro-dollars, rounded up; at most 2^56. */
uint64_t wd_budget_cost(const struct wd_model *price, uint64_t in, uint64_t out);
/* The lists of limits that count for an exchange, in the order in which they are claimed; model: empty for a list of models. */
size_t wd_budget_count(const struct wd_gate *gate, const struct wd_exchange *ex, struct wd_span model);
/* Fills in ex->held->claims, which has room for as many. MODEL_NOT_ALLOWED: money is limited and the model has no price. */
enum wd_code wd_budget_claim(const struct wd_gate *gate, struct wd_exchange *ex, struct wd_span model);
/* A claim of tokens or money had no room: BUDGET_EXCEEDED. */
enum wd_code wd_budget_refuse(struct wd_exchange *ex, const struct wd_claim *claim);

/*
 * A running stream: has its text, estimated low, passed what was reserved, so that more must be taken? True: have the store do
 * *op (RESERVE) and call wd_budget_answered; then ask again. When ex->budget.stop is set the stream must end.
 */
bool wd_budget_more(struct wd_exchange *ex, uint64_t text_bytes, struct wd_store_op *op);
void wd_budget_answered(struct wd_exchange *ex, const struct wd_store_op *op);

/* How an exchange ended, for its settling. */
struct wd_budget_end {
    int status;          /* of the provider; 0: it did not answer */
    bool complete;       /* its answer was read to the end */
    bool streamed;       /* it was a stream */
    uint64_t text_bytes; /* wd_outer_text_bytes() */
};

/*
 * Sets what each claim used, and the cost: what the provider reports of an answer that is complete; otherwise, and where it
 * reports nothing that can be believed, what was reserved for the input and a token for every three bytes of text, never less
 * than was reported. Of an answer that came with an error nothing; of one that nobody saw all that was reserved. True: have the
 * store do *op, whose answer nobody waits for. Once only, and not after wd_inner_unanswered().
 */
bool wd_budget_settle(struct wd_exchange *ex, const struct wd_budget_end *end, struct wd_store_op *op);

#endif
