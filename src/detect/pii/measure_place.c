/* The shapes of dates of birth and of postal addresses, which only what stands before them tells from others. */
#include "../text/chars.h"
#include "measure_pii.h"
#include "naming.h"
#include "place.h"

enum { MEASURE_DATE_REACH = 28, MEASURE_PARTS = 6, MEASURE_WORDS = 5 };

static bool
measure_place_is(const struct wd_piece *p, int64_t i, unsigned classes)
{
    int c = wd_piece_at(p, i);

    return c >= 0 && wd_char_is((uint8_t)c, classes);
}

/* A number of at most `most` digits at *i, 0 when there is none. */
static unsigned
measure_place_number(const struct wd_piece *p, uint32_t *i, uint32_t most)
{
    unsigned value = 0;
    uint32_t start = *i;

    while (*i < p->len && *i - start < most && wd_char_is(p->chars[*i], WD_CH_DIGIT))
        value = value * 10 + (unsigned)(p->chars[(*i)++] - '0');
    return measure_place_is(p, *i, WD_CH_DIGIT) ? 0 : value;
}

/* Steps over at most two of these characters. */
static void
measure_place_skip(const struct wd_piece *p, uint32_t *i, const char *chars)
{
    uint32_t start = *i;

    while (*i < p->len && *i < start + 2 && strchr(chars, p->chars[*i]) != NULL && p->chars[*i] != 0)
        (*i)++;
}

static bool
measure_is_year(unsigned year)
{
    return year >= 1880 && year <= 2099;
}

/* 1985-03-12, 12.3.1985, 12/03/85: where it ends, 0 when it is none. */
static uint32_t
measure_date_digits(const struct wd_piece *p, uint32_t at)
{
    uint32_t i = at;
    unsigned a, b, c;
    int sep;

    a = measure_place_number(p, &i, 4);
    sep = wd_piece_at(p, i);
    if (i == at || (sep != '-' && sep != '/' && sep != '.'))
        return 0;
    i++;
    measure_place_skip(p, &i, " ");
    b = measure_place_number(p, &i, 2);
    if (b == 0 || b > 31 || wd_piece_at(p, i) != sep)
        return 0;
    i++;
    measure_place_skip(p, &i, " ");
    at = i;
    c = measure_place_number(p, &i, 4);
    if (i == at || measure_place_is(p, i, WD_CH_ALNUM))
        return 0;
    if (measure_is_year(a))
        return b <= 12 && c >= 1 && c <= 31 ? i : 0;
    if (a == 0 || a > 31 || (a > 12 && b > 12))
        return 0;
    return (i - at == 4 && measure_is_year(c)) || i - at == 2 ? i : 0;
}

/* 12th of March 1985, March 12, 1985, 12. Maerz 1985 */
static uint32_t
measure_date_words(const struct wd_piece *p, uint32_t at)
{
    uint32_t i = at, end;
    unsigned day = 0, year;

    if (measure_place_is(p, i, WD_CH_DIGIT)) {
        day = measure_place_number(p, &i, 2);
        if (i + 1 < p->len && wd_char_is(p->chars[i], WD_CH_LOWER))
            i += 2; /* st, nd, rd, th */
        measure_place_skip(p, &i, ". ");
        if (i + 3 < p->len && memcmp(p->chars + i, "of ", 3) == 0)
            i += 3;
        if (i + 3 < p->len && memcmp(p->chars + i, "de ", 3) == 0)
            i += 3;
    }
    end = i + wd_place_month(p->chars + i, p->len - i);
    if (end == i)
        return 0;
    i = end;
    measure_place_skip(p, &i, "., ");
    if (day == 0) {
        day = measure_place_number(p, &i, 2);
        if (i + 1 < p->len && wd_char_is(p->chars[i], WD_CH_LOWER))
            i += 2;
        measure_place_skip(p, &i, ", ");
    }
    if (i + 3 < p->len && memcmp(p->chars + i, "de ", 3) == 0)
        i += 3;
    year = measure_place_number(p, &i, 4);
    return day >= 1 && day <= 31 && measure_is_year(year) && !measure_place_is(p, i, WD_CH_ALNUM) ? i : 0;
}

/* A date starts at `at`; it has to reach beyond what the pattern matched. */
static bool
measure_date_at(const struct wd_piece *p, struct wd_match *m, uint32_t at)
{
    int before = wd_piece_at(p, (int64_t)at - 1);
    struct wd_naming naming;
    uint32_t end;

    if (!wd_char_is(p->chars[at], WD_CH_ALNUM) || (before >= 0 && wd_char_is_token((uint8_t)before)))
        return false;
    end = measure_date_digits(p, at);
    if (end == 0)
        end = measure_date_words(p, at);
    if (end <= m->start)
        return false;
    naming = wd_naming_read(p, at, MEASURE_DATE_REACH);
    if (naming.birth < 0)
        return false;
    m->start = at;
    m->end = end;
    return true;
}

/* The pattern matched a year, or within digits. */
bool
wd_measure_date(const struct wd_piece *p, struct wd_match *m)
{
    uint32_t at = m->start > WD_PLACE_DATE_MAX - 8 ? m->start - (WD_PLACE_DATE_MAX - 8) : 0, last = m->start;

    /* Within a long number. */
    if (measure_place_is(p, (int64_t)last - 1, WD_CH_DIGIT) && measure_place_is(p, (int64_t)last + 1, WD_CH_DIGIT))
        return false;
    for (; at <= last; at++)
        if (measure_date_at(p, m, at))
            return true;
    return false;
}

static uint32_t
measure_word(const struct wd_piece *p, uint32_t i)
{
    while (i < p->len && wd_place_is_word(p->chars[i]))
        i++;
    return i;
}

/* Words that start with an upper-case letter or a digit, a blank between. *street: one of them is the name of a sort of street.
 */
static uint32_t
measure_words(const struct wd_piece *p, uint32_t at, bool *street)
{
    uint32_t i = at, end = at, to;
    unsigned n;

    for (n = 0; n < MEASURE_WORDS && i < p->len; n++) {
        if (!wd_char_is(p->chars[i], WD_CH_UPPER | WD_CH_DIGIT) && p->chars[i] != '#' && p->chars[i] < 0x80)
            break;
        to = measure_word(p, p->chars[i] == '#' ? i + 1 : i);
        *street = *street || (n > 0 && wd_place_is_street(p->chars + i, to - i));
        end = to;
        if (to >= p->len || p->chars[to] != ' ')
            break;
        i = to + 1;
    }
    return end;
}

/* What follows the street: parts behind commas, each as long as it looks like a name or a number. */
static uint32_t
measure_parts(const struct wd_piece *p, uint32_t end)
{
    uint32_t i, to;
    unsigned n;
    bool street = false;

    for (n = 0; n < MEASURE_PARTS && end + 1 < p->len && p->chars[end] == ','; n++) {
        i = p->chars[end + 1] == ' ' ? end + 2 : end + 1;
        to = measure_words(p, i, &street);
        if (to == i)
            break;
        end = to;
    }
    while (end > 0 && p->chars[end - 1] == '.')
        end--;
    return end;
}

bool
wd_measure_postal(const struct wd_piece *p, struct wd_match *m)
{
    struct wd_piece head = *p;
    struct wd_naming naming;
    int64_t start = m->start;
    uint32_t end;
    bool street = false;
    int c;

    while ((c = wd_piece_at(p, start - 1)) >= 0 && m->start - start < WD_PLACE_MAX / 2 && wd_place_is_word((uint8_t)c))
        start--;
    if (start < 0 || (c >= 0 && wd_char_is_token((uint8_t)c)))
        return false;
    naming = wd_naming_read(p, (uint32_t)start, WD_NAMING_REACH);
    if (naming.address < 0 || naming.address < naming.phone)
        return false;
    head.len = p->len - start > WD_PLACE_MAX - 10 ? (uint32_t)start + WD_PLACE_MAX - 10 : p->len;
    if (wd_char_is(p->chars[start], WD_CH_DIGIT)) {
        if (measure_word(&head, (uint32_t)start) - start > WD_PLACE_NUMBER_MAX)
            return false;
        end = measure_words(&head, (uint32_t)start, &street);
    } else {
        end = wd_char_is(p->chars[start], WD_CH_UPPER) ? wd_place_german(p->chars + start, head.len - (uint32_t)start) : 0;
        street = end > 0;
        end += (uint32_t)start;
    }
    if (!street)
        return false;
    m->start = (uint32_t)start;
    m->end = measure_parts(&head, end);
    return true;
}
