/* Words of a text, and the spellings that hide them: turned by 13, leet, spaced out, reversed. */
#include <endian.h>

#include "canon_parts.h"
#include "canon_words.h"

/*
 * Common English words, and those that instructions to a model are made of; of longer ones the first eight letters. Words that
 * are another word when they are turned or reversed are left out. A word stands at the slot that its letters times the factor
 * give.
 */
/* clang-format off */
enum { WORDS_SLOTS_BITS = 9 };
static const uint64_t words_factor = 0x3ddd98597875e73fu;
static const char words_table[1 << WORDS_SLOTS_BITS][8] = {
    [12] = "prompt", [13] = "with", [17] = "how", [20] = "some", [24] = "what", [27] = "model", [32] = "given", [34] = "other",
    [37] = "instruct", [42] = "develope", [48] = "above", [51] = "instead", [52] = "override", [82] = "question", [83] = "the",
    [86] = "and", [89] = "never", [96] = "please", [101] = "all", [110] = "anything", [116] = "are", [120] = "system",
    [130] = "where", [131] = "original", [133] = "print", [137] = "would", [143] = "make", [150] = "key", [154] = "give",
    [165] = "that", [169] = "when", [172] = "told", [179] = "can", [186] = "password", [212] = "text", [214] = "into",
    [219] = "access", [223] = "could", [236] = "show", [244] = "tell", [246] = "from", [247] = "now", [261] = "rules",
    [267] = "forget", [271] = "there", [280] = "always", [289] = "more", [294] = "for", [305] = "must", [308] = "only",
    [309] = "command", [310] = "then", [312] = "previous", [317] = "have", [323] = "word", [326] = "should", [329] = "everythi",
    [337] = "been", [340] = "will", [341] = "any", [342] = "hidden", [357] = "not", [358] = "execute", [364] = "message",
    [366] = "answer", [376] = "this", [387] = "output", [391] = "before", [393] = "user", [399] = "respond", [403] = "follow",
    [406] = "your", [411] = "about", [412] = "which", [425] = "those", [446] = "just", [450] = "these", [451] = "reveal",
    [470] = "is", [474] = "secret", [485] = "ignore", [487] = "you", [493] = "like", [495] = "list", [498] = "disregar",
    [499] = "help", [507] = "write",
};
/*
 * A bit for each of those words turned, and each reversed: most words have none and need no closer look. At the place that
 * the letters times the same factor give, of 8192.
 */
static const uint64_t words_marks[128] = {
    0x0000400000000000, 0x0000000000100240, 0x4000000000000000, 0x0000000080000000, 0x0000000004000000, 0x0002000200000001,
    0x0000000000000000, 0x0000000000000040, 0x0100000010000000, 0x0000000000400000, 0x0000000400000000, 0x0000000000000000,
    0x0000000000000000, 0x2000000000000000, 0x0000000040000000, 0x2000000180200000, 0x0000000000000000, 0x0000000000000000,
    0x0010000000080000, 0x0000000000000000, 0x0000000000000000, 0x0000000000000000, 0x0000020000000012, 0x0010000800000000,
    0x0000000001000000, 0x0000000000000000, 0x0000000000080000, 0x0000000002000000, 0x0000000040800000, 0x0010000000000000,
    0x0000080000000000, 0x0008200008000000, 0x0000000000080044, 0x0000000008080040, 0x0000000000000000, 0x0200008000000000,
    0x0000000000000000, 0x0000000200000000, 0x0001001500000000, 0x0020000000000002, 0x0000000000000040, 0x0000200200000000,
    0x0000100800010000, 0x0000100002000000, 0x0000020000000080, 0x0000000000000600, 0x0088000200000800, 0x0000000000000000,
    0x0000004000000000, 0x0000000000010000, 0x0000200040000400, 0x0000000100200400, 0x0000000000000000, 0x0100000000000008,
    0x0000000000000000, 0x0000000000000004, 0x0000010000010000, 0x0000010000000000, 0x0000000000000048, 0x0000000008020000,
    0x0000020000000000, 0x0000000100008000, 0x0020000200000000, 0x0000000000000040, 0x1000000080000080, 0x0000000000000000,
    0x0000000000000000, 0x0000000000000000, 0x0000020000000000, 0x0000000000000000, 0x0040000000000001, 0x8000000000200000,
    0x0000020400000008, 0x2000000021000000, 0x0000000000000000, 0x0000000000000000, 0x0000000000010000, 0x0000000000000000,
    0x0000000000000000, 0x0000800000800000, 0x0000000000400000, 0x0402000008000000, 0x0000100020000000, 0x0000000000000000,
    0x0000400000021000, 0x0000000000001000, 0x2000010000040000, 0x0000000000000002, 0x0000000000000000, 0x0000000000000000,
    0x0000000000000000, 0x0000000000080000, 0x0000000000000000, 0x0000200000000020, 0x0000000000040000, 0x0000000000000000,
    0x0000000020000000, 0x0000000000000000, 0x0000000000000000, 0x0002000000100000, 0x0000000000000000, 0x0000200000000000,
    0x0000000010001000, 0x0000080004002000, 0x0042000000000020, 0x0000000000000014, 0x0000000000000000, 0x0000000000000020,
    0x8000020000000000, 0x0000000000000020, 0x0000000000000000, 0x0010000000080084, 0x0000000000000000, 0x0000200000000000,
    0x0000000000800000, 0x0004000000000000, 0x0000010000000004, 0x0000000000000080, 0x0000000010010000, 0x0000000000200000,
    0x0000000900000000, 0x0020408000000001, 0x0000000000100000, 0x0000000000000000, 0x00a0000000000000, 0x0020000000000080,
    0x0001000000000000, 0x0100000000000000,
};
/* clang-format on */

enum { WORDS_EVIDENCE = 2, WORDS_LEET_MIN = 3, WORDS_SPACED_MIN = 4 };

static bool
words_is_letter(char c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool
words_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool
words_has(uint64_t word)
{
    uint64_t there;

    memcpy(&there, words_table[word * words_factor >> (64 - WORDS_SLOTS_BITS)], sizeof(there));
    return le64toh(there) == word && word != 0;
}

/* Eight letters at once, each turned by 13; zero bytes stay. */
static uint64_t
words_turn(uint64_t w)
{
    const uint64_t ones = 0x0101010101010101u;
    uint64_t letters = (w >> 6 & ones) * 0xff, low = w & 0x1f1f1f1f1f1f1f1fu, late;

    /* a is 1, n is 14 */
    late = ((low + ones * (0x80 - 14)) >> 7 & ones) * 26;
    return (w + ones * 13 - late) & letters;
}

struct wd_canon_words
wd_canon_word(const char *p, size_t len, size_t room, bool odd)
{
    struct wd_canon_words is = { 0 };
    size_t n = len < 8 ? len : 8;
    uint64_t word = 0, end = 0;

    if (len < 3)
        return is;
    if (room >= 8)
        memcpy(&word, p, 8);
    else
        memcpy(&word, p, n);
    /* Eight letters in lower case, or fewer and zeros. */
    word = (le64toh(word) | 0x2020202020202020u) & UINT64_MAX >> 8 * (8 - n);
    is.all = 1;
    is.turned = words_has(words_turn(word));
    if (!odd)
        is.plain = words_has(word);
    if (len <= 8) {
        end = word;
    } else {
        memcpy(&end, p + len - 8, 8);
        end = le64toh(end) | 0x2020202020202020u;
    }
    end = __builtin_bswap64(end) >> 8 * (8 - n);
    is.backward = words_has(end);
    return is;
}

static inline bool
words_marked(uint64_t word)
{
    uint64_t at = word * words_factor >> 51;

    return (words_marks[at >> 6] >> (at & 63) & 1) != 0;
}

unsigned
wd_canon_block_words(const char *p, uint64_t letters, struct wd_canon_words *sum)
{
    uint64_t starts = letters & ~(letters << 1), word, end;
    unsigned start, len, n, all = 0, cut = 64;

    if (letters >> 63 != 0) {
        cut = 63 - (unsigned)__builtin_clzll(starts); /* a word that the end cuts is for the next block */
        starts &= ~((uint64_t)1 << cut);
    }
    for (; starts != 0; starts &= starts - 1) {
        start = (unsigned)__builtin_ctzll(starts);
        len = (unsigned)__builtin_ctzll(~(letters >> start));
        n = len < 8 ? len : 8;
        memcpy(&word, p + start, 8);
        word = (le64toh(word) | 0x2020202020202020u) & UINT64_MAX >> (64 - 8 * n);
        all += len > 2;
        if (len <= 8) {
            end = word;
            if (!words_marked(word) || len < 3)
                continue;
        } else {
            memcpy(&end, p + start + len - 8, 8);
            end = le64toh(end) | 0x2020202020202020u;
            if (!(words_marked(word) || words_marked(end)))
                continue;
        }
        sum->turned += words_has(words_turn(word));
        sum->backward += words_has(__builtin_bswap64(end) >> (64 - 8 * n));
    }
    sum->all += all;
    return cut;
}

static void
words_add(struct wd_canon_words *sum, struct wd_canon_words is)
{
    sum->all += is.all;
    sum->plain += is.plain;
    sum->turned += is.turned;
    sum->backward += is.backward;
}

struct wd_canon_words
wd_canon_count(struct wd_span s)
{
    struct wd_canon_words sum = { 0 };
    size_t i = 0, start;

    while (i < s.len) {
        for (start = i; i < s.len && words_is_letter(s.ptr[i]); i++)
            continue;
        if (i > start)
            words_add(&sum, wd_canon_word(s.ptr + start, i - start, s.len - start, false));
        else
            i++;
    }
    return sum;
}

/* Where the sentence or quotation from i on ends. */
static size_t
words_segment(struct wd_span t, size_t i)
{
    while (i < t.len && memchr(".:;!?\n", t.ptr[i], 6) == NULL)
        i++;
    return i < t.len ? i + 1 : i;
}

/* More English when turned, less, or neither. */
static int
words_prefer_turned(struct wd_span t, size_t i, size_t end)
{
    struct wd_canon_words in = wd_canon_count(wd_span(t.ptr + i, end - i));

    return in.turned > in.plain ? 1 : in.plain > 0 ? -1 : 0;
}

bool
wd_canon_rot13(const struct wd_canon_source *from, struct wd_canon_part *to)
{
    struct wd_span t = from->text;
    int next, here, turn = 0;
    bool any = false;
    size_t i, end, behind;
    char c;

    to->len = 0;
    if (wd_canon_count(t).turned < WORDS_EVIDENCE)
        return false;
    behind = words_segment(t, 0);
    next = words_prefer_turned(t, 0, behind);
    for (i = 0; i < t.len;) {
        end = behind;
        here = next;
        behind = words_segment(t, end);
        next = words_prefer_turned(t, end, behind);
        /* One that says nothing goes with its neighbours. */
        turn = here != 0 ? here : turn == 1 || next == 1;
        any |= turn == 1;
        for (; i < end; i++) {
            c = t.ptr[i];
            if (turn == 1 && words_is_letter(c))
                c = (char)(c + ((c & 0x1f) > 13 ? -13 : 13));
            wd_canon_put(to, c, wd_canon_off(from, i));
        }
    }
    return any;
}

/* What a digit or sign stands for within a word; 0: nothing. */
static char
words_leet(char c, char next)
{
    static const char digits[] = "oizeasgtbg";

    if (words_is_digit(c))
        return c == '1' && (next == '1' || next == '!') ? 'l' : digits[c - '0'];
    return c == '@' ? 'a' : c == '$' ? 's' : c == '!' || c == '|' ? 'i' : 0;
}

/* The word from i on, of letters and what may stand for them. Returns its end; *leet: a letter follows what stands for one. */
static size_t
words_leet_word(struct wd_span t, size_t i, bool *leet)
{
    size_t start = i, letters = 0, signs = 0;
    bool mixed = false, hex = true;

    for (; i < t.len && (words_is_letter(t.ptr[i]) || words_leet(t.ptr[i], 0) != 0); i++) {
        if (words_is_letter(t.ptr[i])) {
            mixed |= signs > 0;
            letters++;
            hex = hex && (t.ptr[i] | 0x20) <= 'f';
        } else {
            signs++;
        }
    }
    /* A sign at the end is punctuation. */
    while (i > start && (t.ptr[i - 1] == '!' || t.ptr[i - 1] == '|'))
        i--;
    *leet = mixed && i - start >= WORDS_LEET_MIN && !(hex && i - start >= 8);
    return i;
}

/* The letter at i of a word that ends at end, 0 when it stays what it is. */
static char
words_leet_at(struct wd_span t, size_t i, size_t end)
{
    char c = words_leet(t.ptr[i], i + 1 < end ? t.ptr[i + 1] : 0);

    return c == 'i' && i > 0 && t.ptr[i - 1] == '1' ? 'l' : c;
}

/* Is the word [i, end) to be read so? A long number is one. */
static bool
words_leet_reads(struct wd_span t, size_t i, size_t end)
{
    size_t digits = i;

    while (digits < end && words_is_digit(t.ptr[digits]))
        digits++;
    return end > i && (digits < end || end - i <= WORDS_LEET_MIN);
}

/* Common words that there are more when [i, end) is read so. */
static int
words_leet_gain(struct wd_span t, size_t i, size_t end)
{
    char letters[8] = { 0 };
    size_t k, n = end - i < sizeof(letters) ? end - i : sizeof(letters);
    struct wd_canon_words is = { 0 };

    for (k = 0; k < n; k++) {
        letters[k] = words_leet_at(t, i + k, end);
        letters[k] = letters[k] != 0 ? letters[k] : t.ptr[i + k];
    }
    is = wd_canon_word(letters, n, sizeof(letters), false);
    return (int)is.plain - (int)wd_canon_count(wd_span(t.ptr + i, end - i)).plain;
}

/* Words that are spelled so: at least two, and more of the text English when they are read so, or it is no spelling. */
static bool
words_are_leet(struct wd_span t)
{
    size_t i, start, end = 0, words = 0;
    int64_t gain = 0;
    bool leet;

    for (i = 0; i < t.len; i = end) {
        /* A word of letters alone reads the same. */
        for (; i < t.len && words_leet(t.ptr[i], 0) == 0; i++)
            continue;
        for (start = i; start > end && words_is_letter(t.ptr[start - 1]); start--)
            continue;
        end = words_leet_word(t, start, &leet);
        words += leet;
        if (words_leet_reads(t, start, end))
            gain += words_leet_gain(t, start, end);
        end = end > i ? end : i + 1;
    }
    return words >= WORDS_EVIDENCE && gain > 0;
}

bool
wd_canon_leet(const struct wd_canon_source *from, struct wd_canon_part *to)
{
    struct wd_span t = from->text;
    size_t i, end;
    bool leet;
    char c;

    to->len = 0;
    if (!words_are_leet(t))
        return false;
    for (i = 0; i < t.len; i = end) {
        end = words_leet_word(t, i, &leet);
        leet = words_leet_reads(t, i, end);
        end += end == i;
        for (; i < end; i++) {
            c = leet ? words_leet_at(t, i, end) : 0;
            wd_canon_put(to, c != 0 ? c : t.ptr[i], wd_canon_off(from, i));
        }
    }
    return true;
}

/* Letters that stand apart from i on, with the same sign or one blank between. Returns where they end; i when they are too few.
 */
static size_t
words_spaced_run(struct wd_span t, size_t i, char *sign)
{
    size_t at = i, letters = 0, singles = 0;

    *sign = i + 1 < t.len ? t.ptr[i + 1] : 0;
    if (!words_is_letter(t.ptr[i]) || (*sign != ' ' && (*sign == 0 || memchr(".-_*|/~,+^", *sign, 10) == NULL)) ||
        (i > 0 && (words_is_letter(t.ptr[i - 1]) || words_is_digit(t.ptr[i - 1]))))
        return i;
    while (at < t.len && t.ptr[at] != ' ' && t.ptr[at] != '\n') {
        if (at + 1 < t.len && t.ptr[at + 1] != *sign)
            break;
        letters += words_is_letter(t.ptr[at]);
        singles++;
        at++;
        if (at + 1 >= t.len || (*sign != ' ' && !words_is_letter(t.ptr[at + 1])))
            break;
        at++;
        /* More blanks stand between words. */
        while (*sign == ' ' && at < t.len && t.ptr[at] == ' ')
            at++;
    }
    /* The last one may have no sign behind it. */
    if (at + 1 < t.len && (words_is_letter(t.ptr[at]) && !words_is_letter(t.ptr[at + 1])) && t.ptr[at - 1] == *sign) {
        letters++;
        singles++;
        at++;
    }
    return letters >= WORDS_SPACED_MIN && letters * 4 >= singles * 3 ? at : i;
}

bool
wd_canon_spaced(const struct wd_canon_source *from, struct wd_canon_part *to)
{
    struct wd_span t = from->text;
    size_t i = 0, end;
    bool any = false;
    char sign;

    to->len = 0;
    while (i < t.len) {
        end = words_spaced_run(t, i, &sign);
        any |= end > i;
        if (end == i) {
            /* Nothing starts within a word. */
            do {
                wd_canon_put(to, t.ptr[i], wd_canon_off(from, i));
                i++;
            } while (i < t.len && words_is_letter(t.ptr[i]) && words_is_letter(t.ptr[i - 1]));
            continue;
        }
        for (; i < end; i++)
            if (t.ptr[i] != sign || (sign == ' ' && i + 1 < end && t.ptr[i + 1] == ' ' && t.ptr[i - 1] != ' '))
                wd_canon_put(to, t.ptr[i], wd_canon_off(from, i));
    }
    return any;
}

bool
wd_canon_reversed(const struct wd_canon_source *from, struct wd_canon_part *to)
{
    struct wd_span t = from->text;
    size_t i = t.len, n, k;

    to->len = 0;
    while (i > 0) {
        for (n = 1; n < 4 && n < i && (t.ptr[i - n] & 0xc0) == 0x80; n++)
            continue;
        for (k = 0; k < n; k++)
            wd_canon_put(to, t.ptr[i - n + k], wd_canon_off(from, i - n + k));
        i -= n;
    }
    return true;
}
