#include "mapped.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <sys/file.h>

#include "install.h"

int
wd_mapped_file(const char *path)
{
    char dir[4096], name[4096];
    size_t len = strlen(path);

    if (len >= sizeof(dir)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(dir, path, len + 1);
    memcpy(name, path, len + 1);
    return wd_install_file(dirname(dir), basename(name), O_RDWR | O_CREAT);
}

enum wd_err
wd_mapped_attach(int fd, bool *alone)
{
    *alone = flock(fd, LOCK_EX | LOCK_NB) == 0;
    if (*alone)
        return WD_OK;
    return errno == EWOULDBLOCK ? wd_mapped_share(fd) : WD_ERR_IO;
}

enum wd_err
wd_mapped_share(int fd)
{
    return flock(fd, LOCK_SH) < 0 ? WD_ERR_IO : WD_OK;
}

enum wd_err
wd_mapped_lock_init(pthread_mutex_t *lock)
{
    pthread_mutexattr_t attr;

    if (pthread_mutexattr_init(&attr) != 0)
        return WD_ERR_NOMEM;
    memset(lock, 0, sizeof(*lock));
    int rc = pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    if (rc == 0)
        rc = pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    if (rc == 0)
        rc = pthread_mutex_init(lock, &attr);
    pthread_mutexattr_destroy(&attr);
    errno = rc;
    return rc == 0 ? WD_OK : WD_ERR_IO;
}

enum wd_err
wd_mapped_lock(pthread_mutex_t *lock)
{
    int rc = pthread_mutex_lock(lock);

    if (rc == EOWNERDEAD)
        rc = pthread_mutex_consistent(lock);
    errno = rc;
    return rc == 0 ? WD_OK : WD_ERR_IO;
}
