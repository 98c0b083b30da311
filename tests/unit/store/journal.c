#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "scratch.h"
#include "store/journal.h"

static const uint8_t key[32] = { 7 };

static struct wd_journal *
open_journal(const struct scratch *s)
{
    struct wd_journal *j;

    assert_int_equal(wd_journal_open(&j, s->dir, key), WD_OK);
    return j;
}

static uint32_t
begin(struct wd_journal *j, uint32_t id)
{
    char body[64];
    uint32_t slot;

    snprintf(body, sizeof(body), "\"id\":%u,\"code\":\"interrupted\"", id);
    assert_int_equal(wd_journal_begin(j, wd_span_str(body), &slot), WD_OK);
    return slot;
}

static void
end(struct wd_journal *j, uint32_t slot, uint32_t id, size_t pad)
{
    char body[WD_JOURNAL_BODY_MAX + 1];
    int n = snprintf(body, sizeof(body), "\"id\":%u,\"code\":\"done\",\"pad\":\"", id);

    memset(body + n, 'x', pad);
    body[(size_t)n + pad] = '"';
    wd_journal_end(j, slot, wd_span(body, (size_t)n + pad + 1));
}

static void
write_lines(struct wd_journal *j, uint32_t from, uint32_t count)
{
    for (uint32_t i = from; i < from + count; i++)
        end(j, begin(j, i), i, 10);
    assert_int_equal(wd_journal_flush(j), WD_OK);
}

static char *
read_file(const char *path, size_t *len)
{
    struct stat st;
    int fd = open(path, O_RDONLY);

    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    char *text = malloc((size_t)st.st_size + 1);
    assert_int_equal(read(fd, text, (size_t)st.st_size), st.st_size);
    text[st.st_size] = '\0';
    *len = (size_t)st.st_size;
    close(fd);
    return text;
}

static void
write_file(const char *path, const char *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_int_equal(write(fd, bytes, len), len);
    close(fd);
}

static uint64_t
verified(const struct scratch *s)
{
    struct wd_journal_fault fault;
    struct wd_journal_count count;

    enum wd_err err = wd_journal_verify(s->dir, key, &count, &fault);
    if (err != WD_OK)
        print_message("%s:%lu: %s\n", fault.file, (unsigned long)fault.line, fault.what);
    assert_int_equal(err, WD_OK);
    return count.lines;
}

static void
assert_broken(const struct scratch *s, const char *file, uint64_t line, const char *what)
{
    struct wd_journal_fault fault;
    struct wd_journal_count count;

    assert_int_equal(wd_journal_verify(s->dir, key, &count, &fault), WD_ERR_CORRUPT);
    assert_string_equal(fault.file, file);
    assert_string_equal(fault.what, what);
    assert_int_equal(fault.line, line);
}

static void
chain_is_whole_and_continues_when_opened_again(void **state)
{
    struct scratch s;
    size_t len;

    scratch_make(&s);
    for (uint32_t i = 0; i < 5; i++) {
        struct wd_journal *j = open_journal(&s);
        write_lines(j, i * 10, 10);
        assert_int_equal(verified(&s), (i + 1) * 10);
        wd_journal_close(j);
        assert_int_equal(verified(&s), (i + 1) * 10);
    }
    char *text = read_file(scratch_path(&s, "0.jsonl"), &len);
    assert_memory_equal(text, "{\"id\":0,\"code\":\"done\",\"pad\":\"xxxxxxxxxx\",\"prev\":\"0000", 53);
    assert_true(access(scratch_path(&s, "1.jsonl"), F_OK) < 0);
    free(text);
    struct wd_journal_count count;
    struct wd_journal_fault fault;
    assert_int_equal(wd_journal_verify(s.dir, (const uint8_t[32]){ 8 }, &count, &fault), WD_ERR_CORRUPT);
    scratch_drop(&s);
}

static void
bodies_of_every_size_are_written_whole(void **state)
{
    struct scratch s;
    uint32_t slot, slots[400];
    char big[WD_JOURNAL_BODY_MAX + 2];

    scratch_make(&s);
    struct wd_journal *j = open_journal(&s);
    for (uint32_t i = 0; i < 400; i++)
        slots[i] = begin(j, i);
    for (uint32_t i = 0; i < 400; i++) /* more than the queue holds */
        end(j, slots[i], i, i * 20);
    assert_int_equal(wd_journal_flush(j), WD_OK);
    assert_int_equal(verified(&s), 400);
    memset(big, 'y', sizeof(big));
    assert_int_equal(wd_journal_begin(j, wd_span(big, WD_JOURNAL_OPEN_MAX), &slot), WD_OK);
    wd_journal_end(j, slot, wd_span(big, WD_JOURNAL_BODY_MAX));
    wd_journal_end(j, slot, wd_span(big, 5)); /* ended already */
    wd_journal_end(j, 99999, wd_span(big, 5));
    slot = begin(j, 1);
    wd_journal_end(j, slot, wd_span(big, WD_JOURNAL_BODY_MAX + 1)); /* too long: the begun one stands */
    assert_int_equal(wd_journal_flush(j), WD_OK);
    assert_int_equal(verified(&s), 402);
    assert_int_equal(wd_journal_begin(j, wd_span(big, WD_JOURNAL_OPEN_MAX + 1), &slot), WD_ERR_RANGE);
    assert_int_equal(wd_journal_begin(j, WD_SPAN("\"a\":\n1"), &slot), WD_ERR_RANGE);
    wd_journal_close(j);
    scratch_drop(&s);
}

static void
many_open_at_once_until_it_is_full(void **state)
{
    struct scratch s;
    uint32_t slot, *slots = calloc(16384, sizeof(*slots)), closed;

    scratch_make(&s);
    struct wd_journal *j = open_journal(&s);
    for (uint32_t i = 0; i < 16384; i++)
        slots[i] = begin(j, i);
    assert_int_equal(wd_journal_begin(j, WD_SPAN("\"a\":1"), &slot), WD_ERR_FULL);
    assert_false(wd_journal_writable(j));
    end(j, slots[5], 5, 0);
    assert_int_equal(wd_journal_begin(j, WD_SPAN("\"a\":1"), &slot), WD_ERR_FULL);
    assert_int_equal(wd_journal_flush(j), WD_OK);
    assert_true(wd_journal_writable(j));
    begin(j, 5);
    wd_journal_close(j);
    assert_int_equal(wd_journal_recover(s.dir, key, &closed), WD_OK);
    assert_int_equal(closed, 16384);
    assert_int_equal(verified(&s), 16385);
    assert_int_equal(wd_journal_recover(s.dir, key, &closed), WD_OK);
    assert_int_equal(closed, 0);
    free(slots);
    scratch_drop(&s);
}

static void
writers_take_numbers_of_their_own(void **state)
{
    struct scratch s;
    uint32_t closed;

    scratch_make(&s);
    struct wd_journal *a = open_journal(&s), *b = open_journal(&s);
    write_lines(a, 0, 3);
    write_lines(b, 10, 4);
    begin(a, 5);
    assert_int_equal(access(scratch_path(&s, "1.jsonl"), F_OK), 0);
    assert_int_equal(wd_journal_recover(s.dir, key, &closed), WD_OK); /* both live: nothing to close */
    assert_int_equal(closed, 0);
    assert_int_equal(verified(&s), 7);
    wd_journal_close(a);
    a = open_journal(&s); /* 0 is free again, and what was open there is closed */
    assert_int_equal(verified(&s), 8);
    assert_true(access(scratch_path(&s, "2.jsonl"), F_OK) < 0);
    wd_journal_close(a);
    wd_journal_close(b);
    scratch_drop(&s);
}

/* --- tampering --- */

static void
every_edit_is_named(void **state)
{
    enum { LINES = 12 };
    struct scratch s;
    size_t len, start[LINES + 1] = { 0 };

    scratch_make(&s);
    struct wd_journal *j = open_journal(&s);
    write_lines(j, 0, LINES);
    wd_journal_close(j);
    scratch_path(&s, "0.jsonl");
    char *text = read_file(s.path, &len), *work = malloc(len * 2);
    for (size_t i = 0, n = 0; i < len; i++)
        if (text[i] == '\n')
            start[++n] = i + 1;

    /* any byte of any line */
    for (size_t line = 0; line < LINES; line++) {
        for (size_t at = start[line]; at + 1 < start[line + 1]; at += 7) {
            struct wd_journal_fault fault;
            struct wd_journal_count count;
            memcpy(work, text, len);
            work[at] ^= 1;
            write_file(s.path, work, len);
            assert_int_equal(wd_journal_verify(s.dir, key, &count, &fault), WD_ERR_CORRUPT);
            assert_int_equal(fault.line, line + 1);
            assert_string_equal(fault.file, "0.jsonl");
        }
    }
    memcpy(work, text, len);
    work[start[4] + 6] = '9';
    write_file(s.path, work, len);
    assert_broken(&s, "0.jsonl", 5, "hash does not match");
    /* a line gone: first, middle, last */
    for (size_t gone = 0; gone < LINES; gone++) {
        size_t cut = start[gone + 1] - start[gone];
        memcpy(work, text, start[gone]);
        memcpy(work + start[gone], text + start[gone + 1], len - start[gone + 1]);
        write_file(s.path, work, len - cut);
        assert_broken(&s, "0.jsonl", gone + 1, gone == LINES - 1 ? "last lines are missing" : "line missing");
    }
    /* two swapped */
    size_t a = start[4] - start[3], b = start[5] - start[4];
    memcpy(work, text, len);
    memcpy(work + start[3], text + start[4], b);
    memcpy(work + start[3] + b, text + start[3], a);
    write_file(s.path, work, len);
    assert_broken(&s, "0.jsonl", 4, "line missing");
    /* one twice */
    memcpy(work, text, len);
    memcpy(work + len, text + start[LINES - 1], len - start[LINES - 1]);
    write_file(s.path, work, len + len - start[LINES - 1]);
    assert_broken(&s, "0.jsonl", LINES + 1, "line missing");
    /* one forged, in the form of the others */
    write_file(s.path, work, len + len - start[LINES - 1] - 4);
    assert_broken(&s, "0.jsonl", LINES + 1, "not a record");
    memcpy(work + len + 6, "99", 2);
    write_file(s.path, work, len + len - start[LINES - 1]);
    assert_broken(&s, "0.jsonl", LINES + 1, "hash does not match");
    memcpy(work + len, "{}\n", 3);
    write_file(s.path, work, len + 3);
    assert_broken(&s, "0.jsonl", LINES + 1, "not a record");
    /* what was forged or taken away stays visible when writing goes on */
    j = open_journal(&s);
    write_lines(j, 50, 3);
    wd_journal_close(j);
    assert_broken(&s, "0.jsonl", LINES + 1, "not a record");
    free(text);
    free(work);
    scratch_drop(&s);
}

static void
lines_taken_from_the_end_stay_visible(void **state)
{
    struct scratch s;
    size_t len;

    scratch_make(&s);
    struct wd_journal *j = open_journal(&s);
    write_lines(j, 0, 5);
    wd_journal_close(j);
    char *text = read_file(scratch_path(&s, "0.jsonl"), &len);
    size_t cut = (size_t)((char *)memrchr(text, '\n', len - 1) - text) + 1;
    assert_int_equal(truncate(s.path, (off_t)cut), 0);
    assert_broken(&s, "0.jsonl", 5, "last lines are missing");
    j = open_journal(&s);
    write_lines(j, 50, 3);
    assert_broken(&s, "0.jsonl", 5, "line missing");
    wd_journal_close(j);
    free(text);
    scratch_drop(&s);
}

static void
files_taken_away_are_named(void **state)
{
    static const struct {
        const char *gone[3], *file, *what;
    } rows[] = {
        { { "0.jsonl" }, "0.jsonl", "file is missing" },           { { "1.jsonl" }, "1.jsonl", "file is missing" },
        { { "1.open" }, "1.jsonl", "head file is missing" },       { { "1.open", "1.jsonl" }, "1.jsonl", "file is missing" },
        { { "2.open", "2.jsonl" }, "2.jsonl", "file is missing" }, /* the highest */
        { { "0.open", "0.jsonl" }, "0.jsonl", "file is missing" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct scratch s;
        struct wd_journal *j[3];
        scratch_make(&s);
        for (uint32_t n = 0; n < 3; n++) {
            j[n] = open_journal(&s);
            write_lines(j[n], n * 10, n + 1);
        }
        for (int n = 0; n < 3; n++)
            wd_journal_close(j[n]);
        assert_int_equal(verified(&s), 6);
        for (int g = 0; g < 3 && rows[i].gone[g] != NULL; g++)
            assert_int_equal(unlink(scratch_path(&s, rows[i].gone[g])), 0);
        assert_broken(&s, rows[i].file, 1, rows[i].what);
        if (strcmp(rows[i].what, "head file is missing") == 0) {
            /* never continued: it stays to be named */
            j[0] = open_journal(&s), j[1] = open_journal(&s);
            write_lines(j[1], 70, 2);
            wd_journal_close(j[0]);
            wd_journal_close(j[1]);
            assert_broken(&s, "1.jsonl", 1, "head file is missing");
        }
        scratch_drop(&s);
    }
}

static void
damaged_head_is_an_error_and_no_crash(void **state)
{
    uint64_t random = 1;

    for (int round = 0; round < 300; round++) {
        struct scratch s;
        struct wd_journal *j;
        struct wd_journal_fault fault;
        struct wd_journal_count count;
        uint32_t closed;
        size_t len;

        scratch_make(&s);
        j = open_journal(&s);
        write_lines(j, 0, 5);
        for (uint32_t i = 0; i < 5; i++)
            end(j, begin(j, 10 + i), 10 + i, 3000);
        begin(j, 20);
        pid_t pid = fork();
        if (pid == 0)
            _exit(0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        char *text = read_file(scratch_path(&s, "0.open"), &len);
        wd_journal_close(j);
        for (int i = 0; i < 20; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            uint32_t at = (uint32_t)(random >> 33);
            at = round % 3 == 0 ? at % 300 : round % 3 == 1 ? 4096 + at % 20000 : at % (uint32_t)len;
            text[at] = (char)(random >> 20);
        }
        if (round % 10 == 0)
            len = (size_t)(random >> 33) % len;
        write_file(s.path, text, len);
        free(text);
        (void)!wd_journal_verify(s.dir, key, &count, &fault);
        (void)!wd_journal_recover(s.dir, key, &closed);
        if (wd_journal_open(&j, s.dir, key) == WD_OK) {
            write_lines(j, 100, 3);
            wd_journal_close(j);
        }
        (void)!wd_journal_verify(s.dir, key, &count, &fault);
        scratch_drop(&s);
    }
}

static void
mapping_cut_under_way_still_gives_each_its_line(void **state)
{
    struct scratch s;
    uint32_t slot, other;

    scratch_make(&s);
    struct wd_journal *j = open_journal(&s);
    write_lines(j, 0, 2);
    slot = begin(j, 5);
    other = begin(j, 6);
    assert_int_equal(truncate(scratch_path(&s, "0.open"), 100), 0);
    end(j, slot, 5, 10);
    assert_int_equal(wd_journal_begin(j, WD_SPAN("\"a\":1"), &slot), WD_ERR_IO);
    assert_false(wd_journal_writable(j));
    end(j, other, 6, 10);
    assert_int_equal(wd_journal_flush(j), WD_ERR_IO);
    wd_journal_close(j);
    size_t len;
    char *text = read_file(scratch_path(&s, "0.jsonl"), &len);
    assert_non_null(strstr(text, "\"id\":5,\"code\":\"done\""));
    assert_non_null(strstr(text, "\"id\":6,\"code\":\"done\""));
    free(text);
    scratch_drop(&s);
}

static void
folder_taken_away_refuses(void **state)
{
    struct scratch s;
    uint32_t slot;

    scratch_make(&s);
    struct wd_journal *j = open_journal(&s);
    assert_true(wd_journal_writable(j));
    assert_int_equal(unlink(scratch_path(&s, "0.jsonl")), 0);
    assert_int_equal(wd_journal_begin(j, WD_SPAN("\"a\":1"), &slot), WD_ERR_IO);
    assert_false(wd_journal_writable(j));
    wd_journal_close(j);
    scratch_drop(&s);
}

/* --- kill -9 --- */

struct word {          /* from the child: what it has been promised */
    uint32_t id, what; /* 'b': begun, 'f': flushed */
};

static void
kill_child(const struct scratch *s, int out, uint32_t id)
{
    struct wd_journal *j;
    uint32_t open_ids[8], slots[8], open = 0, ended[8], ended_count = 0;
    uint64_t random = id + 1;

    if (wd_journal_open(&j, s->dir, key) != WD_OK)
        _exit(1);
    for (;;) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        uint32_t what = (uint32_t)(random >> 40) % 8;
        if (what < 3 && open < 8) {
            open_ids[open] = id;
            slots[open++] = begin(j, id);
            struct word w = { id++, 'b' };
            if (write(out, &w, sizeof(w)) != sizeof(w))
                _exit(1);
        } else if (what < 7 && open > 0 && ended_count < 8) {
            open--;
            end(j, slots[open], open_ids[open], (size_t)(random >> 33) % (what == 3 ? 8000 : 700));
            ended[ended_count++] = open_ids[open];
        } else if (what == 7) {
            if (wd_journal_flush(j) != WD_OK)
                _exit(1);
            while (ended_count > 0) {
                struct word w = { ended[--ended_count], 'f' };
                if (write(out, &w, sizeof(w)) != sizeof(w))
                    _exit(1);
            }
        }
    }
}

static void
kill_9_loses_no_exchange_and_doubles_none(void **state)
{
    enum { ROUNDS = 250, IDS = 1 << 20 };
    struct scratch s;
    uint8_t *promised = calloc(IDS, 1), *found = calloc(IDS, 1);
    uint32_t next = 0, closed, interrupted = 0, torn = 0;
    uint64_t random = 42;

    scratch_make(&s);
    for (int round = 0; round < ROUNDS; round++) {
        struct word w;
        int out[2];
        assert_int_equal(pipe(out), 0);
        pid_t pid = fork();
        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            close(out[0]);
            kill_child(&s, out[1], next);
        }
        close(out[1]);
        random = random * 6364136223846793005u + 1442695040888963407u;
        uint32_t words = 1 + (uint32_t)(random >> 40) % 200, n = 0;
        while (read(out[0], &w, sizeof(w)) == sizeof(w)) {
            assert_true(w.id < IDS);
            if (promised[w.id] != 'f')
                promised[w.id] = (uint8_t)w.what;
            if (w.id >= next)
                next = w.id + 1;
            if (++n == words) {
                for (uint32_t spin = (uint32_t)(random >> 50); spin > 0; spin--)
                    __asm__ volatile("");
                kill(pid, SIGKILL); /* what is still in the pipe was promised too */
            }
        }
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        close(out[0]);
        next += 2; /* one that was begun and not told */
        if (round % 2 == 0) {
            assert_int_equal(wd_journal_recover(s.dir, key, &closed), WD_OK);
            interrupted += closed;
        }
        if (round % 25 == 0)
            verified(&s);
    }
    assert_int_equal(wd_journal_recover(s.dir, key, &closed), WD_OK);
    uint64_t lines = verified(&s);

    size_t len;
    uint64_t seen = 0;
    char *text = read_file(scratch_path(&s, "0.jsonl"), &len);
    assert_true(access(scratch_path(&s, "1.jsonl"), F_OK) < 0);
    for (char *p = text; *p != '\0'; p = strchr(p, '\n') + 1, seen++) {
        char *code;
        assert_memory_equal(p, "{\"id\":", 6);
        unsigned long id = strtoul(p + 6, &code, 10);
        assert_true(id < IDS);
        assert_int_equal(found[id], 0);
        bool done = memcmp(code, ",\"code\":\"done\"", 14) == 0;
        assert_true(done || memcmp(code, ",\"code\":\"interrupted\"", 21) == 0);
        found[id] = done ? 'f' : 'b';
    }
    assert_int_equal(seen, lines);
    for (uint32_t id = 0; id < next; id++) {
        if (promised[id] != 0)
            assert_int_not_equal(found[id], 0);
        if (promised[id] == 'f')
            assert_int_equal(found[id], 'f');
        torn += promised[id] == 'b' && found[id] == 'f';
    }
    assert_true(interrupted > 50);
    assert_true(torn > 10); /* ended and not flushed: the mapping kept it */
    free(text);
    free(promised);
    free(found);
    scratch_drop(&s);
}

/* A write that a kill cut short, at every byte of it. */
static void
torn_writes_are_mended(void **state)
{
    struct scratch s;
    size_t before_len, after_len, line_len;

    scratch_make(&s);
    struct wd_journal *j = open_journal(&s);
    write_lines(j, 0, 2);
    wd_journal_close(j);
    char *before = read_file(scratch_path(&s, "0.jsonl"), &line_len);

    /* a child that dies inside its write: the file may grow to `cut` bytes only, then it is killed by SIGXFSZ */
    for (size_t cut = line_len + 1; cut < line_len + 700; cut += 13) {
        char *was = read_file(scratch_path(&s, "0.jsonl"), &before_len);
        pid_t pid = fork();
        if (pid == 0) {
            struct rlimit limit = { 0, 0 };
            j = open_journal(&s);
            for (uint32_t i = 0; i < 3; i++)
                end(j, begin(j, 100 + i), 100 + i, 30);
            limit.rlim_cur = limit.rlim_max = before_len + (cut - line_len);
            if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
                _exit(1);
            signal(SIGXFSZ, SIG_DFL);
            (void)!wd_journal_flush(j);
            raise(SIGKILL);
        }
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        verified(&s); /* the torn end is a write under way */
        j = open_journal(&s);
        wd_journal_close(j);
        verified(&s);
        char *now = read_file(scratch_path(&s, "0.jsonl"), &after_len);
        assert_true(after_len > before_len);
        assert_memory_equal(now, was, before_len);
        uint32_t lines = 0;
        for (size_t i = before_len; i < after_len; i++)
            lines += now[i] == '\n';
        assert_int_equal(lines, 3);
        assert_int_equal(strstr(now + before_len, "interrupted") == NULL, 1);
        free(was);
        free(now);
    }
    free(before);
    scratch_drop(&s);
}

static void
verify_is_right_while_writers_write(void **state)
{
    struct scratch s;
    int status, living = 2;
    uint64_t last = 0, runs = 0;

    scratch_make(&s);
    for (int i = 0; i < 2; i++) {
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            struct wd_journal *j = open_journal(&s);
            for (uint32_t n = 0; n < 1000; n++)
                write_lines(j, n, 1 + n % 40);
            raise(SIGKILL); /* and before anybody mends */
        }
    }
    while (living > 0) {
        uint64_t lines = verified(&s);
        assert_true(lines >= last);
        last = lines;
        runs++;
        while (living > 0 && waitpid(-1, &status, WNOHANG) > 0) {
            assert_true(WIFSIGNALED(status));
            living--;
        }
    }
    assert_true(runs > 0);
    assert_int_equal(verified(&s), 2 * 20500);
    scratch_drop(&s);
}

/* --- a disk that takes nothing --- */

static void
file_size_limit_refuses_and_recovers(void **state)
{
    struct scratch s;
    struct rlimit was, limit;
    uint32_t slots[60], slot;

    scratch_make(&s);
    struct wd_journal *j = open_journal(&s);
    write_lines(j, 0, 3);
    for (uint32_t i = 0; i < 60; i++)
        slots[i] = begin(j, 100 + i);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    limit = was;
    limit.rlim_cur = 2000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    for (uint32_t i = 0; i < 60; i++)
        end(j, slots[i], 100 + i, 7000); /* more than the queue holds */
    assert_int_equal(wd_journal_flush(j), WD_ERR_IO);
    assert_int_equal(wd_journal_begin(j, WD_SPAN("\"a\":1"), &slot), WD_ERR_IO);
    assert_false(wd_journal_writable(j));
    assert_int_equal(verified(&s), 3); /* no half line left behind */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    assert_true(wd_journal_writable(j));
    assert_int_equal(verified(&s), 63);
    begin(j, 7);
    wd_journal_close(j);
    scratch_drop(&s);
}

static void
full_disk_shows_at_begin_and_not_at_the_end(void **state)
{
    struct scratch s;
    uint32_t slots[2000], count = 0;
    enum wd_err err = WD_OK;
    char junk[65536] = { 1 };

    scratch_make(&s);
    if (mount("none", s.dir, "tmpfs", 0, "size=4m,mode=0700") < 0) {
        print_message("cannot mount a small file system here\n");
        scratch_drop(&s);
        skip();
    }
    struct wd_journal *j = open_journal(&s);
    write_lines(j, 0, 3);
    for (; count < 2000; count++) {
        err = wd_journal_begin(j, WD_SPAN("\"code\":\"interrupted\""), &slots[count]);
        if (err != WD_OK)
            break;
    }
    assert_int_equal(err, WD_ERR_IO);
    assert_true(count > 50);
    int fd = open(scratch_path(&s, "junk"), O_CREAT | O_WRONLY, 0600);
    while (write(fd, junk, sizeof(junk)) > 0)
        continue;
    assert_int_equal(errno, ENOSPC);
    close(fd);
    assert_false(wd_journal_writable(j));
    for (uint32_t i = 0; i < count; i++) {
        end(j, slots[i], i, 8000);
        if (i % 20 == 0)
            assert_int_equal(wd_journal_flush(j), WD_OK);
    }
    assert_int_equal(wd_journal_flush(j), WD_OK);
    assert_int_equal(verified(&s), 3 + count);
    /* what was reserved serves further ones until it is used up */
    uint32_t more = 0;
    for (; more < 2000; more++) {
        err = wd_journal_begin(j, WD_SPAN("\"a\":1"), &slots[0]);
        if (err != WD_OK)
            break;
        end(j, slots[0], 9, 8000);
        assert_int_equal(wd_journal_flush(j), WD_OK);
    }
    assert_int_equal(err, WD_ERR_IO);
    assert_int_equal(unlink(scratch_path(&s, "junk")), 0);
    assert_true(wd_journal_writable(j));
    write_lines(j, 9, 3);
    wd_journal_close(j);
    assert_int_equal(verified(&s), 6 + count + more);
    assert_int_equal(umount(s.dir), 0);
    scratch_drop(&s);
}

static void
works_as_a_folder_of_the_current_one(void **state)
{
    struct scratch s;
    struct wd_journal *j;
    struct stat st;
    char cwd[4096];

    scratch_make(&s);
    assert_non_null(getcwd(cwd, sizeof(cwd)));
    assert_int_equal(chdir(s.dir), 0);
    if (geteuid() == 0)
        assert_int_equal(chown(s.dir, 65534, 65534), 0);
    assert_int_equal(wd_journal_open(&j, "audit", key), WD_OK);
    write_lines(j, 0, 2);
    wd_journal_close(j);
    assert_int_equal(stat("audit", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    if (geteuid() == 0)
        assert_int_equal(st.st_uid, 65534);
    assert_int_equal(stat("audit/0.jsonl", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    if (geteuid() == 0)
        assert_int_equal(st.st_uid, 65534);
    assert_int_equal(chmod("audit", 0755), 0);
    assert_int_equal(wd_journal_open(&j, "audit", key), WD_ERR_DENIED);
    assert_int_equal(chdir(cwd), 0);
    scratch_drop(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chain_is_whole_and_continues_when_opened_again),
        cmocka_unit_test(bodies_of_every_size_are_written_whole),
        cmocka_unit_test(many_open_at_once_until_it_is_full),
        cmocka_unit_test(writers_take_numbers_of_their_own),
        cmocka_unit_test(every_edit_is_named),
        cmocka_unit_test(lines_taken_from_the_end_stay_visible),
        cmocka_unit_test(files_taken_away_are_named),
        cmocka_unit_test(damaged_head_is_an_error_and_no_crash),
        cmocka_unit_test(mapping_cut_under_way_still_gives_each_its_line),
        cmocka_unit_test(folder_taken_away_refuses),
        cmocka_unit_test(kill_9_loses_no_exchange_and_doubles_none),
        cmocka_unit_test(torn_writes_are_mended),
        cmocka_unit_test(verify_is_right_while_writers_write),
        cmocka_unit_test(file_size_limit_refuses_and_recovers),
        cmocka_unit_test(full_disk_shows_at_begin_and_not_at_the_end),
        cmocka_unit_test(works_as_a_folder_of_the_current_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
