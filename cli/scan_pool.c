#include "scan_pool.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

/* Jobs on their way; what they hold of memory and descriptors is bounded by it. */
enum { POOL_JOBS = 128, POOL_THREADS_MAX = 64 };

struct pool_thread {
    struct scan_pool *pool;
    struct scan_text *text;
    pthread_t id;
};

struct scan_pool {
    pthread_mutex_t lock;
    pthread_cond_t work, room;
    struct scan_job jobs[POOL_JOBS];
    bool done[POOL_JOBS];
    uint64_t first, next, last; /* to emit; to take; behind the newest */
    bool emitting, over, stopped;
    scan_emit_fn *emit;
    void *ctx;
    struct pool_thread threads[POOL_THREADS_MAX];
    unsigned count;
    struct scan_text *own;
};

struct scan_folder *
scan_folder_new(int fd)
{
    struct scan_folder *folder = malloc(sizeof(*folder));

    if (folder == NULL) {
        close(fd);
        return NULL;
    }
    folder->fd = fd;
    folder->refs = 1;
    return folder;
}

void
scan_folder_drop(struct scan_folder *folder)
{
    if (--folder->refs > 0)
        return;
    close(folder->fd);
    free(folder);
}

void
scan_job_deinit(struct scan_job *job)
{
    free(job->path);
    free(job->data);
    free(job->found.items);
    if (job->folder != NULL)
        scan_folder_drop(job->folder);
    if (job->fd > STDERR_FILENO)
        close(job->fd);
    *job = (struct scan_job){ .fd = -1 };
}

void
scan_pool_read(struct scan_text *text, struct scan_job *job, scan_read_fn *read_fn, void *ctx, bool whole)
{
    bool over = false;
    size_t room;
    ssize_t n;
    char *to;

    scan_text_begin(text, job->tree);
    while (!over) {
        to = scan_text_room(text, &room);
        n = read_fn(ctx, to, room);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            job->error = errno;
            break;
        }
        if (scan_text_block(text, (size_t)n, n == 0 || (whole && (size_t)n < room), &over) != WD_OK) {
            job->error = ENOMEM;
            break;
        }
    }
    scan_text_take(text, &job->found);
}

static ssize_t
pool_read_fd(void *ctx, char *out, size_t n)
{
    return read(*(int *)ctx, out, n);
}

struct pool_bytes {
    const char *ptr;
    size_t len;
};

static ssize_t
pool_read_bytes(void *ctx, char *out, size_t n)
{
    struct pool_bytes *b = ctx;

    n = n < b->len ? n : b->len;
    memcpy(out, b->ptr, n);
    b->ptr += n;
    b->len -= n;
    return (ssize_t)n;
}

static void
pool_run(struct scan_text *text, struct scan_job *job)
{
    int fd = job->fd;

    if (job->data != NULL) {
        scan_pool_read(text, job, pool_read_bytes, &(struct pool_bytes){ job->data, job->len }, false);
        free(job->data);
        job->data = NULL;
        return;
    }
    /* Only regular files are met in folders; what has become another thing meanwhile must not be waited for. */
    if (job->folder != NULL)
        fd = openat(job->folder->fd, job->path + job->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd == -1)
        job->error = errno;
    else
        scan_pool_read(text, job, pool_read_fd, &fd, job->folder != NULL);
    if (job->folder != NULL) {
        if (fd != -1)
            close(fd);
        scan_folder_drop(job->folder);
        job->folder = NULL;
    }
}

/* Results whose turn it is. With the lock, which is given up for each. */
static void
pool_emit(struct scan_pool *p)
{
    if (p->emitting)
        return;
    p->emitting = true;
    while (p->first < p->next && p->done[p->first % POOL_JOBS]) {
        struct scan_job *job = &p->jobs[p->first % POOL_JOBS];
        bool go_on = !p->stopped;

        pthread_mutex_unlock(&p->lock);
        go_on = go_on && p->emit(p->ctx, job);
        scan_job_deinit(job);
        pthread_mutex_lock(&p->lock);
        p->stopped = p->stopped || !go_on;
        p->first++;
        if (p->last - p->first == POOL_JOBS / 2 || p->first == p->last || p->stopped)
            pthread_cond_broadcast(&p->room);
    }
    p->emitting = false;
}

static void *
pool_work(void *arg)
{
    struct pool_thread *thread = arg;
    struct scan_pool *p = thread->pool;
    struct scan_job *job;
    uint64_t at;

    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (p->next == p->last && !p->over)
            pthread_cond_wait(&p->work, &p->lock);
        if (p->next == p->last)
            break;
        at = p->next++;
        job = &p->jobs[at % POOL_JOBS];
        if (!job->finished && !p->stopped) {
            pthread_mutex_unlock(&p->lock);
            pool_run(thread->text, job);
            pthread_mutex_lock(&p->lock);
        }
        p->done[at % POOL_JOBS] = true;
        pool_emit(p);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

static unsigned
pool_cores(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

    return n < 1 ? 1 : n > POOL_THREADS_MAX ? POOL_THREADS_MAX : (unsigned)n;
}

enum wd_err
scan_pool_new(struct scan_pool **pool, const struct detector *detector, const struct scan_wanted *wanted, scan_emit_fn *emit,
              void *ctx)
{
    struct scan_pool *p = calloc(1, sizeof(*p));
    unsigned cores = pool_cores();
    struct pool_thread *thread;

    if (p == NULL)
        return WD_ERR_NOMEM;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
    pthread_cond_init(&p->room, NULL);
    p->emit = emit;
    p->ctx = ctx;
    if (scan_text_new(&p->own, detector, wanted) != WD_OK)
        goto failed;
    while (p->count < cores) {
        thread = &p->threads[p->count];
        thread->pool = p;
        if (scan_text_new(&thread->text, detector, wanted) != WD_OK)
            break;
        if (pthread_create(&thread->id, NULL, pool_work, thread) != 0) {
            scan_text_free(thread->text);
            break;
        }
        p->count++;
    }
    if (p->count > 0) {
        *pool = p;
        return WD_OK;
    }

failed:
    scan_pool_free(p);
    return WD_ERR_NOMEM;
}

bool
scan_pool_add(struct scan_pool *p, struct scan_job *job)
{
    bool more;

    pthread_mutex_lock(&p->lock);
    while (p->last - p->first == POOL_JOBS && !p->stopped) {
        while (p->last - p->first > POOL_JOBS / 2 && !p->stopped)
            pthread_cond_wait(&p->room, &p->lock);
    }
    more = !p->stopped;
    if (more) {
        p->jobs[p->last % POOL_JOBS] = *job;
        p->done[p->last % POOL_JOBS] = false;
        p->last++;
        pthread_cond_signal(&p->work);
    }
    pthread_mutex_unlock(&p->lock);
    if (!more)
        scan_job_deinit(job);
    return more;
}

struct scan_text *
scan_pool_text(struct scan_pool *p)
{
    return p->own;
}

void
scan_pool_free(struct scan_pool *p)
{
    pthread_mutex_lock(&p->lock);
    p->over = true;
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->count; i++) {
        pthread_join(p->threads[i].id, NULL);
        scan_text_free(p->threads[i].text);
    }
    scan_text_free(p->own);
    pthread_cond_destroy(&p->work);
    pthread_cond_destroy(&p->room);
    pthread_mutex_destroy(&p->lock);
    free(p);
}
