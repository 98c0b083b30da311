#include "environ.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../src/base/buf.h"
#include "../src/base/secret.h"

/* NAME=VALUE strings one after the other, each with its NUL. */
static struct wd_secret *environ_kept;

bool
environ_take(void)
{
    struct wd_buf all;
    bool ok = true;

    wd_buf_init(&all, 16 * 1024 * 1024);
    for (char **e = environ; ok && *e != NULL; e++)
        ok = wd_buf_add(&all, wd_span(*e, strlen(*e) + 1)) == WD_OK;
    ok = ok && wd_buf_add_byte(&all, '\0') == WD_OK && wd_secret_new(&environ_kept, wd_buf_span(&all)) == WD_OK;
    wd_buf_wipe(&all);
    if (!ok)
        return false;

    for (char **e = environ; *e != NULL; e++)
        wd_secret_wipe(*e, strlen(*e));
    clearenv();
    return true;
}

char *
environ_get(const char *name)
{
    struct wd_span all = wd_secret_get(environ_kept);
    size_t len = strlen(name);

    for (const char *p = all.ptr; p < all.ptr + all.len && *p != '\0'; p += strlen(p) + 1)
        if (strncmp(p, name, len) == 0 && p[len] == '=')
            return (char *)p + len + 1; /* the type of getenv(); read-only all the same */
    return NULL;
}
