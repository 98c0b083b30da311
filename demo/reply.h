#ifndef DEMO_REPLY_H
#define DEMO_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"

/* What the demo reads of a request; the spans live as long as the request. */
struct demo_request {
    struct wd_span method;
    struct wd_span path; /* without the query */
    struct wd_span body;
    bool has_key;
    bool anthropic_version; /* tells whose model list is asked for */
    bool google_key;
};

/* An answer as pieces; piece i is bytes[ends[i - 1]..ends[i]). A stream sends one a tick. */
struct demo_reply {
    struct wd_buf bytes;
    struct wd_buf ends; /* uint32_t each */
    int status;
    const char *content_type;
    bool stream;
};

void demo_reply_init(struct demo_reply *r);
void demo_reply_deinit(struct demo_reply *r);
size_t demo_reply_pieces(const struct demo_reply *r);
struct wd_span demo_reply_piece(const struct demo_reply *r, size_t i);

/*
 * Answers in the format that the path belongs to; r is fresh. On WD_ERR_NOMEM
 * and WD_ERR_LIMIT there is nothing to send.
 */
enum wd_err demo_reply_make(struct demo_reply *r, const struct demo_request *req) WD_CHECK;
/* An error in the shape of the path's format. */
enum wd_err demo_reply_error(struct demo_reply *r, struct wd_span path, int status, const char *message) WD_CHECK;

#endif
