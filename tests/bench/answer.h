#ifndef BENCH_ANSWER_H
#define BENCH_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads HTTP/1.1 answers (RFC 9112) as they arrive, with a length or in chunks. */

#define ANSWER_HEAD_MAX 4096

enum answer_result {
    ANSWER_MORE,
    ANSWER_DONE, /* the last byte was its last */
    ANSWER_BAD,
};

enum answer_state {
    ANSWER_HEAD,
    ANSWER_LENGTH,     /* left bytes of body follow */
    ANSWER_CHUNK_SIZE, /* in the line before a chunk */
    ANSWER_CHUNK,      /* left bytes of it, CR LF included, follow */
    ANSWER_TRAILER,
};

struct answer {
    enum answer_state state;
    unsigned status;
    bool close; /* the connection ends with this answer */
    bool chunk_extension;
    unsigned line; /* bytes in the present line of the trailer */
    uint64_t left;
    size_t head_len;
    char head[ANSWER_HEAD_MAX];
};

/* Pieces of the body. */
typedef void (*answer_body_fn)(void *ctx, const char *bytes, size_t len);

void answer_reset(struct answer *answer);

/* fn may be NULL. */
enum answer_result answer_feed(struct answer *answer, const char *bytes, size_t len, answer_body_fn fn, void *ctx);

#endif
