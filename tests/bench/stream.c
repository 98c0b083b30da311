/* What the outer gate costs a chat delta: events a second, and memory of a stream that waits. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "gate/outer.h"

enum { EVENTS = 200000, STREAMS = 1000 };

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

static size_t
chunk(char *buf, size_t size, const char *text)
{
    return (size_t)snprintf(
        buf, size,
        "data: "
        "{\"id\":\"chatcmpl-BWbdYuKQ\",\"object\":\"chat.completion.chunk\",\"created\":1747308652,\"model\":\"gpt-4o-mini\","
        "\"service_tier\":\"default\",\"system_fingerprint\":\"fp_dbaca60df0\",\"choices\":[{\"index\":0,\"delta\":{\"content\":"
        "\"%s\"},"
        "\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}\n\n",
        text);
}

static void
bench(const struct wd_scan *scan, const char *title, const char *const *texts, size_t count, unsigned events_a_feed)
{
    struct wd_outer_config config = { .op = WD_OP_CHAT, .scan = scan, .body_max = 1 << 20 };
    struct wd_outer *gate;
    struct wd_buf in, out;
    char one[1024];
    double start, ns = 0;
    size_t bytes = 0;

    wd_buf_init(&in, 1 << 20);
    wd_buf_init(&out, 1 << 24);
    must(wd_outer_new(&gate, &config));
    for (unsigned i = 0; i < EVENTS;) {
        wd_buf_clear(&in);
        for (unsigned k = 0; k < events_a_feed; k++, i++)
            must(wd_buf_add(&in, wd_span(one, chunk(one, sizeof(one), texts[i % count]))));
        start = now_ns();
        must(wd_outer_feed(gate, wd_buf_span(&in), &out));
        ns += now_ns() - start;
        bytes += in.len;
        wd_buf_clear(&out);
    }
    printf("%-28s %7.0f ns/event %9.0f events/s %6.1f MB/s\n", title, ns / EVENTS, EVENTS / ns * 1e9, (double)bytes / ns * 1e3);
    wd_outer_free(gate);
    wd_buf_deinit(&in);
    wd_buf_deinit(&out);
}

static void
memory(const struct wd_scan *scan)
{
    struct wd_outer_config config = { .op = WD_OP_CHAT, .scan = scan, .body_max = 1 << 20 };
    static struct wd_outer *gates[STREAMS];
    struct wd_buf out;
    char one[1024];
    size_t len = chunk(one, sizeof(one), " wor"), before;

    wd_buf_init(&out, 1 << 20);
    must(wd_buf_reserve(&out, 4096));
    before = mallinfo2().uordblks;
    for (int i = 0; i < STREAMS; i++) {
        must(wd_outer_new(&gates[i], &config));
        must(wd_outer_feed(gates[i], wd_span(one, len), &out));
        wd_buf_clear(&out);
    }
    printf("memory of a stream that waits in a word: %zu bytes\n", (mallinfo2().uordblks - before) / STREAMS);
    for (int i = 0; i < STREAMS; i++)
        wd_outer_free(gates[i]);
    wd_buf_deinit(&out);
}

int
main(void)
{
    static const char *const words[] = { "The", " quick", " brown", " fox", " jumps", " over", " the", " lazy", " dog", "." };
    static const char *const whole[] = { "The quick ", "brown fox ", "jumps over " };
    static const char *const long_text[] = {
        "The quick brown fox jumps over the lazy dog, and then it does it again since nobody was looking the first time. "
    };
    struct wd_findings findings = { 0 };
    struct wd_engine *engine;
    struct wd_scratch *scratch;
    struct wd_scan scan;

    must(wd_engine_new(&engine, NULL));
    must(wd_scratch_new(&scratch, engine));
    scan = (struct wd_scan){ .engine = engine,
                             .scratch = scratch,
                             .direction = WD_OUTPUT,
                             .actions = { WD_REDACT, WD_REDACT, WD_FLAG, WD_REDACT },
                             .replacement = WD_SPAN("[REDACTED]"),
                             .findings = &findings };
    bench(&scan, "words, one event a feed", words, 10, 1);
    bench(&scan, "words, 20 events a feed", words, 10, 20);
    bench(&scan, "nothing held", whole, 3, 1);
    bench(&scan, "a sentence an event", long_text, 1, 1);
    memory(&scan);
    wd_scratch_free(scratch);
    wd_engine_free(engine);
    return 0;
}
