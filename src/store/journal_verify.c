#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "install.h"
#include "journal_map.h"

#define VERIFY_BUFFER ((size_t)1 << 20)

struct verify {
    const char *dir;
    const uint8_t *key;
    struct wd_journal_fault *fault;
    char *buffer;
    struct wd_journal_count count;
};

enum verify_head { VERIFY_HEAD_NONE, VERIFY_HEAD_DAMAGED, VERIFY_HEAD_NEW, VERIFY_HEAD_OK };

static const char *const verify_words[] = {
    [CHAIN_MALFORMED] = "not a record",
    [CHAIN_HASH] = "hash does not match",
    [CHAIN_PREV] = "line missing",
};

static enum wd_err
verify_broken(struct verify *v, int number, uint64_t line, const char *what)
{
    snprintf(v->fault->file, sizeof(v->fault->file), "%d.jsonl", number);
    v->fault->line = line;
    v->fault->what = what;
    return WD_ERR_CORRUPT;
}

static int
verify_open(const struct verify *v, int number, const char *suffix)
{
    char name[32];

    snprintf(name, sizeof(name), "%d%s", number, suffix);
    return wd_install_file(v->dir, name, O_RDONLY);
}

static enum wd_err
verify_head_read(const struct verify *v, int number, struct journal_head *head, enum verify_head *state)
{
    struct stat st;
    int fd = verify_open(v, number, ".open");

    *state = VERIFY_HEAD_NONE;
    memset(head, 0, sizeof(*head));
    if (fd < 0)
        return errno == ENOENT ? WD_OK : WD_ERR_IO;
    ssize_t n = pread(fd, head, sizeof(*head), 0);
    int rc = fstat(fd, &st);
    close(fd);
    if (n < 0 || rc < 0)
        return WD_ERR_IO;
    if (n == 0 || memcmp(head->magic, "\0\0\0\0\0\0\0\0", 8) == 0) {
        *state = VERIFY_HEAD_NEW;
        memset(head, 0, sizeof(*head));
        return WD_OK;
    }
    bool ok = (size_t)n == sizeof(*head) && memcmp(head->magic, JOURNAL_MAGIC, sizeof(head->magic)) == 0 &&
              head->slots <= JOURNAL_SLOTS_MAX && st.st_size >= (off_t)journal_bytes(head->slots);
    *state = ok ? VERIFY_HEAD_OK : VERIFY_HEAD_DAMAGED;
    return WD_OK;
}

/*
 * A last line without its end is a write under way, which the head then says, or had come to its end meanwhile, which reading
 * once more shows. Returns WD_OK with *again set in that case.
 */
static enum wd_err
verify_tail(struct verify *v, int number, uint64_t line, bool *again)
{
    struct journal_head head;
    enum verify_head state;

    enum wd_err err = verify_head_read(v, number, &head, &state);
    if (err != WD_OK)
        return err;
    if (state == VERIFY_HEAD_OK && head.pending == 1) {
        *again = false;
        return WD_OK;
    }
    if (*again)
        return verify_broken(v, number, line, verify_words[CHAIN_MALFORMED]);
    *again = true;
    return WD_OK;
}

static enum wd_err
verify_lines(struct verify *v, int fd, int number, uint64_t *lines)
{
    char prev[CHAIN_HEX];
    size_t have = 0;
    off_t at = 0;
    bool again = false;
    struct stat st;

    memset(prev, '0', CHAIN_HEX);
    *lines = 0;
    if (fstat(fd, &st) < 0)
        return WD_ERR_IO;
    /* a writer may be faster than we are: up to what is there now */
    while (at - (off_t)have < st.st_size) {
        ssize_t n = pread(fd, v->buffer + have, VERIFY_BUFFER - have, at);
        if (n < 0)
            return WD_ERR_IO;
        if (n == 0) {
            if (have == 0)
                break; /* cut since: the head tells */
            enum wd_err err = verify_tail(v, number, *lines + 1, &again);
            if (err != WD_OK || !again)
                return err;
            continue;
        }
        at += n;
        have += (size_t)n;
        size_t from = 0;
        for (char *lf; (lf = memchr(v->buffer + from, '\n', have - from)) != NULL;) {
            size_t len = (size_t)(lf - v->buffer) - from;
            enum chain_fault fault = chain_check(wd_span(v->buffer + from, len), prev, v->key);
            if (fault != CHAIN_OK)
                return verify_broken(v, number, *lines + 1, verify_words[fault]);
            (*lines)++;
            from += len + 1;
        }
        have -= from;
        memmove(v->buffer, v->buffer + from, have);
        if (have > CHAIN_LINE_MAX)
            return verify_broken(v, number, *lines + 1, verify_words[CHAIN_MALFORMED]);
    }
    return WD_OK;
}

/*
 * The order of looking is what makes it right beside a living writer: it makes the head before the first line, and counts
 * a line in the head after it is in the file.
 */
static enum wd_err
verify_writer(struct verify *v, int number, uint32_t *writers)
{
    struct journal_head head;
    enum verify_head state;
    struct stat st = { 0 };
    uint64_t lines = 0;
    enum wd_err err;
    int fd = verify_open(v, number, ".jsonl");

    if (fd < 0 && errno != ENOENT)
        return WD_ERR_IO;
    err = fd >= 0 && fstat(fd, &st) < 0 ? WD_ERR_IO : verify_head_read(v, number, &head, &state);
    if (err != WD_OK)
        goto out;
    if (state == VERIFY_HEAD_OK && head.lines > 0 && fd < 0) {
        fd = verify_open(v, number, ".jsonl"); /* made since we looked */
        if (fd < 0)
            err = errno == ENOENT ? verify_broken(v, number, 1, "file is missing") : WD_ERR_IO;
    }
    if (err == WD_OK && state == VERIFY_HEAD_NONE)
        err = verify_broken(v, number, 1, fd >= 0 ? "head file is missing" : "file is missing");
    if (err == WD_OK && (state == VERIFY_HEAD_DAMAGED || (state == VERIFY_HEAD_NEW && st.st_size > 0)))
        err = verify_broken(v, number, 1, "head file is damaged");
    if (err == WD_OK && fd >= 0)
        err = verify_lines(v, fd, number, &lines);
    if (err == WD_OK && lines < head.lines)
        err = verify_broken(v, number, lines + 1, "last lines are missing");
    v->count.lines += lines;
    v->count.files += err == WD_OK && fd >= 0;
    if (state == VERIFY_HEAD_OK && head.writers <= CHAIN_WRITERS_MAX && head.writers > *writers)
        *writers = head.writers;
out:
    if (fd >= 0)
        close(fd);
    return err;
}

enum wd_err
wd_journal_verify(const char *dir, const uint8_t key[32], struct wd_journal_count *count, struct wd_journal_fault *fault)
{
    struct verify v = { .dir = dir, .key = key, .fault = fault };
    const struct dirent *entry;
    uint32_t writers = 0;
    enum wd_err err = WD_OK;

    memset(count, 0, sizeof(*count));
    memset(fault, 0, sizeof(*fault));
    DIR *folder = opendir(dir);
    if (folder == NULL)
        return WD_ERR_IO;
    while ((entry = readdir(folder)) != NULL) {
        int a = chain_number(entry->d_name, ".jsonl"), b = chain_number(entry->d_name, ".open");
        int n = a > b ? a : b;
        if (n >= 0 && (uint32_t)n >= writers)
            writers = (uint32_t)n + 1;
    }
    closedir(folder);
    v.buffer = malloc(VERIFY_BUFFER);
    if (v.buffer == NULL)
        return WD_ERR_NOMEM;
    for (uint32_t n = 0; n < writers && err == WD_OK; n++)
        err = verify_writer(&v, (int)n, &writers);
    *count = v.count;
    free(v.buffer);
    return err;
}
