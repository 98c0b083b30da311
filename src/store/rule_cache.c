#include "rule_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CACHE_BYTES_MAX = 64 << 20, CACHE_NAME = 96 };

static bool
cache_is_ours(int fd, mode_t type)
{
    struct stat st;

    return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == type && st.st_uid == geteuid() && (st.st_mode & 022) == 0;
}

/* -1 when there is none, or one that others can write. */
static int
cache_folder(const char *path)
{
    int fd = path == NULL ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd == -1 || cache_is_ours(fd, S_IFDIR))
        return fd;
    close(fd);
    return -1;
}

static void
cache_name(const struct wd_ruleset *set, char name[CACHE_NAME])
{
    uint8_t digest[WD_ENGINE_DIGEST_BYTES];
    size_t i;
    int len = snprintf(name, CACHE_NAME, "rules-");

    wd_engine_digest(set, digest);
    for (i = 0; i < sizeof(digest); i++)
        len += snprintf(name + len, CACHE_NAME - (size_t)len, "%02x", digest[i]);
    snprintf(name + len, CACHE_NAME - (size_t)len, ".cache");
}

static bool
cache_read(int folder, const char *name, struct wd_buf *out)
{
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    ssize_t n = -1;

    if (fd == -1)
        return false;
    if (cache_is_ours(fd, S_IFREG) && fstat(fd, &st) == 0 && st.st_size > 0 && st.st_size <= CACHE_BYTES_MAX &&
        wd_buf_reserve(out, (size_t)st.st_size) == WD_OK) {
        while (out->len < (size_t)st.st_size) {
            n = read(fd, out->ptr + out->len, (size_t)st.st_size - out->len);
            if (n <= 0)
                break;
            out->len += (size_t)n;
        }
    }
    close(fd);
    return n > 0;
}

static bool
cache_write_all(int fd, struct wd_span text)
{
    while (text.len > 0) {
        ssize_t n = write(fd, text.ptr, text.len);

        if (n <= 0 && errno != EINTR)
            return false;
        n = n < 0 ? 0 : n;
        text = wd_span(text.ptr + n, text.len - (size_t)n);
    }
    return true;
}

/* Compiled forms of other rules: a folder does not fill up with them. */
static void
cache_clean(int folder, const char *keep)
{
    int fd = dup(folder);
    DIR *dir = fd == -1 ? NULL : fdopendir(fd);
    const struct dirent *entry;

    if (dir == NULL) {
        if (fd != -1)
            close(fd);
        return;
    }
    rewinddir(dir);
    while ((entry = readdir(dir)) != NULL)
        if (strncmp(entry->d_name, "rules-", 6) == 0 && strstr(entry->d_name, ".cache") != NULL &&
            strcmp(entry->d_name, keep) != 0)
            unlinkat(folder, entry->d_name, 0);
    closedir(dir);
}

/* Written beside, then renamed: whole or not at all. */
static void
cache_write(int folder, const char *name, const struct wd_engine *engine)
{
    char beside[CACHE_NAME + 32];
    struct wd_buf out;
    bool ok = false;
    int fd = -1;

    wd_buf_init(&out, CACHE_BYTES_MAX);
    snprintf(beside, sizeof(beside), "%s.%ld", name, (long)getpid());
    if (wd_engine_save(engine, &out) == WD_OK)
        fd = openat(folder, beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd != -1) {
        ok = cache_write_all(fd, wd_buf_span(&out));
        ok = close(fd) == 0 && ok && renameat(folder, beside, folder, name) == 0;
        if (!ok)
            unlinkat(folder, beside, 0);
    }
    if (ok)
        cache_clean(folder, name);
    wd_buf_deinit(&out);
}

enum wd_err
wd_rule_cache_open(struct wd_engine **engine, const struct wd_ruleset *set, const char *folder)
{
    int fd = cache_folder(folder);
    struct wd_buf stored;
    char name[CACHE_NAME];
    enum wd_err err = WD_ERR_NOTFOUND;

    wd_buf_init(&stored, CACHE_BYTES_MAX);
    if (fd != -1) {
        cache_name(set, name);
        if (cache_read(fd, name, &stored))
            err = wd_engine_load(engine, set, wd_buf_span(&stored));
    }
    wd_buf_deinit(&stored);
    if (err != WD_OK) {
        err = wd_engine_new(engine, set);
        if (err == WD_OK && fd != -1)
            cache_write(fd, name, *engine);
    }
    if (fd != -1)
        close(fd);
    return err;
}
