#ifndef WD_CANON_H
#define WD_CANON_H

#include <stdint.h>

#include "../../base/buf.h"

/*
 * The readings of a text: what someone who looks past its spelling takes it for. Reading 0 is the whole text with hidden
 * characters out, forms, accents and look-alikes undone, HTML entities, %XX, \uXXXX and \xXX read; words of other scripts
 * stay. Others stand for what is hidden or encoded in it, each only when there is evidence for it.
 */
enum wd_canon_how {
    WD_CANON_FOLDED,   /* reading 0, and what was decoded from a reading, folded in turn */
    WD_CANON_HIDDEN,   /* text in tag characters, variation selectors or zero-width bits */
    WD_CANON_DECODED,  /* base64, hex, bits */
    WD_CANON_ROT13,    /* the whole reading, turned where it is more English so */
    WD_CANON_LEET,     /* the whole reading, digits and signs within words as letters */
    WD_CANON_SPACED,   /* the whole reading, letters that stand apart joined to words */
    WD_CANON_REVERSED, /* the whole reading from its end */
};

enum { WD_CANON_READINGS = 12 };

struct wd_reading {
    enum wd_canon_how how;
    uint8_t depth; /* decodings that led here, at most WD_DECODE_DEPTH */
    bool changed;  /* it differs from the text; that of reading 0 may not */
    const char *ptr;
    uint32_t len;
    const uint32_t *offs; /* len of them: where in the text each byte comes from; not rising in WD_CANON_REVERSED */
};

/* Storage is kept from one text to the next. */
struct wd_canon {
    struct wd_reading readings[WD_CANON_READINGS];
    uint32_t count;
    struct wd_canon_part {
        char *ptr;
        uint32_t *offs;
        uint32_t len, size;
    } parts[WD_CANON_READINGS + 2]; /* behind the readings, two to work in */
    uint32_t room;                  /* bytes that further readings may take */
};

void wd_canon_init(struct wd_canon *c);
void wd_canon_deinit(struct wd_canon *c);

/* False when the only reading of the text is the text itself. A cheap look; may be true for nothing. */
bool wd_canon_needed(struct wd_span text);
/* The same for who reads letters with accents and typographic quotes himself: those alone are no reason. */
bool wd_canon_alters(struct wd_span text);

/*
 * Makes the readings; all of them together are at most four times the text and 64 KiB, and what does not fit is left out
 * (reading 0 always fits). Time linear in the text. Valid until the next call. WD_ERR_NOMEM, WD_ERR_LIMIT (text of 1 GiB or
 * more).
 */
enum wd_err wd_canon_make(struct wd_canon *c, struct wd_span text) WD_CHECK;

/* The stretch of the text that bytes [from, to) of a reading come from; from < to <= len. *end is behind its last byte. */
void wd_canon_span(const struct wd_canon *c, const struct wd_reading *r, struct wd_span text, uint32_t from, uint32_t to,
                   uint32_t *start, uint32_t *end);

#endif
