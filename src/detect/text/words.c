#include "words.h"

#include "../../base/utf8.h"
#include "fold.h"

/* clang-format off */
#define WORDS_8(n) n, (n) + 1, (n) + 2, (n) + 3, (n) + 4, (n) + 5, (n) + 6, (n) + 7
#define WORDS_32(n) WORDS_8(n), WORDS_8((n) + 8), WORDS_8((n) + 16), WORDS_8((n) + 24)
const uint8_t wd_words_fold[256] = {
    ['0'] = '0', '1', '2', '3', '4', '5', '6', '7', '8', '9',
    ['A'] = 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w',
    'x', 'y', 'z',
    ['a'] = 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w',
    'x', 'y', 'z',
    [128] = WORDS_32(128), WORDS_32(160), WORDS_32(192), WORDS_32(224),
};
/* clang-format on */

struct words_writer {
    uint8_t *chars;
    uint32_t *offs;
    size_t count;
};

static void
words_add(struct words_writer *w, uint8_t c, size_t at)
{
    w->chars[w->count] = c;
    w->offs[w->count++] = (uint32_t)at;
}

/* Capitals of Greek, Cyrillic and Armenian. Those of Latin are read as ASCII. */
static uint32_t
words_lower(uint32_t cp)
{
    if ((cp >= 0x391 && cp <= 0x3a9) || (cp >= 0x410 && cp <= 0x42f))
        return cp + 0x20;
    if (cp >= 0x400 && cp <= 0x40f)
        return cp + 0x50;
    if (cp >= 0x531 && cp <= 0x556)
        return cp + 0x30;
    return (cp >= 0x460 && cp <= 0x52f && cp % 2 == 0) ? cp + 1 : cp;
}

/* At most four characters, and never more than the bytes that cp takes in UTF-8 or as an escape. */
static void
words_add_cp(struct words_writer *w, uint32_t cp, size_t at, size_t room)
{
    struct wd_fold fold = wd_fold_get(cp = words_lower(cp)); /* lower case first: only few capitals have a look-alike below */
    char utf8[4];
    size_t n;

    if (wd_fold_hides((enum wd_fold_kind)fold.kind))
        return;
    if (cp < 0x80) {
        words_add(w, (uint8_t)cp, at);
    } else if (fold.len > 0 && fold.kind != WD_FOLD_LETTER) {
        for (n = 0; n < fold.len && n < room; n++)
            words_add(w, (uint8_t)fold.ascii[n], at);
    } else if (fold.kind != WD_FOLD_SELF) {
        n = wd_utf8_encode(cp, utf8);
        for (size_t i = 0; i < n && i < room; i++)
            words_add(w, (uint8_t)utf8[i], at);
    } else {
        words_add(w, ' ', at); /* a sign, a symbol */
    }
}

static bool
words_hex(struct wd_span text, size_t at, uint32_t *value)
{
    *value = 0;
    if (text.len < 4 || at > text.len - 4)
        return false;
    for (size_t i = at; i < at + 4; i++) {
        unsigned char c = (unsigned char)text.ptr[i], low = c | 0x20;
        if (!(c >= '0' && c <= '9') && !(low >= 'a' && low <= 'f'))
            return false;
        *value = *value << 4 | (uint32_t)(c <= '9' ? c - '0' : low - 'a' + 10);
    }
    return true;
}

/* The escape that starts at text[at], a backslash; returns where it ends. */
static size_t
words_escape(struct words_writer *w, struct wd_span text, size_t at)
{
    size_t i = at, next;
    uint32_t cp, low;

    while (i < text.len && text.ptr[i] == '\\')
        i++;
    if (i == text.len)
        return i;
    if (text.ptr[i] != 'u' || !words_hex(text, i + 1, &cp)) {
        bool blank = memchr("nrtbf", text.ptr[i], 5) != NULL;

        words_add(w, ' ', at);
        return i + blank;
    }
    i += 5;
    if (cp >= 0xd800 && cp < 0xdc00) {
        for (next = i; next < text.len && text.ptr[next] == '\\';)
            next++;
        if (next > i && next < text.len && text.ptr[next] == 'u' && words_hex(text, next + 1, &low) && low >= 0xdc00 &&
            low < 0xe000) {
            cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
            i = next + 5;
        }
    }
    if (cp >= 0xd800 && cp < 0xe000)
        words_add(w, ' ', at);
    else
        words_add_cp(w, cp, at, i - at);
    return i;
}

static bool
words_plain(struct wd_span text)
{
    return wd_fold_ascii(text) == text.len && memchr(text.ptr, '\\', text.len) == NULL;
}

enum wd_err
wd_words_read(struct wd_words *words, struct wd_span text, struct wd_arena *arena)
{
    struct words_writer w = { .count = 0 };
    size_t i = 0, n;
    uint32_t cp;

    *words = (struct wd_words){ (const uint8_t *)text.ptr, NULL, text.len };
    if (text.len == 0 || words_plain(text))
        return WD_OK;
    w.chars = wd_arena_alloc(arena, text.len + 1);
    w.offs = wd_arena_alloc(arena, (text.len + 1) * sizeof(*w.offs));
    if (w.chars == NULL || w.offs == NULL)
        return WD_ERR_NOMEM;
    while (i < text.len) {
        if (text.ptr[i] == '\\') {
            i = words_escape(&w, text, i);
            continue;
        }
        n = wd_utf8_decode(wd_span(text.ptr + i, text.len - i), &cp);
        if (n > 0)
            words_add_cp(&w, cp, i, n);
        else
            words_add(&w, ' ', i);
        i += n > 0 ? n : 1;
    }
    w.offs[w.count] = (uint32_t)text.len;
    *words = (struct wd_words){ w.chars, w.offs, w.count };
    return WD_OK;
}
