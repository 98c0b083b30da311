#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "install.h"
#include "journal_map.h"

/* A new N.open; the magic comes last, what is half made is made again. */
static enum wd_err
journal_init(struct wd_journal *j)
{
    if (ftruncate(j->open_fd, 0) < 0)
        return WD_ERR_IO;
    errno = posix_fallocate(j->open_fd, 0, (off_t)journal_bytes(0));
    if (errno != 0)
        return WD_ERR_IO;
    memset(j->head->hash, '0', CHAIN_HEX);
    journal_order();
    memcpy(j->head->magic, JOURNAL_MAGIC, sizeof(j->head->magic));
    return WD_OK;
}

static bool
journal_sane(const struct wd_journal *j, uint64_t size)
{
    const struct journal_head *h = j->head;

    return memcmp(h->magic, JOURNAL_MAGIC, sizeof(h->magic)) == 0 && h->slots <= JOURNAL_SLOTS_MAX &&
           h->slots % JOURNAL_SLOTS_STEP == 0 && size >= journal_bytes(h->slots) && (uint32_t)h->queue <= JOURNAL_QUEUE_BYTES &&
           h->queue >> 32 <= (uint32_t)h->queue && (uint32_t)h->pending_queue <= JOURNAL_QUEUE_BYTES && h->queue % 8 == 0 &&
           (h->queue >> 32) % 8 == 0;
}

/*
 * Lines behind the size that the head knows: after a power cut the file can be newer than the mapping. Those that
 * continue the chain are ours; a last line without its end is cut; anything else stays for the verifier to name.
 */
static enum wd_err
journal_catch_up(struct wd_journal *j)
{
    struct journal_head *h = j->head;
    uint64_t at = h->size, known = at, lines = h->lines;
    bool ours = true;
    char hash[CHAIN_HEX];
    struct stat st;

    if (fstat(j->line_fd, &st) < 0)
        return WD_ERR_IO;
    memcpy(hash, h->hash, CHAIN_HEX);
    while (at < (uint64_t)st.st_size) {
        ssize_t n = pread(j->line_fd, j->batch, JOURNAL_BATCH_BYTES, (off_t)at);
        if (n <= 0)
            return WD_ERR_IO;
        size_t from = 0;
        for (char *lf; (lf = memchr(j->batch + from, '\n', (size_t)n - from)) != NULL;) {
            size_t len = (size_t)(lf - j->batch) - from;
            ours = ours && chain_check(wd_span(j->batch + from, len), hash, j->key) == CHAIN_OK;
            from += len + 1;
            known = ours ? at + from : known;
            lines += ours;
        }
        if (from == 0) {
            if (at + (uint64_t)n >= (uint64_t)st.st_size && ftruncate(j->line_fd, (off_t)at) < 0)
                return WD_ERR_IO;
            break;
        }
        at += from;
    }
    if (known == h->size)
        return WD_OK;
    h->pending_base = known;
    h->pending_bytes = 0;
    h->pending_lines = lines;
    h->pending_queue = h->queue;
    memcpy(h->pending_hash, hash, CHAIN_HEX);
    journal_store(&h->pending, 1);
    return journal_settle(j);
}

/* A file that lost its end may stop in the middle of a line: the next record gets a line of its own, and the verifier names the
 * torn one. */
static enum wd_err
journal_end_torn(struct wd_journal *j)
{
    struct stat st;
    char last;

    if (fstat(j->line_fd, &st) < 0)
        return WD_ERR_IO;
    if (st.st_size == 0 || (uint64_t)st.st_size >= j->head->size)
        return WD_OK;
    if (pread(j->line_fd, &last, 1, st.st_size - 1) != 1)
        return WD_ERR_IO;
    return last == '\n' || pwrite(j->line_fd, "\n", 1, st.st_size) == 1 ? WD_OK : WD_ERR_IO;
}

/* What the last writer left: its write under way, what it had queued, what it had begun. */
static enum wd_err
journal_take_over(struct wd_journal *j, uint32_t *closed)
{
    struct journal_head *h = j->head;

    j->busy = j->free_count = 0;
    for (uint32_t i = 0; i < h->slots; i++) {
        j->state[i] = j->slots[i].open == 1 ? JOURNAL_OPEN : JOURNAL_FREE;
        j->busy += j->state[i] == JOURNAL_OPEN;
    }
    uint32_t used = (uint32_t)h->queue;
    for (uint32_t at = (uint32_t)(h->queue >> 32), next; at < used; at = next) {
        const struct journal_entry *e = journal_entry_at(j, at, used, &next);
        if (e != NULL && j->state[e->slot] == JOURNAL_OPEN)
            j->state[e->slot] = JOURNAL_QUEUED;
    }
    enum wd_err err = journal_settle(j);
    if (err == WD_OK)
        err = journal_catch_up(j);
    if (err == WD_OK)
        err = journal_end_torn(j);
    if (err != WD_OK)
        return err;
    memcpy(j->prev, h->hash, CHAIN_HEX);
    err = wd_journal_flush(j);
    j->free_count = 0;
    for (uint32_t i = h->slots; i > 0; i--)
        if (j->state[i - 1] == JOURNAL_FREE)
            j->free[j->free_count++] = i - 1;
    for (uint32_t i = 0; i < h->slots; i++) {
        if (j->state[i] != JOURNAL_OPEN || (uint32_t)h->queue + sizeof(struct journal_entry) > JOURNAL_QUEUE_BYTES)
            continue;
        journal_end_as_begun(j, i);
        (*closed)++;
    }
    return err == WD_OK ? wd_journal_flush(j) : err;
}

/*
 * Writer N. WD_ERR_DENIED: somebody living has it; WD_ERR_CORRUPT: its head is gone or damaged while there are lines, so it is
 * left as it is for the verifier to name; WD_ERR_NOTFOUND: not there and not to be made.
 */
static enum wd_err
journal_attach(struct wd_journal *j, const char *dir, int number, bool make, uint32_t *closed)
{
    char name[32], lines[32];
    struct stat open_st, line_st;

    snprintf(name, sizeof(name), "%d.open", number);
    j->open_fd = wd_install_file(dir, name, O_RDWR);
    if (j->open_fd < 0 && (errno != ENOENT || !make))
        return errno == ENOENT ? WD_ERR_NOTFOUND : WD_ERR_IO;
    snprintf(lines, sizeof(lines), "%d.jsonl", number);
    if (j->open_fd < 0) {
        j->line_fd = wd_install_file(dir, lines, O_RDWR | O_APPEND);
        if (j->line_fd >= 0 && fstat(j->line_fd, &line_st) == 0 && line_st.st_size > 0)
            return WD_ERR_CORRUPT;
        if (j->line_fd >= 0)
            close(j->line_fd);
        j->open_fd = wd_install_file(dir, name, O_RDWR | O_CREAT);
        if (j->open_fd < 0)
            return WD_ERR_IO;
    }
    if (flock(j->open_fd, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK ? WD_ERR_DENIED : WD_ERR_IO;
    j->line_fd = wd_install_file(dir, lines, O_RDWR | O_APPEND | O_CREAT);
    if (j->line_fd < 0 || fstat(j->open_fd, &open_st) < 0 || fstat(j->line_fd, &line_st) < 0)
        return WD_ERR_IO;

    void *map = mmap(NULL, journal_bytes(JOURNAL_SLOTS_MAX), PROT_READ | PROT_WRITE, MAP_SHARED, j->open_fd, 0);
    if (map == MAP_FAILED)
        return WD_ERR_IO;
    j->head = map;
    j->queue = (char *)map + JOURNAL_HEAD_BYTES;
    j->slots = (struct journal_slot *)(void *)(j->queue + JOURNAL_QUEUE_BYTES);
    j->cut = true; /* until it is known to be whole */
    if (open_st.st_size < (off_t)journal_bytes(0) || memcmp(j->head->magic, "\0\0\0\0\0\0\0\0", 8) == 0) {
        if (line_st.st_size > 0)
            return WD_ERR_CORRUPT;
        enum wd_err err = journal_init(j);
        if (err != WD_OK)
            return err;
    } else if (!journal_sane(j, (uint64_t)open_st.st_size)) {
        return WD_ERR_CORRUPT;
    }
    j->cut = false;
    if (j->head->writers < (uint32_t)number + 1)
        j->head->writers = (uint32_t)number + 1;
    return journal_take_over(j, closed);
}

static enum wd_err
journal_new(struct wd_journal **out, const uint8_t key[32])
{
    struct wd_journal *j = calloc(1, sizeof(*j));

    if (j == NULL)
        return WD_ERR_NOMEM;
    j->open_fd = j->line_fd = -1;
    j->cut = true;
    memcpy(j->key, key, sizeof(j->key));
    j->batch = malloc(JOURNAL_BATCH_BYTES);
    j->free = calloc(JOURNAL_SLOTS_MAX, sizeof(*j->free));
    *out = j;
    return j->batch != NULL && j->free != NULL ? WD_OK : WD_ERR_NOMEM;
}

/* So that the file of the highest N cannot go unseen: the first head knows it too. */
static void
journal_tell_first(const char *dir, int number)
{
    uint32_t writers = 0;
    off_t at = offsetof(struct journal_head, writers);
    int fd = number > 0 ? wd_install_file(dir, "0.open", O_RDWR) : -1;

    if (fd < 0)
        return;
    if (pread(fd, &writers, sizeof(writers), at) == sizeof(writers) && writers < (uint32_t)number + 1) {
        writers = (uint32_t)number + 1;
        if (pwrite(fd, &writers, sizeof(writers), at) != sizeof(writers))
            errno = 0; /* its own head knows it */
    }
    close(fd);
}

/* Held while writers are chosen: an flock(2) on the folder. */
static int
journal_lock_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0 && flock(fd, LOCK_EX) < 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

enum wd_err
wd_journal_open(struct wd_journal **out, const char *dir, const uint8_t key[32])
{
    struct wd_journal *j = NULL;
    uint32_t closed = 0;

    *out = NULL;
    enum wd_err err = wd_state_subdir(dir);
    if (err != WD_OK)
        return err;
    int lock = journal_lock_dir(dir);
    if (lock < 0)
        return WD_ERR_IO;
    err = WD_ERR_FULL;
    for (int n = 0; n < CHAIN_WRITERS_MAX; n++) {
        err = journal_new(&j, key);
        if (err == WD_OK)
            err = journal_attach(j, dir, n, true, &closed);
        if (err == WD_ERR_IO && !j->cut && j->failed)
            err = WD_OK; /* a full disk: begin refuses until it can write what is left over */
        if (err == WD_OK) {
            journal_tell_first(dir, n);
            *out = j;
            break;
        }
        wd_journal_close(j);
        if (err != WD_ERR_DENIED && err != WD_ERR_CORRUPT)
            break;
    }
    close(lock);
    return err == WD_ERR_DENIED || err == WD_ERR_CORRUPT ? WD_ERR_FULL : err;
}

enum wd_err
wd_journal_recover(const char *dir, const uint8_t key[32], uint32_t *closed)
{
    struct wd_journal *j = NULL;
    enum wd_err err = WD_OK;
    bool there[CHAIN_WRITERS_MAX] = { false };
    const struct dirent *entry;

    *closed = 0;
    DIR *folder = opendir(dir);
    if (folder == NULL)
        return errno == ENOENT ? WD_OK : WD_ERR_IO;
    while ((entry = readdir(folder)) != NULL) {
        int n = chain_number(entry->d_name, ".open");
        if (n >= 0)
            there[n] = true;
    }
    closedir(folder);
    int lock = journal_lock_dir(dir);
    if (lock < 0)
        return WD_ERR_IO;
    for (int n = 0; n < CHAIN_WRITERS_MAX && err == WD_OK; n++) {
        if (!there[n])
            continue;
        err = journal_new(&j, key);
        if (err == WD_OK)
            err = journal_attach(j, dir, n, false, closed);
        if (err == WD_ERR_DENIED || err == WD_ERR_CORRUPT || err == WD_ERR_NOTFOUND)
            err = WD_OK;
        wd_journal_close(j);
        j = NULL;
    }
    close(lock);
    return err;
}
