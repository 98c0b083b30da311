#ifndef WD_INNER_PARTS_H
#define WD_INNER_PARTS_H

#include "../base/edit.h"
#include "../wire/request.h"
#include "inner.h"

/* The steps of the inner gate, shared by its files only. Each answers NONE or refuses. */
enum wd_code wd_inner_provider_allowed(struct wd_exchange *ex);
enum wd_code wd_inner_reserve(const struct wd_gate *gate, struct wd_exchange *ex, uint64_t mono_us);

/* What the steps of wd_inner_body work on. */
struct wd_inner_work {
    const struct wd_gate *gate;
    struct wd_exchange *ex;
    struct wd_arena *arena;
    struct wd_request request;
    struct wd_edits edits;
};

/* "messages[3].content": where a node stands; in the arena, "" when memory is out. */
const char *wd_inner_where(struct wd_inner_work *work, uint32_t node);

enum wd_code wd_inner_model(struct wd_inner_work *work);
enum wd_code wd_inner_tools(struct wd_inner_work *work);
enum wd_code wd_inner_bounds(struct wd_inner_work *work);
enum wd_code wd_inner_attachments(struct wd_inner_work *work);
enum wd_code wd_inner_texts(struct wd_inner_work *work);
enum wd_code wd_inner_usage(struct wd_inner_work *work);

#endif
