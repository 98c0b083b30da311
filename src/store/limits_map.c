#include "limits_map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIMITS_MAGIC "WDLIMIT1"
#define LIMITS_PAGE 4096
#define LIMITS_MIN_BYTES (8 * LIMITS_PAGE)
#define LIMITS_MAX_BYTES ((size_t)4 << 30)
#define LIMITS_BLOCK_BYTES (LIMITS_SLOTS * sizeof(uint64_t))
#define LIMITS_STEP 4096 /* blocks that get disk space at a time: 1 MiB */
#define LIMITS_TIME_MAX ((uint64_t)1 << 62)

_Static_assert(sizeof(struct limits_header) <= LIMITS_PAGE, "one page");

static size_t
limits_page_up(size_t n)
{
    return (n + LIMITS_PAGE - 1) / LIMITS_PAGE * LIMITS_PAGE;
}

/* Where the parts of a file of l->bytes lie: a quarter for counters. Returns the offset of the blocks. */
static size_t
limits_layout(struct wd_limits *l, char *base)
{
    l->counter_count = (uint32_t)(l->bytes / 4 / sizeof(struct limits_counter));
    size_t used = limits_page_up(((size_t)l->counter_count + 63) / 64 * 8);
    size_t counters = limits_page_up(l->counter_count * sizeof(struct limits_counter));
    size_t marks = limits_page_up(l->bytes / LIMITS_BLOCK_BYTES / 8 + 8);
    size_t at = LIMITS_PAGE + used + counters + marks;

    l->block_count = (uint32_t)((l->bytes - at) / LIMITS_BLOCK_BYTES);
    if (base != NULL) {
        l->header = (struct limits_header *)(void *)base;
        l->used = (uint64_t *)(void *)(base + LIMITS_PAGE);
        l->counters = (struct limits_counter *)(void *)(base + LIMITS_PAGE + used);
        l->marks = (uint64_t *)(void *)(base + LIMITS_PAGE + used + counters);
        l->blocks = (uint64_t *)(void *)(base + at);
    }
    return at;
}

static enum wd_err
limits_map(struct wd_limits *l)
{
    void *base = mmap(NULL, l->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, l->fd, 0);

    if (base == MAP_FAILED)
        return WD_ERR_IO;
    limits_layout(l, base);
    return WD_OK;
}

/* Only with the file to ourselves. The magic comes last: a file half made is made again. */
static enum wd_err
limits_format(struct wd_limits *l, size_t bytes)
{
    if (bytes < LIMITS_MIN_BYTES || bytes > LIMITS_MAX_BYTES) {
        errno = EINVAL;
        return WD_ERR_IO;
    }
    l->bytes = bytes / LIMITS_PAGE * LIMITS_PAGE;
    size_t fixed = limits_layout(l, NULL);
    if (ftruncate(l->fd, 0) < 0 || ftruncate(l->fd, (off_t)l->bytes) < 0)
        return WD_ERR_IO;
    errno = posix_fallocate(l->fd, 0, (off_t)fixed);
    if (errno != 0)
        return WD_ERR_IO;
    enum wd_err err = limits_map(l);
    if (err != WD_OK)
        return err;
    l->header->bytes = l->bytes;
    l->header->counters = l->counter_count;
    l->header->blocks = l->block_count;
    limits_order();
    memcpy(l->header->magic, LIMITS_MAGIC, sizeof(l->header->magic));
    return WD_OK;
}

static enum wd_err
limits_attach(struct wd_limits *l, size_t size)
{
    if (size < LIMITS_MIN_BYTES || size > LIMITS_MAX_BYTES || size % LIMITS_PAGE != 0)
        return WD_ERR_CORRUPT;
    l->bytes = size;
    enum wd_err err = limits_map(l);
    if (err != WD_OK)
        return err;
    const struct limits_header *h = l->header;
    if (memcmp(h->magic, LIMITS_MAGIC, sizeof(h->magic)) != 0 || h->bytes != size || h->counters != l->counter_count ||
        h->blocks != l->block_count || h->last_us > LIMITS_TIME_MAX || h->last_mono_us > LIMITS_TIME_MAX)
        return WD_ERR_CORRUPT;
    return WD_OK;
}

/* Disk space below everything that may be written: a copied file can have holes. */
static enum wd_err
limits_renew(struct wd_limits *l)
{
    uint32_t fresh = l->header->fresh < l->block_count ? l->header->fresh : l->block_count;
    size_t end = (size_t)((char *)(l->blocks + (size_t)fresh * LIMITS_SLOTS) - (char *)l->header);

    errno = posix_fallocate(l->fd, 0, (off_t)end);
    if (errno != 0)
        return WD_ERR_IO;
    l->header->backed = fresh;
    enum wd_err err = wd_mapped_lock_init(&l->header->lock);
    limits_repair(l);
    return err;
}

static void
limits_detach(struct wd_limits *l)
{
    if (l->header != NULL)
        munmap(l->header, l->bytes);
    l->header = NULL;
}

static void
limits_free(struct wd_limits *l)
{
    limits_detach(l);
    if (l->fd >= 0)
        close(l->fd);
    free(l);
}

static enum wd_err
limits_open(struct wd_limits **out, const char *path, size_t bytes, bool renew, bool *alone)
{
    struct stat st;
    enum wd_err err = WD_ERR_IO;
    struct wd_limits *l = calloc(1, sizeof(*l));

    if (l == NULL)
        return WD_ERR_NOMEM;
    l->fd = wd_mapped_file(path);
    if (l->fd < 0)
        goto fail;
    err = wd_mapped_attach(l->fd, alone);
    if (err != WD_OK)
        goto fail;
    err = WD_ERR_IO;
    if (fstat(l->fd, &st) < 0)
        goto fail;
    err = st.st_size == 0 && *alone ? limits_format(l, bytes) : limits_attach(l, (size_t)st.st_size);
    if (err == WD_ERR_CORRUPT && renew && *alone) {
        limits_detach(l);
        err = limits_format(l, bytes);
    }
    if (err == WD_OK && *alone)
        err = limits_renew(l);
    if (err != WD_OK)
        goto fail;
    *out = l;
    return WD_OK;
fail:
    limits_free(l);
    return err;
}

enum wd_err
wd_limits_open(struct wd_limits **l, const char *path, size_t bytes)
{
    bool alone;

    *l = NULL;
    enum wd_err err = limits_open(l, path, bytes, false, &alone);
    if (err == WD_OK && alone && wd_mapped_share((*l)->fd) != WD_OK) {
        limits_free(*l);
        *l = NULL;
        err = WD_ERR_IO;
    }
    return err;
}

void
wd_limits_close(struct wd_limits *l)
{
    if (l != NULL)
        limits_free(l);
}

static uint64_t
limits_min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/*
 * How far file time may go on: at least that much has passed for certain. The monotonic clock tells it (from 0 when the machine
 * was started anew), and the wall clock may only make it less (a file from another machine), so setting it gives nobody room.
 */
static void
limits_clock(struct limits_header *h, uint64_t wall_us, uint64_t mono_us)
{
    if (h->last_us == 0) {
        h->last_us = limits_min(wall_us, LIMITS_TIME_MAX / 2) + 1;
    } else {
        uint64_t mono = mono_us >= h->last_mono_us ? mono_us - h->last_mono_us : mono_us;
        uint64_t last_wall = h->last_mono_us + h->wall_offset_us;
        uint64_t wall = wall_us > last_wall ? wall_us - last_wall : 0;
        h->last_us = limits_min(h->last_us + limits_min(mono, wall), LIMITS_TIME_MAX);
    }
    h->clock_offset_us = h->last_us - mono_us;
    h->wall_offset_us = wall_us - mono_us;
    h->last_mono_us = limits_min(mono_us, LIMITS_TIME_MAX);
}

enum wd_err
wd_limits_prepare(const char *path, size_t bytes, uint64_t wall_us, uint64_t mono_us)
{
    struct wd_limits *l;
    bool alone;

    enum wd_err err = limits_open(&l, path, bytes, true, &alone);
    if (err != WD_OK)
        return err;
    /* with others attached its clock is theirs and runs */
    if (alone)
        limits_clock(l->header, wall_us, mono_us);
    limits_free(l);
    return WD_OK;
}

enum wd_err
limits_lock(struct wd_limits *l)
{
    struct stat st;

    /* memory beyond the end of a file that was cut is SIGBUS */
    if (!l->looked) {
        if (fstat(l->fd, &st) < 0 || st.st_size < (off_t)l->bytes) {
            errno = EIO;
            return WD_ERR_IO;
        }
        l->looked = l->keeps;
    }
    enum wd_err err = wd_mapped_lock(&l->header->lock);
    if (err != WD_OK)
        return err;
    if (l->header->dirty != 0)
        limits_repair(l);
    l->header->dirty = 1;
    limits_order();
    return WD_OK;
}

void
limits_unlock(struct wd_limits *l)
{
    limits_order();
    l->header->dirty = 0;
    pthread_mutex_unlock(&l->header->lock);
}

uint32_t
limits_block_take(struct wd_limits *l)
{
    struct limits_header *h = l->header;
    uint32_t ref = h->free_head;
    uint64_t *words = limits_block(l, ref);

    if (words != NULL && ref <= h->fresh) {
        h->free_head = (uint32_t)words[0];
    } else {
        if (h->fresh >= l->block_count)
            return 0;
        if (h->fresh >= h->backed) {
            uint32_t step = l->block_count - h->fresh;
            if (step > LIMITS_STEP)
                step = LIMITS_STEP;
            off_t at = (char *)(l->blocks + (size_t)h->fresh * LIMITS_SLOTS) - (char *)l->header;
            if (posix_fallocate(l->fd, at, (off_t)(step * LIMITS_BLOCK_BYTES)) != 0)
                return 0;
            h->backed = h->fresh + step;
        }
        ref = ++h->fresh;
        words = limits_block(l, ref);
    }
    memset(words, 0, LIMITS_BLOCK_BYTES);
    limits_order();
    return ref;
}

void
limits_block_free(struct wd_limits *l, uint32_t *slot)
{
    uint32_t ref = *slot;
    uint64_t *words = limits_block(l, ref);

    *slot = 0;
    limits_order();
    if (words == NULL || ref > l->header->fresh)
        return;
    words[0] = l->header->free_head;
    limits_order();
    l->header->free_head = ref;
}

void
limits_counter_free(struct wd_limits *l, uint32_t i)
{
    /* out of sight first: repair takes its blocks for free */
    limits_store(&l->used[i / 64], l->used[i / 64] & ~((uint64_t)1 << (i % 64)));
    for (uint32_t b = 0; b < LIMITS_TABLE; b++)
        limits_block_free(l, &l->counters[i].table[b]);
}

/* Claims a block for one owner; false when the reference cannot be or is somebody else's. */
static bool
limits_mark(struct wd_limits *l, uint32_t ref)
{
    if (limits_block(l, ref) == NULL || ref > l->header->fresh)
        return false;
    uint64_t bit = (uint64_t)1 << ((ref - 1) % 64), *word = &l->marks[(ref - 1) / 64];
    if ((*word & bit) != 0)
        return false;
    *word |= bit;
    return true;
}

/* A log whose words cannot be trusted counts them as taken now. */
static void
limits_mend_log(struct wd_limits *l, struct limits_counter *c)
{
    uint64_t now = l->header->last_us, before = 0;
    uint32_t start = (uint32_t)(c->ring >> 32) % LIMITS_LOG, count = (uint32_t)c->ring;

    if (count > LIMITS_LOG)
        count = LIMITS_LOG;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = (start + i) % LIMITS_LOG;
        uint32_t *ref = &c->table[at / LIMITS_SLOTS];
        uint64_t *words = limits_block(l, *ref);
        if (words == NULL) {
            *ref = limits_block_take(l);
            words = limits_block(l, *ref);
            if (words == NULL) {
                count = i;
                break;
            }
        }
        uint64_t *word = &words[at % LIMITS_SLOTS];
        if (*word < before || *word > now || *word == 0)
            *word = now;
        before = *word;
    }
    c->ring = (uint64_t)start << 32 | count;
    c->newest_us = before;
    if (c->hidden_us > now)
        c->hidden_us = now;
}

/* Interrupted while it changed its kind: refuse for one window. */
static void
limits_mend_busy(struct wd_limits *l, struct limits_counter *c)
{
    if (c->slice_window_s == 0 || c->slice_window_s > 31 * 86400)
        c->slice_window_s = 31 * 86400;
    uint64_t slice = l->header->last_us / ((uint64_t)c->slice_window_s * (1000000 / LIMITS_SLICES));
    uint32_t at = (uint32_t)(slice % (LIMITS_SLICES + 1));
    uint32_t *ref = &c->table[at / LIMITS_SLOTS];

    if (limits_block(l, *ref) == NULL)
        *ref = limits_block_take(l);
    if (limits_block(l, *ref) != NULL)
        limits_block(l, *ref)[at % LIMITS_SLOTS] = slice << 32 | UINT32_MAX;
    c->newest_us = l->header->last_us;
    c->kind = LIMITS_KIND_SLICES;
}

static void
limits_mend_counter(struct wd_limits *l, struct limits_counter *c)
{
    uint64_t longest = (uint64_t)31 * 86400 * 1000000;

    if (c->keep_us == 0 || c->keep_us > longest)
        c->keep_us = longest;
    if (c->newest_us > l->header->last_us)
        c->newest_us = l->header->last_us;
    if (c->kind == LIMITS_KIND_LOG) {
        limits_mend_log(l, c);
    } else if (c->kind < LIMITS_KIND_SLICES || c->kind == LIMITS_KIND_BUSY || c->kind > LIMITS_KIND_USD ||
               c->slice_window_s == 0 || c->slice_window_s > 31 * 86400) {
        limits_mend_busy(l, c);
    }
}

/* Only under the lock or alone. */
void
limits_repair(struct wd_limits *l)
{
    struct limits_header *h = l->header;

    h->dirty = 1;
    if (h->fresh > l->block_count)
        h->fresh = l->block_count;
    if (h->backed > l->block_count || h->backed < h->fresh)
        h->backed = h->fresh;
    memset(l->marks, 0, ((size_t)l->block_count + 63) / 64 * 8);
    for (uint32_t i = 0; i < l->counter_count; i++) {
        if (l->used[i / 64] == 0) {
            i |= 63;
            continue;
        }
        if (!limits_used(l, i))
            continue;
        for (uint32_t b = 0; b < LIMITS_TABLE; b++)
            if (l->counters[i].table[b] != 0 && !limits_mark(l, l->counters[i].table[b]))
                l->counters[i].table[b] = 0;
    }
    h->free_head = 0;
    for (uint32_t ref = h->fresh; ref > 0; ref--) {
        if ((l->marks[(ref - 1) / 64] >> ((ref - 1) % 64) & 1) != 0)
            continue;
        limits_block(l, ref)[0] = h->free_head;
        h->free_head = ref;
    }
    for (uint32_t i = 0; i < l->counter_count; i++)
        if (limits_used(l, i))
            limits_mend_counter(l, &l->counters[i]);
    limits_order();
    h->dirty = 0;
}
