#include "ledger_map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LEDGER_MAGIC "WDLEDGR1"
#define LEDGER_MAKING "WDLEDGR0"
#define LEDGER_ENTRIES ((uint32_t)12000000) /* by default */
#define LEDGER_ENTRIES_MAX ((uint32_t)700000000)
#define LEDGER_ENTRIES_A_WORD 46 /* the last splits leave pages half empty, and chance fills none of that depth */
#define LEDGER_DEPTH_MIN 4
#define LEDGER_STEP 256 /* pages that get disk space at a time: 1 MiB */

static size_t
ledger_page_up(size_t n)
{
    return (n + LEDGER_PAGE - 1) / LEDGER_PAGE * LEDGER_PAGE;
}

/* Where the parts lie. Returns the offset of the pages. */
static size_t
ledger_layout(struct wd_ledger *l, char *base)
{
    size_t filter = ledger_page_up(sizeof(struct wd_filter));
    size_t at = LEDGER_PAGE + filter + ledger_page_up(sizeof(uint32_t) << l->bits);

    if (base != NULL) {
        l->header = (struct ledger_header *)(void *)base;
        l->filter = (struct wd_filter *)(void *)(base + LEDGER_PAGE);
        l->directory = (uint32_t *)(void *)(base + LEDGER_PAGE + filter);
        l->pages = (struct ledger_page *)(void *)(base + at);
    }
    l->bytes = at + ((size_t)LEDGER_PAGE << l->bits);
    return at;
}

static enum wd_err
ledger_map(struct wd_ledger *l)
{
    ledger_layout(l, NULL);
    void *base = mmap(NULL, l->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, l->fd, 0);

    if (base == MAP_FAILED)
        return WD_ERR_IO;
    ledger_layout(l, base);
    return WD_OK;
}

enum wd_err
ledger_back(struct wd_ledger *l, uint32_t n)
{
    struct ledger_header *h = l->header;

    if (n <= h->backed)
        return WD_OK;
    uint32_t from = n - 1, step = (uint32_t)1 << l->bits;
    step = step - from < LEDGER_STEP ? step - from : LEDGER_STEP;
    off_t at = (char *)&l->pages[from] - (char *)h;
    errno = posix_fallocate(l->fd, at, (off_t)step * LEDGER_PAGE);
    if (errno != 0)
        return WD_ERR_FULL;
    h->backed = from + step;
    return WD_OK;
}

/* Only with the file to ourselves. What was begun and not finished says so, and is made again. */
static enum wd_err
ledger_format(struct wd_ledger *l, uint32_t entries)
{
    char head[LEDGER_PAGE] = LEDGER_MAKING;

    if (entries == 0)
        entries = LEDGER_ENTRIES;
    if (entries > LEDGER_ENTRIES_MAX) {
        errno = EINVAL;
        return WD_ERR_IO;
    }
    for (l->bits = LEDGER_DEPTH_MIN; (entries - 1) / LEDGER_ENTRIES_A_WORD >> l->bits != 0;)
        l->bits++;
    l->max = entries;
    size_t fixed = ledger_layout(l, NULL);
    if (ftruncate(l->fd, 0) < 0 || pwrite(l->fd, head, sizeof(head), 0) != (ssize_t)sizeof(head) || fdatasync(l->fd) < 0 ||
        ftruncate(l->fd, (off_t)l->bytes) < 0)
        return WD_ERR_IO;
    errno = posix_fallocate(l->fd, 0, (off_t)fixed + LEDGER_PAGE);
    if (errno != 0)
        return WD_ERR_IO;
    enum wd_err err = ledger_map(l);
    if (err != WD_OK)
        return err;
    /* a directory of zeros: all keys are in page 0 */
    l->pages[0].magic = LEDGER_PAGE_MAGIC;
    l->header->bytes = l->bytes;
    l->header->bits = l->bits;
    l->header->max = l->max;
    l->header->pages = 1;
    l->header->backed = 1;
    wd_mapped_order();
    memcpy(l->header->magic, LEDGER_MAGIC, sizeof(l->header->magic));
    return msync(l->header, fixed + LEDGER_PAGE, MS_SYNC) < 0 ? WD_ERR_IO : WD_OK;
}

static enum wd_err
ledger_attach(struct wd_ledger *l, size_t size, bool *half)
{
    struct ledger_header h;

    ssize_t got = pread(l->fd, &h, sizeof(h), 0);
    if (got < 0)
        return WD_ERR_IO;
    if (got != (ssize_t)sizeof(h))
        return WD_ERR_CORRUPT;
    *half = memcmp(h.magic, LEDGER_MAKING, sizeof(h.magic)) == 0;
    if (memcmp(h.magic, LEDGER_MAGIC, sizeof(h.magic)) != 0 || h.bits < LEDGER_DEPTH_MIN || h.bits > LEDGER_DEPTH_MAX ||
        h.max == 0 || h.max > LEDGER_ENTRIES_MAX || h.pages == 0 || h.pages > (uint32_t)1 << h.bits ||
        h.backed > (uint32_t)1 << h.bits || h.backed < h.pages)
        return WD_ERR_CORRUPT;
    l->bits = h.bits;
    l->max = h.max;
    ledger_layout(l, NULL);
    if (h.bytes != l->bytes || size != l->bytes)
        return WD_ERR_CORRUPT;
    return ledger_map(l);
}

/* Disk space below everything that may be written: a copied file can have holes. */
static enum wd_err
ledger_renew(struct wd_ledger *l)
{
    size_t end = (size_t)((char *)&l->pages[l->header->pages] - (char *)l->header);

    errno = posix_fallocate(l->fd, 0, (off_t)end);
    if (errno != 0)
        return WD_ERR_IO;
    l->header->backed = l->header->pages;
    enum wd_err err = wd_mapped_lock_init(&l->header->lock);
    if (err == WD_OK)
        ledger_repair(l);
    return err;
}

static void
ledger_free(struct wd_ledger *l)
{
    if (l->header != NULL)
        munmap(l->header, l->bytes);
    if (l->fd >= 0)
        close(l->fd);
    free(l);
}

static enum wd_err
ledger_open(struct wd_ledger **out, const char *path, uint32_t entries, bool *alone)
{
    struct stat st;
    bool half;
    struct wd_ledger *l = calloc(1, sizeof(*l));

    if (l == NULL)
        return WD_ERR_NOMEM;
    l->fd = wd_mapped_file(path);
    enum wd_err err = l->fd < 0 ? WD_ERR_IO : wd_mapped_attach(l->fd, alone);
    if (err == WD_OK && fstat(l->fd, &st) < 0)
        err = WD_ERR_IO;
    if (err == WD_OK) {
        half = st.st_size == 0;
        if (!half)
            err = ledger_attach(l, (size_t)st.st_size, &half);
        if (half)
            err = *alone ? ledger_format(l, entries) : WD_ERR_IO;
    }
    if (err == WD_OK && *alone)
        err = ledger_renew(l);
    if (err != WD_OK) {
        int saved = errno;
        ledger_free(l);
        errno = saved;
        return err;
    }
    *out = l;
    return WD_OK;
}

enum wd_err
wd_ledger_open(struct wd_ledger **l, const char *path, uint32_t entries)
{
    bool alone;

    *l = NULL;
    enum wd_err err = ledger_open(l, path, entries, &alone);
    if (err == WD_OK && alone && wd_mapped_share((*l)->fd) != WD_OK) {
        ledger_free(*l);
        *l = NULL;
        err = WD_ERR_IO;
    }
    return err;
}

void
wd_ledger_close(struct wd_ledger *l)
{
    if (l != NULL)
        ledger_free(l);
}

static void
ledger_clock(struct ledger_header *h, uint64_t now_s)
{
    if (now_s > h->now_s)
        h->now_s = now_s < UINT32_MAX ? (uint32_t)now_s : UINT32_MAX - 1;
}

enum wd_err
wd_ledger_prepare(const char *path, uint32_t entries, uint64_t now_s)
{
    struct wd_ledger *l;
    bool alone;

    enum wd_err err = ledger_open(&l, path, entries, &alone);
    if (err != WD_OK)
        return err;
    if (alone) { /* otherwise it is in use, and whole */
        ledger_clock(l->header, now_s);
        err = ledger_mend(l);
    }
    ledger_free(l);
    return err;
}

void
wd_ledger_look_again(struct wd_ledger *l)
{
    l->keeps = true;
    l->looked = false;
}

enum wd_err
wd_ledger_begin(struct wd_ledger *l, uint64_t now_s)
{
    struct stat st;

    /* memory beyond the end of a file that was cut is SIGBUS */
    if (!l->looked) {
        if (fstat(l->fd, &st) < 0)
            return WD_ERR_IO;
        if (st.st_size < (off_t)l->bytes)
            return WD_ERR_CORRUPT;
        l->looked = l->keeps;
    }
    enum wd_err err = wd_mapped_lock(&l->header->lock);
    if (err != WD_OK)
        return err;
    if (l->header->dirty != 0)
        ledger_repair(l);
    l->header->dirty = 1;
    wd_mapped_order();
    ledger_clock(l->header, now_s);
    return WD_OK;
}

void
wd_ledger_end(struct wd_ledger *l)
{
    wd_mapped_order();
    l->header->dirty = 0;
    pthread_mutex_unlock(&l->header->lock);
}
