#ifndef WD_SCAN_TEXT_H
#define WD_SCAN_TEXT_H

#include "../src/base/buf.h"
#include "detector.h"
#include "scan_place.h"
#include "select.h"

enum {
    SCAN_BINARY_LOOK = 8192,   /* bytes that tell whether a text is one */
    SCAN_FINDINGS_MAX = 10000, /* reported of one text; more are counted */
    SCAN_PREVIEW_MAX = 16,     /* bytes: four characters */
};

struct scan_finding {
    const struct wd_rule *rule;
    struct scan_place start, end; /* end: behind the last character */
    uint64_t length;              /* characters */
    uint32_t nth;                 /* of this rule in this text, from 0 */
    enum wd_severity severity;    /* the rule's; low for an example */
    bool example;
    uint8_t preview_len;
    char preview[SCAN_PREVIEW_MAX]; /* how the value starts */
    uint8_t fingerprint[WD_FINGERPRINT_BYTES];
};

/* What is wanted of a text. */
struct scan_wanted {
    struct select category, rules;
    enum wd_severity least;
    bool examples; /* documented ones too */
    bool narrow;   /* in a tree, without the kinds that trees are full of */
};

struct scan_found {
    struct scan_finding *items; /* malloc */
    uint32_t count, size;
    uint64_t more;    /* above SCAN_FINDINGS_MAX */
    uint64_t usual;   /* left out, as a kind that trees are full of */
    uint64_t allowed; /* by a comment */
    uint64_t bytes;
    bool binary; /* not looked at any further */
};

/*
 * The one place where a text goes through the detectors. It belongs to one thread and takes one text after the other, in
 * blocks of any size, with bounded memory.
 */
struct scan_text;

enum wd_err scan_text_new(struct scan_text **text, const struct detector *shared, const struct scan_wanted *wanted) WD_CHECK;
void scan_text_free(struct scan_text *text);

/* A text starts. */
void scan_text_begin(struct scan_text *text, bool tree);
/* Where the next bytes are to be put, and how many there may be: never 0. */
char *scan_text_room(struct scan_text *text, size_t *room);
/*
 * n bytes were put there; last: no more follow. WD_ERR_NOMEM. After the last block, and when the text has turned out to be
 * binary (then *over is set early), the result is to be taken.
 */
enum wd_err scan_text_block(struct scan_text *text, size_t n, bool last, bool *over) WD_CHECK;
/* The caller frees found->items. */
void scan_text_take(struct scan_text *text, struct scan_found *found);

#endif
