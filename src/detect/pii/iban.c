/* ISO 13616. Countries, lengths and forms: SWIFT, IBAN Registry, as of 2025. */
#include "iban.h"

#include <string.h>

#include "../text/chars.h"

/* The form behind the check digits: a count and n (digits), a (letters) or c (either). */
/* clang-format off */
static const struct {
    char country[3];
    uint8_t len;
    const char *form;
} iban_countries[] = {
    { "AD", 24, "8n12c" }, { "AE", 23, "19n" }, { "AL", 28, "8n16c" }, { "AT", 20, "16n" }, { "AZ", 28, "4a20c" },
    { "BA", 20, "16n" }, { "BE", 16, "12n" }, { "BG", 22, "4a6n8c" }, { "BH", 22, "4a14c" }, { "BI", 27, "23n" },
    { "BR", 29, "23n1a1c" }, { "BY", 28, "4c4n16c" }, { "CH", 21, "5n12c" }, { "CR", 22, "18n" }, { "CY", 28, "8n16c" },
    { "CZ", 24, "20n" }, { "DE", 22, "18n" }, { "DJ", 27, "23n" }, { "DK", 18, "14n" }, { "DO", 28, "4c20n" },
    { "EE", 20, "16n" }, { "EG", 29, "25n" }, { "ES", 24, "20n" }, { "FI", 18, "14n" }, { "FK", 18, "2a12n" },
    { "FO", 18, "14n" }, { "FR", 27, "10n11c2n" }, { "GB", 22, "4a14n" }, { "GE", 22, "2a16n" }, { "GI", 23, "4a15c" },
    { "GL", 18, "14n" }, { "GR", 27, "7n16c" }, { "GT", 28, "24c" }, { "HN", 28, "4a20n" }, { "HR", 21, "17n" },
    { "HU", 28, "24n" }, { "IE", 22, "4a14n" }, { "IL", 23, "19n" }, { "IQ", 23, "4a15n" }, { "IS", 26, "22n" },
    { "IT", 27, "1a10n12c" }, { "JO", 30, "4a4n18c" }, { "KW", 30, "4a22c" }, { "KZ", 20, "3n13c" }, { "LB", 28, "4n20c" },
    { "LC", 32, "4a24c" }, { "LI", 21, "5n12c" }, { "LT", 20, "16n" }, { "LU", 20, "3n13c" }, { "LV", 21, "4a13c" },
    { "LY", 25, "21n" }, { "MC", 27, "10n11c2n" }, { "MD", 24, "20c" }, { "ME", 22, "18n" }, { "MK", 19, "3n10c2n" },
    { "MN", 20, "16n" }, { "MR", 27, "23n" }, { "MT", 31, "4a5n18c" }, { "MU", 30, "4a19n3a" }, { "NI", 28, "4a20n" },
    { "NL", 18, "4a10n" }, { "NO", 15, "11n" }, { "OM", 23, "3n16c" }, { "PK", 24, "4a16c" }, { "PL", 28, "24n" },
    { "PS", 29, "4a21c" }, { "PT", 25, "21n" }, { "QA", 29, "4a21c" }, { "RO", 24, "4a16c" }, { "RS", 22, "18n" },
    { "RU", 33, "14n15c" }, { "SA", 24, "2n18c" }, { "SC", 31, "4a20n3a" }, { "SD", 18, "14n" }, { "SE", 24, "20n" },
    { "SI", 19, "15n" }, { "SK", 24, "20n" }, { "SM", 27, "1a10n12c" }, { "SO", 23, "19n" }, { "ST", 25, "21n" },
    { "SV", 28, "4a20n" }, { "TL", 23, "19n" }, { "TN", 24, "20n" }, { "TR", 26, "6n16c" }, { "UA", 29, "6n19c" },
    { "VA", 22, "18n" }, { "VG", 24, "4a16n" }, { "XK", 20, "16n" }, { "YE", 30, "4a4n18c" },
};
/* clang-format on */

static int
iban_country(const char *word, uint32_t len)
{
    int i;

    for (i = 0; len >= 2 && i < (int)(sizeof(iban_countries) / sizeof(iban_countries[0])); i++)
        if (memcmp(word, iban_countries[i].country, 2) == 0)
            return i;
    return -1;
}

uint32_t
wd_iban_length(const char *word, uint32_t len)
{
    int i = iban_country(word, len);

    return i < 0 ? 0 : iban_countries[i].len;
}

static bool
iban_has_form(const char *word, const char *form)
{
    unsigned n, class;

    while (*form != '\0') {
        for (n = 0; *form >= '0' && *form <= '9'; form++)
            n = n * 10 + (unsigned)(*form - '0');
        class = *form == 'n' ? WD_CH_DIGIT : *form == 'a' ? WD_CH_UPPER : WD_CH_DIGIT | WD_CH_UPPER;
        form++;
        for (; n > 0; n--)
            if (!wd_char_is((uint8_t)*word++, class))
                return false;
    }
    return true;
}

bool
wd_valid_iban(const char *word, uint32_t len)
{
    int country = iban_country(word, len);
    unsigned rest = 0, i;
    uint8_t c;

    if (country < 0 || iban_countries[country].len != len || !iban_has_form(word + 2, "2n") ||
        !iban_has_form(word + 4, iban_countries[country].form))
        return false;
    for (i = 0; i < len; i++) {
        c = (uint8_t)word[(i + 4) % len];
        rest = wd_char_is(c, WD_CH_DIGIT) ? rest * 10 + (c - '0') : rest * 100 + (unsigned)(c - 'A') + 10;
        rest %= 97;
    }
    return rest == 1;
}
