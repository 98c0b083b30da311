#include "issue.h"

#include "isolate.h"

void
wd_issue(struct wd_issue *issue, const struct wd_gate *gate, const struct wd_exchange *ex, enum wd_isolate_kind kind,
         struct wd_span id)
{
    memset(issue, 0, sizeof(*issue));
    issue->ref.kind = (uint8_t)kind;
    wd_ledger_key(issue->ref.key, gate->ledger_key, WD_LEDGER_REF, wd_span_str(ex->provider->name), id);
    issue->held.refs = &issue->ref;
    issue->held.ref_count = 1;
    issue->held.user = wd_ledger_holder(gate->ledger_key, "user", wd_span_str(ex->who.user));
    issue->held.keep_s = WD_ISSUE_KEEP_S;
    issue->held.nonce = ex->nonce;
    issue->op.kind = WD_STORE_ISSUE;
    issue->op.held = &issue->held;
}
