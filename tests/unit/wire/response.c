/* What the readers of answers list: kinds, channels, what ends them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "wire/response.h"

static void
describe_prefixes(struct wd_buf *out, const char *title, const struct wd_prefixes *p)
{
    for (uint32_t i = 0; i < p->count; i++)
        assert_int_equal(
            wd_buf_printf(out, "%s%s\"%.*s\"", out->len > 0 ? " " : "", title, (int)p->items[i].len, p->items[i].ptr), WD_OK);
}

/* Parts in order: fragments as channel=, others by kind and key or text. */
static void
describe(const struct wd_response *r, struct wd_buf *out)
{
    static const char *const kinds[] = { "text", "json", "member", "key", "number", "fragment", "logprobs" };

    for (uint32_t i = 0; i < r->count; i++) {
        const struct wd_part *part = &r->parts[i];
        struct wd_span s = part->kind == WD_PART_FRAGMENT ? part->channel
                           : part->kind == WD_PART_KEY    ? wd_json_key_raw(r->doc, part->node)
                                                          : wd_json_raw(r->doc, part->node);

        assert_int_equal(
            wd_buf_printf(out, "%s%s%s %.*s", i > 0 ? " " : "", kinds[part->kind], part->json ? "+json" : "", (int)s.len, s.ptr),
            WD_OK);
    }
    describe_prefixes(out, "before ", &r->before);
    describe_prefixes(out, "after ", &r->after);
    describe_prefixes(out, "pause ", &r->pause);
    if (r->turn != WD_TURN_NONE)
        assert_int_equal(wd_buf_add_str(out, r->turn == WD_TURN_END ? " end" : " may-end"), WD_OK);
}

static void
test_listed(void **state)
{
    static const struct {
        enum wd_op op;
        bool stream;
        const char *in, *expected;
    } cases[] = {
        { WD_OP_CHAT, true, "{\"choices\":[{\"index\":3,\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}",
          "key content fragment choices/3/delta/content/ text \"stop\" after \"choices/3/\"" },
        { WD_OP_CHAT, true, "{\"choices\":[{},{\"delta\":{\"c\\u006fntent\":\"a\",\"role\":\"x\"}}]}",
          "key c\\u006fntent fragment choices/1/delta/content/ text \"x\"" },
        { WD_OP_CHAT, true,
          "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":2,\"id\":\"i\",\"function\":{\"arguments\":\"{\"}}]}}]}",
          "key id text \"i\" fragment+json choices/0/delta/tool_calls/2/function/arguments/" },
        { WD_OP_CHAT, false,
          "{\"choices\":[{\"message\":{\"content\":\"a\",\"tool_calls\":[{\"function\":{\"arguments\":\"{}\"}}]}}]}",
          "key content text \"a\" json \"{}\"" },
        { WD_OP_CHAT, true, "{\"choices\":[{\"logprobs\":{\"content\":[]}}],\"created\":123456789012,\"x\":1.5}",
          "logprobs {\"content\":[]} key content number 123456789012 key x" },
        { WD_OP_RESPONSES, true,
          "{\"type\":\"response.output_text.delta\",\"item_id\":\"i\",\"output_index\":1,\"content_index\":2,\"delta\":\"a\"}",
          "text \"response.output_text.delta\" text \"i\" fragment 1/c2/response.output_text/" },
        { WD_OP_RESPONSES, true, "{\"type\":\"response.x.delta\",\"item_id\":\"i\",\"delta\":\"a\"}",
          "text \"response.x.delta\" text \"i\" fragment id:i/response.x/" },
        { WD_OP_RESPONSES, true, "{\"type\":\"response.output_text.done\",\"output_index\":1,\"content_index\":2}",
          "text \"response.output_text.done\" after \"1/c2/response.output_text/\"" },
        { WD_OP_RESPONSES, true, "{\"type\":\"response.output_item.done\",\"output_index\":1}",
          "text \"response.output_item.done\" after \"1/\"" },
        { WD_OP_RESPONSES, true, "{\"type\":\"response.failed\"}", "text \"response.failed\" after \"\" end" },
        { WD_OP_MESSAGES, true,
          "{\"type\":\"content_block_start\",\"index\":4,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"a\","
          "\"signature\":\"s\"}}",
          "text \"content_block_start\" key type text \"thinking\" fragment 4/thinking_delta/thinking/ before \"4/\"" },
        { WD_OP_MESSAGES, true, "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"r\"}}",
          "text \"message_delta\" key stop_reason text \"r\"" },
        { WD_OP_MESSAGES, false, "{\"content\":[{\"type\":\"tool_use\",\"input\":{\"a\":\"b\"}}]}",
          "key type text \"tool_use\" key a member \"b\"" },
        { WD_OP_STREAM_GENERATE, true,
          "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\",\"thought\":true},{\"text\":\"b\"}]},\"finishReason\":"
          "\"STOP\"}]}",
          "key text fragment candidates/0/thought/text/ key text fragment candidates/0/part/text/ key finishReason text \"STOP\" "
          "after \"candidates/0/\" may-end" },
        { WD_OP_STREAM_GENERATE, true,
          "{\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"partialArgs\":[{\"jsonPath\":\"$.a\",\"stringValue\":"
          "\"b\"}],\"willContinue\":true}}]}}]}",
          "text \"$.a\" fragment candidates/0/call/$.a/ after \"candidates/0/call/$.a/\" pause \"candidates/0/\"" },
        { WD_OP_STREAM_GENERATE, true, "{\"promptFeedback\":{\"blockReason\":\"X\"}}",
          "key promptFeedback key blockReason text \"X\" may-end" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wd_json_error where;
        struct wd_response r;
        struct wd_arena arena;
        struct wd_json doc;
        struct wd_buf out;

        wd_arena_init(&arena, 1 << 20);
        wd_buf_init(&out, 1 << 16);
        assert_int_equal(wd_json_parse(&doc, wd_span_str(cases[i].in), &arena, WD_JSON_LIMITS, &where), WD_OK);
        assert_int_equal(wd_response_read(&r, cases[i].op, cases[i].stream, true, &doc, &arena), WD_OK);
        describe(&r, &out);
        if (!wd_span_eq(wd_buf_span(&out), wd_span_str(cases[i].expected)))
            fail_msg("%s\nexpected %s\ngot      %.*s", cases[i].in, cases[i].expected, (int)out.len, out.ptr);
        wd_buf_deinit(&out);
        wd_arena_deinit(&arena);
    }
}

/* The event that carries a held end repeats nothing that may not be repeated. */
static void
test_tail(void **state)
{
    static const struct {
        enum wd_op op;
        const char *in, *expected;
    } cases[] = {
        { WD_OP_CHAT,
          "{\"id\":\"c\",\"created\":1,\"obfuscation\":\"zz\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\"}},{"
          "\"index\":1,\"delta\":{\"role\":\"assistant\","
          "\"content\":\"x\"},\"logprobs\":{\"content\":[1]},\"finish_reason\":null}],\"usage\":{\"n\":1}}",
          "{\"id\":\"c\",\"created\":1,\"choices\":[{\"index\":1,\"delta\":{\"content\":\"\"},\"finish_reason\":null}]}" },
        { WD_OP_CHAT,
          "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":1,\"id\":\"i\",\"type\":\"function\",\"function\":{\"name\":"
          "\"n\","
          "\"arguments\":\"x\"}}]}}]}",
          "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":1,\"function\":{\"arguments\":\"\"}}]}}]}" },
        { WD_OP_RESPONSES,
          "{\"type\":\"response.output_text.delta\",\"sequence_number\":4,\"item_id\":\"i\",\"delta\":\"x\",\"logprobs\":[],"
          "\"obfuscation\":\"q\"}",
          "{\"type\":\"response.output_text.delta\",\"item_id\":\"i\",\"delta\":\"\",\"logprobs\":[]}" },
        { WD_OP_MESSAGES, "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"x\"}}",
          "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"\"}}" },
        { WD_OP_MESSAGES, "{\"type\":\"content_block_start\",\"index\":7,\"content_block\":{\"type\":\"text\",\"text\":\"x\"}}",
          "{\"type\":\"content_block_delta\",\"index\":7,\"delta\":{\"type\":\"text_delta\",\"text\":\"\"}}" },
        { WD_OP_STREAM_GENERATE,
          "{\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"f\"}},{\"text\":\"x\",\"thought\":true}],"
          "\"role\":\"model\"},\"index\":0}],"
          "\"usageMetadata\":{},\"modelVersion\":\"g\"}",
          "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\",\"thought\":true}],\"role\":\"model\"},\"index\":0}],"
          "\"modelVersion\":\"g\"}" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct wd_edits none = { 0 };
        struct wd_json_error where;
        struct wd_response r;
        struct wd_arena arena;
        struct wd_json doc;
        struct wd_buf out;
        size_t at = 0;

        wd_arena_init(&arena, 1 << 20);
        wd_buf_init(&out, 1 << 16);
        assert_int_equal(wd_json_parse(&doc, wd_span_str(cases[i].in), &arena, WD_JSON_LIMITS, &where), WD_OK);
        assert_int_equal(wd_response_read(&r, cases[i].op, true, false, &doc, &arena), WD_OK);
        for (uint32_t p = 0; p < r.count; p++) {
            if (r.parts[p].kind == WD_PART_FRAGMENT)
                assert_int_equal(wd_response_tail(&r, &r.parts[p], &none, &out, &at), WD_OK);
        }
        if (!wd_span_eq(wd_buf_span(&out), wd_span_str(cases[i].expected)))
            fail_msg("expected %s\ngot      %.*s", cases[i].expected, (int)out.len, out.ptr);
        assert_memory_equal(out.ptr + at - 1, "\"\"", 2);
        wd_buf_deinit(&out);
        wd_arena_deinit(&arena);
    }
}

/* Bounds: fragments in an event, length of a channel's name. */
static void
test_bounds(void **state)
{
    struct wd_json_error where;
    struct wd_response r;
    struct wd_arena arena;
    struct wd_json doc;
    struct wd_buf in;

    for (int kind = 0; kind < 2; kind++) {
        wd_arena_init(&arena, 1 << 24);
        wd_buf_init(&in, 1 << 20);
        assert_int_equal(
            wd_buf_add_str(&in, kind == 0 ? "{\"choices\":[{\"delta\":{\"content\":[\"\"" : "{\"choices\":[{\"delta\":{\""),
            WD_OK);
        for (int i = 0; i < WD_FRAGMENTS_MAX; i++)
            assert_int_equal(wd_buf_add_str(&in, kind == 0 ? ",\"x\"" : "kk"), WD_OK);
        assert_int_equal(wd_buf_add_str(&in, kind == 0 ? "]}}]}" : "\":\"x\"}}]}"), WD_OK);
        assert_int_equal(wd_json_parse(&doc, wd_buf_span(&in), &arena, WD_JSON_LIMITS, &where), WD_OK);
        assert_int_equal(wd_response_read(&r, WD_OP_CHAT, true, true, &doc, &arena), WD_ERR_LIMIT);
        wd_buf_deinit(&in);
        wd_arena_deinit(&arena);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        { "F06 F07 F08 what is listed of an answer", test_listed, NULL, NULL, NULL },
        { "the event of a held end", test_tail, NULL, NULL, NULL },
        { "F51 bounds", test_bounds, NULL, NULL, NULL },
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
