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
};

/*
 * Before the body is read: address limit, caller token, route, and for requests without a body everything. NONE, or the refusal
 * (ex filled in). Afterwards the body may be read.
 */
enum wd_code wd_inner_arrive(const struct wd_gate *gate, struct wd_exchange *ex, const struct wd_arrival *arrival,
                             struct wd_now now);
/*
 * The body is there: strict JSON, role, bounds, attachments, patterns, sensitive text, sanitising, limits. NONE: send *out when
 * *changed, else the body as it came. Memory of the arena is needed until the call returns only.
 */
enum wd_code wd_inner_body(const struct wd_gate *gate, struct wd_exchange *ex, struct wd_span body, struct wd_arena *arena,
                           struct wd_buf *out, bool *changed, struct wd_now now);
/* The provider gave no answer: what the limits took is given back (FAILURES F23). */
void wd_inner_unanswered(const struct wd_gate *gate, struct wd_exchange *ex);

#endif
