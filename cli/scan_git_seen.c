#include "scan_git_seen.h"

#include <stdio.h>
#include <stdlib.h>

/* Where the id is, or would be. The ids are digests, though whoever made the repository chose them: probing stays linear. */
static size_t
seen_slot(const struct scan_git_seen *s, uint64_t high, uint64_t low)
{
    size_t at = (size_t)(high ^ low * 0x9e3779b97f4a7c15u) & (s->size - 1);

    while ((s->slots[at].high != 0 || s->slots[at].low != 0) && (s->slots[at].high != high || s->slots[at].low != low))
        at = (at + 1) & (s->size - 1);
    return at;
}

static enum wd_err
seen_grow(struct scan_git_seen *s)
{
    struct scan_git_seen bigger = { .size = s->size == 0 ? 1024 : s->size * 2, .count = s->count };
    size_t at;

    bigger.slots = calloc(bigger.size, sizeof(*bigger.slots));
    if (bigger.slots == NULL)
        return WD_ERR_NOMEM;
    for (size_t i = 0; i < s->size; i++) {
        if (s->slots[i].high == 0 && s->slots[i].low == 0)
            continue;
        at = seen_slot(&bigger, s->slots[i].high, s->slots[i].low);
        bigger.slots[at] = s->slots[i];
    }
    free(s->slots);
    *s = bigger;
    return WD_OK;
}

enum wd_err
scan_git_seen_add(struct scan_git_seen *s, const char *id)
{
    char half[17];
    uint64_t high, low;
    size_t at;

    snprintf(half, sizeof(half), "%.16s", id);
    high = strtoull(half, NULL, 16);
    snprintf(half, sizeof(half), "%.16s", id + 16);
    low = strtoull(half, NULL, 16);
    if (s->count >= s->size / 2 && seen_grow(s) != WD_OK)
        return WD_ERR_NOMEM;
    at = seen_slot(s, high, low);
    if (s->slots[at].high == high && s->slots[at].low == low)
        return WD_ERR_DENIED;
    s->slots[at].high = high;
    s->slots[at].low = low;
    s->count++;
    return WD_OK;
}

void
scan_git_seen_deinit(struct scan_git_seen *s)
{
    free(s->slots);
    *s = (struct scan_git_seen){ 0 };
}
