#include "reader.h"

#include "media.h"

#define READER_FIELDS_MAX 32
#define READER_COUNT_MAX 2147483647.0

/* Names of members come from our tables only: a node that is refused stands in objects that a table reads. */
static bool
reader_plain_key(struct wd_span key)
{
    for (size_t i = 0; i < key.len; i++) {
        char c = key.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'))
            return false;
    }
    return key.len > 0 && key.len <= 40;
}

static uint32_t
reader_position(const struct wd_json *doc, uint32_t node)
{
    uint32_t n = 0;

    for (uint32_t i = doc->nodes[doc->nodes[node].parent].child; i != node && i != 0; i = doc->nodes[i].next)
        n++;
    return n;
}

static enum wd_err
reader_path(const struct wd_reader *r, struct wd_buf *path, uint32_t node, const char *name)
{
    uint32_t chain[128];
    size_t depth = 0;
    enum wd_err err = WD_OK;

    for (; node != 0 && depth < 128; node = r->doc->nodes[node].parent)
        chain[depth++] = node;
    while (depth > 0 && err == WD_OK) {
        uint32_t n = chain[--depth];
        struct wd_span key = wd_json_key_raw(r->doc, n);

        if (r->doc->nodes[r->doc->nodes[n].parent].type == WD_JSON_ARRAY)
            err = wd_buf_printf(path, "[%u]", reader_position(r->doc, n));
        else if (reader_plain_key(key))
            err = wd_buf_printf(path, "%s%.*s", path->len > 0 ? "." : "", (int)key.len, key.ptr);
        else
            err = wd_buf_add_str(path, path->len > 0 ? ".?" : "?");
    }
    if (err == WD_OK && name != NULL)
        err = wd_buf_printf(path, "%s%s", path->len > 0 ? "." : "", name);
    return err;
}

bool
wd_reader_refuse(struct wd_reader *r, enum wd_code code, const char *message, uint32_t node, const char *name)
{
    struct wd_buf path;

    wd_buf_init(&path, 1024);
    *r->problem = (struct wd_problem){ .code = code, .message = message };
    if (reader_path(r, &path, node, name) == WD_OK && path.len > 0)
        r->problem->param = wd_arena_dup(r->arena, wd_buf_span(&path));
    wd_buf_deinit(&path);
    return false;
}

bool
wd_reader_exhausted(struct wd_reader *r)
{
    *r->problem = (struct wd_problem){ .code = WD_CODE_REQUEST_TOO_LARGE, .message = "the request is too large to be inspected" };
    return false;
}

/* The next character of a name as a lax reader sees it; underscores are nothing to it at Google. */
static int
reader_fold_next(struct wd_span s, size_t *i, bool camel)
{
    unsigned char c;

    while (camel && *i < s.len && s.ptr[*i] == '_')
        (*i)++;
    if (*i >= s.len)
        return -1;
    if (s.len - *i >= 2 && memcmp(s.ptr + *i, "\xc5\xbf", 2) == 0) {
        *i += 2;
        return 's';
    }
    if (s.len - *i >= 3 && memcmp(s.ptr + *i, "\xe2\x84\xaa", 3) == 0) {
        *i += 3;
        return 'k';
    }
    c = (unsigned char)s.ptr[(*i)++];
    return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

static bool
reader_folds(struct wd_span key, const char *name, bool camel)
{
    struct wd_span other = wd_span_str(name);
    size_t i = 0, k = 0;

    for (;;) {
        int a = reader_fold_next(key, &i, camel), b = reader_fold_next(other, &k, camel);
        if (a != b)
            return false;
        if (a < 0)
            return true;
    }
}

/* inlineData as inline_data: how protobuf names the field. */
static bool
reader_is_snake(struct wd_span key, const char *name)
{
    size_t i = 0;

    for (; *name != '\0'; name++) {
        if (*name >= 'A' && *name <= 'Z') {
            if (i + 1 >= key.len || key.ptr[i] != '_' || key.ptr[i + 1] != *name + 32)
                return false;
            i += 2;
        } else {
            if (i >= key.len || key.ptr[i] != *name)
                return false;
            i++;
        }
    }
    return i == key.len;
}

static bool
reader_is(const struct wd_reader *r, struct wd_span key, const char *name)
{
    return wd_span_eq(key, wd_span_str(name)) || (r->camel && reader_is_snake(key, name));
}

static bool
reader_refuse_spelling(struct wd_reader *r, uint32_t node, const char *name)
{
    return wd_reader_refuse(r, WD_CODE_INVALID_REQUEST,
                            "a name that differs from this one only in spelling could be read in two ways", node, name);
}

static bool
reader_bind(struct wd_reader *r, uint32_t node, const struct wd_object *object, uint32_t *found)
{
    for (uint32_t child = r->doc->nodes[node].child; child != 0; child = r->doc->nodes[child].next) {
        struct wd_span key = wd_json_key(r->doc, child, r->arena);
        uint32_t i = 0;

        if (key.ptr == NULL)
            return wd_reader_exhausted(r);
        while (i < object->count && !reader_is(r, key, object->fields[i].name))
            i++;
        if (i < object->count) {
            if (found[i] != 0)
                return reader_refuse_spelling(r, node, object->fields[i].name);
            found[i] = child;
            continue;
        }
        for (i = 0; i < object->count; i++) {
            if (reader_folds(key, object->fields[i].name, r->camel))
                return reader_refuse_spelling(r, node, object->fields[i].name);
        }
        if (object->closed != NULL)
            return wd_reader_refuse(r, WD_CODE_UNINSPECTABLE_CONTENT, object->closed, node, NULL);
    }
    return true;
}

static const char *
reader_expected(unsigned is)
{
    switch (is & WD_IS_ANY) {
    case WD_IS_STRING:
        return "must be a string";
    case WD_IS_NUMBER:
        return "must be a number";
    case WD_IS_BOOL:
        return "must be true or false";
    case WD_IS_ARRAY:
        return "must be an array";
    case WD_IS_OBJECT:
        return "must be an object";
    case WD_IS_STRING | WD_IS_ARRAY:
        return "must be a string or an array";
    case WD_IS_STRING | WD_IS_OBJECT:
        return "must be a string or an object";
    case WD_IS_ARRAY | WD_IS_OBJECT:
        return "must be an array or an object";
    default:
        return "has a type that is not accepted here";
    }
}

static void
reader_mark(struct wd_reader *r, uint32_t node, uint8_t take)
{
    static const uint8_t kinds[] = {
        [WD_TAKE_PROSE] = WD_TEXT_PROSE + 1,
        [WD_TAKE_JSON] = WD_TEXT_JSON + 1,
        [WD_TAKE_SIGNED] = WD_TEXT_SIGNED + 1,
    };

    if (take < sizeof(kinds) && wd_json_type(r->doc, node) == WD_JSON_STRING)
        r->marks[node].kind = kinds[take];
    else if (take == WD_TAKE_OPAQUE)
        wd_media_opaque(r, node);
    else if (take == WD_TAKE_DATA)
        r->marks[node].flags |= WD_MARK_DATA;
    else if (take == WD_TAKE_NUMERIC)
        r->marks[node].flags |= WD_MARK_NUMERIC;
}

static bool
reader_field(struct wd_reader *r, uint32_t node, const struct wd_field *field, uint32_t value)
{
    if (value == 0 || wd_json_type(r->doc, value) == WD_JSON_NULL) {
        if (field->is & WD_REQUIRED)
            return wd_reader_refuse(r, WD_CODE_INVALID_REQUEST, "is required", node, field->name);
        return true;
    }
    if (field->take == WD_TAKE_UNINSPECTABLE)
        return wd_reader_refuse(r, WD_CODE_UNINSPECTABLE_CONTENT, field->note, node, field->name);
    if (field->take == WD_TAKE_UNSUPPORTED)
        return wd_reader_refuse(r, WD_CODE_UNSUPPORTED_PARAMETER, field->note, node, field->name);
    if (!(field->is & 1 << wd_json_type(r->doc, value)))
        return wd_reader_refuse(r, WD_CODE_INVALID_REQUEST, reader_expected(field->is), node, field->name);
    if (field->take == WD_TAKE_REF && wd_json_type(r->doc, value) == WD_JSON_STRING && !wd_reader_ref(r, field->ref, value))
        return false;
    reader_mark(r, value, field->take);
    return field->read == NULL || field->read(r, value);
}

bool
wd_reader_object(struct wd_reader *r, uint32_t node, const struct wd_object *object)
{
    uint32_t found[READER_FIELDS_MAX] = { 0 };

    if (wd_json_type(r->doc, node) != WD_JSON_OBJECT)
        return wd_reader_refuse(r, WD_CODE_INVALID_REQUEST, reader_expected(WD_IS_OBJECT), node, NULL);
    if (!reader_bind(r, node, object, found))
        return false;
    for (uint32_t i = 0; i < object->count; i++) {
        if (!reader_field(r, node, &object->fields[i], found[i]))
            return false;
    }
    return true;
}

bool
wd_reader_variant(struct wd_reader *r, uint32_t node, const struct wd_union *u)
{
    static const struct wd_field tag[] = { { "type", WD_IS_STRING | WD_REQUIRED } };
    static const struct wd_object tagged = WD_OBJECT(tag);
    struct wd_span type;

    if (!wd_reader_object(r, node, &tagged))
        return false;
    type = wd_reader_string(r, wd_reader_get(r, node, "type"));
    if (type.ptr == NULL)
        return wd_reader_exhausted(r);
    for (uint32_t i = 0; i < u->count; i++) {
        const struct wd_variant *v = &u->variants[i];

        if (!wd_span_eq(type, wd_span_str(v->type)))
            continue;
        if (v->role != 0)
            wd_reader_role(r, node, v->role);
        return wd_reader_object(r, node, &v->object) && (v->read == NULL || v->read(r, node));
    }
    return wd_reader_refuse(r, WD_CODE_UNINSPECTABLE_CONTENT, u->accepted, node, "type");
}

bool
wd_reader_each(struct wd_reader *r, uint32_t node, wd_read_fn *read)
{
    if (wd_json_type(r->doc, node) == WD_JSON_OBJECT)
        return read(r, node);
    for (uint32_t i = r->doc->nodes[node].child; i != 0; i = r->doc->nodes[i].next) {
        if (!read(r, i))
            return false;
    }
    return true;
}

bool
wd_reader_content(struct wd_reader *r, uint32_t node, const struct wd_union *u)
{
    if (wd_json_type(r->doc, node) == WD_JSON_STRING) {
        r->marks[node].kind = WD_TEXT_PROSE + 1;
        return true;
    }
    if (wd_json_type(r->doc, node) == WD_JSON_OBJECT)
        return wd_reader_variant(r, node, u);
    for (uint32_t i = r->doc->nodes[node].child; i != 0; i = r->doc->nodes[i].next) {
        if (!wd_reader_variant(r, i, u))
            return false;
    }
    return true;
}

uint32_t
wd_reader_get(const struct wd_reader *r, uint32_t node, const char *name)
{
    if (wd_json_type(r->doc, node) != WD_JSON_OBJECT)
        return 0;
    for (uint32_t child = r->doc->nodes[node].child; child != 0; child = r->doc->nodes[child].next) {
        struct wd_span key = wd_json_key(r->doc, child, r->arena);

        if (key.ptr != NULL && reader_is(r, key, name))
            return wd_json_type(r->doc, child) == WD_JSON_NULL ? 0 : child;
    }
    return 0;
}

struct wd_span
wd_reader_string(struct wd_reader *r, uint32_t node)
{
    return wd_json_string(r->doc, node, r->arena);
}

void
wd_reader_role(struct wd_reader *r, uint32_t node, uint8_t role)
{
    r->marks[node].role = role;
}

/* Room for one more in a list that lives in the arena. */
static bool
reader_grow(struct wd_reader *r, void **list, size_t item, uint32_t count, uint32_t *size)
{
    uint32_t bigger = *size > 0 ? *size * 2 : 16;
    void *grown;

    if (count < *size)
        return true;
    grown = wd_arena_alloc(r->arena, item * bigger);
    if (grown == NULL)
        return wd_reader_exhausted(r);
    if (count > 0)
        memcpy(grown, *list, item * count);
    *list = grown;
    *size = bigger;
    return true;
}

bool
wd_reader_message(struct wd_reader *r, uint32_t node, uint8_t role)
{
    struct wd_request *q = r->request;

    wd_reader_role(r, node, role);
    if (!reader_grow(r, (void **)&q->messages, sizeof(*q->messages), q->message_count, &r->message_size))
        return false;
    q->messages[q->message_count++] = (struct wd_message){ .node = node, .role = role - 1 };
    return true;
}

bool
wd_reader_tool(struct wd_reader *r, struct wd_span name, bool hosted)
{
    struct wd_request *q = r->request;

    if (name.ptr == NULL || !reader_grow(r, (void **)&q->tools, sizeof(*q->tools), q->tool_count, &r->tool_size))
        return wd_reader_exhausted(r);
    q->tools[q->tool_count++] = (struct wd_tool){ .name = name, .hosted = hosted };
    return true;
}

bool
wd_reader_ref(struct wd_reader *r, uint8_t kind, uint32_t node)
{
    struct wd_request *q = r->request;
    struct wd_span value = wd_reader_string(r, node);

    if (value.ptr == NULL || !reader_grow(r, (void **)&q->refs, sizeof(*q->refs), q->ref_count, &r->ref_size))
        return wd_reader_exhausted(r);
    q->refs[q->ref_count++] = (struct wd_ref){ .kind = kind, .node = node, .value = value };
    return true;
}

bool
wd_reader_attach(struct wd_reader *r, enum wd_attachment kind, uint32_t node)
{
    struct wd_request *q = r->request;

    if (!reader_grow(r, (void **)&q->attachments, sizeof(*q->attachments), q->attachment_count, &r->attachment_size))
        return false;
    r->marks[node].flags |= WD_MARK_ATTACHED;
    q->attachments[q->attachment_count++] = (struct wd_attachment_ref){ .kind = kind, .node = node };
    return true;
}

bool
wd_reader_model(struct wd_reader *r, uint32_t node)
{
    r->request->model_node = node;
    r->request->model = wd_reader_string(r, node);
    if (r->request->model.ptr == NULL)
        return wd_reader_exhausted(r);
    if (r->request->model.len == 0)
        return wd_reader_refuse(r, WD_CODE_INVALID_REQUEST, "must name a model", node, NULL);
    return true;
}

bool
wd_reader_stream(struct wd_reader *r, uint32_t node)
{
    r->request->stream = wd_json_type(r->doc, node) == WD_JSON_TRUE;
    return true;
}

/* strtod() would follow the locale. Exact for up to 15 digits and small exponents, and near enough for a bound elsewhere. */
static double
reader_number(struct wd_span raw)
{
    double value = 0;
    long shift = 0, exponent = 0;
    size_t i = 0;
    bool negative = raw.ptr[0] == '-', fraction = false, down = false;

    for (i = negative; i < raw.len && raw.ptr[i] != 'e' && raw.ptr[i] != 'E'; i++) {
        if (raw.ptr[i] == '.') {
            fraction = true;
        } else if (value < 1e17) {
            value = value * 10 + (raw.ptr[i] - '0');
            shift -= fraction;
        } else {
            shift += !fraction;
        }
    }
    for (i++; i < raw.len; i++) {
        if (raw.ptr[i] == '-')
            down = true;
        else if (raw.ptr[i] != '+' && exponent < 100000)
            exponent = exponent * 10 + (raw.ptr[i] - '0');
    }
    shift += down ? -exponent : exponent;
    for (long n = 0; shift > n && n < 400; n++)
        value *= 10;
    if (shift < 0) {
        double scale = 1;
        for (long n = 0; - shift > n && n < 400; n++)
            scale *= 10;
        value /= scale;
    }
    return negative ? -value : value;
}

bool
wd_reader_temperature(struct wd_reader *r, uint32_t node)
{
    r->request->temperature_node = node;
    r->request->temperature = reader_number(wd_json_raw(r->doc, node));
    return true;
}

bool
wd_reader_count(struct wd_reader *r, uint32_t node, double *value)
{
    struct wd_span raw = wd_json_raw(r->doc, node);
    double n = 0;
    bool whole = raw.len <= 10;

    for (size_t i = 0; whole && i < raw.len; i++) {
        whole = raw.ptr[i] >= '0' && raw.ptr[i] <= '9';
        n = n * 10 + (raw.ptr[i] - '0');
    }
    if (!whole || n > READER_COUNT_MAX)
        return wd_reader_refuse(r, WD_CODE_INVALID_REQUEST, "must be a whole number from 0 to 2147483647", node, NULL);
    *value = n;
    return true;
}

bool
wd_reader_max_tokens(struct wd_reader *r, uint32_t node)
{
    struct wd_request *q = r->request;

    if (!wd_reader_count(r, node, &q->max_tokens[q->max_tokens_count]))
        return false;
    q->max_tokens_nodes[q->max_tokens_count++] = node;
    return true;
}

bool
wd_reader_choices(struct wd_reader *r, uint32_t node)
{
    return wd_reader_count(r, node, &r->request->choices);
}

uint8_t
wd_reader_role_of(struct wd_reader *r, uint32_t node, const struct wd_named_role *roles, const char *accepted)
{
    for (; roles->name != NULL; roles++) {
        if (wd_json_string_is(r->doc, node, roles->name))
            return roles->role;
    }
    wd_reader_refuse(r, WD_CODE_INVALID_REQUEST, accepted, node, NULL);
    return 0;
}
