#ifndef WD_BUF_H
#define WD_BUF_H

#include <stdint.h>

#include "err.h"
#include "span.h"

/*
 * Growing bytes with a cap. Always owns its memory. After a failed append the
 * buffer is unchanged.
 */
struct wd_buf {
    char *ptr;
    size_t len;
    size_t size;
    size_t cap; /* bytes; an append beyond it is WD_ERR_LIMIT */
};

void wd_buf_init(struct wd_buf *b, size_t cap);
void wd_buf_deinit(struct wd_buf *b); /* frees; leaves an empty buffer with the same cap */
void wd_buf_wipe(struct wd_buf *b);   /* zeroes the memory, then as deinit; growth may have left copies: reserve first */
void wd_buf_clear(struct wd_buf *b);  /* len = 0, keeps the memory */

/* WD_ERR_LIMIT above the cap, WD_ERR_NOMEM. What is added must not point into the buffer itself. */
enum wd_err wd_buf_reserve(struct wd_buf *b, size_t more) WD_CHECK;
enum wd_err wd_buf_add(struct wd_buf *b, struct wd_span s) WD_CHECK;
enum wd_err wd_buf_add_byte(struct wd_buf *b, char c) WD_CHECK;
enum wd_err wd_buf_add_str(struct wd_buf *b, const char *s) WD_CHECK;
/* In decimal. */
enum wd_err wd_buf_add_u64(struct wd_buf *b, uint64_t n) WD_CHECK;
enum wd_err wd_buf_printf(struct wd_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3))) WD_CHECK;
/* Drops the first n bytes (n <= len). */
void wd_buf_drop(struct wd_buf *b, size_t n);

static inline struct wd_span
wd_buf_span(const struct wd_buf *b)
{
    return (struct wd_span){ b->ptr, b->len };
}

#endif
