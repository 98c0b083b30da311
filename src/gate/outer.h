#ifndef WD_OUTER_H
#define WD_OUTER_H

#include "../base/arena.h"
#include "../base/buf.h"
#include "../detect/engine.h"
#include "../wire/op.h"

/*
 * The outer gate: what an answer must pass before a byte of it leaves. Text of each choice, block and item runs through a
 * redactor of its own; every repeated copy is rewritten alike; opaque blobs of the provider pass bit for bit; usage is read for
 * the record. Logprobs spell the text token by token: beside a text that is changed, or held in part, they are emptied.
 */
struct wd_outer;

/* Memory for the time of a call, kept for the next one: gates of one thread may share it. */
struct wd_outer_spare {
    struct wd_arena arena;
    struct wd_buf text, inner, block;
};

void wd_outer_spare_init(struct wd_outer_spare *spare);
void wd_outer_spare_deinit(struct wd_outer_spare *spare);

struct wd_outer_config {
    enum wd_op op;
    const struct wd_scan *scan; /* borrowed for the life of the gate; direction WD_OUTPUT */
    bool drop_usage;            /* chat streams: the usage chunk was asked for by us, not by the client */
    struct wd_span request_id;  /* borrowed; for error events */
    size_t body_max;            /* bytes of a whole answer, and of one event */
    bool unstored;              /* nothing can refer to the answer later: the request said so */
    /* Told of each id that the provider issues, once, before the event or the answer that carries it is let out; may be NULL. */
    void (*issued)(void *ctx, enum wd_isolate_kind kind, struct wd_span id);
    void *issued_ctx;
    struct wd_outer_spare *spare; /* borrowed; NULL: none */
    /*
     * Asked after each event of a stream, with the bytes of text so far, and before the event leaves. Another answer than NONE
     * ends the stream with that error: *message, which holds no quote and no backslash. NULL: nobody is asked.
     */
    enum wd_code (*may_go_on)(void *data, uint64_t text_bytes, const char **message);
    void *data;
};

struct wd_usage {
    bool known;
    bool known_in, known_out; /* each by itself */
    uint64_t tokens_in, tokens_out;
};

enum wd_err wd_outer_new(struct wd_outer **o, const struct wd_outer_config *config) WD_CHECK;
void wd_outer_free(struct wd_outer *o);

/*
 * A whole answer (also a provider's error body of any status). Appends what may leave to out. WD_ERR_SYNTAX: not JSON of the
 * format (502 provider_invalid_response), WD_ERR_REFUSED: a finding refuses (wd_outer_code()), WD_ERR_LIMIT, WD_ERR_NOMEM. On
 * error nothing of the body is in out.
 */
enum wd_err wd_outer_body(struct wd_outer *o, struct wd_span body, int status, struct wd_buf *out) WD_CHECK;

/*
 * The next bytes of an SSE answer; appends complete events that may leave to out. When the gate ends the stream (an event that
 * cannot be read, a refusing finding, an event above the cap) it has appended the format's error event and terminator, and
 * wd_outer_ended() is true: the adapter then closes the answer and drops the rest. Only WD_ERR_NOMEM and WD_ERR_LIMIT (out is
 * full) are errors.
 */
enum wd_err wd_outer_feed(struct wd_outer *o, struct wd_span bytes, struct wd_buf *out) WD_CHECK;
/*
 * The answer is over. why NONE: the provider closed; when its terminator was missing, held text is released and an error event
 * (provider_invalid_response) is appended. Otherwise (PROVIDER_UNAVAILABLE: cut, PROVIDER_TIMEOUT) that error's event.
 */
enum wd_err wd_outer_end(struct wd_outer *o, enum wd_code why, struct wd_buf *out) WD_CHECK;

bool wd_outer_ended(const struct wd_outer *o);        /* the gate closed the stream itself */
bool wd_outer_terminated(const struct wd_outer *o);   /* the format's terminator went out */
enum wd_code wd_outer_code(const struct wd_outer *o); /* why it was ended; NONE when it was not */
struct wd_usage wd_outer_usage(const struct wd_outer *o);
uint64_t wd_outer_events(const struct wd_outer *o);
/* Bytes of text so far, before anything is replaced: of the fragments of a stream, or of all strings of a whole answer. */
uint64_t wd_outer_text_bytes(const struct wd_outer *o);
bool wd_outer_complete(const struct wd_outer *o); /* the provider's answer was read to its end */

#endif
