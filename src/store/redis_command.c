#include "redis_parts.h"

static void
command_add(struct redis_command *c, const void *bytes, size_t len)
{
    if (c->err == WD_OK && len > 0)
        c->err = wd_buf_add(c->out, wd_span(bytes, len));
}

static void
command_count(struct redis_command *c, char mark, size_t n)
{
    char text[24];
    size_t at = sizeof(text);

    text[--at] = '\n';
    text[--at] = '\r';
    do
        text[--at] = (char)('0' + n % 10);
    while ((n /= 10) > 0);
    text[--at] = mark;
    command_add(c, text + at, sizeof(text) - at);
}

void
redis_begin(struct redis_command *c, const struct wd_redis *r, struct wd_buf *out, size_t args)
{
    *c = (struct redis_command){ .r = r, .out = out, .start = out->len };
    command_count(c, '*', args);
}

void
redis_begin_script(struct redis_command *c, const struct wd_redis *r, struct wd_buf *out, enum wd_redis_kind kind, size_t keys,
                   size_t args)
{
    const struct wd_redis_script *script = &r->scripts[kind];
    char count[24];
    int len = snprintf(count, sizeof(count), "%zu", keys);

    redis_begin(c, r, out, 3 + keys + args);
    if (c->err == WD_OK && script->sha1[0] == 0)
        c->err = WD_ERR_NOTFOUND;
    redis_arg(c, "EVALSHA", 7);
    redis_arg(c, script->sha1, 40);
    redis_arg(c, count, (size_t)len);
}

void
redis_arg(struct redis_command *c, const void *bytes, size_t len)
{
    command_count(c, '$', len);
    command_add(c, bytes, len);
    command_add(c, "\r\n", 2);
}

void
redis_key(struct redis_command *c, char letter, const void *name, size_t len)
{
    command_count(c, '$', c->r->tag_len + 1 + len);
    command_add(c, c->r->tag, c->r->tag_len);
    command_add(c, &letter, 1);
    command_add(c, name, len);
    command_add(c, "\r\n", 2);
}

enum wd_err
redis_end(struct redis_command *c)
{
    if (c->err != WD_OK)
        c->out->len = c->start;
    return c->err;
}
