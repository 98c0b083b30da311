#include "arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_ALIGN = 16, ARENA_FIRST = 4096, ARENA_LAST = 1 << 20, ARENA_KEPT = 64 << 10 };

struct wd_arena_block {
    struct wd_arena_block *next;
    size_t size, used;
    _Alignas(ARENA_ALIGN) char bytes[];
};

void
wd_arena_init(struct wd_arena *a, size_t cap)
{
    *a = (struct wd_arena){ .cap = cap < PTRDIFF_MAX ? cap : PTRDIFF_MAX - 1 };
}

void
wd_arena_deinit(struct wd_arena *a)
{
    struct wd_arena_block *next;

    for (struct wd_arena_block *b = a->head; b != NULL; b = next) {
        next = b->next;
        free(b);
    }
    wd_arena_init(a, a->cap);
}

void
wd_arena_reset(struct wd_arena *a)
{
    struct wd_arena_block *kept = NULL, *next;

    for (struct wd_arena_block *b = a->head; b != NULL; b = next) {
        next = b->next;
        if (b->size > ARENA_KEPT || (kept != NULL && b->size <= kept->size)) {
            free(b);
            continue;
        }
        free(kept);
        kept = b;
    }
    wd_arena_init(a, a->cap);
    if (kept == NULL)
        return;
    memset(kept->bytes, 0, kept->used);
    kept->used = 0;
    kept->next = NULL;
    a->head = kept;
}

/* What is large for the next block gets one of its own behind the head, so that the head's rest stays in use. */
static struct wd_arena_block *
arena_grow(struct wd_arena *a, size_t size)
{
    struct wd_arena_block *b, *head = a->head;
    size_t block = head == NULL ? 0 : head->size * 2;
    bool own;

    if (block < ARENA_FIRST)
        block = ARENA_FIRST;
    if (block > ARENA_LAST)
        block = ARENA_LAST;
    own = size > block / 4;
    if (own)
        block = size;

    /* calloc, and no byte is handed out twice: so all that is handed out is zero. */
    b = calloc(1, sizeof(*b) + block);
    if (b == NULL)
        return NULL;
    b->size = block;
    if (own && head != NULL) {
        b->next = head->next;
        head->next = b;
    } else {
        b->next = head;
        a->head = b;
    }
    return b;
}

void *
wd_arena_alloc(struct wd_arena *a, size_t size)
{
    struct wd_arena_block *b = a->head;
    void *ptr;

    if (size > a->cap || size > PTRDIFF_MAX - 2 * sizeof(*b))
        return NULL;
    size = size == 0 ? ARENA_ALIGN : (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    if (size > a->cap || a->used > a->cap - size)
        return NULL;
    if (b == NULL || b->size - b->used < size) {
        b = arena_grow(a, size);
        if (b == NULL)
            return NULL;
    }
    ptr = b->bytes + b->used;
    b->used += size;
    a->used += size;
    return ptr;
}

char *
wd_arena_dup(struct wd_arena *a, struct wd_span s)
{
    char *copy;

    if (s.len >= PTRDIFF_MAX)
        return NULL;
    copy = wd_arena_alloc(a, s.len + 1);
    if (copy != NULL && s.len > 0)
        memcpy(copy, s.ptr, s.len);
    return copy;
}
