#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../../nginx/ngx_http_warder_module.h"
#include "../../../nginx/ngx_http_warder_redis_priv.h"

/*
 * The pipeline of the store's connection, with a socket, a clock and timers of the test's own: order, calls that are forgotten or
 * run out of time, bounds, and what is written when.
 */

/* what nginx would bring */
volatile ngx_msec_t ngx_current_msec;
ngx_queue_t ngx_posted_events;
ngx_rbtree_t ngx_event_timer_rbtree;
ngx_uint_t ngx_exiting;
ngx_pid_t ngx_pid;
ngx_http_warder_worker_t ngx_http_warder_worker;

void
ngx_rbtree_insert(ngx_rbtree_t *tree, ngx_rbtree_node_t *node)
{
}

void
ngx_rbtree_delete(ngx_rbtree_t *tree, ngx_rbtree_node_t *node)
{
}

void
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err, const char *fmt, ...)
{
}

ngx_int_t
ngx_handle_read_event(ngx_event_t *rev, ngx_uint_t flags)
{
    return NGX_OK;
}

ngx_int_t
ngx_handle_write_event(ngx_event_t *wev, size_t lowat)
{
    return NGX_OK;
}

void
ngx_http_warder_metrics_store(ngx_http_warder_metrics_t *m, ngx_uint_t state)
{
}

/* the socket: what was written, what is there to be read */
static ngx_connection_t conn;
static ngx_event_t conn_read, conn_write;
static struct wd_buf wrote, arrives;
static unsigned writes;
static size_t room = SIZE_MAX; /* of the socket */

static ssize_t
conn_recv(ngx_connection_t *c, u_char *buf, size_t size)
{
    size_t n = arrives.len < size ? arrives.len : size;

    if (n == 0) {
        c->read->ready = 0;
        return NGX_AGAIN;
    }
    memcpy(buf, arrives.ptr, n);
    wd_buf_drop(&arrives, n);
    return (ssize_t)n;
}

static ssize_t
conn_send(ngx_connection_t *c, u_char *buf, size_t size)
{
    size_t n = size < room ? size : room;

    if (n == 0)
        return NGX_AGAIN;
    writes++;
    room -= room == SIZE_MAX ? 0 : n;
    assert_int_equal(wd_buf_add(&wrote, wd_span((char *)buf, n)), WD_OK);
    return (ssize_t)n;
}

/* the way to a connection: made at once */
ngx_int_t
ngx_http_warder_redis_open_init(ngx_cycle_t *cycle)
{
    ngx_http_warder_redis.deadline.log = cycle->log;
    return NGX_OK;
}

void
ngx_http_warder_redis_open(ngx_event_t *ev)
{
    ngx_http_warder_redis_t *l = &ngx_http_warder_redis;

    memset(&conn_read, 0, sizeof(conn_read));
    memset(&conn_write, 0, sizeof(conn_write));
    conn = (ngx_connection_t){ .read = &conn_read, .write = &conn_write, .recv = conn_recv, .send = conn_send };
    conn_read.data = conn_write.data = &conn;
    wd_buf_clear(&wrote);
    wd_buf_clear(&arrives);
    room = SIZE_MAX;
    l->c = &conn;
    assert_int_equal(wd_redis_reader_init(&l->reader), WD_OK);
    ngx_add_timer(&l->deadline, 1000);
    ngx_http_warder_redis_greet();
}

void
ngx_http_warder_redis_close(void)
{
    ngx_http_warder_redis_t *l = &ngx_http_warder_redis;

    l->generation++;
    l->c = NULL;
    if (l->deadline.timer_set)
        ngx_del_timer(&l->deadline);
    if (l->beat.timer_set)
        ngx_del_timer(&l->beat);
    wd_redis_reader_deinit(&l->reader);
    wd_buf_clear(&l->out);
    l->out_sent = 0;
}

/* one turn of the event loop, ms later */
static void
turn(ngx_msec_t ms)
{
    ngx_http_warder_redis_t *l = &ngx_http_warder_redis;
    ngx_event_t *const timers[] = { &l->expiry, &l->retry, &l->beat };

    ngx_current_msec += ms;
    if (l->c != NULL && arrives.len > 0) {
        conn_read.ready = 1;
        conn_read.handler(&conn_read);
    }
    for (size_t i = 0; i < sizeof(timers) / sizeof(timers[0]); i++)
        if (timers[i]->timer_set && (ngx_msec_int_t)(timers[i]->timer.key - ngx_current_msec) <= 0) {
            timers[i]->timer_set = 0;
            timers[i]->handler(timers[i]);
        }
    ngx_event_t *ev;
    while (!ngx_queue_empty(&ngx_posted_events)) {
        ngx_queue_t *q = ngx_queue_head(&ngx_posted_events);
        ev = ngx_queue_data(q, ngx_event_t, queue);
        ngx_delete_posted_event(ev);
        ev->handler(ev);
    }
}

static void
answer(const char *bytes)
{
    assert_int_equal(wd_buf_add_str(&arrives, bytes), WD_OK);
    turn(0);
}

/* a call of the test: what its handler was told */
struct asked {
    ngx_http_warder_redis_call_t call;
    unsigned times;
    bool null;
    long long integer;
    struct asked *again, *forgets; /* from within the handler */
    bool rejects;
};

static struct wd_span ping;

static void
asked_handler(ngx_http_warder_redis_call_t *call, redisReply *reply)
{
    struct asked *a = call->data;

    assert_false(call->waiting);
    a->times++;
    a->null = reply == NULL;
    if (reply != NULL)
        a->integer = reply->integer;
    if (a->again != NULL && reply != NULL)
        assert_int_equal(ngx_http_warder_redis_send(&a->again->call, ping), NGX_OK);
    if (a->again != NULL && reply == NULL)
        assert_int_equal(ngx_http_warder_redis_send(&a->again->call, ping), NGX_ERROR);
    if (a->forgets != NULL)
        ngx_http_warder_redis_forget(&a->forgets->call);
    if (a->rejects)
        ngx_http_warder_redis_reject(WD_REDIS_REFUSED);
}

static void
ask(struct asked *a, ngx_int_t rc)
{
    a->call.handler = asked_handler;
    a->call.data = a;
    assert_int_equal(ngx_http_warder_redis_send(&a->call, ping), rc);
}

static struct wd_policy policy;
static const char role[] = "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n";

/* Ready, with store_timeout of 100 ms. */
static int
setup(void **state)
{
    static ngx_cycle_t cycle;
    static ngx_log_t log;
    ngx_http_warder_redis_t *l = &ngx_http_warder_redis;
    ngx_http_warder_redis_hook_pt hook = l->hook;

    if (l->c != NULL)
        ngx_http_warder_redis_close();
    wd_buf_deinit(&l->out);
    memset(l, 0, sizeof(*l));
    l->hook = hook;
    ngx_queue_init(&ngx_posted_events);
    wd_buf_init(&wrote, 64 << 20);
    wd_buf_init(&arrives, 64 << 20);
    ping = WD_SPAN("*1\r\n$4\r\nPING\r\n");
    cycle.log = &log;
    policy.store = (struct wd_store_url){ .shared = true, .hosts = { { "127.0.0.1", 6379 } }, .host_count = 1 };
    policy.store_timeout_ms = 100;
    ngx_current_msec = UINT64_MAX - 150; /* goes round within the test */
    assert_int_equal(ngx_http_warder_redis_init(&cycle, &policy, NULL), NGX_OK);
    turn(1);
    assert_int_equal(ngx_http_warder_redis_state(), WD_REDIS_CONNECTING);
    if (hook != NULL)
        return 0;
    answer(role);
    answer(":1\r\n");
    assert_int_equal(ngx_http_warder_redis_state(), WD_REDIS_OK);
    wd_buf_clear(&wrote);
    writes = 0;
    return 0;
}

static int
teardown(void **state)
{
    ngx_http_warder_redis_exit();
    ngx_http_warder_redis_on_connect(NULL);
    wd_buf_deinit(&wrote);
    wd_buf_deinit(&arrives);
    return 0;
}

static void
test_one_write_a_turn_and_replies_in_order(void **state)
{
    struct asked a[100] = { 0 };

    for (unsigned i = 0; i < 100; i++)
        ask(&a[i], NGX_OK);
    assert_int_equal(writes, 0);
    turn(0);
    assert_int_equal(writes, 1);
    assert_int_equal(wrote.len, 100 * ping.len);
    for (unsigned i = 0; i < 100; i++) {
        char reply[16];

        snprintf(reply, sizeof(reply), ":%u\r\n", i);
        assert_int_equal(wd_buf_add_str(&arrives, reply), WD_OK);
    }
    assert_int_equal(a[0].times, 0);
    turn(1);
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(a[i].times, 1);
        assert_int_equal(a[i].integer, i);
    }
}

static void
test_a_call_that_waits_is_not_sent_again(void **state)
{
    struct asked a = { 0 };

    ask(&a, NGX_OK);
    ask(&a, NGX_ERROR);
    answer(":1\r\n");
    ask(&a, NGX_OK);
    answer(":2\r\n");
    assert_int_equal(a.times, 2);
    assert_int_equal(a.integer, 2);
}

static void
test_forgotten_calls_keep_the_order(void **state)
{
    struct asked a = { 0 }, c = { 0 };
    struct asked *b = calloc(1, sizeof(*b));

    assert_non_null(b);
    ask(&a, NGX_OK);
    ask(b, NGX_OK);
    ask(&c, NGX_OK);
    ngx_http_warder_redis_forget(&b->call);
    ngx_http_warder_redis_forget(&b->call);
    free(b); /* the sanitizer looks on */
    answer(":1\r\n:2\r\n:3\r\n");
    assert_int_equal(a.integer, 1);
    assert_int_equal(c.integer, 3);
}

static void
test_late_replies_are_dropped_and_the_connection_stays(void **state)
{
    struct asked a = { 0 }, b = { 0 }, c = { 0 };
    ngx_uint_t generation = ngx_http_warder_redis.generation;

    ask(&a, NGX_OK);
    turn(50);
    ask(&b, NGX_OK);
    turn(49);
    assert_int_equal(a.times, 0);
    turn(1);
    assert_true(a.times == 1 && a.null && b.times == 0);
    assert_int_equal(ngx_http_warder_redis_state(), WD_REDIS_SILENT);
    ask(&c, NGX_ERROR); /* fails at once */
    turn(50);
    assert_true(b.times == 1 && b.null);
    answer(":1\r\n");
    assert_int_equal(ngx_http_warder_redis_state(), WD_REDIS_OK);
    ask(&c, NGX_OK);
    turn(99);
    assert_int_equal(c.times, 0);
    answer(":2\r\n:3\r\n");
    assert_true(a.times == 1 && b.times == 1 && c.times == 1 && c.integer == 3);
    assert_int_equal(ngx_http_warder_redis.generation, generation);
}

static void
test_time_after_a_stall_is_as_before(void **state)
{
    struct asked a = { 0 }, b = { 0 };

    ask(&a, NGX_OK);
    turn(100);
    assert_true(a.null);
    answer(":1\r\n");
    ask(&b, NGX_OK);
    turn(100);
    assert_true(b.times == 1 && b.null);
}

static void
test_time_while_an_older_reply_is_missing(void **state)
{
    struct asked a = { 0 }, b = { 0 }, c = { 0 };

    ask(&a, NGX_OK);
    ask(&b, NGX_OK);
    turn(100);
    assert_true(a.null && b.null);
    turn(50);
    answer(":1\r\n");
    ask(&c, NGX_OK);
    turn(100);
    assert_true(c.times == 1 && c.null);
}

static void
test_time_is_each_call_s_own(void **state)
{
    struct asked a = { 0 }, b = { 0 };

    ask(&a, NGX_OK);
    turn(50);
    answer(":1\r\n");
    turn(10);
    ask(&b, NGX_OK);
    turn(45);
    assert_int_equal(ngx_http_warder_redis_state(), WD_REDIS_OK);
    turn(54);
    assert_int_equal(b.times, 0);
    turn(1);
    assert_true(b.times == 1 && b.null);
}

static void
test_silence_closes(void **state)
{
    struct asked a = { 0 };
    ngx_uint_t generation = ngx_http_warder_redis.generation;

    ask(&a, NGX_OK);
    turn(399);
    assert_int_equal(ngx_http_warder_redis.generation, generation);
    turn(1);
    assert_int_not_equal(ngx_http_warder_redis.generation, generation);
    assert_int_equal(ngx_http_warder_redis_state(), WD_REDIS_SILENT);
    assert_int_equal(a.times, 1);
    turn(60);
    answer(role);
    answer(":1\r\n");
    assert_int_equal(ngx_http_warder_redis_state(), WD_REDIS_OK);
    assert_int_equal(a.times, 1);
}

static void
test_garbage_fails_every_call_once(void **state)
{
    struct asked a = { 0 }, b = { 0 }, c = { 0 };

    a.again = &c;
    b.again = &c;
    ask(&a, NGX_OK);
    ask(&b, NGX_OK);
    a.again = NULL;
    answer(":7\r\n?\r\n:8\r\n");
    assert_true(a.times == 1 && a.integer == 7);
    assert_true(b.times == 1 && b.null && c.times == 0);
    assert_int_equal(ngx_http_warder_redis_state(), WD_REDIS_GARBAGE);
    ask(&c, NGX_ERROR);
}

static void
test_a_reply_that_nobody_asked_for(void **state)
{
    answer(":1\r\n");
    assert_int_equal(ngx_http_warder_redis_state(), WD_REDIS_GARBAGE);
}

static void
test_handlers_send_forget_and_reject(void **state)
{
    struct asked a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 };

    c.call.handler = asked_handler;
    c.call.data = &c;
    a.again = &c;
    a.forgets = &b;
    ask(&a, NGX_OK);
    ask(&b, NGX_OK);
    answer(":1\r\n:2\r\n");
    turn(0);
    answer(":3\r\n");
    assert_true(a.integer == 1 && b.times == 0 && c.integer == 3);
    a = (struct asked){ .rejects = true };
    ask(&a, NGX_OK);
    ask(&d, NGX_OK);
    answer(":1\r\n:2\r\n");
    assert_true(a.times == 1 && d.times == 1 && d.null);
    assert_int_equal(ngx_http_warder_redis_state(), WD_REDIS_REFUSED);
}

static void
test_bounds(void **state)
{
    static struct asked a[NGX_HTTP_WARDER_REDIS_CALLS + 1];
    struct asked big = { .call = { .handler = asked_handler } };
    char *bytes = malloc(9 << 20);

    memset(a, 0, sizeof(a));
    for (unsigned i = 0; i < NGX_HTTP_WARDER_REDIS_CALLS; i++)
        ask(&a[i], NGX_OK);
    ask(&a[NGX_HTTP_WARDER_REDIS_CALLS], NGX_ERROR);
    ngx_http_warder_redis_forget(&a[5].call); /* still to be answered: makes no room */
    ask(&a[NGX_HTTP_WARDER_REDIS_CALLS], NGX_ERROR);
    answer(":1\r\n");
    ask(&a[NGX_HTTP_WARDER_REDIS_CALLS], NGX_OK);
    ngx_http_warder_redis_reject(WD_REDIS_REFUSED);
    assert_true(a[5].times == 0 && a[6].times == 1 && a[NGX_HTTP_WARDER_REDIS_CALLS].null);

    turn(60);
    answer(role);
    answer(":1\r\n");
    assert_non_null(bytes);
    memset(bytes, 'x', 9 << 20);
    big.call.data = &big;
    a[0] = (struct asked){ .call = { .handler = asked_handler, .data = &a[0] } };
    assert_int_equal(ngx_http_warder_redis_send(&big.call, wd_span(bytes, 9 << 20)), NGX_OK);
    assert_int_equal(ngx_http_warder_redis_send(&a[0].call, wd_span(bytes, 9 << 20)), NGX_ERROR);
    free(bytes);
    ngx_http_warder_redis_forget(&big.call);
}

static void
test_a_socket_that_takes_little(void **state)
{
    struct asked a = { 0 }, b = { 0 };

    room = 5;
    ask(&a, NGX_OK);
    turn(0);
    assert_int_equal(wrote.len, 5);
    ask(&b, NGX_OK);
    room = 20;
    conn_write.handler(&conn_write);
    assert_int_equal(wrote.len, 25);
    room = SIZE_MAX;
    conn_write.handler(&conn_write);
    assert_int_equal(wrote.len, 2 * ping.len);
    assert_memory_equal(wrote.ptr, ping.ptr, ping.len);
    assert_memory_equal(wrote.ptr + ping.len, ping.ptr, ping.len);
    answer(":1\r\n:2\r\n");
    assert_true(a.integer == 1 && b.integer == 2);
}

static void
test_a_reply_in_pieces(void **state)
{
    struct asked a = { 0 };

    ask(&a, NGX_OK);
    for (const char *p = ":42\r\n"; *p != '\0'; p++) {
        const char one[] = { *p, '\0' };

        assert_int_equal(a.times, 0);
        answer(one);
    }
    assert_int_equal(a.integer, 42);
}

static void
test_a_probe_a_second(void **state)
{
    struct asked a = { 0 };

    turn(999);
    assert_int_equal(wrote.len, 0);
    turn(1);
    assert_non_null(memmem(wrote.ptr, wrote.len, "EVAL", 4));
    answer("-OOM command not allowed when used memory > 'maxmemory'.\r\n");
    assert_int_equal(ngx_http_warder_redis_state(), WD_REDIS_FULL);
    ask(&a, NGX_OK); /* what reads is answered all the same */
    answer(":1\r\n");
    assert_int_equal(a.integer, 1);
    turn(1000);
    answer(":1\r\n");
    assert_int_equal(ngx_http_warder_redis_state(), WD_REDIS_OK);
    turn(1000);
    turn(100);
    assert_int_equal(ngx_http_warder_redis_state(), WD_REDIS_SILENT);
    answer(":1\r\n");
    assert_int_equal(ngx_http_warder_redis_state(), WD_REDIS_OK);
    wd_buf_clear(&wrote);
    turn(1000);
    assert_non_null(memmem(wrote.ptr, wrote.len, "EVAL", 4)); /* also after one that was late */
}

static struct asked hooked;
static unsigned hooks;

static ngx_int_t
hook(void)
{
    hooks++;
    ask(&hooked, NGX_OK);
    return NGX_OK;
}

static int
setup_hook(void **state)
{
    hooks = 0;
    hooked = (struct asked){ 0 };
    ngx_http_warder_redis_on_connect(hook);
    return setup(state);
}

static void
test_the_hook_is_answered_before_it_is_ready(void **state)
{
    struct asked a = { 0 };

    ask(&a, NGX_ERROR);
    answer(role);
    assert_int_equal(hooks, 1);
    assert_int_equal(ngx_http_warder_redis_state(), WD_REDIS_CONNECTING);
    answer(":5\r\n");
    assert_int_equal(hooked.integer, 5);
    assert_int_equal(ngx_http_warder_redis_state(), WD_REDIS_CONNECTING);
    answer(":1\r\n");
    assert_int_equal(ngx_http_warder_redis_state(), WD_REDIS_OK);
    ask(&a, NGX_OK);
    ngx_http_warder_redis_forget(&a.call);
}

static void
test_the_hook_may_give_up(void **state)
{
    answer(role);
    hooked.rejects = true;
    answer("-READONLY no\r\n:1\r\n");
    assert_int_equal(ngx_http_warder_redis_state(), WD_REDIS_REFUSED);
    assert_int_equal(hooked.times, 1);
}

static void
test_the_end(void **state)
{
    struct asked a = { 0 }, b = { 0 };

    a.again = &b;
    ask(&a, NGX_OK);
    ngx_http_warder_redis_exit();
    assert_true(a.times == 1 && a.null && b.times == 0);
    ask(&b, NGX_ERROR);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define WITH_HOOK(test) cmocka_unit_test_setup_teardown(test, setup_hook, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(test_one_write_a_turn_and_replies_in_order),
        WITH(test_a_call_that_waits_is_not_sent_again),
        WITH(test_forgotten_calls_keep_the_order),
        WITH(test_late_replies_are_dropped_and_the_connection_stays),
        WITH(test_time_after_a_stall_is_as_before),
        WITH(test_time_while_an_older_reply_is_missing),
        WITH(test_time_is_each_call_s_own),
        WITH(test_silence_closes),
        WITH(test_garbage_fails_every_call_once),
        WITH(test_a_reply_that_nobody_asked_for),
        WITH(test_handlers_send_forget_and_reject),
        WITH(test_bounds),
        WITH(test_a_socket_that_takes_little),
        WITH(test_a_reply_in_pieces),
        WITH(test_a_probe_a_second),
        WITH_HOOK(test_the_hook_is_answered_before_it_is_ready),
        WITH_HOOK(test_the_hook_may_give_up),
        WITH(test_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
