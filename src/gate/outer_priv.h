#ifndef WD_OUTER_PRIV_H
#define WD_OUTER_PRIV_H

#include "../base/edit.h"
#include "../detect/redactor.h"
#include "../wire/response.h"
#include "../wire/sse.h"
#include "outer.h"

/* Shared by the files of the outer gate only. */

enum { CHANNELS_MAX = 512, CHANNEL_WORD = 24, COUNTED_MAX = 128, ISSUED_MAX = 1024 };
#define CHANNEL_NONE UINT32_MAX

/* One text that arrives in fragments. */
struct wd_channel {
    struct wd_redactor *redactor;
    uint32_t name_len, tail_len;
    char *tail;                  /* an event that carries its held end; NULL until something is held */
    uint32_t tail_json, tail_at; /* where the JSON starts in tail, and where the text goes */
    uint32_t last;               /* its last part in the event at hand, CHANNEL_NONE: none */
    uint64_t hash;               /* Responses: of all that was fed */
    bool found;                  /* ... and something was found in it */
    bool closing;
    bool again;          /* it ended: ended is fed again should the text go on */
    struct wd_buf ended; /* what was held when it ended ... */
    struct wd_buf shown; /* ... and what left of that: dropped from what comes out the second time */
    size_t shown_at;
    char name[];
};

struct wd_outer {
    struct wd_outer_config config;
    struct wd_sse sse;
    struct wd_channel **channels;
    uint32_t channel_count, channel_size;
    struct wd_usage usage;
    uint64_t events;
    uint64_t text_bytes;
    uint64_t sequence; /* of the next event of ours */
    uint64_t shift;    /* events of ours so far: what follow is renumbered */
    uint64_t *counted; /* Responses: hashes of texts with findings, for the same text comes up to five times */
    uint32_t counted_count;
    uint64_t *issued; /* hashes of ids that were told, for an event after the other repeats them */
    uint32_t issued_count;
    bool has_sequence;
    bool may_end, closed, ended, terminated, complete;
    enum wd_code code;
};

/* What one call needs; gone when it returns. */
struct wd_outer_work {
    struct wd_outer *o;
    struct wd_outer_spare memory; /* text: of one string; inner: the same, escaped; block: events that may leave */
    struct wd_edits edits;
    size_t whole;        /* of block: complete events */
    bool suspect;        /* something may match in the event */
    struct wd_scan scan; /* counts */
    struct wd_scan look; /* the same, but counts into seen */
    struct wd_findings seen;
};

void wd_outer_work_init(struct wd_outer_work *w, struct wd_outer *o);
void wd_outer_work_deinit(struct wd_outer_work *w);
/* Before each document. */
void wd_outer_work_reset(struct wd_outer_work *w);

/* Inspects every part but fragments; adds what must change to the edits. WD_ERR_REFUSED sets o->code. */
enum wd_err wd_outer_inspect(struct wd_outer_work *w, struct wd_response *r) WD_CHECK;
/* Logprobs beside a text that changed go. Last, when all other edits are known. */
enum wd_err wd_outer_drop_logprobs(struct wd_outer_work *w, const struct wd_response *r) WD_CHECK;
/* FNV-1a, to tell texts apart */
uint64_t wd_outer_hash(uint64_t hash, struct wd_span text);
/* True when a text of this hash was counted before, or a channel with it counts; otherwise remembers it. */
bool wd_outer_counted(struct wd_outer *o, uint64_t hash);
/* Tells the ids that the document issues. WD_ERR_NOMEM. */
enum wd_err wd_outer_take_issued(struct wd_outer *o, struct wd_response *r) WD_CHECK;
void wd_outer_take_usage(struct wd_outer *o, const struct wd_response *r);
/* Remembers why the gate refused: the category of the rule that did. */
void wd_outer_refuse(struct wd_outer_work *w);

/* Feeds the fragments of an event; adds edits, writes events for the held ends of channels that end. */
enum wd_err wd_outer_channels_take(struct wd_outer_work *w, const struct wd_response *r, struct wd_span event_name) WD_CHECK;
/* Ends the channels whose name starts with prefix. */
enum wd_err wd_outer_channels_close(struct wd_outer_work *w, struct wd_span prefix) WD_CHECK;
void wd_outer_channels_free(struct wd_outer *o);

/* Appends the format's error event and terminator to out; the stream is over. */
enum wd_err wd_outer_stop(struct wd_outer_work *w, enum wd_code code, const char *message, struct wd_buf *out) WD_CHECK;

#endif
