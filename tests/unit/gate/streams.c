#include "streams.h"

#include "store/rule_cache.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/json.h"
#include "wire/response.h"
#include "wire/sse.h"

#define MUST(call) assert_int_equal((call), WD_OK)

enum { BODY_MAX = 16 << 20 };

void
rules_init(struct rules *r, enum wd_action action)
{
    memset(r, 0, sizeof(*r));
    MUST(wd_rule_cache_open(&r->engine, NULL, getenv("WARDER_BUILD")));
    MUST(wd_scratch_new(&r->scratch, r->engine));
    r->scan = (struct wd_scan){ .engine = r->engine,
                                .scratch = r->scratch,
                                .direction = WD_OUTPUT,
                                .actions = { action, action, WD_FLAG, action },
                                .replacement = WD_SPAN("[REDACTED]"),
                                .findings = &r->findings };
}

void
rules_deinit(struct rules *r)
{
    wd_scratch_free(r->scratch);
    wd_engine_free(r->engine);
}

bool
file_read(const char *path, struct wd_buf *out)
{
    char block[65536];
    FILE *f = fopen(path, "rb");
    size_t n;

    if (f == NULL)
        return false;
    while ((n = fread(block, 1, sizeof(block), f)) > 0)
        MUST(wd_buf_add(out, wd_span(block, n)));
    fclose(f);
    return true;
}

const char *
shared_folder(void)
{
    const char *shared = getenv("WARDER_SHARED");
    DIR *d = shared != NULL ? opendir(shared) : NULL;

    if (d == NULL)
        return NULL;
    closedir(d);
    return shared;
}

static bool
stream_is_over(const struct wd_json *doc, uint32_t type)
{
    static const char *const last[] = { "message_stop", "response.completed", "response.incomplete", "response.failed" };

    for (size_t i = 0; i < sizeof(last) / sizeof(last[0]); i++) {
        if (type != 0 && wd_json_string_is(doc, type, last[i]))
            return true;
    }
    return false;
}

/* One JSON event a line, as the providers frame it. Some files hold several streams: the first counts. False: none is whole. */
static bool
stream_frame(struct stream *s, struct wd_span lines)
{
    const char *p = lines.ptr, *end = lines.ptr + lines.len;
    bool over = false;

    while (p < end && !over) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        struct wd_span line = wd_span(p, (size_t)((nl != NULL ? nl : end) - p));
        struct wd_json_error where;
        struct wd_arena arena;
        struct wd_json doc;
        uint32_t type;

        p = nl != NULL ? nl + 1 : end;
        if (line.len > 0 && line.ptr[line.len - 1] == '\r')
            line.len--;
        wd_arena_init(&arena, 1 << 26);
        if (wd_json_parse(&doc, line, &arena, WD_JSON_LIMITS, &where) == WD_OK) {
            type = s->op == WD_OP_RESPONSES || s->op == WD_OP_MESSAGES ? wd_json_get(&doc, 0, "type") : 0;
            over = stream_is_over(&doc, type);
            if (type != 0) {
                struct wd_span name = wd_json_string(&doc, type, &arena);

                MUST(wd_buf_printf(&s->bytes, "event: %.*s\n", (int)name.len, name.ptr));
            }
            MUST(wd_buf_add_str(&s->bytes, "data: "));
            MUST(wd_buf_add(&s->bytes, line));
            MUST(wd_buf_add_str(&s->bytes, "\n\n"));
        }
        wd_arena_deinit(&arena);
    }
    if (s->op == WD_OP_CHAT)
        MUST(wd_buf_add_str(&s->bytes, "data: [DONE]\n\n"));
    return over || s->op == WD_OP_CHAT || s->op == WD_OP_STREAM_GENERATE;
}

static int
name_compare(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static bool
name_ends(const char *name, const char *tail)
{
    size_t n = strlen(name), t = strlen(tail);

    return n > t && strcmp(name + n - t, tail) == 0;
}

static struct stream *
streams_folder(struct stream *all, size_t *count, const char *folder, const char *prefix, enum wd_op op)
{
    struct dirent **names;
    char path[2048];
    int n = scandir(folder, &names, NULL, name_compare);

    for (int i = 0; i < n; i++) {
        bool chunks = name_ends(names[i]->d_name, ".chunks.txt");
        struct wd_buf file;
        struct stream *s;

        if ((chunks || name_ends(names[i]->d_name, ".sse")) && strncmp(names[i]->d_name, prefix, strlen(prefix)) == 0) {
            all = realloc(all, (*count + 1) * sizeof(*all));
            assert_non_null(all);
            s = &all[(*count)++];
            memset(s, 0, sizeof(*s));
            snprintf(s->name, sizeof(s->name), "%s", names[i]->d_name);
            s->op = op;
            wd_buf_init(&s->bytes, BODY_MAX);
            wd_buf_init(&file, BODY_MAX);
            snprintf(path, sizeof(path), "%.1500s/%.255s", folder, names[i]->d_name);
            assert_true(file_read(path, &file));
            if (chunks) {
                if (!stream_frame(s, wd_buf_span(&file))) {
                    wd_buf_deinit(&s->bytes);
                    --*count;
                }
            } else {
                MUST(wd_buf_add(&s->bytes, wd_buf_span(&file)));
                while (s->bytes.len > 0 && s->bytes.ptr[s->bytes.len - 1] == '\n')
                    s->bytes.len--;
                MUST(wd_buf_add_str(&s->bytes, "\n\n"));
            }
            wd_buf_deinit(&file);
        }
        free(names[i]);
    }
    if (n >= 0)
        free(names);
    return all;
}

struct stream *
streams_load(size_t *count)
{
    static const struct {
        const char *folder, *prefix;
        enum wd_op op;
    } folders[] = {
        { "wire_vercel_ai/openai-chat", "", WD_OP_CHAT },
        { "wire_vercel_ai/openai-compatible-chat", "", WD_OP_CHAT },
        { "wire_vercel_ai/deepseek-chat", "", WD_OP_CHAT },
        { "wire_vercel_ai/groq", "", WD_OP_CHAT },
        { "wire_vercel_ai/mistral", "", WD_OP_CHAT },
        { "wire_vercel_ai/xai", "", WD_OP_CHAT },
        { "wire_envoy_openai", "chat-", WD_OP_CHAT },
        { "wire_vercel_ai/openai-responses", "", WD_OP_RESPONSES },
        { "wire_vercel_ai/xai-responses", "", WD_OP_RESPONSES },
        { "wire_vercel_ai/anthropic", "", WD_OP_MESSAGES },
        { "wire_vercel_ai/google", "", WD_OP_STREAM_GENERATE },
    };
    const char *shared = shared_folder();
    struct stream *all = NULL;
    char path[2048];

    *count = 0;
    if (shared == NULL)
        return NULL;
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        snprintf(path, sizeof(path), "%.900s/wire/%s", shared, folders[i].folder);
        all = streams_folder(all, count, path, folders[i].prefix, folders[i].op);
    }
    return all;
}

void
streams_free(struct stream *streams, size_t count)
{
    for (size_t i = 0; i < count; i++)
        wd_buf_deinit(&streams[i].bytes);
    free(streams);
}

void
run_start(struct run *r, const struct rules *rules, enum wd_op op)
{
    struct wd_outer_config config = { .op = op, .scan = &rules->scan, .request_id = WD_SPAN("req_test"), .body_max = BODY_MAX };

    MUST(wd_outer_new(&r->gate, &config));
    wd_buf_init(&r->out, BODY_MAX);
}

void
run_feed(struct run *r, struct wd_span bytes)
{
    /* from memory of its exact size, so that a read beyond it shows */
    char *copy = malloc(bytes.len + (bytes.len == 0));

    assert_non_null(copy);
    if (bytes.len > 0)
        memcpy(copy, bytes.ptr, bytes.len);
    MUST(wd_outer_feed(r->gate, wd_span(copy, bytes.len), &r->out));
    free(copy);
}

void
run_end(struct run *r, enum wd_code why)
{
    MUST(wd_outer_end(r->gate, why, &r->out));
}

void
run_free(struct run *r)
{
    wd_outer_free(r->gate);
    wd_buf_deinit(&r->out);
}

void
run_cut(const struct rules *rules, enum wd_op op, struct wd_span bytes, const size_t *cuts, size_t count, struct wd_buf *out)
{
    struct run r;
    size_t at = 0;

    run_start(&r, rules, op);
    for (size_t i = 0; i <= count; i++) {
        size_t to = i < count ? cuts[i] : bytes.len;

        if (to < at || to > bytes.len)
            continue;
        run_feed(&r, wd_span(bytes.ptr + at, to - at));
        at = to;
    }
    run_end(&r, WD_CODE_NONE);
    MUST(wd_buf_add(out, wd_buf_span(&r.out)));
    run_free(&r);
}

void
reading_init(struct reading *r)
{
    memset(r, 0, sizeof(*r));
    wd_buf_init(&r->whole, 64 << 20);
}

void
reading_deinit(struct reading *r)
{
    for (size_t i = 0; i < r->channels; i++)
        wd_buf_deinit(&r->text[i]);
    wd_buf_deinit(&r->whole);
}

static void
reading_fragment(struct reading *r, struct wd_span name, struct wd_span text)
{
    size_t i = 0;

    if (text.len == 0)
        return;
    while (i < r->channels && !wd_span_eq(wd_span_str(r->name[i]), name))
        i++;
    if (i == r->channels) {
        assert_true(i < READ_CHANNELS && name.len < sizeof(r->name[0]));
        memcpy(r->name[i], name.ptr, name.len);
        wd_buf_init(&r->text[i], BODY_MAX);
        r->channels++;
    }
    MUST(wd_buf_add(&r->text[i], text));
}

static void
reading_event(struct reading *r, enum wd_op op, struct wd_span data)
{
    struct wd_json_error where;
    struct wd_response view;
    struct wd_arena arena;
    struct wd_json doc;

    wd_arena_init(&arena, 1 << 28);
    if (wd_json_parse(&doc, data, &arena, WD_JSON_LIMITS, &where) != WD_OK ||
        wd_response_read(&view, op, true, true, &doc, &arena) != WD_OK) {
        r->unreadable = true;
        wd_arena_deinit(&arena);
        return;
    }
    for (uint32_t i = 0; i < view.count; i++) {
        const struct wd_part *part = &view.parts[i];

        if (part->kind == WD_PART_FRAGMENT) {
            reading_fragment(r, part->channel, wd_json_string(&doc, part->node, &arena));
            continue;
        }
        if (part->kind == WD_PART_LOGPROBS)
            continue;
        MUST(wd_buf_add(&r->whole, part->kind == WD_PART_KEY      ? wd_json_key(&doc, part->node, &arena)
                                   : part->kind == WD_PART_NUMBER ? wd_json_raw(&doc, part->node)
                                                                  : wd_json_string(&doc, part->node, &arena)));
        MUST(wd_buf_add_byte(&r->whole, '\n'));
    }
    if (view.sequence != 0) {
        struct wd_span raw = wd_json_raw(&doc, view.sequence);
        uint64_t number = strtoull(raw.ptr, NULL, 10);

        r->sequence_broken |= r->sequence_next != 0 && number != r->sequence_next;
        r->sequence_next = number + 1;
    }
    wd_arena_deinit(&arena);
}

void
reading_take(struct reading *r, enum wd_op op, struct wd_span bytes)
{
    struct wd_sse_event e;
    struct wd_sse sse;
    bool got;

    wd_sse_init(&sse, BODY_MAX);
    for (;;) {
        MUST(wd_sse_next(&sse, &bytes, &e, &got));
        if (!got)
            break;
        if (!e.has_data)
            continue;
        r->events++;
        if (wd_span_eq(e.data, WD_SPAN("[DONE]")))
            r->done = true;
        else
            reading_event(r, op, e.data);
    }
    r->unreadable |= wd_sse_pending(&sse) != 0;
    wd_sse_deinit(&sse);
}

struct wd_span
reading_channel(const struct reading *r, const char *name)
{
    for (size_t i = 0; i < r->channels; i++) {
        if (strcmp(r->name[i], name) == 0)
            return wd_buf_span(&r->text[i]);
    }
    return wd_span("", 0);
}

bool
span_holds(struct wd_span s, struct wd_span needle)
{
    return s.len >= needle.len && memmem(s.ptr, s.len, needle.ptr, needle.len) != NULL;
}

bool
reading_holds(const struct reading *r, struct wd_span needle)
{
    for (size_t i = 0; i < r->channels; i++) {
        if (span_holds(wd_buf_span(&r->text[i]), needle))
            return true;
    }
    return span_holds(wd_buf_span(&r->whole), needle);
}
