/*
 * Readings of any text: they stay within their bounds, point into the text, and a text that needs none has one reading, itself.
 * Decoders stay within their buffers.
 */
#include <stdlib.h>

#include "detect/text/canon.h"
#include "detect/text/decode.h"
#include "detect/text/glyphs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum wd_err
fuzz_show(void *ctx, uint8_t c, uint32_t lead, uint32_t len)
{
    size_t *sum = ctx;

    *sum += (size_t)lead + len;
    return WD_OK;
}

/* Every byte of the text belongs to one character, and no two. */
static void
fuzz_glyphs(const uint8_t *data, size_t size)
{
    size_t sum = 0, i;
    struct wd_glyphs r = { .show = fuzz_show, .ctx = &sum, .json = size % 2 == 1 };

    wd_glyphs_reset(&r);
    for (i = 0; i < size; i++)
        if (wd_glyphs_byte(&r, data[i]) != WD_OK || sum > i + 1)
            abort();
    if (wd_glyphs_finish(&r) != WD_OK || sum != size || !wd_glyphs_idle(&r))
        abort();
}

static void
fuzz_decode(struct wd_span text)
{
    struct wd_decode_stretch s;
    uint32_t map[256];
    char *out = malloc(256);
    unsigned how;
    size_t at;

    if (out == NULL)
        abort();
    for (how = 0; how < 2; how++)
        for (at = 0; wd_decode_next(text, at, how, &s); at = s.to)
            if (s.from < at || s.to <= s.from || s.to > text.len || wd_decode_stretch(text, &s, out, 256) > 256)
                abort();
    for (at = 0; wd_decode_next_percent(text, at, &s); at = s.to)
        if (s.from < at || s.to <= s.from || s.to > text.len || wd_decode_percent(text, &s, out, map, 256) > 256)
            abort();
    free(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct wd_canon canon;
    struct wd_span text = wd_span((const char *)data, size);
    uint32_t i, k, start, end;
    size_t total = 0;

    if (wd_canon_make(&canon, text) != WD_OK)
        abort();
    for (i = 0; i < canon.count; i++) {
        const struct wd_reading *r = &canon.readings[i];

        total += r->len;
        for (k = 0; k < r->len; k++)
            if (r->offs[k] >= size)
                abort();
        if (r->len == 0)
            continue;
        wd_canon_span(&canon, r, text, r->len / 2, r->len, &start, &end);
        if (start >= end || end > size)
            abort();
    }
    if (total > 6 * size + 128 * 1024)
        abort();
    if (!wd_canon_needed(text) && (canon.count > 1 || (size > 0 && canon.readings[0].changed)))
        abort();
    fuzz_glyphs(data, size);
    fuzz_decode(text);
    return 0;
}
