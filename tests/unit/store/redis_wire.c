#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "store/redis_wire.h"

/* Bytes of a Redis, a hostile one too. */

static enum wd_err
read_all(const char *bytes, size_t len, size_t step, redisReply **last, unsigned *count)
{
    struct wd_redis_reader r;
    enum wd_err err = WD_OK;

    *last = NULL;
    *count = 0;
    assert_int_equal(wd_redis_reader_init(&r), WD_OK);
    for (size_t at = 0; at < len && err == WD_OK; at += step) {
        redisReply *reply = NULL;

        assert_int_equal(wd_redis_reader_feed(&r, bytes + at, len - at < step ? len - at : step), WD_OK);
        while ((err = wd_redis_reader_next(&r, &reply)) == WD_OK && reply != NULL) {
            freeReplyObject(*last);
            *last = reply;
            ++*count;
        }
    }
    wd_redis_reader_deinit(&r);
    return err;
}

static redisReply *
one(const char *bytes)
{
    redisReply *reply;
    unsigned count;

    assert_int_equal(read_all(bytes, strlen(bytes), 4096, &reply, &count), WD_OK);
    assert_int_equal(count, 1);
    return reply;
}

static void
test_replies_in_pieces_of_every_size(void **state)
{
    static const char bytes[] = "+OK\r\n:1\r\n$3\r\nabc\r\n*2\r\n$-1\r\n*1\r\n:5\r\n-ERR x\r\n";

    for (size_t step = 1; step < sizeof(bytes); step++) {
        redisReply *last;
        unsigned count;

        assert_int_equal(read_all(bytes, sizeof(bytes) - 1, step, &last, &count), WD_OK);
        assert_int_equal(count, 5);
        assert_int_equal(last->type, REDIS_REPLY_ERROR);
        freeReplyObject(last);
    }
}

static void
test_what_is_too_large(void **state)
{
    static const struct {
        const char *head;
        size_t fill, repeat;
        enum wd_err err;
    } cases[] = {
        { "*65536\r\n", 0, 1, WD_OK },
        { "*65537\r\n", 0, 1, WD_ERR_LIMIT },
        { "*2147483647\r\n", 0, 1, WD_ERR_LIMIT },
        { "*32768\r\n", 0, 2, WD_OK },
        { "*32768\r\n", 0, 3, WD_ERR_LIMIT },
        { "*1\r\n", 0, 7, WD_OK },
        { "*1\r\n", 0, 100, WD_ERR_SYNTAX }, /* too deep */
        { "$1000000000\r\n", 1 << 19, 1, WD_OK },
        { "$1000000000\r\n", 1 << 20, 1, WD_ERR_LIMIT },
        { "+", (1 << 20) + 1, 1, WD_ERR_LIMIT },
        { "?\r\n", 0, 1, WD_ERR_SYNTAX },
        { "$-2\r\n", 0, 1, WD_ERR_SYNTAX },
        { "$99999999999999999999\r\n", 0, 1, WD_ERR_SYNTAX },
        { ":1x\r\n", 0, 1, WD_ERR_SYNTAX },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t head = strlen(cases[i].head), len = head * cases[i].repeat + cases[i].fill;
        char *bytes = malloc(len);
        redisReply *last;
        unsigned count;

        print_message("%.20s", cases[i].head);
        assert_non_null(bytes);
        for (size_t k = 0; k < cases[i].repeat; k++)
            memcpy(bytes + k * head, cases[i].head, head);
        memset(bytes + len - cases[i].fill, 'x', cases[i].fill);
        assert_int_equal(read_all(bytes, len, 65536, &last, &count), cases[i].err);
        assert_int_equal(count, 0);
        free(bytes);
    }
}

/* A reply may have its items, each time anew. */
static void
test_the_bound_is_of_one_reply(void **state)
{
    struct wd_redis_reader r;

    assert_int_equal(wd_redis_reader_init(&r), WD_OK);
    for (unsigned i = 0; i < 40; i++) {
        redisReply *reply;

        assert_int_equal(wd_redis_reader_feed(&r, "*4096\r\n", 7), WD_OK);
        for (unsigned k = 0; k < 4096; k++)
            assert_int_equal(wd_redis_reader_feed(&r, ":1234567890\r\n", 13), WD_OK);
        assert_int_equal(wd_redis_reader_next(&r, &reply), WD_OK);
        assert_non_null(reply);
        freeReplyObject(reply);
    }
    wd_redis_reader_deinit(&r);
}

static void
test_bytes_of_no_protocol(void **state)
{
    unsigned seed = 1;

    for (unsigned round = 0; round < 20000; round++) {
        static const char letters[] = "+-:$*\r\n0123456789-xMOVED ";
        char bytes[64];
        redisReply *last;
        unsigned count;

        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = rand_r(&seed) % 8 == 0 ? (char)rand_r(&seed) : letters[(unsigned)rand_r(&seed) % (sizeof(letters) - 1)];
        enum wd_err err = read_all(bytes, sizeof(bytes), 1 + (unsigned)rand_r(&seed) % 64, &last, &count);

        assert_true(err == WD_OK || err == WD_ERR_SYNTAX || err == WD_ERR_LIMIT);
        if (last != NULL) {
            struct wd_redis_place place = { "", 1 };

            (void)wd_redis_state_of(last);
            (void)wd_redis_probed(last);
            (void)wd_redis_moved(last, &place);
            (void)wd_redis_sentinel_says(last, &place);
        }
        freeReplyObject(last);
    }
}

static void
test_states(void **state)
{
    static const struct {
        const char *bytes;
        enum wd_redis_state of, probed;
    } cases[] = {
        { ":1\r\n", WD_REDIS_OK, WD_REDIS_OK },
        { "+OK\r\n", WD_REDIS_OK, WD_REDIS_GARBAGE },
        { "+NOAUTH\r\n", WD_REDIS_OK, WD_REDIS_GARBAGE },
        { "-ERR unknown command\r\n", WD_REDIS_OK, WD_REDIS_REFUSED },
        { "-NOSCRIPT No matching script.\r\n", WD_REDIS_OK, WD_REDIS_REFUSED },
        { "-NOAUTH Authentication required.\r\n", WD_REDIS_PASSWORD, WD_REDIS_PASSWORD },
        { "-NOAUTHX\r\n", WD_REDIS_OK, WD_REDIS_REFUSED },
        { "-WRONGPASS invalid\r\n", WD_REDIS_PASSWORD, WD_REDIS_PASSWORD },
        { "-NOPERM this user\r\n", WD_REDIS_PERMISSION, WD_REDIS_PERMISSION },
        { "-LOADING Redis is\r\n", WD_REDIS_LOADING, WD_REDIS_LOADING },
        { "-READONLY You can't\r\n", WD_REDIS_READONLY, WD_REDIS_READONLY },
        { "-OOM command\r\n", WD_REDIS_FULL, WD_REDIS_FULL },
        { "-MISCONF Redis is\r\n", WD_REDIS_REFUSED, WD_REDIS_REFUSED },
        { "-CLUSTERDOWN\r\n", WD_REDIS_NO_MASTER, WD_REDIS_NO_MASTER },
        { "-\r\n", WD_REDIS_OK, WD_REDIS_REFUSED },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        redisReply *reply = one(cases[i].bytes);

        print_message("%s", cases[i].bytes);
        assert_int_equal(wd_redis_state_of(reply), cases[i].of);
        assert_int_equal(wd_redis_probed(reply), cases[i].probed);
        freeReplyObject(reply);
    }
    for (unsigned s = 0; s < WD_REDIS_STATES; s++)
        assert_non_null(wd_redis_state_text(s));
}

static void
test_greetings(void **state)
{
    struct wd_store_url store = { .shared = true };
    struct wd_buf out;
    redisReply *reply;

    wd_buf_init(&out, 4096);
    assert_int_equal(wd_redis_greet(&out, &store, WD_REDIS_GREET_AUTH), WD_OK);
    assert_int_equal(wd_redis_greet(&out, &store, WD_REDIS_GREET_SELECT), WD_OK);
    assert_int_equal(out.len, 0);
    store.db = 12;
    assert_int_equal(wd_secret_new(&store.password, WD_SPAN("p\r\nw")), WD_OK);
    assert_int_equal(wd_redis_greet(&out, &store, WD_REDIS_GREET_AUTH), WD_OK);
    store.user = "u";
    assert_int_equal(wd_redis_greet(&out, &store, WD_REDIS_GREET_AUTH), WD_OK);
    assert_int_equal(wd_redis_greet(&out, &store, WD_REDIS_GREET_SELECT), WD_OK);
    assert_true(wd_span_eq(wd_buf_span(&out), WD_SPAN("*3\r\n$4\r\nAUTH\r\n$7\r\ndefault\r\n$4\r\np\r\nw\r\n"
                                                      "*3\r\n$4\r\nAUTH\r\n$1\r\nu\r\n$4\r\np\r\nw\r\n"
                                                      "*2\r\n$6\r\nSELECT\r\n$2\r\n12\r\n")));
    wd_buf_deinit(&out);

    reply = one("*3\r\n$5\r\nslave\r\n:0\r\n*0\r\n");
    assert_int_equal(wd_redis_greeted(&store, WD_REDIS_GREET_ROLE, reply), WD_REDIS_READONLY);
    freeReplyObject(reply);
    reply = one("*0\r\n");
    assert_int_equal(wd_redis_greeted(&store, WD_REDIS_GREET_ROLE, reply), WD_REDIS_GARBAGE);
    freeReplyObject(reply);
    reply = one("-NOPERM no\r\n");
    assert_int_equal(wd_redis_greeted(&store, WD_REDIS_GREET_ROLE, reply), WD_REDIS_OK);
    store.sentinel = "main";
    assert_int_equal(wd_redis_greeted(&store, WD_REDIS_GREET_ROLE, reply), WD_REDIS_PERMISSION);
    freeReplyObject(reply);
    reply = one("-ERR AUTH <password> called without any password configured\r\n");
    assert_int_equal(wd_redis_greeted(&store, WD_REDIS_GREET_AUTH, reply), WD_REDIS_PASSWORD);
    assert_int_equal(wd_redis_greeted(&store, WD_REDIS_GREET_SELECT, reply), WD_REDIS_REFUSED);
    freeReplyObject(reply);
    wd_secret_free(store.password);
}

static void
test_places(void **state)
{
    static const struct {
        const char *bytes, *host;
        uint16_t port;
    } moved[] = {
        { "-MOVED 3999 127.0.0.1:6381\r\n", "127.0.0.1", 6381 },
        { "-MOVED 3999 ::1:6381\r\n", "::1", 6381 },
        { "-MOVED 3999 node-1.example:1\r\n", "node-1.example", 1 },
        { "-MOVED 3999 :6381\r\n", "before", 6381 },
        { "-MOVED 3999 h:0\r\n", NULL, 0 },
        { "-MOVED 3999 h:65536\r\n", NULL, 0 },
        { "-MOVED 3999 h:123456\r\n", NULL, 0 },
        { "-MOVED 3999 h:\r\n", NULL, 0 },
        { "-MOVED 3999 h h:1\r\n", NULL, 0 },
        { "-MOVED 3999 h/x:1\r\n", NULL, 0 },
        { "-MOVED 3999\r\n", NULL, 0 },
        { "-MOVED\r\n", NULL, 0 },
        { "-ASK 3999 127.0.0.1:6381\r\n", NULL, 0 },
        { "+MOVED 3999 127.0.0.1:6381\r\n", NULL, 0 },
    };
    struct wd_redis_place place;
    redisReply *reply;

    for (size_t i = 0; i < sizeof(moved) / sizeof(moved[0]); i++) {
        place = (struct wd_redis_place){ "before", 7 };
        reply = one(moved[i].bytes);
        print_message("%s", moved[i].bytes);
        assert_int_equal(wd_redis_moved(reply, &place), moved[i].host != NULL);
        if (moved[i].host != NULL) {
            assert_string_equal(place.host, moved[i].host);
            assert_int_equal(place.port, moved[i].port);
        }
        freeReplyObject(reply);
    }
    reply = one("*2\r\n$8\r\n10.0.0.1\r\n$4\r\n6379\r\n");
    assert_true(wd_redis_sentinel_says(reply, &place));
    assert_string_equal(place.host, "10.0.0.1");
    freeReplyObject(reply);
    reply = one("*-1\r\n");
    assert_false(wd_redis_sentinel_says(reply, &place));
    freeReplyObject(reply);
    reply = one("*2\r\n:1\r\n:2\r\n");
    assert_false(wd_redis_sentinel_says(reply, &place));
    freeReplyObject(reply);
}

static void
test_a_command_that_does_not_fit(void **state)
{
    const struct wd_span words[] = { WD_SPAN("SET"), WD_SPAN("0123456789012345678901234567890123456789") };
    struct wd_buf out;

    wd_buf_init(&out, 40);
    assert_int_equal(wd_buf_add_str(&out, "before"), WD_OK);
    assert_int_equal(wd_redis_command(&out, words, 2), WD_ERR_LIMIT);
    assert_true(wd_span_eq(wd_buf_span(&out), WD_SPAN("before")));
    wd_buf_deinit(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replies_in_pieces_of_every_size),
        cmocka_unit_test(test_what_is_too_large),
        cmocka_unit_test(test_the_bound_is_of_one_reply),
        cmocka_unit_test(test_bytes_of_no_protocol),
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_greetings),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_a_command_that_does_not_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
