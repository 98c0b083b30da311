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
#include "store/store.h"

#define SECOND UINT64_C(1000000)
#define WALL (1700000000 * SECOND)
#define MONO (5000 * SECOND)
#define LIMITS_BYTES ((size_t)8 << 20)
#define OPENAI 11
#define GOOGLE 22
#define ANN 101
#define BOB 102

static const uint8_t secret[32] = { 9 };

static void
stores_open(struct wd_store *store, struct scratch *s)
{
    assert_int_equal(wd_tokens_open(&store->tokens, s->dir, false), WD_OK);
    assert_int_equal(wd_limits_open(&store->limits, scratch_path(s, "limits.map"), LIMITS_BYTES), WD_OK);
    assert_int_equal(wd_ledger_open(&store->ledger, scratch_path(s, "ledger.map"), 5000), WD_OK);
}

static void
stores_make(struct wd_store *store, struct scratch *s)
{
    scratch_make(s);
    assert_int_equal(wd_limits_prepare(scratch_path(s, "limits.map"), LIMITS_BYTES, WALL, MONO), WD_OK);
    assert_int_equal(wd_ledger_prepare(scratch_path(s, "ledger.map"), 5000, WALL / SECOND), WD_OK);
    stores_open(store, s);
}

static void
stores_drop(struct wd_store *store, struct scratch *s)
{
    wd_tokens_close(store->tokens);
    wd_limits_close(store->limits);
    wd_ledger_close(store->ledger);
    scratch_drop(s);
}

static struct wd_claim
claim(const char *name, uint32_t count)
{
    struct wd_claim c = { .limit = { .count = count, .window_s = 60 }, .amount = 1 };

    wd_limits_key(c.key, secret, "test", wd_span_str(name), WD_SPAN(""));
    return c;
}

static struct wd_holding
holding(const char *use, uint32_t n)
{
    struct wd_holding h = { 0 };

    wd_ledger_key(h.key, secret, use, WD_SPAN("ann"), wd_span((const char *)&n, sizeof(n)));
    return h;
}

static enum wd_err
run(const struct wd_store *store, struct wd_store_op *op)
{
    wd_store_run(store, op, WALL, MONO);
    assert_int_equal(op->err == WD_ERR_DENIED, op->why != WD_WHY_NONE);
    return op->err;
}

/* How much of a limit of 1,000,000 has been taken; one more is taken by asking. */
static uint64_t
taken(const struct wd_store *store, const char *name)
{
    struct wd_claim c = claim(name, 1000000);
    size_t which;

    assert_int_equal(wd_limits_take(store->limits, &c, 1, MONO, &which), WD_OK);
    wd_limits_return(store->limits, &c, 1);
    return 999999 - c.remaining;
}

static enum wd_held
held_by(const struct wd_store *store, struct wd_holding h, uint64_t holder)
{
    assert_int_equal(wd_ledger_begin(store->ledger, WALL / SECOND), WD_OK);
    wd_ledger_look(store->ledger, &h, 1, holder);
    wd_ledger_end(store->ledger);
    return h.held;
}

/* --- arrive --- */

static void
F32_arrive_counts_addresses_and_bad_tokens(void **state)
{
    struct wd_store store;
    struct scratch s;
    struct wd_principal who = { .user = "ann", .role = "basic", .created_s = 1, .expires_s = WALL / SECOND + 10 };
    uint8_t random[32] = { 1 };
    char token[48], id[17];

    stores_make(&store, &s);
    assert_int_equal(wd_tokens_create(store.tokens, random, &who, token, id), WD_OK);
    struct wd_store_op op = { .kind = WD_STORE_ARRIVE, .has_digest = true, .address = claim("address", 3) };
    op.failed = claim("failed", 2);
    assert_true(wd_tokens_digest(wd_span_str(token), op.digest));
    assert_int_equal(run(&store, &op), WD_OK);
    assert_string_equal(op.who.user, "ann");
    assert_string_equal(op.who.role, "basic");
    /* one that nobody has, twice: then the address has used up its mistakes */
    op.digest[0] ^= 1;
    assert_int_equal(run(&store, &op), WD_ERR_DENIED);
    assert_int_equal(op.why, WD_WHY_UNKNOWN);
    op.has_digest = false;
    assert_int_equal(run(&store, &op), WD_ERR_DENIED);
    assert_int_equal(op.why, WD_WHY_UNKNOWN);
    assert_int_equal(run(&store, &op), WD_ERR_DENIED);
    assert_int_equal(op.why, WD_WHY_ADDRESS);
    assert_true(op.address.reset_us > 0);
    op.address.limit.count = 0; /* not asked for */
    assert_int_equal(run(&store, &op), WD_ERR_DENIED);
    assert_int_equal(op.why, WD_WHY_FAILED);
    assert_true(op.failed.reset_us > 0);
    /* expired, and revoked */
    op = (struct wd_store_op){ .kind = WD_STORE_ARRIVE, .has_digest = true, .failed = claim("more", 5) };
    assert_true(wd_tokens_digest(wd_span_str(token), op.digest));
    wd_store_run(&store, &op, WALL + 10 * SECOND, MONO);
    assert_int_equal(op.err, WD_ERR_DENIED);
    assert_int_equal(op.why, WD_WHY_EXPIRED);
    assert_int_equal(wd_tokens_revoke(store.tokens, wd_span_str(id)), WD_OK);
    assert_int_equal(run(&store, &op), WD_ERR_DENIED);
    assert_int_equal(op.why, WD_WHY_UNKNOWN);
    assert_int_equal(taken(&store, "more"), 2);
    stores_drop(&store, &s);
}

/* --- reserve, settle, issue --- */

struct request {
    struct wd_claim claims[2];
    struct wd_holding values[2], refs[1];
    struct wd_reservation held;
    struct wd_store_op op;
};

static struct wd_store_op *
request(struct request *r, uint64_t provider, uint64_t user, uint32_t nonce)
{
    *r = (struct request){ .claims = { claim("user", 1000000), claim("provider", 1000000) } };
    r->values[0] = holding("value", 1);
    r->values[1] = holding("value", 2);
    r->refs[0] = holding("reference", 3);
    r->held = (struct wd_reservation){ .claims = r->claims, .claim_count = 2, .values = r->values, .value_count = 2 };
    r->held.refs = r->refs;
    r->held.provider = provider;
    r->held.user = user;
    r->held.keep_s = 3600;
    r->held.nonce = nonce;
    r->op = (struct wd_store_op){ .kind = WD_STORE_RESERVE, .held = &r->held };
    return &r->op;
}

static void
F21_reserve_takes_all_or_nothing(void **state)
{
    struct wd_store store;
    struct scratch s;
    struct request r, second;

    stores_make(&store, &s);
    assert_int_equal(run(&store, request(&r, OPENAI, ANN, 1)), WD_OK);
    assert_int_equal(r.claims[0].remaining, 999999);
    /* a value of another provider: no limit is touched, and the other value not taken */
    request(&second, GOOGLE, ANN, 2);
    second.values[0] = holding("value", 7);
    assert_int_equal(run(&store, &second.op), WD_ERR_DENIED);
    assert_int_equal(second.op.why, WD_WHY_VALUE);
    assert_int_equal(second.op.which, 1);
    assert_int_equal(second.values[1].owner, OPENAI);
    assert_int_equal(taken(&store, "user"), 1);
    assert_int_equal(held_by(&store, second.values[0], GOOGLE), WD_HELD_NOT);
    /* unless conflicts are dealt with: the rest is taken */
    second.held.conflicts_pass = true;
    assert_int_equal(run(&store, &second.op), WD_OK);
    assert_int_equal(second.values[1].held, WD_HELD_OTHER);
    assert_int_equal(held_by(&store, second.values[0], GOOGLE), WD_HELD_SAME);
    assert_int_equal(held_by(&store, second.values[1], OPENAI), WD_HELD_SAME);
    assert_int_equal(taken(&store, "user"), 2);
    /* a limit without room: no value is taken */
    request(&second, GOOGLE, ANN, 3);
    second.claims[1] = claim("provider", 1);
    second.values[0] = holding("value", 8);
    second.held.value_count = 1;
    assert_int_equal(run(&store, &second.op), WD_ERR_DENIED);
    assert_int_equal(second.op.why, WD_WHY_LIMIT);
    assert_int_equal(second.op.which, 1);
    assert_int_equal(held_by(&store, second.values[0], GOOGLE), WD_HELD_NOT);
    assert_int_equal(taken(&store, "user"), 2);
    /* limits alone */
    second.held.value_count = 0;
    assert_int_equal(run(&store, &second.op), WD_ERR_DENIED);
    assert_int_equal(second.op.why, WD_WHY_LIMIT);
    assert_int_equal(second.op.which, 1);
    second.held.claim_count = 1;
    assert_int_equal(run(&store, &second.op), WD_OK);
    second.held.claim_count = 0;
    assert_int_equal(run(&store, &second.op), WD_OK);
    assert_int_equal(taken(&store, "user"), 3);
    stores_drop(&store, &s);
}

static void
F23_settle_gives_back_what_this_request_took(void **state)
{
    struct wd_store store;
    struct scratch s;
    struct request r, same;

    stores_make(&store, &s);
    assert_int_equal(run(&store, request(&r, OPENAI, ANN, 1)), WD_OK);
    r.op.kind = WD_STORE_SETTLE;
    r.op.give_back = true;
    assert_int_equal(run(&store, &r.op), WD_OK);
    assert_int_equal(taken(&store, "user"), 0);
    assert_int_equal(held_by(&store, r.values[0], GOOGLE), WD_HELD_NOT);
    /* two at once: what the second has sent stays */
    assert_int_equal(run(&store, request(&r, OPENAI, ANN, 2)), WD_OK);
    assert_int_equal(run(&store, request(&same, OPENAI, ANN, 3)), WD_OK);
    r.op.kind = same.op.kind = WD_STORE_SETTLE;
    r.op.give_back = true;
    assert_int_equal(run(&store, &r.op), WD_OK);
    assert_int_equal(taken(&store, "user"), 1);
    assert_int_equal(held_by(&store, r.values[0], GOOGLE), WD_HELD_OTHER);
    assert_int_equal(run(&store, &same.op), WD_OK);
    assert_int_equal(taken(&store, "user"), 1);
    assert_int_equal(held_by(&store, r.values[1], GOOGLE), WD_HELD_OTHER);
    stores_drop(&store, &s);
}

static void
settle_leaves_what_was_shown(void **state)
{
    struct wd_store store;
    struct scratch s;
    struct request r;

    stores_make(&store, &s);
    assert_int_equal(run(&store, request(&r, OPENAI, ANN, 1)), WD_OK);
    r.op.kind = WD_STORE_SETTLE;
    r.op.give_back = r.op.shown = true;
    assert_int_equal(run(&store, &r.op), WD_OK);
    assert_int_equal(taken(&store, "user"), 0);
    assert_int_equal(held_by(&store, r.values[0], GOOGLE), WD_HELD_OTHER);
    stores_drop(&store, &s);
}

static void
F39_references_are_those_of_whom_they_were_issued_to(void **state)
{
    struct wd_store store;
    struct scratch s;
    struct request r;

    stores_make(&store, &s);
    request(&r, OPENAI, ANN, 1);
    r.held.ref_count = 1;
    assert_int_equal(run(&store, &r.op), WD_ERR_DENIED);
    assert_int_equal(r.op.why, WD_WHY_REFERENCE);
    assert_int_equal(taken(&store, "user"), 0);
    assert_int_equal(held_by(&store, r.values[0], GOOGLE), WD_HELD_NOT);
    r.op.kind = WD_STORE_ISSUE;
    assert_int_equal(run(&store, &r.op), WD_OK);
    assert_int_equal(held_by(&store, r.values[0], GOOGLE), WD_HELD_NOT);
    request(&r, OPENAI, BOB, 2);
    r.held.ref_count = 1;
    assert_int_equal(run(&store, &r.op), WD_ERR_DENIED);
    assert_int_equal(r.op.why, WD_WHY_REFERENCE);
    request(&r, OPENAI, ANN, 3);
    r.held.ref_count = 1;
    assert_int_equal(run(&store, &r.op), WD_OK);
    /* another's issue of the same name changes nothing */
    request(&r, OPENAI, BOB, 4);
    r.held.ref_count = 1;
    r.op.kind = WD_STORE_ISSUE;
    assert_int_equal(run(&store, &r.op), WD_OK);
    assert_int_equal(held_by(&store, r.refs[0], ANN), WD_HELD_SAME);
    stores_drop(&store, &s);
}

static void
a_full_ledger_gives_the_limits_back(void **state)
{
    struct wd_store store;
    struct scratch s;
    struct request r;

    stores_make(&store, &s);
    for (uint32_t n = 0; n < 4999; n++) {
        struct wd_holding h = holding("filler", n);
        assert_int_equal(wd_ledger_begin(store.ledger, WALL / SECOND), WD_OK);
        assert_int_equal(wd_ledger_take(store.ledger, &h, 1, OPENAI, 3600, 1), WD_OK);
        wd_ledger_end(store.ledger);
    }
    assert_int_equal(run(&store, request(&r, OPENAI, ANN, 1)), WD_ERR_FULL);
    assert_int_equal(taken(&store, "user"), 0);
    assert_int_equal(held_by(&store, r.values[0], GOOGLE), WD_HELD_NOT);
    r.held.value_count = 1;
    assert_int_equal(run(&store, &r.op), WD_OK);
    assert_int_equal(taken(&store, "user"), 1);
    stores_drop(&store, &s);
}

static void
stores_that_cannot_be_opened_let_nothing_through(void **state)
{
    struct wd_store store, without = { 0 };
    struct scratch s;
    struct request r;

    stores_make(&store, &s);
    struct wd_store_op op = { .kind = WD_STORE_ARRIVE, .has_digest = true, .failed = claim("failed", 2) };
    assert_int_equal(run(&without, &op), WD_ERR_IO);
    without.limits = store.limits;
    assert_int_equal(run(&without, &op), WD_ERR_IO);
    assert_int_equal(run(&without, request(&r, OPENAI, ANN, 1)), WD_ERR_IO);
    assert_int_equal(taken(&store, "user"), 0);
    r.op.kind = WD_STORE_SETTLE;
    r.op.give_back = true;
    assert_int_equal(run(&without, &r.op), WD_OK);
    r.op.kind = WD_STORE_ISSUE;
    assert_int_equal(run(&without, &r.op), WD_ERR_IO);
    without = (struct wd_store){ .ledger = store.ledger };
    assert_int_equal(run(&without, request(&r, OPENAI, ANN, 1)), WD_ERR_IO);
    assert_int_equal(held_by(&store, r.values[0], GOOGLE), WD_HELD_NOT);
    /* cut under the gateway */
    assert_int_equal(truncate(scratch_path(&s, "ledger.map"), 100000), 0);
    assert_int_equal(run(&store, request(&r, OPENAI, ANN, 1)), WD_ERR_CORRUPT);
    assert_int_equal(taken(&store, "user"), 0);
    stores_drop(&store, &s);
}

/* --- many at once --- */

#define RACES 2000
#define RACERS 4

struct board {
    uint32_t at[RACES]; /* how many have come to it: they go on together */
    uint32_t passed[RACES], denied[RACES];
    uint64_t to[RACES];
};

static void
racer(struct scratch *s, struct board *board, uint32_t me, bool limits)
{
    struct wd_store store;
    struct request r;
    char name[16];

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    stores_open(&store, s);
    for (uint32_t n = 0; n < RACES; n++) {
        request(&r, me % 2 == 0 ? OPENAI : GOOGLE, ANN, n * RACERS + me + 1);
        snprintf(name, sizeof(name), "user %u", n);
        r.claims[0] = claim(name, limits ? 1 : 1000);
        r.values[0] = holding("raced", n);
        r.held.value_count = 1;
        __atomic_fetch_add(&board->at[n], 1, __ATOMIC_SEQ_CST);
        while (__atomic_load_n(&board->at[n], __ATOMIC_SEQ_CST) < RACERS)
            sched_yield();
        wd_store_run(&store, &r.op, WALL, MONO);
        if (r.op.err == WD_OK) {
            __atomic_fetch_add(&board->passed[n], 1, __ATOMIC_SEQ_CST);
            __atomic_fetch_or(&board->to[n], r.held.provider, __ATOMIC_SEQ_CST);
        } else if (r.op.err == WD_ERR_DENIED && (r.op.why == WD_WHY_VALUE || (limits && r.op.why == WD_WHY_LIMIT))) {
            __atomic_fetch_add(&board->denied[n], 1, __ATOMIC_SEQ_CST);
        } else {
            _exit(2);
        }
    }
    _exit(0);
}

/* One user's value towards two providers, by four processes at the same moment. */
static void
race(bool limits)
{
    struct board *board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct wd_store store;
    struct scratch s;
    uint64_t passed = 0;
    char name[16];
    int status;

    assert_true(board != MAP_FAILED);
    stores_make(&store, &s);
    wd_tokens_close(store.tokens);
    wd_limits_close(store.limits);
    wd_ledger_close(store.ledger);
    for (uint32_t i = 0; i < RACERS; i++)
        if (fork() == 0)
            racer(&s, board, i, limits);
    for (uint32_t i = 0; i < RACERS; i++) {
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    stores_open(&store, &s);
    for (uint32_t n = 0; n < RACES; n++) {
        assert_int_equal(board->passed[n], limits ? 1 : 2); /* both of one provider, none of the other */
        assert_int_equal(board->denied[n], RACERS - board->passed[n]);
        assert_true(board->to[n] == OPENAI || board->to[n] == GOOGLE);
        assert_int_equal(held_by(&store, holding("raced", n), board->to[n]), WD_HELD_SAME);
        snprintf(name, sizeof(name), "user %u", n);
        assert_int_equal(taken(&store, name), board->passed[n]);
        passed += board->passed[n];
    }
    assert_int_equal(taken(&store, "provider"), passed);
    stores_drop(&store, &s);
    munmap(board, sizeof(*board));
}

static void
F21_texts_read_before_a_value_was_named_are_read_again(void **state)
{
    struct wd_claim claims[] = { claim("stale", 1000000) };
    struct wd_holding values[] = { holding("named", 1) }, other[] = { holding("value", 2) };
    struct wd_reservation r = { .values = values, .value_count = 1, .provider = OPENAI, .keep_s = 60, .nonce = 1 };
    struct wd_store_op op = { .kind = WD_STORE_RESERVE, .held = &r, .filter_version = UINT64_MAX };
    struct wd_store store;
    struct scratch s;

    stores_make(&store, &s);
    uint64_t before = wd_ledger_filter(store.ledger)->version;
    values[0].words = 2;
    values[0].first = 77;
    assert_int_equal(run(&store, &op), WD_OK);
    assert_int_not_equal(wd_ledger_filter(store.ledger)->version, before);
    /* with a value, and without any: nothing is taken */
    r = (struct wd_reservation){ .claims = claims, .claim_count = 1, .provider = GOOGLE, .keep_s = 60, .nonce = 2 };
    for (size_t n = 0; n < 2; n++) {
        r.values = other;
        r.value_count = n;
        op.filter_version = before;
        assert_int_equal(run(&store, &op), WD_ERR_DENIED);
        assert_int_equal(op.why, WD_WHY_STALE);
        assert_int_equal(taken(&store, "stale"), 0);
        assert_int_equal(held_by(&store, other[0], GOOGLE), WD_HELD_NOT);
    }
    op.filter_version = wd_ledger_filter(store.ledger)->version;
    assert_int_equal(run(&store, &op), WD_OK);
    assert_int_equal(taken(&store, "stale"), 1);
    stores_drop(&store, &s);
}

static void
F21_one_of_two_providers_gets_a_value(void **state)
{
    race(false);
}

static void
F21_with_a_limit_of_one_exactly_one_passes_and_is_counted(void **state)
{
    race(true);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(F32_arrive_counts_addresses_and_bad_tokens),
        cmocka_unit_test(F21_reserve_takes_all_or_nothing),
        cmocka_unit_test(F23_settle_gives_back_what_this_request_took),
        cmocka_unit_test(settle_leaves_what_was_shown),
        cmocka_unit_test(F39_references_are_those_of_whom_they_were_issued_to),
        cmocka_unit_test(a_full_ledger_gives_the_limits_back),
        cmocka_unit_test(stores_that_cannot_be_opened_let_nothing_through),
        cmocka_unit_test(F21_texts_read_before_a_value_was_named_are_read_again),
        cmocka_unit_test(F21_one_of_two_providers_gets_a_value),
        cmocka_unit_test(F21_with_a_limit_of_one_exactly_one_passes_and_is_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
