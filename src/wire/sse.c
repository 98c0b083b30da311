#include "sse.h"

#include <endian.h>
#include <stdint.h>

enum { SSE_KEEP = 16384 }; /* a larger block's memory is given back: thousands of streams are open at once */

void
wd_sse_init(struct wd_sse *s, size_t event_max)
{
    *s = (struct wd_sse){ 0 };
    wd_buf_init(&s->block, event_max);
    wd_buf_init(&s->data, event_max);
}

void
wd_sse_deinit(struct wd_sse *s)
{
    wd_buf_deinit(&s->block);
    wd_buf_deinit(&s->data);
}

size_t
wd_sse_pending(const struct wd_sse *s)
{
    /* A block of one LF only can be no blank line: it is the rest of the CRLF that ended the block before. */
    if (s->done || (s->block.len == 1 && s->block.ptr[0] == '\n'))
        return 0;
    return s->block.len;
}

/* To the first CR or LF, or to the end. */
static size_t
sse_line_len(struct wd_span s)
{
    const uint64_t ones = 0x0101010101010101, highs = 0x8080808080808080;
    size_t i = 0;

    for (; s.len - i >= 8; i += 8) {
        uint64_t x, lf, cr, hit;

        memcpy(&x, s.ptr + i, sizeof(x));
        x = le64toh(x);
        lf = x ^ ones * '\n';
        cr = x ^ ones * '\r';
        hit = (((lf - ones) & ~lf) | ((cr - ones) & ~cr)) & highs;
        if (hit != 0)
            return i + (size_t)__builtin_ctzll(hit) / 8;
    }
    while (i < s.len && s.ptr[i] != '\n' && s.ptr[i] != '\r')
        i++;
    return i;
}

static void
sse_clear(struct wd_buf *b)
{
    if (b->size > SSE_KEEP)
        wd_buf_deinit(b);
    else
        wd_buf_clear(b);
}

/* The value of a line after its field name: behind the colon and one space. */
static struct wd_span
sse_value(struct wd_span line, size_t name_len)
{
    size_t skip = name_len;

    if (skip < line.len)
        skip++;
    if (skip < line.len && line.ptr[skip] == ' ')
        skip++;
    return wd_span(line.ptr + skip, line.len - skip);
}

static enum wd_err
sse_data_line(struct wd_sse *s, struct wd_sse_event *event, struct wd_span value)
{
    enum wd_err err = WD_OK;

    if (!event->has_data) {
        event->has_data = true;
        event->data = value;
        event->data_start = (size_t)(value.ptr - event->raw.ptr);
        event->data_end = event->data_start + value.len;
        return WD_OK;
    }
    /* A second line: from here on the data stands in a buffer of its own. */
    if (s->data.len == 0)
        err = wd_buf_add(&s->data, event->data);
    if (err == WD_OK)
        err = wd_buf_add_byte(&s->data, '\n');
    if (err == WD_OK)
        err = wd_buf_add(&s->data, value);
    event->data = wd_buf_span(&s->data);
    event->data_start = event->data_end = 0;
    return err;
}

/* Reads the lines of the complete block. */
static enum wd_err
sse_read(struct wd_sse *s, struct wd_sse_event *event)
{
    struct wd_span rest = wd_buf_span(&s->block), line;
    enum wd_err err = WD_OK;
    size_t name_len;

    *event = (struct wd_sse_event){ .raw = rest };
    if (!s->started && rest.len >= 3 && memcmp(rest.ptr, "\xef\xbb\xbf", 3) == 0)
        rest = wd_span(rest.ptr + 3, rest.len - 3);
    s->started = true;

    /* Every line of a block has its end, so there is a byte behind each. */
    while (rest.len > 0 && err == WD_OK) {
        const char *colon;

        line = wd_span(rest.ptr, sse_line_len(rest));
        rest = wd_span(line.ptr + line.len + 1, rest.len - line.len - 1);
        if (line.len == 0)
            continue;
        colon = memchr(line.ptr, ':', line.len);
        name_len = colon != NULL ? (size_t)(colon - line.ptr) : line.len;
        if (name_len == 4 && memcmp(line.ptr, "data", 4) == 0)
            err = sse_data_line(s, event, sse_value(line, name_len));
        else if (name_len == 5 && memcmp(line.ptr, "event", 5) == 0)
            event->name = sse_value(line, name_len);
        else
            event->has_other = true;
    }
    return err;
}

static enum wd_err
sse_take(struct wd_sse *s, struct wd_span *in, size_t n)
{
    enum wd_err err = wd_buf_add(&s->block, wd_span(in->ptr, n));

    if (err == WD_OK)
        *in = wd_span(in->ptr + n, in->len - n);
    return err;
}

static bool
sse_line_blank(const struct wd_sse *s)
{
    size_t len = s->block.len - s->line - 1;

    if (!s->started && s->line == 0 && len == 3)
        return memcmp(s->block.ptr, "\xef\xbb\xbf", 3) == 0;
    return len == 0;
}

/* Takes the next line, or what there is of it; *end when it ended the block. */
static enum wd_err
sse_line(struct wd_sse *s, struct wd_span *in, bool *end)
{
    enum wd_err err;
    size_t n;

    if (s->cr) {
        s->cr = false;
        s->crlf = *in->ptr == '\n';
        *end = s->blank;
        err = s->crlf ? sse_take(s, in, 1) : WD_OK;
        s->line = s->block.len;
        return err;
    }

    n = sse_line_len(*in);
    if (n == in->len)
        return sse_take(s, in, n);
    err = sse_take(s, in, n + 1);
    if (err != WD_OK)
        return err;
    s->blank = sse_line_blank(s);
    s->cr = s->block.ptr[s->block.len - 1] == '\r';
    if (s->cr) {
        *end = s->blank && !s->crlf;
        if (*end)
            s->blank = false; /* an LF that follows ends no line of the next block */
        return WD_OK;
    }
    *end = s->blank;
    s->crlf = false;
    s->line = s->block.len;
    return WD_OK;
}

enum wd_err
wd_sse_next(struct wd_sse *s, struct wd_span *in, struct wd_sse_event *event, bool *got)
{
    enum wd_err err;
    bool end = false;

    *got = false;
    if (s->done) {
        sse_clear(&s->block);
        sse_clear(&s->data);
        s->line = 0;
        s->done = false;
    }
    while (in->len > 0 && !end) {
        err = sse_line(s, in, &end);
        if (err != WD_OK)
            return err;
    }
    if (!end)
        return WD_OK;
    err = sse_read(s, event);
    s->done = *got = err == WD_OK;
    return err;
}
