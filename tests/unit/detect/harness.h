#ifndef DETECT_HARNESS_H
#define DETECT_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "detect/redactor.h"
#include "store/rule_cache.h"

/* An engine with every category on, and what one text came to. */
/* Personal data in pieces, for texts made at random. */
#define RIG_PERSONAL                                                                                                             \
    "call ", "phone", "+49 ", "(415) ", "555", "0132", "02 27", "12", "078", "05", "1123", "-05-", "GB82 ", "WEST ",             \
        "1234 5698 7654 32", "AB ", "12 34 56 C", "2a00:", "1450", "::", "10.20.30.40", "00:1A:2B:3C", "2341 2341 2346",         \
        "born on ", "March ", "12, ", "1985", "address is ", "123 Main ", "Street, ",                                            \
        "Lindenstra\xc3\x9f"                                                                                                     \
        "e ",                                                                                                                    \
        "order ", "office", "passport ", "C01234565", "SSN "

struct rig {
    struct wd_engine *engine;
    struct wd_scan scan;
    struct wd_findings findings;
    struct wd_buf out;
    enum wd_err err;
};

static inline void
rig_init(struct rig *rig)
{
    *rig = (struct rig){ 0 };
    assert_int_equal(wd_rule_cache_open(&rig->engine, NULL, getenv("WARDER_BUILD")), WD_OK);
    assert_int_equal(wd_scratch_new(&rig->scan.scratch, rig->engine), WD_OK);
    rig->scan.engine = rig->engine;
    rig->scan.direction = WD_OUTPUT;
    for (int i = 0; i < WD_CATEGORIES; i++)
        rig->scan.actions[i] = WD_REDACT;
    rig->scan.replacement = WD_SPAN("[REDACTED]");
    rig->scan.findings = &rig->findings;
    wd_buf_init(&rig->out, (size_t)1 << 30);
}

static inline void
rig_deinit(struct rig *rig)
{
    wd_scratch_free(rig->scan.scratch);
    wd_engine_free(rig->engine);
    wd_buf_deinit(&rig->out);
}

static inline void
rig_clear(struct rig *rig)
{
    rig->findings = (struct wd_findings){ 0 };
    rig->err = WD_OK;
    wd_buf_clear(&rig->out);
}

/* Feeds a copy of its own size, so that a sanitizer sees a read beyond it. */
static inline void
rig_feed(struct rig *rig, struct wd_redactor *r, struct wd_span part)
{
    char *copy = malloc(part.len > 0 ? part.len : 1);

    assert_non_null(copy);
    if (part.len > 0)
        memcpy(copy, part.ptr, part.len);
    if (rig->err == WD_OK)
        rig->err = wd_redactor_feed(r, wd_span(copy, part.len), &rig->out);
    free(copy);
}

/* The text in parts that end at cuts[0] < cuts[1] < ...; the result is in rig. */
static inline void
rig_cut(struct rig *rig, enum wd_redactor_mode mode, struct wd_span text, const size_t *cuts, size_t count)
{
    struct wd_redactor *r;
    size_t from = 0, i;
    enum wd_err err;

    rig_clear(rig);
    assert_int_equal(wd_redactor_new(&r, &rig->scan, mode), WD_OK);
    for (i = 0; i <= count; i++) {
        size_t to = i < count ? cuts[i] : text.len;

        rig_feed(rig, r, wd_span(text.ptr + from, to - from));
        from = to;
    }
    err = wd_redactor_finish(r, &rig->out);
    if (rig->err == WD_OK)
        rig->err = err;
    wd_redactor_free(r);
}

static inline void
rig_whole(struct rig *rig, enum wd_redactor_mode mode, struct wd_span text)
{
    rig_cut(rig, mode, text, NULL, 0);
}

/* In parts of n bytes. */
static inline void
rig_parts(struct rig *rig, enum wd_redactor_mode mode, struct wd_span text, size_t n)
{
    size_t count = text.len / n, i, *cuts = malloc((count + 1) * sizeof(*cuts));

    assert_non_null(cuts);
    for (i = 0; i < count; i++)
        cuts[i] = (i + 1) * n;
    rig_cut(rig, mode, text, cuts, count);
    free(cuts);
}

/* What one way of cutting came to, to be compared with another. */
struct outcome {
    struct wd_findings findings;
    enum wd_err err;
    char *text;
    size_t len;
};

static inline struct outcome
rig_take(struct rig *rig)
{
    struct outcome o = { rig->findings, rig->err, malloc(rig->out.len + 1), rig->out.len };

    assert_non_null(o.text);
    if (o.len > 0)
        memcpy(o.text, rig->out.ptr, o.len);
    o.text[o.len] = '\0';
    return o;
}

static inline bool
rig_same(const struct rig *rig, const struct outcome *o)
{
    uint32_t i;

    if (rig->err != o->err || rig->findings.count != o->findings.count ||
        !wd_span_eq(wd_buf_span(&rig->out), wd_span(o->text, o->len)))
        return false;
    for (i = 0; i < o->findings.count; i++) {
        const struct wd_finding *a = &rig->findings.items[i], *b = &o->findings.items[i];

        if (a->rule != b->rule || a->count != b->count || memcmp(a->fingerprint, b->fingerprint, WD_FINGERPRINT_BYTES) != 0)
            return false;
    }
    return true;
}

static inline uint32_t
rig_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}

/* Every two-way cut (all of them up to 16 KiB), byte by byte, and triples: all the same as the whole. */
static inline void
rig_check_cuts(struct rig *rig, enum wd_redactor_mode mode, struct wd_span text)
{
    struct outcome whole;
    uint64_t seed = text.len + 1;
    size_t i, cuts[2], step = text.len > 16384 ? text.len / 1000 : 1;

    rig_whole(rig, mode, text);
    whole = rig_take(rig);
    rig_parts(rig, mode, text, 1);
    if (!rig_same(rig, &whole))
        fail_msg("byte by byte differs:\n%.*s\n%.*s\n%.*s", (int)text.len, text.ptr, (int)whole.len, whole.text,
                 (int)rig->out.len, rig->out.ptr);
    for (i = 1; i < text.len; i += step) {
        cuts[0] = i;
        rig_cut(rig, mode, text, cuts, 1);
        if (!rig_same(rig, &whole))
            fail_msg("cut at %zu differs:\n%.*s\n%.*s\n%.*s", i, (int)text.len, text.ptr, (int)whole.len, whole.text,
                     (int)rig->out.len, rig->out.ptr);
    }
    for (i = 0; i < 32 && text.len > 2; i++) {
        cuts[0] = rig_random(&seed) % text.len;
        cuts[1] = cuts[0] + rig_random(&seed) % (text.len - cuts[0]);
        rig_cut(rig, mode, text, cuts, 2);
        if (!rig_same(rig, &whole))
            fail_msg("cuts at %zu and %zu differ: %.*s", cuts[0], cuts[1], (int)text.len, text.ptr);
    }
    free(whole.text);
}

static inline uint32_t
rig_count(const struct rig *rig, const char *rule)
{
    uint32_t i;

    for (i = 0; i < rig->findings.count; i++)
        if (wd_span_eq(wd_span_str(rule), wd_span_str(rig->findings.items[i].rule->id)))
            return rig->findings.items[i].count;
    return 0;
}

/* A file as a NUL-terminated text; NULL when there is none. */
static inline char *
rig_read(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    char *text = NULL;
    long size;

    if (f == NULL)
        return NULL;
    if (fseek(f, 0, SEEK_END) == 0 && (size = ftell(f)) >= 0) {
        rewind(f);
        text = malloc((size_t)size + 1);
        assert_non_null(text);
        *len = fread(text, 1, (size_t)size, f);
        text[*len] = '\0';
    }
    fclose(f);
    return text;
}

#endif
