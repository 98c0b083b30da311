#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "detect/redactor.h"
#include "scan_text.h"

/* Split, so that no scanner takes it for a key. */
#define KEY                                                                                                                      \
    "AKIA"                                                                                                                       \
    "Q3EGHJK7LMNPQR2T"
#define EXAMPLE                                                                                                                  \
    "AKIA"                                                                                                                       \
    "IOSFODNN7EXAMPLE"

static struct detector detector;
static struct scan_wanted wanted;

static struct scan_found
scan(struct scan_text *t, struct wd_span what, size_t most, bool tree)
{
    struct scan_found found;
    bool over = false;
    size_t room, n;
    char *to;

    scan_text_begin(t, tree);
    while (!over) {
        to = scan_text_room(t, &room);
        assert_true(room > 0);
        n = what.len < room ? what.len : room;
        n = n < most ? n : most;
        memcpy(to, what.ptr, n);
        what = wd_span(what.ptr + n, what.len - n);
        assert_int_equal(scan_text_block(t, n, what.len == 0, &over), WD_OK);
    }
    scan_text_take(t, &found);
    return found;
}

/* What is found, as "LINE:COLUMN-LINE:COLUMN rule[ example];" */
static void
print(const struct scan_found *found, char *out, size_t size)
{
    size_t n = 0;

    out[0] = '\0';
    for (uint32_t i = 0; i < found->count && n < size; i++) {
        const struct scan_finding *f = &found->items[i];

        n += (size_t)snprintf(out + n, size - n, "%u:%u-%u:%u %s%s;", (unsigned)f->start.line, (unsigned)f->start.column,
                              (unsigned)f->end.line, (unsigned)f->end.column, f->rule->id, f->example ? " example" : "");
    }
}

static const struct {
    const char *text, *want;
    uint64_t allowed;
} cases[] = {
    { "", "", 0 },
    { "nothing here\n", "", 0 },
    { KEY, "1:1-1:21 aws-access-key;", 0 },
    { "a\n\n  " KEY "\n", "3:3-3:23 aws-access-key;", 0 },
    { "\xc3\xa9\xf0\x9f\x98\x80 " KEY, "1:4-1:24 aws-access-key;", 0 },
    { "\xe9\xff " KEY "\r\nx", "1:4-1:24 aws-access-key;", 0 },
    { KEY " " KEY, "1:1-1:21 aws-access-key;1:22-1:42 aws-access-key;", 0 },
    { EXAMPLE "\n", "1:1-1:21 aws-access-key example;", 0 },
    { "joe@"
      "example.com, ann@"
      "firm-x.com",
      "1:1-1:16 email example;1:18-1:32 email;", 0 },
    { "4111 1111 1111 1111", "1:1-1:20 card example;", 0 },
    { KEY " # warder:allow\n" KEY, "2:1-2:21 aws-access-key;", 1 },
    { "/* warder:allow */ " KEY "\n", "", 1 },
    { KEY " # warder:allow=aws-access-key\n", "", 1 },
    { KEY " # warder:allow=email,aws-access-key because\n", "", 1 },
    { KEY " # warder:allow=secret", "", 1 },
    { KEY " # warder:allow=email\n", "1:1-1:21 aws-access-key;", 0 },
    { KEY " # warder:allow=\n", "1:1-1:21 aws-access-key;", 0 },
    { KEY " # warder:allowed\n", "1:1-1:21 aws-access-key;", 0 },
    { KEY " # warder:allowed warder:allow\n", "", 1 },
    { KEY "\n# warder:allow\n", "1:1-1:21 aws-access-key;", 0 },
};

static void
test_places_comments_and_examples(void **state)
{
    struct scan_text *t;
    char got[4096];

    assert_int_equal(scan_text_new(&t, &detector, &wanted), WD_OK);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (size_t most = 1; most < 50; most += 7) {
            struct scan_found found = scan(t, wd_span_str(cases[i].text), most, false);

            print(&found, got, sizeof(got));
            if (strcmp(got, cases[i].want) != 0)
                fail_msg("%s: %s instead of %s", cases[i].text, got, cases[i].want);
            assert_int_equal(found.allowed, cases[i].allowed);
            assert_int_equal(found.bytes, strlen(cases[i].text));
            free(found.items);
        }
    scan_text_free(t);
}

static void
test_folders_are_not_searched_for_what_they_are_full_of(void **state)
{
    static const char text[] = "ann@"
                               "firm-x.com <script src=x> " KEY;
    struct scan_wanted narrow = wanted;
    struct scan_found found;
    struct scan_text *t;

    narrow.narrow = true;
    assert_int_equal(scan_text_new(&t, &detector, &narrow), WD_OK);
    found = scan(t, wd_span_str(text), SIZE_MAX, true);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.usual, 2);
    free(found.items);
    found = scan(t, wd_span_str(text), SIZE_MAX, false);
    assert_int_equal(found.count, 3);
    free(found.items);
    scan_text_free(t);
}

static void
test_what_is_no_text(void **state)
{
    static const struct {
        struct wd_span start;
        bool binary;
    } rows[] = {
        { WD_SPAN_INIT("a\0"), true },
        { WD_SPAN_INIT("\x01\x02\x03\x04"), true },
        { WD_SPAN_INIT("\xe9\xff\xfe latin\x1b[0m\r\n"), false },
        { WD_SPAN_INIT(""), false },
    };
    struct scan_text *t;

    assert_int_equal(scan_text_new(&t, &detector, &wanted), WD_OK);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scan_found found = scan(t, rows[i].start, SIZE_MAX, false);

        assert_int_equal(found.binary, rows[i].binary);
        free(found.items);
    }
    scan_text_free(t);
}

/* A short value is not given away by how it starts; equal values have equal fingerprints, other keys other ones. */
static void
test_previews_and_fingerprints(void **state)
{
    struct detector other;
    struct scan_found a, b;
    struct scan_text *t;

    assert_int_equal(scan_text_new(&t, &detector, &wanted), WD_OK);
    a = scan(t, WD_SPAN("password = \"hun7er\"\n" KEY "\n" KEY "x\n4012 8888 8888 1881\n4012888888881881\n"), SIZE_MAX, false);
    /* the key with a letter more has no form of its own, but stands behind "password" */
    assert_int_equal(a.count, 5);
    assert_int_equal(a.items[0].preview_len, 1);
    assert_int_equal(a.items[1].preview_len, 4);
    assert_string_equal(a.items[2].rule->id, "bare-key");
    assert_memory_equal(a.items[3].fingerprint, a.items[4].fingerprint, WD_FINGERPRINT_BYTES);
    assert_int_equal(a.items[3].nth, 0);
    assert_int_equal(a.items[4].nth, 1);
    scan_text_free(t);

    assert_true(detector_init(&other, "test"));
    assert_int_equal(scan_text_new(&t, &other, &wanted), WD_OK);
    b = scan(t, WD_SPAN(KEY), SIZE_MAX, false);
    assert_memory_not_equal(a.items[1].fingerprint, b.items[0].fingerprint, WD_FINGERPRINT_BYTES);
    free(a.items);
    free(b.items);
    scan_text_free(t);
    detector_deinit(&other);
}

struct twin {
    struct {
        uint64_t start, end;
    } at[20000];
    uint32_t count;
};

static void
twin_on_finding(void *ctx, const struct wd_rule *rule, uint64_t start, uint64_t end)
{
    struct twin *twin = ctx;

    assert_true(twin->count < 20000);
    twin->at[twin->count].start = start;
    twin->at[twin->count++].end = end;
}

static int
twin_by_start(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return x[0] != y[0] ? (x[0] > y[0] ? 1 : -1) : (x[1] > y[1]) - (x[1] < y[1]);
}

/*
 * Megabytes with keys near and far from each other, a word of megabytes, and stretches that hold nothing, so that blocks are
 * skipped: the same findings as of one redactor over the whole text, with lines and columns counted anew.
 */
static void
test_long_texts_as_by_one_redactor(void **state)
{
    size_t size = 12 << 20, n = 0, at = 0;
    char *text = malloc(size);
    struct scan_place place = SCAN_PLACE_START;
    struct twin *twin = calloc(1, sizeof(*twin));
    struct wd_buf out;
    struct scan_found found;
    struct scan_text *t;
    uint32_t dice = 7;

    assert_non_null(text);
    assert_non_null(twin);
    while (n < size - (1 << 20)) {
        dice = dice * 1664525 + 1013904223;
        if (dice >> 24 < 2) {
            memset(text + n, 'x', 300000); /* one word, and no finding */
            n += 300000;
        } else if (dice >> 24 == 3) {
            memcpy(text + n, "\nsk-proj-", 9);
            for (size_t i = 9; i < 700000; i++)
                text[n + i] = "aB3dE5fG7"[i % 9];
            n += 700000;
        } else {
            n += (size_t)sprintf(text + n, "%s%*s", n < 4 << 20 || n > 9 << 20 ? KEY : "clean", (int)(dice >> 12 & 0x7ff),
                                 "\xc3\xa9\n");
        }
    }
    assert_int_equal(scan_text_new(&t, &detector, &wanted), WD_OK);
    found = scan(t, wd_span(text, n), SIZE_MAX, false);

    wd_buf_init(&out, SIZE_MAX / 4);
    detector.scan.observe = twin_on_finding;
    detector.scan.observe_ctx = twin;
    for (int c = 0; c < WD_CATEGORIES; c++)
        detector.scan.actions[c] = WD_FLAG;
    bool changed;
    assert_int_equal(wd_redact(&detector.scan, WD_REDACT_TEXT, wd_span(text, n), &out, &changed), WD_OK);
    qsort(twin->at, twin->count, sizeof(twin->at[0]), twin_by_start);
    assert_in_range(twin->count, 500, SCAN_FINDINGS_MAX);
    assert_int_equal(found.count, twin->count);
    for (uint32_t i = 0; i < found.count; i++) {
        assert_int_equal(found.items[i].start.offset, twin->at[i].start);
        assert_int_equal(found.items[i].end.offset, twin->at[i].end);
        scan_place_advance(&place, text + at, twin->at[i].start - at);
        at = twin->at[i].start;
        assert_int_equal(found.items[i].start.line, place.line);
        assert_int_equal(found.items[i].start.column, place.column);
    }
    detector.scan.observe = NULL;
    free(found.items);
    wd_buf_deinit(&out);
    scan_text_free(t);
    free(twin);
    free(text);
}

/* A key at every place around the end of a block, in a text that is clean otherwise: no block by itself holds it. */
static void
test_a_key_between_blocks(void **state)
{
    size_t size = 4 << 20, len = strlen(KEY), ends[] = { 3 << 19, 5 << 19, 7 << 19 };
    char *text = malloc(size);
    struct scan_found found;
    struct scan_text *t;

    assert_non_null(text);
    memset(text, ' ', size);
    assert_int_equal(scan_text_new(&t, &detector, &wanted), WD_OK);
    for (size_t e = 0; e < sizeof(ends) / sizeof(ends[0]); e++)
        for (size_t at = ends[e] - len - 1; at <= ends[e] + 1; at++) {
            memcpy(text + at, KEY, len);
            found = scan(t, wd_span(text, size), SIZE_MAX, false);
            assert_int_equal(found.count, 1);
            assert_int_equal(found.items[0].start.offset, at);
            assert_int_equal(found.items[0].start.column, at + 1);
            free(found.items);
            memset(text + at, ' ', len);
        }
    scan_text_free(t);
    free(text);
}

/* One word of megabytes is told where it starts when its start has left the window; so is the comment before it. */
static void
test_a_finding_longer_than_the_window(void **state)
{
    static const char start[] = "x\n\xc3\xa9 sk-proj-", allowed[] = "x\n/* warder:allow */ sk-proj-";
    size_t size = 6 << 20, n;
    char *text = malloc(size);
    struct scan_found found;
    struct scan_text *t;

    assert_non_null(text);
    assert_int_equal(scan_text_new(&t, &detector, &wanted), WD_OK);
    for (size_t before = 0; before < 2 << 20; before += 700001) {
        memset(text, ' ', before);
        n = before + (size_t)sprintf(text + before, "%s", start);
        while (n < before + (4 << 20)) {
            text[n] = "aB3dE5fG7"[n % 9];
            n++;
        }
        n += (size_t)sprintf(text + n, "\n%s\n", KEY);
        found = scan(t, wd_span(text, n), SIZE_MAX, false);
        assert_int_equal(found.count, 2);
        assert_string_equal(found.items[0].rule->id, "openai-key");
        assert_int_equal(found.items[0].start.line, 2);
        assert_int_equal(found.items[0].start.column, 3);
        assert_int_equal(found.items[0].end.offset, before + (4 << 20));
        assert_int_equal(found.items[0].end.line, 2);
        assert_memory_equal(found.items[0].preview, "sk-p", 4);
        assert_int_equal(found.items[1].start.line, 3);
        free(found.items);
        memcpy(text + before, allowed, sizeof(allowed) - 1);
        found = scan(t, wd_span(text, n), SIZE_MAX, false);
        assert_int_equal(found.count, 1);
        assert_int_equal(found.allowed, 1);
        free(found.items);
    }
    scan_text_free(t);
    free(text);
}

/* More findings than are kept: the rest is counted. */
static void
test_more_than_is_kept(void **state)
{
    size_t n = SCAN_FINDINGS_MAX + 5, len = strlen(KEY) + 1;
    char *text = malloc(n * len);
    struct scan_found found;
    struct scan_text *t;

    assert_non_null(text);
    for (size_t i = 0; i < n; i++)
        memcpy(text + i * len, KEY " ", len);
    assert_int_equal(scan_text_new(&t, &detector, &wanted), WD_OK);
    found = scan(t, wd_span(text, n * len), SIZE_MAX, false);
    assert_int_equal(found.count, SCAN_FINDINGS_MAX);
    assert_int_equal(found.more, 5);
    free(found.items);
    scan_text_free(t);
    free(text);
}

static int
setup(void **state)
{
    wanted = (struct scan_wanted){ .least = WD_LOW, .examples = true };
    for (int c = 0; c < WD_CATEGORIES; c++)
        wanted.category.categories[c] = wanted.rules.categories[c] = true;
    return detector_init(&detector, "test") ? 0 : 1;
}

static int
teardown(void **state)
{
    detector_deinit(&detector);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places_comments_and_examples),
        cmocka_unit_test(test_folders_are_not_searched_for_what_they_are_full_of),
        cmocka_unit_test(test_what_is_no_text),
        cmocka_unit_test(test_previews_and_fingerprints),
        cmocka_unit_test(test_long_texts_as_by_one_redactor),
        cmocka_unit_test(test_a_key_between_blocks),
        cmocka_unit_test(test_a_finding_longer_than_the_window),
        cmocka_unit_test(test_more_than_is_kept),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
