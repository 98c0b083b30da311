#ifndef WD_INNER_H
#define WD_INNER_H

#include "../base/arena.h"
#include "exchange.h"

/* What arrived, as the adapter read it. Spans are borrowed for the call. */
struct wd_arrival {
    struct wd_span method, path, query;
    struct wd_span token; /* from Authorization: Bearer, x-api-key or x-goog-api-key; empty: none, or more than one that differ */
    bool tokens_differ;   /* several headers carried different tokens */
    bool anthropic;       /* an anthropic-version header stands in the request */
    bool encoded;         /* a Content-Encoding other than identity */
    bool has_body;
    struct wd_span sensitive;    /* x-warder-sensitive; kept by the adapter until the request is sent */
    bool sensitive_again;        /* it came more than once */
    struct wd_span conversation; /* the header that the policy names for it (isolation.header); kept likewise */
};

/*
 * The gate works in steps, since the store may be far away. A step that answers ASK has filled in *op: the adapter has the
 * store do it (wd_store_run, or Redis) and calls the step that follows: wd_inner_arrived for WD_STORE_ARRIVE, wd_inner_reserved
 * for WD_STORE_RESERVE.
 */
enum wd_step {
    WD_STEP_GO,      /* on: read the body, or send the request */
    WD_STEP_ASK,     /* the store is asked */
    WD_STEP_AGAIN,   /* wd_inner_body once more, with the body as it came */
    WD_STEP_REFUSED, /* ex is filled in */
};

/* Before the body is read: the route, for the form of errors, and the question who it is. */
enum wd_step wd_inner_arrive(const struct wd_gate *gate, struct wd_exchange *ex, const struct wd_arrival *arrival,
                             struct wd_store_op *op);
/* Address limit, caller token, route. GO: the body may be read; ASK: for a request without one, its limits. */
enum wd_step wd_inner_arrived(const struct wd_gate *gate, struct wd_exchange *ex, const struct wd_arrival *arrival,
                              struct wd_store_op *op);
/*
 * The body is there: strict JSON, role, bounds, attachments, patterns, sensitive text, sanitising; what is left is asked of the
 * store. After GO: send *out when *changed, else the body as it came. Memory of the arena is needed until the call returns only.
 */
enum wd_step wd_inner_body(const struct wd_gate *gate, struct wd_exchange *ex, struct wd_span body, struct wd_arena *arena,
                           struct wd_buf *out, bool *changed, struct wd_store_op *op);
/* Everything was taken, or nothing. */
enum wd_step wd_inner_reserved(const struct wd_gate *gate, struct wd_exchange *ex, struct wd_store_op *op);
/*
 * The provider gave no answer: what was taken is to be given back (FAILURES F23). shown: the provider may have seen the request.
 * True: have the store do *op, whose answer nobody waits for. Once only.
 */
bool wd_inner_unanswered(struct wd_exchange *ex, bool shown, struct wd_store_op *op);

#endif
