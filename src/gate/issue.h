#ifndef WD_ISSUE_H
#define WD_ISSUE_H

#include "exchange.h"

/* How long a reference is the user's: as long as providers keep what it stands for, or longer. */
#define WD_ISSUE_KEEP_S (30 * 86400)

/* What the store is told of an id that a provider issued: it becomes the user's. */
struct wd_issue {
    struct wd_store_op op; /* WD_STORE_ISSUE, of held; what it points to is all in here */
    struct wd_reservation held;
    struct wd_holding ref;
};

void wd_issue(struct wd_issue *issue, const struct wd_gate *gate, const struct wd_exchange *ex, enum wd_isolate_kind kind,
              struct wd_span id);

#endif
