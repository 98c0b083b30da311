#include <stdint.h>
#include <stdlib.h>
#include <strings.h>

#include "wire/request.h"

/* The first byte picks the operation, the rest is the body. */

static bool
is_text(const struct wd_request *q, uint32_t *at, uint32_t node, bool key)
{
    if (*at < q->text_count && q->texts[*at].node == node && (q->texts[*at].kind == WD_TEXT_KEY) == key) {
        (*at)++;
        return true;
    }
    return false;
}

/* Base64 or nothing: all that may stay uninspected, after the head of a data: URL. */
static bool
is_blob(struct wd_span raw)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=";
    size_t i = 1;

    if (raw.len > 6 && strncasecmp(raw.ptr + 1, "data:", 5) == 0) {
        const char *comma = memchr(raw.ptr, ',', raw.len);
        if (comma == NULL || comma - raw.ptr > 40)
            return false;
        i = (size_t)(comma - raw.ptr) + 1;
    }
    for (; i + 1 < raw.len; i++) {
        if (raw.ptr[i] == '\\' && strchr("nr/", raw.ptr[i + 1]) != NULL)
            i++;
        else if (memchr(alphabet, raw.ptr[i], sizeof(alphabet) - 1) == NULL)
            return false;
    }
    return true;
}

static void
check(const struct wd_request *q)
{
    uint32_t at = 0;

    for (uint32_t i = 0; i < q->doc.count; i++) {
        bool member = i != 0 && wd_json_type(&q->doc, q->doc.nodes[i].parent) == WD_JSON_OBJECT;

        if (member && !is_text(q, &at, i, true))
            abort();
        if (!is_text(q, &at, i, false) && wd_json_type(&q->doc, i) == WD_JSON_STRING && !is_blob(wd_json_raw(&q->doc, i)))
            abort();
    }
    if (at != q->text_count)
        abort();
    for (uint32_t i = 0; i < q->message_count; i++) {
        if (q->messages[i].chars > q->doc.text.len || q->messages[i].role > WD_ROLE_OTHER)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wd_route route = { .model = WD_SPAN("m"), .version = WD_SPAN("v1") };
    struct wd_arena arena;
    struct wd_request q;
    struct wd_problem problem;

    if (size == 0)
        return 0;
    route.op = data[0] % WD_OPS;
    wd_arena_init(&arena, 1 << 22);
    if (wd_request_read(&q, &route, wd_span((const char *)data + 1, size - 1), &arena, &problem))
        check(&q);
    else if (problem.code == WD_CODE_NONE || problem.message == NULL)
        abort();
    wd_arena_deinit(&arena);
    return 0;
}
