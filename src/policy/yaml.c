#include "yaml.h"

#include <stdio.h>
#include <yaml.h>

#include "../base/utf8.h"
#include "value.h"

#define YAML_DEPTH 8
#define YAML_NODES 20000
#define YAML_KEYS 256
#define YAML_ITEMS 1024
#define YAML_SCALAR_BYTES 4096

struct yaml_reader {
    struct wd_arena *arena;
    const char *file;
    struct wd_policy_error *error;
    struct wd_yaml *root, *open; /* open: the map or list that is being filled */
    struct wd_yaml *waiting;     /* its key is read, its value is not */
    uint32_t nodes, depth, documents;
};

const char *
wd_yaml_shown(const char *name)
{
    size_t len = strlen(name);

    if (len == 0 || len > 64 || wd_value_secretive(name))
        return "...";
    for (size_t i = 0; i < len; i++)
        if (name[i] <= ' ' || name[i] > '~')
            return "...";
    return name;
}

void
wd_yaml_error_at(struct wd_policy_error *error, const char *file, int line, const char *path, const char *what,
                 const char *accepted)
{
    size_t len = strlen(file);
    char at[16] = "";

    if (len > 160)
        file += len - 160;
    if (line > 0)
        snprintf(at, sizeof(at), ":%d", line);
    snprintf(error->text, sizeof(error->text), "%s%s: %s: %s%s%s%s", file, at, path, what, accepted != NULL ? " (accepted: " : "",
             accepted != NULL ? accepted : "", accepted != NULL ? ")" : "");
}

void
wd_yaml_error(struct wd_policy_error *error, const char *file, const struct wd_yaml *node, const char *name, const char *what,
              const char *accepted)
{
    const char *parts[YAML_DEPTH + 2];
    char path[160] = "";
    size_t count = 0, len = 0;

    if (name != NULL)
        parts[count++] = wd_yaml_shown(name);
    for (const struct wd_yaml *n = node; n != NULL && count < YAML_DEPTH + 2; n = n->parent)
        if (n->key != NULL)
            parts[count++] = wd_yaml_shown(n->key);
    while (count-- > 0 && len < sizeof(path))
        len += (size_t)snprintf(path + len, sizeof(path) - len, "%s%s", len > 0 ? "." : "", parts[count]);
    wd_yaml_error_at(error, file, node->line, len > 0 ? path : "policy", what, accepted);
}

static enum wd_err
yaml_refuse(struct yaml_reader *r, const yaml_event_t *event, const char *what, const char *accepted)
{
    int line = (int)event->start_mark.line + 1;
    struct wd_yaml *at = r->waiting != NULL ? r->waiting : r->open;

    if (at == NULL) {
        wd_yaml_error_at(r->error, r->file, line, "policy", what, accepted);
    } else {
        at->line = line;
        wd_yaml_error(r->error, r->file, at, NULL, what, accepted);
    }
    return WD_ERR_SYNTAX;
}

/* C0, DEL and C1: nothing in a policy needs them, and each could forge a line of a log or of a configuration. */
static bool
yaml_has_control(struct wd_span s, const char *but)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];

        if ((c < 0x20 && (c == 0 || strchr(but, c) == NULL)) || c == 0x7f)
            return true;
        if (c == 0xc2 && i + 1 < s.len && (unsigned char)s.ptr[i + 1] < 0xa0)
            return true;
    }
    return false;
}

/* Line by line, so that the error can name one: libyaml has no mark for what its reader refuses. */
static enum wd_err
yaml_check_bytes(struct yaml_reader *r, struct wd_span text)
{
    int line = 1;

    for (size_t start = 0; start < text.len; line++) {
        const char *end = memchr(text.ptr + start, '\n', text.len - start);
        size_t len = end != NULL ? (size_t)(end - text.ptr) - start + 1 : text.len - start;
        struct wd_span s = { text.ptr + start, len };
        const char *what = !wd_utf8_valid(s)               ? "is not UTF-8"
                           : yaml_has_control(s, "\t\r\n") ? "holds a control character"
                                                           : NULL;

        if (what != NULL) {
            wd_yaml_error_at(r->error, r->file, line, "policy", what, "UTF-8 text");
            return WD_ERR_SYNTAX;
        }
        start += len;
    }
    return WD_OK;
}

static void
yaml_append(struct wd_yaml *parent, struct wd_yaml *node)
{
    node->parent = parent;
    if (parent->last != NULL)
        parent->last->next = node;
    else
        parent->child = node;
    parent->last = node;
    parent->count++;
}

static enum wd_err
yaml_new(struct yaml_reader *r, const yaml_event_t *event, struct wd_yaml **node)
{
    if (++r->nodes > YAML_NODES) {
        (void)yaml_refuse(r, event, "makes the file too large", "20000 values");
        return WD_ERR_LIMIT;
    }
    *node = wd_arena_alloc(r->arena, sizeof(**node));
    if (*node == NULL)
        return WD_ERR_NOMEM;
    (*node)->line = (int)event->start_mark.line + 1;
    return WD_OK;
}

/* The node that the event fills: the value of the key before it, the next item of the list, or the root. */
static enum wd_err
yaml_place(struct yaml_reader *r, const yaml_event_t *event, struct wd_yaml **node)
{
    enum wd_err err;

    if (r->waiting != NULL) {
        *node = r->waiting;
        r->waiting = NULL;
        return WD_OK;
    }
    if (r->open != NULL && r->open->kind == WD_YAML_MAP)
        return yaml_refuse(r, event, "has a key that is no plain word", NULL);
    if (r->open != NULL && r->open->count >= YAML_ITEMS)
        return yaml_refuse(r, event, "is too long", "1024 items");
    err = yaml_new(r, event, node);
    if (err != WD_OK)
        return err;
    if (r->open != NULL)
        yaml_append(r->open, *node);
    else
        r->root = *node;
    return WD_OK;
}

static enum wd_err
yaml_start(struct yaml_reader *r, const yaml_event_t *event, enum wd_yaml_kind kind)
{
    struct wd_yaml *node;
    enum wd_err err;

    if (r->depth >= YAML_DEPTH)
        return yaml_refuse(r, event, "is nested too deeply", "8 levels");
    err = yaml_place(r, event, &node);
    if (err != WD_OK)
        return err;
    node->kind = kind;
    r->open = node;
    r->depth++;
    return WD_OK;
}

static enum wd_err
yaml_end(struct yaml_reader *r)
{
    r->open = r->open->parent;
    r->depth--;
    return WD_OK;
}

static enum wd_err
yaml_key(struct yaml_reader *r, const yaml_event_t *event, struct wd_span text)
{
    const struct wd_yaml *twin;
    struct wd_yaml *node;
    char what[64];
    enum wd_err err;

    if (r->open->count >= YAML_KEYS)
        return yaml_refuse(r, event, "has too many keys", "256 keys");
    err = yaml_new(r, event, &node);
    if (err != WD_OK)
        return err;
    node->key = wd_arena_dup(r->arena, text);
    if (node->key == NULL)
        return WD_ERR_NOMEM;
    twin = wd_yaml_get(r->open, node->key);
    yaml_append(r->open, node);
    r->waiting = node;
    if (twin == NULL)
        return WD_OK;
    snprintf(what, sizeof(what), "is given twice, first on line %d", twin->line);
    return yaml_refuse(r, event, what, NULL);
}

static enum wd_err
yaml_scalar(struct yaml_reader *r, const yaml_event_t *event)
{
    struct wd_span text = { (const char *)event->data.scalar.value, event->data.scalar.length };
    struct wd_yaml *node;
    enum wd_err err;

    if (text.len > YAML_SCALAR_BYTES)
        return yaml_refuse(r, event, "holds a text that is too long", "4096 bytes");
    if (yaml_has_control(text, ""))
        return yaml_refuse(r, event, "holds a control character", "text of one line");
    if (r->open != NULL && r->open->kind == WD_YAML_MAP && r->waiting == NULL)
        return yaml_key(r, event, text);
    err = yaml_place(r, event, &node);
    if (err != WD_OK)
        return err;
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    node->text = wd_arena_dup(r->arena, text);
    return node->text != NULL ? WD_OK : WD_ERR_NOMEM;
}

static enum wd_err
yaml_document(struct yaml_reader *r, const yaml_event_t *event)
{
    const yaml_tag_directive_t *tags = event->data.document_start.tag_directives.start;

    if (event->data.document_start.version_directive != NULL || tags != event->data.document_start.tag_directives.end)
        return yaml_refuse(r, event, "has a % directive", "none");
    if (++r->documents > 1)
        return yaml_refuse(r, event, "starts a second document", "one document");
    return WD_OK;
}

static enum wd_err
yaml_event(struct yaml_reader *r, const yaml_event_t *event)
{
    static const char anchor[] = "has an anchor or alias", tag[] = "has a tag", none[] = "neither & nor * nor ! without quotes";

    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return yaml_document(r, event);
    case YAML_ALIAS_EVENT:
        return yaml_refuse(r, event, anchor, none);
    case YAML_SCALAR_EVENT:
        if (event->data.scalar.anchor != NULL || event->data.scalar.tag != NULL)
            return yaml_refuse(r, event, event->data.scalar.tag != NULL ? tag : anchor, none);
        return yaml_scalar(r, event);
    case YAML_SEQUENCE_START_EVENT:
        if (event->data.sequence_start.anchor != NULL || event->data.sequence_start.tag != NULL)
            return yaml_refuse(r, event, event->data.sequence_start.tag != NULL ? tag : anchor, none);
        return yaml_start(r, event, WD_YAML_LIST);
    case YAML_MAPPING_START_EVENT:
        if (event->data.mapping_start.anchor != NULL || event->data.mapping_start.tag != NULL)
            return yaml_refuse(r, event, event->data.mapping_start.tag != NULL ? tag : anchor, none);
        return yaml_start(r, event, WD_YAML_MAP);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return yaml_end(r);
    default:
        return WD_OK;
    }
}

static enum wd_err
yaml_parse(struct yaml_reader *r, yaml_parser_t *parser)
{
    yaml_event_t event;
    enum wd_err err = WD_OK;
    bool end = false;

    while (err == WD_OK && !end) {
        if (!yaml_parser_parse(parser, &event)) {
            if (parser->error == YAML_MEMORY_ERROR)
                return WD_ERR_NOMEM;
            wd_yaml_error_at(r->error, r->file, (int)parser->problem_mark.line + 1, "policy",
                             parser->problem != NULL ? parser->problem : "cannot be read", "YAML");
            return WD_ERR_SYNTAX;
        }
        err = yaml_event(r, &event);
        end = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    return err;
}

enum wd_err
wd_yaml_read(struct wd_yaml **root, struct wd_span text, struct wd_arena *arena, const char *file, struct wd_policy_error *error)
{
    struct yaml_reader r = { .arena = arena, .file = file, .error = error };
    yaml_parser_t parser;
    enum wd_err err = yaml_check_bytes(&r, text);

    if (err == WD_OK && !yaml_parser_initialize(&parser))
        err = WD_ERR_NOMEM;
    if (err == WD_ERR_NOMEM)
        wd_yaml_error_at(error, file, 0, "policy", "out of memory", NULL);
    if (err != WD_OK)
        return err;
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text.ptr, text.len);
    err = yaml_parse(&r, &parser);
    yaml_parser_delete(&parser);
    if (err == WD_ERR_NOMEM)
        wd_yaml_error_at(error, file, 0, "policy", "out of memory", NULL);
    if (err == WD_OK && (r.root == NULL || r.root->kind != WD_YAML_MAP)) {
        wd_yaml_error_at(error, file, 1, "policy", "holds no settings", "a map of settings");
        err = WD_ERR_SYNTAX;
    }
    *root = r.root;
    return err;
}

const struct wd_yaml *
wd_yaml_get(const struct wd_yaml *map, const char *key)
{
    if (map == NULL || map->kind != WD_YAML_MAP)
        return NULL;
    for (const struct wd_yaml *n = map->child; n != NULL; n = n->next)
        if (strcmp(n->key, key) == 0)
            return n;
    return NULL;
}

bool
wd_yaml_is_null(const struct wd_yaml *node)
{
    return node->kind == WD_YAML_SCALAR && node->plain && (strcmp(node->text, "null") == 0 || strcmp(node->text, "~") == 0);
}

bool
wd_yaml_is_blank(const struct wd_yaml *node)
{
    return node->kind == WD_YAML_SCALAR && node->plain && node->text[0] == '\0';
}
