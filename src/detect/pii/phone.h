#ifndef WD_PHONE_H
#define WD_PHONE_H

#include <stdbool.h>
#include <stdint.h>

#include "../match.h"

enum { WD_PHONE_GROUPS = 9, WD_PHONE_DIGITS = 20, WD_PHONE_CHARS = 40 };

/* Groups of digits in a row, and what stands between. */
struct wd_phone {
    char digits[WD_PHONE_DIGITS];
    uint8_t count;
    uint8_t lens[WD_PHONE_GROUPS], groups;
    char seps[WD_PHONE_GROUPS]; /* before each group: 0, or the last character of what stands between it and the one before */
    bool plus, paren;           /* how it starts */
    bool extension;
    bool label; /* -Office, -Fax stands right behind */
};

/* Reads such a row from `at` on. Returns where it ends, 0 when there is none. */
uint32_t wd_phone_read(const struct wd_piece *p, uint32_t at, struct wd_phone *phone);

/* The n characters may stand between two groups; or, unless whole, be the first of what does. */
bool wd_phone_is_gap(const char *text, size_t n, bool whole);

/* Written as telephone numbers are and little else. */
bool wd_phone_is_plain(const struct wd_phone *phone);
/* Could be one, when it is called one. */
bool wd_phone_is_possible(const struct wd_phone *phone);

#endif
