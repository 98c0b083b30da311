#include "answer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void
answer_reset(struct answer *answer)
{
    answer->state = ANSWER_HEAD;
    answer->head_len = 0;
}

static bool
answer_is(const char *line, const char *end, const char *name, const char **value)
{
    size_t len = strlen(name);

    if ((size_t)(end - line) < len || strncasecmp(line, name, len) != 0)
        return false;
    for (line += len; line < end && *line == ' ';)
        line++;
    *value = line;
    return true;
}

/* head is whole, its last line ends in CR LF, and a NUL follows. */
static enum answer_result
answer_read_head(struct answer *a, const char *end)
{
    bool sized = false, chunked = false;
    const char *value;

    if (end - a->head < 14 || memcmp(a->head, "HTTP/1.1 ", 9) != 0)
        return ANSWER_BAD;
    a->status = (unsigned)strtoul(a->head + 9, NULL, 10);
    a->close = false;
    for (const char *line = a->head, *next; line < end; line = next) {
        next = (const char *)memchr(line, '\n', (size_t)(end - line)) + 1;
        if (answer_is(line, next, "content-length:", &value)) {
            a->left = strtoull(value, NULL, 10);
            sized = true;
        } else if (answer_is(line, next, "transfer-encoding:", &value))
            chunked = strncasecmp(value, "chunked", 7) == 0;
        else if (answer_is(line, next, "connection:", &value))
            a->close = strncasecmp(value, "close", 5) == 0;
    }
    if (!sized && !chunked)
        return ANSWER_BAD;
    if (chunked)
        a->left = 0;
    a->chunk_extension = false;
    a->state = chunked ? ANSWER_CHUNK_SIZE : ANSWER_LENGTH;
    return chunked || a->left > 0 ? ANSWER_MORE : ANSWER_DONE;
}

/* Takes bytes up to the end of the head; *used of them belong to it. */
static enum answer_result
answer_feed_head(struct answer *a, const char *bytes, size_t len, size_t *used)
{
    size_t before = a->head_len, from = before > 3 ? before - 3 : 0;
    size_t take = len < ANSWER_HEAD_MAX - 1 - before ? len : ANSWER_HEAD_MAX - 1 - before;
    char *end;

    memcpy(a->head + before, bytes, take);
    a->head_len += take;
    end = memmem(a->head + from, a->head_len - from, "\r\n\r\n", 4);
    if (end == NULL) {
        *used = take;
        return a->head_len < ANSWER_HEAD_MAX - 1 ? ANSWER_MORE : ANSWER_BAD;
    }
    a->head_len = (size_t)(end - a->head) + 4;
    a->head[a->head_len] = '\0';
    *used = a->head_len - before;
    return answer_read_head(a, end + 2);
}

static enum answer_result
answer_feed_chunk_size(struct answer *a, char c)
{
    if (c == '\n') {
        a->state = a->left == 0 ? ANSWER_TRAILER : ANSWER_CHUNK;
        a->left += 2;
        a->line = 0;
    } else if (c == ';')
        a->chunk_extension = true;
    else if (c != '\r' && !a->chunk_extension) {
        unsigned digit = c >= '0' && c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a') + 10;

        if (digit > 15 || a->left >> 56 != 0)
            return ANSWER_BAD;
        a->left = a->left * 16 + digit;
    }
    return ANSWER_MORE;
}

enum answer_result
answer_feed(struct answer *a, const char *bytes, size_t len, answer_body_fn fn, void *ctx)
{
    const char *end = bytes + len;

    while (bytes < end) {
        enum answer_result result = ANSWER_MORE;
        size_t take = (size_t)(end - bytes);

        switch (a->state) {
        case ANSWER_HEAD:
            result = answer_feed_head(a, bytes, take, &take);
            break;
        case ANSWER_LENGTH:
        case ANSWER_CHUNK:
            take = take < a->left ? take : (size_t)a->left;
            a->left -= take;
            if (fn != NULL && a->state == ANSWER_LENGTH)
                fn(ctx, bytes, take);
            else if (fn != NULL && a->left + take > 2) /* without the CR LF */
                fn(ctx, bytes, a->left < 2 ? take - (2 - a->left) : take);
            if (a->left == 0 && a->state == ANSWER_LENGTH)
                result = ANSWER_DONE;
            else if (a->left == 0) {
                a->state = ANSWER_CHUNK_SIZE;
                a->chunk_extension = false;
            }
            break;
        case ANSWER_CHUNK_SIZE:
            take = 1;
            result = answer_feed_chunk_size(a, *bytes);
            break;
        case ANSWER_TRAILER:
            take = 1;
            if (*bytes == '\n' && a->line == 0)
                result = ANSWER_DONE;
            else if (*bytes == '\n')
                a->line = 0;
            else if (*bytes != '\r')
                a->line++;
            break;
        }
        bytes += take;
        if (result == ANSWER_DONE)
            return bytes == end ? ANSWER_DONE : ANSWER_BAD;
        if (result == ANSWER_BAD)
            return ANSWER_BAD;
    }
    return ANSWER_MORE;
}
