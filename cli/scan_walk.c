#include "scan_walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scan_repo.h"

enum { WALK_DEPTH_MAX = 200, WALK_READ = 32768, WALK_PATH_MAX = 1 << 20, WALK_NAMES_MAX = 1 << 30 };

struct walk {
    struct scan_pool *pool;
    bool ignored;
    struct wd_buf path; /* of the folder, as it is shown, with its '/' */
    size_t inside;      /* bytes of path that stand before the folder where the walk started, */
    struct wd_buf lead; /* and what stands for them to .gitignore files: the way from the top of the repository */
    bool failed;        /* memory is out */
};

/* The names in one folder: a byte for the type, then the name. */
struct walk_names {
    struct wd_buf bytes;
    uint32_t *at;
    size_t count, size;
};

static bool
walk_fail(struct walk *w)
{
    w->failed = true;
    return false;
}

static bool
walk_keep(struct walk_names *names, const struct dirent64 *entry)
{
    uint32_t *at;
    size_t size = names->size == 0 ? 64 : names->size * 2;

    if (names->count == names->size) {
        at = realloc(names->at, size * sizeof(*at));
        if (at == NULL)
            return false;
        names->at = at;
        names->size = size;
    }
    names->at[names->count++] = (uint32_t)names->bytes.len;
    return wd_buf_add_byte(&names->bytes, (char)entry->d_type) == WD_OK &&
           wd_buf_add(&names->bytes, wd_span(entry->d_name, strlen(entry->d_name) + 1)) == WD_OK;
}

static int
walk_by_name(const void *a, const void *b, void *bytes)
{
    return strcmp((const char *)bytes + *(const uint32_t *)a + 1, (const char *)bytes + *(const uint32_t *)b + 1);
}

/* 0 or errno. */
static int
walk_list(int fd, struct walk_names *names)
{
    _Alignas(struct dirent64) char buf[WALK_READ];
    const struct dirent64 *entry;
    ssize_t n, i;

    while ((n = getdents64(fd, buf, sizeof(buf))) > 0)
        for (i = 0; i < n; i += entry->d_reclen) {
            entry = (const struct dirent64 *)(buf + i);
            if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 || strcmp(entry->d_name, ".git") == 0)
                continue;
            if (entry->d_type != DT_REG && entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN)
                continue;
            if (!walk_keep(names, entry))
                return ENOMEM;
        }
    if (n < 0)
        return errno;
    if (names->count > 1)
        qsort_r(names->at, names->count, sizeof(*names->at), walk_by_name, names->bytes.ptr);
    return 0;
}

/* The path of a name in the folder, as .gitignore files see it. */
static bool
walk_is_ignored(struct walk *w, const struct scan_ignore *ignore, const char *name, bool folder)
{
    size_t before = w->lead.len;
    bool hit = false;

    if (ignore == NULL)
        return false;
    if (wd_buf_add(&w->lead, wd_span(w->path.ptr + w->inside, w->path.len - w->inside)) == WD_OK &&
        wd_buf_add_str(&w->lead, name) == WD_OK)
        hit = scan_ignore_match(ignore, wd_buf_span(&w->lead), folder);
    else
        w->failed = true;
    w->lead.len = before;
    return hit;
}

/* The path and a name behind it, to be freed; NULL when memory is out. */
static char *
walk_path(const struct walk *w, const char *name)
{
    size_t len = strlen(name) + 1;
    char *path = malloc(w->path.len + len);

    if (path == NULL)
        return NULL;
    memcpy(path, w->path.ptr, w->path.len);
    memcpy(path + w->path.len, name, len);
    return path;
}

static bool
walk_error(struct walk *w, const char *name, int error)
{
    struct scan_job job = { .fd = -1, .tree = true, .finished = true, .error = error, .path = walk_path(w, name) };

    return job.path != NULL ? scan_pool_add(w->pool, &job) : walk_fail(w);
}

static bool
walk_file(struct walk *w, struct scan_folder *folder, const char *name)
{
    struct scan_job job = { .fd = -1, .tree = true, .name = w->path.len, .path = walk_path(w, name) };

    if (job.path == NULL)
        return walk_fail(w);
    job.folder = folder;
    folder->refs++;
    return scan_pool_add(w->pool, &job);
}

static bool walk_folder(struct walk *w, struct scan_folder *folder, const struct scan_ignore *above, unsigned depth);

static bool
walk_down(struct walk *w, const struct scan_folder *folder, const char *name, const struct scan_ignore *ignore, unsigned depth)
{
    size_t before = w->path.len;
    struct scan_folder *inner;
    bool more;
    int fd;

    if (depth == WALK_DEPTH_MAX)
        return walk_error(w, name, ELOOP);
    fd = openat(folder->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd == -1)
        return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? true : walk_error(w, name, errno);
    inner = scan_folder_new(fd);
    if (inner == NULL)
        return walk_fail(w);
    if (wd_buf_add_str(&w->path, name) == WD_OK && wd_buf_add_byte(&w->path, '/') == WD_OK)
        more = walk_folder(w, inner, ignore, depth + 1);
    else
        more = walk_fail(w);
    scan_folder_drop(inner);
    w->path.len = before;
    return more;
}

/* What the file system does not say with the name. */
static unsigned char
walk_type(int fd, const char *name)
{
    struct stat st;

    if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return DT_UNKNOWN;
    return S_ISREG(st.st_mode) ? DT_REG : S_ISDIR(st.st_mode) ? DT_DIR : DT_UNKNOWN;
}

static bool
walk_names(struct walk *w, struct scan_folder *folder, const struct walk_names *names, const struct scan_ignore *ignore,
           unsigned depth)
{
    unsigned char type;
    const char *name;
    bool more = true;

    for (size_t i = 0; i < names->count && more; i++) {
        type = (unsigned char)names->bytes.ptr[names->at[i]];
        name = names->bytes.ptr + names->at[i] + 1;
        if (type == DT_UNKNOWN)
            type = walk_type(folder->fd, name);
        if (type == DT_UNKNOWN || walk_is_ignored(w, ignore, name, type == DT_DIR))
            more = !w->failed;
        else
            more = type == DT_DIR ? walk_down(w, folder, name, ignore, depth) : walk_file(w, folder, name);
    }
    return more;
}

static bool
walk_folder(struct walk *w, struct scan_folder *folder, const struct scan_ignore *above, unsigned depth)
{
    struct walk_names names = { 0 };
    struct scan_ignore *own = NULL;
    bool more;
    int error;

    wd_buf_init(&names.bytes, WALK_NAMES_MAX);
    error = walk_list(folder->fd, &names);
    if (error == 0 && w->ignored)
        error = scan_repo_ignore(folder->fd, ".gitignore", w->lead.len + w->path.len - w->inside, above, &own);
    if (error == ENOMEM)
        more = walk_fail(w);
    else if (error != 0)
        more = walk_error(w, "", error);
    else
        more = walk_names(w, folder, &names, own != NULL ? own : above, depth);
    scan_ignore_free(own);
    wd_buf_deinit(&names.bytes);
    free(names.at);
    return more;
}

/* "." is not shown; other folders are shown with one '/' behind them. */
static bool
walk_start(struct walk *w, const char *path)
{
    size_t len = strlen(path);

    while (len > 0 && path[len - 1] == '/')
        len--;
    while (len >= 2 && path[0] == '.' && path[1] == '/') {
        for (path++, len--; len > 0 && path[0] == '/'; path++, len--)
            ;
    }
    if (len == 1 && path[0] == '.')
        return true;
    if (len == 0 && path[0] != '/')
        return true;
    return wd_buf_add(&w->path, wd_span(path, len)) == WD_OK && wd_buf_add_byte(&w->path, '/') == WD_OK;
}

bool
scan_walk(struct scan_pool *pool, int fd, const char *path, bool ignored)
{
    struct walk w = { .pool = pool, .ignored = ignored };
    struct scan_folder *folder = scan_folder_new(fd);
    struct scan_repo repo = { 0 };
    bool more = false;

    wd_buf_init(&w.path, WALK_PATH_MAX);
    wd_buf_init(&w.lead, WALK_PATH_MAX);
    if (folder == NULL || !walk_start(&w, path) || (ignored && !scan_repo_open(&repo, path, &w.lead))) {
        walk_fail(&w);
    } else {
        w.inside = w.path.len;
        more = walk_folder(&w, folder, repo.ignore, 0);
    }
    scan_repo_close(&repo);
    if (folder != NULL)
        scan_folder_drop(folder);
    wd_buf_deinit(&w.path);
    wd_buf_deinit(&w.lead);
    errno = w.failed ? ENOMEM : 0;
    return more;
}
