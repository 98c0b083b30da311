#include "hold_pii.h"

#include "../text/chars.h"
#include "naming.h"
#include "phone.h"
#include "place.h"

enum { PII_NUMBER = 1, PII_COLON = 2, PII_GROUPS = 4, PII_DATE = 8, PII_POSTAL = 16 };
enum { PII_HEX_MAX = 4, PII_IBAN_CHARS = 42, PII_NINO_CHARS = 13, PII_NINO_LETTER = 9 };

static struct wd_naming
pii_naming(const struct wd_hold_text *t, uint32_t at, uint32_t reach)
{
    struct wd_piece piece = { .chars = t->view->chars, .len = t->view->count, .past = t->past, .past_len = t->past_len };

    return wd_naming_read(&piece, at, reach);
}

/* Do the groups so far begin one of the forms that are written with blanks, or make up one? */
static bool
pii_is_form(const struct wd_hold_pii *h)
{
    static const char *const forms[] = {
        "324",  /* social security, US */
        "334",  /* NHS, telephone */
        "333",  /* social insurance, Canada; tax file number, Australia */
        "34",   /* telephone */
        "4444", /* in threes: Aadhaar; a card goes on */
        "451",  /* Medicare, Australia */
    };
    size_t i, k;

    for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        for (k = 0; k < h->groups && forms[i][k] != '\0' && forms[i][k] == (char)('0' + h->lens[k]); k++)
            continue;
        if (k == h->groups)
            return true;
    }
    return false;
}

/* May another group follow behind a blank or a parenthesis? */
static bool
pii_may_go_on(struct wd_hold_pii *h, const struct wd_hold_text *t)
{
    struct wd_naming naming;

    if (h->open || pii_is_form(h))
        return true;
    if (h->named < 0) {
        naming = pii_naming(t, h->start, WD_NAMING_REACH);
        h->named = wd_naming_is_phone(&naming) || naming.groups >= 0;
    }
    return h->named != 0;
}

static bool
pii_number(struct wd_hold_pii *h, const struct wd_hold_text *t, uint8_t c)
{
    if (++h->chars > WD_PHONE_CHARS + 2)
        return false;
    if (wd_char_is(c, WD_CH_DIGIT)) {
        if (!wd_char_is(t->before, WD_CH_DIGIT)) {
            if (h->groups == WD_PHONE_GROUPS)
                return false;
            h->group = h->gap_len = 0;
            h->groups++;
        }
        h->group++;
        h->lens[h->groups - 1] = h->group;
        return h->group <= WD_PHONE_DIGITS;
    }
    if (c == ')' && !h->paren)
        return false;
    h->paren = c == '(' || (h->paren && c != ')');
    if (h->groups == 0)
        return c == '(';
    if (h->gap_len == sizeof(h->gap))
        return false;
    h->gap[h->gap_len++] = (char)c;
    if (!wd_phone_is_gap(h->gap, h->gap_len, false))
        return false;
    return (c != ' ' && c != '(') || pii_may_go_on(h, t);
}

static bool
pii_is_hex(uint8_t c)
{
    return wd_char_is(c, WD_CH_DIGIT) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* One to four hexadecimal digits stand before a colon, and no other letter before those. */
static bool
pii_is_group6(const struct wd_hold_text *t)
{
    const struct wd_view *v = t->view;
    uint32_t n = 0;

    if (t->token < 0)
        return false;
    while (n <= PII_HEX_MAX && t->token + n < v->count && pii_is_hex(v->chars[v->count - 1 - n]))
        n++;
    return n > 0 && n <= PII_HEX_MAX && (t->token + n == v->count || !wd_char_is(v->chars[v->count - 1 - n], WD_CH_ALNUM));
}

static bool
pii_colon(const struct wd_hold_pii *h, const struct wd_hold_text *t, uint8_t c)
{
    if (c == ':')
        return (h->live & PII_COLON) != 0 || pii_is_group6(t);
    return (h->live & PII_COLON) != 0 && t->before == ':' && (pii_is_hex(c) || c == '/' || c == '%');
}

/* GB82 WEST 1234, AA 12 34 56 B: upper-case letters and digits. */
static bool
pii_groups(struct wd_hold_pii *h, const struct wd_hold_text *t, uint8_t c)
{
    if (++h->words > (h->nino ? PII_NINO_CHARS : PII_IBAN_CHARS))
        return false;
    if (c == ' ') {
        if (t->before == ' ' || (!h->nino && h->word != 4))
            return false;
        h->word = 0;
        return true;
    }
    h->word++;
    if (!h->nino)
        return wd_char_is(c, WD_CH_UPPER | WD_CH_DIGIT) && h->word <= 4;
    return wd_char_is(c, WD_CH_DIGIT) || (c >= 'A' && c <= 'D' && h->words > PII_NINO_LETTER);
}

static bool
pii_date(struct wd_hold_pii *h, uint8_t c)
{
    return ++h->place <= WD_PLACE_DATE_MAX && (wd_char_is(c, WD_CH_ALNUM) || c == ' ' || c == ',' || c == '.' || c >= 0x80);
}

static bool
pii_postal(struct wd_hold_pii *h, const struct wd_hold_text *t, uint8_t c)
{
    if (++h->place > WD_PLACE_MAX)
        return false;
    if (t->before == ' ' || t->before == ',')
        return wd_char_is(c, WD_CH_UPPER | WD_CH_DIGIT) || c == '#' || c >= 0x80 || (c == ' ' && t->before == ',');
    return wd_place_is_word(c) || c == ' ' || c == ',' || c == '#';
}

/* A day or the name of a month. */
static bool
pii_is_date_word(const uint8_t *word, uint32_t len)
{
    uint32_t digits = 0;

    while (digits < len && wd_char_is(word[digits], WD_CH_DIGIT))
        digits++;
    return digits <= 2 && len <= 10 && (digits == 0 || len <= digits + 2) && (digits > 0 || wd_place_month(word, len) > 0);
}

/* The word before the character is one, behind a word that announces a date of birth. */
static bool
pii_starts_date(const struct wd_hold_text *t, const uint8_t *word, uint32_t len)
{
    struct wd_naming naming;

    if (!pii_is_date_word(word, len))
        return false;
    naming = pii_naming(t, (uint32_t)t->token, WD_NAMING_REACH);
    return naming.birth >= 0;
}

/* The number of a house or the name of a street. */
static bool
pii_is_postal_word(const uint8_t *word, uint32_t len, uint8_t c)
{
    if (c == ' ' && wd_char_is(word[0], WD_CH_DIGIT))
        return len <= WD_PLACE_NUMBER_MAX;
    if (!wd_char_is(word[0], WD_CH_UPPER) || len > WD_PLACE_MAX / 2)
        return false;
    return c != ' ' || wd_place_is_german(word, len);
}

/* The word before the character is one, behind a word that announces an address. */
static bool
pii_starts_postal(const struct wd_hold_text *t, const uint8_t *word, uint32_t len, uint8_t c)
{
    struct wd_naming naming;

    if (!pii_is_postal_word(word, len, c))
        return false;
    naming = pii_naming(t, (uint32_t)t->token, WD_NAMING_REACH);
    return naming.address >= 0;
}

/* How many characters at the end of the word are AB or GB82, as numbers begin that go on in groups; 0: none. */
static uint32_t
pii_group_start(const uint8_t *word, uint32_t len)
{
    uint32_t n = 0;

    if (!wd_char_is(word[len - 1], WD_CH_UPPER | WD_CH_DIGIT))
        return 0;
    while (n < len && n < 5 && wd_char_is(word[len - 1 - n], WD_CH_ALNUM))
        n++;
    word += len - n;
    if ((n != 2 && n != 4) || !wd_char_is(word[0], WD_CH_UPPER) || !wd_char_is(word[1], WD_CH_UPPER))
        return 0;
    return n == 2 || (wd_char_is(word[2], WD_CH_DIGIT) && wd_char_is(word[3], WD_CH_DIGIT)) ? n : 0;
}

static uint8_t
pii_starts_groups(struct wd_hold_pii *h, const uint8_t *word, uint32_t len)
{
    uint32_t n = pii_group_start(word, len);

    if (n == 0)
        return 0;
    h->nino = n == 2;
    h->words = (uint8_t)(n + 1);
    h->word = 0;
    return PII_GROUPS;
}

/* What may follow a word that ends before c. */
static uint8_t
pii_after_word(struct wd_hold_pii *h, const struct wd_hold_text *t, uint8_t c)
{
    const uint8_t *word = t->view->chars + t->token;
    uint32_t len = t->view->count - (uint32_t)t->token;
    uint8_t live = 0;

    if (c != ' ' && c != ',' && c < 0x80)
        return 0;
    if (c == ' ' && (h->live & PII_GROUPS) == 0)
        live |= pii_starts_groups(h, word, len);
    if (len > WD_PLACE_MAX || (h->live & (PII_DATE | PII_POSTAL)) != 0)
        return live;
    if (c < 0x80 && pii_starts_date(t, word, len))
        live |= PII_DATE;
    if (c != ',' && pii_starts_postal(t, word, len, c))
        live |= PII_POSTAL;
    if ((live & (PII_DATE | PII_POSTAL)) != 0)
        h->place = 0;
    return live;
}

bool
wd_hold_pii_follows(const uint8_t *word, uint32_t len, uint8_t c)
{
    if (c != ' ' && c != ',' && c < 0x80)
        return false;
    if (c == ' ' && pii_group_start(word, len) > 0)
        return true;
    return len <= WD_PLACE_MAX && ((c < 0x80 && pii_is_date_word(word, len)) || (c != ',' && pii_is_postal_word(word, len, c)));
}

bool
wd_hold_pii_stay(struct wd_hold_pii *h, const struct wd_hold_text *t, uint8_t c)
{
    uint8_t was = h->live, stay = 0;

    if ((was & PII_NUMBER) != 0 && pii_number(h, t, c))
        stay |= PII_NUMBER;
    if (((was & PII_COLON) != 0 || c == ':') && pii_colon(h, t, c))
        stay |= PII_COLON;
    if ((was & PII_GROUPS) != 0 && pii_groups(h, t, c))
        stay |= PII_GROUPS;
    if ((was & PII_DATE) != 0 && pii_date(h, c))
        stay |= PII_DATE;
    if ((was & PII_POSTAL) != 0 && pii_postal(h, t, c))
        stay |= PII_POSTAL;
    h->live = stay;
    if (t->token >= 0 && !wd_char_is_token(c))
        h->live |= pii_after_word(h, t, c);
    return h->live != 0;
}

bool
wd_hold_pii_start(struct wd_hold_pii *h, const struct wd_hold_text *t, uint8_t c)
{
    bool digit = wd_char_is(c, WD_CH_DIGIT);

    /* A colon that was tied to what stands behind it is done with. */
    if (c != ':')
        h->live &= (uint8_t)~PII_COLON;
    else
        h->live |= PII_COLON;
    if ((h->live & PII_NUMBER) == 0 && !wd_char_is(t->before, WD_CH_ALNUM) && ((digit && !h->behind) || c == '+' || c == '(')) {
        h->start = t->view->count;
        h->groups = h->group = h->lens[0] = digit;
        h->chars = 1;
        h->gap_len = 0;
        h->paren = c == '(';
        h->open = !digit || c == '0';
        h->named = -1;
        h->live |= PII_NUMBER;
    }
    h->behind = c == ' ' && wd_char_is(t->before, WD_CH_DIGIT);
    return h->live != 0;
}

void
wd_hold_pii_drop(struct wd_hold_pii *h, uint32_t n)
{
    h->start -= h->start < n ? h->start : n;
}
