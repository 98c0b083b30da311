#ifndef WD_CHARS_H
#define WD_CHARS_H

#include <stdbool.h>
#include <stdint.h>

/* Classes of one character of the text as its reader sees it; a bit each. Bytes above ASCII are in none. */
enum {
    WD_CH_UPPER = 1,
    WD_CH_LOWER = 2,
    WD_CH_DIGIT = 4,
    WD_CH_JOIN = 8,  /* _ and - */
    WD_CH_DOT = 16,  /* . */
    WD_CH_SIGN = 32, /* + / =, what else base64 has */
    WD_CH_MORE = 64, /* @ % ~, what else a token may hold */
    WD_CH_SPACE = 128,

    WD_CH_ALPHA = WD_CH_UPPER | WD_CH_LOWER,
    WD_CH_ALNUM = WD_CH_ALPHA | WD_CH_DIGIT,
    WD_CH_KEY = WD_CH_ALNUM | WD_CH_JOIN,
    WD_CH_DOTTED = WD_CH_KEY | WD_CH_DOT,
    WD_CH_BASE64 = WD_CH_KEY | WD_CH_SIGN,
};

/*
 * The quote of a JSON string when the text is JSON, as told apart from a quote that is part of a string's
 * text. No text holds it: a raw U+0001 is read as an unknown character.
 */
#define WD_CH_STRING_QUOTE 0x01
/* A hidden character that is part of a hidden text. No text holds it: a raw U+0002 is read as an unknown character. */
#define WD_CH_HIDDEN 0x02

extern const uint8_t wd_chars[256];

static inline bool
wd_char_is(uint8_t c, unsigned classes)
{
    return (wd_chars[c] & classes) != 0;
}

static inline bool
wd_char_is_quote(uint8_t c)
{
    return c == '"' || c == '\'' || c == '`' || c == WD_CH_STRING_QUOTE;
}

/* What a word that may hold a finding is made of. '=' is none of it: it ends the name of an assignment. */
static inline bool
wd_char_is_token(uint8_t c)
{
    return c != '=' && (wd_chars[c] & (unsigned)~WD_CH_SPACE) != 0;
}

static inline uint8_t
wd_char_lower(uint8_t c)
{
    return wd_char_is(c, WD_CH_UPPER) ? (uint8_t)(c | 0x20) : c;
}

#endif
