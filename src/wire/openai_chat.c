#include "media.h"

/* POST /v1/chat/completions. Source: OpenAI API reference, November 2026. */

static bool
chat_image_url(struct wd_reader *r, uint32_t node)
{
    return wd_media_url(r, WD_ATTACH_IMAGE, node);
}

static bool
chat_image(struct wd_reader *r, uint32_t node)
{
    static const struct wd_field fields[] = { { "url", WD_IS_STRING | WD_REQUIRED, .read = chat_image_url } };
    static const struct wd_object object = WD_OBJECT(fields);

    return wd_reader_object(r, node, &object);
}

static bool
chat_audio_data(struct wd_reader *r, uint32_t node)
{
    return wd_media_inline(r, WD_ATTACH_AUDIO, node);
}

static bool
chat_audio(struct wd_reader *r, uint32_t node)
{
    static const struct wd_field fields[] = { { "data", WD_IS_STRING | WD_REQUIRED, .read = chat_audio_data } };
    static const struct wd_object object = WD_OBJECT(fields);

    return wd_reader_object(r, node, &object);
}

static bool
chat_file_data(struct wd_reader *r, uint32_t node)
{
    return wd_media_url(r, WD_ATTACH_FILE, node);
}

static bool
chat_file(struct wd_reader *r, uint32_t node)
{
    static const struct wd_field fields[] = {
        { "file_data", WD_IS_STRING, .read = chat_file_data },
        WD_REF_FIELD("file_id", FILE, 0),
    };
    static const struct wd_object object = WD_OBJECT(fields);

    return wd_reader_object(r, node, &object) && wd_reader_attach(r, WD_ATTACH_FILE, node);
}

static const struct wd_field chat_text_fields[] = { { "text", WD_IS_STRING | WD_REQUIRED, WD_TAKE_PROSE } };
static const struct wd_field chat_refusal_fields[] = { { "refusal", WD_IS_STRING | WD_REQUIRED, WD_TAKE_PROSE } };
static const struct wd_field chat_image_fields[] = { { "image_url", WD_IS_OBJECT | WD_REQUIRED, .read = chat_image } };
static const struct wd_field chat_audio_fields[] = { { "input_audio", WD_IS_OBJECT | WD_REQUIRED, .read = chat_audio } };
static const struct wd_field chat_file_fields[] = { { "file", WD_IS_OBJECT | WD_REQUIRED, .read = chat_file } };

static const struct wd_variant chat_part_types[] = {
    { "text", 0, WD_OBJECT(chat_text_fields) },       { "refusal", 0, WD_OBJECT(chat_refusal_fields) },
    { "image_url", 0, WD_OBJECT(chat_image_fields) }, { "input_audio", 0, WD_OBJECT(chat_audio_fields) },
    { "file", 0, WD_OBJECT(chat_file_fields) },
};
static const struct wd_union chat_parts =
    WD_UNION(chat_part_types, "content of this type cannot be inspected (accepted: text, refusal, image_url, input_audio, file)");

static bool
chat_content(struct wd_reader *r, uint32_t node)
{
    return wd_reader_content(r, node, &chat_parts);
}

static bool
chat_function_call(struct wd_reader *r, uint32_t node)
{
    static const struct wd_field fields[] = {
        { "name", WD_IS_STRING },
        { "arguments", WD_IS_STRING, WD_TAKE_JSON },
    };
    static const struct wd_object object = WD_OBJECT(fields);

    return wd_reader_object(r, node, &object);
}

static bool
chat_custom_call(struct wd_reader *r, uint32_t node)
{
    static const struct wd_field fields[] = {
        { "name", WD_IS_STRING },
        { "input", WD_IS_STRING, WD_TAKE_PROSE },
    };
    static const struct wd_object object = WD_OBJECT(fields);

    return wd_reader_object(r, node, &object);
}

static const struct wd_field chat_call_function_fields[] = { { "function", WD_IS_OBJECT | WD_REQUIRED,
                                                               .read = chat_function_call } };
static const struct wd_field chat_call_custom_fields[] = { { "custom", WD_IS_OBJECT | WD_REQUIRED, .read = chat_custom_call } };
static const struct wd_variant chat_call_types[] = {
    { "function", 0, WD_OBJECT(chat_call_function_fields) },
    { "custom", 0, WD_OBJECT(chat_call_custom_fields) },
};
static const struct wd_union chat_calls =
    WD_UNION(chat_call_types, "a tool call of this type cannot be inspected (accepted: function, custom)");

static bool
chat_tool_calls(struct wd_reader *r, uint32_t node)
{
    return wd_reader_content(r, node, &chat_calls);
}

/* What the model said, by its id. */
static bool
chat_audio_of_before(struct wd_reader *r, uint32_t node)
{
    static const struct wd_field fields[] = { WD_REF_FIELD("id", AUDIO, WD_REQUIRED) };
    static const struct wd_object object = WD_OBJECT(fields);

    return wd_reader_object(r, node, &object);
}

static bool
chat_message(struct wd_reader *r, uint32_t node)
{
    static const struct wd_named_role roles[] = {
        { "system", WD_ROLE(SYSTEM) },
        { "developer", WD_ROLE(SYSTEM) },
        { "user", WD_ROLE(USER) },
        { "assistant", WD_ROLE(ASSISTANT) },
        { "tool", WD_ROLE(TOOL) },
        { "function", WD_ROLE(TOOL) },
        { NULL, 0 },
    };
    static const struct wd_field fields[] = {
        { "role", WD_IS_STRING | WD_REQUIRED },
        { "content", WD_IS_STRING | WD_IS_ARRAY, .read = chat_content },
        { "name", WD_IS_STRING },
        { "refusal", WD_IS_STRING, WD_TAKE_PROSE },
        { "reasoning", WD_IS_STRING, WD_TAKE_PROSE }, /* these two: what other providers of the format call it */
        { "reasoning_content", WD_IS_STRING, WD_TAKE_PROSE },
        { "tool_calls", WD_IS_ARRAY, .read = chat_tool_calls },
        { "function_call", WD_IS_OBJECT, .read = chat_function_call },
        { "audio", WD_IS_OBJECT, .read = chat_audio_of_before },
    };
    static const struct wd_object object = WD_OBJECT(fields);
    uint8_t role;

    if (!wd_reader_object(r, node, &object))
        return false;
    role = wd_reader_role_of(r, wd_reader_get(r, node, "role"), roles,
                             "must be system, developer, user, assistant, tool or function");
    return role != 0 && wd_reader_message(r, node, role);
}

static bool
chat_messages(struct wd_reader *r, uint32_t node)
{
    if (r->doc->nodes[node].child == 0)
        return wd_reader_refuse(r, WD_CODE_INVALID_REQUEST, "must hold at least one message", node, NULL);
    return wd_reader_each(r, node, chat_message);
}

static bool
chat_function(struct wd_reader *r, uint32_t node)
{
    static const struct wd_field fields[] = { { "name", WD_IS_STRING | WD_REQUIRED } };
    static const struct wd_object object = WD_OBJECT(fields);

    return wd_reader_object(r, node, &object) && wd_reader_tool(r, wd_reader_string(r, wd_reader_get(r, node, "name")), false);
}

static bool
chat_functions(struct wd_reader *r, uint32_t node)
{
    return wd_reader_each(r, node, chat_function);
}

static bool
chat_tools(struct wd_reader *r, uint32_t node)
{
    return wd_reader_each(r, node, wd_openai_tool);
}

static bool
chat_web_search(struct wd_reader *r, uint32_t node)
{
    (void)node;
    return wd_reader_tool(r, WD_SPAN("web_search"), true);
}

static bool
chat_include_usage(struct wd_reader *r, uint32_t node)
{
    r->request->include_usage = wd_json_type(r->doc, node) == WD_JSON_TRUE;
    return true;
}

static bool
chat_stream_options(struct wd_reader *r, uint32_t node)
{
    static const struct wd_field fields[] = { { "include_usage", WD_IS_BOOL, .read = chat_include_usage } };
    static const struct wd_object object = WD_OBJECT(fields);

    r->request->stream_options_node = node;
    return wd_reader_object(r, node, &object);
}

static bool
chat_prediction(struct wd_reader *r, uint32_t node)
{
    static const struct wd_field fields[] = { { "content", WD_IS_STRING | WD_IS_ARRAY, .read = chat_content } };
    static const struct wd_object object = WD_OBJECT(fields);

    wd_reader_role(r, node, WD_ROLE(ASSISTANT));
    return wd_reader_object(r, node, &object);
}

bool
wd_chat_read(struct wd_reader *r, uint32_t node)
{
    static const struct wd_field fields[] = {
        { "model", WD_IS_STRING | WD_REQUIRED, .read = wd_reader_model },
        { "messages", WD_IS_ARRAY | WD_REQUIRED, .read = chat_messages },
        { "stream", WD_IS_BOOL, .read = wd_reader_stream },
        { "stream_options", WD_IS_OBJECT, .read = chat_stream_options },
        { "temperature", WD_IS_NUMBER, .read = wd_reader_temperature },
        { "max_tokens", WD_IS_NUMBER, .read = wd_reader_max_tokens },
        { "max_completion_tokens", WD_IS_NUMBER, .read = wd_reader_max_tokens },
        { "n", WD_IS_NUMBER, .read = wd_reader_choices },
        { "seed", WD_IS_NUMBER, WD_TAKE_NUMERIC },
        { "tools", WD_IS_ARRAY, .read = chat_tools },
        { "functions", WD_IS_ARRAY, .read = chat_functions },
        { "web_search_options", WD_IS_OBJECT, .read = chat_web_search },
        { "prediction", WD_IS_OBJECT, .read = chat_prediction },
    };
    static const struct wd_object object = WD_OBJECT(fields);

    return wd_reader_object(r, node, &object);
}
