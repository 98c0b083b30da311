#include "media.h"

/*
 * generateContent, streamGenerateContent, countTokens, embedContent, batchEmbedContents. Source: Gemini API reference, November
 * 2026. Protobuf JSON: members in camelCase or snake_case, a lone object where a list of them is meant.
 */

#define MANY (WD_IS_ARRAY | WD_IS_OBJECT)

static bool
google_inline(struct wd_reader *r, uint32_t node)
{
    static const struct wd_field fields[] = { { "mimeType", WD_IS_STRING }, { "data", WD_IS_STRING | WD_REQUIRED } };
    static const struct wd_object object = WD_OBJECT(fields);
    struct wd_span type = WD_SPAN("");
    uint32_t mime;

    if (!wd_reader_object(r, node, &object))
        return false;
    mime = wd_reader_get(r, node, "mimeType");
    if (mime != 0)
        type = wd_reader_string(r, mime);
    return wd_media_inline(r, wd_media_kind(type), wd_reader_get(r, node, "data"));
}

/* Of the provider's own store of files, whatever its address: files/ID, https://HOST/v1beta/files/ID. */
static bool
google_file_ref(struct wd_reader *r, uint32_t node)
{
    struct wd_span uri = wd_reader_string(r, node);

    if (uri.ptr == NULL)
        return wd_reader_exhausted(r);
    if ((uri.len >= 6 && memcmp(uri.ptr, "files/", 6) == 0) || memmem(uri.ptr, uri.len, ".googleapis.com/v", 17) != NULL)
        return wd_reader_ref(r, WD_ISOLATE_REF_FILE, node);
    return true;
}

static bool
google_file(struct wd_reader *r, uint32_t node)
{
    static const struct wd_field fields[] = { { "mimeType", WD_IS_STRING }, { "fileUri", WD_IS_STRING | WD_REQUIRED } };
    static const struct wd_object object = WD_OBJECT(fields);

    return wd_reader_object(r, node, &object) && google_file_ref(r, wd_reader_get(r, node, "fileUri")) &&
           wd_reader_attach(r, WD_ATTACH_FILE, node);
}

static bool
google_call(struct wd_reader *r, uint32_t node)
{
    static const struct wd_field fields[] = {
        { "name", WD_IS_STRING },
        { "args", WD_IS_OBJECT, WD_TAKE_DATA },
        { "partialArgs", MANY, WD_TAKE_DATA },
    };
    static const struct wd_object object = WD_OBJECT(fields);

    wd_reader_role(r, node, WD_ROLE(ASSISTANT));
    return wd_reader_object(r, node, &object);
}

static bool
google_result_part(struct wd_reader *r, uint32_t node)
{
    static const struct wd_field fields[] = {
        { "inlineData", WD_IS_OBJECT, .read = google_inline },
        { "fileData", WD_IS_OBJECT, .read = google_file },
        { "mediaProcessing", WD_IS_ANY },
    };
    static const struct wd_object object =
        WD_OBJECT_CLOSED(fields, "a part with this member cannot be inspected (accepted: inlineData, fileData)");

    return wd_reader_object(r, node, &object);
}

static bool
google_result_parts(struct wd_reader *r, uint32_t node)
{
    return wd_reader_each(r, node, google_result_part);
}

static bool
google_result(struct wd_reader *r, uint32_t node)
{
    static const struct wd_field fields[] = {
        { "name", WD_IS_STRING },
        { "response", WD_IS_OBJECT, WD_TAKE_DATA },
        { "parts", MANY, .read = google_result_parts },
    };
    static const struct wd_object object = WD_OBJECT(fields);

    wd_reader_role(r, node, WD_ROLE(TOOL));
    return wd_reader_object(r, node, &object);
}

static bool
google_code(struct wd_reader *r, uint32_t node)
{
    static const struct wd_field fields[] = { { "code", WD_IS_STRING, WD_TAKE_PROSE } };
    static const struct wd_object object = WD_OBJECT(fields);

    wd_reader_role(r, node, WD_ROLE(ASSISTANT));
    return wd_reader_object(r, node, &object);
}

static bool
google_code_result(struct wd_reader *r, uint32_t node)
{
    static const struct wd_field fields[] = { { "output", WD_IS_STRING, WD_TAKE_PROSE } };
    static const struct wd_object object = WD_OBJECT(fields);

    wd_reader_role(r, node, WD_ROLE(TOOL));
    return wd_reader_object(r, node, &object);
}

static bool
google_part(struct wd_reader *r, uint32_t node)
{
    static const struct wd_field fields[] = {
        { "text", WD_IS_STRING, WD_TAKE_PROSE },
        { "thought", WD_IS_BOOL },
        { "thoughtSignature", WD_IS_STRING, WD_TAKE_OPAQUE },
        { "inlineData", WD_IS_OBJECT, .read = google_inline },
        { "fileData", WD_IS_OBJECT, .read = google_file },
        { "functionCall", WD_IS_OBJECT, .read = google_call },
        { "functionResponse", WD_IS_OBJECT, .read = google_result },
        { "toolCall", WD_IS_OBJECT, .read = google_call },
        { "toolResponse", WD_IS_OBJECT, .read = google_result },
        { "executableCode", WD_IS_OBJECT, .read = google_code },
        { "codeExecutionResult", WD_IS_OBJECT, .read = google_code_result },
        { "audioTranscription", WD_IS_OBJECT, WD_TAKE_DATA },
        { "partMetadata", WD_IS_OBJECT, WD_TAKE_DATA },
        { "videoMetadata", WD_IS_OBJECT },
        { "mediaResolution", WD_IS_ANY },
        { "mediaProcessing", WD_IS_ANY },
        { "speechMetadata", WD_IS_OBJECT },
    };
    static const struct wd_object object =
        WD_OBJECT_CLOSED(fields, "a part with this member cannot be inspected (accepted: text, thought, thoughtSignature, "
                                 "inlineData, fileData, functionCall, functionResponse, toolCall, toolResponse, executableCode, "
                                 "codeExecutionResult, audioTranscription and their metadata)");
    uint32_t thought, text;

    if (!wd_reader_object(r, node, &object))
        return false;
    thought = wd_reader_get(r, node, "thought");
    text = wd_reader_get(r, node, "text");
    if (text != 0 && thought != 0 && wd_json_type(r->doc, thought) == WD_JSON_TRUE)
        r->marks[text].kind = WD_TEXT_SIGNED + 1;
    return true;
}

static bool
google_parts(struct wd_reader *r, uint32_t node)
{
    return wd_reader_each(r, node, google_part);
}

static const struct wd_field google_content_fields[] = {
    { "role", WD_IS_STRING },
    { "parts", MANY, .read = google_parts },
};
static const struct wd_object google_content_object = WD_OBJECT(google_content_fields);

static bool
google_content(struct wd_reader *r, uint32_t node)
{
    static const struct wd_named_role roles[] = {
        { "user", WD_ROLE(USER) },     { "", WD_ROLE(USER) }, { "model", WD_ROLE(ASSISTANT) },
        { "function", WD_ROLE(TOOL) }, { NULL, 0 },
    };
    uint8_t role = WD_ROLE(USER);
    uint32_t named;

    if (!wd_reader_object(r, node, &google_content_object))
        return false;
    named = wd_reader_get(r, node, "role");
    if (named != 0)
        role = wd_reader_role_of(r, named, roles, "must be user, model or function");
    return role != 0 && wd_reader_message(r, node, role);
}

static bool
google_contents(struct wd_reader *r, uint32_t node)
{
    if (r->doc->nodes[node].child == 0)
        return wd_reader_refuse(r, WD_CODE_INVALID_REQUEST, "must hold at least one content", node, NULL);
    return wd_reader_each(r, node, google_content);
}

static bool
google_system(struct wd_reader *r, uint32_t node)
{
    return wd_reader_object(r, node, &google_content_object) && wd_reader_message(r, node, WD_ROLE(SYSTEM));
}

static bool
google_function(struct wd_reader *r, uint32_t node)
{
    static const struct wd_field fields[] = { { "name", WD_IS_STRING | WD_REQUIRED } };
    static const struct wd_object object = WD_OBJECT(fields);

    return wd_reader_object(r, node, &object) && wd_reader_tool(r, wd_reader_string(r, wd_reader_get(r, node, "name")), false);
}

static bool
google_functions(struct wd_reader *r, uint32_t node)
{
    return wd_reader_each(r, node, google_function);
}

/* Every other member of a tool is one of the provider's own. */
static bool
google_tool(struct wd_reader *r, uint32_t node)
{
    static const struct wd_field fields[] = { { "functionDeclarations", MANY, .read = google_functions } };
    static const struct wd_object object = WD_OBJECT(fields);
    uint32_t functions;

    if (!wd_reader_object(r, node, &object))
        return false;
    functions = wd_reader_get(r, node, "functionDeclarations");
    for (uint32_t i = r->doc->nodes[node].child; i != 0; i = r->doc->nodes[i].next) {
        if (i == functions || wd_json_type(r->doc, i) == WD_JSON_NULL)
            continue;
        if (!wd_reader_tool(r, wd_json_key(r->doc, i, r->arena), true))
            return false;
    }
    return true;
}

static bool
google_tools(struct wd_reader *r, uint32_t node)
{
    return wd_reader_each(r, node, google_tool);
}

static bool
google_config(struct wd_reader *r, uint32_t node)
{
    static const struct wd_field fields[] = {
        { "temperature", WD_IS_NUMBER, .read = wd_reader_temperature },
        { "maxOutputTokens", WD_IS_NUMBER, .read = wd_reader_max_tokens },
        { "candidateCount", WD_IS_NUMBER, .read = wd_reader_choices },
        { "seed", WD_IS_NUMBER, WD_TAKE_NUMERIC },
        { "routingConfig", WD_IS_ANY, WD_TAKE_UNSUPPORTED, .note = "the model is the one in the path" },
    };
    static const struct wd_object object = WD_OBJECT(fields);

    return wd_reader_object(r, node, &object);
}

/* The model stands in the path: a body that names another one could be believed by the provider. */
static bool
google_model(struct wd_reader *r, uint32_t node)
{
    struct wd_span name = wd_reader_string(r, node);

    if (name.ptr == NULL)
        return wd_reader_exhausted(r);
    if (name.len >= 7 && memcmp(name.ptr, "models/", 7) == 0)
        name = wd_span(name.ptr + 7, name.len - 7);
    if (!wd_span_eq(name, r->route->model))
        return wd_reader_refuse(r, WD_CODE_INVALID_REQUEST, "must be the model of the path", node, NULL);
    return true;
}

static const struct wd_field google_generate_fields[] = {
    { "model", WD_IS_STRING, .read = google_model },
    WD_REF_FIELD("cachedContent", CACHE, 0),
    { "systemInstruction", WD_IS_OBJECT, .read = google_system },
    { "contents", MANY | WD_REQUIRED, .read = google_contents },
    { "tools", MANY, .read = google_tools },
    { "generationConfig", WD_IS_OBJECT, .read = google_config },
};
static const struct wd_object google_generate = WD_OBJECT(google_generate_fields);

static bool
google_generate_request(struct wd_reader *r, uint32_t node)
{
    return wd_reader_object(r, node, &google_generate);
}

static bool
google_count(struct wd_reader *r, uint32_t node)
{
    static const struct wd_field fields[] = {
        { "generateContentRequest", WD_IS_OBJECT, .read = google_generate_request },
        { "contents", WD_IS_ANY },
    };
    static const struct wd_object object = WD_OBJECT(fields);

    if (!wd_reader_object(r, node, &object))
        return false;
    if (wd_reader_get(r, node, "generateContentRequest") == 0)
        return wd_reader_object(r, node, &google_generate);
    if (wd_reader_get(r, node, "contents") != 0)
        return wd_reader_refuse(r, WD_CODE_INVALID_REQUEST, "may not stand beside generateContentRequest", node, "contents");
    return true;
}

static bool
google_embed(struct wd_reader *r, uint32_t node)
{
    static const struct wd_field fields[] = {
        { "model", WD_IS_STRING, .read = google_model },
        { "content", WD_IS_OBJECT | WD_REQUIRED, .read = google_content },
        { "title", WD_IS_STRING, WD_TAKE_PROSE },
    };
    static const struct wd_object object = WD_OBJECT(fields);

    return wd_reader_object(r, node, &object);
}

static bool
google_embed_requests(struct wd_reader *r, uint32_t node)
{
    if (r->doc->nodes[node].child == 0)
        return wd_reader_refuse(r, WD_CODE_INVALID_REQUEST, "must hold at least one request", node, NULL);
    return wd_reader_each(r, node, google_embed);
}

static bool
google_batch(struct wd_reader *r, uint32_t node)
{
    static const struct wd_field fields[] = { { "requests", MANY | WD_REQUIRED, .read = google_embed_requests } };
    static const struct wd_object object = WD_OBJECT(fields);

    return wd_reader_object(r, node, &object);
}

bool
wd_google_read(struct wd_reader *r, uint32_t node)
{
    r->camel = true;
    switch (r->route->op) {
    case WD_OP_COUNT_TOKENS:
        return google_count(r, node);
    case WD_OP_EMBED:
        return google_embed(r, node);
    case WD_OP_BATCH_EMBED:
        return google_batch(r, node);
    default:
        r->request->stream = r->route->op == WD_OP_STREAM_GENERATE;
        return wd_reader_object(r, node, &google_generate);
    }
}
