/* Identifiers of Europe. Those of other places: validate_id_world.c. */
#include "validate_id.h"

#include "../text/chars.h"
#include "digits.h"

static uint8_t
id_upper(char c)
{
    return wd_char_is((uint8_t)c, WD_CH_LOWER) ? (uint8_t)(c - 0x20) : (uint8_t)c;
}

/* As many digits as the form has, and not all the same. */
static bool
id_read(struct wd_span s, unsigned count, struct wd_digits *d)
{
    *d = wd_digits_read(s);
    return d->count == count && !wd_digits_same(d);
}

/* The last letter or digit, in upper case. */
static uint8_t
id_last(struct wd_span s)
{
    return s.len > 0 ? id_upper(s.ptr[s.len - 1]) : 0;
}

/* Two digits each at i: a day, a month. */
static bool
id_is_day(const struct wd_digits *d, unsigned month, unsigned day)
{
    return wd_digits_is_day((unsigned)wd_digits_value(d, month, 2), (unsigned)wd_digits_value(d, day, 2));
}

bool
wd_valid_uk_nhs(struct wd_span s, unsigned form)
{
    static const uint8_t weights[] = { 10, 9, 8, 7, 6, 5, 4, 3, 2 };
    struct wd_digits d;
    unsigned check;

    if (!id_read(s, 10, &d))
        return false;
    check = 11 - wd_digits_weigh(&d, weights, 9) % 11;
    return (check == 11 ? 0 : check) == d.at[9];
}

bool
wd_valid_uk_nhs_plain(struct wd_span s, unsigned form)
{
    struct wd_digits d = wd_digits_read(s);

    return wd_valid_uk_nhs(s, form) && !(s.len > 3 && s.ptr[3] == '-' && d.at[0] >= 2 && d.at[3] >= 2);
}

/* HM Revenue & Customs, NIM39110. In lower case it is one only without blanks: other words start so, too. */
bool
wd_valid_uk_nino(struct wd_span s, unsigned form)
{
    static const char *const never[] = { "BG", "GB", "KN", "NK", "NT", "TN", "ZZ" };
    uint8_t a, b;
    size_t i;

    if (s.len < 9)
        return false;
    a = id_upper(s.ptr[0]);
    b = id_upper(s.ptr[1]);
    for (i = 0; i < sizeof(never) / sizeof(never[0]); i++)
        if (a == never[i][0] && b == never[i][1])
            return false;
    if (memchr(s.ptr, ' ', s.len) != NULL && (a != s.ptr[0] || b != s.ptr[1] || id_last(s) != (uint8_t)s.ptr[s.len - 1]))
        return false;
    return memchr("DFIQUV", a, 6) == NULL && memchr("DFIQUVO", b, 7) == NULL && id_last(s) >= 'A' && id_last(s) <= 'D';
}

/* DVLA: surname, decade, month (that of women plus 50), day, year, initials, two letters. */
bool
wd_valid_uk_licence(struct wd_span s, unsigned form)
{
    struct wd_digits d;
    unsigned month;
    size_t i;

    if (s.len != 16)
        return false;
    for (i = 0; i < 5; i++)
        if (!wd_char_is((uint8_t)s.ptr[i], WD_CH_ALPHA) && s.ptr[i] != '9')
            return false;
    for (; i < 11; i++)
        if (!wd_char_is((uint8_t)s.ptr[i], WD_CH_DIGIT))
            return false;
    d = wd_digits_read(wd_span(s.ptr + 5, 6));
    month = (unsigned)wd_digits_value(&d, 1, 2);
    return wd_char_is((uint8_t)s.ptr[0], WD_CH_ALPHA) && wd_char_is((uint8_t)s.ptr[14], WD_CH_ALPHA) &&
           wd_char_is((uint8_t)s.ptr[15], WD_CH_ALPHA) &&
           wd_digits_is_day(month > 50 ? month - 50 : month, (unsigned)wd_digits_value(&d, 3, 2));
}

bool
wd_valid_de_tax(struct wd_span s, unsigned form)
{
    unsigned times[10] = { 0 }, i;
    struct wd_digits d;

    if (!id_read(s, 11, &d) || d.at[0] == 0)
        return false;
    for (i = 0; i < 10; i++)
        if (++times[d.at[i]] > 3)
            return false;
    return wd_digits_mod11_10(&d);
}

static unsigned
id_cross_sum(unsigned n)
{
    return n / 10 + n % 10;
}

/* Area, day of birth, letter, serial number, check digit. */
bool
wd_valid_de_pension(struct wd_span s, unsigned form)
{
    static const uint8_t weights[] = { 2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1 };
    struct wd_digits d = wd_digits_read(s), all = { .count = 12 };
    unsigned letter, sum = 0, i, day;

    if (s.len != 12 || d.count != 11 || !wd_char_is((uint8_t)s.ptr[8], WD_CH_ALPHA))
        return false;
    letter = id_upper(s.ptr[8]) - 'A' + 1u;
    for (i = 0; i < 8; i++)
        all.at[i] = d.at[i];
    all.at[8] = (uint8_t)(letter / 10);
    all.at[9] = (uint8_t)(letter % 10);
    all.at[10] = d.at[8];
    all.at[11] = d.at[9];
    for (i = 0; i < 12; i++)
        sum += id_cross_sum((unsigned)all.at[i] * weights[i]);
    day = (unsigned)wd_digits_value(&d, 2, 2);
    return sum % 10 == d.at[10] && wd_digits_is_day((unsigned)wd_digits_value(&d, 4, 2), day > 50 ? day - 50 : day);
}

bool
wd_valid_de_health(struct wd_span s, unsigned form)
{
    struct wd_digits d = wd_digits_read(s);
    unsigned letter, sum, i;

    if (s.len != 10 || d.count != 9)
        return false;
    letter = id_upper(s.ptr[0]) - 'A' + 1u;
    sum = letter / 10 + id_cross_sum(letter % 10 * 2);
    for (i = 0; i < 8; i++)
        sum += i % 2 == 0 ? d.at[i] : id_cross_sum(d.at[i] * 2u);
    return sum % 10 == d.at[8];
}

bool
wd_valid_icao(struct wd_span s, unsigned form)
{
    static const uint8_t weights[] = { 7, 3, 1 };
    unsigned sum = 0;
    size_t i;

    if (s.len < 9 || !wd_char_is((uint8_t)s.ptr[s.len - 1], WD_CH_DIGIT))
        return false;
    for (i = 0; i + 1 < s.len; i++)
        sum += (wd_char_is((uint8_t)s.ptr[i], WD_CH_DIGIT) ? (unsigned)(s.ptr[i] - '0') : id_upper(s.ptr[i]) - 'A' + 10u) *
               weights[i % 3];
    return sum % 10 == (unsigned)(s.ptr[s.len - 1] - '0');
}

/* DNI, and NIE that begin with X, Y or Z for 0, 1 or 2. */
bool
wd_valid_es_nif(struct wd_span s, unsigned form)
{
    struct wd_digits d = wd_digits_read(s);
    uint64_t number = wd_digits_value(&d, 0, d.count);
    uint8_t first = id_upper(s.ptr[0]);

    if (d.count < 7 || d.count > 8)
        return false;
    if (first >= 'X' && first <= 'Z')
        number += (uint64_t)(first - 'X') * 10000000;
    return id_last(s) == (uint8_t) "TRWAGMYFPDXBNJZSQVHLCKE"[number % 23];
}

/* Ministero dell'Economia: names, year, month by letter, day (of women plus 40), place, check letter; digits may be letters. */
bool
wd_valid_it_fiscal(struct wd_span s, unsigned form)
{
    static const char months[] = "ABCDEHLMPRST", letters[] = "LMNPQRSTUV";
    const char *month, *letter;
    unsigned day = 0, i;
    uint8_t c;

    if (s.len != 16 || (month = memchr(months, id_upper(s.ptr[8]), 12)) == NULL)
        return false;
    for (i = 0; i < 16; i++) {
        c = id_upper(s.ptr[i]);
        letter = memchr(letters, c, 10);
        if (i == 6 || i == 7 || i == 9 || i == 10 || (i >= 12 && i <= 14)) {
            if (!wd_char_is(c, WD_CH_DIGIT) && letter == NULL)
                return false;
            if (i == 9 || i == 10)
                day = day * 10 + (letter != NULL ? (unsigned)(letter - letters) : (unsigned)(c - '0'));
        } else if (!wd_char_is(c, WD_CH_UPPER)) {
            return false;
        }
    }
    return wd_digits_is_day((unsigned)(month - months) + 1, day > 40 ? day - 40 : day);
}

/* INSEE: sex, year, month, place, number, check digits; 2A and 2B are Corsica. */
bool
wd_valid_fr_nir(struct wd_span s, unsigned form)
{
    struct wd_digits d = wd_digits_read(s);
    unsigned month;

    if (d.count != 15 || (d.at[0] != 1 && d.at[0] != 2))
        return false;
    month = (unsigned)wd_digits_value(&d, 3, 2);
    return ((month >= 1 && month <= 12) || (month >= 20 && month <= 42) || month >= 50) &&
           97 - wd_digits_value(&d, 0, 13) % 97 == wd_digits_value(&d, 13, 2);
}

bool
wd_valid_nl_bsn(struct wd_span s, unsigned form)
{
    static const uint8_t weights[] = { 9, 8, 7, 6, 5, 4, 3, 2 };
    struct wd_digits d;

    return id_read(s, 9, &d) && (wd_digits_weigh(&d, weights, 8) + 11 - d.at[8] % 11) % 11 == 0;
}

bool
wd_valid_be_nn(struct wd_span s, unsigned form)
{
    uint64_t number, check;
    struct wd_digits d;
    unsigned month;

    if (!id_read(s, 11, &d))
        return false;
    month = (unsigned)wd_digits_value(&d, 2, 2) % 20;
    number = wd_digits_value(&d, 0, 9);
    check = wd_digits_value(&d, 9, 2);
    /* Born from 2000 on: with a 2 in front. */
    return month <= 12 && (97 - number % 97 == check || 97 - (number + 2000000000) % 97 == check);
}

bool
wd_valid_pl_pesel(struct wd_span s, unsigned form)
{
    static const uint8_t weights[] = { 1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1 };
    struct wd_digits d = wd_digits_read(s);

    return d.count == 11 && wd_digits_weigh(&d, weights, 11) % 10 == 0 &&
           wd_digits_is_day((unsigned)wd_digits_value(&d, 2, 2) % 20, (unsigned)wd_digits_value(&d, 4, 2));
}

/* Personnummer; the day of a samordningsnummer is 60 more. */
bool
wd_valid_se_pnr(struct wd_span s, unsigned form)
{
    struct wd_digits d = wd_digits_read(s);
    unsigned from = d.count == 12 ? 2 : 0, day = (unsigned)wd_digits_value(&d, from + 4, 2);

    if ((d.count != 10 && d.count != 12) || (from == 2 && wd_digits_value(&d, 0, 2) - 18 > 2))
        return false;
    return wd_digits_is_day((unsigned)wd_digits_value(&d, from + 2, 2), day > 60 ? day - 60 : day) && wd_digits_luhn(&d, from);
}

bool
wd_valid_fi_hetu(struct wd_span s, unsigned form)
{
    struct wd_digits d = wd_digits_read(wd_span(s.ptr, s.len > 0 ? s.len - 1 : 0));

    if (s.len != 11 || d.count != 9 || memchr("-+ABCDEFUVWXY", id_upper(s.ptr[6]), 13) == NULL)
        return false;
    return id_is_day(&d, 2, 0) && id_last(s) == (uint8_t) "0123456789ABCDEFHJKLMNPRSTUVWXY"[wd_digits_value(&d, 0, 9) % 31];
}

bool
wd_valid_no_fnr(struct wd_span s, unsigned form)
{
    static const uint8_t first[] = { 3, 7, 6, 1, 8, 9, 4, 5, 2, 1 }, second[] = { 5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1 };
    struct wd_digits d;
    unsigned day;

    if (!id_read(s, 11, &d) || wd_digits_weigh(&d, first, 10) % 11 != 0 || wd_digits_weigh(&d, second, 11) % 11 != 0)
        return false;
    day = (unsigned)wd_digits_value(&d, 0, 2);
    return wd_digits_is_day((unsigned)wd_digits_value(&d, 2, 2) % 40, day > 40 ? day - 40 : day);
}

/* The check digit is not kept to since 2007. */
bool
wd_valid_dk_cpr(struct wd_span s, unsigned form)
{
    struct wd_digits d = wd_digits_read(s);

    return d.count == 10 && id_is_day(&d, 2, 0);
}

bool
wd_valid_pt_nif(struct wd_span s, unsigned form)
{
    static const uint8_t weights[] = { 9, 8, 7, 6, 5, 4, 3, 2 };
    struct wd_digits d;
    unsigned rest;

    if (!id_read(s, 9, &d) || d.at[0] == 0 || d.at[0] == 4 || d.at[0] == 7)
        return false;
    rest = wd_digits_weigh(&d, weights, 8) % 11;
    return d.at[8] == (rest < 2 ? 0 : 11 - rest);
}

/* Rodne cislo, of Czechs and Slovaks: the month of women is 50 more. */
bool
wd_valid_cz_rc(struct wd_span s, unsigned form)
{
    struct wd_digits d;
    unsigned month;

    if (!id_read(s, 10, &d))
        return false;
    month = (unsigned)wd_digits_value(&d, 2, 2) % 50;
    return wd_digits_is_day(month > 20 ? month - 20 : month, (unsigned)wd_digits_value(&d, 4, 2)) &&
           (wd_digits_value(&d, 0, 10) % 11 == 0 || (wd_digits_value(&d, 0, 9) % 11 == 10 && d.at[9] == 0));
}

bool
wd_valid_ro_cnp(struct wd_span s, unsigned form)
{
    static const uint8_t weights[] = { 2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9 };
    struct wd_digits d;
    unsigned rest;

    if (!id_read(s, 13, &d) || d.at[0] == 0 || !id_is_day(&d, 3, 5))
        return false;
    rest = wd_digits_weigh(&d, weights, 12) % 11;
    return d.at[12] == (rest == 10 ? 1 : rest);
}

bool
wd_valid_bg_egn(struct wd_span s, unsigned form)
{
    static const uint8_t weights[] = { 2, 4, 8, 5, 10, 9, 7, 3, 6 };
    struct wd_digits d;

    return id_read(s, 10, &d) && wd_digits_weigh(&d, weights, 9) % 11 % 10 == d.at[9] &&
           wd_digits_is_day((unsigned)wd_digits_value(&d, 2, 2) % 20, (unsigned)wd_digits_value(&d, 4, 2));
}

bool
wd_valid_hu_taj(struct wd_span s, unsigned form)
{
    static const uint8_t weights[] = { 3, 7, 3, 7, 3, 7, 3, 7 };
    struct wd_digits d;

    return id_read(s, 9, &d) && wd_digits_weigh(&d, weights, 8) % 10 == d.at[8];
}

bool
wd_valid_ch_ahv(struct wd_span s, unsigned form)
{
    static const uint8_t weights[] = { 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1 };
    struct wd_digits d = wd_digits_read(s);

    return d.count == 13 && wd_digits_value(&d, 0, 3) == 756 && wd_digits_weigh(&d, weights, 13) % 10 == 0;
}

bool
wd_valid_ie_pps(struct wd_span s, unsigned form)
{
    static const uint8_t weights[] = { 8, 7, 6, 5, 4, 3, 2 };
    struct wd_digits d = wd_digits_read(s);
    unsigned sum;
    uint8_t more;

    if (d.count != 7 || (s.len != 8 && s.len != 9))
        return false;
    more = s.len == 9 ? id_upper(s.ptr[8]) : 0;
    sum = wd_digits_weigh(&d, weights, 7) + (more != 0 && more != 'W' ? (more - 'A' + 1u) * 9 : 0);
    return id_upper(s.ptr[7]) == (uint8_t) "WABCDEFGHIJKLMNOPQRSTUV"[sum % 23];
}
