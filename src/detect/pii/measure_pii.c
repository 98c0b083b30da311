#include "measure_pii.h"

#include "../text/chars.h"
#include "iban.h"
#include "naming.h"

enum { MEASURE_THING_REACH = 24, MEASURE_WORD_MAX = 24 };

static bool
pii_is(const struct wd_piece *p, int64_t i, unsigned classes)
{
    int c = wd_piece_at(p, i);

    return c >= 0 && wd_char_is((uint8_t)c, classes);
}

bool
wd_measure_number_begins(const struct wd_piece *p, int64_t at)
{
    int before = wd_piece_at(p, at - 1);

    if (before < 0)
        return true;
    if (wd_char_is((uint8_t)before, WD_CH_ALNUM) || before == '_' || before == '$' || before == '+' || before == '~')
        return false;
    if (before == '.' || before == '-' || before == '/')
        return !pii_is(p, at - 2, WD_CH_ALNUM);
    /* -- 1,234 -- */
    return before != ',' || !pii_is(p, at - 2, WD_CH_DIGIT);
}

bool
wd_measure_number_ends(const struct wd_piece *p, int64_t at)
{
    int next = wd_piece_at(p, at);

    if (next < 0)
        return true;
    if (wd_char_is((uint8_t)next, WD_CH_ALNUM) || next == '_' || next == '@' || next == '%')
        return false;
    if (next == '-')
        return !pii_is(p, at + 1, WD_CH_ALNUM);
    return (next != '.' && next != '/') || !pii_is(p, at + 1, WD_CH_DIGIT);
}

bool
wd_measure_is_thing(const struct wd_piece *p, uint32_t at)
{
    struct wd_naming naming = wd_naming_read(p, at, MEASURE_THING_REACH);

    return naming.thing >= 0 || naming.room >= 0 || naming.phone >= 0;
}

/* The end of the value that starts at `at` and has the form, which | may end, 0 when there is none. */
static uint32_t
pii_fits(const struct wd_piece *p, uint32_t at, const char *form)
{
    int sep = -1; /* 0: none */
    size_t i;
    uint8_t c;

    for (i = 0; form[i] != '\0' && form[i] != '|'; i++) {
        if (form[i] == '?') {
            if (sep < 0)
                sep = at < p->len && memchr(" -.", p->chars[at], 3) != NULL ? p->chars[at] : 0;
            if (sep > 0 && (at >= p->len || p->chars[at] != sep))
                return 0;
            at += sep > 0;
            continue;
        }
        if (at >= p->len)
            return 0;
        c = p->chars[at++];
        if (form[i] == '#'   ? !wd_char_is(c, WD_CH_DIGIT)
            : form[i] == '@' ? !wd_char_is(c, WD_CH_ALPHA)
            : form[i] == '*' ? !wd_char_is(c, WD_CH_ALNUM)
                             : wd_char_lower(c) != wd_char_lower((uint8_t)form[i]))
            return 0;
    }
    return at;
}

static bool
pii_is_plain(const struct wd_piece *p, const struct wd_match *m, uint32_t end)
{
    uint32_t i;

    for (i = m->start; i < end; i++)
        if (wd_char_is(p->chars[i], WD_CH_ALPHA))
            return false;
    return true;
}

/* The value may end at `end`, and groups of digits do not go on in front of it or behind. */
static bool
pii_stands_alone(const struct wd_piece *p, const struct wd_match *m, uint32_t end)
{
    bool spaced = memchr(p->chars + m->start, ' ', end - m->start) != NULL;

    if (!wd_measure_number_ends(p, end))
        return false;
    /* Groups with colons that go on are a fingerprint. */
    if (memchr(p->chars + m->start, ':', end - m->start) != NULL &&
        (wd_piece_at(p, end) == ':' ||
         (wd_piece_at(p, (int64_t)m->start - 1) == ':' && pii_is(p, (int64_t)m->start - 2, WD_CH_ALNUM))))
        return false;
    if (!spaced)
        return true;
    if (pii_is(p, (int64_t)m->start - 1, WD_CH_SPACE) && pii_is(p, (int64_t)m->start - 2, WD_CH_DIGIT))
        return false;
    /* A letter ends it: a piece need not reach further. */
    if (!wd_char_is(p->chars[end - 1], WD_CH_DIGIT))
        return true;
    return wd_piece_at(p, end) != ' ' || end + 1 >= p->len || !wd_char_is(p->chars[end + 1], WD_CH_DIGIT);
}

uint32_t
wd_measure_word(const struct wd_piece *p, uint32_t at)
{
    uint32_t from = at;

    while (at > 0 && from - at < MEASURE_WORD_MAX && wd_char_is(p->chars[at - 1], WD_CH_ALNUM))
        at--;
    return from - at < MEASURE_WORD_MAX ? at : WD_MEASURE_NO_WORD;
}

bool
wd_measure_mask(const struct wd_piece *p, struct wd_match *m)
{
    const char *form = m->rule->mask;
    uint32_t end, best = 0;

    if (form[0] == '<') {
        form++;
        m->start = wd_measure_word(p, m->start);
        if (m->start == WD_MEASURE_NO_WORD)
            return false;
    }
    if (!wd_measure_number_begins(p, m->start))
        return false;
    for (;; form++) {
        end = pii_fits(p, m->start, form);
        if (end > best && pii_stands_alone(p, m, end) &&
            (m->rule->valid == NULL || m->rule->valid(wd_span((const char *)p->chars + m->start, end - m->start), 0)))
            best = end;
        while (*form != '\0' && *form != '|')
            form++;
        if (*form == '\0')
            break;
    }
    if (best == 0 || (m->rule->context == NULL && pii_is_plain(p, m, best) && wd_measure_is_thing(p, m->start)))
        return false;
    m->end = best;
    return true;
}

/* In one word, or in groups of four: upper-case letters and digits then, which is what a piece keeps together. */
static uint32_t
pii_iban_word(const struct wd_piece *p, uint32_t at, uint8_t sep, char *word, uint32_t most)
{
    uint32_t n = 0, i;

    for (i = at; i < p->len && n < most; i++) {
        if (sep != 0 && (i - at) % 5 == 4) {
            if (p->chars[i] != sep)
                break;
            continue;
        }
        if (!wd_char_is(p->chars[i], sep == ' ' ? WD_CH_UPPER | WD_CH_DIGIT : WD_CH_ALNUM))
            break;
        word[n++] = (char)(wd_char_is(p->chars[i], WD_CH_LOWER) ? p->chars[i] - 0x20 : p->chars[i]);
    }
    return n;
}

bool
wd_measure_iban(const struct wd_piece *p, struct wd_match *m)
{
    char word[WD_IBAN_MAX];
    uint32_t n, len, end;
    uint8_t sep;
    int fifth;

    /* The pattern starts at the second letter when that is upper case. */
    if (wd_char_is(p->chars[m->start], WD_CH_UPPER) && wd_char_is(p->chars[m->start + 1], WD_CH_DIGIT) && m->start-- == 0)
        return false;
    fifth = wd_piece_at(p, (int64_t)m->start + 4);
    sep = fifth == ' ' || fifth == '-' ? (uint8_t)fifth : 0;
    n = pii_iban_word(p, m->start, sep, word, sizeof(word));
    len = wd_iban_length(word, n);
    if (len == 0 || n < len || !wd_valid_iban(word, len))
        return false;
    end = m->start + len + (sep != 0 ? (len - 1) / 4 : 0);
    if (pii_is(p, end, WD_CH_ALNUM) || pii_is(p, (int64_t)m->start - 1, WD_CH_ALNUM))
        return false;
    m->end = end;
    return true;
}
