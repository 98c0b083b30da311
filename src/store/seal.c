#include "seal.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "install.h"

#define SEAL_MAGIC "WDSEAL01"
#define SEAL_MAGIC_BYTES 8
#define SEAL_WHICH 8
#define SEAL_TAG crypto_aead_xchacha20poly1305_ietf_ABYTES
#define SEAL_NAME 80
#define SEAL_OPEN_MAX (WD_SEAL_PRINT + WD_SEAL_KEY_MAX)
#define SEAL_FILE_MAX (sizeof(struct seal_head) + SEAL_OPEN_MAX + SEAL_TAG)

_Static_assert(WD_SEAL_NONCE == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "nonce");

struct seal_head {
    uint8_t magic[SEAL_MAGIC_BYTES];
    uint8_t which[SEAL_WHICH];
    uint8_t nonce[WD_SEAL_NONCE];
};

static bool
seal_name(char name[SEAL_NAME], const char *provider, uint32_t slot)
{
    size_t len = strspn(provider, "abcdefghijklmnopqrstuvwxyz0123456789-");

    if (len == 0 || len > 32 || provider[len] != '\0')
        return false;
    snprintf(name, SEAL_NAME, "%s.%u", provider, slot);
    return true;
}

/* Tells a wrong master key from a damaged file; says nothing about the key itself. */
static void
seal_which(const uint8_t master[32], uint8_t which[SEAL_WHICH])
{
    uint8_t derived[32];

    wd_install_derive(master, "which", derived);
    memcpy(which, derived, SEAL_WHICH);
    sodium_memzero(derived, sizeof(derived));
}

/* What is bound to the sealed bytes: the head's version, and the name of the file with its NUL. */
static size_t
seal_bound(uint8_t bound[SEAL_MAGIC_BYTES + SEAL_NAME], const char *name)
{
    size_t len = strlen(name) + 1;

    memcpy(bound, SEAL_MAGIC, SEAL_MAGIC_BYTES);
    memcpy(bound + SEAL_MAGIC_BYTES, name, len);
    return SEAL_MAGIC_BYTES + len;
}

static enum wd_err
seal_put(const char *dir, const char *name, const uint8_t *bytes, size_t len)
{
    char beside[SEAL_NAME + 8];
    enum wd_err err = WD_ERR_IO;
    int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;

    if (dirfd < 0)
        return WD_ERR_IO;
    snprintf(beside, sizeof(beside), "%s.new", name);
    unlinkat(dirfd, beside, 0);
    fd = wd_install_file(dir, beside, O_WRONLY | O_CREAT | O_EXCL);
    if (fd >= 0) {
        if (write(fd, bytes, len) == (ssize_t)len && fsync(fd) == 0 && renameat(dirfd, beside, dirfd, name) == 0 &&
            fsync(dirfd) == 0)
            err = WD_OK;
        close(fd);
    }
    if (err != WD_OK)
        unlinkat(dirfd, beside, 0);
    close(dirfd);
    return err;
}

enum wd_err
wd_seal_write(const char *dir, const uint8_t master[32], const char *provider, uint32_t slot, const uint8_t print[WD_SEAL_PRINT],
              struct wd_span key, const uint8_t nonce[WD_SEAL_NONCE])
{
    uint8_t file[SEAL_FILE_MAX], open[SEAL_OPEN_MAX], bound[SEAL_MAGIC_BYTES + SEAL_NAME];
    struct seal_head *head = (struct seal_head *)file;
    unsigned long long len = 0;
    char name[SEAL_NAME];
    enum wd_err err;

    if (!seal_name(name, provider, slot) || key.len > WD_SEAL_KEY_MAX)
        return WD_ERR_RANGE;
    err = wd_state_subdir(dir);
    if (err != WD_OK)
        return err;
    memcpy(head->magic, SEAL_MAGIC, SEAL_MAGIC_BYTES);
    seal_which(master, head->which);
    memcpy(head->nonce, nonce, WD_SEAL_NONCE);
    memcpy(open, print, WD_SEAL_PRINT);
    if (key.len > 0)
        memcpy(open + WD_SEAL_PRINT, key.ptr, key.len);
    crypto_aead_xchacha20poly1305_ietf_encrypt(file + sizeof(*head), &len, open, WD_SEAL_PRINT + key.len, bound,
                                               seal_bound(bound, name), NULL, nonce, master);
    sodium_memzero(open, sizeof(open));
    return seal_put(dir, name, file, sizeof(*head) + (size_t)len);
}

static enum wd_err
seal_open(const uint8_t master[32], const char *name, const uint8_t *file, size_t size, uint8_t print[WD_SEAL_PRINT],
          struct wd_secret **key)
{
    uint8_t open[SEAL_OPEN_MAX], bound[SEAL_MAGIC_BYTES + SEAL_NAME], which[SEAL_WHICH];
    const struct seal_head *head = (const struct seal_head *)file;
    unsigned long long len = 0;
    enum wd_err err = WD_OK;

    if (size < sizeof(*head) + WD_SEAL_PRINT + SEAL_TAG || size > SEAL_FILE_MAX ||
        memcmp(head->magic, SEAL_MAGIC, SEAL_MAGIC_BYTES) != 0)
        return WD_ERR_CORRUPT;
    seal_which(master, which);
    if (memcmp(head->which, which, SEAL_WHICH) != 0)
        return WD_ERR_DENIED;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(open, &len, NULL, file + sizeof(*head), size - sizeof(*head), bound,
                                                   seal_bound(bound, name), head->nonce, master) != 0)
        return WD_ERR_CORRUPT;
    memcpy(print, open, WD_SEAL_PRINT);
    if (len > WD_SEAL_PRINT)
        err = wd_secret_new(key, wd_span((const char *)open + WD_SEAL_PRINT, (size_t)len - WD_SEAL_PRINT));
    sodium_memzero(open, sizeof(open));
    return err;
}

enum wd_err
wd_seal_read(const char *dir, const uint8_t *master, const char *provider, uint32_t slot, uint8_t print[WD_SEAL_PRINT],
             struct wd_secret **key)
{
    uint8_t file[SEAL_FILE_MAX + 1];
    char name[SEAL_NAME];
    ssize_t n;
    int fd;

    *key = NULL;
    if (!seal_name(name, provider, slot))
        return WD_ERR_RANGE;
    fd = wd_install_file(dir, name, O_RDONLY);
    if (fd < 0)
        return errno == ENOENT ? WD_ERR_NOTFOUND : WD_ERR_IO;
    n = read(fd, file, sizeof(file));
    close(fd);
    if (n < 0)
        return WD_ERR_IO;
    return master == NULL ? WD_ERR_DENIED : seal_open(master, name, file, (size_t)n, print, key);
}

enum wd_err
wd_seal_remove(const char *dir, const char *provider, uint32_t slot)
{
    char path[4096], name[SEAL_NAME];

    if (!seal_name(name, provider, slot))
        return WD_ERR_RANGE;
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return unlink(path) == 0 || errno == ENOENT ? WD_OK : WD_ERR_IO;
}
