#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal_map.h"

#define JOURNAL_RESERVE_STEP ((uint64_t)1 << 20)

/* --- N.open --- */

/* Memory beyond the end of a file that was cut is SIGBUS. */
static bool
journal_mapped(struct wd_journal *j)
{
    struct stat st;

    if (j->looked)
        return true;
    if (!j->cut && (fstat(j->open_fd, &st) < 0 || st.st_nlink == 0 || st.st_size < (off_t)journal_bytes(0)))
        j->cut = true;
    if (!j->cut && st.st_size < (off_t)journal_bytes(j->head->slots))
        j->cut = true;
    if (j->cut)
        errno = EIO;
    return !j->cut;
}

enum wd_err
journal_grow(struct wd_journal *j)
{
    uint32_t slots = j->head->slots;

    if (slots >= JOURNAL_SLOTS_MAX)
        return WD_ERR_FULL;
    off_t at = (off_t)journal_bytes(slots), end = (off_t)journal_bytes(slots + JOURNAL_SLOTS_STEP);
    errno = posix_fallocate(j->open_fd, at, end - at);
    if (errno != 0)
        return WD_ERR_IO;
    for (uint32_t i = 0; i < JOURNAL_SLOTS_STEP; i++) {
        uint32_t slot = slots + JOURNAL_SLOTS_STEP - 1 - i;
        j->slots[slot].open = 0;
        j->free[j->free_count++] = slot;
    }
    journal_order();
    j->head->slots = slots + JOURNAL_SLOTS_STEP;
    return WD_OK;
}

static size_t
journal_entry_size(size_t len)
{
    return (sizeof(struct journal_entry) + len + 7) & ~(size_t)7;
}

const struct journal_entry *
journal_entry_at(const struct wd_journal *j, uint32_t at, uint32_t used, uint32_t *next)
{
    const struct journal_entry *e = (const struct journal_entry *)(const void *)(j->queue + at);

    *next = used;
    if (used - at < sizeof(*e) || e->len > WD_JOURNAL_BODY_MAX || used - at < journal_entry_size(e->len) ||
        e->slot >= j->head->slots)
        return NULL;
    *next = at + (uint32_t)journal_entry_size(e->len);
    return e;
}

static void
journal_put(struct wd_journal *j, uint32_t slot, struct wd_span body)
{
    uint32_t used = (uint32_t)j->head->queue;
    struct journal_entry *e = (struct journal_entry *)(void *)(j->queue + used);

    e->slot = slot;
    e->len = (uint32_t)body.len;
    if (body.len > 0)
        memcpy(e->body, body.ptr, body.len);
    j->state[slot] = JOURNAL_QUEUED;
    journal_store(&j->head->queue, j->head->queue + journal_entry_size(body.len));
}

void
journal_end_as_begun(struct wd_journal *j, uint32_t slot)
{
    journal_put(j, slot, WD_SPAN(""));
}

/* --- N.jsonl --- */

/* The write is in the file: its slots are free. Done again from the start when it was interrupted. */
static void
journal_commit(struct wd_journal *j)
{
    struct journal_head *h = j->head;
    uint32_t at = (uint32_t)(h->queue >> 32), used = (uint32_t)h->queue;
    uint32_t end = h->pending_queue != 0 ? (uint32_t)(h->pending_queue >> 32) : used;

    for (uint32_t next; h->queue != h->pending_queue && at < end; at = next) {
        const struct journal_entry *e = journal_entry_at(j, at, used, &next);
        if (e == NULL)
            break;
        j->slots[e->slot].open = 0;
        if (j->state[e->slot] == JOURNAL_QUEUED) {
            j->state[e->slot] = JOURNAL_FREE;
            j->free[j->free_count++] = e->slot;
            j->busy--;
        }
    }
    journal_order();
    memcpy(h->hash, h->pending_hash, CHAIN_HEX);
    memcpy(j->prev, h->pending_hash, CHAIN_HEX);
    h->size = h->pending_base + h->pending_bytes;
    journal_store(&h->lines, h->pending_lines);
    journal_store(&h->queue, h->pending_queue);
    journal_store(&h->pending, 0);
}

enum wd_err
journal_settle(struct wd_journal *j)
{
    struct journal_head *h = j->head;
    struct stat st;
    char hash[CHAIN_HEX];

    if (h->pending != 1)
        return WD_OK;
    if (fstat(j->line_fd, &st) < 0)
        return WD_ERR_IO;
    uint64_t size = (uint64_t)st.st_size, end = h->pending_base + h->pending_bytes;
    /* the last line ends with its hash, a quote, a brace and a line feed */
    if (end > CHAIN_HEX + 3 && size >= end && pread(j->line_fd, hash, CHAIN_HEX, (off_t)(end - CHAIN_HEX - 3)) == CHAIN_HEX &&
        memcmp(hash, h->pending_hash, CHAIN_HEX) == 0) {
        journal_commit(j);
        return WD_OK;
    }
    if (size > h->pending_base && size < end) {
        if (ftruncate(j->line_fd, (off_t)h->pending_base) < 0)
            return WD_ERR_IO;
        j->reserved = 0; /* the cut freed what lay behind */
    }
    journal_store(&h->pending, 0);
    return WD_OK;
}

static bool
journal_write(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

/* As many lines as fit into one write. */
static enum wd_err
journal_write_batch(struct wd_journal *j)
{
    struct journal_head *h = j->head;
    uint32_t at = (uint32_t)(h->queue >> 32), used = (uint32_t)h->queue, next;
    uint64_t lines = 0;
    size_t len = 0;
    char prev[CHAIN_HEX];
    struct stat st;

    if (fstat(j->line_fd, &st) < 0)
        return WD_ERR_IO;
    memcpy(prev, j->prev, CHAIN_HEX);
    for (; at < used && len <= JOURNAL_BATCH_BYTES - CHAIN_LINE_MAX; at = next) {
        const struct journal_entry *e = journal_entry_at(j, at, used, &next);
        if (e == NULL)
            continue;
        const struct journal_slot *s = &j->slots[e->slot];
        struct wd_span body = wd_span(e->body, e->len);
        if (e->len == 0)
            body = wd_span(s->body, s->len <= sizeof(s->body) ? s->len : 0);
        len += chain_line(j->batch + len, body, prev, j->key);
        lines++;
    }
    h->pending_base = (uint64_t)st.st_size;
    h->pending_bytes = len;
    h->pending_lines = h->lines + lines;
    h->pending_queue = at < used ? (uint64_t)at << 32 | used : 0;
    memcpy(h->pending_hash, prev, CHAIN_HEX);
    journal_store(&h->pending, 1);
    if (journal_write(j->line_fd, j->batch, len)) {
        journal_commit(j);
        return WD_OK;
    }
    int saved = errno;
    if (journal_settle(j) != WD_OK)
        return WD_ERR_IO;
    errno = saved;
    return WD_ERR_IO;
}

enum wd_err
wd_journal_flush(struct wd_journal *j)
{
    if (!j->cut && (uint32_t)j->head->queue == 0)
        return WD_OK;
    j->looked = false;
    if (!journal_mapped(j))
        return WD_ERR_IO;
    enum wd_err err = journal_settle(j);
    while (err == WD_OK && (uint32_t)j->head->queue != 0)
        err = journal_write_batch(j);
    j->failed = err != WD_OK;
    return err;
}

static uint64_t
journal_page_up(uint64_t n)
{
    return (n + 4095) / 4096 * 4096;
}

/* Space for the lines of all that are busy and one more, so that a full disk shows before an exchange and not after it. */
static enum wd_err
journal_reserve(struct wd_journal *j, uint64_t size)
{
    uint64_t need = size + (uint64_t)(j->busy + 1) * CHAIN_LINE_MAX;

    if (need <= j->reserved)
        return WD_OK;
    if (j->reserved < size)
        j->reserved = journal_page_up(size);
    /* whole pages: tmpfs undoes a call that failed by pages, those it shares with an earlier one too */
    uint64_t more = journal_page_up(need) - j->reserved, step = more > JOURNAL_RESERVE_STEP ? more : JOURNAL_RESERVE_STEP;
    for (;;) {
        if (fallocate(j->line_fd, FALLOC_FL_KEEP_SIZE, (off_t)j->reserved, (off_t)step) == 0) {
            j->reserved += step;
            return WD_OK;
        }
        if (errno == EOPNOTSUPP || errno == ENOSYS) {
            j->reserved = UINT64_MAX; /* a file system that cannot: then flush tells */
            return WD_OK;
        }
        if (errno != EINTR && step == more)
            return WD_ERR_IO;
        step = more;
    }
}

static enum wd_err
journal_ready(struct wd_journal *j)
{
    struct stat st;

    if (!journal_mapped(j))
        return WD_ERR_IO;
    if (j->failed) {
        enum wd_err err = wd_journal_flush(j);
        if (err != WD_OK)
            return err;
    }
    if (!j->looked) {
        if (fstat(j->line_fd, &st) < 0)
            return WD_ERR_IO;
        if (st.st_nlink == 0) {
            errno = ENOENT;
            return WD_ERR_IO;
        }
        j->seen_size = (uint64_t)st.st_size;
        j->looked = j->keeps;
    }
    if (j->free_count == 0) {
        enum wd_err err = journal_grow(j);
        if (err != WD_OK)
            return err;
    }
    return journal_reserve(j, j->seen_size);
}

void
wd_journal_look_again(struct wd_journal *j)
{
    j->keeps = true;
    j->looked = false;
}

static bool
journal_body_ok(struct wd_span body, size_t max)
{
    return body.len > 0 && body.len <= max && memchr(body.ptr, '\n', body.len) == NULL;
}

enum wd_err
wd_journal_begin(struct wd_journal *j, struct wd_span body, uint32_t *slot)
{
    if (!journal_body_ok(body, WD_JOURNAL_OPEN_MAX))
        return WD_ERR_RANGE;
    enum wd_err err = journal_ready(j);
    if (err != WD_OK)
        return err;
    uint32_t i = j->free[--j->free_count];
    struct journal_slot *s = &j->slots[i];
    memcpy(s->body, body.ptr, body.len);
    s->len = (uint32_t)body.len;
    journal_order();
    s->open = 1;
    journal_order();
    j->state[i] = JOURNAL_OPEN;
    j->busy++;
    *slot = i;
    return WD_OK;
}

/* Without N.open: straight into the file. */
static void
journal_end_cut(struct wd_journal *j, struct wd_span body)
{
    size_t len = chain_line(j->batch, body, j->prev, j->key);

    if (!journal_write(j->line_fd, j->batch, len))
        j->failed = true;
}

void
wd_journal_end(struct wd_journal *j, uint32_t slot, struct wd_span body)
{
    if (slot >= JOURNAL_SLOTS_MAX || j->state[slot] != JOURNAL_OPEN)
        return;
    bool ok = journal_body_ok(body, WD_JOURNAL_BODY_MAX);
    size_t size = journal_entry_size(body.len);
    if (journal_mapped(j) && ok && (uint32_t)j->head->queue + size > JOURNAL_QUEUE_BODIES)
        j->failed = wd_journal_flush(j) != WD_OK;
    if (j->cut) {
        j->state[slot] = JOURNAL_FREE;
        if (ok)
            journal_end_cut(j, body);
    } else if (ok && (uint32_t)j->head->queue + size <= JOURNAL_QUEUE_BODIES) {
        journal_put(j, slot, body);
    } else {
        journal_end_as_begun(j, slot); /* on a disk that takes nothing: better than no line */
    }
}

bool
wd_journal_writable(struct wd_journal *j)
{
    return journal_ready(j) == WD_OK;
}

void
wd_journal_close(struct wd_journal *j)
{
    struct stat st;

    if (j == NULL)
        return;
    if (j->head != NULL) {
        if (wd_journal_flush(j) == WD_OK && fstat(j->line_fd, &st) == 0 && ftruncate(j->line_fd, st.st_size) < 0)
            j->failed = true; /* reserved space stays: no harm */
        munmap(j->head, journal_bytes(JOURNAL_SLOTS_MAX));
    }
    if (j->line_fd >= 0)
        close(j->line_fd);
    if (j->open_fd >= 0)
        close(j->open_fd);
    free(j->batch);
    free(j->free);
    free(j);
}
