#include "../base/utf8.h"
#include "reader.h"

#define TEXTS_NUMBER_DIGITS 12

/* Characters of a JSON string, its escapes counted as what they stand for. */
/* Unicode characters of a string as it stands in the document, quotes and all; what lies between escapes is counted in words. */
static uint64_t
texts_chars(struct wd_span raw)
{
    const char *p = raw.ptr + 1, *end = raw.ptr + raw.len - 1, *escape;
    uint64_t n = 0;

    while ((escape = memchr(p, '\\', (size_t)(end - p))) != NULL) {
        n += wd_utf8_count(wd_span(p, (size_t)(escape - p)));
        p = escape + 2;
        if (escape[1] != 'u') {
            n++;
            continue;
        }
        /* A pair of surrogates is one character: the high half (D800 to DBFF) is not counted. */
        n += !((escape[2] == 'd' || escape[2] == 'D') && strchr("89abAB", escape[3]) != NULL);
        p += 4;
    }
    return n + wd_utf8_count(wd_span(p, (size_t)(end - p)));
}

static bool
texts_long_number(const struct wd_json *doc, uint32_t node)
{
    struct wd_span raw = wd_json_raw(doc, node);
    size_t digits = 0;

    for (size_t i = raw.ptr[0] == '-'; i < raw.len && raw.ptr[i] >= '0' && raw.ptr[i] <= '9'; i++)
        digits++;
    return digits >= TEXTS_NUMBER_DIGITS;
}

static bool
texts_is_member(const struct wd_json *doc, uint32_t node)
{
    return node != 0 && wd_json_type(doc, doc->nodes[node].parent) == WD_JSON_OBJECT;
}

/* Which texts a node gives: its key, its value, both. */
static bool
texts_gives_value(const struct wd_reader *r, uint32_t node)
{
    switch (wd_json_type(r->doc, node)) {
    case WD_JSON_STRING:
        return !(r->marks[node].flags & WD_MARK_OPAQUE);
    case WD_JSON_NUMBER:
        return !(r->marks[node].flags & WD_MARK_NUMERIC) && texts_long_number(r->doc, node);
    default:
        return false;
    }
}

static uint8_t
texts_kind(const struct wd_reader *r, uint32_t node)
{
    struct wd_mark m = r->marks[node];

    if (wd_json_type(r->doc, node) == WD_JSON_NUMBER)
        return WD_TEXT_NUMBER;
    if (m.kind != 0)
        return m.kind - 1;
    return (m.flags & WD_MARK_DATA) && m.role == WD_ROLE(TOOL) ? WD_TEXT_PROSE : WD_TEXT_OTHER;
}

static void
texts_count_chars(struct wd_reader *r, struct wd_message *m)
{
    const struct wd_json_node *nodes = r->doc->nodes;

    for (uint32_t i = m->node; i < r->doc->count && nodes[i].start < nodes[m->node].end; i++) {
        m->more |= (r->marks[i].flags & WD_MARK_ATTACHED) != 0 || r->marks[i].role != m->role + 1;
        if (nodes[i].type != WD_JSON_STRING || (r->marks[i].flags & WD_MARK_OPAQUE))
            continue;
        if (texts_kind(r, i) != WD_TEXT_OTHER || (r->marks[i].flags & WD_MARK_DATA))
            m->chars += texts_chars(wd_json_raw(r->doc, i));
    }
}

bool
wd_reader_finish(struct wd_reader *r)
{
    struct wd_request *q = r->request;
    uint32_t count = 0;

    for (uint32_t i = 0; i < r->doc->count; i++) {
        const struct wd_mark *around = &r->marks[r->doc->nodes[i].parent];

        if (r->marks[i].role == 0)
            r->marks[i].role = around->role;
        r->marks[i].flags |= around->flags & WD_MARK_DATA;
        count += texts_is_member(r->doc, i) + texts_gives_value(r, i);
    }
    q->texts = wd_arena_alloc(r->arena, (size_t)count * sizeof(*q->texts) + 1);
    if (q->texts == NULL)
        return wd_reader_exhausted(r);
    for (uint32_t i = 0; i < r->doc->count; i++) {
        uint8_t role = r->marks[i].role - 1;
        bool member = texts_is_member(r->doc, i);

        if (member)
            q->texts[q->text_count++] = (struct wd_text){ i, role, WD_TEXT_KEY, false };
        if (texts_gives_value(r, i)) {
            bool data = (r->marks[i].flags & WD_MARK_DATA) && wd_json_type(r->doc, i) == WD_JSON_STRING;
            q->texts[q->text_count++] = (struct wd_text){ i, role, texts_kind(r, i), data };
        }
    }
    for (uint32_t i = 0; i < q->message_count; i++)
        texts_count_chars(r, &q->messages[i]);
    return true;
}
