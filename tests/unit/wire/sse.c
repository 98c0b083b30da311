#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/json.h"
#include "corpus.h"
#include "wire/sse.h"

enum { EVENT_MAX = 1 << 20, SPLIT_ALL = 16384 };

/* What a reader made of a stream: every event and its fields, what was left, and the blocks put together. */
struct seen {
    struct wd_buf log, raw;
    struct wd_sse sse;
    enum wd_err err;
};

static void
seen_init(struct seen *seen, size_t event_max)
{
    wd_buf_init(&seen->log, 1 << 24);
    wd_buf_init(&seen->raw, 1 << 24);
    wd_sse_init(&seen->sse, event_max);
    seen->err = WD_OK;
}

static void
seen_free(struct seen *seen)
{
    wd_buf_deinit(&seen->log);
    wd_buf_deinit(&seen->raw);
    wd_sse_deinit(&seen->sse);
}

static void
seen_log(struct seen *seen, const struct wd_sse_event *e)
{
    const size_t fields[] = { e->raw.len, e->name.len, e->data.len, e->has_data, e->has_other, e->data_start, e->data_end };

    if (wd_buf_add(&seen->log, wd_span((const char *)fields, sizeof(fields))) != WD_OK ||
        wd_buf_add(&seen->log, e->name) != WD_OK || wd_buf_add(&seen->log, e->data) != WD_OK ||
        wd_buf_add(&seen->raw, e->raw) != WD_OK)
        fail();
    if (e->data_start != e->data_end && !wd_span_eq(e->data, wd_span(e->raw.ptr + e->data_start, e->data_end - e->data_start)))
        fail();
    if (wd_sse_pending(&seen->sse) != 0)
        fail();
}

/* The input stands in a block of its own size, so that a sanitizer sees a read beyond it. */
static void
seen_feed(struct seen *seen, struct wd_span part)
{
    char *copy = malloc(part.len + 1);
    struct wd_span in;
    struct wd_sse_event e;
    bool got = true;

    assert_non_null(copy);
    if (part.len > 0)
        memcpy(copy, part.ptr, part.len);
    copy = realloc(copy, part.len > 0 ? part.len : 1);
    in = wd_span(copy, part.len);
    while (got && seen->err == WD_OK) {
        seen->err = wd_sse_next(&seen->sse, &in, &e, &got);
        if (seen->err != WD_OK || !got)
            break;
        seen_log(seen, &e);
    }
    if (seen->err == WD_OK)
        assert_int_equal(in.len, 0);
    free(copy);
}

static void
seen_end(struct seen *seen)
{
    size_t pending = seen->err == WD_OK ? wd_sse_pending(&seen->sse) : 0;

    if (wd_buf_printf(&seen->log, "end %d %zu", seen->err, pending) != WD_OK)
        fail();
}

static void
seen_same(const struct seen *a, const struct seen *b, struct wd_span text, size_t cut)
{
    if (!wd_span_eq(wd_buf_span(&a->log), wd_buf_span(&b->log)) ||
        !wd_span_eq(wd_buf_span(&b->raw), wd_span(text.ptr, b->raw.len)))
        fail_msg("cut at %zu of '%.*s'", cut, (int)text.len, text.ptr);
}

static void
one_split(const struct seen *whole, struct seen *cut, struct wd_span text, size_t at)
{
    wd_buf_clear(&cut->log);
    wd_buf_clear(&cut->raw);
    wd_sse_deinit(&cut->sse);
    wd_sse_init(&cut->sse, whole->sse.block.cap);
    cut->err = WD_OK;
    seen_feed(cut, wd_span(text.ptr, at));
    seen_feed(cut, wd_span(text.ptr + at, text.len - at));
    seen_end(cut);
    seen_same(whole, cut, text, at);
}

/* Whole, byte by byte, at every place (of long streams at 1,000): one result; all blocks and the rest are the input. */
static void
every_split(struct wd_span text, size_t event_max)
{
    struct seen whole, bytes, cut;
    uint32_t seed = 1;

    seen_init(&whole, event_max);
    seen_feed(&whole, text);
    if (whole.err == WD_OK) {
        struct wd_span rest = wd_buf_span(&whole.sse.block);

        if (!whole.sse.done)
            assert_int_equal(wd_buf_add(&whole.raw, rest), WD_OK);
        assert_true(wd_span_eq(wd_buf_span(&whole.raw), text));
    }
    seen_end(&whole);

    seen_init(&bytes, event_max);
    for (size_t i = 0; i < text.len; i++)
        seen_feed(&bytes, wd_span(text.ptr + i, 1));
    seen_end(&bytes);
    seen_same(&whole, &bytes, text, 1);
    seen_free(&bytes);

    seen_init(&cut, event_max);
    for (size_t i = 0; i <= text.len && text.len <= SPLIT_ALL; i++)
        one_split(&whole, &cut, text, i);
    for (int i = 0; i < 1000 && text.len > SPLIT_ALL; i++) {
        seed = seed * 1664525 + 1013904223;
        one_split(&whole, &cut, text, (size_t)((uint64_t)seed * text.len >> 32));
    }
    seen_free(&cut);
    seen_free(&whole);
}

/* The events with data of one stream against those that the vector expects. */
static void
check_vector(const struct wd_json *doc, uint32_t root, struct wd_arena *arena)
{
    struct wd_span text = wd_json_string(doc, wd_json_get(doc, root, "stream"), arena), in = text;
    struct wd_span title = wd_json_string(doc, wd_json_get(doc, root, "name"), arena);
    uint32_t want = doc->nodes[wd_json_get(doc, root, "events")].child;
    struct wd_sse sse;
    struct wd_sse_event e;
    bool got = true;

    wd_sse_init(&sse, EVENT_MAX);
    while (got) {
        struct wd_span name, data;

        assert_int_equal(wd_sse_next(&sse, &in, &e, &got), WD_OK);
        if (!got || !e.has_data)
            continue;
        if (want == 0)
            fail_msg("%.*s: an event too many", (int)title.len, title.ptr);
        name = wd_json_string(doc, wd_json_get(doc, want, "event"), arena);
        data = wd_json_string(doc, wd_json_get(doc, want, "data"), arena);
        if (!wd_span_eq(e.data, data) || !wd_span_eq(e.name.len > 0 ? e.name : WD_SPAN("message"), name))
            fail_msg("%.*s: got '%.*s' '%.*s'", (int)title.len, title.ptr, (int)e.name.len, e.name.ptr, (int)e.data.len,
                     e.data.ptr);
        want = doc->nodes[want].next;
    }
    if (want != 0)
        fail_msg("%.*s: an event missing", (int)title.len, title.ptr);
    wd_sse_deinit(&sse);
    every_split(text, EVENT_MAX);
}

static void
test_vectors(void **state)
{
    struct wd_buf all;
    struct wd_span rest;
    size_t count = 0;

    wd_buf_init(&all, 1 << 24);
    if (!corpus_read(&all, "gzip -dc", "corpora/sse_vectors/vectors.jsonl.gz", ""))
        skip();
    for (rest = wd_buf_span(&all); rest.len > 0; count++) {
        const char *nl = memchr(rest.ptr, '\n', rest.len);
        size_t n = nl != NULL ? (size_t)(nl - rest.ptr) : rest.len;
        struct wd_arena arena;
        struct wd_json doc;
        struct wd_json_error error;

        wd_arena_init(&arena, 1 << 20);
        assert_int_equal(wd_json_parse(&doc, wd_span(rest.ptr, n), &arena, WD_JSON_LIMITS, &error), WD_OK);
        check_vector(&doc, 0, &arena);
        wd_arena_deinit(&arena);
        n += nl != NULL;
        rest = wd_span(rest.ptr + n, rest.len - n);
    }
    assert_true(count >= 100);
    wd_buf_deinit(&all);
}

/* A recording holds the data of one event a line: frames it with the given line end. */
static void
frame(struct wd_buf *out, struct wd_span lines, const char *end)
{
    while (lines.len > 0) {
        const char *nl = memchr(lines.ptr, '\n', lines.len);
        size_t n = nl != NULL ? (size_t)(nl - lines.ptr) : lines.len;

        assert_int_equal(wd_buf_printf(out, "event: x%sdata: %.*s%s%s", end, (int)n, lines.ptr, end, end), WD_OK);
        n += nl != NULL;
        lines = wd_span(lines.ptr + n, lines.len - n);
    }
}

/* What providers really send, each recording with one of the three line ends. */
static void
test_recordings(void **state)
{
    static const char *const ends[] = { "\n", "\r\n", "\r" };
    struct wd_buf list, file, stream;
    struct wd_span names;
    size_t count = 0;

    wd_buf_init(&list, 1 << 20);
    wd_buf_init(&file, 1 << 24);
    wd_buf_init(&stream, 1 << 24);
    if (!corpus_read(&list, "cd \"$WARDER_SHARED\" && find wire -name '*.txt' -o -name '*.sse' | sort #", "wire/README.md", ""))
        skip();
    for (names = wd_buf_span(&list); names.len > 0; count++) {
        const char *nl = memchr(names.ptr, '\n', names.len);
        char path[512];

        assert_true(nl != NULL && (size_t)(nl - names.ptr) < sizeof(path));
        memcpy(path, names.ptr, (size_t)(nl - names.ptr));
        path[nl - names.ptr] = '\0';
        names = wd_span(nl + 1, names.len - (size_t)(nl + 1 - names.ptr));
        wd_buf_clear(&file);
        wd_buf_clear(&stream);
        assert_true(corpus_read(&file, "cat", path, ""));
        if (strstr(path, ".sse") != NULL)
            assert_int_equal(wd_buf_add(&stream, wd_buf_span(&file)), WD_OK);
        else
            frame(&stream, wd_buf_span(&file), ends[count % 3]);
        every_split(wd_buf_span(&stream), EVENT_MAX);
    }
    assert_true(count >= 100);
    wd_buf_deinit(&list);
    wd_buf_deinit(&file);
    wd_buf_deinit(&stream);
}

static void
test_blocks(void **state)
{
    static const struct {
        struct wd_span text;
        size_t events, pending;
    } cases[] = {
        { WD_SPAN_INIT(""), 0, 0 },
        { WD_SPAN_INIT("data: a"), 0, 7 },
        { WD_SPAN_INIT("data: a\n"), 0, 8 },
        { WD_SPAN_INIT("data: a\n\n"), 1, 0 },
        { WD_SPAN_INIT("data: a\r\n\r\n"), 1, 0 },
        { WD_SPAN_INIT("data: a\r\n\r"), 0, 10 },
        { WD_SPAN_INIT("data: a\r\n\rdata: b\r\n\r\n"), 2, 0 },
        { WD_SPAN_INIT("data: a\r\r"), 1, 0 },
        { WD_SPAN_INIT("data: a\r\r\n"), 1, 0 },
        { WD_SPAN_INIT("data: a\r\r\n\n"), 2, 0 },
        { WD_SPAN_INIT("data: a\r\ndata: b\n\r"), 1, 0 },
        { WD_SPAN_INIT("data: a\n\r\ndata: b\r\n\r\n"), 2, 0 },
        { WD_SPAN_INIT("\xef\xbb\xbf"
                       "data: a\n\n"),
          1, 0 },
        { WD_SPAN_INIT("\xef\xbb\xbf\n"), 1, 0 },
        { WD_SPAN_INIT("\n\xef\xbb\xbf\n"), 1, 4 },
        { WD_SPAN_INIT("\n\n\r\r\n"), 4, 0 },
        { WD_SPAN_INIT("\r\n\r\n\r\n"), 3, 0 },
        { WD_SPAN_INIT(": ka\n\ndata:x\n: c\ndata\n\n"), 2, 0 },
        { WD_SPAN_INIT("data: \0\n\n"), 1, 0 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct wd_span in = cases[i].text;
        struct wd_sse_event e;
        struct wd_sse sse;
        size_t events = 0;
        bool got = true;

        wd_sse_init(&sse, EVENT_MAX);
        for (;;) {
            assert_int_equal(wd_sse_next(&sse, &in, &e, &got), WD_OK);
            if (!got)
                break;
            events++;
        }
        if (events != cases[i].events || wd_sse_pending(&sse) != cases[i].pending)
            fail_msg("case %zu: %zu events, %zu pending", i, events, wd_sse_pending(&sse));
        wd_sse_deinit(&sse);
        every_split(cases[i].text, EVENT_MAX);
    }
}

static void
test_fields(void **state)
{
    static const char text[] = ": note\nevent: a\nevent: b\nid: 1\ndata: {\"x\":1}\n\nevent: c\ndata: 1\ndata: 2\n\ndata:\n\n";
    struct wd_span in = wd_span_str(text);
    struct wd_sse_event e;
    struct wd_sse sse;
    bool got;

    wd_sse_init(&sse, EVENT_MAX);
    assert_int_equal(wd_sse_next(&sse, &in, &e, &got), WD_OK);
    assert_true(got && e.has_data && e.has_other);
    assert_true(wd_span_eq(e.name, WD_SPAN("b")));
    assert_true(wd_span_eq(wd_span(e.raw.ptr + e.data_start, e.data_end - e.data_start), WD_SPAN("{\"x\":1}")));
    assert_int_equal(wd_sse_next(&sse, &in, &e, &got), WD_OK);
    assert_true(got && e.has_data && !e.has_other && e.data_start == e.data_end);
    assert_true(wd_span_eq(e.data, WD_SPAN("1\n2")));
    assert_int_equal(wd_sse_next(&sse, &in, &e, &got), WD_OK);
    assert_true(got && e.has_data && e.name.len == 0 && e.data.len == 0);
    wd_sse_deinit(&sse);
}

/* The cap counts the bytes of a block and does not depend on the cuts; what is below it passes for ever. */
static void
test_cap(void **state)
{
    static const struct {
        const char *text;
        enum wd_err err;
    } cases[] = {
        { "data: 45678901\n\n", WD_OK },
        { "data: 456789012\n\n", WD_ERR_LIMIT },
        { "data: 45678901\n\ndata: 45678901\n\n", WD_OK },
        { "data: a\n\ndata: 456789012\n\n", WD_ERR_LIMIT },
        { ": 3456789012345678901234567890", WD_ERR_LIMIT },
        { "a\na\na\na\na\na\na\na\na\n", WD_ERR_LIMIT },
    };
    struct seen seen;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        every_split(wd_span_str(cases[i].text), 16);
        seen_init(&seen, 16);
        seen_feed(&seen, wd_span_str(cases[i].text));
        assert_int_equal(seen.err, cases[i].err);
        seen_free(&seen);
    }
}

/* All streams of up to 7 bytes over the bytes that matter, every cut. */
static void
test_small_streams(void **state)
{
    static const char bytes[] = "\r\n:d";
    char text[7];

    for (size_t len = 0; len <= sizeof(text); len++) {
        for (unsigned n = 0; n < 1u << (2 * len); n++) {
            for (size_t i = 0; i < len; i++)
                text[i] = bytes[n >> (2 * i) & 3];
            every_split(wd_span(text, len), EVENT_MAX);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors), cmocka_unit_test(test_recordings), cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_fields),  cmocka_unit_test(test_cap),        cmocka_unit_test(test_small_streams),
    };

    return cmocka_run_group_tests_name("sse", tests, NULL, NULL);
}
