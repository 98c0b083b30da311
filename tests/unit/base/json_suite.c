/* The JSON reader on the public parsing suite and on input built to hurt it, placed against a page that may not be read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/json.h"
#include "corpus.h"

/* Room whose last byte is followed by a page that may not be read. */
struct guard {
    char *base;
    size_t size, page;
};

static void
guard_init(struct guard *g, size_t size)
{
    g->page = (size_t)sysconf(_SC_PAGESIZE);
    g->size = (size + g->page - 1) & ~(g->page - 1);
    g->base = mmap(NULL, g->size + g->page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(g->base != MAP_FAILED);
    assert_int_equal(mprotect(g->base + g->size, g->page, PROT_NONE), 0);
}

static struct wd_span
guard_put(const struct guard *g, struct wd_span text)
{
    char *at = g->base + g->size - text.len;

    assert_true(text.len <= g->size);
    if (text.len > 0)
        memcpy(at, text.ptr, text.len);
    return wd_span(at, text.len);
}

static void
guard_free(struct guard *g)
{
    munmap(g->base, g->size + g->page);
}

static enum wd_err
read_with(struct wd_span text, struct wd_json_limits limits)
{
    struct wd_json_error error;
    struct wd_arena arena;
    struct wd_json doc;
    enum wd_err err;

    wd_arena_init(&arena, 1 << 28);
    err = wd_json_parse(&doc, text, &arena, limits, &error);
    assert_true(err == WD_OK ? error.what == NULL : error.what != NULL);
    assert_true(error.offset <= text.len);
    wd_arena_deinit(&arena);
    return err;
}

static enum wd_err
read_text(struct wd_span text)
{
    return read_with(text, WD_JSON_LIMITS);
}

/* The next plain file of a tar archive; false at the end. */
static bool
tar_next(struct wd_span *tar, const char **name, struct wd_span *body)
{
    while (tar->len >= 512 && tar->ptr[0] != '\0') {
        const char *head = tar->ptr;
        size_t size = strtoul(head + 124, NULL, 8), padded = (size + 511) & ~(size_t)511;

        assert_true(padded <= tar->len - 512);
        *body = wd_span(head + 512, size);
        *tar = wd_span(head + 512 + padded, tar->len - 512 - padded);
        if (head[156] == '0') {
            const char *slash = strrchr(head, '/');

            assert_true(head[99] == '\0');
            *name = slash != NULL ? slash + 1 : head;
            return true;
        }
    }
    return false;
}

/* Where we are stricter than the suite: RFC 8259 only says that names should be unique. */
static bool
suite_duplicate(const char *name)
{
    return strncmp(name, "y_object_duplicated_key", 23) == 0;
}

static void
test_suite(void **state)
{
    struct wd_buf all;
    struct wd_span tar, body;
    struct guard guard;
    const char *name;
    int yes = 0, no = 0, duplicates = 0;

    wd_buf_init(&all, 1 << 26);
    if (!corpus_read(&all, "gzip -dc", "corpora/json_parsing_suite/files.tar.gz", ""))
        skip();
    guard_init(&guard, 1 << 20);
    tar = wd_buf_span(&all);
    while (tar_next(&tar, &name, &body)) {
        enum wd_err err = read_text(guard_put(&guard, body));

        if (strncmp(name, "y_", 2) == 0 && !suite_duplicate(name)) {
            yes++;
            if (err != WD_OK)
                fail_msg("%s: refused", name);
        } else if (strncmp(name, "n_", 2) == 0 || suite_duplicate(name)) {
            no++;
            duplicates += suite_duplicate(name);
            if (err != WD_ERR_SYNTAX && err != WD_ERR_LIMIT)
                fail_msg("%s: accepted", name);
        }
        /* Every start of the file; of the two deeply nested ones only some. */
        for (size_t n = 0; n < body.len; n += body.len < 4096 ? 1 : 997)
            (void)!read_text(guard_put(&guard, wd_span(body.ptr, n)));
    }
    assert_int_equal(yes, 93);
    assert_int_equal(no, 190);
    assert_int_equal(duplicates, 2);
    guard_free(&guard);
    wd_buf_deinit(&all);
}

/* F16, and what readers are known to see differently. */
static void
test_transform(void **state)
{
    static const char *const refused[] = {
        "object_same_key_different_values.json", "object_same_key_same_value.json",
        "object_same_key_unclear_values.json",   "string_1_escaped_invalid_codepoint.json",
        "string_1_invalid_codepoint.json",       "string_2_escaped_invalid_codepoints.json",
        "string_2_invalid_codepoints.json",      "string_3_escaped_invalid_codepoints.json",
        "string_3_invalid_codepoints.json",
    };
    struct wd_buf all;
    struct wd_span tar, body;
    const char *name;
    size_t found = 0;

    wd_buf_init(&all, 1 << 26);
    if (!corpus_read(&all, "gzip -dc", "corpora/json_parsing_suite/files.tar.gz", ""))
        skip();
    tar = wd_buf_span(&all);
    while (tar_next(&tar, &name, &body)) {
        for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
            if (strcmp(name, refused[i]) != 0)
                continue;
            found++;
            if (read_text(body) != WD_ERR_SYNTAX)
                fail_msg("%s: accepted", name);
        }
    }
    assert_int_equal(found, sizeof(refused) / sizeof(*refused));
    wd_buf_deinit(&all);
}

/* A byte of every value, and every kind of piece, at every offset of a string: the fast path has no corner of its own. */
static void
test_every_byte_at_every_offset(void **state)
{
    struct guard guard;
    char text[64];

    guard_init(&guard, sizeof(text));
    for (unsigned c = 0; c < 256; c++) {
        for (size_t at = 0; at < 36; at++) {
            enum wd_err want = c < 0x20 || c >= 0x80 || c == '\\' || c == '"' ? WD_ERR_SYNTAX : WD_OK;

            memset(text, 'a', sizeof(text));
            text[0] = text[41] = '"';
            text[at + 1] = (char)c;
            if (read_text(guard_put(&guard, wd_span(text, 42))) != want)
                fail_msg("byte %02x at %zu", c, at);
            assert_int_equal(read_text(guard_put(&guard, wd_span(text, 41))), WD_ERR_SYNTAX);
        }
    }
    guard_free(&guard);
}

static void
repeat(struct wd_buf *b, const char *s, size_t count)
{
    while (count-- > 0)
        assert_int_equal(wd_buf_add_str(b, s), WD_OK);
}

static void
test_limits(void **state)
{
    struct wd_buf b;

    wd_buf_init(&b, 1 << 26);
    repeat(&b, "[", 64);
    repeat(&b, "]", 64);
    assert_int_equal(read_text(wd_buf_span(&b)), WD_OK);
    assert_int_equal(read_with(wd_buf_span(&b), (struct wd_json_limits){ .depth = 63, .nodes = 64 }), WD_ERR_LIMIT);
    assert_int_equal(read_with(wd_buf_span(&b), (struct wd_json_limits){ .depth = 64, .nodes = 63 }), WD_ERR_LIMIT);
    wd_buf_clear(&b);
    repeat(&b, "{\"a\":", 65);
    assert_int_equal(read_text(wd_buf_span(&b)), WD_ERR_LIMIT);
    wd_buf_clear(&b);
    repeat(&b, "[", 5000000);
    assert_int_equal(read_text(wd_buf_span(&b)), WD_ERR_LIMIT);
    assert_int_equal(read_with(wd_buf_span(&b), (struct wd_json_limits){ .depth = UINT32_MAX, .nodes = UINT32_MAX }),
                     WD_ERR_SYNTAX);

    for (uint32_t nodes = 0; nodes < 300; nodes++) {
        wd_buf_clear(&b);
        repeat(&b, "[1", 1);
        repeat(&b, ",1", nodes);
        repeat(&b, "]", 1);
        assert_int_equal(read_with(wd_buf_span(&b), (struct wd_json_limits){ .depth = 1, .nodes = nodes + 2 }), WD_OK);
        assert_int_equal(read_with(wd_buf_span(&b), (struct wd_json_limits){ .depth = 1, .nodes = nodes + 1 }), WD_ERR_LIMIT);
    }
    assert_int_equal(read_with(WD_SPAN("1"), (struct wd_json_limits){ .depth = 0, .nodes = 1 }), WD_OK);
    assert_int_equal(read_with(WD_SPAN("1"), (struct wd_json_limits){ .depth = 0, .nodes = 0 }), WD_ERR_LIMIT);
    assert_int_equal(read_with(WD_SPAN("[]"), (struct wd_json_limits){ .depth = 0, .nodes = 9 }), WD_ERR_LIMIT);
    assert_int_equal(read_with(wd_span("1", UINT32_MAX), WD_JSON_LIMITS), WD_ERR_LIMIT);
    wd_buf_deinit(&b);
}

/* F16: equal keys are found wherever they stand and however they are written, in small objects and in large ones. */
static void
test_duplicate_keys(void **state)
{
    static const unsigned counts[] = { 2, 3, 15, 16, 17, 18, 100, 100000 };
    static const char *const again[] = { "\"k0\":1}", "\"\\u006b0\":1}", "\"k\\u0030\":{}}" };
    struct wd_buf b;

    wd_buf_init(&b, 1 << 26);
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        size_t len;

        wd_buf_clear(&b);
        repeat(&b, "{", 1);
        for (unsigned k = 0; k < counts[i] - 1; k++)
            assert_int_equal(wd_buf_printf(&b, "\"k%u\":0,", k), WD_OK);
        len = b.len;
        repeat(&b, "\"K0\":1}", 1);
        assert_int_equal(read_text(wd_buf_span(&b)), WD_OK);
        for (size_t k = 0; k < sizeof(again) / sizeof(*again); k++) {
            b.len = len;
            repeat(&b, again[k], 1);
            if (read_text(wd_buf_span(&b)) != WD_ERR_SYNTAX)
                fail_msg("%u keys, '%s' accepted", counts[i], again[k]);
        }
    }
    /* Keys that share a long start, are prefixes of each other, or end in NUL. */
    wd_buf_clear(&b);
    repeat(&b, "{\"\":0", 1);
    for (unsigned k = 1; k < 300; k++) {
        repeat(&b, ",\"", 1);
        repeat(&b, "a", k);
        repeat(&b, "\":0,\"", 1);
        repeat(&b, "\\u0000", k);
        repeat(&b, "\":0", 1);
    }
    repeat(&b, "}", 1);
    assert_int_equal(read_text(wd_buf_span(&b)), WD_OK);
    b.len--;
    repeat(&b, ",\"\\u0000\\u0000\":0}", 1);
    assert_int_equal(read_text(wd_buf_span(&b)), WD_ERR_SYNTAX);
    wd_buf_deinit(&b);
}

/* One large object, one escaped key: its key is copied to the arena, so that the arena's cap is met with an error. */
static void
test_arena_caps(void **state)
{
    struct wd_span text = WD_SPAN("{\"\\u0061\":[1,2,3,{\"b\":\"c\",\"\\n\":0}],\"d\":{}}");
    size_t ok = 0;

    for (size_t cap = 0; cap < 1024; cap += 16) {
        struct wd_json_error error;
        struct wd_arena arena;
        struct wd_json doc;
        enum wd_err err;

        wd_arena_init(&arena, cap);
        err = wd_json_parse(&doc, text, &arena, WD_JSON_LIMITS, &error);
        assert_true(err == WD_OK || (err == WD_ERR_NOMEM && ok == 0 && doc.count == 0 && doc.nodes == NULL));
        ok += err == WD_OK;
        wd_arena_deinit(&arena);
    }
    assert_true(ok > 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suite),  cmocka_unit_test(test_transform),      cmocka_unit_test(test_every_byte_at_every_offset),
        cmocka_unit_test(test_limits), cmocka_unit_test(test_duplicate_keys), cmocka_unit_test(test_arena_caps),
    };

    return cmocka_run_group_tests_name("json_suite", tests, NULL, NULL);
}
