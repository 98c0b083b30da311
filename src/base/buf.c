#include "buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "secret.h"

enum { BUF_FIRST = 128 };

void
wd_buf_init(struct wd_buf *b, size_t cap)
{
    *b = (struct wd_buf){ .cap = cap < PTRDIFF_MAX ? cap : PTRDIFF_MAX - 1 };
}

void
wd_buf_deinit(struct wd_buf *b)
{
    free(b->ptr);
    wd_buf_init(b, b->cap);
}

void
wd_buf_wipe(struct wd_buf *b)
{
    if (b->ptr != NULL)
        wd_secret_wipe(b->ptr, b->size + 1);
    wd_buf_deinit(b);
}

void
wd_buf_clear(struct wd_buf *b)
{
    b->len = 0;
}

/* One byte more than size is allocated: room for the NUL that vsnprintf() writes. */
enum wd_err
wd_buf_reserve(struct wd_buf *b, size_t more)
{
    size_t need, size;
    char *ptr;

    if (more > b->cap || b->len > b->cap - more)
        return WD_ERR_LIMIT;
    need = b->len + more;
    if (need <= b->size)
        return WD_OK;

    size = b->size < BUF_FIRST ? BUF_FIRST : b->size;
    size = size > b->cap / 2 ? b->cap : size * 2;
    if (size < need)
        size = need;
    ptr = realloc(b->ptr, size + 1);
    if (ptr == NULL)
        return WD_ERR_NOMEM;
    b->ptr = ptr;
    b->size = size;
    return WD_OK;
}

enum wd_err
wd_buf_add(struct wd_buf *b, struct wd_span s)
{
    enum wd_err err;

    if (s.len == 0)
        return WD_OK;
    err = wd_buf_reserve(b, s.len);
    if (err != WD_OK)
        return err;
    memcpy(b->ptr + b->len, s.ptr, s.len);
    b->len += s.len;
    return WD_OK;
}

enum wd_err
wd_buf_add_byte(struct wd_buf *b, char c)
{
    return wd_buf_add(b, wd_span(&c, 1));
}

enum wd_err
wd_buf_add_str(struct wd_buf *b, const char *s)
{
    return wd_buf_add(b, wd_span_str(s));
}

enum wd_err
wd_buf_add_u64(struct wd_buf *b, uint64_t n)
{
    char digits[20], *p = digits + sizeof(digits);

    do
        *--p = (char)('0' + n % 10);
    while ((n /= 10) > 0);
    return wd_buf_add(b, wd_span(p, (size_t)(digits + sizeof(digits) - p)));
}

enum wd_err
wd_buf_printf(struct wd_buf *b, const char *fmt, ...)
{
    enum wd_err err;
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n < 0)
        return WD_ERR_LIMIT;
    if (n == 0)
        return WD_OK;
    err = wd_buf_reserve(b, (size_t)n);
    if (err != WD_OK)
        return err;
    va_start(args, fmt);
    vsnprintf(b->ptr + b->len, (size_t)n + 1, fmt, args);
    va_end(args);
    b->len += (size_t)n;
    return WD_OK;
}

void
wd_buf_drop(struct wd_buf *b, size_t n)
{
    if (n == 0)
        return;
    b->len -= n;
    memmove(b->ptr, b->ptr + n, b->len);
}
