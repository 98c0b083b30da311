#include "scan_repo.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* The start of a regular file; 0, or errno. */
static int
repo_read(int folder, const char *name, size_t most, struct wd_buf *out)
{
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), error = 0;
    struct stat st;
    ssize_t n = 1;

    if (fd == -1)
        return errno;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        error = EINVAL;
    while (error == 0 && n != 0 && out->len < most) {
        if (wd_buf_reserve(out, 4096) != WD_OK) {
            error = ENOMEM;
            break;
        }
        n = read(fd, out->ptr + out->len, 4096);
        if (n < 0 && errno != EINTR)
            error = errno;
        out->len += n > 0 ? (size_t)n : 0;
    }
    close(fd);
    return error;
}

int
scan_repo_ignore(int folder, const char *name, size_t base, const struct scan_ignore *above, struct scan_ignore **ignore)
{
    struct wd_buf text;
    int error;

    *ignore = NULL;
    wd_buf_init(&text, SCAN_IGNORE_FILE_MAX + 8192);
    error = repo_read(folder, name, SCAN_IGNORE_FILE_MAX, &text);
    if (error == 0 && text.len > 0) {
        *ignore = scan_ignore_new(wd_buf_span(&text), base, above);
        error = *ignore == NULL ? ENOMEM : 0;
    }
    wd_buf_deinit(&text);
    /* A link, or a file that cannot be read, hides nothing: more is looked at, not less. */
    return error == ENOMEM ? error : 0;
}

static bool
repo_add(struct scan_repo *repo, int folder, const char *name, size_t base)
{
    struct scan_ignore *own;

    if (repo->count == sizeof(repo->files) / sizeof(repo->files[0]))
        return true;
    if (scan_repo_ignore(folder, name, base, repo->ignore, &own) != 0)
        return false;
    if (own != NULL)
        repo->files[repo->count++] = repo->ignore = own;
    return true;
}

/* The one line of a file that names a folder, behind `label`. False when there is none. */
static bool
repo_line(int folder, const char *name, const char *label, char out[PATH_MAX])
{
    struct wd_buf text;
    size_t skip = strlen(label), len;
    bool ok = false;

    wd_buf_init(&text, PATH_MAX + 8192);
    if (repo_read(folder, name, PATH_MAX, &text) == 0 && text.len > skip && memcmp(text.ptr, label, skip) == 0) {
        for (len = text.len; len > skip && (text.ptr[len - 1] == '\n' || text.ptr[len - 1] == '\r'); len--)
            ;
        ok = len > skip && len - skip < PATH_MAX && memchr(text.ptr, '\0', len) == NULL;
        if (ok)
            snprintf(out, PATH_MAX, "%.*s", (int)(len - skip), text.ptr + skip);
    }
    wd_buf_deinit(&text);
    return ok;
}

/* .git is a folder, or a file that names it; a further working tree shares info/exclude with the first. */
static bool
repo_exclude(struct scan_repo *repo, int top)
{
    char path[PATH_MAX];
    int git = openat(top, ".git", O_RDONLY | O_DIRECTORY | O_CLOEXEC), common;
    bool ok = true;

    if (git == -1 && repo_line(top, ".git", "gitdir: ", path))
        git = openat(top, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (git == -1)
        return true;
    if (repo_line(git, "commondir", "", path) && (common = openat(git, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) != -1) {
        close(git);
        git = common;
    }
    ok = repo_add(repo, git, "info/exclude", 0);
    close(git);
    return ok;
}

/* The files from the top down to the folder above `inside`, which is the way from the top to the folder itself. */
static bool
repo_read_above(struct scan_repo *repo, const char *top, const char *inside)
{
    int fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC), next;
    bool ok = fd == -1 || repo_exclude(repo, fd);
    const char *at = inside, *slash;
    char name[NAME_MAX + 1];

    while (ok && fd != -1 && *at != '\0') {
        ok = repo_add(repo, fd, ".gitignore", (size_t)(at - inside));
        slash = strchrnul(at, '/');
        if ((size_t)(slash - at) > NAME_MAX)
            break;
        snprintf(name, sizeof(name), "%.*s", (int)(slash - at), at);
        next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        close(fd);
        fd = next;
        at = *slash == '/' ? slash + 1 : slash;
    }
    if (fd != -1)
        close(fd);
    return ok;
}

bool
scan_repo_open(struct scan_repo *repo, const char *path, struct wd_buf *lead)
{
    char full[PATH_MAX], git[PATH_MAX + 8];
    size_t len;

    *repo = (struct scan_repo){ 0 };
    if (realpath(path, full) == NULL)
        return true;
    for (len = strlen(full); len > 0; len = (size_t)(strrchr(git, '/') - git)) {
        snprintf(git, sizeof(git), "%.*s/.git", (int)len, full);
        if (access(git, F_OK) == 0)
            break;
        git[len] = '\0';
    }
    if (len == 0)
        return true;
    snprintf(git, sizeof(git), "%.*s", (int)len, full);
    if (full[len] == '\0')
        return repo_read_above(repo, git, "");
    return wd_buf_add_str(lead, full + len + 1) == WD_OK && repo_read_above(repo, git, full + len + 1) &&
           wd_buf_add_byte(lead, '/') == WD_OK;
}

void
scan_repo_close(struct scan_repo *repo)
{
    while (repo->count > 0)
        scan_ignore_free(repo->files[--repo->count]);
}
