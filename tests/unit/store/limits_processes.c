#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "scratch.h"
#include "store/limits.h"

#define SECOND UINT64_C(1000000)
#define MIB ((size_t)1 << 20)
#define LOG_MAX 1000000

/* What the takers write down, in memory that they share with the test. */
struct board {
    uint64_t clock; /* virtual time, moved on by whoever takes */
    uint32_t count, stop, lost;
    uint64_t at[LOG_MAX];
    uint32_t amount[LOG_MAX];
};

static struct board *board;

static void
board_make(void **state)
{
    if (board != NULL)
        munmap(board, sizeof(*board));
    board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(board != MAP_FAILED);
    board->clock = 100 * SECOND;
}

static struct wd_claim
claim(const char *name, uint32_t count, uint32_t window_s)
{
    struct wd_claim c = { .limit = { count, window_s } };
    uint8_t secret[32] = { 0 };

    wd_limits_key(c.key, secret, "test", wd_span_str(name), WD_SPAN(""));
    return c;
}

static int
by_time(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* The most that any window holds. */
static uint32_t
board_most(uint64_t window_us)
{
    uint32_t most = 0, low = 0;

    qsort(board->at, board->count, sizeof(*board->at), by_time);
    for (uint32_t i = 0; i < board->count; i++) {
        while (board->at[low] + window_us <= board->at[i])
            low++;
        if (i - low + 1 > most)
            most = i - low + 1;
    }
    return most;
}

/* Takes as fast as it can and writes down the time at which each was granted. */
static void
taker(const char *path, struct wd_limit limit, uint32_t tries, uint32_t step_us, uint32_t give_back)
{
    struct wd_limits *l;
    size_t which;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (wd_limits_open(&l, path, MIB) != WD_OK)
        _exit(1);
    for (uint32_t i = 0; i < tries && __atomic_load_n(&board->stop, __ATOMIC_RELAXED) == 0; i++) {
        struct wd_claim c[2] = { claim("shared", limit.count, limit.window_s), claim("other", 1000000, 60) };
        uint64_t now = __atomic_add_fetch(&board->clock, step_us, __ATOMIC_SEQ_CST);
        enum wd_err err = wd_limits_take(l, c, 2, now, &which);
        if (err == WD_ERR_DENIED)
            continue;
        if (err != WD_OK)
            _exit(2);
        if (give_back != 0 && i % give_back == 0) {
            wd_limits_return(l, c, 2);
            continue;
        }
        uint32_t n = __atomic_fetch_add(&board->count, 1, __ATOMIC_SEQ_CST);
        if (n >= LOG_MAX)
            _exit(3);
        board->at[n] = c[0].taken_us;
    }
    _exit(0);
}

static void
F20_F21_limit_holds_over_processes(void **state)
{
    static const struct {
        struct wd_limit limit;
        uint32_t step_us, give_back;
        bool whole; /* demand is enough to use all of it */
    } rows[] = {
        { { 100, 60 }, 0, 0, true },                                 /* all at one moment */
        { { 1000, 60 }, 1, 0, true },  { { 50, 1 }, 1000, 0, true }, /* 80 windows */
        { { 1000, 2 }, 100, 0, true }, { { 3000, 2 }, 100, 0, false },
        { { 3000, 60 }, 1, 0, true },  { { 50, 1 }, 1000, 3, true }, /* some give back */
    };

    for (size_t r = 0; r < sizeof(rows) / sizeof(*rows); r++) {
        struct scratch s;
        scratch_make(&s);
        scratch_path(&s, "limits.map");
        board_make(NULL);
        for (int i = 0; i < 4; i++)
            if (fork() == 0)
                taker(s.path, rows[r].limit, 20000, rows[r].step_us, rows[r].give_back);
        for (int i = 0; i < 4; i++) {
            int status;
            assert_true(wait(&status) > 0);
            assert_int_equal(status, 0);
        }
        uint32_t most = board_most(rows[r].limit.window_s * SECOND);
        assert_true(most <= rows[r].limit.count);
        if (rows[r].whole)
            assert_int_equal(most, rows[r].limit.count);
        if (rows[r].step_us == 0)
            assert_int_equal(board->count, rows[r].limit.count);
        scratch_drop(&s);
    }
}

/*
 * A child is killed at any moment, inside the lock too, while another goes on. What the killed one had been granted and written
 * down still counts; what it was granted and could not write down only makes it less.
 */
static void
kill_9_inside_the_lock_loses_nothing_and_blocks_nobody(void **state)
{
    static const struct wd_limit limits[] = { { 40, 1 }, { 1000, 2 }, { 2000, 3 } };
    uint64_t random = 1;

    for (size_t r = 0; r < 3; r++) {
        struct scratch s;
        struct wd_limits *l;
        size_t which;
        int status;

        scratch_make(&s);
        scratch_path(&s, "limits.map");
        board_make(NULL);
        assert_int_equal(wd_limits_open(&l, s.path, MIB), WD_OK);
        pid_t steady = fork();
        if (steady == 0)
            taker(s.path, limits[r], UINT32_MAX, 700, 5);
        for (int i = 0; i < 200; i++) {
            uint32_t before = __atomic_load_n(&board->count, __ATOMIC_SEQ_CST);
            pid_t pid = fork();
            if (pid == 0)
                taker(s.path, limits[r], UINT32_MAX, 700, 5);
            /* until it has run for a while: counted in grants, then some turns of this loop */
            while (__atomic_load_n(&board->count, __ATOMIC_SEQ_CST) < before + 2)
                sched_yield();
            random = random * 6364136223846793005u + 1442695040888963407u;
            for (uint32_t n = (uint32_t)(random >> 40) % 20000; n > 0; n--)
                __asm__ volatile("");
            kill(pid, SIGKILL);
            assert_int_equal(waitpid(pid, &status, 0), pid);
            assert_true(WIFSIGNALED(status));
            struct wd_claim c = claim("mine", 1000000, 1);
            assert_int_equal(wd_limits_take(l, &c, 1, __atomic_load_n(&board->clock, __ATOMIC_SEQ_CST), &which), WD_OK);
        }
        __atomic_store_n(&board->stop, 1, __ATOMIC_SEQ_CST);
        assert_int_equal(waitpid(steady, &status, 0), steady);
        assert_int_equal(status, 0);
        /* a time of 0: room taken on the board by one who was killed before he wrote */
        assert_true(board_most(limits[r].window_s * SECOND) <= limits[r].count);
        assert_true(board->count > 400);

        /* a window later nothing of the dead is left */
        uint64_t later = board->clock + 10 * SECOND;
        struct wd_claim c = claim("shared", limits[r].count, limits[r].window_s);
        for (uint32_t n = 0; n < limits[r].count; n++)
            assert_int_equal(wd_limits_take(l, &c, 1, later, &which), WD_OK);
        assert_int_equal(wd_limits_take(l, &c, 1, later, &which), WD_ERR_DENIED);
        wd_limits_close(l);
        scratch_drop(&s);
    }
}

static void
lock_of_a_dead_machine_is_made_anew(void **state)
{
    struct scratch s;
    struct wd_limits *l;
    size_t which;
    struct wd_claim c = claim("a", 2, 60);

    scratch_make(&s);
    assert_int_equal(wd_limits_open(&l, scratch_path(&s, "limits.map"), MIB), WD_OK);
    assert_int_equal(wd_limits_take(l, &c, 1, SECOND, &which), WD_OK);
    wd_limits_close(l);
    /* as after a power cut: the lock says held, by a thread that is no more */
    FILE *f = fopen(s.path, "r+");
    assert_non_null(f);
    for (long at = 64; at < 1024; at++) {
        fseek(f, at, SEEK_SET);
        if (at >= 128)
            fputc(0x55, f);
    }
    fclose(f);
    assert_int_equal(wd_limits_open(&l, s.path, MIB), WD_OK);
    assert_int_equal(wd_limits_take(l, &c, 1, SECOND, &which), WD_OK);
    assert_int_equal(wd_limits_take(l, &c, 1, SECOND, &which), WD_ERR_DENIED);
    wd_limits_close(l);
    scratch_drop(&s);
}

/* --- amounts --- */

/* Reserves `amount`, settles to what it "used" and writes that down, with the time at which it was granted. */
static void
spender(const char *path, struct wd_limit limit, uint32_t tries, uint32_t step_us)
{
    struct wd_limits *l;
    uint64_t random = (uint64_t)getpid() * 0x9e3779b97f4a7c15;
    size_t which;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (wd_limits_open(&l, path, MIB) != WD_OK)
        _exit(1);
    for (uint32_t i = 0; i < tries && __atomic_load_n(&board->stop, __ATOMIC_RELAXED) == 0; i++) {
        struct wd_claim c[2] = { claim("shared", 0, 0), claim("other", 1000000, 60) };
        uint64_t now = __atomic_add_fetch(&board->clock, step_us, __ATOMIC_SEQ_CST);
        random = random * 6364136223846793005u + 1442695040888963407u;
        c[0].limit = limit;
        c[0].amount = 1 + (random >> 40) % 50;
        c[0].used = step_us == 0 ? c[0].amount : random >> 50 & 31;
        enum wd_err err = wd_limits_take(l, c, 2, now, &which);
        if (err == WD_ERR_DENIED)
            continue;
        if (err != WD_OK)
            _exit(2);
        uint32_t n = __atomic_fetch_add(&board->count, 1, __ATOMIC_SEQ_CST);
        if (n >= LOG_MAX)
            _exit(3);
        /* its settling may come before or after a kill: what counts for certain is the smaller */
        board->amount[n] = (uint32_t)(c[0].used < c[0].amount ? c[0].used : c[0].amount);
        board->at[n] = c[0].taken_us;
        wd_limits_settle(l, c, 2);
    }
    _exit(0);
}

struct spent {
    uint64_t at;
    uint32_t amount;
};

static int
by_moment(const void *a, const void *b)
{
    const struct spent *x = a, *y = b;

    return x->at < y->at ? -1 : x->at > y->at;
}

/* The most that any window holds, of what was certainly spent. */
static uint64_t
board_most_spent(uint64_t window_us)
{
    uint32_t count = board->count, low = 0;
    struct spent *all = calloc(count + 1, sizeof(*all));
    uint64_t most = 0, sum = 0;

    assert_non_null(all);
    for (uint32_t i = 0; i < count; i++)
        all[i] = (struct spent){ board->at[i], board->at[i] != 0 ? board->amount[i] : 0 };
    qsort(all, count, sizeof(*all), by_moment);
    for (uint32_t i = 0; i < count; i++) {
        sum += all[i].amount;
        while (all[low].at + window_us <= all[i].at)
            sum -= all[low++].amount;
        if (sum > most)
            most = sum;
    }
    free(all);
    return most;
}

static void
F20_F21_budget_holds_over_processes(void **state)
{
    static const struct {
        struct wd_limit limit;
        uint32_t step_us;
    } rows[] = {
        { { 100000, 60, WD_UNIT_TOKENS }, 0 },
        { { 100000, 60, WD_UNIT_MICRO_USD }, 1 },
        { { 5000, 1, WD_UNIT_TOKENS }, 300 },
    };

    for (size_t r = 0; r < sizeof(rows) / sizeof(*rows); r++) {
        struct scratch s;
        scratch_make(&s);
        scratch_path(&s, "limits.map");
        board_make(NULL);
        for (int i = 0; i < 4; i++)
            if (fork() == 0)
                spender(s.path, rows[r].limit, 20000, rows[r].step_us);
        for (int i = 0; i < 4; i++) {
            int status;
            assert_true(wait(&status) > 0);
            assert_int_equal(status, 0);
        }
        uint64_t most = board_most_spent(rows[r].limit.window_s * SECOND);
        assert_true(most <= rows[r].limit.count);
        if (rows[r].step_us == 0) /* all at one moment: no more than the smallest request is left */
            assert_int_equal(most, rows[r].limit.count);
        scratch_drop(&s);
    }
}

static void
kill_9_forgets_nothing_that_was_spent(void **state)
{
    static const struct wd_limit limits[] = { { 3000, 2, WD_UNIT_TOKENS }, { 9000, 3, WD_UNIT_MICRO_USD } };
    uint64_t random = 7;

    for (size_t r = 0; r < 2; r++) {
        struct scratch s;
        struct wd_limits *l;
        size_t which;
        int status;

        scratch_make(&s);
        scratch_path(&s, "limits.map");
        board_make(NULL);
        assert_int_equal(wd_limits_open(&l, s.path, MIB), WD_OK);
        pid_t steady = fork();
        if (steady == 0)
            spender(s.path, limits[r], UINT32_MAX, 700);
        for (int i = 0; i < 200; i++) {
            uint32_t before = __atomic_load_n(&board->count, __ATOMIC_SEQ_CST);
            pid_t pid = fork();
            if (pid == 0)
                spender(s.path, limits[r], UINT32_MAX, 700);
            while (__atomic_load_n(&board->count, __ATOMIC_SEQ_CST) < before + 2)
                sched_yield();
            random = random * 6364136223846793005u + 1442695040888963407u;
            for (uint32_t n = (uint32_t)(random >> 40) % 20000; n > 0; n--)
                __asm__ volatile("");
            kill(pid, SIGKILL);
            assert_int_equal(waitpid(pid, &status, 0), pid);
            assert_true(WIFSIGNALED(status));
        }
        __atomic_store_n(&board->stop, 1, __ATOMIC_SEQ_CST);
        assert_int_equal(waitpid(steady, &status, 0), steady);
        assert_int_equal(status, 0);
        assert_true(board_most_spent(limits[r].window_s * SECOND) <= limits[r].count);
        assert_true(board->count > 400);

        /* a window later nothing of the dead is left */
        struct wd_claim c = claim("shared", 0, 0);
        c.limit = limits[r];
        c.amount = limits[r].count;
        assert_int_equal(wd_limits_take(l, &c, 1, board->clock + 10 * SECOND, &which), WD_OK);
        wd_limits_close(l);
        scratch_drop(&s);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(F20_F21_limit_holds_over_processes),
        cmocka_unit_test(kill_9_inside_the_lock_loses_nothing_and_blocks_nobody),
        cmocka_unit_test(F20_F21_budget_holds_over_processes),
        cmocka_unit_test(kill_9_forgets_nothing_that_was_spent),
        cmocka_unit_test(lock_of_a_dead_machine_is_made_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
