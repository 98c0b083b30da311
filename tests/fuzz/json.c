/* What is accepted must read the same from the raw bytes of each node, and its text must survive unescape and escape. */
#include <assert.h>
#include <stdint.h>

#include "base/json.h"
#include "base/utf8.h"

static void
check_text(struct wd_span inside)
{
    struct wd_buf plain, again, twice;

    wd_buf_init(&plain, SIZE_MAX);
    wd_buf_init(&again, SIZE_MAX);
    wd_buf_init(&twice, SIZE_MAX);
    assert(wd_json_unescape(&plain, inside) == WD_OK && plain.len <= inside.len);
    assert(wd_utf8_valid(wd_buf_span(&plain)));
    assert(wd_json_escape(&again, wd_buf_span(&plain)) == WD_OK);
    assert(wd_json_unescape(&twice, wd_buf_span(&again)) == WD_OK);
    assert(wd_span_eq(wd_buf_span(&plain), wd_buf_span(&twice)));
    wd_buf_deinit(&plain);
    wd_buf_deinit(&again);
    wd_buf_deinit(&twice);
}

static void
check_node(const struct wd_json *doc, uint32_t i)
{
    const struct wd_json_node *n = &doc->nodes[i];
    struct wd_json_error error;
    struct wd_arena arena;
    struct wd_json part;

    assert(n->start < n->end && n->end <= doc->text.len && n->key_start <= n->key_end && n->key_end <= n->start);
    assert(n->parent <= i && (n->next == 0 || n->next > i) && (n->child == 0 || n->child == i + 1));
    wd_arena_init(&arena, SIZE_MAX);
    assert(wd_json_parse(&part, wd_json_raw(doc, i), &arena, WD_JSON_LIMITS, &error) == WD_OK);
    assert(part.nodes[0].type == n->type && part.nodes[0].end == n->end - n->start && i + part.count <= doc->count);
    for (uint32_t k = 1; k < part.count; k++) {
        assert(part.nodes[k].type == doc->nodes[i + k].type && part.nodes[k].start == doc->nodes[i + k].start - n->start);
        assert(part.nodes[k].parent == doc->nodes[i + k].parent - i);
    }
    wd_arena_deinit(&arena);
    check_text(wd_json_key_raw(doc, i));
    if (n->type == WD_JSON_STRING)
        check_text(wd_span(doc->text.ptr + n->start + 1, n->end - n->start - 2));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wd_json_error error;
    struct wd_arena arena;
    struct wd_json doc;

    wd_arena_init(&arena, SIZE_MAX);
    if (wd_json_parse(&doc, wd_span((const char *)data, size), &arena, WD_JSON_LIMITS, &error) == WD_OK) {
        assert(wd_utf8_valid(doc.text));
        for (uint32_t i = 0; i < doc.count && i < 200; i++)
            check_node(&doc, i);
    } else {
        assert(error.what != NULL && error.offset <= size);
    }
    wd_arena_deinit(&arena);
    return 0;
}
