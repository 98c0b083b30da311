/* What looking for findings costs: a whole text, a stream in small feeds, a text with findings, and starting up. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "detect/redactor.h"

enum { BLOCK = 2048, TEXT = 1 << 20, ROUNDS = 300, FEEDS = 1000000, FEED = 5 };

static double
now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void
must(enum wd_err err)
{
    if (err != WD_OK) {
        fprintf(stderr, "error %d\n", err);
        exit(1);
    }
}

/* Words of a prose-like length from a small vocabulary, always the same. */
static char *
prose(size_t len)
{
    static const char *const words[] = { "the",    "of",      "and",     "model",     "answers", "a",       "question", "with",
                                         "care,",  "because", "it",      "was",       "asked",   "to",      "explain",  "how",
                                         "tokens", "travel",  "through", "networks.", "In",      "general", "we",       "find",
                                         "that",   "risk",    "passes",  "quickly",   "when",    "tests" };
    char *text = malloc(len + 16);
    uint64_t seed = 5;
    size_t at = 0;

    if (text == NULL)
        exit(1);
    while (at < len) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        at += (size_t)sprintf(text + at, "%s ", words[(seed >> 33) % (sizeof(words) / sizeof(words[0]))]);
    }
    return text;
}

static void
bench_suspect(const struct wd_scan *scan, const char *text, size_t block)
{
    double start = now_ns();
    size_t at, hits = 0;
    int i;

    for (i = 0; i < ROUNDS; i++)
        for (at = 0; at + block <= TEXT; at += block)
            hits += wd_scan_suspect(scan, wd_span(text + at, block));
    printf("clean prose, %4zu KB blocks  %6.2f GB/s%s\n", block >> 10, (double)ROUNDS * TEXT / (now_ns() - start),
           hits > 0 ? " (suspect!)" : "");
}

static void
bench_feeds(const struct wd_scan *scan, const char *text, size_t feed)
{
    struct wd_redactor *r;
    struct wd_buf out;
    double start;
    size_t at = 0, i, n = FEEDS * FEED / feed;

    wd_buf_init(&out, 1 << 20);
    must(wd_redactor_new(&r, scan, WD_REDACT_TEXT));
    start = now_ns();
    for (i = 0; i < n; i++) {
        must(wd_redactor_feed(r, wd_span(text + at, feed), &out));
        wd_buf_clear(&out);
        at = at + 2 * feed < TEXT ? at + feed : 0;
    }
    start = now_ns() - start;
    printf("stream, %5zu bytes a feed   %6.0f ns a feed, %.1f ns a byte\n", feed, start / (double)n, start / (double)(n * feed));
    wd_redactor_free(r);
    wd_buf_deinit(&out);
}

static void
bench_findings(const struct wd_scan *scan, char *text, size_t gap)
{
    static const char planted[] = " bob@example.com ";
    struct wd_buf out;
    double start;
    size_t at;
    bool changed;
    int i;

    for (at = gap; at + sizeof(planted) < TEXT; at += gap)
        memcpy(text + at, planted, sizeof(planted) - 1);
    wd_buf_init(&out, 1 << 22);
    start = now_ns();
    for (i = 0; i < 10; i++) {
        wd_buf_clear(&out);
        must(wd_redact(scan, WD_REDACT_TEXT, wd_span(text, TEXT), &out, &changed));
    }
    printf("a finding every %5zu bytes  %6.1f ns a byte\n", gap, (now_ns() - start) / 10 / TEXT);
    wd_buf_deinit(&out);
}

int
main(void)
{
    struct wd_findings findings = { 0 };
    struct wd_scan scan = { .direction = WD_OUTPUT, .replacement = WD_SPAN("[REDACTED]"), .findings = &findings };
    double start = now_ns();
    struct wd_engine *engine;
    char *text = prose(TEXT);
    int i;

    must(wd_engine_new(&engine, NULL));
    must(wd_scratch_new(&scan.scratch, engine));
    printf("start, %zu rules             %6.1f ms\n", wd_rule_count(), (now_ns() - start) / 1e6);
    scan.engine = engine;
    for (i = 0; i < WD_CATEGORIES; i++)
        scan.actions[i] = WD_REDACT;
    bench_suspect(&scan, text, BLOCK);
    bench_suspect(&scan, text, 65536);
    bench_feeds(&scan, text, FEED);
    bench_feeds(&scan, text, 64);
    bench_feeds(&scan, text, 4096);
    bench_findings(&scan, text, 65536);
    bench_findings(&scan, text, 500);
    free(text);
    wd_scratch_free(scan.scratch);
    wd_engine_free(engine);
    return 0;
}
