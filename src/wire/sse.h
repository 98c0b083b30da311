#ifndef WD_SSE_H
#define WD_SSE_H

#include "../base/buf.h"

/*
 * Server-sent events read incrementally (WHATWG HTML, 9.2.6): lines end in LF, CRLF or CR, a blank line ends an event, a byte
 * order mark at the start is skipped. One result for every way of cutting the input. Hands out each event as raw block and as
 * data.
 *
 * Where lines end in CRLF, a block is handed out with the LF of its blank line; elsewhere at the CR, so that nothing waits for a
 * byte that may never come: an LF after such a CR stands at the start of the next block.
 */
struct wd_sse_event {
    struct wd_span raw;  /* the block as it came, with its blank line; all blocks together are the input */
    struct wd_span name; /* of the last event: field; empty when none */
    struct wd_span data; /* data: lines joined with LF */
    bool has_data;
    bool has_other;              /* comment, id:, retry: or unknown lines stand in the block */
    size_t data_start, data_end; /* where data stands in raw when it is a single line; start == end otherwise */
};

struct wd_sse {
    struct wd_buf block; /* the unfinished block, or the one handed out last */
    struct wd_buf data;  /* joined data of an event with several data lines */
    size_t line;         /* where the unfinished line starts in block */
    bool started;        /* behind the first line, where a byte order mark may stand */
    bool done;           /* block was handed out */
    bool cr;             /* the last byte was a CR: an LF now belongs to it */
    bool blank;          /* with cr: it ended a blank line and the block waits for its LF */
    bool crlf;           /* the last line ended in CRLF */
};

/* event_max: bytes of a block, its line ends included. */
void wd_sse_init(struct wd_sse *s, size_t event_max);
void wd_sse_deinit(struct wd_sse *s);
/*
 * Takes bytes from *in up to the end of the next event. WD_OK with *got true: event is filled in, valid until the next call; *got
 * false: all input is taken, no event is complete. A block without fields (a comment, a blank line alone) is an event without
 * data. WD_ERR_LIMIT: an event above the cap; WD_ERR_NOMEM. After an error the reader is of no use any more.
 */
enum wd_err wd_sse_next(struct wd_sse *s, struct wd_span *in, struct wd_sse_event *event, bool *got) WD_CHECK;
/* Bytes of an unfinished block: at the end of a stream more than 0 means that it was cut off. */
size_t wd_sse_pending(const struct wd_sse *s);

#endif
