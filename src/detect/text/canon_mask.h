#ifndef WD_CANON_MASK_H
#define WD_CANON_MASK_H

#include <stdint.h>
#include <string.h>

/* Classes of 64 bytes of text at once, as 64 bits, the first byte the lowest. */
enum { WD_CANON_MASK_BYTES = 64 };

typedef uint8_t wd_canon_mask_vector __attribute__((vector_size(16)));

/* A bit for each byte that is 0xff; the others are 0. */
static inline uint64_t
wd_canon_mask_bits(wd_canon_mask_vector v)
{
#ifdef __SSE2__
    typedef char bytes __attribute__((vector_size(16)));
    return (uint16_t)__builtin_ia32_pmovmskb128((bytes)v);
#else
    uint64_t bits = 0, half;

    for (int i = 0; i < 2; i++) {
        memcpy(&half, (const uint8_t *)&v + 8 * i, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        half = __builtin_bswap64(half);
#endif
        bits |= ((half & 0x0101010101010101u) * 0x0102040810204080u >> 56) << 8 * i;
    }
    return bits;
#endif
}

static inline wd_canon_mask_vector
wd_canon_mask_load(const uint8_t *p)
{
    wd_canon_mask_vector v;

    memcpy(&v, p, sizeof(v));
    return v;
}

static inline wd_canon_mask_vector
wd_canon_mask_letters(wd_canon_mask_vector v)
{
    return (wd_canon_mask_vector)((v | 0x20) - 'a' <= 'z' - 'a');
}

static inline wd_canon_mask_vector
wd_canon_mask_digits(wd_canon_mask_vector v)
{
    return (wd_canon_mask_vector)(v - '0' <= 9);
}

static inline wd_canon_mask_vector
wd_canon_mask_high(wd_canon_mask_vector v)
{
    return (wd_canon_mask_vector)(v >= 0x80);
}

#endif
