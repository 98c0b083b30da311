/* Names and passwords as they stand in headers, commands and URLs. */
#include "../text/chars.h"
#include "random.h"
#include "../rules.h"
#include "validate.h"

enum { LOGIN_RANDOM = 30, LOGIN_PASSWORD_MIN = 3 };

static int
login_sextet(uint8_t c)
{
    if (wd_char_is(c, WD_CH_UPPER))
        return c - 'A';
    if (wd_char_is(c, WD_CH_LOWER))
        return c - 'a' + 26;
    if (wd_char_is(c, WD_CH_DIGIT))
        return c - '0' + 52;
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

bool
wd_valid_basic(struct wd_span s, unsigned form)
{
    unsigned bits = 0, held = 0, colons = 0;
    uint8_t c;
    size_t i;

    for (i = 0; i < s.len && s.ptr[i] != '='; i++) {
        if (login_sextet((uint8_t)s.ptr[i]) < 0)
            return false;
        bits = bits << 6 | (unsigned)login_sextet((uint8_t)s.ptr[i]);
        held += 6;
        if (held < 8)
            continue;
        held -= 8;
        c = (uint8_t)(bits >> held);
        if (c < 0x20 || c == 0x7f)
            return false;
        colons += c == ':';
    }
    return colons > 0;
}

/* ***, xxxx, <password>, ${PASSWORD}, $PASSWORD, {{ password }}, [password], %s */
static bool
login_is_placeholder(struct wd_span s)
{
    size_t i = 1;

    while (i < s.len && (s.ptr[i] | 0x20) == (s.ptr[0] | 0x20))
        i++;
    return i == s.len || memchr("<{[$%(", s.ptr[0], 6) != NULL;
}

static bool
login_is_number(struct wd_span s)
{
    size_t i;

    for (i = 0; i < s.len; i++)
        if (!wd_char_is((uint8_t)s.ptr[i], WD_CH_DIGIT))
            return false;
    return true;
}

bool
wd_valid_login(struct wd_span s, unsigned form)
{
    const char *colon = memchr(s.ptr, ':', s.len);
    struct wd_span name, password;

    if (colon == NULL || colon == s.ptr)
        return false;
    name = wd_span(s.ptr, (size_t)(colon - s.ptr));
    password = wd_span(colon + 1, s.len - name.len - 1);
    if (password.len < LOGIN_PASSWORD_MIN || login_is_number(name) || wd_span_eq(name, password))
        return false;
    return !login_is_placeholder(password) && memcmp(password.ptr, "//", 2) != 0;
}

bool
wd_valid_url(struct wd_span s, unsigned form)
{
    if ((form & WD_VALUE_QUOTED) != 0)
        return wd_random_score(s) >= LOGIN_RANDOM;
    return s.len >= LOGIN_PASSWORD_MIN && !login_is_placeholder(s);
}
