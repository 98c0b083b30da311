/* The first byte says where to cut; the events, and the bytes of all blocks, must be those of the stream in one piece. */
#include <assert.h>
#include <stdint.h>

#include "wire/sse.h"

enum { EVENT_MAX = 256 };

static enum wd_err
feed(struct wd_sse *sse, struct wd_span in, struct wd_buf *log, struct wd_buf *raw)
{
    struct wd_sse_event e;
    enum wd_err err;
    bool got;

    while ((err = wd_sse_next(sse, &in, &e, &got)) == WD_OK && got) {
        assert(wd_buf_printf(log, "%zu %zu %d%d %zu %zu ", e.name.len, e.data.len, e.has_data, e.has_other, e.data_start,
                             e.data_end) == WD_OK);
        assert(wd_buf_add(log, e.name) == WD_OK && wd_buf_add(log, e.data) == WD_OK);
        assert(wd_buf_add(raw, e.raw) == WD_OK);
    }
    assert(err != WD_OK || in.len == 0);
    return err;
}

static enum wd_err
run(struct wd_span text, size_t step, struct wd_buf *log, struct wd_buf *raw)
{
    enum wd_err err = WD_OK;
    struct wd_sse sse;

    wd_buf_init(log, SIZE_MAX);
    wd_buf_init(raw, SIZE_MAX);
    wd_sse_init(&sse, EVENT_MAX);
    for (size_t i = 0; i < text.len && err == WD_OK; i += step)
        err = feed(&sse, wd_span(text.ptr + i, text.len - i < step ? text.len - i : step), log, raw);
    if (err == WD_OK) {
        if (!sse.done)
            assert(wd_buf_add(raw, wd_buf_span(&sse.block)) == WD_OK);
        assert(wd_span_eq(wd_buf_span(raw), text));
    }
    wd_sse_deinit(&sse);
    return err;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wd_buf log, raw, cut_log, cut_raw;
    struct wd_span text;

    if (size < 1)
        return 0;
    text = wd_span((const char *)data + 1, size - 1);
    assert(run(text, SIZE_MAX / 2, &log, &raw) == run(text, (size_t)data[0] + 1, &cut_log, &cut_raw));
    assert(wd_span_eq(wd_buf_span(&log), wd_buf_span(&cut_log)));
    wd_buf_deinit(&log);
    wd_buf_deinit(&raw);
    wd_buf_deinit(&cut_log);
    wd_buf_deinit(&cut_raw);
    return 0;
}
