#ifndef DEMO_HTTP_H
#define DEMO_HTTP_H

#include "base/buf.h"

/* One request being read: HTTP/1.0 or 1.1, body with Content-Length or chunked. */
struct demo_http {
    enum { HTTP_HEAD, HTTP_BODY, HTTP_CHUNK_SIZE, HTTP_CHUNK_DATA, HTTP_CHUNK_END, HTTP_TRAILER, HTTP_DONE } state;
    struct wd_buf head; /* request line and header lines, each ended by LF; spans below point into it */
    struct wd_buf body;
    size_t left; /* of the body or chunk */
    size_t line; /* start of the unfinished line in head */
    struct wd_span method, target;
    bool chunked, keep_alive, old; /* old: HTTP/1.0 */
    bool expects_continue;
    bool has_key, anthropic_version, google_key;
    int error; /* status when the request cannot be read */
};

void demo_http_init(struct demo_http *h);
void demo_http_deinit(struct demo_http *h);
/* Forgets the request for the next one on the connection. */
void demo_http_reset(struct demo_http *h);
/* Reads on; returns how many bytes belong to this request. It is whole in HTTP_DONE, unreadable when error is set. */
size_t demo_http_read(struct demo_http *h, struct wd_span in);

#endif
