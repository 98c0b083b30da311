#include "master_key.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../src/store/install.h"

#define MASTER_BYTES 32
#define MASTER_HEX 64
#define MASTER_CREDENTIAL "warder-master-key"

static bool
master_fail(const char *path, const char *what)
{
    fprintf(stderr, "warder: master key %s: %s (accepted: " MASTER_KEY_ACCEPTED ")\n", path, what);
    return false;
}

static bool
master_hex(const char *text, size_t len, uint8_t key[MASTER_BYTES])
{
    size_t got = 0;

    while (len > MASTER_HEX && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        len--;
    return len == MASTER_HEX && sodium_hex2bin(key, MASTER_BYTES, text, len, NULL, &got, NULL) == 0 && got == MASTER_BYTES;
}

/* systemd gives a credential mode 0400 or, to a service's user, an ACL that shows as 0440; its folder is open to that user alone.
 */
static bool
master_read(const char *path, mode_t closed, struct wd_secret **key)
{
    char text[MASTER_HEX + 3];
    uint8_t bytes[MASTER_BYTES];
    struct stat st;
    bool ok;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd == -1 || fstat(fd, &st) != 0) {
        master_fail(path, strerror(errno));
        if (fd != -1)
            close(fd);
        return false;
    }
    ssize_t n = -1;
    if (!S_ISREG(st.st_mode))
        master_fail(path, "is no regular file");
    else if ((st.st_mode & closed) != 0)
        master_fail(path, "can be read by others");
    else if (st.st_uid != 0 && st.st_uid != geteuid())
        master_fail(path, "belongs to another user");
    else
        n = read(fd, text, sizeof(text));
    close(fd);
    if (n < 0)
        return false;
    ok = n == MASTER_BYTES ? memcpy(bytes, text, MASTER_BYTES) != NULL : master_hex(text, (size_t)n, bytes);
    sodium_memzero(text, sizeof(text));
    if (!ok)
        return master_fail(path, "is no key");
    ok = wd_secret_new(key, wd_span((const char *)bytes, sizeof(bytes))) == WD_OK;
    sodium_memzero(bytes, sizeof(bytes));
    return ok || master_fail(path, "out of guarded memory");
}

bool
master_key_load(wd_getenv_fn *env, struct wd_secret **key)
{
    const char *path = env("WARDER_MASTER_KEY"), *dir = env("CREDENTIALS_DIRECTORY");
    char credential[4096];

    *key = NULL;
    if (path != NULL && path[0] != '\0')
        return master_read(path, 077, key);
    if (dir == NULL)
        return true;
    snprintf(credential, sizeof(credential), "%s/" MASTER_CREDENTIAL, dir);
    if (access(credential, F_OK) != 0 && errno == ENOENT)
        return true;
    return master_read(credential, 037, key);
}

bool
master_key_derive(const struct wd_secret *master, const char *label, struct wd_secret **key)
{
    uint8_t bytes[MASTER_BYTES];
    bool ok;

    wd_install_derive((const uint8_t *)wd_secret_get(master).ptr, label, bytes);
    ok = wd_secret_new(key, wd_span((const char *)bytes, sizeof(bytes))) == WD_OK;
    sodium_memzero(bytes, sizeof(bytes));
    return ok;
}
