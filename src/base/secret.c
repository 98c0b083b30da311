#include "secret.h"

#include <sodium.h>
#include <stdint.h>

/* Header and bytes stand in one guarded allocation: the length cannot be changed either. */
struct wd_secret {
    size_t len;
    char bytes[];
};

/* sodium_malloc() puts the end of a block at the guard page, so only a round size leaves its start aligned. */
static size_t
secret_size(size_t len)
{
    size_t align = _Alignof(struct wd_secret);

    return (sizeof(struct wd_secret) + len + align - 1) & ~(align - 1);
}

enum wd_err
wd_secret_new(struct wd_secret **secret, struct wd_span bytes)
{
    struct wd_secret *s;

    *secret = NULL;
    if (bytes.len > UINT16_MAX)
        return WD_ERR_LIMIT;
    if (sodium_init() < 0)
        return WD_ERR_IO;
    s = sodium_malloc(secret_size(bytes.len));
    if (s == NULL)
        return WD_ERR_NOMEM;
    s->len = bytes.len;
    if (bytes.len > 0)
        memcpy(s->bytes, bytes.ptr, bytes.len);
    if (sodium_mprotect_readonly(s) != 0) {
        sodium_free(s);
        return WD_ERR_IO;
    }
    *secret = s;
    return WD_OK;
}

void
wd_secret_free(struct wd_secret *secret)
{
    sodium_free(secret);
}

struct wd_span
wd_secret_get(const struct wd_secret *secret)
{
    return wd_span(secret->bytes, secret->len);
}

bool
wd_secret_equal(struct wd_span a, struct wd_span b)
{
    return a.len == b.len && (a.len == 0 || sodium_memcmp(a.ptr, b.ptr, a.len) == 0);
}

void
wd_secret_wipe(void *ptr, size_t len)
{
    if (len > 0)
        sodium_memzero(ptr, len);
}
