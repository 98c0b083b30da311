#include "injection_gate.h"

#include <string.h>

#include "injection_model.h"

enum {
    GATE_LONG = 24,                             /* bytes of a word with bytes above ASCII: no word */
    GATE_MARGIN = 2,                            /* blocks around a suspect window that are read with it */
    GATE_KEPT = WD_INJECTION_FAR + GATE_MARGIN, /* blocks that are remembered */
};

#define GATE_EACH(byte) (0x0101010101010101u * (byte))

/* The upper bit of each byte that belongs to a word. */
static inline uint64_t
gate_word_bytes(uint64_t v)
{
    uint64_t x = v & GATE_EACH(0x7f), l = x | GATE_EACH(0x20);
    uint64_t letter = (l + GATE_EACH(0x80 - 'a')) & ~(l + GATE_EACH(0x7f - 'z'));
    uint64_t digit = (x + GATE_EACH(0x80 - '0')) & ~(x + GATE_EACH(0x7f - '9'));

    return (letter | digit | v) & GATE_EACH(0x80);
}

/* Eight bytes, zeroes behind the end. */
static inline uint64_t
gate_load(const uint8_t *p, const uint8_t *end)
{
    uint64_t v = 0;

    if (end - p >= 8)
        memcpy(&v, p, 8);
    else
        memcpy(&v, p, (size_t)(end - p));
    return v;
}

void
wd_injection_gate_words_init(struct wd_injection_gate_words *w, struct wd_span text)
{
    w->begin = w->at = (const uint8_t *)text.ptr;
    w->end = w->begin + text.len;
}

bool
wd_injection_gate_words_next(struct wd_injection_gate_words *w)
{
    const uint8_t *p = w->at, *end = w->end;
    uint64_t v, in, high;
    uint32_t n;

    for (;; p += 8) {
        if (p >= end) {
            w->at = end;
            return false;
        }
        v = gate_load(p, end);
        in = gate_word_bytes(v);
        if (in != 0)
            break;
    }
    p += __builtin_ctzll(in) / 8;
    w->start = (size_t)(p - w->begin);
    v = gate_load(p, end);
    in = ~gate_word_bytes(v) & GATE_EACH(0x80);
    n = in != 0 ? (uint32_t)__builtin_ctzll(in) / 8 : 8;
    v &= ~(uint64_t)0 >> (64 - 8 * n);
    high = v & GATE_EACH(0x80);
    w->slot = (uint32_t)(((v | (GATE_EACH(0x20) & ~(high >> 2))) * 0x9fb21c651e98df25u) >> (64 - WD_INJECTION_GATE_BITS));
    p += n;
    while (n == 8 && p < end) {
        in = gate_load(p, end);
        high |= in & GATE_EACH(0x80);
        in = ~gate_word_bytes(in) & GATE_EACH(0x80);
        n = in != 0 ? (uint32_t)__builtin_ctzll(in) / 8 : 8;
        p += n;
    }
    w->at = p < end ? p : end;
    w->alone = high != 0 && (size_t)(w->at - w->begin) - w->start > GATE_LONG;
    return true;
}

/* Blocks of words: sums and starts of the last ones. */
struct gate_blocks {
    int32_t sum[GATE_KEPT];
    size_t start[GATE_KEPT];
    uint32_t count;
};

static bool
gate_suspects(const struct wd_injection_gate *gate, const struct gate_blocks *b)
{
    int32_t near = gate->near, far = gate->far;
    uint32_t i;

    for (i = 0; i < WD_INJECTION_FAR && i < b->count; i++) {
        far += b->sum[(b->count - 1 - i) % GATE_KEPT];
        if (i + 1 == WD_INJECTION_NEAR || (i + 1 == b->count && b->count < WD_INJECTION_NEAR))
            near += far - gate->far;
    }
    return near > 0 || far > 0;
}

bool
wd_injection_gate_next(const struct wd_injection_gate *gate, struct wd_span text, size_t *from, struct wd_span *suspect)
{
    struct gate_blocks b = { .count = 0 };
    struct wd_injection_gate_words w;
    uint32_t words = 0, quiet = 0;
    size_t start = SIZE_MAX;
    int32_t sum = 0;
    bool more = true;

    wd_injection_gate_words_init(&w, wd_span(text.ptr + *from, text.len - *from));
    while (more) {
        more = wd_injection_gate_words_next(&w);
        if (more) {
            if (words == 0)
                b.start[b.count % GATE_KEPT] = w.start;
            sum += w.alone ? INT16_MAX : gate->weights[w.slot];
            if (++words < WD_INJECTION_BLOCK)
                continue;
        } else if (words == 0) {
            break;
        }
        b.sum[b.count++ % GATE_KEPT] = sum;
        words = 0;
        sum = 0;
        if (gate_suspects(gate, &b)) {
            if (start == SIZE_MAX)
                start = b.count > GATE_KEPT ? *from + b.start[b.count % GATE_KEPT] : *from;
            quiet = 0;
        } else if (start != SIZE_MAX && ++quiet > GATE_MARGIN) {
            break;
        }
    }
    if (start == SIZE_MAX)
        return false;
    *suspect = wd_span(text.ptr + start, more ? (size_t)(w.at - (const uint8_t *)text.ptr) - start : text.len - start);
    *from = (size_t)(suspect->ptr - text.ptr) + suspect->len;
    return true;
}
