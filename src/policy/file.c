#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *
file_errno(void)
{
    switch (errno) {
    case ENOENT:
    case ENOTDIR:
        return "does not exist";
    case EACCES:
    case EPERM:
        return "may not be read by this user";
    default:
        return "cannot be opened";
    }
}

enum wd_err
wd_file_open(int *fd, const char *path, bool secret, const char **what)
{
    struct stat st;

    /* Looked at first, since to open a device or a pipe may already have an effect. */
    if (stat(path, &st) != 0) {
        *what = file_errno();
        return WD_ERR_IO;
    }
    *what = "is not a regular file";
    if (!S_ISREG(st.st_mode))
        return WD_ERR_IO;
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (*fd < 0) {
        *what = file_errno();
        return WD_ERR_IO;
    }
    if (fstat(*fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(*fd);
        return WD_ERR_IO;
    }
    *what = NULL;
    if (secret && (st.st_mode & 077) != 0)
        *what = "is open to others than its owner";
    else if (secret && st.st_uid != 0 && st.st_uid != geteuid())
        *what = "belongs to another user";
    if (*what == NULL)
        return WD_OK;
    close(*fd);
    return WD_ERR_DENIED;
}

enum wd_err
wd_file_check(const char *path, bool secret, const char **what)
{
    int fd;
    enum wd_err err = wd_file_open(&fd, path, secret, what);

    if (err == WD_OK)
        close(fd);
    return err;
}

enum wd_err
wd_file_read(struct wd_buf *out, int fd)
{
    enum wd_err err;
    ssize_t n;

    /* Reserving all of the cap at once keeps a secret from being copied about by growth. */
    err = wd_buf_reserve(out, out->cap - out->len);
    while (err == WD_OK) {
        size_t room = out->cap - out->len;
        char beyond;

        n = read(fd, room > 0 ? out->ptr + out->len : &beyond, room > 0 ? room : 1);
        if (n == 0)
            break;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            err = WD_ERR_IO;
        else if (room == 0)
            err = WD_ERR_LIMIT;
        else
            out->len += (size_t)n;
    }
    close(fd);
    return err;
}
