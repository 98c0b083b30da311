#include "crypto.h"

#include <sodium.h>
#include <string.h>

#include "../text/chars.h"

enum { CRYPTO_BASE58_BYTES = 25, CRYPTO_RATE = 136 };

/* The number that the digits of base 58 make, in CRYPTO_BASE58_BYTES bytes; false when it is another size. */
static bool
crypto_base58(struct wd_span s, uint8_t out[CRYPTO_BASE58_BYTES])
{
    static const char digits[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    const char *at;
    unsigned carry;
    size_t i;
    int k;

    memset(out, 0, CRYPTO_BASE58_BYTES);
    for (i = 0; i < s.len; i++) {
        at = memchr(digits, s.ptr[i], sizeof(digits) - 1);
        if (at == NULL)
            return false;
        carry = (unsigned)(at - digits);
        for (k = CRYPTO_BASE58_BYTES - 1; k >= 0; k--) {
            carry += out[k] * 58u;
            out[k] = (uint8_t)carry;
            carry >>= 8;
        }
        if (carry != 0)
            return false;
    }
    return true;
}

bool
wd_valid_base58(struct wd_span s, unsigned form)
{
    uint8_t bytes[CRYPTO_BASE58_BYTES], sum[crypto_hash_sha256_BYTES];

    if (s.len < 26 || s.len > 35 || !crypto_base58(s, bytes) || (bytes[0] != 0 && bytes[0] != 5))
        return false;
    crypto_hash_sha256(sum, bytes, CRYPTO_BASE58_BYTES - 4);
    crypto_hash_sha256(sum, sum, sizeof(sum));
    return memcmp(sum, bytes + CRYPTO_BASE58_BYTES - 4, 4) == 0;
}

static uint32_t
crypto_polymod(uint32_t sum, uint8_t value)
{
    static const uint32_t generator[] = { 0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3 };
    uint32_t top = sum >> 25;
    int i;

    sum = (sum & 0x1ffffff) << 5 ^ value;
    for (i = 0; i < 5; i++)
        sum ^= (top >> i & 1) != 0 ? generator[i] : 0;
    return sum;
}

bool
wd_valid_bech32(struct wd_span s, unsigned form)
{
    static const char digits[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    const char *one = memrchr(s.ptr, '1', s.len), *at;
    unsigned upper = 0, lower = 0;
    uint32_t sum = 1;
    size_t i, prefix;

    if (one == NULL || s.len < 14 || s.len > 90)
        return false;
    prefix = (size_t)(one - s.ptr);
    for (i = 0; i < s.len; i++) {
        upper |= wd_char_is((uint8_t)s.ptr[i], WD_CH_UPPER);
        lower |= wd_char_is((uint8_t)s.ptr[i], WD_CH_LOWER);
    }
    for (i = 0; i < prefix; i++)
        sum = crypto_polymod(sum, wd_char_lower((uint8_t)s.ptr[i]) >> 5);
    sum = crypto_polymod(sum, 0);
    for (i = 0; i < prefix; i++)
        sum = crypto_polymod(sum, wd_char_lower((uint8_t)s.ptr[i]) & 31);
    for (i = prefix + 1; i < s.len; i++) {
        at = memchr(digits, wd_char_lower((uint8_t)s.ptr[i]), sizeof(digits) - 1);
        if (at == NULL)
            return false;
        sum = crypto_polymod(sum, (uint8_t)(at - digits));
    }
    return (upper == 0 || lower == 0) && (sum == 1 || sum == 0x2bc830a3);
}

static uint64_t
crypto_rotate(uint64_t x, unsigned n)
{
    return n == 0 ? x : x << n | x >> (64 - n);
}

/* Keccak-f[1600] (FIPS 202, 3.2), the constants by their generator. */
static void
crypto_keccak(uint64_t a[25])
{
    static const uint8_t turns[25] = { 0,  1,  62, 28, 27, 36, 44, 6,  55, 20, 3,  10, 43,
                                       25, 39, 41, 45, 15, 21, 8,  18, 2,  61, 56, 14 };
    uint64_t c[5], b[25], iota;
    unsigned round, x, y, bit, lfsr = 1;

    for (round = 0; round < 24; round++) {
        for (x = 0; x < 5; x++)
            c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
        for (x = 0; x < 5; x++)
            for (y = 0; y < 5; y++)
                a[x + 5 * y] ^= c[(x + 4) % 5] ^ crypto_rotate(c[(x + 1) % 5], 1);
        for (x = 0; x < 5; x++)
            for (y = 0; y < 5; y++)
                b[y + 5 * ((2 * x + 3 * y) % 5)] = crypto_rotate(a[x + 5 * y], turns[x + 5 * y]);
        for (x = 0; x < 5; x++)
            for (y = 0; y < 5; y++)
                a[x + 5 * y] = b[x + 5 * y] ^ (~b[(x + 1) % 5 + 5 * y] & b[(x + 2) % 5 + 5 * y]);
        iota = 0;
        for (bit = 0; bit < 7; bit++) {
            iota |= (uint64_t)(lfsr & 1) << ((1u << bit) - 1);
            lfsr = lfsr & 0x80 ? (lfsr << 1 ^ 0x71) & 0xff : lfsr << 1;
        }
        a[0] ^= iota;
    }
}

void
wd_crypto_keccak256(const uint8_t *data, size_t len, uint8_t out[32])
{
    uint8_t block[CRYPTO_RATE] = { 0 };
    uint64_t a[25] = { 0 };
    size_t i;

    memcpy(block, data, len);
    block[len] ^= 0x01;
    block[CRYPTO_RATE - 1] ^= 0x80;
    for (i = 0; i < CRYPTO_RATE; i++)
        a[i / 8] ^= (uint64_t)block[i] << (i % 8 * 8);
    crypto_keccak(a);
    for (i = 0; i < 32; i++)
        out[i] = (uint8_t)(a[i / 8] >> (i % 8 * 8));
}

/* Letters of both cases among the 40 digits. */
static unsigned
crypto_cases(struct wd_span s)
{
    unsigned cases = 0;
    size_t i;

    for (i = 2; i < s.len; i++)
        cases |= wd_chars[(uint8_t)s.ptr[i]] & (unsigned)WD_CH_ALPHA;
    return cases;
}

bool
wd_valid_eth(struct wd_span s, unsigned form)
{
    uint8_t lower[40], sum[32];
    size_t i;

    if (s.len != 42 || crypto_cases(s) != WD_CH_ALPHA)
        return false;
    for (i = 0; i < 40; i++)
        lower[i] = wd_char_lower((uint8_t)s.ptr[i + 2]);
    wd_crypto_keccak256(lower, 40, sum);
    for (i = 0; i < 40; i++)
        if (wd_char_is(lower[i], WD_CH_LOWER) &&
            ((sum[i / 2] >> (i % 2 == 0 ? 4 : 0) & 8) != 0) != wd_char_is((uint8_t)s.ptr[i + 2], WD_CH_UPPER))
            return false;
    return true;
}

bool
wd_valid_eth_plain(struct wd_span s, unsigned form)
{
    unsigned seen = 0;
    size_t i;

    for (i = 2; i < s.len; i++)
        seen |= s.ptr[i] != s.ptr[2];
    return s.len == 42 && crypto_cases(s) != WD_CH_ALPHA && seen != 0;
}
