#ifndef REQUESTS_H
#define REQUESTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <dirent.h>

#include "wire/request.h"

/* JSON written as it is, without quotes and escapes for C. */
#define JSON(...) #__VA_ARGS__

struct reading {
    struct wd_arena arena;
    struct wd_request q;
    struct wd_problem problem;
    bool ok;
};

static inline enum wd_format
op_format(enum wd_op op)
{
    static const enum wd_format formats[] = {
        [WD_SHAPE_OPENAI] = WD_FORMAT_OPENAI,
        [WD_SHAPE_ANTHROPIC] = WD_FORMAT_ANTHROPIC,
        [WD_SHAPE_GOOGLE] = WD_FORMAT_GOOGLE,
    };
    return formats[wd_op_shape(op)];
}

static inline void
reading_init(struct reading *r, enum wd_op op, struct wd_span body)
{
    struct wd_route route = { .op = op, .format = op_format(op), .shape = wd_op_shape(op) };

    if (route.format == WD_FORMAT_GOOGLE) {
        route.model = WD_SPAN("gemini-2.5-flash");
        route.version = WD_SPAN("v1beta");
    }
    wd_arena_init(&r->arena, 1 << 26);
    r->ok = wd_request_read(&r->q, &route, body, &r->arena, &r->problem);
}

static inline void
reading_free(struct reading *r)
{
    wd_arena_deinit(&r->arena);
}

/* The text for a node's value (or key), NULL when there is none. */
static inline const struct wd_text *
reading_text(const struct reading *r, uint32_t node, bool key)
{
    for (uint32_t i = 0; i < r->q.text_count; i++) {
        const struct wd_text *t = &r->q.texts[i];
        if (t->node == node && (t->kind == WD_TEXT_KEY) == key)
            return t;
    }
    return NULL;
}

/* The text whose unescaped value is s. */
static inline const struct wd_text *
reading_find(struct reading *r, const char *s)
{
    for (uint32_t i = 0; i < r->q.text_count; i++) {
        const struct wd_text *t = &r->q.texts[i];
        if (t->kind == WD_TEXT_KEY ? wd_json_key_is(&r->q.doc, t->node, s) : wd_json_string_is(&r->q.doc, t->node, s))
            return t;
    }
    return NULL;
}

/* Calls fn for each file of a folder of the shared recordings whose name ends in suffix. False when they are missing. */
static inline bool
shared_each(const char *folder, const char *suffix, void (*fn)(const char *name, struct wd_span file, void *data), void *data)
{
    const char *shared = getenv("WARDER_SHARED");
    char path[4096];
    struct dirent *entry;
    DIR *dir;

    snprintf(path, sizeof(path), "%s/%s", shared != NULL ? shared : "", folder);
    dir = opendir(path);
    if (dir == NULL) {
        printf("no %s: skipped\n", folder);
        return false;
    }
    while ((entry = readdir(dir)) != NULL) {
        size_t len = strlen(entry->d_name), tail = strlen(suffix);
        struct wd_buf text;
        char chunk[65536];
        size_t n;
        FILE *file;

        if (len < tail || strcmp(entry->d_name + len - tail, suffix) != 0)
            continue;
        snprintf(path, sizeof(path), "%s/%s/%s", shared, folder, entry->d_name);
        file = fopen(path, "r");
        assert_non_null(file);
        wd_buf_init(&text, 1 << 26);
        while ((n = fread(chunk, 1, sizeof(chunk), file)) > 0)
            assert_int_equal(wd_buf_add(&text, wd_span(chunk, n)), WD_OK);
        fclose(file);
        fn(entry->d_name, wd_buf_span(&text), data);
        wd_buf_deinit(&text);
    }
    closedir(dir);
    return true;
}

#endif
