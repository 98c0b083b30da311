#ifndef WD_CANON_PARTS_H
#define WD_CANON_PARTS_H

#include <string.h>

#include "canon.h"

/* What the files of canon share: parts that grow, and the steps that make one from another. */

/* Room for len more bytes was reserved. */
static inline void
wd_canon_put(struct wd_canon_part *p, char b, uint32_t off)
{
    p->ptr[p->len] = b;
    p->offs[p->len++] = off;
}

enum wd_err wd_canon_reserve(struct wd_canon_part *p, uint32_t len) WD_CHECK;

/* The bytes of a part, and where they come from: offs NULL when they are the text itself, that starts at `base`. */
struct wd_canon_source {
    struct wd_span text;
    const uint32_t *offs;
};

static inline uint32_t
wd_canon_off(const struct wd_canon_source *s, size_t i)
{
    return s->offs != NULL ? s->offs[i] : (uint32_t)i;
}

/* n bytes of a source as they are. */
static inline void
wd_canon_copy(struct wd_canon_part *to, const struct wd_canon_source *from, size_t i, size_t n)
{
    uint32_t *offs = to->offs + to->len;
    size_t k;

    memcpy(to->ptr + to->len, from->text.ptr + i, n);
    if (from->offs != NULL)
        memcpy(offs, from->offs + i, n * sizeof(*offs));
    else
        for (k = 0; k < n; k++)
            offs[k] = (uint32_t)(i + k);
    to->len += (uint32_t)n;
}

/* Entities, %XX and backslash escapes into bytes. True when there were any. `to` has room for the text. */
bool wd_canon_unescape(const struct wd_canon_source *from, struct wd_canon_part *to);
/* Characters into what they are read as. True when that changes anything. `to` has room for a third more than the text. */
bool wd_canon_fold(const struct wd_canon_source *from, struct wd_canon_part *to);
/* Text in hidden characters; `to` has room for the text. True when there is any. */
bool wd_canon_reveal(const struct wd_canon_source *from, struct wd_canon_part *to);

/* What a text shows signs of; may be there for nothing. */
enum {
    WD_CANON_SIGN_ESCAPED = 1,
    WD_CANON_SIGN_SPACED = 2,
    WD_CANON_SIGN_LEET = 4,
    WD_CANON_SIGN_ENCODED = 8,
    WD_CANON_SIGN_TURNED = 16,
    WD_CANON_SIGN_BACKWARD = 32,
};
unsigned wd_canon_signs(struct wd_span text);

/* Each: true when there is evidence, and then the reading is in `to`, which has room for the text. */
bool wd_canon_rot13(const struct wd_canon_source *from, struct wd_canon_part *to);
bool wd_canon_leet(const struct wd_canon_source *from, struct wd_canon_part *to);
bool wd_canon_spaced(const struct wd_canon_source *from, struct wd_canon_part *to);
/* From its end, always. */
bool wd_canon_reversed(const struct wd_canon_source *from, struct wd_canon_part *to);

#endif
