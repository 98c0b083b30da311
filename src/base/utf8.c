#include "utf8.h"

bool
wd_utf8_valid(struct wd_span s)
{
    uint64_t word;
    uint32_t cp;
    size_t n;

    while (s.len > 0) {
        if (s.len >= sizeof(word)) {
            memcpy(&word, s.ptr, sizeof(word));
            if ((word & 0x8080808080808080) == 0) {
                s = wd_span(s.ptr + sizeof(word), s.len - sizeof(word));
                continue;
            }
        }
        n = wd_utf8_decode(s, &cp);
        if (n == 0)
            return false;
        s = wd_span(s.ptr + n, s.len - n);
    }
    return true;
}

size_t
wd_utf8_count(struct wd_span s)
{
    size_t count = 0, i = 0;

    /* eight bytes at a time: a bit for each byte that continues a character (10xxxxxx) */
    for (; s.len - i >= 8; i += 8) {
        uint64_t w;
        memcpy(&w, s.ptr + i, 8);
        w = (w & ~(w << 1) & UINT64_C(0x8080808080808080)) >> 7;
        count += 8 - (size_t)((w * UINT64_C(0x0101010101010101)) >> 56);
    }
    for (; i < s.len; i++)
        count += ((unsigned char)s.ptr[i] & 0xc0) != 0x80;
    return count;
}

size_t
wd_utf8_encode(uint32_t cp, char out[4])
{
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xc0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 0x3f));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (char)(0xe0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
        out[2] = (char)(0x80 | (cp & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | cp >> 18);
    out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
    out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
    out[3] = (char)(0x80 | (cp & 0x3f));
    return 4;
}
