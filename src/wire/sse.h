#ifndef WD_SSE_H
#define WD_SSE_H

#include "../base/buf.h"

/*
 * Server-sent events read incrementally (WHATWG HTML, 9.2.6): lines end in LF, CRLF or CR, a blank line ends an event, a byte order mark
 * at the start is skipped. One result for every way of cutting the input. Hands out each event as raw block and as data.
 */
struct wd_sse_event {
    struct wd_span raw;  /* the block as it came, with its blank line */
    struct wd_span name; /* of the last event: field; empty when none */
    struct wd_span data; /* data: lines joined with LF */
    bool has_data;
    bool has_other; /* comment, id:, retry: or unknown lines stand in the block */
    size_t data_start, data_end; /* where data stands in raw when it is a single line; start == end otherwise */
};

struct wd_sse {
    struct wd_buf block; /* the unfinished block */
    struct wd_buf data;  /* joined data of an event with several data lines */
    size_t scanned;
    bool started, skip_lf;
};

void wd_sse_init(struct wd_sse *s, size_t event_max);
void wd_sse_deinit(struct wd_sse *s);
/*
 * Takes bytes from *in up to the end of the next event. WD_OK with *got true: event is filled in, valid until the next call; *got false:
 * all input is taken, no event is complete. WD_ERR_LIMIT: an event above the cap; WD_ERR_NOMEM.
 */
enum wd_err wd_sse_next(struct wd_sse *s, struct wd_span *in, struct wd_sse_event *event, bool *got) WD_CHECK;
/* Bytes of an unfinished block. */
size_t wd_sse_pending(const struct wd_sse *s);

#endif
