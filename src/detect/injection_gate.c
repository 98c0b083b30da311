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

/* The upper bits of eight bytes, as eight bits. */
static inline uint64_t
gate_pack(uint64_t v)
{
    return (v >> 7) * 0x0102040810204080u >> 56;
}

/* A bit for each of 64 bytes. */
static uint64_t
gate_mask(const uint8_t *p, const uint8_t *end)
{
    uint64_t mask = 0;

    for (uint32_t i = 0; i < 64 && p + i < end; i += 8)
        mask |= gate_pack(gate_word_bytes(gate_load(p + i, end))) << i;
    return mask;
}

void
wd_injection_gate_words_init(struct wd_injection_gate_words *w, struct wd_span text)
{
    w->begin = w->at = (const uint8_t *)text.ptr;
    w->end = w->begin + text.len;
    w->mask = gate_mask(w->at, w->end);
}

/* The end of a word that goes on at the next block. */
static const uint8_t *
gate_walk(struct wd_injection_gate_words *w)
{
    do {
        w->at += 64;
        w->mask = w->at < w->end ? gate_mask(w->at, w->end) : 0;
    } while (w->mask == ~(uint64_t)0);
    return w->at < w->end ? w->at + __builtin_ctzll(~w->mask) : w->end;
}

bool
wd_injection_gate_words_next(struct wd_injection_gate_words *w)
{
    const uint8_t *p, *after;
    uint64_t v, high, rest;
    uint32_t bit, n;

    while (w->mask == 0) {
        if (w->end - w->at <= 64)
            return false;
        w->at += 64;
        w->mask = gate_mask(w->at, w->end);
    }
    bit = (uint32_t)__builtin_ctzll(w->mask);
    p = w->at + bit;
    rest = ~(w->mask >> bit);
    n = rest != 0 ? (uint32_t)__builtin_ctzll(rest) : 64;
    if (bit + n < 64) {
        after = p + n;
        w->mask &= ~(uint64_t)0 << (bit + n);
    } else {
        after = gate_walk(w);
        n = (uint32_t)(after - w->at);
        w->mask &= n < 64 ? ~(uint64_t)0 << n : 0;
    }
    v = gate_load(p, w->end);
    if (after - p < 8)
        v &= ~(uint64_t)0 >> (64 - 8 * (after - p));
    high = v & GATE_EACH(0x80);
    w->slot = (uint32_t)(((v | (GATE_EACH(0x20) & ~(high >> 2))) * 0x9fb21c651e98df25u) >> (64 - WD_INJECTION_GATE_BITS));
    w->start = (size_t)(p - w->begin);
    w->after = (size_t)(after - w->begin);
    w->alone = high != 0 && after - p > GATE_LONG;
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
    *suspect = wd_span(text.ptr + start, more ? *from + w.after - start : text.len - start);
    *from = (size_t)(suspect->ptr - text.ptr) + suspect->len;
    return true;
}
