#include "validate.h"

#include "../text/chars.h"
#include "random.h"
#include "../rules.h"

enum { VALIDATE_LOOK = WD_VALID_LOOK, VALIDATE_SAME = 6, VALIDATE_RANDOM = 35, VALIDATE_SAID = 10, VALIDATE_WORDS = 35 };

/* What a value is made of. */
struct validate_look {
    unsigned upper, lower, digits, spaces, joins, distinct;
    unsigned special; /* beyond the first character: there it is an operator or a sigil */
    unsigned run;     /* longest row of letters and digits that holds a digit */
    unsigned same;    /* longest row of one character that is no digit */
};

static struct validate_look
validate_look(struct wd_span s)
{
    struct validate_look look = { 0 };
    unsigned run = 0, same = 0;
    uint64_t seen[4] = { 0 };
    bool digit = false;
    size_t i;
    uint8_t c, k;

    for (i = 0; i < s.len && i < VALIDATE_LOOK; i++) {
        c = (uint8_t)s.ptr[i];
        k = wd_chars[c];
        look.upper += (k & WD_CH_UPPER) != 0;
        look.lower += (k & WD_CH_LOWER) != 0;
        look.digits += (k & WD_CH_DIGIT) != 0;
        look.spaces += (k & WD_CH_SPACE) != 0;
        look.joins += (k & WD_CH_JOIN) != 0;
        look.distinct += (seen[c / 64] >> (c % 64) & 1) == 0;
        seen[c / 64] |= (uint64_t)1 << (c % 64);
        look.special += i > 0 && (k & WD_CH_DOTTED) == 0 && memchr("!@#$%^~", c, 7) != NULL;
        same = i > 0 && s.ptr[i - 1] == s.ptr[i] && (k & WD_CH_DIGIT) == 0 ? same + 1 : 1;
        look.same = same > look.same ? same : look.same;
        run = (k & WD_CH_ALNUM) != 0 ? run + 1 : 0;
        digit = run > 0 && (digit || (k & WD_CH_DIGIT) != 0);
        look.run = digit && run > look.run ? run : look.run;
    }
    return look;
}

bool
wd_valid_drawn(struct wd_span s, unsigned form)
{
    struct validate_look look = validate_look(s);

    return look.distinct >= 8 && look.same < VALIDATE_SAME;
}

bool
wd_valid_key(struct wd_span s, unsigned form)
{
    struct validate_look look = validate_look(s);

    return look.distinct >= 8 && look.same < VALIDATE_SAME && (look.digits > 0 || (look.upper > 0 && look.lower > 0));
}

bool
wd_valid_random(struct wd_span s, unsigned form)
{
    /* A number that is mostly zero begins base64 with a row of A. */
    while (s.len > 1 && s.ptr[0] == s.ptr[1])
        s = wd_span(s.ptr + 1, s.len - 1);
    return wd_valid_key(s, form) && wd_random_score(s) >= VALIDATE_RANDOM;
}

static bool
validate_starts(struct wd_span s, const char *prefix)
{
    size_t len = strlen(prefix);

    return s.len >= len && memcmp(s.ptr, prefix, len) == 0;
}

bool
wd_valid_openai_key(struct wd_span s, unsigned form)
{
    static const char *const kinds[] = { "sk-proj-", "sk-svcacct-", "sk-admin-", "sk-None-" };
    struct validate_look look = validate_look(s);
    size_t i;

    if (validate_starts(s, "sk-ant-") || !wd_valid_key(s, form))
        return false;
    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (validate_starts(s, kinds[i]))
            return true;
    return look.run >= 16 || (look.digits >= 2 && look.upper >= 2 && look.lower >= 3);
}

bool
wd_valid_aws_secret(struct wd_span s, unsigned form)
{
    struct validate_look look = validate_look(s);
    size_t i;

    if (s.len != 40)
        return false;
    for (i = 0; i < s.len; i++)
        if (!wd_char_is((uint8_t)s.ptr[i], WD_CH_ALNUM | WD_CH_SIGN))
            return false;
    return look.digits > 0 && look.upper > 0 && look.lower > 0;
}

static bool
validate_holds(struct wd_span s, const char *word)
{
    size_t len = strlen(word), i;

    for (i = 0; i + len <= s.len; i++)
        if (memcmp(s.ptr + i, word, len) == 0)
            return true;
    return false;
}

/* What is kept of a password in place of it (crypt(5), htpasswd) */
static bool
validate_is_digest(struct wd_span s)
{
    static const char *const starts[] = {
        "$apr1$", "$1$", "$2a$", "$2b$", "$2y$", "$5$", "$6$", "$y$", "$argon2", "{SHA", "{SSHA"
    };
    size_t i;

    for (i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
        if (validate_starts(s, starts[i]))
            return true;
    return false;
}

/* <your token>, ${TOKEN}, $$TOKEN, {{ token }}, %TOKEN%, [REDACTED], $(pass show x), ${TOKEN:-none} */
static bool
validate_is_placeholder(struct wd_span s)
{
    size_t from = 0, i;

    while (from < s.len && (s.ptr[from] == '\\' || s.ptr[from] == '$'))
        from++;
    if (from == s.len || memchr("<{[(-", s.ptr[from], 5) != NULL || (s.ptr[0] == '%' && s.ptr[s.len - 1] == '%'))
        return true;
    if (from == 0 || wd_char_is((uint8_t)s.ptr[from], WD_CH_DIGIT))
        return false;
    for (i = from; i < s.len; i++)
        if (!wd_char_is((uint8_t)s.ptr[i], WD_CH_ALNUM) && s.ptr[i] != '_')
            return false;
    return true;
}

/* A place or the like rather than a value: /run/secrets/x1, ~/.netrc, https://host/x1 */
static bool
validate_is_place(struct wd_span s)
{
    /* A colour, a regular expression. */
    if ((s.ptr[0] == '#' && s.len <= 9) || validate_starts(s, "/^"))
        return true;
    if (validate_holds(s, "://"))
        return !validate_holds(s, "@");
    return validate_starts(s, "./") || validate_starts(s, "../") || validate_starts(s, "~/") ||
           (s.ptr[0] == '/' && validate_holds(wd_span(s.ptr + 1, s.len - 1), "/") && !validate_holds(s, "+"));
}

/* An expression rather than a literal: os.getenv(, config.auth2.token, tokens[0], GITHUB_TOKEN_2, a->b */
static bool
validate_is_code(struct wd_span s, const struct validate_look *look)
{
    size_t i;
    bool dots = false, arrow;

    if (!wd_char_is((uint8_t)s.ptr[0], WD_CH_ALPHA) && s.ptr[0] != '_' && s.ptr[0] != '$' && s.ptr[0] != '@' && s.ptr[0] != '&')
        return false;
    for (i = 1; i < s.len; i++) {
        arrow = i + 1 < s.len && ((s.ptr[i] == '-' && s.ptr[i + 1] == '>') || (s.ptr[i] == ':' && s.ptr[i + 1] == ':'));
        if (s.ptr[i] == '(' || s.ptr[i] == '[' || arrow)
            return true;
        if (s.ptr[i] == '.')
            dots = true;
        else if (!wd_char_is((uint8_t)s.ptr[i], WD_CH_ALNUM) && s.ptr[i] != '_')
            return false;
    }
    return look->digits <= 2 && (dots || (look->lower == 0 && look->joins > 0));
}

/* A value that could be one at all; *look is filled in. */
static bool
validate_literal(struct wd_span s, unsigned form, struct validate_look *look)
{
    if (s.len < 6)
        return false;
    *look = validate_look(s);
    if (look->distinct < 3 || look->spaces > 3 || validate_is_placeholder(s) || validate_is_place(s) || validate_is_digest(s))
        return false;
    return (form & WD_VALUE_QUOTED) != 0 || !validate_is_code(s, look);
}

/* In a sentence: "the token is base64-encoded" says none. The value shows that it is one early on. */
static bool
validate_is_said(struct wd_span s, const struct validate_look *look)
{
    static const char *const terms[] = {
        "base", "sha", "md5", "utf", "oauth", "bcrypt", "argon", "aes", "ascii", "hmac", "http"
    };
    size_t i, k;

    for (i = 0; i < sizeof(terms) / sizeof(terms[0]); i++) {
        for (k = 0; terms[i][k] != '\0' && wd_char_lower((uint8_t)s.ptr[k]) == (uint8_t)terms[i][k]; k++)
            continue;
        if (terms[i][k] == '\0')
            return false;
    }
    if (look->spaces > 0 || look->upper + look->lower == 0 || (look->joins > 0 && look->special == 0 && look->upper == 0))
        return false;
    for (i = 0; i < s.len && i < VALIDATE_SAID; i++)
        if (wd_char_is((uint8_t)s.ptr[i], WD_CH_DIGIT) || (i > 0 && memchr("@#$%^&", s.ptr[i], 6) != NULL))
            return true;
    return false;
}

bool
wd_valid_assigned(struct wd_span s, unsigned form)
{
    struct validate_look look;

    if (!validate_literal(s, form, &look) || ((form & WD_VALUE_SAID) != 0 && !validate_is_said(s, &look)))
        return false;
    /* my-test-key-of-32-bytes */
    if ((form & WD_VALUE_QUOTED) == 0 && look.joins >= 2 && look.upper == 0 && wd_random_score(s) < VALIDATE_WORDS)
        return false;
    return look.digits > 0 || look.special > 0;
}

/* Words that stand where a password will stand. */
static bool
validate_is_stop_word(struct wd_span s)
{
    static const char *const words[] = { "password", "passwd",  "secret",    "token",    "your",  "example", "required",
                                         "optional", "string",  "undefined", "none",     "null",  "process", "self",
                                         "config",   "environ", "hidden",    "redacted", "input", "prompt",  "default",
                                         "settings", "request", "boolean",   "change" };
    char lower[64];
    size_t i;

    if (s.len > sizeof(lower))
        return true;
    for (i = 0; i < s.len; i++)
        lower[i] = (char)wd_char_lower((uint8_t)s.ptr[i]);
    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (validate_holds(wd_span(lower, s.len), words[i]))
            return true;
    return false;
}

bool
wd_valid_password(struct wd_span s, unsigned form)
{
    struct validate_look look;

    if (!validate_literal(s, form, &look) || ((form & WD_VALUE_SAID) != 0 && !validate_is_said(s, &look)))
        return false;
    if (look.digits > 0 || look.special > 0)
        return true;
    return form != 0 && s.len >= 8 && look.upper + look.lower == s.len && !validate_is_stop_word(s);
}

static bool
validate_issuer(unsigned head, size_t len)
{
    /* first four digits, lengths */
    static const struct {
        unsigned from, to;
        uint8_t shortest, longest;
    } issuers[] = {
        { 2221, 2720, 16, 16 },                         /* Mastercard */
        { 3000, 3059, 14, 16 },                         /* Diners */
        { 3095, 3095, 14, 16 }, { 3400, 3499, 15, 15 }, /* American Express */
        { 3528, 3589, 16, 19 },                         /* JCB */
        { 3600, 3699, 14, 19 },                         /* Diners */
        { 3700, 3799, 15, 15 },                         /* American Express */
        { 3800, 3999, 14, 19 },                         /* Diners */
        { 4000, 4999, 13, 19 },                         /* Visa */
        { 5000, 5099, 13, 19 },                         /* Maestro */
        { 5100, 5599, 16, 16 },                         /* Mastercard */
        { 5600, 5899, 13, 19 },                         /* Maestro */
        { 6011, 6011, 16, 19 },                         /* Discover */
        { 6200, 6299, 16, 19 },                         /* UnionPay */
        { 6304, 6304, 13, 19 },                         /* Maestro */
        { 6370, 6399, 13, 19 },                         /* InstaPayment, Maestro */
        { 6440, 6599, 16, 19 },                         /* Discover */
        { 6700, 6799, 13, 19 },                         /* Maestro */
    };
    size_t i;

    /* Those of Visa have three lengths; IMEI begin so, too, and have 15 digits with the same check digit. */
    if (head / 1000 == 4 && len != 13 && len != 16 && len != 19)
        return false;
    for (i = 0; i < sizeof(issuers) / sizeof(issuers[0]); i++)
        if (head >= issuers[i].from && head <= issuers[i].to)
            return len >= issuers[i].shortest && len <= issuers[i].longest && (issuers[i].shortest != 13 || len != 17);
    return false;
}

bool
wd_valid_card(const char *digits, size_t len)
{
    unsigned sum = 0, head = 0, d;
    size_t i;

    if (len < 13 || len > 19)
        return false;
    for (i = 0; i < 4; i++)
        head = head * 10 + (unsigned)(digits[i] - '0');
    if (!validate_issuer(head, len))
        return false;
    for (i = 0; i < len; i++) {
        d = (unsigned)(digits[len - 1 - i] - '0');
        if (i % 2 == 1)
            d = d > 4 ? d * 2 - 9 : d * 2;
        sum += d;
    }
    return sum % 10 == 0;
}

bool
wd_valid_mail_domain(struct wd_span s)
{
    static const char *const files[] = { ".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".js", ".css", ".html" };
    size_t i, len;

    for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        len = strlen(files[i]);
        if (s.len > len && memcmp(s.ptr + s.len - len, files[i], len) == 0)
            return false;
    }
    return true;
}
