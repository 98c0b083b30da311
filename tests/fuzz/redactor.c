/*
 * The first byte picks mode and actions, the second the sizes of the parts: any way of cutting gives what the whole gives, and
 * what the quick look calls clean is clean.
 */
#include <stdlib.h>

#include "detect/redactor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct wd_scan fuzz_scan;

static void
fuzz_setup(void)
{
    static struct wd_engine *engine;

    if (engine != NULL)
        return;
    if (wd_engine_new(&engine, NULL) != WD_OK || wd_scratch_new(&fuzz_scan.scratch, engine) != WD_OK)
        abort();
    fuzz_scan.engine = engine;
    fuzz_scan.direction = WD_OUTPUT;
    fuzz_scan.replacement = WD_SPAN("[REDACTED]");
}

static enum wd_err
fuzz_run(enum wd_redactor_mode mode, struct wd_span text, uint32_t sizes, struct wd_buf *out, struct wd_findings *findings)
{
    struct wd_redactor *r;
    enum wd_err err = WD_OK, end;
    size_t n;

    *findings = (struct wd_findings){ 0 };
    fuzz_scan.findings = findings;
    wd_buf_init(out, (size_t)1 << 28);
    if (wd_redactor_new(&r, &fuzz_scan, mode) != WD_OK)
        abort();
    while (text.len > 0 && err == WD_OK) {
        n = text.len;
        if (sizes != 0) {
            sizes = sizes * 1664525u + 1013904223u;
            n = (sizes >> 24) % 4 == 0 ? 1 : 1 + (sizes >> 16) % 40;
            n = n < text.len ? n : text.len;
        }
        err = wd_redactor_feed(r, wd_span(text.ptr, n), out);
        text = wd_span(text.ptr + n, text.len - n);
    }
    end = wd_redactor_finish(r, out);
    if (wd_redactor_held(r) != 0)
        abort();
    wd_redactor_free(r);
    return err != WD_OK ? err : end;
}

static bool
fuzz_same(const struct wd_findings *a, const struct wd_findings *b)
{
    uint32_t i;

    if (a->count != b->count || a->more != b->more)
        return false;
    for (i = 0; i < a->count; i++)
        if (a->items[i].rule != b->items[i].rule || a->items[i].count != b->items[i].count ||
            memcmp(a->items[i].fingerprint, b->items[i].fingerprint, WD_FINGERPRINT_BYTES) != 0)
            return false;
    return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum wd_action actions[] = { WD_REDACT, WD_REFUSE, WD_FLAG, WD_OFF };
    struct wd_findings whole_findings, findings;
    struct wd_buf whole, out;
    enum wd_redactor_mode mode;
    struct wd_span text;
    enum wd_err err;
    int i;

    if (size < 2)
        return 0;
    fuzz_setup();
    mode = (data[0] & 1) != 0 ? WD_REDACT_JSON : WD_REDACT_TEXT;
    for (i = 0; i < WD_CATEGORIES; i++)
        fuzz_scan.actions[i] = actions[data[0] >> 1 >> (i % 3 * 2) & 3];
    text = wd_span((const char *)data + 2, size - 2);
    err = fuzz_run(mode, text, 0, &whole, &whole_findings);
    if (whole_findings.count > 0 && !wd_scan_suspect(&fuzz_scan, text))
        abort();
    for (i = 1; i < 4; i++) {
        if (fuzz_run(mode, text, (uint32_t)i * 7919u + data[1], &out, &findings) != err)
            abort();
        if (!wd_span_eq(wd_buf_span(&whole), wd_buf_span(&out)) || !fuzz_same(&whole_findings, &findings))
            abort();
        wd_buf_deinit(&out);
    }
    wd_buf_deinit(&whole);
    return 0;
}
