#include "scan_place.h"

#include <string.h>

uint64_t
scan_place_characters(const char *bytes, size_t n)
{
    uint64_t count = 0;

    for (size_t i = 0; i < n; i++)
        count += ((uint8_t)bytes[i] & 0xc0) != 0x80;
    return count;
}

void
scan_place_advance(struct scan_place *at, const char *bytes, size_t n)
{
    const char *last = n > 0 ? memrchr(bytes, '\n', n) : NULL;
    size_t lines = 0, here = 0;

    at->offset += n;
    if (last != NULL) {
        here = (size_t)(last - bytes) + 1;
        for (size_t i = 0; i < here; i++)
            lines += bytes[i] == '\n';
        at->line += lines;
        at->column = 1;
    }
    at->column += scan_place_characters(bytes + here, n - here);
}
