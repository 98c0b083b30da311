#ifndef WD_VIEW_H
#define WD_VIEW_H

#include <stdint.h>

#include "../../base/buf.h"

/*
 * A text as its reader sees it: one character for every byte, or for every JSON escape at whatever depth
 * ("s" for \u0073 and for \\\\u0073), with the way back to the bytes. Characters above ASCII are one unknown
 * character a byte, or an escape.
 */
struct wd_view {
    struct wd_buf raw; /* the bytes; those from offs[count] on belong to an escape that is not over */
    uint8_t *chars;
    uint32_t *offs; /* where each character starts in raw; offs[count] is where the next one will */
    uint32_t count, size;
};

void wd_view_init(struct wd_view *v);
void wd_view_deinit(struct wd_view *v);
/* Room for more characters, and as many bytes. WD_ERR_NOMEM. */
enum wd_err wd_view_reserve(struct wd_view *v, uint32_t more) WD_CHECK;
/* The next len bytes of raw are the character c; room was reserved. */
static inline void
wd_view_add(struct wd_view *v, uint8_t c, uint32_t len)
{
    v->chars[v->count] = c;
    v->offs[v->count + 1] = v->offs[v->count] + len;
    v->count++;
}
/* Forgets the first n characters. */
void wd_view_drop(struct wd_view *v, uint32_t n);
/* Gives back memory that a long stretch needed. */
void wd_view_shrink(struct wd_view *v);

static inline struct wd_span
wd_view_raw(const struct wd_view *v, uint32_t from, uint32_t to)
{
    return wd_span(v->raw.ptr + v->offs[from], v->offs[to] - v->offs[from]);
}

#endif
