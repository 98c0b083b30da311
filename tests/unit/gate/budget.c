#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gate/budget.h"

static struct wd_policy policy = { .max_tokens_max = 4096, .input_validation = true, .rate_limiting = true };

static struct wd_budget
estimate(const char *body, enum wd_op op, const char *path_model)
{
    struct wd_route route = { .op = op, .model = wd_span_str(path_model) };
    struct wd_budget b = { 0 };
    struct wd_problem problem;
    struct wd_request rq;
    struct wd_arena arena;

    wd_arena_init(&arena, 1 << 24);
    if (!wd_request_read(&rq, &route, wd_span_str(body), &arena, &problem))
        fail_msg("%s: %s", body, problem.message);
    wd_budget_estimate(&policy, op, &rq, &b);
    wd_arena_deinit(&arena);
    return b;
}

#define CHAT(more) "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]" more "}"

static void
test_output(void **state)
{
    static const struct {
        enum wd_op op;
        const char *body, *model;
        uint64_t out;
        bool bounded;
    } cases[] = {
        { WD_OP_CHAT, CHAT(""), "", 4096, false },
        { WD_OP_CHAT, CHAT(",\"max_tokens\":10"), "", 10, true },
        { WD_OP_CHAT, CHAT(",\"max_tokens\":0"), "", 0, true },
        { WD_OP_CHAT, CHAT(",\"max_tokens\":10,\"max_completion_tokens\":20"), "", 20, true },
        { WD_OP_CHAT, CHAT(",\"max_tokens\":100000"), "", 4096, true }, /* is clamped */
        { WD_OP_CHAT, CHAT(",\"max_tokens\":10,\"n\":3"), "", 30, true },
        { WD_OP_CHAT, CHAT(",\"n\":3"), "", 12288, false },
        { WD_OP_CHAT, CHAT(",\"n\":0"), "", 4096, false },
        { WD_OP_CHAT, CHAT(",\"n\":null"), "", 4096, false },
        { WD_OP_CHAT, CHAT(",\"max_tokens\":2147483647,\"n\":2147483647"), "", UINT64_C(4096) * 2147483647, true },
        { WD_OP_RESPONSES, "{\"model\":\"m\",\"input\":\"Hi\",\"max_output_tokens\":7}", "", 7, true },
        { WD_OP_MESSAGES, "{\"model\":\"m\",\"max_tokens\":8,\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}", "", 8,
          true },
        { WD_OP_GENERATE, "{\"contents\":[{\"parts\":[{\"text\":\"a\"}]}],\"generationConfig\":{\"candidateCount\":4}}", "g",
          16384, false },
        { WD_OP_STREAM_GENERATE,
          "{\"contents\":[{\"parts\":[{\"text\":\"a\"}]}],\"generation_config\":{\"candidate_count\":4,\"max_output_tokens\":5}}",
          "g", 20, true },
        { WD_OP_EMBEDDINGS, "{\"model\":\"m\",\"input\":[\"a\",\"b\"]}", "", 0, false },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wd_budget b = estimate(cases[i].body, cases[i].op, cases[i].model);

        print_message("%s\n", cases[i].body);
        assert_int_equal(b.out, cases[i].out);
        assert_int_equal(b.bounded, cases[i].bounded);
        assert_true(b.in > 8);
    }
}

static void
test_input(void **state)
{
    static const char start[] = "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"";
    static char body[70000];
    uint64_t small = estimate(CHAT(""), WD_OP_CHAT, "").in, large;

    assert_true(small > 15 && small < 50);
    memcpy(body, start, sizeof(start));
    memset(body + sizeof(start) - 1, 'x', 60000);
    strcpy(body + sizeof(start) - 1 + 60000, "\"}]}");
    large = estimate(body, WD_OP_CHAT, "").in;
    assert_true(large > 20000 && large < 20050);

    /* an attachment by a constant, however large its base64 is; tools and schemas are text too */
    assert_true(
        estimate("{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":"
                 "\"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAAB"
                 "JRU5ErkJggg==\"}}]}]}",
                 WD_OP_CHAT, "")
                .in -
            1600 <
        150);
    assert_true(estimate(CHAT(",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"search\",\"description\":\"looks for "
                              "documents in the shelf of the library\",\"parameters\":{\"type\":\"object\"}}}]"),
                         WD_OP_CHAT, "")
                    .in > small + 40);
    assert_int_equal(
        estimate("{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}", WD_OP_MESSAGES_COUNT, "").in, 0);
}

static void
test_cost(void **state)
{
    static const struct {
        uint64_t price_in, price_out, in, out, cost;
    } cases[] = {
        { 2500000, 10000000, 1000, 100, 3500 },
        { 2500000, 10000000, 0, 0, 0 },
        { 1, 0, 1, 0, 1 },       /* rounded up, never to nothing */
        { 1, 0, 1000000, 0, 1 }, /* a millionth of a dollar a million */
        { 1, 0, 1000001, 0, 2 }, /* exactly */
        { 100001, 100001, 5000000, 5000000, 1000010 },
        { 0, 0, UINT64_MAX, UINT64_MAX, 0 },
        { UINT64_C(1000000000000), UINT64_C(1000000000000), 1000000000, 1000000000, UINT64_C(2000000000000000) },
        { UINT64_C(1000000000000), UINT64_C(1000000000000), UINT64_MAX, UINT64_MAX, UINT64_C(1) << 56 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wd_model price = { .price_in = cases[i].price_in, .price_out = cases[i].price_out };

        assert_int_equal(wd_budget_cost(&price, cases[i].in, cases[i].out), cases[i].cost);
    }
    assert_int_equal(wd_budget_cost(NULL, 5, 5), 0);
}

/* --- an exchange that has reserved --- */

static struct wd_model model = { .price_in = 1000000, .price_out = 2000000 };

/* A request limit, and limits of 10,000 tokens and 20,000 micro-dollars. */
static void
reserve(struct wd_exchange *ex, uint64_t in, uint64_t out)
{
    static const struct wd_limit limits[] = { { 5, 60, WD_UNIT_REQUESTS },
                                              { 10000, 60, WD_UNIT_TOKENS },
                                              { 20000, 60, WD_UNIT_MICRO_USD } };

    *ex =
        (struct wd_exchange){ .route = { .op = WD_OP_CHAT }, .taken = true, .budget = { .in = in, .out = out, .price = &model } };
    assert_non_null(wd_exchange_hold(ex, 3, 0, 0));
    for (size_t i = 0; i < 3; i++) {
        ex->held->claims[i].limit = limits[i];
        ex->held->claims[i].scope = "role";
        ex->held->claims[i].key[0] = (uint8_t)i;
        ex->held->claims[i].taken_us = 1;
    }
    ex->held->claims[1].amount = in + out;
    ex->held->claims[2].amount = wd_budget_cost(&model, in, out);
    ex->held->claim_count = ex->budget.claims = 3;
    ex->budget.chunk = 2;
}

static void
test_settle(void **state)
{
#define KNOWN(in, out)                                                                                                           \
    {                                                                                                                            \
        true, true, true, in, out                                                                                                \
    }
    static const struct {
        const char *title;
        struct wd_usage usage;
        struct wd_budget_end end;
        uint64_t in, out;
    } cases[] = {
        { "what is reported", KNOWN(50, 60), { 200, true, false, 0 }, 50, 60 },
        { "less than the text looks like, when it is whole", KNOWN(50, 60), { 200, true, true, 9000 }, 50, 60 },
        { "more than was reserved", KNOWN(5000, 6000), { 200, true, false, 0 }, 5000, 6000 },
        { "F27: a cut stream, by its text", { 0 }, { 200, false, true, 301 }, 100, 101 },
        { "F27: a cut stream that has reported a beginning", KNOWN(40, 1), { 200, false, true, 301 }, 40, 101 },
        { "F27: a cut stream that has reported more than its text", KNOWN(40, 500), { 200, false, true, 301 }, 40, 500 },
        { "nothing reported", { 0 }, { 200, true, false, 30 }, 100, 10 },
        { "input alone reported", { true, true, false, 7, 0 }, { 200, true, true, 30 }, 7, 10 },
        { "not to be believed", KNOWN(WD_TOKENS_MAX + 1, WD_TOKENS_MAX + 1), { 200, true, false, 30 }, 100, 10 },
        { "an error of the provider", { 0 }, { 429, true, false, 300 }, 0, 0 },
        { "an error that tells what it used", KNOWN(5, 6), { 500, true, false, 300 }, 5, 6 },
        { "an answer that could not be read", { 0 }, { 200, false, false, 0 }, 100, 1000 },
        { "F27: nobody waited for the answer", { 0 }, { 0, false, false, 0 }, 100, 1000 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wd_store_op op;
        struct wd_exchange ex;

        print_message("%s\n", cases[i].title);
        reserve(&ex, 100, 1000);
        ex.usage = cases[i].usage;
        assert_true(wd_budget_settle(&ex, &cases[i].end, &op));
        assert_int_equal(op.kind, WD_STORE_SETTLE);
        assert_false(op.give_back);
        assert_int_equal(ex.held->claims[1].used, cases[i].in + cases[i].out);
        assert_int_equal(ex.held->claims[2].used, cases[i].in + 2 * cases[i].out);
        assert_int_equal(ex.budget.cost, cases[i].in + 2 * cases[i].out);
        assert_false(wd_budget_settle(&ex, &cases[i].end, &op)); /* once */
        wd_exchange_release(&ex);
    }
}

/* The store's answer to what a stream asks for. */
static void
answer(struct wd_exchange *ex, struct wd_store_op *op, enum wd_err err, uint64_t remaining)
{
    op->err = err;
    op->why = err == WD_ERR_DENIED ? WD_WHY_LIMIT : WD_WHY_NONE;
    op->which = 0;
    for (size_t i = 0; i < op->held->claim_count; i++) {
        op->held->claims[i].remaining = op->held->claims[i].limit.unit == WD_UNIT_TOKENS ? remaining : 1000000;
        op->held->claims[i].taken_us = err == WD_OK ? 2 : 0;
    }
    wd_budget_answered(ex, op);
}

static void
F25_test_a_stream_takes_more(void **state)
{
    struct wd_budget_end end = { 200, true, true, 0 };
    struct wd_store_op op;
    struct wd_exchange ex;

    reserve(&ex, 100, 1000);
    assert_false(wd_budget_more(&ex, 4003, &op)); /* four bytes a token */
    assert_true(wd_budget_more(&ex, 4004, &op));
    assert_int_equal(op.kind, WD_STORE_RESERVE);
    assert_ptr_not_equal(op.held, ex.held);
    assert_int_equal(op.held->claim_count, 2);
    assert_int_equal(op.held->claims[0].amount, 512);
    assert_int_equal(op.held->claims[1].amount, 1024);
    assert_memory_equal(op.held->claims[0].key, ex.held->claims[1].key, 16);
    answer(&ex, &op, WD_OK, 5000);
    assert_int_equal(ex.budget.stop, WD_CODE_NONE);
    assert_int_equal(ex.held->claim_count, 5);
    assert_false(wd_budget_more(&ex, 4 * 1512, &op));
    /* as much as is missing, when that is more */
    assert_true(wd_budget_more(&ex, 4 * 4000, &op));
    assert_int_equal(op.held->claims[0].amount, 4000 - 1512);
    answer(&ex, &op, WD_OK, 5000);
    assert_int_equal(ex.held->claim_count, 7);
    /* no room for a chunk, but for what is missing */
    assert_true(wd_budget_more(&ex, 4 * 4001, &op));
    assert_int_equal(op.held->claims[0].amount, 1000);
    answer(&ex, &op, WD_ERR_DENIED, 300);
    assert_int_equal(ex.budget.stop, WD_CODE_NONE);
    assert_true(wd_budget_more(&ex, 4 * 4001, &op));
    assert_int_equal(op.held->claims[0].amount, 300);
    answer(&ex, &op, WD_OK, 0);
    assert_false(wd_budget_more(&ex, 4 * 4300, &op));
    /* and in the end none */
    assert_true(wd_budget_more(&ex, 4 * 4301, &op));
    answer(&ex, &op, WD_ERR_DENIED, 0);
    assert_int_equal(ex.budget.stop, WD_CODE_BUDGET_EXCEEDED);
    assert_non_null(strstr(ex.message, "scope: role): 10000 tokens in 60 s"));
    assert_false(wd_budget_more(&ex, 4 * 5000, &op));

    /* settled over all that was taken, the oldest first; what is more than all of it is the last one's debt */
    ex.usage = (struct wd_usage){ true, true, true, 90, 1500 };
    assert_true(wd_budget_settle(&ex, &end, &op));
    assert_int_equal(ex.held->claims[1].used, 1100);
    assert_int_equal(ex.held->claims[3].used, 490);
    assert_int_equal(ex.held->claims[5].used, 0);
    assert_int_equal(ex.held->claims[7].used, 0);
    assert_int_equal(ex.held->claims[2].used + ex.held->claims[4].used, 90 + 3000);
    ex.taken = true;
    ex.usage = (struct wd_usage){ true, true, true, 100, 9000 };
    assert_true(wd_budget_settle(&ex, &end, &op));
    assert_int_equal(ex.held->claims[1].used, 1100);
    assert_int_equal(ex.held->claims[5].used, 2488);
    assert_int_equal(ex.held->claims[7].used, 9100 - 1100 - 512 - 2488);
    wd_exchange_release(&ex);
}

static void
F25_test_a_bound_of_its_own_is_the_providers_to_keep(void **state)
{
    struct wd_store_op op;
    struct wd_exchange ex;

    reserve(&ex, 100, 1000);
    ex.budget.bounded = true;
    assert_false(wd_budget_more(&ex, 8007, &op));
    assert_true(wd_budget_more(&ex, 8008, &op));
    answer(&ex, &op, WD_ERR_IO, 0); /* the store fails: closed */
    assert_int_equal(ex.budget.stop, WD_CODE_STORE_UNAVAILABLE);
    wd_exchange_release(&ex);

    reserve(&ex, 100, 1000);
    ex.budget.chunk = 0; /* no limit of tokens or money */
    assert_false(wd_budget_more(&ex, UINT64_MAX, &op));
    wd_exchange_release(&ex);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_output),
        cmocka_unit_test(test_input),
        cmocka_unit_test(test_cost),
        cmocka_unit_test(test_settle),
        cmocka_unit_test(F25_test_a_stream_takes_more),
        cmocka_unit_test(F25_test_a_bound_of_its_own_is_the_providers_to_keep),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
