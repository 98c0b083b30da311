#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "scratch.h"
#include "store/ledger.h"

#define NOW 1700000000
#define VALUES 300000
#define RACES 60000
#define TAKERS 4

/* What the takers write down, in memory that they share with the test. */
struct board {
    uint32_t winner[VALUES]; /* holder that was told it is his; 0: nobody yet */
    uint32_t wins[VALUES];
    uint32_t next, stop, ready;
};

static struct board *board;

static void
board_make(void)
{
    if (board != NULL)
        munmap(board, sizeof(*board));
    board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(board != MAP_FAILED);
}

static struct wd_holding
value_of(uint32_t n)
{
    struct wd_holding h = { 0 };
    uint8_t secret[32] = { 0 };

    wd_ledger_key(h.key, secret, "value", WD_SPAN("ann"), wd_span((const char *)&n, sizeof(n)));
    return h;
}

/* One request: look, and take when nobody else's. True: the value may go to holder. */
static bool
claim(struct wd_ledger *l, uint32_t n, uint32_t holder, uint32_t nonce)
{
    struct wd_holding h = value_of(n);

    if (wd_ledger_begin(l, NOW) != WD_OK)
        _exit(2);
    wd_ledger_look(l, &h, 1, holder);
    bool mine = h.held != WD_HELD_OTHER;
    if (mine && wd_ledger_take(l, &h, 1, holder, 86400, nonce) != WD_OK)
        _exit(3);
    wd_ledger_end(l);
    return mine;
}

/* --- many at once --- */

static void
racer(const char *path, uint32_t holder)
{
    struct wd_ledger *l;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (wd_ledger_open(&l, path, VALUES) != WD_OK)
        _exit(1);
    __atomic_fetch_add(&board->ready, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&board->ready, __ATOMIC_SEQ_CST) < TAKERS)
        sched_yield();
    for (uint32_t n = 0; n < RACES; n++) {
        /* nobody runs far ahead: it is a race for each value */
        uint32_t next = __atomic_load_n(&board->next, __ATOMIC_RELAXED);
        if (n > next)
            __atomic_store_n(&board->next, n, __ATOMIC_RELAXED);
        else if (n + 50 < next)
            n = next;
        if (!claim(l, n, holder, holder))
            continue;
        __atomic_fetch_add(&board->wins[n], 1, __ATOMIC_SEQ_CST);
        __atomic_store_n(&board->winner[n], holder, __ATOMIC_SEQ_CST);
    }
    _exit(0);
}

static void
F21_of_many_at_once_exactly_one_holds_a_value(void **state)
{
    struct scratch s;
    struct wd_ledger *l;
    int status;

    scratch_make(&s);
    board_make();
    assert_int_equal(wd_ledger_prepare(scratch_path(&s, "ledger.map"), VALUES, NOW), WD_OK);
    for (uint32_t i = 0; i < TAKERS; i++)
        if (fork() == 0)
            racer(s.path, i + 1);
    for (uint32_t i = 0; i < TAKERS; i++) {
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    assert_int_equal(wd_ledger_open(&l, s.path, VALUES), WD_OK);
    uint32_t raced = 0, won[TAKERS + 1] = { 0 };
    for (uint32_t n = 0; n < RACES; n++) {
        struct wd_holding h = value_of(n);
        assert_true(board->wins[n] <= 1);
        assert_int_equal(wd_ledger_begin(l, NOW), WD_OK);
        wd_ledger_look(l, &h, 1, board->winner[n]);
        wd_ledger_end(l);
        assert_int_equal(h.held, board->winner[n] == 0 ? WD_HELD_NOT : WD_HELD_SAME);
        won[board->winner[n]]++;
        raced += board->winner[n] != 0;
    }
    print_message("won: %u %u %u %u\n", won[1], won[2], won[3], won[4]);
    assert_true(raced > RACES / 4);
    wd_ledger_close(l);
    scratch_drop(&s);
}

/* --- killed --- */

/* Takes the next value, writes down that it was told so; now and then more at once, which are given back. */
static void
victim(const char *path, uint32_t holder)
{
    struct wd_ledger *l;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (wd_ledger_open(&l, path, VALUES * 2) != WD_OK)
        _exit(1);
    for (uint32_t turn = 1; __atomic_load_n(&board->stop, __ATOMIC_RELAXED) == 0; turn++) {
        uint32_t n = __atomic_fetch_add(&board->next, 1, __ATOMIC_SEQ_CST);
        if (n >= VALUES)
            _exit(0);
        if (claim(l, n, holder, turn))
            __atomic_store_n(&board->winner[n], holder, __ATOMIC_SEQ_CST);
        struct wd_holding back = value_of(VALUES + n);
        if (turn % 3 == 0 && claim(l, VALUES + n, holder, turn))
            wd_ledger_release(l, &back, 1, turn);
    }
    _exit(0);
}

static void
check_all(struct wd_ledger *l)
{
    for (uint32_t n = 0; n < board->next && n < VALUES; n++) {
        uint32_t winner = __atomic_load_n(&board->winner[n], __ATOMIC_SEQ_CST);
        struct wd_holding h = value_of(n);
        if (winner == 0)
            continue;
        assert_int_equal(wd_ledger_begin(l, NOW), WD_OK);
        wd_ledger_look(l, &h, 1, winner);
        wd_ledger_end(l);
        if (h.held != WD_HELD_SAME)
            fail_msg("value %u of %u was taken by %u and is %d", n, board->next, winner, h.held);
    }
}

/*
 * Killed at any moment, inside the lock too, while another goes on; at the end all of them. What somebody was told is his is his,
 * for those who go on and after the next start.
 */
static void
kill_9_loses_nothing_and_blocks_nobody(void **state)
{
    uint64_t random = 7;
    int status;

    for (uint32_t round = 0; round < 8; round++) {
        struct scratch s;
        struct wd_ledger *l;
        scratch_make(&s);
        board_make();
        assert_int_equal(wd_ledger_prepare(scratch_path(&s, "ledger.map"), VALUES * 2, NOW), WD_OK);
        pid_t steady = fork();
        if (steady == 0)
            victim(s.path, 1000);
        for (uint32_t i = 0; i < 40; i++) {
            uint32_t before = __atomic_load_n(&board->next, __ATOMIC_SEQ_CST);
            pid_t pid = fork();
            if (pid == 0)
                victim(s.path, i + 1);
            before = before + 20 < VALUES ? before + 20 : VALUES;
            while (__atomic_load_n(&board->next, __ATOMIC_SEQ_CST) < before)
                sched_yield();
            random = random * 6364136223846793005u + 1442695040888963407u;
            for (uint32_t n = (uint32_t)(random >> 40) % 20000; n > 0; n--)
                __asm__ volatile("");
            kill(pid, SIGKILL);
            assert_int_equal(waitpid(pid, &status, 0), pid);
        }
        if (round % 2 == 0)
            kill(steady, SIGKILL);
        __atomic_store_n(&board->stop, 1, __ATOMIC_SEQ_CST);
        assert_int_equal(waitpid(steady, &status, 0), steady);
        assert_true(WIFSIGNALED(status) || status == 0);
        if (round % 4 < 2)
            assert_int_equal(wd_ledger_prepare(s.path, VALUES * 2, NOW), WD_OK);
        assert_int_equal(wd_ledger_open(&l, s.path, VALUES * 2), WD_OK);
        check_all(l);
        wd_ledger_close(l);
        assert_int_equal(wd_ledger_prepare(s.path, VALUES * 2, NOW), WD_OK);
        assert_int_equal(wd_ledger_open(&l, s.path, VALUES * 2), WD_OK);
        check_all(l);
        wd_ledger_close(l);
        scratch_drop(&s);
    }
}

/* --- killed between two instructions --- */

#define STEP_VALUES 1000 /* taken before; one more splits a page */
#define STEP_APART 400   /* instructions, at most */
#define STEP_ENTRIES 5000
/* as src/store/ledger_map.h has it */
#define PAGES_IN_USE 24
#define LOCK_AT 64
#define LOCK_END 128
#define DIRECTORY_AT (4096 + 135168)
#define PAGES_AT (DIRECTORY_AT + 4096)
#define MAP_SIZE (PAGES_AT + 20 * 4096)

static char image[1 << 20];

static void
copy_file(const char *from, const char *to)
{
    char lock[LOCK_END - LOCK_AT];
    int in = open(from, O_RDONLY), out = open(to, O_RDWR | O_CREAT, 0600);

    ssize_t n = read(in, image, sizeof(image));
    assert_true(n > 500000 && n < (ssize_t)sizeof(image));
    /* the copy's own lock is free: the one who held it is dead */
    if (pread(out, lock, sizeof(lock), LOCK_AT) == (ssize_t)sizeof(lock))
        memcpy(image + LOCK_AT, lock, sizeof(lock));
    assert_int_equal(pwrite(out, image, (size_t)n, 0), n);
    close(in);
    close(out);
}

static uint32_t
page_count(const char *path)
{
    uint32_t n;
    int fd = open(path, O_RDONLY);

    assert_int_equal(pread(fd, &n, sizeof(n), PAGES_IN_USE), sizeof(n));
    close(fd);
    return n;
}

/* A process that stops before it takes value n. -1: tracing is not allowed here. */
static pid_t
stepper(const char *path, uint32_t n)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        struct wd_ledger *l;
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0 || wd_ledger_open(&l, path, STEP_ENTRIES) != WD_OK)
            _exit(77);
        raise(SIGSTOP);
        claim(l, n, 1, 1);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSTOPPED(status) ? pid : -1;
}

/* What says where entries are: the header, the directory, the heads of the pages. */
static uint64_t
map_of(const uint8_t *file)
{
    uint64_t hash = 0;

    for (uint32_t at = 0; at < MAP_SIZE; at += 8) {
        uint64_t word;
        if (at >= LOCK_AT && at < DIRECTORY_AT) {
            at = DIRECTORY_AT - 8;
            continue;
        }
        if (at >= PAGES_AT && at % 4096 >= 16) {
            at += 4096 - at % 4096 - 8;
            continue;
        }
        memcpy(&word, file + at, sizeof(word));
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    }
    return hash;
}

/* On to where that has changed, or so many instructions; false: it has ended. */
static bool
step(pid_t pid, const uint8_t *file, uint64_t steps)
{
    uint64_t before = map_of(file);
    int status;

    do {
        assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (!WIFSTOPPED(status))
            return false;
    } while (steps-- > 0 && map_of(file) == before);
    return true;
}

static void
check_after_steps(struct wd_ledger *l, uint32_t n, uint32_t order)
{
    uint64_t used, max;
    struct wd_holding h = value_of(n);

    for (uint32_t i = 0; i < n; i++)
        assert_false(claim(l, i, 2, 1));
    assert_int_equal(wd_ledger_begin(l, NOW), WD_OK);
    wd_ledger_look(l, &h, 1, 1);
    assert_int_not_equal(h.held, WD_HELD_OTHER);
    wd_ledger_end(l);
    for (uint32_t i = 0; i < 1000; i++)
        assert_true(claim(l, n + (i * 7 + order) % 1000, 1, 1));
    for (uint32_t i = 0; i < n + 1000; i++)
        assert_false(claim(l, i, 2, 1));
    wd_ledger_size(l, &used, &max);
    assert_true(used >= n + 999 && used <= n + 1001);
}

/*
 * One takes a value and splits a page for it, an instruction at a time. What the file is like at any of them is what a kill there
 * leaves: mended by one who goes on, and at the next start.
 */
static void
killed_anywhere_in_a_split_loses_nothing(void **state)
{
    struct scratch s;
    struct wd_ledger *l;
    char before[256], copy[256];
    uint32_t n = STEP_VALUES, points = 0;
    uint64_t random = 1;

    scratch_make(&s);
    strcpy(before, scratch_path(&s, "before.map"));
    strcpy(copy, scratch_path(&s, "copy.map"));
    assert_int_equal(wd_ledger_prepare(scratch_path(&s, "ledger.map"), STEP_ENTRIES, NOW), WD_OK);
    assert_int_equal(wd_ledger_open(&l, s.path, STEP_ENTRIES), WD_OK);
    for (uint32_t i = 0; i < n; i++)
        assert_true(claim(l, i, 1, 1));
    for (uint32_t pages = page_count(s.path); page_count(s.path) == pages; n++) {
        copy_file(s.path, before);
        assert_true(claim(l, n, 1, 1));
    }
    n--;
    wd_ledger_close(l);
    copy_file(before, copy);
    assert_int_equal(wd_ledger_open(&l, copy, STEP_ENTRIES), WD_OK);
    int fd = open(before, O_RDONLY);
    const uint8_t *file = mmap(NULL, MAP_SIZE, PROT_READ, MAP_SHARED, fd, 0);
    assert_true(file != MAP_FAILED && page_count(before) < 20);
    pid_t pid = stepper(before, n);
    while (pid > 0 && step(pid, file, (random >> 33) % STEP_APART)) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        copy_file(before, copy);
        if (points++ % 2 == 0) {
            wd_ledger_close(l);
            assert_int_equal(wd_ledger_prepare(copy, STEP_ENTRIES, NOW), WD_OK);
            assert_int_equal(wd_ledger_open(&l, copy, STEP_ENTRIES), WD_OK);
        }
        check_after_steps(l, n, (uint32_t)(random >> 40));
    }
    wd_ledger_close(l);
    close(fd);
    scratch_drop(&s);
    if (pid < 0)
        skip();
    print_message("killed at %u points\n", points);
    assert_true(points > 50);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(F21_of_many_at_once_exactly_one_holds_a_value),
        cmocka_unit_test(kill_9_loses_nothing_and_blocks_nobody),
        cmocka_unit_test(killed_anywhere_in_a_split_loses_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
