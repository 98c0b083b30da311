#ifndef WD_GLYPHS_H
#define WD_GLYPHS_H

#include <stdbool.h>
#include <stdint.h>

#include "../../base/err.h"
#include "../../base/span.h"

/*
 * Bytes into the characters that a reader sees, one byte at a time:
 * - JSON escapes at whatever depth are undone ("s" for \u0073 and for \\\\u0073, and surrogate pairs);
 * - forms of ASCII (full-width, mathematical, digits and blanks of any script) are shown as ASCII, and letters that look like
 *   ASCII where they stand in one word with it: Russian and Greek words stay themselves;
 * - characters that show nothing are nothing between ASCII: their bytes lead the next character. Where another script or an
 *   emoji stands before, which may need them, and when they are many, they are one unknown character;
 * - from the sixth in a row on, hidden characters that carry a text are each WD_CH_HIDDEN; the first five belong to the sixth;
 * - so is a right-to-left override before ASCII, which shows that in another order than it is read in;
 * - all else above ASCII is a character a byte, or one unknown character (0) for an escape.
 */
typedef enum wd_err (*wd_glyphs_show)(void *ctx, uint8_t c, uint32_t lead, uint32_t len);

enum { WD_GLYPHS_SLASHES = 64, WD_GLYPHS_DIGITS = 4, WD_GLYPHS_ALIKE = 16, WD_GLYPHS_HIDDEN = 64 };

struct wd_glyphs {
    wd_glyphs_show show; /* told of each character, and of the bytes before it that show nothing, and of its own */
    void *ctx;
    bool json; /* the text is JSON: a quote that is not escaped is WD_CH_STRING_QUOTE */

    uint8_t before; /* the character before */
    /* An escape that is not over: backslashes, then u and digits. */
    uint8_t slashes, hex, digits[WD_GLYPHS_DIGITS];
    /* The first half of a surrogate pair, and the bytes of its escape. */
    uint32_t high, high_len;
    /* A character of UTF-8 that is not over. */
    uint8_t have, bytes[4];
    /* Letters that may stand for ASCII; what comes next tells. */
    uint8_t alikes;
    struct wd_glyphs_alike {
        uint32_t cp, lead, len;
        bool escaped;
    } alike[WD_GLYPHS_ALIKE];
    /* Characters that show nothing. */
    uint32_t lead;   /* their bytes */
    uint8_t hidden;  /* how many of them */
    uint8_t run;     /* of those that may carry a text, in a row */
    bool reorders;   /* one of them turns the order of what follows */
    bool carries;    /* they do: tags, selectors, or two that differ */
    bool flag;       /* behind a black flag */
    uint32_t symbol; /* the first one of zero width */
};

/* Ready for a text; show, ctx and json stay. */
void wd_glyphs_reset(struct wd_glyphs *r);
enum wd_err wd_glyphs_byte(struct wd_glyphs *r, uint8_t b) WD_CHECK;
/* The text is over: what was waited for does not come. */
enum wd_err wd_glyphs_finish(struct wd_glyphs *r) WD_CHECK;

/* Nothing is waited for: an ASCII byte that is neither backslash nor quote may be shown without the reader, which is then told.
 */
static inline bool
wd_glyphs_idle(const struct wd_glyphs *r)
{
    return (r->slashes | r->have | r->alikes | r->high_len | r->lead) == 0;
}

static inline void
wd_glyphs_saw(struct wd_glyphs *r, uint8_t c)
{
    r->before = c;
    r->run = 0;
    r->carries = r->flag = r->reorders = false;
    r->symbol = 0;
}

/* How many of the next bytes, all above ASCII, the idle reader would show as they stand. */
size_t wd_glyphs_foreign(struct wd_span s);

/*
 * False when no character above ASCII, and no escape of one, is read as anything but itself: the text is read as its bytes
 * are, ASCII escapes aside. Cheap.
 */
bool wd_glyphs_changes(struct wd_span text);

#endif
