/* Recorded streams of real providers through the gate, cut in every way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "streams.h"

enum { CUT_EACH_MAX = 16 << 10, CUTS_A_RUN = 32, CUT_RUNS = 32 };

static struct rules rules;
static struct stream *streams;
static size_t stream_count;

static int
setup(void **state)
{
    rules_init(&rules, WD_REDACT);
    streams = streams_load(&stream_count);
    if (streams == NULL)
        print_message("the shared folder with recorded streams is missing: skipped\n");
    return 0;
}

static int
teardown(void **state)
{
    streams_free(streams, stream_count);
    rules_deinit(&rules);
    return 0;
}

static void
need_streams(void)
{
    if (streams == NULL)
        skip();
}

static void
pass(const struct stream *s, struct wd_buf *out)
{
    wd_buf_init(out, 64 << 20);
    run_cut(&rules, s->op, wd_buf_span(&s->bytes), NULL, 0, out);
}

/* Each line of before stands in after, in order; what else stands there repeats a line of before: events of the gate's own. */
static bool
lines_stay(struct wd_span before, struct wd_span after)
{
    const char *next = before.ptr, *end = before.ptr + before.len;

    for (const char *p = after.ptr; p < after.ptr + after.len;) {
        const char *nl = memchr(p, '\n', (size_t)(after.ptr + after.len - p));
        size_t len = (size_t)(nl + 1 - p);

        if ((size_t)(end - next) >= len && memcmp(next, p, len) == 0)
            next += len;
        else if (!span_holds(before, wd_span(p, len)))
            return false;
        p += len;
    }
    return next == end;
}

/* What a client reads is the same, but for what was found. */
static void
test_text_stays(void **state)
{
    size_t clean = 0;

    need_streams();
    for (size_t i = 0; i < stream_count; i++) {
        const struct stream *s = &streams[i];
        struct reading before, after;
        struct wd_buf out;

        rules.findings.count = 0;
        pass(s, &out);
        reading_init(&before);
        reading_init(&after);
        reading_take(&before, s->op, wd_buf_span(&s->bytes));
        reading_take(&after, s->op, wd_buf_span(&out));
        if (after.unreadable || after.sequence_broken != before.sequence_broken || after.done != before.done)
            fail_msg("%s: the stream came out broken", s->name);
        if (rules.findings.count == 0) {
            clean++;
            if (!lines_stay(wd_buf_span(&before.whole), wd_buf_span(&after.whole)))
                fail_msg("%s: a string came out changed", s->name);
            for (size_t k = 0; k < before.channels; k++) {
                if (!wd_span_eq(wd_buf_span(&before.text[k]), reading_channel(&after, before.name[k])))
                    fail_msg("%s: channel %s came out changed", s->name, before.name[k]);
            }
        } else {
            print_message("%s: %u findings\n", s->name, rules.findings.count);
        }
        reading_deinit(&before);
        reading_deinit(&after);
        wd_buf_deinit(&out);
    }
    print_message("%zu streams, %zu without a finding\n", stream_count, clean);
    assert_true(clean * 10 > stream_count * 8);
}

static void
same(const struct stream *s, struct wd_span whole, const size_t *cuts, size_t count)
{
    struct wd_buf out;

    wd_buf_init(&out, 64 << 20);
    run_cut(&rules, s->op, wd_buf_span(&s->bytes), cuts, count, &out);
    if (!wd_span_eq(whole, wd_buf_span(&out)))
        fail_msg("%s: another result when cut at %zu (%zu cuts)", s->name, cuts[0], count);
    wd_buf_deinit(&out);
}

/*
 * Every two-way cut of a small stream. An event is read alone, so that the same offset is cut in all events at once: this covers
 * each cut of the stream in as many runs as the longest event has bytes. WARDER_CUTS=each takes the cuts one by one.
 */
static void
cut_each(const struct stream *s, struct wd_span whole)
{
    struct wd_span bytes = wd_buf_span(&s->bytes);
    bool each = getenv("WARDER_CUTS") != NULL;
    size_t starts[4096], cuts[4096], count = 0, longest = 0;

    for (size_t at = 0; at < bytes.len && count < 4095;) {
        const char *end = memmem(bytes.ptr + at, bytes.len - at, "\n\n", 2);
        size_t next = end != NULL ? (size_t)(end + 2 - bytes.ptr) : bytes.len;

        starts[count++] = at;
        longest = next - at > longest ? next - at : longest;
        at = next;
    }
    starts[count] = bytes.len;
    for (size_t k = 1; each && k < bytes.len; k++)
        same(s, whole, &k, 1);
    for (size_t k = 0; k < longest; k++) {
        size_t n = 0;

        for (size_t i = 0; i < count; i++) {
            if (starts[i] + k < starts[i + 1])
                cuts[n++] = starts[i] + k;
        }
        same(s, whole, cuts, n);
    }
}

static int
size_compare(const void *a, const void *b)
{
    const size_t *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

/* 1,024 cuts, 32 a run. */
static void
cut_seeded(const struct stream *s, struct wd_span whole)
{
    size_t cuts[CUTS_A_RUN], len = s->bytes.len;
    uint64_t seed = 0x9e3779b97f4a7c15;

    for (unsigned run = 0; run < CUT_RUNS; run++) {
        for (size_t i = 0; i < CUTS_A_RUN; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            cuts[i] = (size_t)(seed >> 16) % len;
        }
        qsort(cuts, CUTS_A_RUN, sizeof(cuts[0]), size_compare);
        same(s, whole, cuts, CUTS_A_RUN);
    }
}

static void
cut_bytes(const struct stream *s, struct wd_span whole)
{
    size_t len = s->bytes.len, *cuts = malloc(len * sizeof(*cuts));

    assert_non_null(cuts);
    for (size_t i = 0; i < len; i++)
        cuts[i] = i;
    same(s, whole, cuts, len);
    free(cuts);
}

static void
test_every_cut(void **state)
{
    need_streams();
    for (size_t i = 0; i < stream_count; i++) {
        const struct stream *s = &streams[i];
        struct wd_buf out;

        pass(s, &out);
        cut_bytes(s, wd_buf_span(&out));
        if (s->bytes.len <= CUT_EACH_MAX)
            cut_each(s, wd_buf_span(&out));
        else
            cut_seeded(s, wd_buf_span(&out));
        wd_buf_deinit(&out);
    }
}

/* Only the last word of what came in may still be held when an event has passed. */
static void
test_text_leaves_at_once(void **state)
{
    need_streams();
    for (size_t i = 0; i < stream_count; i++) {
        const struct stream *s = &streams[i];
        struct reading before, after;
        struct run r;

        if (s->bytes.len > 1 << 17)
            continue;
        rules.findings.count = 0;
        run_start(&r, &rules, s->op);
        reading_init(&before);
        reading_init(&after);
        for (size_t at = 0; at < s->bytes.len;) {
            const char *end = memmem(s->bytes.ptr + at, s->bytes.len - at, "\n\n", 2);
            size_t next = end != NULL ? (size_t)(end + 2 - s->bytes.ptr) : s->bytes.len, was = r.out.len;

            run_feed(&r, wd_span(s->bytes.ptr + at, next - at));
            reading_take(&before, s->op, wd_span(s->bytes.ptr + at, next - at));
            reading_take(&after, s->op, wd_span(r.out.ptr + was, r.out.len - was));
            at = next;
            for (size_t k = 0; rules.findings.count == 0 && k < before.channels; k++) {
                struct wd_span in = wd_buf_span(&before.text[k]), got = reading_channel(&after, before.name[k]);

                for (size_t b = got.len; b < in.len; b++) {
                    if (in.ptr[b] == ' ' && b + 1 < in.len && in.ptr[b + 1] >= 'a' && in.ptr[b + 1] <= 'z')
                        fail_msg("%s: more than a word of %s was held: %.*s", s->name, before.name[k], (int)(in.len - got.len),
                                 in.ptr + got.len);
                }
            }
        }
        reading_deinit(&before);
        reading_deinit(&after);
        run_free(&r);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        { "F08 recorded streams keep their text, in every channel", test_text_stays, NULL, NULL, NULL },
        { "F02 recorded streams give one result for every cut", test_every_cut, NULL, NULL, NULL },
        { "F03 text leaves in the event that brought it, but for its last word", test_text_leaves_at_once, NULL, NULL, NULL },
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
