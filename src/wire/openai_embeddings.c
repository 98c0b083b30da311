#include "reader.h"

/* POST /v1/embeddings. Source: OpenAI API reference, November 2026. */

static bool
embeddings_text(struct wd_reader *r, uint32_t node)
{
    if (wd_json_type(r->doc, node) != WD_JSON_STRING)
        return wd_reader_refuse(r, WD_CODE_UNINSPECTABLE_CONTENT,
                                "token numbers cannot be inspected (accepted: a string or an array of strings)", node, NULL);
    r->marks[node].kind = WD_TEXT_PROSE + 1;
    return wd_reader_message(r, node, WD_ROLE(USER));
}

static bool
embeddings_input(struct wd_reader *r, uint32_t node)
{
    if (wd_json_type(r->doc, node) == WD_JSON_STRING)
        return embeddings_text(r, node);
    if (r->doc->nodes[node].child == 0)
        return wd_reader_refuse(r, WD_CODE_INVALID_REQUEST, "must hold at least one string", node, NULL);
    return wd_reader_each(r, node, embeddings_text);
}

bool
wd_embeddings_read(struct wd_reader *r, uint32_t node)
{
    static const struct wd_field fields[] = {
        { "model", WD_IS_STRING | WD_REQUIRED, .read = wd_reader_model },
        { "input", WD_IS_STRING | WD_IS_ARRAY | WD_REQUIRED, .read = embeddings_input },
    };
    static const struct wd_object object = WD_OBJECT(fields);

    return wd_reader_object(r, node, &object);
}
