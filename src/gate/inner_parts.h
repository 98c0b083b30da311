#ifndef WD_INNER_PARTS_H
#define WD_INNER_PARTS_H

#include "../base/edit.h"
#include "../wire/request.h"
#include "inner.h"
#include "isolate.h"

/* Shared by the files of the inner gate only. What answers a code answers NONE or refuses. */
enum wd_code wd_inner_provider_allowed(struct wd_exchange *ex);
/* Asks for everything that the request takes, together. shown and its references; NULL: a request without a body. */
struct wd_inner_work;
enum wd_step wd_inner_reserve(const struct wd_gate *gate, struct wd_exchange *ex, const struct wd_inner_work *work,
                              struct wd_store_op *op);

/* What the steps of wd_inner_body work on. */
struct wd_inner_work {
    const struct wd_gate *gate;
    struct wd_exchange *ex;
    struct wd_arena *arena;
    struct wd_request request;
    struct wd_span model; /* as the provider gets it */
    struct wd_edits edits;
    struct wd_isolate isolate;
};

/* "messages[3].content": where a node stands; in the arena, "" when memory is out. */
const char *wd_inner_where(struct wd_inner_work *work, uint32_t node);

enum wd_code wd_inner_model(struct wd_inner_work *work);
enum wd_code wd_inner_tools(struct wd_inner_work *work);
enum wd_code wd_inner_bounds(struct wd_inner_work *work);
enum wd_code wd_inner_attachments(struct wd_inner_work *work);
/* inner_isolate.c: references and named values; what is to be told of a conflict; what is to be asked of the ledger. */
enum wd_code wd_inner_refs(struct wd_inner_work *work);
enum wd_code wd_inner_named(struct wd_inner_work *work);
enum wd_code wd_inner_conflict(const struct wd_gate *gate, struct wd_exchange *ex);
enum wd_code wd_inner_unreadable(struct wd_inner_work *work);
void wd_inner_holdings(const struct wd_inner_work *work, struct wd_reservation *held);
enum wd_code wd_inner_texts(struct wd_inner_work *work);
/* inner_judge.c: is injection looked for in this text? Never in system text, nor in what the model said. */
bool wd_inner_is_judged(const struct wd_text *t);
/*
 * Looks for it. WD_ERR_REFUSED when the policy says so; with the action redact *changed is set and the text without it is
 * appended to out.
 */
enum wd_err wd_inner_judge(struct wd_inner_work *work, const struct wd_scan *scan, const struct wd_text *t, struct wd_span text,
                           struct wd_buf *out, bool *changed) WD_CHECK;
enum wd_code wd_inner_usage(struct wd_inner_work *work);

#endif
