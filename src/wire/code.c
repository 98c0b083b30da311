#include "code.h"

#include "../base/json.h"

static const struct {
    const char *name;
    int status;
    const char *openai, *anthropic, *google;
} code_table[WD_CODE_COUNT] = { [WD_CODE_NONE] = { "", 200, "", "", "OK" },
#define X(name, text, status, openai, anthropic, google) [WD_CODE_##name] = { text, status, openai, anthropic, google },
                                WD_CODES(X)
#undef X
};

const char *
wd_code_name(enum wd_code c)
{
    return code_table[c].name;
}

int
wd_code_status(enum wd_code c)
{
    return code_table[c].status;
}

static enum wd_err
code_string(struct wd_buf *out, struct wd_span text)
{
    enum wd_err err = wd_buf_add_byte(out, '"');

    if (err == WD_OK)
        err = wd_json_escape(out, text);
    return err == WD_OK ? wd_buf_add_byte(out, '"') : err;
}

/* Appends head, then text as a JSON string, then nothing: bodies are chains of these. */
static enum wd_err
code_member(struct wd_buf *out, const char *head, struct wd_span text)
{
    enum wd_err err = wd_buf_add_str(out, head);

    return err == WD_OK ? code_string(out, text) : err;
}

static enum wd_err
code_param(struct wd_buf *out, struct wd_span param)
{
    return param.len > 0 ? code_member(out, ",\"param\":", param) : wd_buf_add_str(out, ",\"param\":null");
}

static enum wd_err
code_openai(struct wd_buf *out, enum wd_code code, struct wd_span message, struct wd_span param)
{
    enum wd_err err = code_member(out, "{\"error\":{\"message\":", message);

    if (err == WD_OK)
        err = wd_buf_printf(out, ",\"type\":\"%s\"", code_table[code].openai);
    if (err == WD_OK)
        err = code_param(out, param);
    return err == WD_OK ? wd_buf_printf(out, ",\"code\":\"%s\"}}", code_table[code].name) : err;
}

static enum wd_err
code_request_id(struct wd_buf *out, struct wd_span request_id)
{
    enum wd_err err = code_member(out, "},\"request_id\":", request_id);

    return err == WD_OK ? wd_buf_add_byte(out, '}') : err;
}

static enum wd_err
code_anthropic(struct wd_buf *out, enum wd_code code, struct wd_span message, struct wd_span request_id)
{
    enum wd_err err = wd_buf_printf(out, "{\"type\":\"error\",\"error\":{\"type\":\"%s\"", code_table[code].anthropic);

    if (err == WD_OK)
        err = code_member(out, ",\"message\":", message);
    if (err == WD_OK)
        err = wd_buf_printf(out, ",\"details\":{\"error_code\":\"%s\"}", code_table[code].name);
    return err == WD_OK ? code_request_id(out, request_id) : err;
}

/* A list: what reads Google's errors takes no other details. */
static enum wd_err
code_details(struct wd_buf *out, enum wd_code code)
{
    return wd_buf_printf(out,
                         ",\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":\"%s\","
                         "\"domain\":\"warder\"}]",
                         code_table[code].name);
}

static enum wd_err
code_google(struct wd_buf *out, enum wd_code code, struct wd_span message)
{
    enum wd_err err = wd_buf_printf(out, "{\"error\":{\"code\":%d", code_table[code].status);

    if (err == WD_OK)
        err = code_member(out, ",\"message\":", message);
    if (err == WD_OK)
        err = wd_buf_printf(out, ",\"status\":\"%s\"", code_table[code].google);
    if (err == WD_OK)
        err = code_details(out, code);
    return err == WD_OK ? wd_buf_add_str(out, "}}") : err;
}

static enum wd_err
code_universal(struct wd_buf *out, enum wd_code code, struct wd_span message, struct wd_span param, struct wd_span request_id)
{
    enum wd_err err = wd_buf_printf(out, "{\"type\":\"error\",\"error\":{\"type\":\"%s\"", code_table[code].anthropic);

    if (err == WD_OK)
        err = code_member(out, ",\"message\":", message);
    if (err == WD_OK)
        err = wd_buf_printf(out, ",\"code\":%d,\"status\":\"%s\"", code_table[code].status, code_table[code].google);
    if (err == WD_OK)
        err = code_param(out, param);
    if (err == WD_OK)
        err = code_details(out, code);
    return err == WD_OK ? code_request_id(out, request_id) : err;
}

enum wd_err
wd_error_body(struct wd_buf *out, enum wd_error_shape shape, enum wd_code code, struct wd_span message, struct wd_span param,
              struct wd_span request_id)
{
    size_t before = out->len;
    enum wd_err err;

    switch (shape) {
    case WD_SHAPE_OPENAI:
        err = code_openai(out, code, message, param);
        break;
    case WD_SHAPE_ANTHROPIC:
        err = code_anthropic(out, code, message, request_id);
        break;
    case WD_SHAPE_GOOGLE:
        err = code_google(out, code, message);
        break;
    default:
        err = code_universal(out, code, message, param, request_id);
        break;
    }
    if (err != WD_OK)
        out->len = before;
    return err;
}
