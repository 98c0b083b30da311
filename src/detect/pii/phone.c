#include "phone.h"

#include "../text/chars.h"
#include "measure_pii.h"
#include "naming.h"

static const char phone_gaps[][4] = { " ", "-", ".", "/", ")", ") ", ")-", ").", ")/", " (", "-(", "(" };

bool
wd_phone_is_gap(const char *text, size_t n, bool whole)
{
    size_t g;

    for (g = 0; g < sizeof(phone_gaps) / sizeof(phone_gaps[0]); g++)
        if (strncmp(phone_gaps[g], text, n) == 0 && (!whole || phone_gaps[g][n] == '\0'))
            return true;
    return false;
}

/* What stands between two groups. */
static uint32_t
phone_gap(const struct wd_piece *p, uint32_t i, char *sep)
{
    char gap[3];
    uint32_t n = 0;

    while (n < 2 && i + n < p->len && !wd_char_is(p->chars[i + n], WD_CH_DIGIT)) {
        gap[n] = (char)p->chars[i + n];
        n++;
    }
    if (n == 0 || i + n >= p->len || !wd_char_is(p->chars[i + n], WD_CH_DIGIT) || !wd_phone_is_gap(gap, n, true))
        return 0;
    *sep = gap[n - 1];
    return n;
}

/* x123 */
static uint32_t
phone_extension(const struct wd_piece *p, uint32_t at)
{
    uint32_t i = at + 1;

    if (at >= p->len || wd_char_lower(p->chars[at]) != 'x')
        return at;
    while (i < p->len && i < at + 6 && wd_char_is(p->chars[i], WD_CH_DIGIT))
        i++;
    return i > at + 1 && !(i < p->len && wd_char_is(p->chars[i], WD_CH_ALNUM)) ? i : at;
}

static bool
phone_has_label(const struct wd_piece *p, uint32_t at)
{
    static const char *const labels[] = { "office", "fax", "mobile", "cell", "home", "work" };
    size_t i, k, len;

    if (at >= p->len || p->chars[at] != '-')
        return false;
    for (i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
        len = strlen(labels[i]);
        for (k = 0; k < len && at + 1 + k < p->len && wd_char_lower(p->chars[at + 1 + k]) == (uint8_t)labels[i][k]; k++)
            continue;
        if (k == len)
            return true;
    }
    return false;
}

uint32_t
wd_phone_read(const struct wd_piece *p, uint32_t at, struct wd_phone *phone)
{
    uint32_t i = at, end = at, gap;
    char sep = 0;
    bool paren;

    *phone = (struct wd_phone){ 0 };
    phone->plus = i < p->len && p->chars[i] == '+';
    i += phone->plus;
    phone->paren = i < p->len && p->chars[i] == '(';
    i += phone->paren;
    paren = phone->paren;
    while (phone->groups < WD_PHONE_GROUPS && i < p->len && wd_char_is(p->chars[i], WD_CH_DIGIT)) {
        uint8_t len = 0;

        while (i < p->len && wd_char_is(p->chars[i], WD_CH_DIGIT)) {
            if (phone->count == WD_PHONE_DIGITS || i - at >= WD_PHONE_CHARS)
                return 0;
            phone->digits[phone->count++] = (char)p->chars[i++];
            len++;
        }
        phone->lens[phone->groups] = len;
        phone->seps[phone->groups++] = sep;
        end = i;
        gap = phone_gap(p, i, &sep);
        if (gap == 0 || (p->chars[i] == ')' && !paren))
            break;
        i += gap;
        paren = sep == '(';
    }
    if (phone->groups == 0)
        return 0;
    i = phone_extension(p, end);
    phone->extension = i > end;
    phone->label = phone_has_label(p, i);
    return i;
}

/* ITU-T E.164: country codes of one and two digits, and what those of three begin with. */
static bool
phone_has_country(const char *digits)
{
    static const char two[] =
        "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 "
        "81 82 84 86 90 91 92 93 94 95 98 ";
    static const char three[] = "21 22 23 24 25 26 29 35 37 38 42 50 59 67 68 69 80 85 87 88 96 97 99 ";
    const char both[3] = { digits[0], digits[1], ' ' };

    return digits[0] == '1' || digits[0] == '7' || memmem(two, sizeof(two) - 1, both, 3) != NULL ||
           memmem(three, sizeof(three) - 1, both, 3) != NULL;
}

static bool
phone_is_international(const struct wd_phone *phone)
{
    const char *digits = phone->digits;
    unsigned count = phone->count, i, zeros = 0;

    if (!phone->plus) {
        if (count < 10 || digits[0] != '0' || digits[1] != '0' || phone->groups < 2 || phone->lens[0] < 2)
            return false;
        digits += 2;
        count -= 2;
    }
    for (i = count; i > 0 && digits[i - 1] == '0'; i--)
        zeros++;
    if (count < 8 || count > 15 || zeros > 6 || !phone_has_country(digits))
        return false;
    return (digits[0] != '1' && digits[0] != '7') || count == 11;
}

/* Lengths of the groups from the first on, as a number in decimal: 3-3-4 is 334. */
static unsigned
phone_form(const struct wd_phone *phone)
{
    unsigned form = 0;
    uint8_t i;

    for (i = 0; i < phone->groups && i < 7; i++)
        form = form * 10 + (phone->lens[i] < 10 ? phone->lens[i] : 9u);
    return form;
}

/* The same separator between all groups, one of those. */
static bool
phone_is_even(const struct wd_phone *phone, const char *seps)
{
    uint8_t i;

    for (i = 1; i < phone->groups; i++)
        if (phone->seps[i] != phone->seps[1] || strchr(seps, phone->seps[i]) == NULL)
            return false;
    return phone->groups > 1;
}

/* Every group but the first has two digits at least. */
static bool
phone_is_grouped(const struct wd_phone *phone)
{
    uint8_t i;

    for (i = 1; i < phone->groups; i++)
        if (phone->lens[i] < 2)
            return false;
    return true;
}

static bool
phone_is_year(const char *digits)
{
    return memcmp(digits, "19", 2) == 0 || memcmp(digits, "20", 2) == 0;
}

/* (415) 555-0132, (02) 1234 5678, (11) 4706-6184 */
static bool
phone_is_area(const struct wd_phone *phone)
{
    if (!phone->paren || phone->groups < 2 || phone->lens[0] < 2 || phone->lens[0] > 5 || phone->lens[1] < 3 ||
        phone->count < 8 || phone->count > 12 || !phone_is_grouped(phone) || phone->groups > 4)
        return false;
    return phone->lens[0] != 4 || !phone_is_year(phone->digits);
}

/* North America: area and exchange begin with 2 to 9. */
static bool
phone_is_american(const struct wd_phone *phone)
{
    unsigned form = phone_form(phone), skip = form == 1334 && phone->digits[0] == '1';

    if ((form != 334 && skip == 0) || !phone_is_even(phone, "-."))
        return false;
    return phone->extension || (phone->digits[skip] >= '2' && phone->digits[skip + 3] >= '2');
}

/* National forms that begin with the trunk prefix 0: 02.27.96.63.08, 0477 11 28 98, 06-10446904 */
static bool
phone_is_trunk(const struct wd_phone *phone)
{
    if (phone->digits[0] != '0' || phone->digits[1] == '0' || phone->paren || phone->lens[0] < 2 || phone->lens[0] > 6)
        return false;
    if (phone_form(phone) == 28 && phone->digits[1] == '6')
        return phone->seps[1] == '-' || phone->seps[1] == ' ';
    return phone->groups >= 3 && phone->count >= 9 && phone->count <= 11 && phone_is_grouped(phone) &&
           phone_is_even(phone, " -.");
}

bool
wd_phone_is_plain(const struct wd_phone *phone)
{
    return phone_is_international(phone) ||
           (!phone->plus && (phone_is_area(phone) || phone_is_american(phone) || phone_is_trunk(phone)));
}

/* A date, a range of years, a decimal number, an address of the Internet. */
static bool
phone_is_other(const struct wd_phone *phone)
{
    unsigned form = phone_form(phone), i, low = 0;
    const char *d = phone->digits;
    bool spaced = phone->groups > 1 && phone->seps[1] == ' ';

    for (i = 0; i < phone->groups; i++)
        low += phone->lens[i] <= 3;
    if (phone->groups == 4 && low == 4 && phone_is_even(phone, "."))
        return d[0] != '0';
    if (form == 422 || form == 224 || form == 124 || form == 214 || form == 114)
        return !spaced || phone_is_year(d) || phone_is_year(d + phone->count - 4);
    if ((form == 222 && !spaced) || form == 324)
        return true;
    if (form == 44 && phone_is_year(d) && phone_is_year(d + 4))
        return true;
    return phone->groups == 2 && phone->seps[1] == '.';
}

bool
wd_phone_is_possible(const struct wd_phone *phone)
{
    unsigned same = 0, i;

    if (phone->plus)
        return phone->count >= 7 && phone->count <= 15;
    for (i = 0; i < phone->count; i++)
        same += phone->digits[i] == phone->digits[0];
    if (same == phone->count || phone_is_other(phone))
        return false;
    if (phone->groups == 1)
        return phone->count >= 7 && phone->count <= 13 && !phone->paren;
    return phone->count >= 6 && phone->count <= 15 && phone_is_grouped(phone) && phone->groups <= 7;
}

/*
 * Where the row of groups starts that the character at `at` stands in, the last parenthesis or plus on the way there is in *sign.
 * Negative when it starts before the piece or is too long.
 */
static int64_t
phone_row(const struct wd_piece *p, int64_t at, int64_t *sign)
{
    int64_t start = at, i;
    char gap[3];
    size_t n = 0;
    int c;

    *sign = INT64_MIN;
    for (i = at - 1; (c = wd_piece_at(p, i)) >= 0; i--) {
        if (at - i > WD_PHONE_CHARS)
            return INT64_MIN;
        if (wd_char_is((uint8_t)c, WD_CH_DIGIT)) {
            if (n > 0 && !wd_phone_is_gap(gap + sizeof(gap) - n, n, true))
                break;
            n = 0;
            start = i;
        } else if (c == '+' && n == 0) {
            *sign = *sign == INT64_MIN ? i : *sign;
            return i;
        } else if (n < 2 && memchr(" -./)(", c, 6) != NULL) {
            n++;
            gap[sizeof(gap) - n] = (char)c;
            if (c == '(' && n == 1) {
                *sign = *sign == INT64_MIN ? i : *sign;
                start = i;
            }
        } else {
            break;
        }
    }
    return start;
}

static bool
phone_begins(const struct wd_piece *p, int64_t at)
{
    int c = wd_piece_at(p, at);

    if (c == '+' || c == '(')
        return at == 0 || wd_piece_at(p, at - 1) < 0 || !wd_char_is((uint8_t)wd_piece_at(p, at - 1), WD_CH_ALNUM);
    return wd_measure_number_begins(p, at);
}

/* A number from `start` on, which its name may stand before. */
static bool
phone_at(const struct wd_piece *p, struct wd_match *m, int64_t start)
{
    struct wd_naming naming;
    struct wd_phone phone;
    uint32_t end;
    int other;
    bool named;

    if (start < 0 || !phone_begins(p, start))
        return false;
    end = wd_phone_read(p, (uint32_t)start, &phone);
    if (end <= m->start || (!phone.label && !wd_measure_number_ends(p, end)))
        return false;
    naming = wd_naming_read(p, (uint32_t)start, WD_NAMING_REACH);
    other = naming.thing > naming.id ? naming.thing : naming.id;
    if (other > naming.phone && !phone.plus && !phone.paren && !phone.label)
        return false;
    named = phone.label || (m->rule->context != NULL && wd_naming_is_phone(&naming));
    if (!(m->rule->context == NULL && wd_phone_is_plain(&phone)) && !(named && wd_phone_is_possible(&phone)))
        return false;
    m->start = (uint32_t)start;
    m->end = end;
    return true;
}

bool
wd_measure_phone(const struct wd_piece *p, struct wd_match *m)
{
    int64_t sign, start;

    /* Within a number whose start was looked at before. */
    if (m->start > 0 && wd_char_is(p->chars[m->start - 1], WD_CH_DIGIT) && wd_char_is(p->chars[m->start + 1], WD_CH_DIGIT) &&
        wd_char_is(p->chars[m->start + 2], WD_CH_DIGIT))
        return false;
    start = phone_row(p, m->start, &sign);
    if (m->start < p->len && (p->chars[m->start] == '+' || p->chars[m->start] == '('))
        sign = m->start;
    return phone_at(p, m, start) || (sign != start && phone_at(p, m, sign));
}
