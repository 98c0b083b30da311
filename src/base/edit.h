#ifndef WD_EDIT_H
#define WD_EDIT_H

#include "arena.h"
#include "buf.h"

/* Replacements of byte spans of one text. What is not named stays bit for bit. */
struct wd_edit {
    size_t start, end;
    struct wd_span with;
    size_t order; /* of adding: insertions at one place keep it */
};

struct wd_edits {
    struct wd_edit *items;
    size_t count, size;
};

/* Items and replacement bytes are kept in the arena (the bytes are copied). Any order; spans must not overlap. */
enum wd_err wd_edits_add(struct wd_edits *e, struct wd_arena *arena, size_t start, size_t end, struct wd_span with) WD_CHECK;
/* Appends the edited text to out. WD_ERR_SYNTAX when spans overlap or leave the text. Sorts the items. */
enum wd_err wd_edits_apply(struct wd_edits *e, struct wd_span text, struct wd_buf *out) WD_CHECK;

#endif
