/* Speed of the JSON reader on made-up chat bodies: prints GB/s (10^9 bytes), the best of some rounds. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/json.h"

static const char prose[] = "The ship left the harbour at dawn, and nobody on board knew how long the voyage would take.\\n"
                            "She said: \\\"Bring the charts\\\" and went below; the wind had turned to the north by then. ";
static const char letters[] =
    "\xe8\x88\xb9\xe5\x9c\xa8\xe9\xbb\x8e\xe6\x98\x8e\xe6\x97\xb6\xe7\xa6\xbb\xe5\xbc\x80\xe6\xb8\xaf\xe5\x8f\xa3 "
    "\xc3\xbc"
    "ber \xd0\xbc\xd0\xbe\xd1\x80\xd0\xb5 ";

static void
add(struct wd_buf *b, const char *s)
{
    if (wd_buf_add_str(b, s) != WD_OK)
        abort();
}

/* A chat request of about size bytes whose messages hold about message bytes of text each. */
static void
chat(struct wd_buf *b, size_t size, size_t message, const char *text)
{
    add(b, "{\"model\":\"gpt-4o\",\"temperature\":0.7,\"max_tokens\":1024,\"stream\":true,\"messages\":[");
    for (bool first = true; b->len < size; first = false) {
        size_t start = b->len;

        add(b, first ? "{\"role\":\"system\",\"content\":\"" : ",{\"role\":\"user\",\"content\":\"");
        while (b->len - start < message)
            add(b, text);
        add(b, "\"}");
    }
    add(b, "],\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"search\",\"parameters\":{\"type\":\"object\","
           "\"properties\":"
           "{\"query\":{\"type\":\"string\"},\"limit\":{\"type\":\"integer\"}},\"required\":[\"query\"]}}}]}");
}

static void
numbers(struct wd_buf *b, size_t size)
{
    add(b, "[");
    while (b->len < size)
        add(b, "[1,-2.5,3e7,null,true],{\"a\":1,\"b\":\"c\"},");
    add(b, "0]");
}

/* An object of that many keys which differ in their last bytes only. */
static void
keys(struct wd_buf *b, unsigned count)
{
    add(b, "{");
    for (unsigned i = 0; i < count; i++) {
        if (wd_buf_printf(b, "%s\"property_of_the_object_%u\":1", i > 0 ? "," : "", i * 2654435761u) != WD_OK)
            abort();
    }
    add(b, "}");
}

static double
now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
measure(const char *title, struct wd_buf *body)
{
    int runs = (int)(20000000 / body->len) + 1;
    double best = 1e9;
    uint32_t nodes = 0;

    for (int round = 0; round < 10; round++) {
        double start = now(), took;

        for (int i = 0; i < runs; i++) {
            struct wd_json_error error;
            struct wd_arena arena;
            struct wd_json doc;

            wd_arena_init(&arena, SIZE_MAX);
            if (wd_json_parse(&doc, wd_buf_span(body), &arena, WD_JSON_LIMITS, &error) != WD_OK)
                abort();
            nodes = doc.count;
            wd_arena_deinit(&arena);
        }
        took = (now() - start) / runs;
        best = took < best ? took : best;
    }
    printf("%-28s %8zu bytes %7u values  %6.2f GB/s\n", title, body->len, nodes, (double)body->len / best / 1e9);
    wd_buf_deinit(body);
}

int
main(void)
{
    struct wd_buf body;

    wd_buf_init(&body, SIZE_MAX);
    chat(&body, 1 << 20, 4000, prose);
    measure("chat, 1 MB", &body);
    chat(&body, 1600, 200, prose);
    measure("chat, 2 KB", &body);
    chat(&body, 1 << 20, 4000, letters);
    measure("chat, 1 MB, no ASCII", &body);
    numbers(&body, 1 << 20);
    measure("small values, 1 MB", &body);
    keys(&body, 100000);
    measure("100,000 keys", &body);
    return 0;
}
