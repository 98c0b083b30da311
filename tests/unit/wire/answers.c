#include "requests.h"

#include "wire/native.h"
#include "wire/sse.h"

/* Error bodies and native refusals: JSON whatever stands in the message, with the members that each SDK looks for. */

static struct wd_span
at(const struct wd_json *doc, struct wd_arena *arena, const char *const *path)
{
    uint32_t node = 0;

    for (; *path != NULL; path++) {
        node = **path == '[' ? doc->nodes[node].child : wd_json_get(doc, node, *path);
        if (node == 0)
            return wd_span(NULL, 0);
    }
    return wd_json_type(doc, node) == WD_JSON_STRING ? wd_json_string(doc, node, arena) : wd_json_raw(doc, node);
}

#define AT(...) ((const char *const[]){ __VA_ARGS__, NULL })
static const char message[] = "no \"secrets\"\n\xe4\xb8\x96 \\";

static void
assert_at(struct wd_span text, const char *const *path, const char *value)
{
    struct wd_arena arena;
    struct wd_json doc;
    struct wd_json_error error;
    struct wd_span s;

    wd_arena_init(&arena, 1 << 20);
    if (wd_json_parse(&doc, text, &arena, WD_JSON_LIMITS, &error) != WD_OK)
        fail_msg("%s: %.*s", error.what, (int)text.len, text.ptr);
    s = at(&doc, &arena, path);
    if (!wd_span_eq(s, wd_span_str(value)))
        fail_msg("%.*s instead of %s in %.*s", (int)s.len, s.ptr, value, (int)text.len, text.ptr);
    wd_arena_deinit(&arena);
}

static void
test_error_bodies_f54(void **state)
{
    (void)state;
    for (int code = 1; code < WD_CODE_COUNT; code++) {
        for (int shape = WD_SHAPE_OPENAI; shape <= WD_SHAPE_UNIVERSAL; shape++) {
            struct wd_buf out;
            char status[16];

            snprintf(status, sizeof(status), "%d", wd_code_status(code));
            assert_in_range(wd_code_status(code), 400, 504);
            wd_buf_init(&out, 4096);
            assert_int_equal(wd_error_body(&out, shape, code, wd_span_str(message), WD_SPAN("messages[0]"), WD_SPAN("req-1")),
                             WD_OK);
            assert_at(wd_buf_span(&out), AT("error", "message"), message);
            if (shape == WD_SHAPE_OPENAI) {
                assert_at(wd_buf_span(&out), AT("error", "code"), wd_code_name(code));
                assert_at(wd_buf_span(&out), AT("error", "param"), "messages[0]");
            }
            if (shape == WD_SHAPE_ANTHROPIC)
                assert_at(wd_buf_span(&out), AT("error", "details", "error_code"), wd_code_name(code));
            if (shape == WD_SHAPE_ANTHROPIC || shape == WD_SHAPE_UNIVERSAL) {
                assert_at(wd_buf_span(&out), AT("type"), "error");
                assert_at(wd_buf_span(&out), AT("request_id"), "req-1");
            }
            if (shape == WD_SHAPE_GOOGLE || shape == WD_SHAPE_UNIVERSAL) {
                assert_at(wd_buf_span(&out), AT("error", "code"), status);
                assert_at(wd_buf_span(&out), AT("error", "details", "[", "reason"), wd_code_name(code));
            }
            wd_buf_deinit(&out);
        }
    }
}

static void
test_error_bodies_exact(void **state)
{
    static const struct {
        enum wd_error_shape shape;
        const char *body;
    } cases[] = {
        { WD_SHAPE_OPENAI,
          "{\"error\":{\"message\":\"no\",\"type\":\"permission_error\",\"param\":null,\"code\":\"model_not_allowed\"}}" },
        { WD_SHAPE_ANTHROPIC,
          "{\"type\":\"error\",\"error\":{\"type\":\"permission_error\",\"message\":\"no\",\"details\":{\"error_code\":"
          "\"model_not_allowed\"}},\"request_id\":\"r\"}" },
        { WD_SHAPE_GOOGLE,
          "{\"error\":{\"code\":403,\"message\":\"no\",\"status\":\"PERMISSION_DENIED\",\"details\":[{\"@type\":"
          "\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":\"model_not_allowed\",\"domain\":\"warder\"}]}}" },
        { WD_SHAPE_UNIVERSAL,
          "{\"type\":\"error\",\"error\":{\"type\":\"permission_error\",\"message\":\"no\",\"code\":403,\"status\":"
          "\"PERMISSION_DENIED\",\"param\":null,\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\","
          "\"reason\":\"model_not_allowed\",\"domain\":\"warder\"}]},\"request_id\":\"r\"}" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t cap = strlen(cases[i].body);

        /* Every cap below the body's length is refused whole. */
        for (size_t c = 0; c <= cap; c++) {
            struct wd_buf out;
            enum wd_err err;

            wd_buf_init(&out, c);
            err = wd_error_body(&out, cases[i].shape, WD_CODE_MODEL_NOT_ALLOWED, WD_SPAN("no"), WD_SPAN(""), WD_SPAN("r"));
            assert_int_equal(err, c < cap ? WD_ERR_LIMIT : WD_OK);
            assert_int_equal(out.len, c < cap ? 0 : cap);
            if (err == WD_OK)
                assert_memory_equal(out.ptr, cases[i].body, cap);
            wd_buf_deinit(&out);
        }
    }
}

static const struct native {
    enum wd_op op;
    const char *text[8], *finish[8], *word;
} natives[] = {
    { WD_OP_CHAT, { "choices", "[", "message", "content" }, { "choices", "[", "finish_reason" }, "content_filter" },
    { WD_OP_RESPONSES, { "output", "[", "content", "[", "text" }, { "incomplete_details", "reason" }, "content_filter" },
    { WD_OP_MESSAGES, { "content", "[", "text" }, { "stop_reason" }, "refusal" },
    { WD_OP_GENERATE, { "candidates", "[", "content", "parts", "[", "text" }, { "candidates", "[", "finishReason" }, "SAFETY" },
};

static void
test_native_bodies(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(natives) / sizeof(natives[0]); i++) {
        struct wd_buf out;

        wd_buf_init(&out, 1 << 16);
        assert_int_equal(wd_native_refusal(&out, natives[i].op, false, WD_SPAN("m\"1"), wd_span_str(message), WD_SPAN("r\\1")),
                         WD_OK);
        assert_at(wd_buf_span(&out), natives[i].text, message);
        assert_at(wd_buf_span(&out), natives[i].finish, natives[i].word);
        wd_buf_deinit(&out);
    }
}

struct seen {
    char names[512]; /* type of each event */
    bool text, word, done;
};

static void
read_stream(struct wd_span stream, const char *word, struct seen *seen)
{
    struct wd_sse sse;
    struct wd_sse_event event;
    bool got = true;

    *seen = (struct seen){ 0 };
    wd_sse_init(&sse, 1 << 16);
    while (got) {
        struct wd_arena arena;
        struct wd_json doc;
        struct wd_json_error error;

        assert_int_equal(wd_sse_next(&sse, &stream, &event, &got), WD_OK);
        if (!got)
            break;
        assert_false(event.has_other);
        if (wd_span_eq(event.data, WD_SPAN("[DONE]"))) {
            seen->done = true;
            continue;
        }
        wd_arena_init(&arena, 1 << 20);
        if (wd_json_parse(&doc, event.data, &arena, WD_JSON_LIMITS, &error) != WD_OK)
            fail_msg("%s: %.*s", error.what, (int)event.data.len, event.data.ptr);
        if (wd_json_get(&doc, 0, "type") != 0) {
            struct wd_span type = wd_json_string(&doc, wd_json_get(&doc, 0, "type"), &arena);
            assert_true(wd_span_eq(type, event.name));
            snprintf(seen->names + strlen(seen->names), sizeof(seen->names) - strlen(seen->names), "%.*s ", (int)type.len,
                     type.ptr);
        }
        for (uint32_t i = 0; i < doc.count; i++) {
            seen->text |= wd_json_string_is(&doc, i, message);
            seen->word |= wd_json_string_is(&doc, i, word);
        }
        wd_arena_deinit(&arena);
    }
    assert_int_equal(wd_sse_pending(&sse), 0);
    wd_sse_deinit(&sse);
}

static void
test_native_streams_f53(void **state)
{
    static const struct {
        enum wd_op op;
        const char *word, *names;
        bool done;
    } cases[] = {
        { WD_OP_CHAT, "content_filter", "", true },
        { WD_OP_RESPONSES, "content_filter",
          "response.created response.in_progress response.output_item.added response.content_part.added "
          "response.output_text.delta "
          "response.output_text.done response.content_part.done response.output_item.done response.incomplete ",
          false },
        { WD_OP_MESSAGES, "refusal",
          "message_start content_block_start content_block_delta content_block_stop message_delta message_stop ", false },
        { WD_OP_STREAM_GENERATE, "SAFETY", "", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wd_buf out;
        struct seen seen;

        wd_buf_init(&out, 1 << 16);
        assert_int_equal(wd_native_refusal(&out, cases[i].op, true, WD_SPAN("m\"1"), wd_span_str(message), WD_SPAN("r\\1")),
                         WD_OK);
        read_stream(wd_buf_span(&out), cases[i].word, &seen);
        assert_string_equal(seen.names, cases[i].names);
        assert_true(seen.text);
        assert_true(seen.word);
        assert_int_equal(seen.done, cases[i].done);
        wd_buf_deinit(&out);
    }
}

static void
test_native_none(void **state)
{
    static const enum wd_op ops[] = { WD_OP_EMBEDDINGS,   WD_OP_MODELS, WD_OP_MESSAGES_COUNT,
                                      WD_OP_COUNT_TOKENS, WD_OP_EMBED,  WD_OP_BATCH_EMBED };

    (void)state;
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
        struct wd_buf out;

        wd_buf_init(&out, 1 << 16);
        assert_int_equal(wd_native_refusal(&out, ops[i], false, WD_SPAN("m"), WD_SPAN("x"), WD_SPAN("r")), WD_ERR_NOTFOUND);
        assert_int_equal(out.len, 0);
        wd_buf_deinit(&out);
    }
    assert_string_equal(wd_code_name(WD_CODE_NONE), "");
    assert_int_equal(wd_code_status(WD_CODE_NONE), 200);
    for (int op = 0; op < WD_OPS; op++)
        assert_non_null(wd_op_name(op));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error_bodies_f54), cmocka_unit_test(test_error_bodies_exact),
        cmocka_unit_test(test_native_bodies),    cmocka_unit_test(test_native_streams_f53),
        cmocka_unit_test(test_native_none),
    };
    return cmocka_run_group_tests_name("answers", tests, NULL, NULL);
}
