#include "ip.h"

#include <string.h>

static bool
ip_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

size_t
wd_ip_read4(const char *text, size_t n, uint8_t ip[4])
{
    size_t i = 0, start;
    unsigned part, value;

    for (part = 0; part < 4; part++) {
        if (part > 0 && (i >= n || text[i++] != '.'))
            return 0;
        value = 0;
        for (start = i; i < n && i - start < 3 && ip_is_digit(text[i]); i++)
            value = value * 10 + (unsigned)(text[i] - '0');
        if (i == start || value > 255 || (text[start] == '0' && i - start > 1))
            return 0;
        ip[part] = (uint8_t)value;
    }
    return i < n && ip_is_digit(text[i]) ? 0 : i;
}

static int
ip_hex(char c)
{
    if (ip_is_digit(c))
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Up to 8 groups with a colon between, the last two maybe as an IPv4 address. Returns how many, -1 when it is no such row. */
static int
ip_groups(const char *text, size_t n, uint8_t *to)
{
    size_t i = 0, start;
    unsigned value;
    int count = 0;

    if (n == 0)
        return 0;
    for (;;) {
        if (count <= 6 && wd_ip_read4(text + i, n - i, to + (size_t)count * 2) == n - i && n > i)
            return count + 2;
        if (count == 8)
            return -1;
        value = 0;
        for (start = i; i < n && i - start < 4 && ip_hex(text[i]) >= 0; i++)
            value = value << 4 | (unsigned)ip_hex(text[i]);
        if (i == start)
            return -1;
        to[(size_t)count * 2] = (uint8_t)(value >> 8);
        to[(size_t)count * 2 + 1] = (uint8_t)value;
        count++;
        if (i == n)
            return count;
        if (text[i++] != ':')
            return -1;
    }
}

bool
wd_ip_read6(const char *text, size_t n, uint8_t ip[16])
{
    const char *gap = memmem(text, n, "::", 2);
    uint8_t tail[18] = { 0 }, head[18] = { 0 };
    int before, after = 0;

    if (gap == NULL) {
        if (ip_groups(text, n, head) != 8)
            return false;
        memcpy(ip, head, 16);
        return true;
    }
    before = ip_groups(text, (size_t)(gap - text), head);
    after = ip_groups(gap + 2, n - (size_t)(gap + 2 - text), tail);
    if (before < 0 || after < 0 || before + after > 7 || memchr(text, '.', (size_t)(gap - text)) != NULL)
        return false;
    memset(ip, 0, 16);
    memcpy(ip, head, (size_t)before * 2);
    memcpy(ip + 16 - after * 2, tail, (size_t)after * 2);
    return true;
}

/* Are the first bits of both the same? */
static bool
ip_starts(const uint8_t *ip, const uint8_t *prefix, unsigned bits)
{
    unsigned bytes = bits / 8, rest = bits % 8;

    return memcmp(ip, prefix, bytes) == 0 && (rest == 0 || (ip[bytes] ^ prefix[bytes]) >> (8 - rest) == 0);
}

bool
wd_ip_is_nobody4(const uint8_t ip[4])
{
    /* clang-format off */
    static const struct {
        uint8_t net[4], bits;
    } nets[] = {
        { { 0 }, 8 }, { { 127 }, 8 }, { { 169, 254 }, 16 }, { { 224 }, 4 }, { { 240 }, 4 }, /* with broadcast and net masks */
        { { 192, 0, 0 }, 24 }, { { 192, 0, 2 }, 24 }, { { 198, 51, 100 }, 24 }, { { 203, 0, 113 }, 24 },
        { { 198, 18 }, 15 }, { { 192, 88, 99 }, 24 },
        { { 1, 1, 1 }, 30 }, { { 1, 0, 0 }, 30 }, { { 8, 8, 8, 8 }, 32 }, { { 8, 8, 4, 4 }, 32 }, { { 9, 9, 9, 8 }, 29 },
        { { 149, 112, 112 }, 24 }, { { 208, 67, 220 }, 22 }, { { 4, 2, 2 }, 29 }, { { 94, 140, 14, 14 }, 31 },
        { { 94, 140, 15, 15 }, 32 }, { { 94, 140, 15, 16 }, 32 }, { { 64, 6, 64, 6 }, 32 }, { { 64, 6, 65, 6 }, 32 },
        { { 77, 88, 8 }, 28 }, { { 114, 114, 114 }, 24 }, { { 223, 5, 5, 5 }, 32 }, { { 223, 6, 6, 6 }, 32 },
        { { 185, 228, 168 }, 24 }, { { 76, 76, 2 }, 24 }, { { 76, 76, 19, 19 }, 32 }, { { 84, 200, 69, 80 }, 32 },
        { { 84, 200, 70, 40 }, 32 }, { { 8, 26, 56, 26 }, 32 }, { { 8, 20, 247, 20 }, 32 }, { { 119, 29, 29, 29 }, 32 },
    };
    /* clang-format on */
    size_t i;

    for (i = 0; i < sizeof(nets) / sizeof(nets[0]); i++)
        if (ip_starts(ip, nets[i].net, nets[i].bits))
            return true;
    return false;
}

bool
wd_ip_is_nobody6(const uint8_t ip[16])
{
    /* clang-format off */
    static const struct {
        uint8_t net[16], bits;
    } nets[] = {
        { { 0xfe, 0x80 }, 10 }, { { 0xff }, 8 }, { { 0x20, 0x01, 0x0d, 0xb8 }, 32 }, { { 0x3f, 0xff }, 20 },
        { { 0x20, 0x01, 0x00, 0x02 }, 48 }, { { 0x01 }, 64 }, /* discard */
        { { 0x20, 0x01, 0x48, 0x60, 0x48, 0x60 }, 48 }, { { 0x26, 0x06, 0x47, 0x00, 0x47, 0x00 }, 48 },
        { { 0x26, 0x20, 0x00, 0xfe }, 48 }, { { 0x26, 0x20, 0x01, 0x19 }, 32 }, { { 0x2a, 0x10, 0x50, 0xc0 }, 32 },
    };
    static const uint8_t mapped[16] = { [10] = 0xff, 0xff }, nat64[16] = { 0, 0x64, 0xff, 0x9b }, translated[16] = { [8] = 0xff, 0xff };
    /* clang-format on */
    static const uint8_t zero[16] = { 0 };
    size_t i;

    if (ip_starts(ip, mapped, 96) || ip_starts(ip, nat64, 96) || ip_starts(ip, translated, 96) || ip_starts(ip, zero, 96))
        return wd_ip_is_nobody4(ip + 12);
    for (i = 0; i < sizeof(nets) / sizeof(nets[0]); i++)
        if (ip_starts(ip, nets[i].net, nets[i].bits))
            return true;
    return false;
}
