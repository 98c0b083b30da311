#include "http.h"

#include <strings.h>

enum { HTTP_HEAD_BYTES = 64 << 10, HTTP_BODY_BYTES = 16 << 20 };

void
demo_http_init(struct demo_http *h)
{
    *h = (struct demo_http){ .state = HTTP_HEAD };
    wd_buf_init(&h->head, HTTP_HEAD_BYTES);
    wd_buf_init(&h->body, HTTP_BODY_BYTES);
}

void
demo_http_deinit(struct demo_http *h)
{
    wd_buf_deinit(&h->head);
    wd_buf_deinit(&h->body);
}

void
demo_http_reset(struct demo_http *h)
{
    demo_http_deinit(h);
    demo_http_init(h);
}

/* Reads a number up to the body cap; false when it is none. */
static bool
http_number(struct wd_span s, size_t base, size_t *out)
{
    *out = 0;
    for (size_t i = 0; i < s.len; i++) {
        static const char digits[] = "0123456789abcdef";
        int c = s.ptr[i] >= 'A' && s.ptr[i] <= 'F' ? s.ptr[i] + 32 : s.ptr[i];
        const char *digit = c != '\0' ? memchr(digits, c, base) : NULL;

        if (digit == NULL || *out > HTTP_BODY_BYTES) {
            return false;
        }
        *out = *out * base + (size_t)(digit - digits);
    }
    return s.len > 0;
}

static bool
http_is(struct wd_span s, const char *word)
{
    return s.len == strlen(word) && strncasecmp(s.ptr, word, s.len) == 0;
}

static void
http_request_line(struct demo_http *h, struct wd_span line)
{
    const char *space = memchr(line.ptr, ' ', line.len);
    const char *last = memrchr(line.ptr, ' ', line.len);
    struct wd_span version;

    if (space == NULL || space == last) {
        h->error = 400;
        return;
    }
    version = wd_span(last + 1, (size_t)(line.ptr + line.len - last - 1));
    h->method = wd_span(line.ptr, (size_t)(space - line.ptr));
    h->target = wd_span(space + 1, (size_t)(last - space - 1));
    h->old = wd_span_eq(version, WD_SPAN("HTTP/1.0"));
    h->keep_alive = !h->old;
    if (!h->old && !wd_span_eq(version, WD_SPAN("HTTP/1.1"))) {
        h->error = 400;
    }
}

static void
http_header(struct demo_http *h, struct wd_span line)
{
    const char *colon = memchr(line.ptr, ':', line.len);
    struct wd_span name, value;

    if (colon == NULL) {
        h->error = 400;
        return;
    }
    name = wd_span(line.ptr, (size_t)(colon - line.ptr));
    value = wd_span(colon + 1, line.len - name.len - 1);
    while (value.len > 0 && (*value.ptr == ' ' || *value.ptr == '\t')) {
        value = wd_span(value.ptr + 1, value.len - 1);
    }
    if (http_is(name, "content-length")) {
        if (!http_number(value, 10, &h->left)) {
            h->error = 400;
        }
    } else if (http_is(name, "transfer-encoding")) {
        h->chunked = http_is(value, "chunked");
        h->error = h->chunked ? h->error : 400;
    } else if (http_is(name, "connection")) {
        h->keep_alive = http_is(value, "keep-alive") || (h->keep_alive && !http_is(value, "close"));
    } else if (http_is(name, "expect")) {
        h->expects_continue = http_is(value, "100-continue");
    } else if (http_is(name, "anthropic-version")) {
        h->anthropic_version = true;
    } else if (http_is(name, "x-goog-api-key")) {
        h->has_key = h->google_key = value.len > 0;
    } else if (http_is(name, "authorization") || http_is(name, "x-api-key")) {
        h->has_key = value.len > 0;
    }
}

/* The head is whole and stays where it is: reads all its lines. */
static void
http_head(struct demo_http *h)
{
    const char *at = h->head.ptr, *end = h->head.ptr + h->head.len;

    for (bool first = true; at < end && h->error == 0; first = false) {
        const char *lf = memchr(at, '\n', (size_t)(end - at));
        struct wd_span line = wd_span(at, (size_t)(lf - at));

        if (line.len > 0 && line.ptr[line.len - 1] == '\r') {
            line.len--;
        }
        if (first) {
            http_request_line(h, line);
        } else if (line.len > 0) {
            http_header(h, line);
        }
        at = lf + 1;
    }
    if (h->left > HTTP_BODY_BYTES) {
        h->error = 413;
    }
    h->state = h->chunked ? HTTP_CHUNK_SIZE : h->left > 0 ? HTTP_BODY : HTTP_DONE;
    h->line = h->head.len;
}

/* A line of the head, of a chunk's frame or of the trailer has ended. */
static void
http_line(struct demo_http *h)
{
    struct wd_span line = wd_span(h->head.ptr + h->line, h->head.len - h->line - 1);
    const char *extension;

    if (line.len > 0 && line.ptr[line.len - 1] == '\r') {
        line.len--;
    }
    if (h->state == HTTP_HEAD) {
        if (line.len == 0 && h->line > 0) {
            http_head(h);
        } else {
            h->line = line.len == 0 ? 0 : h->head.len;
            h->head.len = h->line;
        }
        return;
    }
    h->head.len = h->line;
    if (h->state == HTTP_CHUNK_SIZE) {
        extension = memchr(line.ptr, ';', line.len);
        line.len = extension != NULL ? (size_t)(extension - line.ptr) : line.len;
        if (!http_number(line, 16, &h->left)) {
            h->error = 400;
        }
        h->state = h->left > 0 ? HTTP_CHUNK_DATA : HTTP_TRAILER;
    } else if (h->state == HTTP_CHUNK_END) {
        h->error = line.len > 0 ? 400 : h->error;
        h->state = HTTP_CHUNK_SIZE;
    } else if (line.len == 0) {
        h->state = HTTP_DONE;
    }
}

/* Takes what there is of the current line or of the body; returns the bytes taken. */
static size_t
http_take(struct demo_http *h, struct wd_span in)
{
    bool data = h->state == HTTP_BODY || h->state == HTTP_CHUNK_DATA;
    const char *lf = data ? NULL : memchr(in.ptr, '\n', in.len);
    size_t n = data ? (in.len < h->left ? in.len : h->left) : lf != NULL ? (size_t)(lf - in.ptr) + 1 : in.len;

    if (wd_buf_add(data ? &h->body : &h->head, wd_span(in.ptr, n)) != WD_OK) {
        h->error = data ? 413 : 431;
    } else if (data) {
        h->left -= n;
        if (h->left == 0) {
            h->state = h->state == HTTP_BODY ? HTTP_DONE : HTTP_CHUNK_END;
        }
    } else if (lf != NULL) {
        http_line(h);
    }
    return n;
}

size_t
demo_http_read(struct demo_http *h, struct wd_span in)
{
    size_t at = 0;

    while (at < in.len && h->state != HTTP_DONE && h->error == 0) {
        at += http_take(h, wd_span(in.ptr + at, in.len - at));
    }
    if (h->target.len > 0) { /* the head may have moved while chunk lines passed through it */
        h->method.ptr = h->head.ptr;
        h->target.ptr = h->head.ptr + h->method.len + 1;
    }
    return at;
}
