/* Each allocation fails once: the gate answers with an error or ends the stream, lets nothing out and leaves nothing behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "streams.h"
#include "../torture.h"

#define SECRET "sk-proj-Tq7Zb3Kd81mX04LpQv92RsWy55HgUn6A"

static const struct {
    enum wd_op op;
    bool whole;
    const char *in;
} cases[] = {
    { WD_OP_CHAT, false,
      ": note " SECRET "\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"reasoning\":\"so.\"}}]}\n\n"
      "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"key "
      "sk-proj-Tq7Zb3Kd81mX0\"},\"logprobs\":{\"content\":[{\"token\":\"x\"}]}}]}\n\n"
      "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"4LpQv92RsWy55HgUn6A\"}}],\ndata: \"id\":\"" SECRET "\"}\n\n"
      "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n" },
    { WD_OP_RESPONSES, false,
      "event: response.output_text.delta\ndata: "
      "{\"type\":\"response.output_text.delta\",\"output_index\":0,\"delta\":\"key " SECRET "\",\"sequence_number\":1}\n\n"
      "data: {\"type\":\"response.output_text.done\",\"output_index\":0,\"text\":\"key " SECRET "\",\"sequence_number\":2}\n\n"
      "data: {\"type\":\"response.completed\",\"response\":{\"output\":[{\"text\":\"key " SECRET
      "\"}]},\"sequence_number\":3}\n\n" },
    { WD_OP_MESSAGES, false,
      "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"" SECRET
      "\"}}\n\ndata: {\"type\":\"error\"}\n\n" },
    { WD_OP_STREAM_GENERATE, false,
      "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"" SECRET "\"}]}}]}\n\ndata: {\n\n" },
    { WD_OP_CHAT, true,
      "{\"choices\":[{\"message\":{\"content\":\"\\u006bey " SECRET "\"},\"logprobs\":{\"content\":[{\"token\":\"" SECRET
      "\"}]}}],\"" SECRET "\":1}" },
};

static enum wd_err
run(const struct rules *rules, size_t i, struct wd_buf *out)
{
    struct wd_outer_config config = { .op = cases[i].op, .scan = &rules->scan, .request_id = WD_SPAN("r"), .body_max = 1 << 20 };
    struct wd_span in = wd_span_str(cases[i].in);
    struct wd_outer *gate;
    enum wd_err err = wd_outer_new(&gate, &config);

    if (err != WD_OK)
        return err;
    if (cases[i].whole)
        err = wd_outer_body(gate, in, 200, out);
    else
        err = wd_outer_feed(gate, in, out);
    if (err == WD_OK && !cases[i].whole)
        err = wd_outer_end(gate, WD_CODE_NONE, out);
    wd_outer_free(gate);
    return err;
}

static void
test_each_allocation_fails(void **state)
{
    struct rules rules;

    rules_init(&rules, WD_REDACT);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum wd_err err = WD_ERR_NOMEM;
        long n = 0;

        for (bool failed = true; failed; n++) {
            struct wd_buf out;

            wd_buf_init(&out, 1 << 20);
            until = n;
            err = run(&rules, i, &out);
            failed = until < 0;
            until = -1;
            assert_true(err == WD_OK || err == WD_ERR_NOMEM);
            assert_false(span_holds(wd_buf_span(&out), WD_SPAN(SECRET)));
            wd_buf_deinit(&out);
        }
        assert_int_equal(err, WD_OK);
        assert_true(n > 8);
    }
    rules_deinit(&rules);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        { "F15 F51 memory runs out at each allocation", test_each_allocation_fails, NULL, NULL, NULL },
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
