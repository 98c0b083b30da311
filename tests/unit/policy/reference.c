#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"

#define REFERENCE_CAP ((size_t)1 << 20)

/* What stands below this line of docs/policy.md is printed from the settings table. */
static const char reference_marker[] =
    "<!-- Below: printed from the settings table; renew with WARDER_UPDATE_DOCS=1 meson test -C build policy/reference -->\n";

static void
reference_read(struct wd_buf *out, const char *path)
{
    char chunk[4096];
    FILE *f = fopen(path, "rb");
    size_t n;

    if (f == NULL)
        fail_msg("%s cannot be opened", path);
    while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
        assert_int_equal(wd_buf_add(out, wd_span(chunk, n)), WD_OK);
    fclose(f);
}

static void
reference_write(const char *path, struct wd_span head, struct wd_span table)
{
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(head.ptr, 1, head.len, f), head.len);
    assert_int_equal(fwrite(table.ptr, 1, table.len, f), table.len);
    assert_int_equal(fclose(f), 0);
}

static struct wd_span
reference_line(struct wd_span *rest)
{
    const char *end = memchr(rest->ptr, '\n', rest->len);
    size_t len = end != NULL ? (size_t)(end - rest->ptr) + 1 : rest->len;
    struct wd_span line = wd_span(rest->ptr, len);

    *rest = wd_span(rest->ptr + len, rest->len - len);
    return line;
}

static void
test_docs(void **state)
{
    const char *source = getenv("WARDER_SOURCE"), *mark;
    struct wd_buf page, table;
    struct wd_span have, want;
    char path[4096];
    size_t head;

    (void)state;
    if (source == NULL) {
        printf("WARDER_SOURCE is not set: skipped\n");
        skip();
    }
    snprintf(path, sizeof(path), "%s/docs/policy.md", source);
    wd_buf_init(&page, REFERENCE_CAP);
    wd_buf_init(&table, REFERENCE_CAP);
    reference_read(&page, path);
    assert_int_equal(wd_policy_reference(&table), WD_OK);
    mark = memmem(page.ptr, page.len, reference_marker, sizeof(reference_marker) - 1);
    if (mark == NULL)
        fail_msg("%s has no line \"%.*s\"", path, (int)sizeof(reference_marker) - 2, reference_marker);
    head = (size_t)(mark - page.ptr) + sizeof(reference_marker) - 1;
    have = wd_span(page.ptr + head, page.len - head);
    want = wd_buf_span(&table);

    if (getenv("WARDER_UPDATE_DOCS") != NULL) {
        reference_write(path, wd_span(page.ptr, head), want);
        have = want;
    }
    while (have.len > 0 || want.len > 0) {
        struct wd_span is = reference_line(&have), should = reference_line(&want);

        if (!wd_span_eq(is, should))
            fail_msg("docs/policy.md differs from the settings table (renew it: WARDER_UPDATE_DOCS=1 meson test -C build "
                     "policy/reference)\n"
                     "is:        %.*sshould be: %.*s",
                     (int)is.len, is.ptr, (int)should.len, should.ptr);
    }
    wd_buf_deinit(&page);
    wd_buf_deinit(&table);
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_docs) };

    return cmocka_run_group_tests_name("reference", tests, NULL, NULL);
}
