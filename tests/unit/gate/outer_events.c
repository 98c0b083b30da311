/* How streams end, and what is done with what they should not hold. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <malloc.h>
#include <cmocka.h>

#include "base/json.h"
#include "streams.h"

#define MUST(call) assert_int_equal((call), WD_OK)
#define SECRET "sk-proj-Tq7Zb3Kd81mX04LpQv92RsWy55HgUn6A"
#define CHAT(text) "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" text "\"}}]}\n\n"
#define CHAT_FINISH "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
#define DONE "data: [DONE]\n\n"

static struct rules rules;

static int
setup(void **state)
{
    rules_init(&rules, WD_REDACT);
    return 0;
}

static int
teardown(void **state)
{
    rules_deinit(&rules);
    return 0;
}

static void
expect_text(const char *what, struct wd_span got, const char *expected)
{
    if (!wd_span_eq(got, wd_span_str(expected)))
        fail_msg("%s:\nexpected %s\ngot      %.*s", what, expected, (int)got.len, got.ptr);
}

static void
test_exact_bytes(void **state)
{
    static const struct {
        const char *what;
        enum wd_op op;
        const char *in, *out;
    } cases[] = {
        { "nothing to change: byte for byte", WD_OP_CHAT,
          "data:{ \"choices\" : [ {\"delta\":{\"content\":\"One.\\u0020\"} } ] }\r\n\r\n" CHAT_FINISH DONE,
          "data:{ \"choices\" : [ {\"delta\":{\"content\":\"One.\\u0020\"} } ] }\r\n\r\n" CHAT_FINISH DONE },
        { "the last word leaves before the choice is finished", WD_OP_CHAT, CHAT("Hello wor") CHAT_FINISH DONE,
          CHAT("Hello ") "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"wor\"}}]}\n\n" CHAT_FINISH DONE },
        { "... and within an event that finishes it", WD_OP_CHAT,
          CHAT("Hello wor") "data: "
                            "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"ld\"},\"finish_reason\":\"stop\"}]}\n\n" DONE,
          CHAT("Hello ") "data: "
                         "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"world\"},\"finish_reason\":\"stop\"}]}\n\n" DONE },
        { "reasoning stays before the text", WD_OP_CHAT,
          "data: {\"choices\":[{\"index\":0,\"delta\":{\"reasoning\":\"I think.\"}}]}\n\n" CHAT("So ") CHAT_FINISH DONE,
          "data: {\"choices\":[{\"index\":0,\"delta\":{\"reasoning\":\"I \"}}]}\n\n"
          "data: {\"choices\":[{\"index\":0,\"delta\":{\"reasoning\":\"think.\"}}]}\n\n" CHAT("So ") CHAT_FINISH DONE },
        { "Google's text ends in the event that finishes it", WD_OP_STREAM_GENERATE,
          "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hello\"}]},\"index\":0}]}\n\n"
          "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\" world\"}]},\"finishReason\":\"STOP\",\"index\":0}]}\n\n",
          "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\"}]},\"index\":0}]}\n\n"
          "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hello "
          "world\"}]},\"finishReason\":\"STOP\",\"index\":0}]}\n\n" },
        { "comments, id and retry pass", WD_OP_CHAT, ": ping\n\nid: 7\nretry: 10\n" CHAT("a ") DONE,
          ": ping\n\nid: 7\nretry: 10\n" CHAT("a ") DONE },
        { "a secret in a comment goes", WD_OP_CHAT, ": look " SECRET " there\n\n" DONE, ": look [REDACTED] there\n\n" DONE },
        { "a secret in a name goes", WD_OP_CHAT, "event: " SECRET "\n" CHAT("a ") DONE, "event: [REDACTED]\n" CHAT("a ") DONE },
        { "an event of several lines", WD_OP_CHAT,
          "data: {\"choices\":[{\"index\":0,\ndata: \"delta\":{\"content\":\"x " SECRET " \"}}]}\n\n" DONE,
          "data: {\"choices\":[{\"index\":0, \"delta\":{\"content\":\"x [REDACTED] \"}}]}\n\n" DONE },
        { "after the terminator nothing passes", WD_OP_CHAT, DONE CHAT("more "), DONE },
        { "... nor behind message_stop", WD_OP_MESSAGES,
          "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n" CHAT("more "),
          "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n" },
        { "F53 an end without a blank line is made whole", WD_OP_CHAT, CHAT("a ") "data: [DONE]", CHAT("a ") DONE },
        { "logprobs spell the text: they go when it changes", WD_OP_CHAT,
          "data: "
          "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"wor\"},\"logprobs\":{\"content\":[{\"token\":\"wor\"}]}}]}"
          "\n\n" DONE,
          "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"},\"logprobs\":null}]}\n\n"
          "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"wor\"}}]}\n\n" DONE },
        { "... and stay when it does not", WD_OP_CHAT,
          "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a \"},\"logprobs\":{\"content\":[{\"token\":\"a "
          "\"}]}}]}\n\n" DONE,
          "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a \"},\"logprobs\":{\"content\":[{\"token\":\"a "
          "\"}]}}]}\n\n" DONE },
        { "Responses numbers go on", WD_OP_RESPONSES,
          "event: response.output_text.delta\ndata: "
          "{\"type\":\"response.output_text.delta\",\"output_index\":0,\"delta\":\"wor\",\"sequence_number\":4}\n\n"
          "data: {\"type\":\"response.output_text.done\",\"output_index\":0,\"text\":\"wor\",\"sequence_number\":5}\n\n"
          "data: {\"type\":\"response.completed\",\"response\":{},\"sequence_number\":6}\n\n",
          "event: response.output_text.delta\ndata: "
          "{\"type\":\"response.output_text.delta\",\"output_index\":0,\"delta\":\"\",\"sequence_number\":4}\n\n"
          "event: response.output_text.delta\ndata: "
          "{\"sequence_number\":5,\"type\":\"response.output_text.delta\",\"output_index\":0,\"delta\":\"wor\"}\n\n"
          "data: {\"type\":\"response.output_text.done\",\"output_index\":0,\"text\":\"wor\",\"sequence_number\":6}\n\n"
          "data: {\"type\":\"response.completed\",\"response\":{},\"sequence_number\":7}\n\n" },
        { "Anthropic's error gets its name", WD_OP_MESSAGES,
          "data: {\"type\":\"error\",\"error\":{\"type\":\"x\",\"message\":\"m\"}}\n\n",
          "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"x\",\"message\":\"m\"}}\n\n" },
        { "an error of the provider gets chat's last line", WD_OP_CHAT, "data: {\"error\":{\"message\":\"m\"}}\n\n",
          "data: {\"error\":{\"message\":\"m\"}}\n\n" DONE },
        { "a tool call that carries a secret in its name", WD_OP_CHAT,
          "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"name\":\"" SECRET
          "\"}}]}}]}\n\n" DONE,
          "data: "
          "{\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"name\":\"[REDACTED]\"}}]}}]}"
          "\n\n" DONE },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct run r;

        run_start(&r, &rules, cases[i].op);
        run_feed(&r, wd_span_str(cases[i].in));
        run_end(&r, WD_CODE_NONE);
        expect_text(cases[i].what, wd_buf_span(&r.out), cases[i].out);
        assert_true(wd_outer_terminated(r.gate) && !wd_outer_ended(r.gate));
        assert_int_equal(wd_outer_code(r.gate), WD_CODE_NONE);
        run_free(&r);
    }
}

/* What tells an error to each SDK. */
static const struct {
    enum wd_op op;
    const char *event, *terminator;
} ends[] = {
    { WD_OP_CHAT, "\n\ndata: {\"error\":{", "}\n\ndata: [DONE]\n\n" },
    { WD_OP_RESPONSES, "\n\nevent: error\ndata: {\"type\":\"error\",\"code\":\"", "}\n\n" },
    { WD_OP_MESSAGES, "\n\nevent: error\ndata: {\"type\":\"error\",\"error\":{", "}\n\n" },
    { WD_OP_STREAM_GENERATE, "\n\ndata: {\"error\":{\"code\":", "}\n\n" },
};

static void
check_error_end(const struct run *r, size_t format, enum wd_code code)
{
    struct wd_span out = wd_buf_span(&r->out), tail = wd_span_str(ends[format].terminator);
    struct reading reading;

    assert_true(wd_outer_terminated(r->gate) && wd_outer_ended(r->gate));
    assert_int_equal(wd_outer_code(r->gate), code);
    if (!span_holds(out, wd_span_str(ends[format].event)) || out.len < tail.len ||
        memcmp(out.ptr + out.len - tail.len, tail.ptr, tail.len) != 0)
        fail_msg("no error event of format %d: %.*s", ends[format].op, (int)out.len, out.ptr);
    reading_init(&reading);
    reading_take(&reading, ends[format].op, out);
    assert_false(reading.unreadable);
    reading_deinit(&reading);
}

static void
test_malformed(void **state)
{
    static const char *const bad[] = {
        "data: {\"choices\":[\n\n",
        "data: hello\n\n",
        "data: [1]\n\n",
        "data: \"x\"\n\n",
        "data: {\"a\":1,\"a\":2}\n\n",
        "data: {\"a\":\"\\ud800\"}\n\n",
        "data: {\"a\":\"\xff\"}\n\n",
        "data: null\n\n",
        "data: {} {}\n\n",
        "data: {\"a\":01}\n\n",
        ": \xff\n\n",
        "event: \xc3\ndata: {}\n\n",
        "data: {\"a\":1\ndata: 2}\n\n",
    };

    for (size_t f = 0; f < sizeof(ends) / sizeof(ends[0]); f++) {
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
            struct run r;

            run_start(&r, &rules, ends[f].op);
            run_feed(&r, WD_SPAN(": start\n\n"));
            run_feed(&r, wd_span_str(bad[i]));
            check_error_end(&r, f, WD_CODE_PROVIDER_INVALID_RESPONSE);
            run_feed(&r, WD_SPAN("data: {\"choices\":[{\"delta\":{\"content\":\"late\"}}]}\n\n"));
            run_end(&r, WD_CODE_NONE);
            assert_false(span_holds(wd_buf_span(&r.out), WD_SPAN("late")));
            run_free(&r);
        }
    }
}

static void
test_deep_and_large(void **state)
{
    struct wd_outer_config config = { .op = WD_OP_CHAT, .scan = &rules.scan, .body_max = 4096 };
    struct wd_outer *gate;
    struct wd_buf out;
    struct run r;

    run_start(&r, &rules, WD_OP_CHAT);
    run_feed(&r, WD_SPAN("data: {\"a\":"));
    for (int i = 0; i < 100000; i++)
        run_feed(&r, WD_SPAN("["));
    run_feed(&r, WD_SPAN("\n\n"));
    assert_true(wd_outer_ended(r.gate));
    run_free(&r);

    wd_buf_init(&out, 1 << 20);
    MUST(wd_outer_new(&gate, &config));
    MUST(wd_outer_feed(gate, WD_SPAN("data: {\"a\":\""), &out));
    for (int i = 0; i < 5000; i++)
        MUST(wd_outer_feed(gate, WD_SPAN("x"), &out));
    assert_true(wd_outer_ended(gate));
    assert_int_equal(wd_outer_code(gate), WD_CODE_PROVIDER_INVALID_RESPONSE);
    wd_outer_free(gate);
    wd_buf_deinit(&out);
}

/* Channels without end: the gate's memory is bounded. */
static void
test_many_channels(void **state)
{
    struct run r;
    char chunk[128];

    run_start(&r, &rules, WD_OP_CHAT);
    for (int i = 0; i < 2000 && !wd_outer_ended(r.gate); i++) {
        int n = snprintf(chunk, sizeof(chunk), "data: {\"choices\":[{\"index\":%d,\"delta\":{\"content\":\"x\"}}]}\n\n", i);

        run_feed(&r, wd_span(chunk, (size_t)n));
    }
    assert_true(wd_outer_ended(r.gate));
    run_free(&r);
}

static void
test_out_is_full(void **state)
{
    struct wd_outer_config config = { .op = WD_OP_CHAT, .scan = &rules.scan, .body_max = 1 << 20 };
    struct wd_outer *gate;
    struct wd_buf out;

    wd_buf_init(&out, 40);
    MUST(wd_outer_new(&gate, &config));
    assert_int_equal(wd_outer_feed(gate, WD_SPAN(CHAT("abc ")), &out), WD_ERR_LIMIT);
    assert_int_equal(out.len, 0);
    wd_outer_free(gate);
    wd_buf_deinit(&out);
}

static void
test_silent_end(void **state)
{
    static const struct {
        enum wd_code why, code;
    } whys[] = {
        { WD_CODE_NONE, WD_CODE_PROVIDER_INVALID_RESPONSE },
        { WD_CODE_PROVIDER_UNAVAILABLE, WD_CODE_PROVIDER_UNAVAILABLE },
        { WD_CODE_PROVIDER_TIMEOUT, WD_CODE_PROVIDER_TIMEOUT },
    };
    static const char *const partial[] = { "", "data: {\"choices\":[{\"del", "event: x\n", "\n" };

    for (size_t f = 0; f < sizeof(ends) / sizeof(ends[0]); f++) {
        for (size_t w = 0; w < sizeof(whys) / sizeof(whys[0]); w++) {
            for (size_t p = 0; p < sizeof(partial) / sizeof(partial[0]); p++) {
                struct run r;

                run_start(&r, &rules, ends[f].op);
                run_feed(&r, WD_SPAN(": start\n\n"));
                run_feed(&r, wd_span_str(partial[p]));
                run_end(&r, whys[w].why);
                check_error_end(&r, f, whys[w].code);
                run_free(&r);
            }
        }
    }
}

static void
test_held_text_before_the_error(void **state)
{
    struct run r;
    struct reading reading;

    run_start(&r, &rules, WD_OP_CHAT);
    run_feed(&r, WD_SPAN(CHAT("half a sent")));
    run_end(&r, WD_CODE_PROVIDER_UNAVAILABLE);
    reading_init(&reading);
    reading_take(&reading, WD_OP_CHAT, wd_buf_span(&r.out));
    expect_text("what was held", reading_channel(&reading, "choices/0/delta/content/"), "half a sent");
    assert_true(reading.done);
    reading_deinit(&reading);
    run_free(&r);

    run_start(&r, &rules, WD_OP_CHAT);
    run_feed(&r, WD_SPAN(CHAT("the key " SECRET) "data: {\n\n"));
    assert_false(span_holds(wd_buf_span(&r.out), WD_SPAN(SECRET)));
    assert_true(span_holds(wd_buf_span(&r.out), WD_SPAN("[REDACTED]")));
    check_error_end(&r, 0, WD_CODE_PROVIDER_INVALID_RESPONSE);
    run_free(&r);
}

static void
test_usage(void **state)
{
    static const struct {
        enum wd_op op;
        const char *in;
        uint64_t tokens_in, tokens_out;
    } cases[] = {
        { WD_OP_CHAT, "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":6}}\n\n" DONE, 9, 6 },
        { WD_OP_RESPONSES,
          "data: {\"type\":\"response.incomplete\",\"response\":{\"usage\":{\"input_tokens\":8,\"output_tokens\":5}}}\n\n", 8,
          5 },
        { WD_OP_MESSAGES,
          "data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":7,\"output_tokens\":1}}}\n\n"
          "data: {\"type\":\"message_delta\",\"delta\":{},\"usage\":{\"output_tokens\":4}}\n\n",
          7, 4 },
        { WD_OP_STREAM_GENERATE,
          "data: {\"usageMetadata\":{\"promptTokenCount\":6,\"candidatesTokenCount\":1}}\n\n"
          "data: {\"usageMetadata\":{\"promptTokenCount\":6,\"candidatesTokenCount\":2,\"thoughtsTokenCount\":10}}\n\n",
          6, 12 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wd_usage usage;
        struct run r;

        run_start(&r, &rules, cases[i].op);
        run_feed(&r, wd_span_str(cases[i].in));
        usage = wd_outer_usage(r.gate);
        assert_true(usage.known);
        assert_int_equal(usage.tokens_in, cases[i].tokens_in);
        assert_int_equal(usage.tokens_out, cases[i].tokens_out);
        run_free(&r);
    }
}

static void
test_usage_we_asked_for(void **state)
{
    struct wd_outer_config config = { .op = WD_OP_CHAT, .scan = &rules.scan, .drop_usage = true, .body_max = 1 << 20 };
    static const char first[] = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a \"}}],\"usage\":null}\n\n";
    struct wd_outer *gate;
    struct wd_buf out;

    wd_buf_init(&out, 1 << 20);
    MUST(wd_outer_new(&gate, &config));
    MUST(wd_outer_feed(gate, wd_span_str(first), &out));
    MUST(wd_outer_feed(gate, WD_SPAN("data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":6}}\n\n" DONE),
                       &out));
    assert_int_equal(out.len, sizeof(first) - 1 + sizeof(DONE) - 1);
    assert_int_equal(wd_outer_usage(gate).tokens_in, 9);
    wd_outer_free(gate);
    wd_buf_deinit(&out);
}

/* Signatures and sealed content may look like anything: they are not touched. */
static void
test_opaque(void **state)
{
    static const struct {
        enum wd_op op;
        const char *in;
    } cases[] = {
        { WD_OP_MESSAGES,
          "event: x\ndata: "
          "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"" SECRET
          "\"}}\n\n" },
        { WD_OP_MESSAGES,
          "data: "
          "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"redacted_thinking\",\"data\":\"" SECRET
          "\"}}\n\n" },
        { WD_OP_MESSAGES, "data: "
                          "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"web_search_tool_result\","
                          "\"content\":[{\"type\":"
                          "\"web_search_result\",\"encrypted_content\":\"" SECRET "\"}]}}\n\n" },
        { WD_OP_MESSAGES, "data: "
                          "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"citations_delta\",\"citation\":{"
                          "\"encrypted_index\":\"" SECRET "\"}}}\n\n" },
        { WD_OP_RESPONSES,
          "data: {\"type\":\"response.output_item.done\",\"item\":{\"type\":\"reasoning\",\"encrypted_content\":\"" SECRET
          "\"}}\n\n" },
        { WD_OP_RESPONSES,
          "data: {\"type\":\"response.image_generation_call.partial_image\",\"partial_image_b64\":\"" SECRET "\"}\n\n" },
        { WD_OP_RESPONSES, "data: {\"type\":\"response.audio.delta\",\"delta\":\"" SECRET "\"}\n\n" },
        { WD_OP_STREAM_GENERATE,
          "data: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"f\"},\"thoughtSignature\":\"" SECRET
          "\"}]}}]}\n\n" },
        { WD_OP_STREAM_GENERATE,
          "data: {\"candidates\":[{\"content\":{\"parts\":[{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"" SECRET
          "\"}}]}}]}\n\n" },
        { WD_OP_CHAT, "data: {\"choices\":[{\"index\":0,\"delta\":{\"audio\":{\"data\":\"" SECRET "\"}}}]}\n\n" },
    };
    /* the same names where the format does not define them */
    static const struct {
        enum wd_op op;
        const char *in;
    } elsewhere[] = {
        { WD_OP_MESSAGES, "data: "
                          "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"tool_use\",\"input\":{"
                          "\"signature\":\"" SECRET "\",\"encrypted_content\":\"" SECRET "\"}}}\n\n" },
        { WD_OP_MESSAGES,
          "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"signature\":\"" SECRET
          " \"}}\n\n" },
        { WD_OP_RESPONSES,
          "data: {\"type\":\"response.output_item.done\",\"item\":{\"type\":\"program_output\",\"result\":\"" SECRET "\"}}\n\n" },
        { WD_OP_RESPONSES, "data: {\"type\":\"x\",\"encrypted_content\":\"" SECRET "\"}\n\n" },
        { WD_OP_STREAM_GENERATE, "data: {\"thoughtSignature\":\"" SECRET
                                 "\",\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"args\":{\"data\":\"" SECRET
                                 "\",\"thoughtSignature\":\"" SECRET "\"}}}]}}]}\n\n" },
        { WD_OP_CHAT, "data: {\"choices\":[{\"index\":0,\"delta\":{\"data\":\"" SECRET " \"}}],\"" SECRET "\":1}\n\n" },
    };
    struct run r;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        run_start(&r, &rules, cases[i].op);
        run_feed(&r, wd_span_str(cases[i].in));
        expect_text("opaque", wd_buf_span(&r.out), cases[i].in);
        run_free(&r);
    }
    for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
        run_start(&r, &rules, elsewhere[i].op);
        run_feed(&r, wd_span_str(elsewhere[i].in));
        run_end(&r, WD_CODE_NONE);
        if (span_holds(wd_buf_span(&r.out), WD_SPAN(SECRET)))
            fail_msg("went out: %.*s", (int)r.out.len, r.out.ptr);
        run_free(&r);
    }
}

/* What the mock of each provider sent when it broke off. */
static void
check_midstream(const char *file, struct wd_span body)
{
    const char *format = file + strlen("midstream.");
    size_t f = strncmp(format, "chat.", 5) == 0         ? 0
               : strncmp(format, "responses.", 10) == 0 ? 1
               : strncmp(format, "anthropic.", 10) == 0 ? 2
                                                        : 3;
    bool cut = strstr(file, ".cut.") != NULL, silent = cut || strstr(file, ".bare_end") != NULL;
    struct reading before, after;
    struct run r;

    /* a silent end of Google is one only if no finishReason came */
    silent = silent && !span_holds(body, WD_SPAN("finishReason")) && !span_holds(body, WD_SPAN("[DONE]"));
    run_start(&r, &rules, ends[f].op);
    run_feed(&r, body);
    run_end(&r, cut ? WD_CODE_PROVIDER_UNAVAILABLE : WD_CODE_NONE);
    assert_true(wd_outer_terminated(r.gate));
    if (silent && body.len > 0)
        check_error_end(&r, f, cut ? WD_CODE_PROVIDER_UNAVAILABLE : WD_CODE_PROVIDER_INVALID_RESPONSE);
    else if (!silent && wd_outer_ended(r.gate))
        fail_msg("%s: ended by us: %.*s", file, (int)r.out.len, r.out.ptr);
    reading_init(&before);
    reading_init(&after);
    reading_take(&before, ends[f].op, body);
    reading_take(&after, ends[f].op, wd_buf_span(&r.out));
    assert_false(after.unreadable);
    for (size_t i = 0; i < before.channels; i++)
        assert_true(wd_span_eq(wd_buf_span(&before.text[i]), reading_channel(&after, before.name[i])));
    if (span_holds(body, WD_SPAN("GW-MSG")))
        assert_true(span_holds(wd_buf_span(&r.out), WD_SPAN("GW-MSG")));
    reading_deinit(&before);
    reading_deinit(&after);
    run_free(&r);
}

static void
test_midstream(void **state)
{
    const char *shared = shared_folder();
    char path[2048];
    struct dirent *e;
    size_t count = 0;
    DIR *d;

    if (shared == NULL) {
        print_message("the shared folder with captures is missing: skipped\n");
        skip();
    }
    snprintf(path, sizeof(path), "%.900s/captures/midstream", shared);
    d = opendir(path);
    assert_non_null(d);
    while ((e = readdir(d)) != NULL) {
        struct wd_json_error where;
        struct wd_arena arena;
        struct wd_buf file;
        struct wd_json doc;
        uint32_t node;

        if (strncmp(e->d_name, "midstream.", 10) != 0)
            continue;
        snprintf(path, sizeof(path), "%.900s/captures/midstream/%.255s", shared, e->d_name);
        wd_buf_init(&file, 1 << 24);
        assert_true(file_read(path, &file));
        wd_arena_init(&arena, 1 << 26);
        MUST(wd_json_parse(&doc, wd_buf_span(&file), &arena, WD_JSON_LIMITS, &where));
        node = wd_json_get(&doc, 0, "response");
        node = node != 0 ? wd_json_get(&doc, node, "bodyText") : 0;
        if (node != 0 && wd_json_type(&doc, node) == WD_JSON_STRING) {
            check_midstream(e->d_name, wd_json_string(&doc, node, &arena));
            count++;
        }
        wd_arena_deinit(&arena);
        wd_buf_deinit(&file);
    }
    closedir(d);
    assert_true(count > 50);
}

/* A long stream does not make the gate grow. */
static void
test_memory_stays(void **state)
{
#ifndef __SANITIZE_ADDRESS__
    size_t before = 0, after;
#endif
    struct run r;

    run_start(&r, &rules, WD_OP_CHAT);
    for (int i = 0; i < 20000; i++) {
#ifndef __SANITIZE_ADDRESS__
        if (i == 1000)
            before = mallinfo2().uordblks;
#endif
        run_feed(
            &r,
            WD_SPAN(
                "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" word\"},\"finish_reason\":null}]}\n\n"));
        wd_buf_clear(&r.out);
    }
#ifndef __SANITIZE_ADDRESS__
    after = mallinfo2().uordblks;
    assert_true(after <= before + 4096);
#endif
    run_free(&r);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        { "F02 F53 what leaves, byte for byte", test_exact_bytes, NULL, NULL, NULL },
        { "F11 an event that cannot be read ends the stream with an error", test_malformed, NULL, NULL, NULL },
        { "F11 nested too deeply, too large", test_deep_and_large, NULL, NULL, NULL },
        { "F51 channels are capped", test_many_channels, NULL, NULL, NULL },
        { "a full output is an error, not a loss", test_out_is_full, NULL, NULL, NULL },
        { "F53 a stream that ends silently gets an error event", test_silent_end, NULL, NULL, NULL },
        { "F11 what is held leaves checked before the error", test_held_text_before_the_error, NULL, NULL, NULL },
        { "usage of each format", test_usage, NULL, NULL, NULL },
        { "usage that the client did not ask for", test_usage_we_asked_for, NULL, NULL, NULL },
        { "signatures and sealed content pass bit for bit, where the format has them", test_opaque, NULL, NULL, NULL },
        { "F53 recorded breaks in the middle of a stream", test_midstream, NULL, NULL, NULL },
        { "F51 a long stream needs no more memory", test_memory_stays, NULL, NULL, NULL },
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
