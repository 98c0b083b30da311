#ifndef TEST_GATE_BENCH_H
#define TEST_GATE_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../store/scratch.h"
#include "gate/inner.h"
#include "store/rule_cache.h"
#include "policy/load.h"
#include "store/install.h"

/* A gate with real stores in a folder of its own, one user with a token, and a policy that the test names. */
struct bench {
    struct scratch dir;
    struct wd_policy *policy;
    struct wd_engine *engine;
    struct wd_gate gate;
    struct wd_secret *keys[1];
    char token[48];
    uint64_t mono_us;
    struct wd_reservation *held;          /* of the last exchange */
    const char *sensitive, *conversation; /* headers of the next requests; NULL: none */
    uint32_t nonce;
};

#define BENCH_KEY "sk-proj-TheGatewaysOwnKey0123456789abcdef"
static char *
bench_getenv(const char *name)
{
    (void)name;
    return NULL;
}

static inline void
bench_open(struct bench *b, const char *policy)
{
    struct wd_principal who = { .user = "alice", .role = "dev" };
    struct wd_policy_error error = { "" };
    uint8_t random[32] = { 7 };
    char id[17];

    memset(b, 0, sizeof(*b));
    scratch_make(&b->dir);
    if (wd_policy_parse(&b->policy, wd_span_str(policy), "test.yaml", b->dir.dir, bench_getenv, &error) != WD_OK)
        fail_msg("%s", error.text);
    assert_int_equal(wd_rule_cache_open(&b->engine, NULL, getenv("WARDER_BUILD")), WD_OK);
    assert_int_equal(wd_secret_new(&b->keys[0], WD_SPAN(BENCH_KEY)), WD_OK);
    b->mono_us = 5000000;
    b->gate.policy = b->policy;
    b->gate.engine = b->engine;
    b->gate.keys = (const struct wd_secret *const *)b->keys;
    b->gate.key_count = 1;
    assert_int_equal(wd_scratch_new(&b->gate.scratch, b->engine), WD_OK);
    assert_int_equal(wd_tokens_open(&b->gate.store.tokens, b->dir.dir, false), WD_OK);
    assert_int_equal(wd_tokens_create(b->gate.store.tokens, random, &who, b->token, id), WD_OK);
    assert_int_equal(wd_limits_prepare(scratch_path(&b->dir, "limits.map"), 1 << 20, 1700000000000000, b->mono_us), WD_OK);
    assert_int_equal(wd_limits_open(&b->gate.store.limits, scratch_path(&b->dir, "limits.map"), 1 << 20), WD_OK);
    assert_int_equal(wd_ledger_prepare(scratch_path(&b->dir, "ledger.map"), 100000, 1700000000), WD_OK);
    assert_int_equal(wd_ledger_open(&b->gate.store.ledger, scratch_path(&b->dir, "ledger.map"), 100000), WD_OK);
    b->gate.filter = wd_ledger_filter(b->gate.store.ledger);
}

static inline void
bench_close(struct bench *b)
{
    free(b->held);
    wd_ledger_close(b->gate.store.ledger);
    wd_limits_close(b->gate.store.limits);
    wd_tokens_close(b->gate.store.tokens);
    wd_scratch_free(b->gate.scratch);
    wd_engine_free(b->engine);
    wd_secret_free(b->keys[0]);
    wd_policy_free(b->policy);
    scratch_drop(&b->dir);
}

/* Steps on while the store is asked. */
static inline enum wd_step
bench_step(struct bench *b, struct wd_exchange *ex, const struct wd_arrival *arrival, struct wd_store_op *op, enum wd_step step)
{
    while (step == WD_STEP_ASK) {
        wd_store_run(&b->gate.store, op, ex->began.wall_us, b->mono_us);
        step = op->kind == WD_STORE_ARRIVE ? wd_inner_arrived(&b->gate, ex, arrival, op) : wd_inner_reserved(&b->gate, ex, op);
    }
    b->held = ex->held;
    return step;
}

/* One request through the whole inner gate; sent receives what would go to the provider. */
static inline enum wd_code
bench_send(struct bench *b, struct wd_exchange *ex, const char *method, const char *path, const char *body, struct wd_buf *sent)
{
    struct wd_now now = { 1700000000000000, b->mono_us };
    struct wd_arrival arrival = {
        .method = wd_span_str(method), .path = wd_span_str(path), .token = wd_span_str(b->token), .has_body = body != NULL
    };
    struct wd_store_op op;
    struct wd_arena arena;
    enum wd_step step;
    bool changed;

    if (b->sensitive != NULL)
        arrival.sensitive = wd_span_str(b->sensitive);
    if (b->conversation != NULL)
        arrival.conversation = wd_span_str(b->conversation);
    free(b->held);
    b->held = NULL;
    memset(ex, 0, sizeof(*ex));
    snprintf(ex->address, sizeof(ex->address), "192.0.2.1");
    snprintf(ex->request_id, sizeof(ex->request_id), "test");
    ex->began = now;
    ex->nonce = ++b->nonce;
    step = bench_step(b, ex, &arrival, &op, wd_inner_arrive(&b->gate, ex, &arrival, &op));
    if (step != WD_STEP_GO || body == NULL)
        return ex->code;
    wd_arena_init(&arena, 64 << 20);
    do {
        wd_buf_clear(sent);
        step = wd_inner_body(&b->gate, ex, wd_span_str(body), &arena, sent, &changed, &op);
        step = bench_step(b, ex, &arrival, &op, step);
        if (step == WD_STEP_GO && !changed)
            assert_int_equal(wd_buf_add_str(sent, body), WD_OK);
        wd_arena_reset(&arena);
    } while (step == WD_STEP_AGAIN);
    wd_arena_deinit(&arena);
    assert_int_equal(step == WD_STEP_GO, ex->code == WD_CODE_NONE);
    return ex->code;
}

#endif
