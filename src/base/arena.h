#ifndef WD_ARENA_H
#define WD_ARENA_H

#include "err.h"
#include "span.h"

/*
 * Memory freed as a whole: one arena lives as long as a policy, one as long as
 * an exchange. Blocks grow geometrically up to the cap.
 */
struct wd_arena_block;
struct wd_arena {
    struct wd_arena_block *head;
    size_t used;
    size_t cap;
};

void wd_arena_init(struct wd_arena *a, size_t cap);
void wd_arena_deinit(struct wd_arena *a);
/* As deinit and init, but keeps one block of at most 64 KiB for the next use. */
void wd_arena_reset(struct wd_arena *a);

/* Zeroed, aligned to 16; NULL above the cap or when memory is out. */
void *wd_arena_alloc(struct wd_arena *a, size_t size);
/* Copies and NUL-terminates; NULL as above. */
char *wd_arena_dup(struct wd_arena *a, struct wd_span s);

#endif
