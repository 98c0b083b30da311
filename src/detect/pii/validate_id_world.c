/* Identifiers of places outside of Europe, and of everywhere. */
#include "../text/chars.h"
#include "digits.h"
#include "validate_id.h"

static uint8_t
world_upper(char c)
{
    return wd_char_is((uint8_t)c, WD_CH_LOWER) ? (uint8_t)(c - 0x20) : (uint8_t)c;
}

static bool
world_read(struct wd_span s, unsigned count, struct wd_digits *d)
{
    *d = wd_digits_read(s);
    return d->count == count && !wd_digits_same(d);
}

/* Social Security Administration: area, group and serial number are never zero, areas end at 899. */
bool
wd_valid_us_ssn(struct wd_span s, unsigned form)
{
    struct wd_digits d = wd_digits_read(s);
    uint64_t area = wd_digits_value(&d, 0, 3), all = wd_digits_value(&d, 0, 9);

    return d.count == 9 && area != 0 && area != 666 && area < 900 && wd_digits_value(&d, 3, 2) != 0 &&
           wd_digits_value(&d, 5, 4) != 0 && all != 78051120 && all != 219099999 && !wd_digits_same(&d);
}

bool
wd_valid_us_ssn_plain(struct wd_span s, unsigned form)
{
    struct wd_digits d = wd_digits_read(s);

    return wd_valid_us_ssn(s, form) && wd_digits_value(&d, 0, 9) != 123456789;
}

/* Internal Revenue Service: 9xx and groups of its own. */
bool
wd_valid_us_itin(struct wd_span s, unsigned form)
{
    struct wd_digits d = wd_digits_read(s);
    uint64_t group = wd_digits_value(&d, 3, 2);

    return d.count == 9 && d.at[0] == 9 && group >= 50 && group != 89 && group != 93 && (group <= 65 || group >= 70);
}

/* Centers for Medicare & Medicaid Services: a form without S, L, O, I, B and Z. */
bool
wd_valid_us_mbi(struct wd_span s, unsigned form)
{
    static const char kinds[] = "nabnabnaann"; /* n digit, a letter, b either */
    unsigned at = 0;
    size_t i;
    uint8_t c;

    for (i = 0; i < s.len; i++) {
        c = world_upper(s.ptr[i]);
        if (c == '-')
            continue;
        if (at == sizeof(kinds) - 1 || memchr("SLOIBZ", c, 6) != NULL ||
            !wd_char_is(c, kinds[at] == 'n'   ? WD_CH_DIGIT
                           : kinds[at] == 'a' ? WD_CH_UPPER
                                              : WD_CH_DIGIT | WD_CH_UPPER))
            return false;
        at++;
    }
    return at == sizeof(kinds) - 1 && s.ptr[0] != '0';
}

/* Luhn, with the prefix 80840 in front. */
bool
wd_valid_us_npi(struct wd_span s, unsigned form)
{
    struct wd_digits d = wd_digits_read(s), all = { .at = { 8, 0, 8, 4, 0 }, .count = 15 };

    if (d.count != 10 || (d.at[0] != 1 && d.at[0] != 2))
        return false;
    memcpy(all.at + 5, d.at, 10);
    return wd_digits_luhn(&all, 0);
}

bool
wd_valid_us_dea(struct wd_span s, unsigned form)
{
    static const uint8_t weights[] = { 1, 2, 1, 2, 1, 2 };
    struct wd_digits d = wd_digits_read(wd_span(s.ptr + (s.len > 2 ? 2 : 0), s.len > 2 ? s.len - 2 : 0));

    return d.count == 7 && memchr("ABCDEFGHJKLMPRSTUX", world_upper(s.ptr[0]), 18) != NULL &&
           wd_digits_weigh(&d, weights, 6) % 10 == d.at[6];
}

/* American Bankers Association: district of the Federal Reserve, check digit. */
bool
wd_valid_us_routing(struct wd_span s, unsigned form)
{
    static const uint8_t weights[] = { 3, 7, 1, 3, 7, 1, 3, 7, 1 };
    struct wd_digits d;
    uint64_t head;

    if (!world_read(s, 9, &d))
        return false;
    head = wd_digits_value(&d, 0, 2);
    return wd_digits_weigh(&d, weights, 9) % 10 == 0 &&
           (head <= 12 || (head >= 21 && head <= 32) || (head >= 61 && head <= 72) || head == 80);
}

bool
wd_valid_tr_tckn(struct wd_span s, unsigned form)
{
    struct wd_digits d;
    unsigned odd, even, all = 0, i;

    if (!world_read(s, 11, &d) || d.at[0] == 0)
        return false;
    odd = (unsigned)d.at[0] + d.at[2] + d.at[4] + d.at[6] + d.at[8];
    even = (unsigned)d.at[1] + d.at[3] + d.at[5] + d.at[7];
    for (i = 0; i < 10; i++)
        all += d.at[i];
    return (odd * 7 + 100 - even) % 10 == d.at[9] && all % 10 == d.at[10];
}

/* Two check digits, mod 11, weights that rise to the left up to `most`. */
static bool
world_brazil(const struct wd_digits *d, unsigned most)
{
    unsigned n, i, sum, weight, check;

    for (n = d->count - 2; n < d->count; n++) {
        sum = 0;
        weight = 2;
        for (i = n; i-- > 0; weight = weight == most ? 2 : weight + 1)
            sum += d->at[i] * weight;
        check = sum % 11 < 2 ? 0 : 11 - sum % 11;
        if (check != d->at[n])
            return false;
    }
    return true;
}

bool
wd_valid_br_cpf(struct wd_span s, unsigned form)
{
    struct wd_digits d;

    return world_read(s, 11, &d) && world_brazil(&d, 11);
}

bool
wd_valid_br_cnpj(struct wd_span s, unsigned form)
{
    struct wd_digits d;

    return world_read(s, 14, &d) && world_brazil(&d, 9);
}

/* RENAPO: letters of names, date of birth, sex, state, consonants. */
bool
wd_valid_mx_curp(struct wd_span s, unsigned form)
{
    static const char form_of[] = "aaaannnnnnaaaaaabn";
    struct wd_digits d;
    size_t i;
    uint8_t c;

    if (s.len != 18)
        return false;
    for (i = 0; i < 18; i++) {
        c = (uint8_t)s.ptr[i];
        if (!wd_char_is(c, form_of[i] == 'a' ? WD_CH_ALPHA : form_of[i] == 'n' ? WD_CH_DIGIT : WD_CH_ALNUM))
            return false;
    }
    d = wd_digits_read(wd_span(s.ptr + 4, 6));
    c = world_upper(s.ptr[10]);
    return (c == 'H' || c == 'M' || c == 'X') &&
           wd_digits_is_day((unsigned)wd_digits_value(&d, 2, 2), (unsigned)wd_digits_value(&d, 4, 2));
}

bool
wd_valid_ar_cuit(struct wd_span s, unsigned form)
{
    static const uint8_t weights[] = { 5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1 };
    struct wd_digits d;
    uint64_t kind;

    if (!world_read(s, 11, &d))
        return false;
    kind = wd_digits_value(&d, 0, 2);
    return (kind == 20 || (kind >= 23 && kind <= 27) || kind == 30 || kind == 33 || kind == 34) &&
           wd_digits_weigh(&d, weights, 11) % 11 == 0;
}

bool
wd_valid_cl_rut(struct wd_span s, unsigned form)
{
    struct wd_digits d = wd_digits_read(wd_span(s.ptr, s.len > 0 ? s.len - 1 : 0));
    unsigned sum = 0, i, check;
    uint8_t last = s.len > 0 ? world_upper(s.ptr[s.len - 1]) : 0;

    if (d.count < 7 || d.count > 8 || wd_digits_same(&d))
        return false;
    for (i = 0; i < d.count; i++)
        sum += d.at[d.count - 1 - i] * (2 + i % 6);
    check = 11 - sum % 11;
    return last == (check == 11 ? '0' : check == 10 ? 'K' : '0' + check);
}

bool
wd_valid_in_aadhaar(struct wd_span s, unsigned form)
{
    struct wd_digits d;

    return world_read(s, 12, &d) && d.at[0] >= 2 && wd_digits_verhoeff(&d);
}

bool
wd_valid_in_aadhaar_plain(struct wd_span s, unsigned form)
{
    struct wd_digits d = wd_digits_read(s);
    unsigned years = 0, i;

    for (i = 0; i < d.count; i += 4)
        years += wd_digits_value(&d, i, 2) == 19 || wd_digits_value(&d, i, 2) == 20;
    return years < 2 && wd_valid_in_aadhaar(s, form);
}

/* Income Tax Department: the fourth letter is the kind of person. */
bool
wd_valid_in_pan(struct wd_span s, unsigned form)
{
    return s.len == 10 && memchr("ABCFGHJLPT", world_upper(s.ptr[3]), 10) != NULL;
}

/* Day of birth, sex and century, six more. Those given since 2020 have no check digit. */
bool
wd_valid_kr_rrn(struct wd_span s, unsigned form)
{
    struct wd_digits d = wd_digits_read(s);

    return d.count == 13 && d.at[6] >= 1 && d.at[6] <= 8 &&
           wd_digits_is_day((unsigned)wd_digits_value(&d, 2, 2), (unsigned)wd_digits_value(&d, 4, 2));
}

bool
wd_valid_kr_number(struct wd_span s, unsigned form)
{
    struct wd_digits d = wd_digits_read(s);

    return d.count == 13 && d.at[6] >= 1 && d.at[6] <= 8;
}

bool
wd_valid_sg_nric(struct wd_span s, unsigned form)
{
    static const uint8_t weights[] = { 2, 7, 6, 5, 4, 3, 2 };
    struct wd_digits d = wd_digits_read(s);
    uint8_t first, last;
    unsigned sum;

    if (s.len != 9 || d.count != 7)
        return false;
    first = world_upper(s.ptr[0]);
    last = world_upper(s.ptr[8]);
    sum = wd_digits_weigh(&d, weights, 7) + (first == 'T' || first == 'G' ? 4 : first == 'M' ? 3 : 0);
    switch (first) {
    case 'S':
    case 'T':
        return last == (uint8_t) "JZIHGFEDCBA"[sum % 11];
    case 'F':
    case 'G':
        return last == (uint8_t) "XWUTRQPNMLK"[sum % 11];
    default:
        return first == 'M' && last == (uint8_t) "XWUTRQPNJLK"[sum % 11];
    }
}

bool
wd_valid_th_id(struct wd_span s, unsigned form)
{
    static const uint8_t weights[] = { 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2 };
    struct wd_digits d;

    return world_read(s, 13, &d) && d.at[0] >= 1 && d.at[0] <= 8 && (11 - wd_digits_weigh(&d, weights, 12) % 11) % 10 == d.at[12];
}

bool
wd_valid_za_id(struct wd_span s, unsigned form)
{
    struct wd_digits d;

    return world_read(s, 13, &d) && d.at[10] <= 2 && wd_digits_luhn(&d, 0) &&
           wd_digits_is_day((unsigned)wd_digits_value(&d, 2, 2), (unsigned)wd_digits_value(&d, 4, 2));
}

/* GB 11643-1999: place, day of birth, number, check character. */
bool
wd_valid_cn_id(struct wd_span s, unsigned form)
{
    static const uint8_t weights[] = { 7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2 };
    struct wd_digits d = wd_digits_read(wd_span(s.ptr, s.len > 17 ? 17 : 0));
    uint64_t year = wd_digits_value(&d, 6, 4);

    return s.len == 18 && d.count == 17 && d.at[0] >= 1 && d.at[0] <= 8 && year >= 1880 && year < 2100 &&
           wd_digits_is_day((unsigned)wd_digits_value(&d, 10, 2), (unsigned)wd_digits_value(&d, 12, 2)) &&
           world_upper(s.ptr[17]) == (uint8_t) "10X98765432"[wd_digits_weigh(&d, weights, 17) % 11];
}

bool
wd_valid_jp_number(struct wd_span s, unsigned form)
{
    static const uint8_t weights[] = { 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2 };
    struct wd_digits d;
    unsigned rest;

    if (!world_read(s, 12, &d))
        return false;
    rest = wd_digits_weigh(&d, weights, 11) % 11;
    return d.at[11] == (rest < 2 ? 0 : 11 - rest);
}

bool
wd_valid_au_tfn(struct wd_span s, unsigned form)
{
    static const uint8_t weights[] = { 1, 4, 3, 7, 5, 8, 6, 9, 10 };
    struct wd_digits d;

    return world_read(s, 9, &d) && wd_digits_weigh(&d, weights, 9) % 11 == 0;
}

bool
wd_valid_au_medicare(struct wd_span s, unsigned form)
{
    static const uint8_t weights[] = { 1, 3, 7, 9, 1, 3, 7, 9 };
    struct wd_digits d;

    return world_read(s, 10, &d) && d.at[0] >= 2 && d.at[0] <= 6 && wd_digits_weigh(&d, weights, 8) % 10 == d.at[8];
}

bool
wd_valid_au_abn(struct wd_span s, unsigned form)
{
    static const uint8_t weights[] = { 10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19 };
    struct wd_digits d;

    if (!world_read(s, 11, &d) || d.at[0] == 0)
        return false;
    d.at[0]--;
    return wd_digits_weigh(&d, weights, 11) % 89 == 0;
}

bool
wd_valid_ca_sin(struct wd_span s, unsigned form)
{
    struct wd_digits d;

    return world_read(s, 9, &d) && d.at[0] != 0 && d.at[0] != 8 && wd_digits_luhn(&d, 0);
}

bool
wd_valid_document(struct wd_span s, unsigned form)
{
    struct wd_digits d = wd_digits_read(s);

    return d.count >= 5 && s.len - d.count <= 5 && !wd_digits_same(&d);
}

bool
wd_valid_bic(struct wd_span s, unsigned form)
{
    static const char countries[] = "AD AE AL AM AR AT AU AZ BA BD BE BG BH BR BY CA CH CL CN CO CR CY CZ DE DK DO DZ EC EE EG "
                                    "ES FI FR GB GE GH GI GR GT HK HN "
                                    "HR HU ID IE IL IN IQ IS IT JM JO JP KE KR KW KZ LB LI LK LT LU LV MA MC MD ME MK MO MT MU "
                                    "MX MY NG NI NL NO NZ OM PA PE PH "
                                    "PK PL PT PY QA RO RS RU SA SE SG SI SK SM SV TH TN TR TW TZ UA UG US UY UZ VA VE VN XK ZA ";
    const char country[3] = { s.len > 5 ? s.ptr[4] : 0, s.len > 5 ? s.ptr[5] : 0, ' ' };
    size_t i;

    for (i = 0; i < s.len; i++)
        if (!wd_char_is((uint8_t)s.ptr[i], i < 6 ? WD_CH_UPPER : WD_CH_UPPER | WD_CH_DIGIT))
            return false;
    return memmem(countries, sizeof(countries) - 1, country, 3) != NULL;
}

bool
wd_valid_mac(struct wd_span s, unsigned form)
{
    unsigned zeros = 0, ones = 0, digits = 0;
    size_t i;
    uint8_t c;

    for (i = 0; i < s.len; i++) {
        c = world_upper(s.ptr[i]);
        if (c == ':' || c == '-' || c == '.')
            continue;
        if (!wd_char_is(c, WD_CH_DIGIT) && (c < 'A' || c > 'F'))
            return false;
        digits++;
        zeros += c == '0';
        ones += c == 'F';
    }
    return digits == 12 && zeros < 12 && ones < 12;
}
