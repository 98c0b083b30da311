#ifndef TEST_STREAMS_H
#define TEST_STREAMS_H

#include "gate/outer.h"

/* Help for the tests of the outer gate: recorded streams, a gate at work, and what a client reads from its output. */

struct rules {
    struct wd_engine *engine;
    struct wd_scratch *scratch;
    struct wd_findings findings;
    struct wd_scan scan;
};

void rules_init(struct rules *r, enum wd_action action);
void rules_deinit(struct rules *r);

struct stream {
    char name[256];
    enum wd_op op;
    struct wd_buf bytes;
};

/* Every recorded stream of the four formats; NULL when the shared folder is missing. */
struct stream *streams_load(size_t *count);
void streams_free(struct stream *streams, size_t count);

bool file_read(const char *path, struct wd_buf *out);
/* The shared folder, or NULL. */
const char *shared_folder(void);

struct run {
    struct wd_outer *gate;
    struct wd_buf out;
};

void run_start(struct run *r, const struct rules *rules, enum wd_op op);
void run_feed(struct run *r, struct wd_span bytes);
void run_end(struct run *r, enum wd_code why);
void run_free(struct run *r);

/* Feeds all with cuts before the given offsets and ends. Appends to out. */
void run_cut(const struct rules *rules, enum wd_op op, struct wd_span bytes, const size_t *cuts, size_t count,
             struct wd_buf *out);

/* What a client puts together from a stream. */
#define READ_CHANNELS 64
struct reading {
    struct wd_buf text[READ_CHANNELS]; /* of each channel, in order of appearance */
    char name[READ_CHANNELS][160];
    size_t channels;
    struct wd_buf whole; /* all other strings, one a line */
    size_t events;
    uint64_t sequence_next;
    bool sequence_broken, unreadable, done;
};

void reading_init(struct reading *r);
void reading_deinit(struct reading *r);
void reading_take(struct reading *r, enum wd_op op, struct wd_span bytes);
struct wd_span reading_channel(const struct reading *r, const char *name);
/* True when needle stands in any text, or in any other string. */
bool reading_holds(const struct reading *r, struct wd_span needle);
bool span_holds(struct wd_span s, struct wd_span needle);

#endif
