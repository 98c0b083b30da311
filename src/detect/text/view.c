#include "view.h"

#include <stdlib.h>

enum { VIEW_FIRST = 64, VIEW_KEPT = 256 };

void
wd_view_init(struct wd_view *v)
{
    *v = (struct wd_view){ 0 };
    wd_buf_init(&v->raw, UINT32_MAX / 2);
}

void
wd_view_deinit(struct wd_view *v)
{
    wd_buf_deinit(&v->raw);
    free(v->chars);
    free(v->offs);
    wd_view_init(v);
}

static enum wd_err
view_resize(struct wd_view *v, uint32_t size)
{
    uint8_t *chars = realloc(v->chars, size);
    uint32_t *offs;

    if (chars == NULL)
        return WD_ERR_NOMEM;
    v->chars = chars;
    v->size = size < v->size ? size : v->size;
    offs = realloc(v->offs, ((size_t)size + 1) * sizeof(*offs));
    if (offs == NULL)
        return WD_ERR_NOMEM;
    if (v->offs == NULL)
        offs[0] = 0;
    v->offs = offs;
    v->size = size;
    return WD_OK;
}

enum wd_err
wd_view_reserve(struct wd_view *v, uint32_t more)
{
    uint32_t size = v->size < VIEW_FIRST ? VIEW_FIRST : v->size;
    enum wd_err err = wd_buf_reserve(&v->raw, more);

    if (err != WD_OK || v->count + more <= v->size)
        return err;
    while (size < v->count + more)
        size *= 2;
    return view_resize(v, size);
}

void
wd_view_drop(struct wd_view *v, uint32_t n)
{
    uint32_t i, bytes;

    if (n == 0)
        return;
    bytes = v->offs[n];
    wd_buf_drop(&v->raw, bytes);
    memmove(v->chars, v->chars + n, v->count - n);
    for (i = n; i <= v->count; i++)
        v->offs[i - n] = v->offs[i] - bytes;
    v->count -= n;
}

void
wd_view_shrink(struct wd_view *v)
{
    struct wd_buf raw;

    if (v->size <= VIEW_KEPT || v->count > VIEW_KEPT / 4 || v->raw.len > VIEW_KEPT / 4)
        return;
    wd_buf_init(&raw, v->raw.cap);
    if (wd_buf_add(&raw, wd_buf_span(&v->raw)) != WD_OK)
        return;
    wd_buf_deinit(&v->raw);
    v->raw = raw;
    /* A failure to shrink changes nothing. */
    if (view_resize(v, VIEW_KEPT) != WD_OK)
        return;
}
