#include "fold.h"

enum { FOLD_VALUE = 0xfff, FOLD_MANY_AT = 0x3ff, FOLD_MANY_LEN = 10, FOLD_SCRIPT = 7 };

/* Each ASCII character, for entries that name one. */
/* clang-format off */
static const char fold_ascii[129] =
    "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f"
    " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~\x7f";
/* clang-format on */

struct wd_fold
wd_fold_get(uint32_t cp)
{
    uint16_t entry = wd_fold_entry(cp), value = entry & FOLD_VALUE;
    struct wd_fold f = { .kind = (uint8_t)(entry >> 12) };

    if (f.kind == WD_FOLD_MANY) {
        f.len = (uint8_t)((value >> FOLD_MANY_LEN) + 1);
        f.ascii = wd_fold_pool + (value & FOLD_MANY_AT);
    } else if (wd_fold_char(entry) != 0) {
        f.len = 1;
        f.ascii = fold_ascii + wd_fold_char(entry);
    }
    if (f.kind == WD_FOLD_ALIKE)
        f.script = (uint8_t)(value >> FOLD_SCRIPT);
    if (f.kind == WD_FOLD_LETTER)
        f.script = (uint8_t)value;
    return f;
}

size_t
wd_fold_ascii(struct wd_span s)
{
    uint64_t a, b;
    size_t i = 0;

    for (; i + 16 <= s.len; i += 16) {
        memcpy(&a, s.ptr + i, 8);
        memcpy(&b, s.ptr + i + 8, 8);
        if (((a | b) & 0x8080808080808080u) != 0)
            break;
    }
    while (i < s.len && (s.ptr[i] & 0x80) == 0)
        i++;
    return i;
}
