/*
 * First byte: the format, and whether the rest is a stream or a text to be sent in fragments. Second byte: where to cut. However
 * a stream is cut the output is the same; however a text is cut into fragments the client reads it as if it were filtered whole.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"
#include "detect/redactor.h"
#include "gate/outer.h"

enum { CAP = 1 << 22, EVENT_MAX = 1 << 16 };

static struct wd_findings findings;
static struct wd_scan scan;

static void
start(void)
{
    struct wd_engine *engine;
    struct wd_scratch *scratch;

    if (scan.engine != NULL)
        return;
    if (wd_engine_new(&engine, NULL) != WD_OK || wd_scratch_new(&scratch, engine) != WD_OK)
        abort();
    scan = (struct wd_scan){ .engine = engine,
                             .scratch = scratch,
                             .direction = WD_OUTPUT,
                             .actions = { WD_REDACT, WD_REDACT, WD_FLAG, WD_REDACT },
                             .replacement = WD_SPAN("[REDACTED]"),
                             .findings = &findings };
}

static void
run(enum wd_op op, struct wd_span in, size_t step, struct wd_buf *out)
{
    struct wd_outer_config config = { .op = op, .scan = &scan, .body_max = EVENT_MAX };
    struct wd_outer *gate;

    wd_buf_init(out, CAP);
    if (wd_outer_new(&gate, &config) != WD_OK)
        abort();
    for (size_t i = 0; i < in.len; i += step) {
        size_t n = in.len - i < step ? in.len - i : step;
        char *piece = malloc(n);

        memcpy(piece, in.ptr + i, n);
        if (wd_outer_feed(gate, wd_span(piece, n), out) != WD_OK)
            abort();
        free(piece);
    }
    if (wd_outer_end(gate, WD_CODE_NONE, out) != WD_OK)
        abort();
    assert(wd_outer_terminated(gate));
    wd_outer_free(gate);
}

static void
stream(enum wd_op op, struct wd_span in, size_t step)
{
    struct wd_buf whole, cut;

    run(op, in, SIZE_MAX / 2, &whole);
    run(op, in, step, &cut);
    assert(wd_span_eq(wd_buf_span(&whole), wd_buf_span(&cut)));
    wd_buf_deinit(&whole);
    wd_buf_deinit(&cut);
}

static const char before[] = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"";
static const char after[] = "\"}}]}\n\n";

/* What stands between before and after in each event, unescaped. */
static void
read_back(struct wd_span in, struct wd_buf *text)
{
    const char *p = in.ptr, *end = in.ptr + in.len, *nl;

    while ((nl = memmem(p, (size_t)(end - p), "\n\n", 2)) != NULL) {
        struct wd_span line = wd_span(p, (size_t)(nl - p));
        struct wd_span inside = wd_span(line.ptr + sizeof(before) - 1, line.len - (sizeof(before) - 1) - (sizeof(after) - 3));

        p = nl + 2;
        if (line.len < sizeof(before) + sizeof(after) - 4 || memcmp(line.ptr, before, sizeof(before) - 1) != 0)
            continue;
        if (wd_json_unescape(text, inside) != WD_OK)
            abort();
    }
}

static void
fragments(struct wd_span in, size_t step)
{
    struct wd_buf sent, got, text, expected, plain;
    bool changed;

    wd_buf_init(&sent, CAP);
    wd_buf_init(&text, CAP);
    wd_buf_init(&expected, CAP);
    wd_buf_init(&plain, CAP);
    for (size_t i = 0; i < in.len; i++) {
        if (wd_buf_add_byte(&plain, (char)(in.ptr[i] & 0x7f)) != WD_OK)
            abort();
    }
    for (size_t i = 0; i < plain.len; i += step) {
        size_t n = plain.len - i < step ? plain.len - i : step;

        if (wd_buf_add_str(&sent, before) != WD_OK || wd_json_escape(&sent, wd_span(plain.ptr + i, n)) != WD_OK ||
            wd_buf_add_str(&sent, after) != WD_OK)
            abort();
    }
    if (wd_buf_add_str(&sent, "data: [DONE]\n\n") != WD_OK)
        abort();
    run(WD_OP_CHAT, wd_buf_span(&sent), step, &got);
    read_back(wd_buf_span(&got), &text);
    if (wd_redact(&scan, WD_REDACT_TEXT, wd_buf_span(&plain), &expected, &changed) != WD_OK)
        abort();
    assert(wd_span_eq(wd_buf_span(&text), changed ? wd_buf_span(&expected) : wd_buf_span(&plain)));
    wd_buf_deinit(&sent);
    wd_buf_deinit(&got);
    wd_buf_deinit(&text);
    wd_buf_deinit(&expected);
    wd_buf_deinit(&plain);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum wd_op ops[] = { WD_OP_CHAT, WD_OP_RESPONSES, WD_OP_MESSAGES, WD_OP_STREAM_GENERATE };
    struct wd_span in;

    start();
    if (size < 2 || size > 4096)
        return 0;
    in = wd_span((const char *)data + 2, size - 2);
    if ((data[0] & 4) != 0)
        fragments(in, (size_t)data[1] % 32 + 1);
    else
        stream(ops[data[0] & 3], in, (size_t)data[1] + 1);
    return 0;
}
