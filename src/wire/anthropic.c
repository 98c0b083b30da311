#include "media.h"

/* POST /v1/messages and /v1/messages/count_tokens. Source: Anthropic API reference, version 2026-10-21 and betas of November
 * 2026. */

#define ANTHROPIC_BY_ID "content kept at the provider cannot be inspected: send it in the request"

static bool anthropic_content(struct wd_reader *r, uint32_t node);
static bool anthropic_tool(struct wd_reader *r, uint32_t node);

static bool
anthropic_image(struct wd_reader *r, uint32_t node)
{
    static const struct wd_field fields[] = {
        { "type", WD_IS_STRING | WD_REQUIRED }, { "media_type", WD_IS_STRING }, { "data", WD_IS_STRING }, { "url", WD_IS_STRING },
        WD_REF_FIELD("file_id", FILE, 0),
    };
    static const struct wd_object object = WD_OBJECT(fields);
    uint32_t type, media, data, url;
    struct wd_span media_type = WD_SPAN("");

    if (!wd_reader_object(r, node, &object))
        return false;
    type = wd_reader_get(r, node, "type");
    media = wd_reader_get(r, node, "media_type");
    data = wd_reader_get(r, node, "data");
    url = wd_reader_get(r, node, "url");
    if (media != 0)
        media_type = wd_reader_string(r, media);
    if (wd_json_string_is(r->doc, type, "base64") && data != 0)
        return wd_media_inline(r, wd_media_kind(media_type), data);
    if (wd_json_string_is(r->doc, type, "url") && url != 0)
        return wd_media_url(r, WD_ATTACH_IMAGE, url);
    if (wd_json_string_is(r->doc, type, "file") && wd_reader_get(r, node, "file_id") != 0)
        return wd_reader_attach(r, WD_ATTACH_IMAGE, node);
    return wd_reader_refuse(
        r, WD_CODE_UNINSPECTABLE_CONTENT,
        "a source of this type cannot be inspected (accepted: base64 with data, url with url, file with file_id)", node, "type");
}

static bool
anthropic_document(struct wd_reader *r, uint32_t node)
{
    static const struct wd_field fields[] = {
        { "type", WD_IS_STRING | WD_REQUIRED },
        { "media_type", WD_IS_STRING },
        { "data", WD_IS_STRING },
        { "content", WD_IS_STRING | WD_IS_ARRAY, .read = anthropic_content },
        { "url", WD_IS_STRING },
        WD_REF_FIELD("file_id", FILE, 0),
    };
    static const struct wd_object object = WD_OBJECT(fields);
    uint32_t type, data;

    if (!wd_reader_object(r, node, &object))
        return false;
    type = wd_reader_get(r, node, "type");
    data = wd_reader_get(r, node, "data");
    if (wd_json_string_is(r->doc, type, "content"))
        return true;
    if (wd_json_string_is(r->doc, type, "text")) {
        if (data != 0)
            r->marks[data].kind = WD_TEXT_PROSE + 1;
        return true;
    }
    if (wd_json_string_is(r->doc, type, "base64") && data != 0)
        return wd_media_inline(r, WD_ATTACH_FILE, data);
    if (wd_json_string_is(r->doc, type, "url") || wd_json_string_is(r->doc, type, "file"))
        return wd_reader_attach(r, WD_ATTACH_FILE, node);
    return wd_reader_refuse(r, WD_CODE_UNINSPECTABLE_CONTENT,
                            "a source of this type cannot be inspected (accepted: text, content, base64 with data, url, file)",
                            node, "type");
}

static bool
anthropic_citation(struct wd_reader *r, uint32_t node)
{
    static const struct wd_field fields[] = { { "encrypted_index", WD_IS_STRING, WD_TAKE_OPAQUE } };
    static const struct wd_object object = WD_OBJECT(fields);

    return wd_reader_object(r, node, &object);
}

static bool
anthropic_citations(struct wd_reader *r, uint32_t node)
{
    return wd_reader_each(r, node, anthropic_citation);
}

static bool
anthropic_file(struct wd_reader *r, uint32_t node)
{
    return wd_reader_attach(r, WD_ATTACH_FILE, node);
}

static bool
anthropic_tool_change(struct wd_reader *r, uint32_t node)
{
    static const struct wd_field definition_fields[] = { { "definition", WD_IS_OBJECT | WD_REQUIRED, .read = anthropic_tool } };
    static const struct wd_variant types[] = {
        { "tool_definition", 0, WD_OBJECT(definition_fields) },
        { "tool_reference", 0, WD_OBJECT_NONE },
        { "mcp_tool_reference", 0, WD_OBJECT_NONE },
        { "mcp_toolset_reference", 0, WD_OBJECT_NONE },
    };
    static const struct wd_union changes =
        WD_UNION(types, "a tool change of this type cannot be inspected (accepted: tool_definition, tool_reference, "
                        "mcp_tool_reference, mcp_toolset_reference)");

    return wd_reader_variant(r, node, &changes);
}

#define MANY (WD_IS_STRING | WD_IS_ARRAY | WD_IS_OBJECT)
static const struct wd_field anthropic_text_fields[] = {
    { "text", WD_IS_STRING | WD_REQUIRED, WD_TAKE_PROSE },
    { "citations", WD_IS_ARRAY, .read = anthropic_citations },
};
static const struct wd_field anthropic_image_fields[] = { { "source", WD_IS_OBJECT | WD_REQUIRED, .read = anthropic_image } };
static const struct wd_field anthropic_document_fields[] = {
    { "source", WD_IS_OBJECT | WD_REQUIRED, .read = anthropic_document },
    { "title", WD_IS_STRING, WD_TAKE_PROSE },
    { "context", WD_IS_STRING, WD_TAKE_PROSE },
};
static const struct wd_field anthropic_content_fields[] = { { "content", MANY, .read = anthropic_content } };
static const struct wd_field anthropic_search_fields[] = {
    { "source", WD_IS_STRING },
    { "title", WD_IS_STRING, WD_TAKE_PROSE },
    { "content", WD_IS_ARRAY, .read = anthropic_content },
};
static const struct wd_field anthropic_thinking_fields[] = {
    { "thinking", WD_IS_STRING | WD_REQUIRED, WD_TAKE_SIGNED },
    { "signature", WD_IS_STRING, WD_TAKE_OPAQUE },
};
static const struct wd_field anthropic_redacted_fields[] = { { "data", WD_IS_STRING | WD_REQUIRED, WD_TAKE_OPAQUE } };
static const struct wd_field anthropic_use_fields[] = {
    { "name", WD_IS_STRING | WD_REQUIRED },
    { "input", WD_IS_ANY, WD_TAKE_DATA },
};
static const struct wd_field anthropic_found_fields[] = { { "encrypted_content", WD_IS_STRING, WD_TAKE_OPAQUE } };
static const struct wd_field anthropic_run_fields[] = {
    { "stdout", WD_IS_STRING, WD_TAKE_PROSE },
    { "stderr", WD_IS_STRING, WD_TAKE_PROSE },
    { "encrypted_stdout", WD_IS_STRING, WD_TAKE_OPAQUE },
    { "content", WD_IS_ARRAY, .read = anthropic_content },
};
static const struct wd_field anthropic_data_fields[] = {
    { "lines", WD_IS_ARRAY, WD_TAKE_DATA },
    { "tabs", WD_IS_ARRAY, WD_TAKE_DATA },
    { "state_changes", WD_IS_ARRAY, WD_TAKE_DATA },
};
static const struct wd_field anthropic_compaction_fields[] = {
    { "content", WD_IS_STRING, WD_TAKE_PROSE },
    { "encrypted_content", WD_IS_STRING, WD_TAKE_OPAQUE },
    { "signature", WD_IS_STRING, WD_TAKE_OPAQUE },
    { "tool_changes", WD_IS_ARRAY, .read = anthropic_content },
};
static const struct wd_field anthropic_listing_fields[] = { { "tools", WD_IS_ARRAY } };
static const struct wd_field anthropic_change_fields[] = { { "tool", WD_IS_OBJECT | WD_REQUIRED,
                                                             .read = anthropic_tool_change } };

static const struct wd_field anthropic_file_fields[] = { WD_REF_FIELD("file_id", FILE, 0) };

#define TOOL WD_ROLE(TOOL)
#define ASSISTANT WD_ROLE(ASSISTANT)
/* Blocks of messages and the blocks inside them, in one table: what may be inspected in one place may be in another. */
static const struct wd_variant anthropic_block_types[] = {
    { "text", 0, WD_OBJECT(anthropic_text_fields) },
    { "image", 0, WD_OBJECT(anthropic_image_fields) },
    { "document", 0, WD_OBJECT(anthropic_document_fields) },
    { "search_result", TOOL, WD_OBJECT(anthropic_search_fields) },
    { "thinking", ASSISTANT, WD_OBJECT(anthropic_thinking_fields) },
    { "redacted_thinking", ASSISTANT, WD_OBJECT(anthropic_redacted_fields) },
    { "tool_use", ASSISTANT, WD_OBJECT(anthropic_use_fields) },
    { "server_tool_use", ASSISTANT, WD_OBJECT(anthropic_use_fields) },
    { "mcp_tool_use", ASSISTANT, WD_OBJECT(anthropic_use_fields) },
    { "tool_result", TOOL, WD_OBJECT(anthropic_content_fields) },
    { "mcp_tool_result", TOOL, WD_OBJECT(anthropic_content_fields) },
    { "web_search_tool_result", TOOL, WD_OBJECT(anthropic_content_fields) },
    { "web_search_result", TOOL, WD_OBJECT(anthropic_found_fields) },
    { "web_search_tool_result_error", TOOL, WD_OBJECT_NONE },
    { "web_fetch_tool_result", TOOL, WD_OBJECT(anthropic_content_fields) },
    { "web_fetch_result", TOOL, WD_OBJECT(anthropic_content_fields) },
    { "web_fetch_tool_result_error", TOOL, WD_OBJECT_NONE },
    { "code_execution_tool_result", TOOL, WD_OBJECT(anthropic_content_fields) },
    { "code_execution_result", TOOL, WD_OBJECT(anthropic_run_fields) },
    { "encrypted_code_execution_result", TOOL, WD_OBJECT(anthropic_run_fields) },
    { "code_execution_output", TOOL, WD_OBJECT(anthropic_file_fields), anthropic_file },
    { "code_execution_tool_result_error", TOOL, WD_OBJECT_NONE },
    { "bash_code_execution_tool_result", TOOL, WD_OBJECT(anthropic_content_fields) },
    { "bash_code_execution_result", TOOL, WD_OBJECT(anthropic_run_fields) },
    { "bash_code_execution_output", TOOL, WD_OBJECT(anthropic_file_fields), anthropic_file },
    { "bash_code_execution_tool_result_error", TOOL, WD_OBJECT_NONE },
    { "text_editor_code_execution_tool_result", TOOL, WD_OBJECT(anthropic_content_fields) },
    { "text_editor_code_execution_view_result", TOOL, WD_OBJECT(anthropic_content_fields) },
    { "text_editor_code_execution_create_result", TOOL, WD_OBJECT_NONE },
    { "text_editor_code_execution_str_replace_result", TOOL, WD_OBJECT(anthropic_data_fields) },
    { "text_editor_code_execution_tool_result_error", TOOL, WD_OBJECT_NONE },
    { "tool_search_tool_result", TOOL, WD_OBJECT(anthropic_content_fields) },
    { "tool_search_tool_search_result", TOOL, WD_OBJECT_NONE },
    { "tool_search_tool_result_error", TOOL, WD_OBJECT_NONE },
    { "tool_reference", TOOL, WD_OBJECT_NONE },
    { "browser_state", TOOL, WD_OBJECT(anthropic_data_fields) },
    { "advisor_tool_result", TOOL, WD_OBJECT(anthropic_content_fields) },
    { "advisor_result", TOOL, WD_OBJECT(anthropic_text_fields) },
    { "advisor_redacted_result", TOOL, WD_OBJECT(anthropic_found_fields) },
    { "advisor_tool_result_error", TOOL, WD_OBJECT_NONE },
    { "container_upload", 0, WD_OBJECT(anthropic_file_fields), anthropic_file },
    { "compaction", ASSISTANT, WD_OBJECT(anthropic_compaction_fields) },
    { "tool_addition", WD_ROLE(OTHER), WD_OBJECT(anthropic_change_fields) },
    { "tool_removal", WD_ROLE(OTHER), WD_OBJECT(anthropic_change_fields) },
    { "mcp_tool_listing", WD_ROLE(OTHER), WD_OBJECT(anthropic_listing_fields) },
};
static const struct wd_union anthropic_blocks =
    WD_UNION(anthropic_block_types, "a block of this type cannot be inspected (accepted: text, image, document, search_result, "
                                    "thinking, redacted_thinking, the documented tool uses and results, container_upload, "
                                    "compaction, tool_addition, tool_removal)");

static bool
anthropic_content(struct wd_reader *r, uint32_t node)
{
    return wd_reader_content(r, node, &anthropic_blocks);
}

static bool
anthropic_system(struct wd_reader *r, uint32_t node)
{
    return wd_reader_content(r, node, &anthropic_blocks) && wd_reader_message(r, node, WD_ROLE(SYSTEM));
}

static bool
anthropic_message(struct wd_reader *r, uint32_t node)
{
    static const struct wd_named_role roles[] = {
        { "user", WD_ROLE(USER) },
        { "assistant", ASSISTANT },
        { "system", WD_ROLE(SYSTEM) },
        { NULL, 0 },
    };
    static const struct wd_field fields[] = {
        { "role", WD_IS_STRING | WD_REQUIRED },
        { "content", WD_IS_STRING | WD_IS_ARRAY, .read = anthropic_content },
    };
    static const struct wd_object object = WD_OBJECT(fields);
    uint8_t role;

    if (!wd_reader_object(r, node, &object))
        return false;
    role = wd_reader_role_of(r, wd_reader_get(r, node, "role"), roles, "must be user, assistant or system");
    return role != 0 && wd_reader_message(r, node, role);
}

static bool
anthropic_messages(struct wd_reader *r, uint32_t node)
{
    if (r->doc->nodes[node].child == 0)
        return wd_reader_refuse(r, WD_CODE_INVALID_REQUEST, "must hold at least one message", node, NULL);
    return wd_reader_each(r, node, anthropic_message);
}

/* A tool without a type, or of type custom, is the caller's own function; every other type is the provider's. */
static bool
anthropic_tool(struct wd_reader *r, uint32_t node)
{
    static const struct wd_field fields[] = {
        { "type", WD_IS_STRING },
        { "name", WD_IS_STRING },
        { "model", WD_IS_ANY, WD_TAKE_UNSUPPORTED, .note = "a tool that calls another model is not supported" },
    };
    static const struct wd_object object = WD_OBJECT(fields);
    uint32_t type, name;

    if (!wd_reader_object(r, node, &object))
        return false;
    type = wd_reader_get(r, node, "type");
    name = wd_reader_get(r, node, "name");
    if (type != 0 && !wd_json_string_is(r->doc, type, "custom"))
        return wd_reader_tool(r, wd_reader_string(r, type), true);
    if (name == 0)
        return wd_reader_refuse(r, WD_CODE_INVALID_REQUEST, "a tool must have a name", node, NULL);
    return wd_reader_tool(r, wd_reader_string(r, name), false);
}

static bool
anthropic_tools(struct wd_reader *r, uint32_t node)
{
    return wd_reader_each(r, node, anthropic_tool);
}

static bool
anthropic_mcp_server(struct wd_reader *r, uint32_t node)
{
    (void)node;
    return wd_reader_tool(r, WD_SPAN("mcp"), true);
}

static bool
anthropic_mcp_servers(struct wd_reader *r, uint32_t node)
{
    return wd_reader_each(r, node, anthropic_mcp_server);
}

static bool
anthropic_budget(struct wd_reader *r, uint32_t node)
{
    return wd_reader_count(r, node, &r->request->thinking_budget);
}

static bool
anthropic_thinking(struct wd_reader *r, uint32_t node)
{
    static const struct wd_field fields[] = { { "budget_tokens", WD_IS_NUMBER, .read = anthropic_budget } };
    static const struct wd_object object = WD_OBJECT(fields);

    return wd_reader_object(r, node, &object);
}

/* The id alone, or an object with it. Skills are kept at the provider, too. */
static bool
anthropic_container(struct wd_reader *r, uint32_t node)
{
    static const struct wd_field fields[] = {
        WD_REF_FIELD("id", CONTAINER, 0),
        { "skills", WD_IS_ANY, WD_TAKE_UNINSPECTABLE, .note = ANTHROPIC_BY_ID },
    };
    static const struct wd_object object = WD_OBJECT_CLOSED(fields, ANTHROPIC_BY_ID);

    return wd_json_type(r->doc, node) != WD_JSON_OBJECT || wd_reader_object(r, node, &object);
}

bool
wd_anthropic_read(struct wd_reader *r, uint32_t node)
{
    static const struct wd_field fields[] = {
        { "model", WD_IS_STRING | WD_REQUIRED, .read = wd_reader_model },
        { "thread", WD_IS_ANY, WD_TAKE_UNINSPECTABLE, .note = ANTHROPIC_BY_ID },
        { "container", WD_IS_STRING | WD_IS_OBJECT, WD_TAKE_REF, .read = anthropic_container, .ref = WD_ISOLATE_REF_CONTAINER },
        { "fallbacks", WD_IS_ANY, WD_TAKE_UNSUPPORTED, .note = "other models may not stand in for the one that is named" },
        { "system", WD_IS_STRING | WD_IS_ARRAY, .read = anthropic_system },
        { "messages", WD_IS_ARRAY | WD_REQUIRED, .read = anthropic_messages },
        { "stream", WD_IS_BOOL, .read = wd_reader_stream },
        { "temperature", WD_IS_NUMBER, .read = wd_reader_temperature },
        { "max_tokens", WD_IS_NUMBER, .read = wd_reader_max_tokens },
        { "thinking", WD_IS_OBJECT, .read = anthropic_thinking },
        { "tools", WD_IS_ARRAY, .read = anthropic_tools },
        { "mcp_servers", WD_IS_ARRAY, .read = anthropic_mcp_servers },
    };
    static const struct wd_object object = WD_OBJECT(fields);

    return wd_reader_object(r, node, &object);
}
