#ifndef WD_SPAN_H
#define WD_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Borrowed bytes: never owned, never NUL-terminated. */
struct wd_span {
    const char *ptr;
    size_t len;
};

#define WD_SPAN(literal) ((struct wd_span){ (literal), sizeof(literal) - 1 })
/* The same as an initializer, for static tables. */
#define WD_SPAN_INIT(literal)                                                                                                    \
    {                                                                                                                            \
        (literal), sizeof(literal) - 1                                                                                           \
    }

static inline struct wd_span
wd_span(const char *ptr, size_t len)
{
    return (struct wd_span){ ptr, len };
}

static inline struct wd_span
wd_span_str(const char *s)
{
    return (struct wd_span){ s, s != NULL ? strlen(s) : 0 };
}

/* Not for secrets: wd_secret_equal() compares those. */
static inline bool
wd_span_eq(struct wd_span a, struct wd_span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

#endif
