#include "json_keys.h"

#include <endian.h>
#include <stdlib.h>

enum { KEYS_FEW = 16 };

struct keys_entry {
    uint64_t head; /* the first 8 bytes, so that most comparisons need no other memory */
    struct wd_span key;
    uint32_t node;
};

static uint32_t
keys_twin_few(const struct wd_json *doc, const uint32_t *node, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        struct wd_span a = wd_json_key_raw(doc, node[i]);

        for (uint32_t k = 0; k < i; k++) {
            if (wd_span_eq(a, wd_json_key_raw(doc, node[k])))
                return node[i];
        }
    }
    return 0;
}

static int
keys_compare(const void *pa, const void *pb)
{
    const struct keys_entry *a = pa, *b = pb;
    size_t n = a->key.len < b->key.len ? a->key.len : b->key.len;
    int order;

    if (a->head != b->head)
        return a->head < b->head ? -1 : 1;
    order = n > 0 ? memcmp(a->key.ptr, b->key.ptr, n) : 0;
    if (order != 0)
        return order;
    return a->key.len < b->key.len ? -1 : a->key.len > b->key.len;
}

static uint64_t
keys_head(struct wd_span key)
{
    uint64_t head = 0;

    if (key.len > 0)
        memcpy(&head, key.ptr, key.len < sizeof(head) ? key.len : sizeof(head));
    return be64toh(head);
}

static enum wd_err
keys_twin_many(const struct wd_json *doc, uint32_t object, uint32_t count, struct wd_arena *arena, uint32_t *twin)
{
    struct keys_entry *entries = malloc(count * sizeof(*entries));
    uint32_t i = 0;

    if (entries == NULL)
        return WD_ERR_NOMEM;
    for (uint32_t c = doc->nodes[object].child; c != 0; c = doc->nodes[c].next, i++) {
        struct wd_span key = wd_json_key(doc, c, arena);

        if (key.ptr == NULL) {
            free(entries);
            return WD_ERR_NOMEM;
        }
        entries[i] = (struct keys_entry){ .head = keys_head(key), .key = key, .node = c };
    }
    qsort(entries, count, sizeof(*entries), keys_compare);
    for (i = 1; i < count && *twin == 0; i++) {
        if (entries[i].head == entries[i - 1].head && wd_span_eq(entries[i].key, entries[i - 1].key))
            *twin = entries[i].node > entries[i - 1].node ? entries[i].node : entries[i - 1].node;
    }
    free(entries);
    return WD_OK;
}

enum wd_err
wd_json_keys_twin(const struct wd_json *doc, uint32_t object, struct wd_arena *arena, uint32_t *twin)
{
    uint32_t few[KEYS_FEW], count = 0;
    bool escaped = false;

    *twin = 0;
    for (uint32_t c = doc->nodes[object].child; c != 0; c = doc->nodes[c].next) {
        if (count < KEYS_FEW)
            few[count] = c;
        count++;
        escaped |= doc->nodes[c].key_escaped != 0;
    }
    if (count > KEYS_FEW || escaped)
        return keys_twin_many(doc, object, count, arena, twin);
    *twin = keys_twin_few(doc, few, count);
    return WD_OK;
}
