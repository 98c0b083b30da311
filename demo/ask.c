#include "ask.h"

#include <strings.h>

enum { ASK_QUOTE_BYTES = 2000, ASK_ARGS_BYTES = 16384, ASK_SCHEMA_DEPTH = 8, ASK_INPUTS = 2048 };

static bool
ask_is(const struct wd_json *doc, uint32_t node, enum wd_json_type type)
{
    return node != 0 && wd_json_type(doc, node) == type;
}

/* The string under name, empty when it is anything else. */
static struct wd_span
ask_string(const struct wd_json *doc, uint32_t node, const char *name, struct wd_arena *arena)
{
    uint32_t value = wd_json_get(doc, node, name);

    return ask_is(doc, value, WD_JSON_STRING) ? wd_json_string(doc, value, arena) : WD_SPAN("");
}

static uint32_t
ask_either(const struct wd_json *doc, uint32_t node, const char *first, const char *second)
{
    uint32_t value = wd_json_get(doc, node, first);

    return value != 0 ? value : wd_json_get(doc, node, second);
}

static struct wd_span
ask_shorten(struct wd_span s)
{
    if (s.len > ASK_QUOTE_BYTES) {
        s.len = ASK_QUOTE_BYTES;
        while (s.len > 0 && ((unsigned char)s.ptr[s.len] & 0xC0) == 0x80) {
            s.len--;
        }
    }
    return s;
}

/* The text of a content value: a string, the last text part of an array, or the JSON as it stands. */
static struct wd_span
ask_text(const struct wd_json *doc, uint32_t node, struct wd_arena *arena)
{
    struct wd_span last = WD_SPAN("");

    if (ask_is(doc, node, WD_JSON_STRING)) {
        return ask_shorten(wd_json_string(doc, node, arena));
    }
    if (!ask_is(doc, node, WD_JSON_ARRAY)) {
        return node != 0 ? ask_shorten(wd_json_raw(doc, node)) : last;
    }
    for (uint32_t part = doc->nodes[node].child; part != 0; part = doc->nodes[part].next) {
        struct wd_span text = ask_string(doc, part, "text", arena);

        if (text.len > 0) {
            last = text;
        }
    }
    return ask_shorten(last);
}

static void
ask_read_message(struct demo_ask *ask, const struct wd_json *doc, uint32_t message, struct wd_arena *arena)
{
    uint32_t role = wd_json_get(doc, message, "role");
    uint32_t content = ask_either(doc, message, "content", "parts");
    uint32_t type = wd_json_get(doc, message, "type");
    struct wd_span text;

    if (ask_is(doc, type, WD_JSON_STRING) && wd_json_string_is(doc, type, "function_call_output")) {
        ask->result = ask_text(doc, wd_json_get(doc, message, "output"), arena);
        return;
    }
    if (role != 0 && wd_json_string_is(doc, role, "tool")) {
        ask->result = ask_text(doc, content, arena);
        return;
    }
    if (role != 0 && !wd_json_string_is(doc, role, "user") && !wd_json_string_is(doc, role, "function")) {
        return;
    }
    if (ask_is(doc, content, WD_JSON_ARRAY)) {
        for (uint32_t part = doc->nodes[content].child; part != 0; part = doc->nodes[part].next) {
            uint32_t response = wd_json_get(doc, part, "functionResponse");
            uint32_t block = wd_json_get(doc, part, "type");

            if (response != 0) {
                ask->result = ask_text(doc, wd_json_get(doc, response, "response"), arena);
            } else if (block != 0 && wd_json_string_is(doc, block, "tool_result")) {
                ask->result = ask_text(doc, wd_json_get(doc, part, "content"), arena);
            }
        }
    } else if (!ask_is(doc, content, WD_JSON_STRING)) {
        return;
    }
    text = ask_text(doc, content, arena);
    if (text.len > 0) {
        ask->user = text;
    }
}

/* The schema's type in lower or upper case (Google), also as ["string", "null"]. */
static bool
ask_type_is(const struct wd_json *doc, uint32_t schema, const char *name)
{
    uint32_t type = wd_json_get(doc, schema, "type");
    struct wd_span raw;

    if (ask_is(doc, type, WD_JSON_ARRAY)) {
        type = doc->nodes[type].child;
    }
    if (!ask_is(doc, type, WD_JSON_STRING)) {
        return false;
    }
    raw = wd_json_raw(doc, type);
    return raw.len == strlen(name) + 2 && strncasecmp(raw.ptr + 1, name, raw.len - 2) == 0;
}

static enum wd_err ask_value(struct wd_buf *out, const struct wd_json *doc, uint32_t schema, int depth);

static enum wd_err
ask_object(struct wd_buf *out, const struct wd_json *doc, uint32_t schema, int depth)
{
    uint32_t properties = wd_json_get(doc, schema, "properties");
    const char *comma = "";
    enum wd_err err = wd_buf_add_byte(out, '{');

    if (ask_is(doc, properties, WD_JSON_OBJECT)) {
        for (uint32_t p = doc->nodes[properties].child; p != 0 && err == WD_OK; p = doc->nodes[p].next) {
            struct wd_span key = wd_json_key_raw(doc, p);

            err = wd_buf_printf(out, "%s\"%.*s\":", comma, (int)key.len, key.ptr);
            if (err == WD_OK) {
                err = ask_value(out, doc, p, depth + 1);
            }
            comma = ",";
        }
    }
    return err != WD_OK ? err : wd_buf_add_byte(out, '}');
}

/* Appends a plausible value for the schema. */
static enum wd_err
ask_value(struct wd_buf *out, const struct wd_json *doc, uint32_t schema, int depth)
{
    uint32_t choice = ask_either(doc, schema, "enum", "anyOf");
    uint32_t fixed = wd_json_get(doc, schema, "const");
    uint32_t low = wd_json_get(doc, schema, "minimum");
    enum wd_err err;

    if (depth > ASK_SCHEMA_DEPTH || !ask_is(doc, schema, WD_JSON_OBJECT)) {
        return wd_buf_add_str(out, "null");
    }
    if (fixed != 0) {
        return wd_buf_add(out, wd_json_raw(doc, fixed));
    }
    if (ask_is(doc, choice, WD_JSON_ARRAY) && doc->nodes[choice].child != 0) {
        uint32_t first = doc->nodes[choice].child;

        return wd_json_key_is(doc, choice, "enum") ? wd_buf_add(out, wd_json_raw(doc, first))
                                                   : ask_value(out, doc, first, depth + 1);
    }
    if (ask_type_is(doc, schema, "object")) {
        return ask_object(out, doc, schema, depth);
    }
    if (ask_type_is(doc, schema, "array")) {
        err = wd_buf_add_byte(out, '[');
        if (err == WD_OK) {
            err = ask_value(out, doc, wd_json_get(doc, schema, "items"), depth + 1);
        }
        return err != WD_OK ? err : wd_buf_add_byte(out, ']');
    }
    if (ask_type_is(doc, schema, "integer") || ask_type_is(doc, schema, "number")) {
        return ask_is(doc, low, WD_JSON_NUMBER) ? wd_buf_add(out, wd_json_raw(doc, low)) : wd_buf_add_byte(out, '1');
    }
    return wd_buf_add_str(out, ask_type_is(doc, schema, "boolean") ? "true" : "\"Paris\"");
}

/* Fills in the call of the first declared function. */
static enum wd_err
ask_read_tools(struct demo_ask *ask, const struct wd_json *doc, uint32_t tools, struct wd_arena *arena)
{
    struct wd_buf args;
    enum wd_err err = WD_OK;

    wd_buf_init(&args, ASK_ARGS_BYTES);
    for (uint32_t tool = doc->nodes[tools].child; tool != 0; tool = doc->nodes[tool].next) {
        uint32_t list = wd_json_get(doc, tool, "functionDeclarations");
        uint32_t nested = wd_json_get(doc, tool, "function");
        uint32_t decl = list != 0 ? doc->nodes[list].child : nested != 0 ? nested : tool;
        uint32_t schema;

        ask->tool_name = decl != 0 ? ask_string(doc, decl, "name", arena) : WD_SPAN("");
        if (ask->tool_name.len == 0) {
            continue;
        }
        schema = ask_either(doc, decl, "parameters", "parametersJsonSchema");
        if (schema == 0) {
            schema = wd_json_get(doc, decl, "input_schema");
        }
        err = ask_is(doc, schema, WD_JSON_OBJECT) ? ask_object(&args, doc, schema, 0) : WD_ERR_LIMIT;
        if (err == WD_ERR_LIMIT) {
            wd_buf_clear(&args);
            err = wd_buf_add_str(&args, "{}");
        }
        if (err == WD_OK) {
            ask->tool_args = wd_span(wd_arena_dup(arena, wd_buf_span(&args)), args.len);
            err = ask->tool_args.ptr != NULL ? WD_OK : WD_ERR_NOMEM;
        }
        wd_buf_deinit(&args);
        return err;
    }
    ask->tool_name = wd_span(NULL, 0);
    return WD_OK;
}

static uint32_t
ask_count_inputs(const struct wd_json *doc, uint32_t input)
{
    uint32_t child = ask_is(doc, input, WD_JSON_ARRAY) ? doc->nodes[input].child : 0;
    uint32_t n = 0;

    if (child == 0 || wd_json_type(doc, child) == WD_JSON_NUMBER) {
        return 1;
    }
    for (; child != 0 && n < ASK_INPUTS; child = doc->nodes[child].next) {
        n++;
    }
    return n;
}

enum wd_err
demo_ask_read(struct demo_ask *ask, const struct wd_json *doc, struct wd_arena *arena)
{
    uint32_t messages = ask_either(doc, 0, "messages", "contents");
    uint32_t input = ask_either(doc, 0, "input", "requests");
    uint32_t tools = wd_json_get(doc, 0, "tools");
    uint32_t choice = wd_json_get(doc, 0, "tool_choice");
    uint32_t stream = wd_json_get(doc, 0, "stream");
    uint32_t options = wd_json_get(doc, 0, "stream_options");
    uint32_t usage = options != 0 ? wd_json_get(doc, options, "include_usage") : 0;
    uint32_t encoding = wd_json_get(doc, 0, "encoding_format");

    *ask = (struct demo_ask){ .user = WD_SPAN("") };
    ask->model = ask_string(doc, 0, "model", arena);
    ask->tokens_in = (uint32_t)(doc->text.len / 4 + 1);
    ask->inputs = ask_count_inputs(doc, input);
    ask->stream = ask_is(doc, stream, WD_JSON_TRUE);
    ask->include_usage = ask_is(doc, usage, WD_JSON_TRUE);
    ask->base64 = encoding != 0 && wd_json_string_is(doc, encoding, "base64");
    if (ask_is(doc, input, WD_JSON_STRING)) {
        ask->user = ask_text(doc, input, arena);
    }
    if (messages == 0) {
        messages = input;
    }
    if (ask_is(doc, messages, WD_JSON_ARRAY)) {
        for (uint32_t m = doc->nodes[messages].child; m != 0; m = doc->nodes[m].next) {
            if (ask_is(doc, m, WD_JSON_OBJECT)) {
                ask_read_message(ask, doc, m, arena);
            }
        }
    }
    if (ask->result.ptr == NULL && ask_is(doc, tools, WD_JSON_ARRAY) &&
        !(choice != 0 && wd_json_string_is(doc, choice, "none"))) {
        return ask_read_tools(ask, doc, tools, arena);
    }
    return WD_OK;
}
