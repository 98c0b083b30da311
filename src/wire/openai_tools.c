#include "reader.h"

static bool
openai_tools_name(struct wd_reader *r, uint32_t node)
{
    return wd_reader_tool(r, wd_reader_string(r, node), false);
}

static bool
openai_tools_inside(struct wd_reader *r, uint32_t node)
{
    static const struct wd_field fields[] = { { "name", WD_IS_STRING | WD_REQUIRED, .read = openai_tools_name } };
    static const struct wd_object object = WD_OBJECT(fields);

    return wd_reader_object(r, node, &object);
}

static bool
openai_tools_each(struct wd_reader *r, uint32_t node)
{
    return wd_reader_each(r, node, wd_openai_tool);
}

static bool
openai_tools_file(struct wd_reader *r, uint32_t node)
{
    if (wd_json_type(r->doc, node) == WD_JSON_STRING)
        return wd_reader_ref(r, WD_ISOLATE_REF_FILE, node);
    return wd_reader_refuse(r, WD_CODE_INVALID_REQUEST, "must be a string", node, NULL);
}

static bool
openai_tools_files(struct wd_reader *r, uint32_t node)
{
    return wd_reader_each(r, node, openai_tools_file);
}

/* Of the code interpreter: an id, or an object that asks for one with files in it. */
static bool
openai_tools_container(struct wd_reader *r, uint32_t node)
{
    static const struct wd_field fields[] = {
        WD_REF_FIELD("container_id", CONTAINER, 0),
        { "file_ids", WD_IS_ARRAY, .read = openai_tools_files },
    };
    static const struct wd_object object = WD_OBJECT(fields);

    return wd_json_type(r->doc, node) != WD_JSON_OBJECT || wd_reader_object(r, node, &object);
}

static bool
openai_tools_mask(struct wd_reader *r, uint32_t node)
{
    static const struct wd_field fields[] = { WD_REF_FIELD("file_id", FILE, 0) };
    static const struct wd_object object = WD_OBJECT(fields);

    return wd_reader_object(r, node, &object);
}

bool
wd_openai_tool(struct wd_reader *r, uint32_t node)
{
    static const struct wd_field fields[] = {
        { "type", WD_IS_STRING | WD_REQUIRED },
        { "function", WD_IS_OBJECT },
        { "custom", WD_IS_OBJECT },
        { "name", WD_IS_STRING },
        { "tools", WD_IS_ARRAY, .read = openai_tools_each },
        { "container", WD_IS_STRING | WD_IS_OBJECT, WD_TAKE_REF, .read = openai_tools_container,
          .ref = WD_ISOLATE_REF_CONTAINER },
        { "environment", WD_IS_OBJECT, .read = openai_tools_container },
        { "input_image_mask", WD_IS_OBJECT, .read = openai_tools_mask },
    };
    static const struct wd_object object = WD_OBJECT(fields);
    uint32_t type, before = r->request->tool_count;
    uint32_t inside[3];

    if (!wd_reader_object(r, node, &object))
        return false;
    type = wd_reader_get(r, node, "type");
    if (wd_json_string_is(r->doc, type, "namespace"))
        return true;
    if (!wd_json_string_is(r->doc, type, "function") && !wd_json_string_is(r->doc, type, "custom"))
        return wd_reader_tool(r, wd_reader_string(r, type), true);

    /* Chat reads the name inside, Responses the one outside: a declaration with both counts twice. */
    inside[0] = wd_reader_get(r, node, "function");
    inside[1] = wd_reader_get(r, node, "custom");
    inside[2] = wd_reader_get(r, node, "name");
    for (int i = 0; i < 2; i++) {
        if (inside[i] != 0 && !openai_tools_inside(r, inside[i]))
            return false;
    }
    if (inside[2] != 0 && !openai_tools_name(r, inside[2]))
        return false;
    if (r->request->tool_count == before)
        return wd_reader_refuse(r, WD_CODE_INVALID_REQUEST, "a tool must have a name", node, NULL);
    return true;
}
