#include "injection_gate.h"

#include <string.h>

#include "../text/canon_mask.h"
#include "injection_model.h"

enum {
    GATE_LONG = 24,                             /* bytes of a word with bytes above ASCII: no word */
    GATE_MARGIN = 2,                            /* blocks around a suspect window that are read with it */
    GATE_KEPT = WD_INJECTION_FAR + GATE_MARGIN, /* blocks that are remembered */
    GATE_RING = 16,
};

#define GATE_EACH(byte) (0x0101010101010101u * (byte))

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

/* A bit for each of 64 bytes that belongs to a word; nothing does behind the end. */
static inline uint64_t
gate_mask(const uint8_t *p, const uint8_t *end)
{
    uint8_t rest[WD_CANON_MASK_BYTES] = { 0 };
    wd_canon_mask_vector v;
    uint64_t mask = 0;

    if (end - p < WD_CANON_MASK_BYTES)
        p = p < end ? memcpy(rest, p, (size_t)(end - p)) : rest;
    for (uint32_t i = 0; i < WD_CANON_MASK_BYTES; i += sizeof(v)) {
        v = wd_canon_mask_load(p + i);
        mask |= wd_canon_mask_bits(wd_canon_mask_letters(v) | wd_canon_mask_digits(v) | wd_canon_mask_high(v)) << i;
    }
    return mask;
}

void
wd_injection_gate_words_init(struct wd_injection_gate_words *w, struct wd_span text)
{
    w->begin = w->at = (const uint8_t *)text.ptr;
    w->end = w->begin + text.len;
    w->mask = gate_mask(w->at, w->end);
    w->next = text.len > 64 ? gate_mask(w->at + 64, w->end) : 0;
    w->starts = w->mask & ~(w->mask << 1);
}

/* The end of the word at p, with the bits of its first 64 bytes. */
static const uint8_t *
gate_end(const uint8_t *p, const uint8_t *end, uint64_t bits)
{
    while (bits == ~(uint64_t)0 && end - p > 64) {
        p += 64;
        bits = gate_mask(p, end);
    }
    return bits == ~(uint64_t)0 ? end : p + __builtin_ctzll(~bits);
}

/* Without .after: few ask for it. */
static inline bool
gate_take(struct wd_injection_gate_words *w)
{
    const uint8_t *p;
    uint64_t v, high;
    uint32_t bit, n;

    while (w->starts == 0) {
        if (w->end - w->at <= 64)
            return false;
        w->at += 64;
        w->starts = w->next & ~(w->next << 1 | w->mask >> 63);
        w->mask = w->next;
        w->next = w->end - w->at > 64 ? gate_mask(w->at + 64, w->end) : 0;
    }
    bit = (uint32_t)__builtin_ctzll(w->starts);
    w->starts &= w->starts - 1;
    p = w->at + bit;
    w->bits = w->mask >> bit | w->next << 1 << (63 - bit);
    n = (uint32_t)__builtin_ctzll(~w->bits | 1u << 8);
    v = gate_load(p, w->end) & (((uint64_t)2 << (8 * n - 1)) - 1);
    high = v & GATE_EACH(0x80);
    w->slot = (uint32_t)(((v | (GATE_EACH(0x20) & ~(high >> 2))) * 0x9fb21c651e98df25u) >> (64 - WD_INJECTION_GATE_BITS));
    w->start = (size_t)(p - w->begin);
    w->alone = high != 0 && gate_end(p, w->end, w->bits) - p > GATE_LONG;
    return true;
}

static inline size_t
gate_after(const struct wd_injection_gate_words *w)
{
    return (size_t)(gate_end(w->begin + w->start, w->end, w->bits) - w->begin);
}

bool
wd_injection_gate_words_next(struct wd_injection_gate_words *w)
{
    if (!gate_take(w))
        return false;
    w->after = gate_after(w);
    return true;
}

/* Blocks of words: sums and starts of the last ones, in rings. */
struct gate_blocks {
    int32_t sum[GATE_RING];
    size_t start[GATE_RING];
    uint32_t count;
    int32_t far; /* sum of the last WD_INJECTION_FAR */
};

static inline bool
gate_suspects(const struct wd_injection_gate *gate, struct gate_blocks *b, int32_t sum)
{
    int32_t near = sum;

    for (uint32_t i = 1; i < WD_INJECTION_NEAR; i++)
        near += b->sum[(b->count - i) % GATE_RING];
    b->far += sum - b->sum[(b->count - WD_INJECTION_FAR) % GATE_RING];
    b->sum[b->count++ % GATE_RING] = sum;
    return near + gate->near > 0 || b->far + gate->far > 0;
}

bool
wd_injection_gate_next(const struct wd_injection_gate *gate, struct wd_span text, size_t *from, struct wd_span *suspect)
{
    struct gate_blocks b = { .count = 0 };
    struct wd_injection_gate_words w;
    uint32_t words, quiet = 0;
    size_t start = SIZE_MAX;
    int32_t sum;
    bool more = true;

    wd_injection_gate_words_init(&w, wd_span(text.ptr + *from, text.len - *from));
    while (more) {
        sum = 0;
        for (words = 0; words < WD_INJECTION_BLOCK && (more = gate_take(&w)); words++) {
            if (words == 0)
                b.start[b.count % GATE_RING] = w.start;
            sum += w.alone ? INT16_MAX : gate->weights[w.slot];
        }
        if (words == 0)
            break;
        if (gate_suspects(gate, &b, sum)) {
            if (start == SIZE_MAX)
                start = b.count > GATE_KEPT ? *from + b.start[(b.count - GATE_KEPT) % GATE_RING] : *from;
            quiet = 0;
        } else if (start != SIZE_MAX && ++quiet > GATE_MARGIN) {
            break;
        }
    }
    if (start == SIZE_MAX)
        return false;
    *suspect = wd_span(text.ptr + start, more ? *from + gate_after(&w) - start : text.len - start);
    *from = (size_t)(suspect->ptr - text.ptr) + suspect->len;
    return true;
}
