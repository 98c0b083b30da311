#include "place.h"

struct place {
    const struct wd_place_row *rows;
    uint8_t count, element, other, text;
};

static const struct wd_place_row row_fragment[] = {
    { "type", PLACE_ANY, true, NULL },
    { "index", PLACE_ANY, true, NULL },
    { "id", PLACE_ANY, false, NULL },
    { "role", PLACE_ANY, false, NULL },
    { "name", PLACE_ANY, false, NULL },
};
static const struct wd_place_row row_chat[] = {
    { "choices", PLACE_CHAT_CHOICES, false, NULL },
    { "id", PLACE_ANY, true, NULL },
    { "object", PLACE_ANY, true, NULL },
    { "created", PLACE_ANY, true, NULL },
    { "model", PLACE_ANY, true, NULL },
    { "system_fingerprint", PLACE_ANY, true, NULL },
    { "service_tier", PLACE_ANY, true, NULL },
};
static const struct wd_place_row row_chat_choice[] = {
    { "delta", PLACE_CHAT_DELTA, false, NULL },
    { "message", PLACE_CHAT_MESSAGE, false, NULL },
    { "logprobs", PLACE_LOGPROBS, false, NULL },
    { "index", PLACE_ANY, true, NULL },
    { "finish_reason", PLACE_ANY, true, NULL },
};
static const struct wd_place_row row_chat_delta[] = {
    { "role", PLACE_ANY, false, NULL },
    { "audio", PLACE_CHAT_AUDIO, false, NULL },
    { "tool_calls", PLACE_CHAT_CALLS, false, NULL },
    { "function_call", PLACE_CHAT_FUNCTION, false, NULL },
};
static const struct wd_place_row row_chat_audio[] = {
    { "data", PLACE_OPAQUE, false, NULL },
    { "transcript", PLACE_FRAGMENT, false, NULL },
};
static const struct wd_place_row row_chat_call[] = {
    { "function", PLACE_CHAT_FUNCTION, false, NULL },
    { "custom", PLACE_CHAT_CUSTOM, false, NULL },
    { "index", PLACE_ANY, true, NULL },
};
static const struct wd_place_row row_chat_function[] = { { "arguments", PLACE_FRAGMENT_JSON, false, NULL } };
static const struct wd_place_row row_chat_custom[] = { { "input", PLACE_FRAGMENT, false, NULL } };

static const struct wd_place_row row_responses[] = {
    { "delta", PLACE_RESPONSES_DELTA, false, NULL },
    { "response", PLACE_RESPONSES_ANSWER, false, NULL },
    { "item", PLACE_RESPONSES_ITEM, false, NULL },
    { "part", PLACE_RESPONSES_PART, false, NULL },
    { "logprobs", PLACE_LOGPROBS, true, NULL },
    { "arguments", PLACE_JSON, false, NULL },
    { "partial_image_b64", PLACE_OPAQUE, false, NULL },
    { "b64_json", PLACE_OPAQUE, false, NULL },
    { "type", PLACE_ANY, true, NULL },
    { "item_id", PLACE_ANY, true, NULL },
    { "response_id", PLACE_ANY, true, NULL },
    { "output_index", PLACE_ANY, true, NULL },
    { "content_index", PLACE_ANY, true, NULL },
    { "summary_index", PLACE_ANY, true, NULL },
    { "command_index", PLACE_ANY, true, NULL },
};
static const struct wd_place_row row_responses_answer[] = { { "output", PLACE_RESPONSES_ITEMS, false, NULL } };
static const struct wd_place_row row_responses_item[] = {
    { "content", PLACE_RESPONSES_PARTS, false, NULL },
    { "arguments", PLACE_JSON, false, NULL },
    { "action", PLACE_MEMBER, false, NULL },
    { "encrypted_content", PLACE_OPAQUE, false, NULL },
    { "result", PLACE_OPAQUE, false, "image_generation_call" },
    { "fingerprint", PLACE_OPAQUE, false, "program" },
};
static const struct wd_place_row row_responses_part[] = {
    { "logprobs", PLACE_LOGPROBS, false, NULL },
    { "data", PLACE_OPAQUE, false, "output_audio" },
};

static const struct wd_place_row row_messages[] = {
    { "message", PLACE_MESSAGES_MESSAGE, false, NULL },
    { "content", PLACE_MESSAGES_BLOCKS, false, NULL },
    { "content_block", PLACE_MESSAGES_FIRST, false, NULL },
    { "delta", PLACE_MESSAGES_DELTA, false, "content_block_delta" },
    { "type", PLACE_ANY, true, NULL },
    { "index", PLACE_ANY, true, NULL },
};
static const struct wd_place_row row_messages_message[] = { { "content", PLACE_MESSAGES_BLOCKS, false, NULL } };
static const struct wd_place_row row_messages_block[] = {
    /* the first two only in the block that a stream starts with */
    { "text", PLACE_MESSAGES_FIRST_TEXT, false, "text" },
    { "thinking", PLACE_MESSAGES_FIRST_TEXT, false, "thinking" },
    { "signature", PLACE_OPAQUE, false, "thinking" },
    { "data", PLACE_OPAQUE, false, "redacted_thinking" },
    { "encrypted_content", PLACE_OPAQUE, false, "compaction" },
    { "input", PLACE_MEMBER, false, NULL },
    { "content", PLACE_MESSAGES_RESULT, false, NULL },
    { "citations", PLACE_MESSAGES_CITATIONS, false, NULL },
};
static const struct wd_place_row row_messages_result[] = {
    { "content", PLACE_MESSAGES_RESULT, false, NULL },
    { "source", PLACE_MESSAGES_SOURCE, false, NULL },
    { "encrypted_content", PLACE_OPAQUE, false, NULL },
    { "encrypted_stdout", PLACE_OPAQUE, false, NULL },
};
static const struct wd_place_row row_messages_source[] = { { "data", PLACE_OPAQUE, false, "base64" } };
static const struct wd_place_row row_messages_citation[] = { { "encrypted_index", PLACE_OPAQUE, false, NULL } };
static const struct wd_place_row row_messages_delta[] = {
    { "type", PLACE_ANY, true, NULL },
    { "partial_json", PLACE_FRAGMENT_JSON, false, NULL },
    { "signature", PLACE_OPAQUE, false, "signature_delta" },
    { "encrypted_content", PLACE_OPAQUE, false, "compaction_delta" },
    { "citation", PLACE_MESSAGES_CITATION, false, "citations_delta" },
};

static const struct wd_place_row row_google[] = {
    { "candidates", PLACE_GOOGLE_CANDIDATES, false, NULL },
    { "modelVersion", PLACE_ANY, true, NULL },
    { "responseId", PLACE_ANY, true, NULL },
    { "createTime", PLACE_ANY, true, NULL },
};
static const struct wd_place_row row_google_candidate[] = {
    { "content", PLACE_GOOGLE_CONTENT, false, NULL },
    { "logprobsResult", PLACE_LOGPROBS, false, NULL },
    { "index", PLACE_ANY, true, NULL },
};
static const struct wd_place_row row_google_content[] = {
    { "parts", PLACE_GOOGLE_PARTS, false, NULL },
    { "role", PLACE_ANY, true, NULL },
};
static const struct wd_place_row row_google_part[] = {
    { "thought", PLACE_ANY, true, NULL },
    { "thoughtSignature", PLACE_OPAQUE, false, NULL },
    { "inlineData", PLACE_GOOGLE_BLOB, false, NULL },
    { "functionCall", PLACE_GOOGLE_CALL, false, NULL },
    { "functionResponse", PLACE_MEMBER, false, NULL },
};
static const struct wd_place_row row_google_blob[] = { { "data", PLACE_OPAQUE, false, NULL } };
static const struct wd_place_row row_google_call[] = {
    { "args", PLACE_MEMBER, false, NULL },
    { "partialArgs", PLACE_GOOGLE_PARTIALS, false, NULL },
    { "willContinue", PLACE_ANY, true, NULL },
};
static const struct wd_place_row row_google_partial[] = {
    { "stringValue", PLACE_FRAGMENT, false, NULL },
    { "jsonPath", PLACE_ANY, true, NULL },
    { "willContinue", PLACE_ANY, true, NULL },
};

static const struct wd_place_row row_embeddings[] = { { "data", PLACE_EMBEDDINGS_LIST, false, NULL } };
static const struct wd_place_row row_embeddings_item[] = { { "embedding", PLACE_OPAQUE, false, NULL } };

#define ROWS(r) .rows = (r), .count = sizeof(r) / sizeof((r)[0])

static const struct place places[PLACES] = {
    [PLACE_OPAQUE] = { .text = PLACE_TEXT_OPAQUE },
    [PLACE_JSON] = { .text = PLACE_TEXT_JSON, .element = PLACE_MEMBER, .other = PLACE_MEMBER },
    [PLACE_MEMBER] = { .text = PLACE_TEXT_MEMBER, .element = PLACE_MEMBER, .other = PLACE_MEMBER },
    [PLACE_LOGPROBS] = { .element = PLACE_LOGPROBS, .other = PLACE_LOGPROBS },
    [PLACE_FRAGMENT] = { ROWS(row_fragment), .text = PLACE_TEXT_FRAGMENT, .element = PLACE_FRAGMENT, .other = PLACE_FRAGMENT },
    [PLACE_FRAGMENT_JSON] = { .text = PLACE_TEXT_FRAGMENT_JSON, .element = PLACE_MEMBER, .other = PLACE_MEMBER },

    [PLACE_CHAT] = { ROWS(row_chat) },
    [PLACE_CHAT_CHOICES] = { .element = PLACE_CHAT_CHOICE },
    [PLACE_CHAT_CHOICE] = { ROWS(row_chat_choice) },
    [PLACE_CHAT_DELTA] = { ROWS(row_chat_delta), .other = PLACE_FRAGMENT },
    [PLACE_CHAT_MESSAGE] = { ROWS(row_chat_delta) },
    [PLACE_CHAT_AUDIO] = { ROWS(row_chat_audio) },
    [PLACE_CHAT_CALLS] = { .element = PLACE_CHAT_CALL },
    [PLACE_CHAT_CALL] = { ROWS(row_chat_call) },
    [PLACE_CHAT_FUNCTION] = { ROWS(row_chat_function) },
    [PLACE_CHAT_CUSTOM] = { ROWS(row_chat_custom) },

    [PLACE_RESPONSES] = { ROWS(row_responses) },
    [PLACE_RESPONSES_ANSWER] = { ROWS(row_responses_answer) },
    [PLACE_RESPONSES_ITEMS] = { .element = PLACE_RESPONSES_ITEM },
    [PLACE_RESPONSES_ITEM] = { ROWS(row_responses_item) },
    [PLACE_RESPONSES_PARTS] = { .element = PLACE_RESPONSES_PART },
    [PLACE_RESPONSES_PART] = { ROWS(row_responses_part) },

    [PLACE_MESSAGES] = { ROWS(row_messages) },
    [PLACE_MESSAGES_MESSAGE] = { ROWS(row_messages_message) },
    [PLACE_MESSAGES_BLOCKS] = { .element = PLACE_MESSAGES_BLOCK },
    [PLACE_MESSAGES_BLOCK] = { .rows = row_messages_block + 2, .count = sizeof(row_messages_block) / sizeof(row_messages_block[0]) - 2 },
    [PLACE_MESSAGES_FIRST] = { ROWS(row_messages_block) },
    [PLACE_MESSAGES_FIRST_TEXT] = { .text = PLACE_TEXT_FRAGMENT },
    [PLACE_MESSAGES_RESULT] = { ROWS(row_messages_result), .element = PLACE_MESSAGES_RESULT },
    [PLACE_MESSAGES_SOURCE] = { ROWS(row_messages_source) },
    [PLACE_MESSAGES_CITATIONS] = { .element = PLACE_MESSAGES_CITATION },
    [PLACE_MESSAGES_CITATION] = { ROWS(row_messages_citation) },
    [PLACE_MESSAGES_DELTA] = { ROWS(row_messages_delta), .other = PLACE_FRAGMENT },

    [PLACE_GOOGLE] = { ROWS(row_google) },
    [PLACE_GOOGLE_CANDIDATES] = { .element = PLACE_GOOGLE_CANDIDATE },
    [PLACE_GOOGLE_CANDIDATE] = { ROWS(row_google_candidate) },
    [PLACE_GOOGLE_CONTENT] = { ROWS(row_google_content) },
    [PLACE_GOOGLE_PARTS] = { .element = PLACE_GOOGLE_PART },
    [PLACE_GOOGLE_PART] = { ROWS(row_google_part), .other = PLACE_GOOGLE_PART_OTHER },
    [PLACE_GOOGLE_PART_OTHER] = { .text = PLACE_TEXT_FRAGMENT },
    [PLACE_GOOGLE_BLOB] = { ROWS(row_google_blob) },
    [PLACE_GOOGLE_CALL] = { ROWS(row_google_call) },
    [PLACE_GOOGLE_PARTIALS] = { .element = PLACE_GOOGLE_PARTIAL },
    [PLACE_GOOGLE_PARTIAL] = { ROWS(row_google_partial) },

    [PLACE_EMBEDDINGS] = { ROWS(row_embeddings) },
    [PLACE_EMBEDDINGS_LIST] = { .element = PLACE_EMBEDDINGS_ITEM },
    [PLACE_EMBEDDINGS_ITEM] = { ROWS(row_embeddings_item) },
};

enum wd_place
wd_place_root(enum wd_op op, bool stream)
{
    switch (op) {
    case WD_OP_CHAT:
        return PLACE_CHAT;
    case WD_OP_RESPONSES:
        return stream ? PLACE_RESPONSES : PLACE_RESPONSES_ANSWER;
    case WD_OP_MESSAGES:
        return PLACE_MESSAGES;
    case WD_OP_GENERATE:
    case WD_OP_STREAM_GENERATE:
        return PLACE_GOOGLE;
    case WD_OP_EMBEDDINGS:
        return PLACE_EMBEDDINGS;
    default:
        return PLACE_ANY;
    }
}

enum wd_place_text
wd_place_text(enum wd_place place)
{
    return (enum wd_place_text)places[place].text;
}

static bool
place_key_is(const struct wd_json *doc, uint32_t node, const char *key)
{
    const struct wd_json_node *n = &doc->nodes[node];
    size_t len = strlen(key);

    if (n->key_escaped)
        return wd_json_key_is(doc, node, key);
    return n->key_end - n->key_start == len && memcmp(doc->text.ptr + n->key_start, key, len) == 0;
}

static bool
place_type_is(const struct wd_json *doc, uint32_t object, const char *type)
{
    uint32_t node = wd_json_get(doc, object, "type");

    return node != 0 && wd_json_string_is(doc, node, type);
}

/* What a "delta" of the Responses stream is follows from the event's type. */
static enum wd_place
place_delta(const struct wd_json *doc, uint32_t object)
{
    uint32_t node = wd_json_get(doc, object, "type");
    struct wd_span type;

    if (node == 0 || wd_json_type(doc, node) != WD_JSON_STRING)
        return PLACE_FRAGMENT;
    if (wd_json_string_is(doc, node, "response.audio.delta") || wd_json_string_is(doc, node, "response.output_audio.delta"))
        return PLACE_OPAQUE;
    type = wd_json_raw(doc, node);
    return memmem(type.ptr, type.len, "arguments", 9) != NULL ? PLACE_FRAGMENT_JSON : PLACE_FRAGMENT;
}

enum wd_place
wd_place_child(enum wd_place parent, const struct wd_json *doc, uint32_t node, const struct wd_place_row **row)
{
    const struct place *p = &places[parent];
    uint32_t object = doc->nodes[node].parent;

    *row = NULL;
    if (wd_json_type(doc, object) == WD_JSON_ARRAY)
        return (enum wd_place)p->element;
    for (uint8_t i = 0; i < p->count; i++) {
        if (!place_key_is(doc, node, p->rows[i].key))
            continue;
        if (p->rows[i].when != NULL && !place_type_is(doc, object, p->rows[i].when))
            break;
        *row = &p->rows[i];
        return p->rows[i].to == PLACE_RESPONSES_DELTA ? place_delta(doc, object) : (enum wd_place)p->rows[i].to;
    }
    return (enum wd_place)p->other;
}
