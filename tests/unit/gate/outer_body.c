/* Answers that come whole. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "streams.h"

#define SECRET "sk-proj-Tq7Zb3Kd81mX04LpQv92RsWy55HgUn6A"
#define CARD "4111111111111111"

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

static enum wd_err
pass(const struct rules *with, enum wd_op op, struct wd_span body, struct wd_buf *out, struct wd_outer **gate)
{
    struct wd_outer_config config = { .op = op, .scan = &with->scan, .body_max = 1 << 24 };

    wd_buf_init(out, 1 << 24);
    assert_int_equal(wd_outer_new(gate, &config), WD_OK);
    return wd_outer_body(*gate, body, 200, out);
}

/* in NULL: as it came */
static void
test_bodies(void **state)
{
    static const struct {
        enum wd_op op;
        const char *in, *out;
    } cases[] = {
        { WD_OP_CHAT, "{ \"choices\" : [] }\n", NULL },
        { WD_OP_CHAT, "{\"choices\":[{\"message\":{\"content\":\"a\"}},{\"message\":{\"content\":\"key " SECRET " \\u00e9\"}}]}",
          "{\"choices\":[{\"message\":{\"content\":\"a\"}},{\"message\":{\"content\":\"key [REDACTED] \xc3\xa9\"}}]}" },
        { WD_OP_CHAT, "{\"choices\":[{\"message\":{\"refusal\":\"" SECRET "\",\"reasoning\":\"" SECRET "\"}}]}",
          "{\"choices\":[{\"message\":{\"refusal\":\"[REDACTED]\",\"reasoning\":\"[REDACTED]\"}}]}" },
        { WD_OP_CHAT,
          "{\"choices\":[{\"message\":{\"tool_calls\":[{\"function\":{\"arguments\":\"{\\\"k\\\":\\\"" SECRET "\\\"}\"}}]}}]}",
          "{\"choices\":[{\"message\":{\"tool_calls\":[{\"function\":{\"arguments\":\"{\\\"k\\\":\\\"[REDACTED]\\\"}\"}}]}}]}" },
        { WD_OP_CHAT, "{\"choices\":[{\"message\":{\"audio\":{\"data\":\"" SECRET "\",\"transcript\":\"" SECRET "\"}}}]}",
          "{\"choices\":[{\"message\":{\"audio\":{\"data\":\"" SECRET "\",\"transcript\":\"[REDACTED]\"}}}]}" },
        { WD_OP_CHAT,
          "{\"choices\":[{\"message\":{\"content\":\"" SECRET
          "\"},\"logprobs\":{\"content\":[{\"token\":\"sk\"}]}},{\"logprobs\":{\"content\":[{\"token\":\"sk\"}]}}]}",
          "{\"choices\":[{\"message\":{\"content\":\"[REDACTED]\"},\"logprobs\":null},{\"logprobs\":{\"content\":[{\"token\":"
          "\"sk\"}]}}]}" },
        { WD_OP_CHAT, "{\"choices\":[{\"logprobs\":{\"content\":[{\"token\":\"" SECRET "\"}]}}]}",
          "{\"choices\":[{\"logprobs\":null}]}" },
        { WD_OP_CHAT, "{\"" SECRET "\":{\"n\":1}}", "{\"[REDACTED]\":{\"n\":1}}" },
        { WD_OP_CHAT, "{\"error\":{\"message\":\"Incorrect key " SECRET "\"}}",
          "{\"error\":{\"message\":\"Incorrect key [REDACTED]\"}}" },
        { WD_OP_CHAT, "{\"s\\u006b\":\"s\\u006b-proj-Tq7Zb3Kd81mX04LpQv92RsWy55HgUn6A\"}", "{\"s\\u006b\":\"[REDACTED]\"}" },
        { WD_OP_RESPONSES,
          "{\"output\":[{\"type\":\"reasoning\",\"encrypted_content\":\"" SECRET "\",\"summary\":[{\"text\":\"" SECRET "\"}]},"
          "{\"type\":\"message\",\"content\":[{\"text\":\"" SECRET "\",\"logprobs\":[{\"token\":\"s\"}]}]},"
          "{\"type\":\"image_generation_call\",\"result\":\"" SECRET "\"}]}",
          "{\"output\":[{\"type\":\"reasoning\",\"encrypted_content\":\"" SECRET "\",\"summary\":[{\"text\":\"[REDACTED]\"}]},"
          "{\"type\":\"message\",\"content\":[{\"text\":\"[REDACTED]\",\"logprobs\":[]}]},"
          "{\"type\":\"image_generation_call\",\"result\":\"" SECRET "\"}]}" },
        { WD_OP_MESSAGES,
          "{\"content\":[{\"type\":\"thinking\",\"thinking\":\"" SECRET "\",\"signature\":\"" SECRET
          "\"},{\"type\":\"tool_use\",\"input\":{\"a\":[\"" SECRET "\"]}},{\"type\":\"redacted_thinking\",\"data\":\"" SECRET
          "\"}]}",
          "{\"content\":[{\"type\":\"thinking\",\"thinking\":\"[REDACTED]\",\"signature\":\"" SECRET
          "\"},{\"type\":\"tool_use\",\"input\":{\"a\":["
          "\"[REDACTED]\"]}},{\"type\":\"redacted_thinking\",\"data\":\"" SECRET "\"}]}" },
        { WD_OP_GENERATE,
          "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"},{\"functionCall\":{\"args\":{\"k\":\"" SECRET
          "\"}},\"thoughtSignature\":\"" SECRET "\"}]}},{\"content\":{\"parts\":[{\"executableCode\":{\"code\":\"" SECRET
          "\"}}]}}]}",
          "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"},{\"functionCall\":{\"args\":{\"k\":\"[REDACTED]\"}},"
          "\"thoughtSignature\":\"" SECRET
          "\"}]}},{\"content\":{\"parts\":[{\"executableCode\":{\"code\":\"[REDACTED]\"}}]}}]}" },
        { WD_OP_STREAM_GENERATE, "[{\"error\":{\"message\":\"" SECRET "\"}}]", "[{\"error\":{\"message\":\"[REDACTED]\"}}]" },
        { WD_OP_EMBEDDINGS, "{\"data\":[{\"embedding\":\"" SECRET "\"},{\"embedding\":[0.5,-1e-3]}]}", NULL },
        { WD_OP_MODELS, "{\"data\":[{\"id\":\"" SECRET "\"}]}", "{\"data\":[{\"id\":\"[REDACTED]\"}]}" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *expected = cases[i].out != NULL ? cases[i].out : cases[i].in;
        struct wd_outer *gate;
        struct wd_buf out;

        assert_int_equal(pass(&rules, cases[i].op, wd_span_str(cases[i].in), &out, &gate), WD_OK);
        if (!wd_span_eq(wd_buf_span(&out), wd_span_str(expected)))
            fail_msg("expected %s\ngot      %.*s", expected, (int)out.len, out.ptr);
        wd_outer_free(gate);
        wd_buf_deinit(&out);
    }
}

static void
test_numbers(void **state)
{
    struct wd_outer *gate;
    struct wd_buf out;

    assert_int_equal(pass(&rules, WD_OP_MESSAGES,
                          WD_SPAN("{\"content\":[{\"type\":\"tool_use\",\"input\":{\"card\":" CARD "}}]}"), &out, &gate),
                     WD_OK);
    assert_true(
        wd_span_eq(wd_buf_span(&out), WD_SPAN("{\"content\":[{\"type\":\"tool_use\",\"input\":{\"card\":\"[REDACTED]\"}}]}")));
    wd_outer_free(gate);
    wd_buf_deinit(&out);
}

static void
test_refused_and_unreadable(void **state)
{
    static const char *const bad[] = {
        "", "<html>", "{", "{\"a\":1,\"a\":1}", "{\"a\":\"\xff\"}", "1", "\"x\"", "{\"a\":\"\\udc00\"}", "{}x"
    };
    struct rules strict;
    struct wd_outer *gate;
    struct wd_buf out;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(pass(&rules, WD_OP_CHAT, wd_span_str(bad[i]), &out, &gate), WD_ERR_SYNTAX);
        assert_int_equal(out.len, 0);
        wd_outer_free(gate);
        wd_buf_deinit(&out);
    }
    rules_init(&strict, WD_REFUSE);
    assert_int_equal(pass(&strict, WD_OP_CHAT, WD_SPAN("{\"a\":\"ok\",\"b\":\"" SECRET "\"}"), &out, &gate), WD_ERR_REFUSED);
    assert_int_equal(out.len, 0);
    assert_int_equal(wd_outer_code(gate), WD_CODE_SECRET_DETECTED);
    wd_outer_free(gate);
    wd_buf_deinit(&out);
    rules_deinit(&strict);
}

static void
test_usage(void **state)
{
    static const struct {
        enum wd_op op;
        const char *in;
        uint64_t tokens_in, tokens_out;
    } cases[] = {
        { WD_OP_CHAT, "{\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":6}}", 9, 6 },
        { WD_OP_RESPONSES, "{\"usage\":{\"input_tokens\":8,\"output_tokens\":5}}", 8, 5 },
        { WD_OP_MESSAGES, "{\"usage\":{\"input_tokens\":7,\"output_tokens\":4}}", 7, 4 },
        { WD_OP_GENERATE, "{\"usageMetadata\":{\"promptTokenCount\":6,\"candidatesTokenCount\":3}}", 6, 3 },
        { WD_OP_EMBEDDINGS, "{\"usage\":{\"prompt_tokens\":5}}", 5, 0 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wd_outer *gate;
        struct wd_buf out;

        assert_int_equal(pass(&rules, cases[i].op, wd_span_str(cases[i].in), &out, &gate), WD_OK);
        assert_true(wd_outer_usage(gate).known);
        assert_int_equal(wd_outer_usage(gate).tokens_in, cases[i].tokens_in);
        assert_int_equal(wd_outer_usage(gate).tokens_out, cases[i].tokens_out);
        wd_outer_free(gate);
        wd_buf_deinit(&out);
    }
}

/* Recorded answers leave byte for byte when nothing is found in them. */
static void
test_recorded(void **state)
{
    static const struct {
        const char *folder;
        enum wd_op op;
    } folders[] = {
        { "wire_vercel_ai/openai-chat", WD_OP_CHAT },
        { "wire_vercel_ai/openai-compatible-chat", WD_OP_CHAT },
        { "wire_vercel_ai/deepseek-chat", WD_OP_CHAT },
        { "wire_vercel_ai/groq", WD_OP_CHAT },
        { "wire_vercel_ai/mistral", WD_OP_CHAT },
        { "wire_vercel_ai/xai", WD_OP_CHAT },
        { "wire_vercel_ai/openai-responses", WD_OP_RESPONSES },
        { "wire_vercel_ai/xai-responses", WD_OP_RESPONSES },
        { "wire_vercel_ai/anthropic", WD_OP_MESSAGES },
        { "wire_vercel_ai/google", WD_OP_GENERATE },
        { "wire_envoy_openai", WD_OP_CHAT },
    };
    const char *shared = shared_folder();
    size_t all = 0, clean = 0;
    char path[4096];

    if (shared == NULL) {
        print_message("the shared folder with recorded answers is missing: skipped\n");
        skip();
    }
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        struct dirent *e;
        DIR *d;

        snprintf(path, sizeof(path), "%.900s/wire/%s", shared, folders[i].folder);
        d = opendir(path);
        assert_non_null(d);
        while ((e = readdir(d)) != NULL) {
            struct wd_buf file, out;
            struct wd_outer *gate;
            size_t n = strlen(e->d_name);
            enum wd_err err;

            if (n < 6 || strcmp(e->d_name + n - 5, ".json") != 0 || strstr(e->d_name, ".req.") != NULL ||
                strstr(e->d_name, ".meta.") != NULL)
                continue;
            snprintf(path, sizeof(path), "%.900s/wire/%s/%.255s", shared, folders[i].folder, e->d_name);
            wd_buf_init(&file, 1 << 24);
            assert_true(file_read(path, &file));
            rules.findings.count = 0;
            err = pass(&rules, folders[i].op, wd_buf_span(&file), &out, &gate);
            all += err == WD_OK;
            if (err == WD_OK && rules.findings.count == 0) {
                assert_true(wd_span_eq(wd_buf_span(&file), wd_buf_span(&out)));
                clean++;
            } else {
                print_message("%s: error %d, %u findings\n", e->d_name, err, rules.findings.count);
            }
            wd_outer_free(gate);
            wd_buf_deinit(&out);
            wd_buf_deinit(&file);
        }
        closedir(d);
    }
    print_message("%zu answers, %zu without a finding\n", all, clean);
    assert_true(all > 100 && clean * 10 > all * 8);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        { "F06 F07 F08 F10 F30 every text of an answer", test_bodies, NULL, NULL, NULL },
        { "a card number that stands as a number", test_numbers, NULL, NULL, NULL },
        { "F11 what is refused or cannot be read leaves nothing", test_refused_and_unreadable, NULL, NULL, NULL },
        { "usage of each format", test_usage, NULL, NULL, NULL },
        { "recorded answers leave as they came", test_recorded, NULL, NULL, NULL },
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
