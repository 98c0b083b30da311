#include "edit.h"

#include <stdint.h>
#include <stdlib.h>

enum wd_err
wd_edits_add(struct wd_edits *e, struct wd_arena *arena, size_t start, size_t end, struct wd_span with)
{
    char *copy;

    if (e->count == e->size) {
        size_t size = e->size == 0 ? 8 : e->size * 2;
        struct wd_edit *items;

        if (size > SIZE_MAX / 2 / sizeof(*items))
            return WD_ERR_NOMEM;
        items = wd_arena_alloc(arena, size * sizeof(*items));
        if (items == NULL)
            return WD_ERR_NOMEM;
        if (e->count > 0)
            memcpy(items, e->items, e->count * sizeof(*items));
        e->items = items;
        e->size = size;
    }
    copy = wd_arena_dup(arena, with);
    if (copy == NULL)
        return WD_ERR_NOMEM;
    e->items[e->count] = (struct wd_edit){ .start = start, .end = end, .with = { copy, with.len }, .order = e->count };
    e->count++;
    return WD_OK;
}

static int
edit_compare(const void *pa, const void *pb)
{
    const struct wd_edit *a = pa, *b = pb;

    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    if (a->end != b->end)
        return a->end < b->end ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

enum wd_err
wd_edits_apply(struct wd_edits *e, struct wd_span text, struct wd_buf *out)
{
    size_t at = 0, total = text.len, was = out->len;
    enum wd_err err;

    if (e->count > 1)
        qsort(e->items, e->count, sizeof(*e->items), edit_compare);
    for (size_t i = 0; i < e->count; i++) {
        const struct wd_edit *it = &e->items[i];

        if (it->start < at || it->end < it->start || it->end > text.len)
            return WD_ERR_SYNTAX;
        at = it->end;
        total -= it->end - it->start;
        if (it->with.len > SIZE_MAX - text.len - total)
            return WD_ERR_LIMIT;
        total += it->with.len;
    }
    err = wd_buf_reserve(out, total);

    at = 0;
    for (size_t i = 0; err == WD_OK && i < e->count; i++) {
        const struct wd_edit *it = &e->items[i];

        err = wd_buf_add(out, wd_span(text.ptr + at, it->start - at));
        if (err == WD_OK)
            err = wd_buf_add(out, it->with);
        at = it->end;
    }
    if (err == WD_OK && at < text.len)
        err = wd_buf_add(out, wd_span(text.ptr + at, text.len - at));
    if (err != WD_OK)
        out->len = was;
    return err;
}
