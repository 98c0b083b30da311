#include "scan_git.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "scan_git_child.h"
#include "scan_git_seen.h"

/*
 * One git lists, another one gives the blobs that were listed (cat-file --batch). Requests are sent ahead of the answers, but
 * never more than a pipe holds, so that neither side waits for the other.
 */
enum { GIT_AHEAD = 32, GIT_BLOB_KEPT = 1 << 20, GIT_ID_MAX = 64 };

struct git_entry {
    char id[GIT_ID_MAX + 1], commit[GIT_ID_MAX + 1];
    char *path;
};

struct git {
    struct scan_pool *pool;
    struct scan_git_child rev_list, list, cat;
    FILE *listed, *blobs;
    struct git_entry ahead[GIT_AHEAD];
    size_t first, last;
    char commit[GIT_ID_MAX + 1];
    char *line; /* getdelim */
    size_t line_size;
    struct scan_git_seen seen;
    const char *wrong;
};

static const char git_broken[] = "its answer was not understood";

static bool
git_fail(struct git *g, const char *wrong)
{
    g->wrong = wrong;
    return false;
}

/* The next NUL-terminated token of the list; NULL at its end. */
static char *
git_token(struct git *g)
{
    ssize_t n = getdelim(&g->line, &g->line_size, '\0', g->listed);

    return n > 0 && g->line[n - 1] == '\0' ? g->line : NULL;
}

static bool
git_is_id(struct wd_span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (strchr("0123456789abcdef", s.ptr[i]) == NULL)
            return false;
    return s.len == 40 || s.len == GIT_ID_MAX;
}

/*
 * ":MODE MODE ID ID STATUS"; of a merge one more colon, mode and id for each further parent. Takes the last mode and id. False
 * when it is none.
 */
static bool
git_parse(const char *raw, char id[GIT_ID_MAX + 1], bool *file)
{
    size_t parents = strspn(raw, ":"), field, len = 0;
    const char *at = raw + parents;

    for (field = 0; field < 2 * (parents + 1); field++, at += len + 1) {
        len = strcspn(at, " ");
        if (at[len] != ' ')
            return false;
        if (field == parents)
            *file = strncmp(at, "100", 3) == 0;
    }
    at -= len + 1;
    if (!git_is_id(wd_span(at, len)))
        return false;
    snprintf(id, GIT_ID_MAX + 1, "%.*s", (int)len, at);
    return true;
}

/* The next blob to scan into *e. False at the end of the list, and when something is wrong. */
static bool
git_next(struct git *g, struct git_entry *e)
{
    char *token;
    bool file = false;

    while ((token = git_token(g)) != NULL) {
        if (token[0] != ':') {
            if (!git_is_id(wd_span_str(token)))
                return git_fail(g, git_broken);
            snprintf(g->commit, sizeof(g->commit), "%s", token);
            continue;
        }
        if (!git_parse(token, e->id, &file))
            return git_fail(g, git_broken);
        token = git_token(g);
        if (token == NULL)
            return git_fail(g, git_broken);
        /* Only files, and what is there: a file that was deleted has the id 0. */
        if (!file || strspn(e->id, "0") == strlen(e->id))
            continue;
        if (g->commit[0] != '\0') {
            switch (scan_git_seen_add(&g->seen, e->id)) {
            case WD_OK:
                break;
            case WD_ERR_DENIED:
                continue;
            default:
                return git_fail(g, "out of memory");
            }
        }
        memcpy(e->commit, g->commit, sizeof(e->commit));
        e->path = strdup(token);
        return e->path != NULL || git_fail(g, "out of memory");
    }
    if (ferror(g->listed))
        return git_fail(g, strerror(errno));
    return false;
}

static bool
git_ask(struct git *g, const struct git_entry *e)
{
    char line[GIT_ID_MAX + 2];
    int len = snprintf(line, sizeof(line), "%s\n", e->id);

    return write(g->cat.in, line, (size_t)len) == len || git_fail(g, "git cat-file has ended");
}

struct git_blob {
    FILE *file;
    uint64_t left;
};

static ssize_t
git_read(void *ctx, char *out, size_t n)
{
    struct git_blob *b = ctx;
    size_t got;

    n = n < b->left ? n : (size_t)b->left;
    got = fread(out, 1, n, b->file);
    b->left -= got;
    if (got < n) {
        errno = EIO;
        return -1;
    }
    return (ssize_t)n;
}

/* What was not read of it, and the line break behind. */
static bool
git_skip(struct git *g, struct git_blob *b)
{
    char rest[8192];

    while (b->left > 0)
        if (git_read(b, rest, sizeof(rest)) < 0)
            return git_fail(g, "git cat-file has ended");
    return getc(g->blobs) == '\n' || git_fail(g, git_broken);
}

/* Small blobs are for the threads; a big one is not kept, but scanned as it comes. */
static bool
git_take(struct git *g, struct scan_job *job, uint64_t size)
{
    struct git_blob blob = { g->blobs, size };

    if (size > GIT_BLOB_KEPT) {
        scan_pool_read(scan_pool_text(g->pool), job, git_read, &blob, false);
        job->finished = true;
        return git_skip(g, &blob);
    }
    job->data = malloc(size + 1);
    if (job->data == NULL)
        return git_fail(g, "out of memory");
    job->len = size;
    if (git_read(&blob, job->data, size) < 0)
        return git_fail(g, "git cat-file has ended");
    return git_skip(g, &blob);
}

/* The answer to the oldest request becomes a job. */
static bool
git_answer(struct git *g, bool *more)
{
    struct git_entry *e = &g->ahead[g->first++ % GIT_AHEAD];
    struct scan_job job = { .fd = -1, .tree = true, .path = e->path };
    char head[256], kind[32];
    unsigned long long size;
    bool ok = true;

    e->path = NULL;
    memcpy(job.commit, e->commit, sizeof(job.commit));
    if (fgets(head, sizeof(head), g->blobs) == NULL) {
        ok = git_fail(g, "git cat-file has ended");
    } else if (strncmp(head, e->id, strlen(e->id)) != 0) {
        ok = git_fail(g, git_broken);
    } else if (sscanf(head + strlen(e->id), " %31s %llu", kind, &size) == 2 && strcmp(kind, "blob") == 0) {
        ok = git_take(g, &job, size);
    } else {
        job.finished = true;
        job.error = ENOENT;
    }
    if (!ok) {
        scan_job_deinit(&job);
        return false;
    }
    *more = scan_pool_add(g->pool, &job);
    return true;
}

static bool
git_run(struct git *g)
{
    bool listed = true, more = true;

    while (more) {
        while (listed && g->last - g->first < GIT_AHEAD) {
            struct git_entry *e = &g->ahead[g->last % GIT_AHEAD];

            listed = git_next(g, e);
            if (g->wrong != NULL)
                return false;
            if (!listed)
                break;
            g->last++;
            if (!git_ask(g, e))
                return false;
        }
        if (g->first == g->last)
            return true;
        if (!git_answer(g, &more))
            return false;
    }
    return true;
}

static bool
git_start(struct git *g, enum scan_git_what what, const char *folder)
{
    static const char *const repo[] = { "rev-parse", "--git-dir", NULL };
    static const char *const staged[] = { "diff",
                                          "--cached",
                                          "--raw",
                                          "-z",
                                          "--no-abbrev",
                                          "--no-renames",
                                          "--no-ext-diff",
                                          "--no-color",
                                          "--no-relative",
                                          "--ignore-submodules=all",
                                          "--",
                                          NULL };
    static const char *const commits[] = { "rev-list", "--all", "--reverse", NULL };
    static const char *const added[] = { "diff-tree", "--stdin",     "-r",           "--root",        "-c", "--raw",
                                         "-z",        "--no-abbrev", "--no-renames", "--no-relative", "--", NULL };
    static const char *const blobs[] = { "cat-file", "--batch", NULL };
    int commits_fd = -1;

    if (!scan_git_child_start(&g->list, folder, repo, NULL, false, -1) || !scan_git_child_end(&g->list))
        return false;
    if (what == SCAN_GIT_HISTORY) {
        if (!scan_git_child_start(&g->rev_list, folder, commits, NULL, false, -1))
            return false;
        commits_fd = scan_git_child_take(&g->rev_list);
    }
    if (!scan_git_child_start(&g->list, folder, what == SCAN_GIT_STAGED ? staged : added, folder != NULL ? "." : NULL, false,
                              commits_fd) ||
        !scan_git_child_start(&g->cat, folder, blobs, NULL, true, -1))
        return false;
    g->listed = fdopen(scan_git_child_take(&g->list), "r");
    g->blobs = fdopen(scan_git_child_take(&g->cat), "r");
    return (g->listed != NULL && g->blobs != NULL) || git_fail(g, "out of memory");
}

bool
scan_git(struct scan_pool *pool, enum scan_git_what what, const char *folder)
{
    struct git *g = calloc(1, sizeof(*g));
    bool ok;

    if (g == NULL) {
        fputs("warder: scan: out of memory\n", stderr);
        return false;
    }
    g->pool = pool;
    g->rev_list = g->list = g->cat = SCAN_GIT_CHILD_NONE;
    ok = git_start(g, what, folder) && git_run(g);
    if (g->wrong != NULL)
        fprintf(stderr, "warder: scan: git: %s\n", g->wrong);
    if (g->listed != NULL)
        fclose(g->listed);
    if (g->blobs != NULL)
        fclose(g->blobs);
    /* Also those that a failure has left. Whoever was cut short may well complain, and is not heard. */
    ok = scan_git_child_end(&g->rev_list) && ok;
    ok = scan_git_child_end(&g->list) && ok;
    ok = scan_git_child_end(&g->cat) && ok;
    while (g->first < g->last)
        free(g->ahead[g->first++ % GIT_AHEAD].path);
    scan_git_seen_deinit(&g->seen);
    free(g->line);
    free(g);
    return ok;
}
