#include "media.h"

/* POST /v1/responses. Source: OpenAI API reference, November 2026. */

#define RESPONSES_BY_ID "content kept at the provider cannot be inspected: send it in the request"

static bool
responses_image_url(struct wd_reader *r, uint32_t node)
{
    return wd_media_url(r, WD_ATTACH_IMAGE, node);
}

static bool
responses_image_file(struct wd_reader *r, uint32_t node)
{
    return wd_reader_attach(r, WD_ATTACH_IMAGE, node);
}

static bool
responses_file_data(struct wd_reader *r, uint32_t node)
{
    return wd_media_url(r, WD_ATTACH_FILE, node);
}

static bool
responses_file(struct wd_reader *r, uint32_t node)
{
    return wd_reader_attach(r, WD_ATTACH_FILE, node);
}

static bool
responses_audio_data(struct wd_reader *r, uint32_t node)
{
    return wd_media_inline(r, WD_ATTACH_AUDIO, node);
}

static bool
responses_audio(struct wd_reader *r, uint32_t node)
{
    static const struct wd_field fields[] = { { "data", WD_IS_STRING | WD_REQUIRED, .read = responses_audio_data } };
    static const struct wd_object object = WD_OBJECT(fields);

    return wd_reader_object(r, node, &object);
}

static const struct wd_field responses_text_fields[] = { { "text", WD_IS_STRING | WD_REQUIRED, WD_TAKE_PROSE } };
static const struct wd_field responses_refusal_fields[] = { { "refusal", WD_IS_STRING | WD_REQUIRED, WD_TAKE_PROSE } };
static const struct wd_field responses_image_fields[] = {
    { "image_url", WD_IS_STRING, .read = responses_image_url },
    { "file_id", WD_IS_STRING, WD_TAKE_REF, .read = responses_image_file, .ref = WD_ISOLATE_REF_FILE },
};
static const struct wd_field responses_file_fields[] = {
    { "file_data", WD_IS_STRING, .read = responses_file_data },
    { "file_url", WD_IS_STRING },
    WD_REF_FIELD("file_id", FILE, 0),
};
static const struct wd_field responses_audio_fields[] = { { "input_audio", WD_IS_OBJECT | WD_REQUIRED,
                                                            .read = responses_audio } };

static const struct wd_variant responses_part_types[] = {
    { "input_text", 0, WD_OBJECT(responses_text_fields) },
    { "output_text", 0, WD_OBJECT(responses_text_fields) },
    { "text", 0, WD_OBJECT(responses_text_fields) },
    { "summary_text", 0, WD_OBJECT(responses_text_fields) },
    { "reasoning_text", 0, WD_OBJECT(responses_text_fields) },
    { "refusal", 0, WD_OBJECT(responses_refusal_fields) },
    { "input_image", 0, WD_OBJECT(responses_image_fields) },
    { "computer_screenshot", 0, WD_OBJECT(responses_image_fields) },
    { "input_file", 0, WD_OBJECT(responses_file_fields), responses_file },
    { "input_audio", 0, WD_OBJECT(responses_audio_fields) },
};
static const struct wd_union responses_parts =
    WD_UNION(responses_part_types, "content of this type cannot be inspected (accepted: input_text, output_text, refusal, "
                                   "summary_text, reasoning_text, input_image, computer_screenshot, input_file, input_audio)");

static bool
responses_content(struct wd_reader *r, uint32_t node)
{
    return wd_reader_content(r, node, &responses_parts);
}

static const struct wd_field responses_log_fields[] = { { "logs", WD_IS_STRING | WD_REQUIRED, WD_TAKE_PROSE } };
static const struct wd_field responses_picture_fields[] = {
    { "url", WD_IS_STRING | WD_REQUIRED, .read = responses_image_url },
};
static const struct wd_variant responses_output_types[] = {
    { "logs", WD_ROLE(TOOL), WD_OBJECT(responses_log_fields) },
    { "image", WD_ROLE(TOOL), WD_OBJECT(responses_picture_fields) },
};
static const struct wd_union responses_outputs =
    WD_UNION(responses_output_types, "an output of this type cannot be inspected (accepted: logs, image)");

static bool
responses_interpreter_outputs(struct wd_reader *r, uint32_t node)
{
    return wd_reader_content(r, node, &responses_outputs);
}

static const struct wd_field responses_reference_fields[] = {
    WD_REF_FIELD("id", ITEM, WD_REQUIRED),
};
static const struct wd_object responses_reference = WD_OBJECT(responses_reference_fields);

/* Reasoning that does not bring what it is made of is looked up by its id. */
static bool
responses_reasoning(struct wd_reader *r, uint32_t node)
{
    uint32_t id = wd_reader_get(r, node, "id");

    if (id == 0 || wd_json_type(r->doc, id) != WD_JSON_STRING || wd_reader_get(r, node, "encrypted_content") != 0)
        return true;
    return wd_reader_ref(r, WD_ISOLATE_REF_ITEM, id);
}

static bool
responses_picture(struct wd_reader *r, uint32_t node)
{
    uint32_t result = wd_reader_get(r, node, "result"), format = wd_reader_get(r, node, "output_format");
    bool svg = format != 0 && wd_json_string_is(r->doc, format, "svg");

    /* without the picture the call only refers to it */
    if (result == 0)
        return wd_reader_object(r, node, &responses_reference);
    return wd_media_inline(r, svg ? WD_ATTACH_FILE : WD_ATTACH_IMAGE, result);
}

static bool
responses_tools(struct wd_reader *r, uint32_t node)
{
    return wd_reader_each(r, node, wd_openai_tool);
}

static bool
responses_as_result(struct wd_reader *r, uint32_t node)
{
    wd_reader_role(r, node, WD_ROLE(TOOL));
    return true;
}

static bool
responses_message(struct wd_reader *r, uint32_t node)
{
    static const struct wd_named_role roles[] = {
        { "system", WD_ROLE(SYSTEM) },
        { "developer", WD_ROLE(SYSTEM) },
        { "user", WD_ROLE(USER) },
        { "assistant", WD_ROLE(ASSISTANT) },
        { NULL, 0 },
    };
    uint8_t role = wd_reader_role_of(r, wd_reader_get(r, node, "role"), roles, "must be system, developer, user or assistant");

    wd_reader_role(r, node, role);
    return role != 0;
}

static const struct wd_field responses_message_fields[] = {
    { "role", WD_IS_STRING | WD_REQUIRED },
    { "content", WD_IS_STRING | WD_IS_ARRAY | WD_REQUIRED, .read = responses_content },
};
static const struct wd_field responses_arguments_fields[] = {
    { "name", WD_IS_STRING | WD_REQUIRED },
    { "arguments", WD_IS_STRING | WD_REQUIRED, WD_TAKE_JSON },
};
static const struct wd_field responses_mcp_call_fields[] = {
    { "name", WD_IS_STRING | WD_REQUIRED },
    { "arguments", WD_IS_STRING | WD_REQUIRED, WD_TAKE_JSON },
    { "output", WD_IS_STRING, WD_TAKE_PROSE, responses_as_result },
    { "error", WD_IS_ANY, WD_TAKE_DATA, responses_as_result },
};
static const struct wd_field responses_output_fields[] = {
    { "output", WD_IS_STRING | WD_IS_ARRAY | WD_IS_OBJECT, .read = responses_content },
};
static const struct wd_field responses_custom_fields[] = { { "input", WD_IS_STRING | WD_REQUIRED, WD_TAKE_PROSE } };
static const struct wd_field responses_reasoning_fields[] = {
    { "summary", WD_IS_ARRAY, .read = responses_content },
    { "content", WD_IS_ARRAY, .read = responses_content },
    { "encrypted_content", WD_IS_STRING, WD_TAKE_OPAQUE },
};
static const struct wd_field responses_search_fields[] = {
    { "queries", WD_IS_ARRAY, WD_TAKE_DATA },
    { "results", WD_IS_ARRAY, WD_TAKE_DATA, responses_as_result },
};
static const struct wd_field responses_action_fields[] = {
    { "action", WD_IS_OBJECT, WD_TAKE_DATA },
    { "actions", WD_IS_ARRAY, WD_TAKE_DATA },
    { "operation", WD_IS_OBJECT, WD_TAKE_DATA },
    { "arguments", WD_IS_ANY, WD_TAKE_DATA },
};
static const struct wd_field responses_interpreter_fields[] = {
    { "code", WD_IS_STRING, WD_TAKE_PROSE },
    { "outputs", WD_IS_ARRAY, .read = responses_interpreter_outputs },
    WD_REF_FIELD("container_id", CONTAINER, 0),
};
static const struct wd_field responses_picture_call_fields[] = {
    { "result", WD_IS_STRING },
    { "output_format", WD_IS_STRING },
    { "revised_prompt", WD_IS_STRING, WD_TAKE_PROSE },
};
static const struct wd_field responses_shell_output_fields[] = { { "output", WD_IS_STRING | WD_IS_ARRAY, WD_TAKE_DATA } };
static const struct wd_field responses_tools_fields[] = { { "tools", WD_IS_ARRAY | WD_REQUIRED, .read = responses_tools } };
static const struct wd_field responses_listing_fields[] = { { "tools", WD_IS_ARRAY } };
static const struct wd_field responses_reason_fields[] = { { "reason", WD_IS_STRING, WD_TAKE_PROSE } };
static const struct wd_field responses_program_fields[] = { { "code", WD_IS_STRING, WD_TAKE_PROSE } };
static const struct wd_field responses_result_fields[] = { { "result", WD_IS_STRING, WD_TAKE_PROSE } };

#define ASSISTANT WD_ROLE(ASSISTANT)
#define TOOL WD_ROLE(TOOL)
static const struct wd_variant responses_item_types[] = {
    { "message", 0, WD_OBJECT(responses_message_fields), responses_message },
    { "function_call", ASSISTANT, WD_OBJECT(responses_arguments_fields) },
    { "function_call_output", TOOL, WD_OBJECT(responses_output_fields) },
    { "custom_tool_call", ASSISTANT, WD_OBJECT(responses_custom_fields) },
    { "custom_tool_call_output", TOOL, WD_OBJECT(responses_output_fields) },
    { "reasoning", ASSISTANT, WD_OBJECT(responses_reasoning_fields), responses_reasoning },
    { "compaction", ASSISTANT, WD_OBJECT(responses_reasoning_fields), responses_reasoning },
    { "compaction_trigger", ASSISTANT, WD_OBJECT_NONE },
    { "configuration_update", WD_ROLE(OTHER), WD_OBJECT_NONE },
    { "file_search_call", ASSISTANT, WD_OBJECT(responses_search_fields) },
    { "web_search_call", ASSISTANT, WD_OBJECT(responses_action_fields) },
    { "computer_call", ASSISTANT, WD_OBJECT(responses_action_fields) },
    { "computer_call_output", TOOL, WD_OBJECT(responses_output_fields) },
    { "code_interpreter_call", ASSISTANT, WD_OBJECT(responses_interpreter_fields) },
    { "image_generation_call", ASSISTANT, WD_OBJECT(responses_picture_call_fields), responses_picture },
    { "local_shell_call", ASSISTANT, WD_OBJECT(responses_action_fields) },
    { "local_shell_call_output", TOOL, WD_OBJECT(responses_shell_output_fields) },
    { "shell_call", ASSISTANT, WD_OBJECT(responses_action_fields) },
    { "shell_call_output", TOOL, WD_OBJECT(responses_shell_output_fields) },
    { "apply_patch_call", ASSISTANT, WD_OBJECT(responses_action_fields) },
    { "apply_patch_call_output", TOOL, WD_OBJECT(responses_shell_output_fields) },
    { "tool_search_call", ASSISTANT, WD_OBJECT(responses_action_fields) },
    { "tool_search_output", WD_ROLE(OTHER), WD_OBJECT(responses_tools_fields) },
    { "additional_tools", WD_ROLE(OTHER), WD_OBJECT(responses_tools_fields) },
    { "mcp_list_tools", WD_ROLE(OTHER), WD_OBJECT(responses_listing_fields) },
    { "mcp_approval_request", ASSISTANT, WD_OBJECT(responses_arguments_fields) },
    { "mcp_approval_response", WD_ROLE(USER), WD_OBJECT(responses_reason_fields) },
    { "mcp_call", ASSISTANT, WD_OBJECT(responses_mcp_call_fields) },
    { "program", ASSISTANT, WD_OBJECT(responses_program_fields) },
    { "program_output", TOOL, WD_OBJECT(responses_result_fields) },
    { "item_reference", 0, WD_OBJECT(responses_reference_fields) },
};
static const struct wd_union responses_items =
    WD_UNION(responses_item_types, "an item of this type cannot be inspected (accepted: message, reasoning, compaction, and the "
                                   "calls and outputs of the documented tools)");

/* An item without a type is a message when it has a role, otherwise a reference. */
static bool
responses_untyped(struct wd_reader *r, uint32_t node)
{
    static const struct wd_field fields[] = { { "type", WD_IS_STRING }, { "role", WD_IS_STRING } };
    static const struct wd_object probe = WD_OBJECT(fields);
    static const struct wd_object message = WD_OBJECT(responses_message_fields);

    if (!wd_reader_object(r, node, &probe))
        return false;
    if (wd_reader_get(r, node, "role") == 0)
        return wd_reader_object(r, node, &responses_reference);
    return wd_reader_object(r, node, &message) && responses_message(r, node);
}

static bool
responses_item(struct wd_reader *r, uint32_t node)
{
    bool typed = wd_reader_get(r, node, "type") != 0;

    if (typed ? !wd_reader_variant(r, node, &responses_items) : !responses_untyped(r, node))
        return false;
    return wd_reader_message(r, node, r->marks[node].role);
}

static bool
responses_input(struct wd_reader *r, uint32_t node)
{
    if (wd_json_type(r->doc, node) == WD_JSON_STRING)
        return wd_reader_content(r, node, &responses_parts) && wd_reader_message(r, node, WD_ROLE(USER));
    if (r->doc->nodes[node].child == 0)
        return wd_reader_refuse(r, WD_CODE_INVALID_REQUEST, "must hold at least one item", node, NULL);
    return wd_reader_each(r, node, responses_item);
}

static bool
responses_instructions(struct wd_reader *r, uint32_t node)
{
    return wd_reader_message(r, node, WD_ROLE(SYSTEM));
}

static bool
responses_background(struct wd_reader *r, uint32_t node)
{
    if (wd_json_type(r->doc, node) == WD_JSON_FALSE)
        return true;
    return wd_reader_refuse(r, WD_CODE_UNSUPPORTED_PARAMETER,
                            "an answer in the background would be fetched past the gateway (accepted: false)", node, NULL);
}

/* The id alone, or an object with it. */
static bool
responses_conversation(struct wd_reader *r, uint32_t node)
{
    static const struct wd_field fields[] = { WD_REF_FIELD("id", CONVERSATION, WD_REQUIRED) };
    static const struct wd_object object = WD_OBJECT_CLOSED(fields, RESPONSES_BY_ID);

    return wd_json_type(r->doc, node) != WD_JSON_OBJECT || wd_reader_object(r, node, &object);
}

static bool
responses_store(struct wd_reader *r, uint32_t node)
{
    r->request->unstored = wd_json_type(r->doc, node) == WD_JSON_FALSE;
    return true;
}

bool
wd_responses_read(struct wd_reader *r, uint32_t node)
{
    static const struct wd_field fields[] = {
        { "model", WD_IS_STRING | WD_REQUIRED, .read = wd_reader_model },
        WD_REF_FIELD("previous_response_id", RESPONSE, 0),
        { "conversation", WD_IS_STRING | WD_IS_OBJECT, WD_TAKE_REF, .read = responses_conversation,
          .ref = WD_ISOLATE_REF_CONVERSATION },
        { "store", WD_IS_BOOL, .read = responses_store },
        { "prompt", WD_IS_ANY, WD_TAKE_UNINSPECTABLE, .note = RESPONSES_BY_ID },
        { "background", WD_IS_BOOL, .read = responses_background },
        { "instructions", WD_IS_STRING, WD_TAKE_PROSE, responses_instructions },
        { "input", WD_IS_STRING | WD_IS_ARRAY | WD_REQUIRED, .read = responses_input },
        { "stream", WD_IS_BOOL, .read = wd_reader_stream },
        { "temperature", WD_IS_NUMBER, .read = wd_reader_temperature },
        { "max_output_tokens", WD_IS_NUMBER, .read = wd_reader_max_tokens },
        { "tools", WD_IS_ARRAY, .read = responses_tools },
    };
    static const struct wd_object object = WD_OBJECT(fields);

    return wd_reader_object(r, node, &object);
}
