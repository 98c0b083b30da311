#include "place.h"

#include <string.h>

#include "../text/chars.h"

/* How many characters of the text are the word, in any letter case, when it starts with it. */
static uint32_t
place_starts(const uint8_t *text, uint32_t n, const char *word)
{
    uint32_t i;

    for (i = 0; word[i] != '\0'; i++)
        if (i >= n || wd_char_lower(text[i]) != (uint8_t)word[i])
            return 0;
    return i;
}

uint32_t
wd_place_month(const uint8_t *text, uint32_t n)
{
    /* How names of months begin in English, German, French and Spanish, behind their first letter. */
    static const char *const months[26][6] = {
        ['a' - 'a'] = { "pr", "ug", "vr", "o\xc3\xbb", "br", "go" },
        ['d' - 'a'] = { "ec", "ez",
                        "\xc3\xa9"
                        "c",
                        "ic" },
        ['e' - 'a'] = { "ne" },
        ['f' - 'a'] = { "eb", "ev", "\xc3\xa9v" },
        ['j' - 'a'] = { "an", "un", "ul", "uin", "uil" },
        ['m' - 'a'] = { "ar", "ay", "\xc3\xa4r", "ai" },
        ['n' - 'a'] = { "ov" },
        ['o' - 'a'] = { "ct", "kt" },
        ['s' - 'a'] = { "ep" },
    };
    const char *const *month;
    uint32_t i, len;

    if (n == 0 || !wd_char_is(text[0], WD_CH_ALPHA))
        return 0;
    month = months[(text[0] | 0x20) - 'a'];
    for (i = 0; i < 6 && month[i] != NULL; i++) {
        len = place_starts(text + 1, n - 1, month[i]);
        if (len == 0)
            continue;
        for (len++; len < n && len < 12 && (wd_char_is(text[len], WD_CH_ALPHA) || text[len] >= 0x80); len++)
            continue;
        return len <= 10 ? len : 0;
    }
    return 0;
}

bool
wd_place_is_word(uint8_t c)
{
    return wd_char_is(c, WD_CH_ALNUM) || c == '-' || c == '.' || c >= 0x80;
}

bool
wd_place_is_street(const uint8_t *word, uint32_t n)
{
    static const char *const streets[] = {
        "street",    "st",       "avenue", "ave",     "road",     "rd",    "drive",   "dr",      "lane",   "ln",
        "boulevard", "blvd",     "court",  "ct",      "place",    "pl",    "way",     "terrace", "ter",    "square",
        "sq",        "crescent", "close",  "gardens", "parkway",  "pkwy",  "highway", "hwy",     "circle", "cir",
        "hill",      "row",      "mews",   "grove",   "broadway", "trail", "walk",    "park",    "alley",  "plaza",
        "loop",      "run",      "green",  "quay",    "wharf",    "rise",  "vale",    "path",
    };
    uint32_t i;

    while (n > 0 && word[n - 1] == '.')
        n--;
    for (i = 0; i < sizeof(streets) / sizeof(streets[0]); i++)
        if (strlen(streets[i]) == n && place_starts(word, n, streets[i]) == n)
            return true;
    return false;
}

bool
wd_place_is_german(const uint8_t *word, uint32_t n)
{
    static const char *const streets[] = {
        "strasse",
        ("stra\xc3\x9f"
         "e"),
        "str.",
        "weg",
        "platz",
        "allee",
        "gasse",
        "ring",
        "damm",
        "ufer",
    };
    uint32_t len;
    size_t i;

    /* How they end. Asked for every word that begins with an upper-case letter. */
    if (n == 0 || strchr("egzmr.", wd_char_lower(word[n - 1])) == NULL)
        return false;
    for (i = 0; i < sizeof(streets) / sizeof(streets[0]); i++) {
        len = (uint32_t)strlen(streets[i]);
        if (n > len && place_starts(word + n - len, len, streets[i]) == len)
            return true;
    }
    return false;
}

uint32_t
wd_place_german(const uint8_t *text, uint32_t n)
{
    uint32_t i = 0, start;

    while (i < n && i < WD_PLACE_MAX / 2 && wd_place_is_word(text[i]))
        i++;
    if (!wd_place_is_german(text, i) || i >= n || text[i] != ' ')
        return 0;
    start = ++i;
    while (i < n && i - start < 4 && wd_char_is(text[i], WD_CH_DIGIT))
        i++;
    if (i == start)
        return 0;
    if (i < n && wd_char_is(text[i], WD_CH_LOWER) && !(i + 1 < n && wd_char_is(text[i + 1], WD_CH_ALNUM)))
        i++;
    return i < n && wd_char_is(text[i], WD_CH_ALNUM) ? 0 : i;
}
