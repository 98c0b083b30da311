#ifndef WD_SCAN_POOL_H
#define WD_SCAN_POOL_H

#include <sys/types.h>

#include "scan_text.h"

/* An open folder, as long as one of its files is still to be opened. */
struct scan_folder {
    int fd;
    _Atomic unsigned refs;
};

struct scan_folder *scan_folder_new(int fd); /* takes fd; NULL when memory is out: fd is closed */
void scan_folder_drop(struct scan_folder *folder);

/* A text to scan: a file of a folder, an open file, or bytes. What is owned is freed with the job. */
struct scan_job {
    char *path;                 /* as it is shown; owned */
    size_t name;                /* where in path the name in the folder starts */
    struct scan_folder *folder; /* owned; NULL: fd or data */
    int fd;                     /* owned */
    char *data;                 /* owned; fd is -1 then */
    size_t len;
    char commit[65]; /* "": none */
    bool tree;       /* met in a folder or in git, not named */
    bool finished;   /* error and found are filled in */
    int error;       /* errno, 0 when it could be read */
    struct scan_found found;
};

void scan_job_deinit(struct scan_job *job);

/*
 * Threads that take jobs and hand on their results in the order in which the jobs came. emit runs in one thread at a time;
 * false ends everything.
 */
struct scan_pool;
typedef bool scan_emit_fn(void *ctx, struct scan_job *job);

enum wd_err scan_pool_new(struct scan_pool **pool, const struct detector *detector, const struct scan_wanted *wanted,
                          scan_emit_fn *emit, void *ctx) WD_CHECK;
/* Takes the job, also when the answer is false: no more are wanted. Waits when too many are on their way. */
bool scan_pool_add(struct scan_pool *pool, struct scan_job *job);
/* For what the caller scans itself and adds as finished. */
struct scan_text *scan_pool_text(struct scan_pool *pool);
/* Waits for the jobs that are on their way and frees the pool. */
void scan_pool_free(struct scan_pool *pool);

/* A source of bytes: read(2) with its answers. */
typedef ssize_t scan_read_fn(void *ctx, char *out, size_t n);
/* Scans what it gives; whole: a short answer is the last one. Fills in job->error and job->found. */
void scan_pool_read(struct scan_text *text, struct scan_job *job, scan_read_fn *read, void *ctx, bool whole);

#endif
