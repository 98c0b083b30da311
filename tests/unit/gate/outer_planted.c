/* Secrets planted in every channel of every format, across fragments and cuts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/json.h"
#include "detect/redactor.h"
#include "streams.h"

#define MUST(call) assert_int_equal((call), WD_OK)

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

#define SECRET_HEAD "sk-proj-Tq7Zb3"
#define SECRET_TAIL "Kd81mX04LpQv92RsWy55HgUn6A"
#define SECRET SECRET_HEAD SECRET_TAIL

#define CHAT_CHUNK(choice, delta, finish)                                                                                        \
    "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":" choice    \
    ",\"delta\":{" delta "},\"logprobs\":null,\"finish_reason\":" finish "}]}\n\n"
#define CHAT_END CHAT_CHUNK("0", "", "\"stop\"") "data: [DONE]\n\n"
#define RESPONSES_DELTA(type, more)                                                                                              \
    "event: response." type ".delta\ndata: {\"type\":\"response." type                                                           \
    ".delta\",\"sequence_number\":9,\"item_id\":\"i\",\"output_index\":0," more "\"delta\":\"%s\"}\n\n"
#define RESPONSES_COPIES(type, key, item)                                                                                        \
    "event: response." type ".done\ndata: {\"type\":\"response." type                                                            \
    ".done\",\"sequence_number\":9,\"item_id\":\"i\",\"output_index\":0,\"content_index\":0,\"" key "\":\"%s\"}\n\n"             \
    "event: response.content_part.done\ndata: "                                                                                  \
    "{\"type\":\"response.content_part.done\",\"sequence_number\":9,\"item_id\":\"i\",\"output_index\":0,"                       \
    "\"content_index\":0,\"part\":{\"type\":\"output_text\",\"text\":\"%s\"}}\n\n"                                               \
    "event: response.output_item.done\ndata: "                                                                                   \
    "{\"type\":\"response.output_item.done\",\"sequence_number\":9,\"output_index\":0,\"item\":" item "}\n\n"                    \
    "event: response.completed\ndata: "                                                                                          \
    "{\"type\":\"response.completed\",\"sequence_number\":9,\"response\":{\"id\":\"r\",\"output\":[" item                        \
    "],\"usage\":{\"input_tokens\":3,\"output_tokens\":4}}}\n\n"
#define MESSAGES_DELTA(delta)                                                                                                    \
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{" delta "}}\n\n"
#define MESSAGES_END                                                                                                             \
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":1}\n\nevent: message_stop\ndata: "              \
    "{\"type\":\"message_stop\"}\n\n"
#define GOOGLE_CHUNK(parts, finish)                                                                                              \
    "data: {\"candidates\":[{\"content\":{\"parts\":[" parts "],\"role\":\"model\"}" finish                                      \
    ",\"index\":1}],\"modelVersion\":\"g\"}\n\n"
#define GOOGLE_END GOOGLE_CHUNK("", ",\"finishReason\":\"STOP\"")

/* %s in fragment is the next piece; each %s in after is the whole text. */
static const struct kind {
    const char *title, *channel;
    enum wd_op op;
    bool json;
    const char *before, *fragment, *after;
} kinds[] = {
    { "chat content", "choices/0/delta/content/", WD_OP_CHAT, false, "", CHAT_CHUNK("0", "\"content\":\"%s\"", "null"),
      CHAT_END },
    { "chat content, closed by [DONE] alone", "choices/0/delta/content/", WD_OP_CHAT, false, "",
      CHAT_CHUNK("0", "\"content\":\"%s\"", "null"), "data: [DONE]\n\n" },
    { "F07 chat second choice", "choices/1/delta/content/", WD_OP_CHAT, false, CHAT_CHUNK("0", "\"content\":\"x\"", "null"),
      CHAT_CHUNK("1", "\"content\":\"%s\"", "null"), CHAT_END },
    { "F08 chat refusal", "choices/0/delta/refusal/", WD_OP_CHAT, false, "", CHAT_CHUNK("0", "\"refusal\":\"%s\"", "null"),
      CHAT_END },
    { "F08 chat reasoning", "choices/0/delta/reasoning_content/", WD_OP_CHAT, false, "",
      CHAT_CHUNK("0", "\"content\":null,\"reasoning_content\":\"%s\"", "null"),
      CHAT_CHUNK("0", "\"content\":\"so\"", "null") CHAT_END },
    { "F08 chat audio transcript", "choices/0/delta/audio/transcript/", WD_OP_CHAT, false, "",
      CHAT_CHUNK("0", "\"audio\":{\"id\":\"a\",\"transcript\":\"%s\"}", "null"), CHAT_END },
    { "chat parts", "choices/0/delta/content/0/text/", WD_OP_CHAT, false, "",
      CHAT_CHUNK("0", "\"content\":[{\"type\":\"text\",\"text\":\"%s\"}]", "null"), CHAT_END },
    { "chat field of tomorrow", "choices/0/delta/aside/", WD_OP_CHAT, false, "", CHAT_CHUNK("0", "\"aside\":\"%s\"", "null"),
      CHAT_END },
    { "F06 chat tool call", "choices/0/delta/tool_calls/1/function/arguments/", WD_OP_CHAT, true,
      CHAT_CHUNK(
          "0",
          "\"tool_calls\":[{\"index\":1,\"id\":\"call\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]",
          "null"),
      CHAT_CHUNK("0", "\"tool_calls\":[{\"index\":1,\"function\":{\"arguments\":\"%s\"}}]", "null"), CHAT_END },
    { "F06 chat function call", "choices/0/delta/function_call/arguments/", WD_OP_CHAT, true, "",
      CHAT_CHUNK("0", "\"function_call\":{\"arguments\":\"%s\"}", "null"), CHAT_END },
    { "F06 chat custom tool", "choices/0/delta/tool_calls/0/custom/input/", WD_OP_CHAT, false, "",
      CHAT_CHUNK("0", "\"tool_calls\":[{\"index\":0,\"custom\":{\"input\":\"%s\"}}]", "null"), CHAT_END },
    { "F09 responses text", "0/c0/response.output_text/", WD_OP_RESPONSES, false, "",
      RESPONSES_DELTA("output_text", "\"content_index\":0,\"logprobs\":[],"),
      RESPONSES_COPIES("output_text", "text",
                       "{\"type\":\"message\",\"content\":[{\"type\":\"output_text\",\"text\":\"%s\"}]}") },
    { "F09 responses refusal", "0/c0/response.refusal/", WD_OP_RESPONSES, false, "",
      RESPONSES_DELTA("refusal", "\"content_index\":0,"),
      RESPONSES_COPIES("refusal", "refusal", "{\"type\":\"message\",\"content\":[{\"type\":\"refusal\",\"refusal\":\"%s\"}]}") },
    { "F08 responses reasoning summary", "0/s2/response.reasoning_summary_text/", WD_OP_RESPONSES, false, "",
      RESPONSES_DELTA("reasoning_summary_text", "\"summary_index\":2,"),
      RESPONSES_COPIES("reasoning_summary_text", "text",
                       "{\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\",\"text\":\"%s\"}]}") },
    { "F06 responses arguments", "0/response.function_call_arguments/", WD_OP_RESPONSES, true, "",
      RESPONSES_DELTA("function_call_arguments", ""),
      RESPONSES_COPIES("function_call_arguments", "arguments", "{\"type\":\"function_call\",\"arguments\":\"%s\"}") },
    { "F06 responses shell output", "0/x0/response.shell_call_output_content/stdout/", WD_OP_RESPONSES, false, "",
      "data: "
      "{\"type\":\"response.shell_call_output_content.delta\",\"output_index\":0,\"command_index\":0,\"delta\":{\"stdout\":\"%"
      "s\"}"
      "}\n\n",
      RESPONSES_COPIES("shell_call_output_content", "text",
                       "{\"type\":\"shell_call_output\",\"output\":[{\"stdout\":\"%s\"}]}") },
    { "responses event of tomorrow", "0/response.musing/", WD_OP_RESPONSES, false, "", RESPONSES_DELTA("musing", ""),
      RESPONSES_COPIES("musing", "musing", "{\"type\":\"musing\",\"text\":\"%s\"}") },
    { "anthropic text", "1/text_delta/text/", WD_OP_MESSAGES, false, "",
      MESSAGES_DELTA("\"type\":\"text_delta\",\"text\":\"%s\""), MESSAGES_END },
    { "anthropic text begun by its block", "1/text_delta/text/", WD_OP_MESSAGES, false,
      "event: content_block_start\ndata: "
      "{\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"text\",\"text\":\"so: \"}}\n\n",
      MESSAGES_DELTA("\"type\":\"text_delta\",\"text\":\"%s\""), MESSAGES_END },
    { "F08 anthropic thinking", "1/thinking_delta/thinking/", WD_OP_MESSAGES, false, "",
      MESSAGES_DELTA("\"type\":\"thinking_delta\",\"thinking\":\"%s\""),
      MESSAGES_DELTA("\"type\":\"signature_delta\",\"signature\":\"EqQB\"") MESSAGES_END },
    { "F06 anthropic tool input", "1/input_json_delta/partial_json/", WD_OP_MESSAGES, true, "",
      MESSAGES_DELTA("\"type\":\"input_json_delta\",\"partial_json\":\"%s\""), MESSAGES_END },
    { "anthropic delta of tomorrow", "1/musing_delta/musing/", WD_OP_MESSAGES, false, "",
      MESSAGES_DELTA("\"type\":\"musing_delta\",\"musing\":\"%s\""), MESSAGES_END },
    { "F07 google second candidate", "candidates/1/part/text/", WD_OP_STREAM_GENERATE, false, "",
      GOOGLE_CHUNK("{\"text\":\"%s\"}", ""), GOOGLE_END },
    { "google text, closed by the end", "candidates/1/part/text/", WD_OP_STREAM_GENERATE, false,
      "data: {\"candidates\":[{\"content\":{\"parts\":[]},\"finishReason\":\"STOP\",\"index\":0}]}\n\n",
      GOOGLE_CHUNK("{\"text\":\"%s\"}", ""), "" },
    { "F08 google thought", "candidates/1/thought/text/", WD_OP_STREAM_GENERATE, false, "",
      GOOGLE_CHUNK("{\"text\":\"%s\",\"thought\":true}", ""), GOOGLE_END },
    { "F06 google partial arguments", "candidates/1/call/$.a/", WD_OP_STREAM_GENERATE, false,
      GOOGLE_CHUNK("{\"functionCall\":{\"name\":\"f\",\"willContinue\":true}}", ""),
      GOOGLE_CHUNK("{\"functionCall\":{\"partialArgs\":[{\"jsonPath\":\"$.a\",\"stringValue\":\"%s\",\"willContinue\":true}],"
                   "\"willContinue\":true}}",
                   ""),
      GOOGLE_CHUNK("{\"functionCall\":{}}", "") GOOGLE_END },
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

/* format with each %s replaced by text, as the inside of a JSON string */
static void
fill(struct wd_buf *out, const char *format, struct wd_span text)
{
    const char *mark;

    while ((mark = strstr(format, "%s")) != NULL) {
        MUST(wd_buf_add(out, wd_span(format, (size_t)(mark - format))));
        MUST(wd_json_escape(out, text));
        format = mark + 2;
    }
    MUST(wd_buf_add_str(out, format));
}

/* Numbers the events of a Responses stream from 0. */
static void
number_events(struct wd_buf *b)
{
    struct wd_buf out;
    const char *p = b->ptr, *end = b->ptr + b->len, *mark;
    static const char field[] = "\"sequence_number\":9";
    unsigned n = 0;

    wd_buf_init(&out, b->cap);
    while ((mark = memmem(p, (size_t)(end - p), field, sizeof(field) - 1)) != NULL) {
        MUST(wd_buf_add(&out, wd_span(p, (size_t)(mark - p))));
        MUST(wd_buf_printf(&out, "\"sequence_number\":%u", n++));
        p = mark + sizeof(field) - 1;
    }
    MUST(wd_buf_add(&out, wd_span(p, (size_t)(end - p))));
    wd_buf_deinit(b);
    *b = out;
}

static void
build(const struct kind *k, struct wd_span text, const size_t *ends, size_t count, struct wd_buf *out)
{
    size_t at = 0;

    wd_buf_init(out, 1 << 20);
    MUST(wd_buf_add_str(out, k->before));
    for (size_t i = 0; i <= count; i++) {
        size_t to = i < count ? ends[i] : text.len;

        fill(out, k->fragment, wd_span(text.ptr + at, to - at));
        at = to;
    }
    fill(out, k->after, text);
    if (k->op == WD_OP_RESPONSES)
        number_events(out);
}

static void
expect_of(const struct kind *k, struct wd_span text, struct wd_buf *expected)
{
    bool changed, begun = strstr(k->before, "so: ") != NULL;
    struct wd_buf whole;

    wd_buf_init(&whole, 1 << 20);
    wd_buf_init(expected, 1 << 20);
    if (begun)
        MUST(wd_buf_add_str(&whole, "so: "));
    MUST(wd_buf_add(&whole, text));
    MUST(wd_redact(&rules.scan, k->json ? WD_REDACT_JSON : WD_REDACT_TEXT, wd_buf_span(&whole), expected, &changed));
    assert_true(changed);
    assert_false(span_holds(wd_buf_span(expected), WD_SPAN(SECRET_TAIL)));
    wd_buf_deinit(&whole);
}

static void
check(const struct kind *k, struct wd_span text, struct wd_span sent, struct wd_span got)
{
    struct wd_buf expected;
    struct reading r;

    expect_of(k, text, &expected);
    reading_init(&r);
    reading_take(&r, k->op, got);
    if (r.unreadable || r.sequence_broken)
        fail_msg("%s: broken: %.*s", k->title, (int)got.len, got.ptr);
    if (span_holds(got, WD_SPAN(SECRET_TAIL)) || reading_holds(&r, WD_SPAN(SECRET_TAIL)))
        fail_msg("%s: the secret went out: %.*s", k->title, (int)got.len, got.ptr);
    if (!wd_span_eq(reading_channel(&r, k->channel), wd_buf_span(&expected)))
        fail_msg("%s: expected %.*s, got %.*s\nfrom %.*s", k->title, (int)expected.len, expected.ptr, (int)got.len, got.ptr,
                 (int)sent.len, sent.ptr);
    if (k->op == WD_OP_RESPONSES) { /* the four copies read like the deltas */
        const char *p = r.whole.ptr;
        size_t copies = 0;

        MUST(wd_buf_add_byte(&expected, '\n'));
        while ((p = memmem(p, (size_t)(r.whole.ptr + r.whole.len - p), expected.ptr, expected.len)) != NULL) {
            copies++;
            p += expected.len;
        }
        assert_int_equal(copies, 4);
    }
    reading_deinit(&r);
    wd_buf_deinit(&expected);
}

static void
check_run(const struct kind *k, struct wd_span text, struct wd_span sent, const size_t *cuts, size_t count)
{
    struct wd_buf out;

    wd_buf_init(&out, 1 << 20);
    run_cut(&rules, k->op, sent, cuts, count, &out);
    check(k, text, sent, wd_buf_span(&out));
    wd_buf_deinit(&out);
}

static struct wd_span
text_of(const struct kind *k)
{
    return k->json ? WD_SPAN("{\"note\":\"the key \\\"is\\\" " SECRET " here\",\"n\":1}")
                   : WD_SPAN("the key is " SECRET " and that is all");
}

static void
test_fragments(void **state)
{
    for (size_t i = 0; i < KINDS; i++) {
        struct wd_span text = text_of(&kinds[i]);
        struct wd_buf sent;
        size_t ends[256];

        for (size_t at = 0; at <= text.len; at++) {
            build(&kinds[i], text, &at, 1, &sent);
            check_run(&kinds[i], text, wd_buf_span(&sent), NULL, 0);
            wd_buf_deinit(&sent);
        }
        for (size_t at = 0; at < text.len; at++)
            ends[at] = at;
        build(&kinds[i], text, ends, text.len, &sent);
        check_run(&kinds[i], text, wd_buf_span(&sent), NULL, 0);
        wd_buf_deinit(&sent);
    }
}

/* A text that ends with the secret: it is held when the channel ends. */
static void
test_secret_at_the_end(void **state)
{
    for (size_t i = 0; i < KINDS; i++) {
        struct wd_span text = kinds[i].json ? WD_SPAN("{\"note\":\"" SECRET) : WD_SPAN("the key is " SECRET);
        struct wd_buf sent;

        for (size_t at = text.len - sizeof(SECRET); at <= text.len; at++) {
            build(&kinds[i], text, &at, 1, &sent);
            check_run(&kinds[i], text, wd_buf_span(&sent), NULL, 0);
            wd_buf_deinit(&sent);
        }
    }
}

static void
test_cuts_around(void **state)
{
    for (size_t i = 0; i < KINDS; i++) {
        struct wd_span text = text_of(&kinds[i]);
        size_t middle = text.len / 2, *cuts;
        struct wd_buf sent;

        build(&kinds[i], text, &middle, 1, &sent);
        for (size_t cut = 0; cut <= sent.len; cut++)
            check_run(&kinds[i], text, wd_buf_span(&sent), &cut, 1);
        cuts = malloc(sent.len * sizeof(*cuts));
        assert_non_null(cuts);
        for (size_t cut = 0; cut < sent.len; cut++)
            cuts[cut] = cut;
        check_run(&kinds[i], text, wd_buf_span(&sent), cuts, sent.len);
        free(cuts);
        wd_buf_deinit(&sent);
    }
}

/* Arguments whose own escapes spell the secret. */
static void
test_escaped(void **state)
{
    struct wd_span text = WD_SPAN("{\"note\":\"sk-\\u0070roj-Tq7Zb3" SECRET_TAIL " x\"}");

    for (size_t i = 0; i < KINDS; i++) {
        struct wd_buf sent;

        for (size_t at = 0; kinds[i].json && at <= text.len; at++) {
            build(&kinds[i], text, &at, 1, &sent);
            check_run(&kinds[i], text, wd_buf_span(&sent), NULL, 0);
            wd_buf_deinit(&sent);
        }
    }
}

/* Two choices whose fragments take turns: each is a text of its own. */
static void
test_interleaved(void **state)
{
    struct wd_span text = WD_SPAN("the key is " SECRET " and that is all");
    struct reading r;
    struct run run;
    char chunk[512];

    run_start(&run, &rules, WD_OP_CHAT);
    for (size_t i = 0; i < text.len; i++) {
        for (int field = 0; field < 4; field++) {
            int n = snprintf(chunk, sizeof(chunk), "data: {\"choices\":[{\"index\":%d,\"delta\":{\"%s\":\"%c\"}}]}\n\n",
                             field / 2, field % 2 == 0 ? "content" : "reasoning", text.ptr[i]);

            run_feed(&run, wd_span(chunk, (size_t)n));
        }
    }
    run_feed(&run, WD_SPAN("data: [DONE]\n\n"));
    run_end(&run, WD_CODE_NONE);
    reading_init(&r);
    reading_take(&r, WD_OP_CHAT, wd_buf_span(&run.out));
    for (size_t i = 0; i < r.channels; i++) {
        assert_false(span_holds(wd_buf_span(&r.text[i]), WD_SPAN(SECRET_TAIL)));
        assert_true(span_holds(wd_buf_span(&r.text[i]), WD_SPAN("[REDACTED] and that is all")));
    }
    assert_int_equal(r.channels, 4);
    reading_deinit(&r);
    run_free(&run);
}

/* A text that is sent five times counts once. */
static void
test_counted_once(void **state)
{
    for (size_t i = 0; i < KINDS; i++) {
        struct wd_span text = text_of(&kinds[i]);
        size_t at = text.len / 2;
        struct wd_buf sent;

        build(&kinds[i], text, &at, 1, &sent);
        memset(&rules.findings, 0, sizeof(rules.findings));
        check_run(&kinds[i], text, wd_buf_span(&sent), NULL, 0);
        /* one of the stream, one of the text that was expected */
        assert_int_equal(rules.findings.count, 1);
        assert_int_equal(rules.findings.items[0].count, 2);
        wd_buf_deinit(&sent);
    }
}

/* Action refuse: the stream stops with the format's error event, and the text before is all that went out. */
static void
test_refused(void **state)
{
    struct rules strict;

    rules_init(&strict, WD_REFUSE);
    for (size_t i = 0; i < KINDS; i++) {
        struct wd_span text = text_of(&kinds[i]);
        size_t at = text.len / 2;
        struct reading r;
        struct wd_buf sent;
        struct run run;

        build(&kinds[i], text, &at, 1, &sent);
        run_start(&run, &strict, kinds[i].op);
        run_feed(&run, wd_buf_span(&sent));
        run_end(&run, WD_CODE_NONE);
        reading_init(&r);
        reading_take(&r, kinds[i].op, wd_buf_span(&run.out));
        assert_true(wd_outer_ended(run.gate) && wd_outer_terminated(run.gate));
        assert_int_equal(wd_outer_code(run.gate), WD_CODE_SECRET_DETECTED);
        assert_false(r.unreadable || r.sequence_broken);
        assert_false(span_holds(wd_buf_span(&run.out), WD_SPAN(SECRET_TAIL)));
        assert_false(reading_holds(&r, WD_SPAN(SECRET_TAIL)));
        assert_true(span_holds(wd_buf_span(&run.out), WD_SPAN("\"error\"")));
        reading_deinit(&r);
        run_free(&run);
        wd_buf_deinit(&sent);
    }
    rules_deinit(&strict);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        { "F01 F02 F06 F07 F08 F09 a secret across two fragments, in every channel of every format", test_fragments, NULL, NULL,
          NULL },
        { "F02 a secret at the very end of a channel", test_secret_at_the_end, NULL, NULL, NULL },
        { "F02 a secret across every cut of the bytes", test_cuts_around, NULL, NULL, NULL },
        { "F10 a secret behind escapes of tool arguments", test_escaped, NULL, NULL, NULL },
        { "F07 choices and fields whose fragments take turns", test_interleaved, NULL, NULL, NULL },
        { "F09 copies of a text are not counted again", test_counted_once, NULL, NULL, NULL },
        { "F01 a refusing finding ends the stream", test_refused, NULL, NULL, NULL },
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
