#include "place.h"

struct place {
    const struct wd_place_row *rows;
    uint8_t count, element, other, text;
};

#define ROW(name, place, stays, type)                                                                                            \
    {                                                                                                                            \
        .key = (name), .len = sizeof(name) - 1, .to = (place), .keep = (stays), .when = (type)                                   \
    }

/* An id that the provider issues. */
#define ID(name, kind, type)                                                                                                     \
    {                                                                                                                            \
        .key = (name), .len = sizeof(name) - 1, .to = PLACE_ANY, .when = (type), .issues = WD_ISOLATE_REF_##kind                 \
    }

static const struct wd_place_row row_fragment[] = {
    ROW("type", PLACE_ANY, true, NULL),  ROW("index", PLACE_ANY, true, NULL), ROW("id", PLACE_ANY, false, NULL),
    ROW("role", PLACE_ANY, false, NULL), ROW("name", PLACE_ANY, false, NULL),
};
static const struct wd_place_row row_chat[] = {
    ROW("choices", PLACE_CHAT_CHOICES, false, NULL),
    ROW("id", PLACE_ANY, true, NULL),
    ROW("object", PLACE_ANY, true, NULL),
    ROW("created", PLACE_ANY, true, NULL),
    ROW("model", PLACE_ANY, true, NULL),
    ROW("system_fingerprint", PLACE_ANY, true, NULL),
    ROW("service_tier", PLACE_ANY, true, NULL),
};
static const struct wd_place_row row_chat_choice[] = {
    ROW("delta", PLACE_CHAT_DELTA, false, NULL),  ROW("message", PLACE_CHAT_MESSAGE, false, NULL),
    ROW("logprobs", PLACE_LOGPROBS, false, NULL), ROW("index", PLACE_ANY, true, NULL),
    ROW("finish_reason", PLACE_ANY, true, NULL),
};
static const struct wd_place_row row_chat_delta[] = {
    ROW("role", PLACE_ANY, false, NULL),
    ROW("audio", PLACE_CHAT_AUDIO, false, NULL),
    ROW("tool_calls", PLACE_CHAT_CALLS, false, NULL),
    ROW("function_call", PLACE_CHAT_FUNCTION, false, NULL),
};
static const struct wd_place_row row_chat_audio[] = {
    ROW("data", PLACE_OPAQUE, false, NULL),
    ROW("transcript", PLACE_FRAGMENT, false, NULL),
    ID("id", AUDIO, NULL),
};
static const struct wd_place_row row_chat_call[] = {
    ROW("function", PLACE_CHAT_FUNCTION, false, NULL),
    ROW("custom", PLACE_CHAT_CUSTOM, false, NULL),
    ROW("index", PLACE_ANY, true, NULL),
};
static const struct wd_place_row row_chat_function[] = { ROW("arguments", PLACE_FRAGMENT_JSON, false, NULL) };
static const struct wd_place_row row_chat_custom[] = { ROW("input", PLACE_FRAGMENT, false, NULL) };

static const struct wd_place_row row_responses[] = {
    ROW("delta", PLACE_RESPONSES_DELTA, false, NULL),
    ROW("response", PLACE_RESPONSES_ANSWER, false, NULL),
    ROW("item", PLACE_RESPONSES_ITEM, false, NULL),
    ROW("part", PLACE_RESPONSES_PART, false, NULL),
    ROW("annotation", PLACE_RESPONSES_NOTE, false, NULL),
    ROW("logprobs", PLACE_LOGPROBS, true, NULL),
    ROW("arguments", PLACE_JSON, false, NULL),
    ROW("partial_image_b64", PLACE_OPAQUE, false, NULL),
    ROW("b64_json", PLACE_OPAQUE, false, NULL),
    ROW("type", PLACE_ANY, true, NULL),
    ROW("item_id", PLACE_ANY, true, NULL),
    ROW("response_id", PLACE_ANY, true, NULL),
    ROW("output_index", PLACE_ANY, true, NULL),
    ROW("content_index", PLACE_ANY, true, NULL),
    ROW("summary_index", PLACE_ANY, true, NULL),
    ROW("command_index", PLACE_ANY, true, NULL),
};
static const struct wd_place_row row_responses_answer[] = {
    ROW("output", PLACE_RESPONSES_ITEMS, false, NULL),
    ROW("conversation", PLACE_RESPONSES_CONVERSATION, false, NULL),
    ID("id", RESPONSE, NULL),
};
static const struct wd_place_row row_responses_conversation[] = { ID("id", CONVERSATION, NULL) };
static const struct wd_place_row row_responses_note[] = {
    ID("file_id", FILE, "container_file_citation"),
    ID("container_id", CONTAINER, "container_file_citation"),
};
static const struct wd_place_row row_responses_item[] = {
    ROW("content", PLACE_RESPONSES_PARTS, false, NULL),
    ROW("arguments", PLACE_JSON, false, NULL),
    ROW("action", PLACE_MEMBER, false, NULL),
    ROW("encrypted_content", PLACE_OPAQUE, false, NULL),
    ROW("result", PLACE_OPAQUE, false, "image_generation_call"),
    ROW("fingerprint", PLACE_OPAQUE, false, "program"),
    ID("id", ITEM, NULL),
    ID("container_id", CONTAINER, NULL),
};
static const struct wd_place_row row_responses_part[] = {
    ROW("logprobs", PLACE_LOGPROBS, false, NULL),
    ROW("data", PLACE_OPAQUE, false, "output_audio"),
    ROW("annotations", PLACE_RESPONSES_NOTES, false, NULL),
};

static const struct wd_place_row row_messages[] = {
    ROW("message", PLACE_MESSAGES_MESSAGE, false, NULL),
    ROW("content", PLACE_MESSAGES_BLOCKS, false, NULL),
    ROW("content_block", PLACE_MESSAGES_FIRST, false, NULL),
    ROW("delta", PLACE_MESSAGES_DELTA, false, "content_block_delta"),
    ROW("delta", PLACE_MESSAGES_CHANGE, false, "message_delta"),
    ROW("container", PLACE_MESSAGES_CONTAINER, false, NULL),
    ROW("type", PLACE_ANY, true, NULL),
    ROW("index", PLACE_ANY, true, NULL),
};
static const struct wd_place_row row_messages_message[] = {
    ROW("content", PLACE_MESSAGES_BLOCKS, false, NULL),
    ROW("container", PLACE_MESSAGES_CONTAINER, false, NULL),
};
static const struct wd_place_row row_messages_change[] = { ROW("container", PLACE_MESSAGES_CONTAINER, false, NULL) };
static const struct wd_place_row row_messages_container[] = { ID("id", CONTAINER, NULL) };
static const struct wd_place_row row_messages_block[] = {
    /* the first two only in the block that a stream starts with */
    ROW("text", PLACE_MESSAGES_FIRST_TEXT, false, "text"),       ROW("thinking", PLACE_MESSAGES_FIRST_TEXT, false, "thinking"),
    ROW("signature", PLACE_OPAQUE, false, "thinking"),           ROW("data", PLACE_OPAQUE, false, "redacted_thinking"),
    ROW("encrypted_content", PLACE_OPAQUE, false, "compaction"), ROW("input", PLACE_MEMBER, false, NULL),
    ROW("content", PLACE_MESSAGES_RESULT, false, NULL),          ROW("citations", PLACE_MESSAGES_CITATIONS, false, NULL),
};
static const struct wd_place_row row_messages_result[] = {
    ROW("content", PLACE_MESSAGES_RESULT, false, NULL),
    ROW("source", PLACE_MESSAGES_SOURCE, false, NULL),
    ROW("encrypted_content", PLACE_OPAQUE, false, NULL),
    ROW("encrypted_stdout", PLACE_OPAQUE, false, NULL),
    ID("file_id", FILE, NULL),
};
static const struct wd_place_row row_messages_source[] = { ROW("data", PLACE_OPAQUE, false, "base64") };
static const struct wd_place_row row_messages_citation[] = { ROW("encrypted_index", PLACE_OPAQUE, false, NULL) };
static const struct wd_place_row row_messages_delta[] = {
    ROW("type", PLACE_ANY, true, NULL),
    ROW("partial_json", PLACE_FRAGMENT_JSON, false, NULL),
    ROW("signature", PLACE_OPAQUE, false, "signature_delta"),
    ROW("encrypted_content", PLACE_OPAQUE, false, "compaction_delta"),
    ROW("citation", PLACE_MESSAGES_CITATION, false, "citations_delta"),
};

static const struct wd_place_row row_google[] = {
    ROW("candidates", PLACE_GOOGLE_CANDIDATES, false, NULL),
    ROW("modelVersion", PLACE_ANY, true, NULL),
    ROW("responseId", PLACE_ANY, true, NULL),
    ROW("createTime", PLACE_ANY, true, NULL),
};
static const struct wd_place_row row_google_candidate[] = {
    ROW("content", PLACE_GOOGLE_CONTENT, false, NULL),
    ROW("logprobsResult", PLACE_LOGPROBS, false, NULL),
    ROW("index", PLACE_ANY, true, NULL),
};
static const struct wd_place_row row_google_content[] = {
    ROW("parts", PLACE_GOOGLE_PARTS, false, NULL),
    ROW("role", PLACE_ANY, true, NULL),
};
static const struct wd_place_row row_google_part[] = {
    ROW("thought", PLACE_ANY, true, NULL),
    ROW("thoughtSignature", PLACE_OPAQUE, false, NULL),
    ROW("inlineData", PLACE_GOOGLE_BLOB, false, NULL),
    ROW("functionCall", PLACE_GOOGLE_CALL, false, NULL),
    ROW("functionResponse", PLACE_MEMBER, false, NULL),
};
static const struct wd_place_row row_google_blob[] = { ROW("data", PLACE_OPAQUE, false, NULL) };
static const struct wd_place_row row_google_call[] = {
    ROW("args", PLACE_MEMBER, false, NULL),
    ROW("partialArgs", PLACE_GOOGLE_PARTIALS, false, NULL),
    ROW("willContinue", PLACE_ANY, true, NULL),
};
static const struct wd_place_row row_google_partial[] = {
    ROW("stringValue", PLACE_FRAGMENT, false, NULL),
    ROW("jsonPath", PLACE_ANY, true, NULL),
    ROW("willContinue", PLACE_ANY, true, NULL),
};

static const struct wd_place_row row_embeddings[] = { ROW("data", PLACE_EMBEDDINGS_LIST, false, NULL) };
static const struct wd_place_row row_embeddings_item[] = { ROW("embedding", PLACE_OPAQUE, false, NULL) };

#define ROWS(r) .rows = (r), .count = sizeof(r) / sizeof((r)[0])

static const struct place places[PLACES] = {
    [PLACE_OPAQUE] = { .text = PLACE_TEXT_OPAQUE },
    [PLACE_JSON] = { .text = PLACE_TEXT_JSON, .element = PLACE_MEMBER, .other = PLACE_MEMBER },
    [PLACE_MEMBER] = { .text = PLACE_TEXT_MEMBER, .element = PLACE_MEMBER, .other = PLACE_MEMBER },
    [PLACE_LOGPROBS] = { .element = PLACE_LOGPROBS, .other = PLACE_LOGPROBS },
    [PLACE_FRAGMENT] = { ROWS(row_fragment), .text = PLACE_TEXT_FRAGMENT, .element = PLACE_FRAGMENT, .other = PLACE_FRAGMENT },
    [PLACE_FRAGMENT_JSON] = { .text = PLACE_TEXT_FRAGMENT_JSON, .element = PLACE_MEMBER, .other = PLACE_MEMBER },

    /* lists whose elements hold fragments: {"0": ...} is read as one by JavaScript */
    [PLACE_CHAT] = { ROWS(row_chat) },
    [PLACE_CHAT_CHOICES] = { .element = PLACE_CHAT_CHOICE, .other = PLACE_CHAT_CHOICE },
    [PLACE_CHAT_CHOICE] = { ROWS(row_chat_choice) },
    [PLACE_CHAT_DELTA] = { ROWS(row_chat_delta), .other = PLACE_FRAGMENT },
    [PLACE_CHAT_MESSAGE] = { ROWS(row_chat_delta) },
    [PLACE_CHAT_AUDIO] = { ROWS(row_chat_audio) },
    [PLACE_CHAT_CALLS] = { .element = PLACE_CHAT_CALL, .other = PLACE_CHAT_CALL },
    [PLACE_CHAT_CALL] = { ROWS(row_chat_call) },
    [PLACE_CHAT_FUNCTION] = { ROWS(row_chat_function) },
    [PLACE_CHAT_CUSTOM] = { ROWS(row_chat_custom) },

    [PLACE_RESPONSES] = { ROWS(row_responses) },
    [PLACE_RESPONSES_ANSWER] = { ROWS(row_responses_answer) },
    [PLACE_RESPONSES_ITEMS] = { .element = PLACE_RESPONSES_ITEM },
    [PLACE_RESPONSES_ITEM] = { ROWS(row_responses_item) },
    [PLACE_RESPONSES_PARTS] = { .element = PLACE_RESPONSES_PART },
    [PLACE_RESPONSES_PART] = { ROWS(row_responses_part) },
    [PLACE_RESPONSES_CONVERSATION] = { ROWS(row_responses_conversation) },
    [PLACE_RESPONSES_NOTES] = { .element = PLACE_RESPONSES_NOTE },
    [PLACE_RESPONSES_NOTE] = { ROWS(row_responses_note) },

    [PLACE_MESSAGES] = { ROWS(row_messages) },
    [PLACE_MESSAGES_MESSAGE] = { ROWS(row_messages_message) },
    [PLACE_MESSAGES_BLOCKS] = { .element = PLACE_MESSAGES_BLOCK },
    [PLACE_MESSAGES_BLOCK] = { .rows = row_messages_block + 2,
                               .count = sizeof(row_messages_block) / sizeof(row_messages_block[0]) - 2 },
    [PLACE_MESSAGES_FIRST] = { ROWS(row_messages_block) },
    [PLACE_MESSAGES_FIRST_TEXT] = { .text = PLACE_TEXT_FRAGMENT },
    [PLACE_MESSAGES_RESULT] = { ROWS(row_messages_result), .element = PLACE_MESSAGES_RESULT },
    [PLACE_MESSAGES_SOURCE] = { ROWS(row_messages_source) },
    [PLACE_MESSAGES_CITATIONS] = { .element = PLACE_MESSAGES_CITATION },
    [PLACE_MESSAGES_CITATION] = { ROWS(row_messages_citation) },
    [PLACE_MESSAGES_DELTA] = { ROWS(row_messages_delta), .other = PLACE_FRAGMENT },
    [PLACE_MESSAGES_CHANGE] = { ROWS(row_messages_change) },
    [PLACE_MESSAGES_CONTAINER] = { ROWS(row_messages_container) },

    [PLACE_GOOGLE] = { ROWS(row_google) },
    [PLACE_GOOGLE_CANDIDATES] = { .element = PLACE_GOOGLE_CANDIDATE, .other = PLACE_GOOGLE_CANDIDATE },
    [PLACE_GOOGLE_CANDIDATE] = { ROWS(row_google_candidate) },
    [PLACE_GOOGLE_CONTENT] = { ROWS(row_google_content) },
    [PLACE_GOOGLE_PARTS] = { .element = PLACE_GOOGLE_PART, .other = PLACE_GOOGLE_PART },
    [PLACE_GOOGLE_PART] = { ROWS(row_google_part), .other = PLACE_GOOGLE_PART_OTHER },
    [PLACE_GOOGLE_PART_OTHER] = { .text = PLACE_TEXT_FRAGMENT },
    [PLACE_GOOGLE_BLOB] = { ROWS(row_google_blob) },
    [PLACE_GOOGLE_CALL] = { ROWS(row_google_call) },
    [PLACE_GOOGLE_PARTIALS] = { .element = PLACE_GOOGLE_PARTIAL, .other = PLACE_GOOGLE_PARTIAL },
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

static inline bool
place_key_is(const struct wd_json *doc, uint32_t node, const struct wd_place_row *row)
{
    const struct wd_json_node *n = &doc->nodes[node];

    if (n->key_escaped)
        return wd_json_key_is(doc, node, row->key);
    return n->key_end - n->key_start == row->len && memcmp(doc->text.ptr + n->key_start, row->key, row->len) == 0;
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
        if (!place_key_is(doc, node, &p->rows[i]))
            continue;
        if (p->rows[i].when != NULL && !place_type_is(doc, object, p->rows[i].when))
            continue;
        *row = &p->rows[i];
        return p->rows[i].to == PLACE_RESPONSES_DELTA ? place_delta(doc, object) : (enum wd_place)p->rows[i].to;
    }
    return (enum wd_place)p->other;
}
