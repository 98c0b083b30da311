#include "install.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INSTALL_KEY "install.key"
#define INSTALL_STORE "store.key"
#define INSTALL_STORE_NEW INSTALL_STORE ".new"
#define INSTALL_KEY_BYTES 32

int
wd_install_file(const char *dir, const char *name, int flags)
{
    struct stat folder, file;
    int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (dirfd < 0)
        return -1;
    int fd = openat(dirfd, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
    if (fd < 0)
        goto out;
    if (fstat(fd, &file) < 0 || fstat(dirfd, &folder) < 0)
        goto fail;
    /* another name of the file could be any file of the system */
    if (!S_ISREG(file.st_mode) || file.st_nlink > 1) {
        errno = EPERM;
        goto fail;
    }
    if (geteuid() == 0 && file.st_uid != folder.st_uid && fchown(fd, folder.st_uid, folder.st_gid) < 0)
        goto fail;
    goto out;
fail:;
    int saved = errno;
    close(fd);
    errno = saved;
    fd = -1;
out:
    saved = errno;
    close(dirfd);
    errno = saved;
    return fd;
}

static enum wd_err
install_read(int fd, uint8_t key[INSTALL_KEY_BYTES])
{
    struct stat st;
    uint8_t bytes[INSTALL_KEY_BYTES + 1];

    if (fstat(fd, &st) < 0)
        return WD_ERR_IO;
    if ((st.st_mode & 077) != 0)
        return WD_ERR_DENIED;
    ssize_t n = pread(fd, bytes, sizeof(bytes), 0);
    if (n == INSTALL_KEY_BYTES)
        memcpy(key, bytes, INSTALL_KEY_BYTES);
    sodium_memzero(bytes, sizeof(bytes));
    if (n < 0)
        return WD_ERR_IO;
    return n == INSTALL_KEY_BYTES ? WD_OK : WD_ERR_CORRUPT;
}

/* Under a name of its own first, so that nobody ever sees a part of the key. */
static enum wd_err
install_make(const char *dir, const char *file, const uint8_t bytes[INSTALL_KEY_BYTES])
{
    uint8_t once[32];
    char name[64];
    enum wd_err err = WD_ERR_IO;

    wd_install_derive(bytes, "name", once);
    snprintf(name, sizeof(name), "%s.%02x%02x%02x%02x", file, once[0], once[1], once[2], once[3]);
    int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dirfd < 0)
        return WD_ERR_IO;
    int fd = wd_install_file(dir, name, O_RDWR | O_CREAT | O_EXCL);
    if (fd < 0) {
        close(dirfd);
        return WD_ERR_IO;
    }
    if (write(fd, bytes, INSTALL_KEY_BYTES) == INSTALL_KEY_BYTES && fsync(fd) == 0) {
        if (renameat2(dirfd, name, dirfd, file, RENAME_NOREPLACE) == 0)
            err = fsync(dirfd) == 0 ? WD_OK : WD_ERR_IO;
        else if (errno == EEXIST)
            err = WD_OK; /* another process was first: its key counts */
    }
    unlinkat(dirfd, name, 0);
    close(dirfd);
    close(fd);
    return err;
}

/* WD_ERR_NOTFOUND: there is no such file. */
static enum wd_err
install_load(const char *dir, const char *file, uint8_t key[INSTALL_KEY_BYTES])
{
    int fd = wd_install_file(dir, file, O_RDONLY);

    if (fd < 0)
        return errno == ENOENT ? WD_ERR_NOTFOUND : WD_ERR_IO;
    enum wd_err err = install_read(fd, key);
    close(fd);
    return err;
}

enum wd_err
wd_install_key(const char *dir, const uint8_t *random, uint8_t key[32])
{
    if (sodium_init() < 0)
        return WD_ERR_IO;
    enum wd_err err = install_load(dir, INSTALL_KEY, key);
    if (err != WD_ERR_NOTFOUND || random == NULL)
        return err;
    err = install_make(dir, INSTALL_KEY, random);
    return err == WD_OK ? install_load(dir, INSTALL_KEY, key) : err;
}

enum wd_err
wd_install_store_key(const char *dir, const uint8_t install_key[32], uint8_t key[32])
{
    enum wd_err err = install_load(dir, INSTALL_STORE, key);

    if (err == WD_ERR_NOTFOUND) {
        wd_install_derive(install_key, "store", key);
        err = WD_OK;
    }
    return err;
}

enum wd_err
wd_install_store_key_set(const char *dir, const uint8_t install_key[32], const uint8_t key[32])
{
    uint8_t now[INSTALL_KEY_BYTES];
    enum wd_err err = wd_install_store_key(dir, install_key, now);

    if (err != WD_OK || sodium_memcmp(now, key, sizeof(now)) == 0)
        goto out;
    /* what is there gives way to the new one in one step */
    int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    err = WD_ERR_IO;
    if (dirfd < 0)
        goto out;
    unlinkat(dirfd, INSTALL_STORE_NEW, 0);
    err = install_make(dir, INSTALL_STORE_NEW, key);
    if (err == WD_OK && (renameat(dirfd, INSTALL_STORE_NEW, dirfd, INSTALL_STORE) != 0 || fsync(dirfd) != 0))
        err = WD_ERR_IO;
    close(dirfd);
out:
    sodium_memzero(now, sizeof(now));
    return err;
}

void
wd_install_derive(const uint8_t key[32], const char *label, uint8_t out[32])
{
    crypto_generichash(out, 32, (const uint8_t *)label, strlen(label), key, 32);
}

/* Makes what is missing of the path, each folder 0700. */
static int
install_mkdirs(const char *dir)
{
    char path[PATH_MAX];
    size_t len = strlen(dir);

    if (len == 0 || len >= sizeof(path)) {
        errno = len == 0 ? ENOENT : ENAMETOOLONG;
        return -1;
    }
    memcpy(path, dir, len + 1);
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        char at = path[i];
        path[i] = '\0';
        if (mkdir(path, 0700) < 0 && errno != EEXIST && errno != EISDIR)
            return -1;
        path[i] = at;
    }
    return 0;
}

enum wd_err
wd_state_dir(const char *dir)
{
    struct stat st;

    if (stat(dir, &st) < 0) {
        if (errno != ENOENT || install_mkdirs(dir) < 0 || stat(dir, &st) < 0)
            return WD_ERR_IO;
    }
    if (!S_ISDIR(st.st_mode)) {
        errno = ENOTDIR;
        return WD_ERR_IO;
    }
    if ((st.st_mode & 077) != 0 || (geteuid() != 0 && st.st_uid != geteuid())) {
        errno = EPERM;
        return WD_ERR_DENIED;
    }
    return WD_OK;
}

enum wd_err
wd_state_subdir(const char *dir)
{
    struct stat around;

    if (mkdir(dir, 0700) == 0) {
        int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
            return WD_ERR_IO;
        int rc = fstatat(fd, "..", &around, 0);
        if (rc == 0 && geteuid() == 0)
            rc = fchown(fd, around.st_uid, around.st_gid);
        close(fd);
        if (rc < 0)
            return WD_ERR_IO;
    } else if (errno != EEXIST) {
        return WD_ERR_IO;
    }
    return wd_state_dir(dir);
}
