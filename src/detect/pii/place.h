#ifndef WD_PLACE_H
#define WD_PLACE_H

#include <stdbool.h>
#include <stdint.h>

/* The longest stretch that is waited for behind a word that announces a postal address, and one that announces a date; the
 * longest number of a house. */
enum { WD_PLACE_MAX = 120, WD_PLACE_DATE_MAX = 32, WD_PLACE_NUMBER_MAX = 6 };

/* Characters of the name of a month that the text starts with, 0 when it starts with none. English, German, French, Spanish. */
uint32_t wd_place_month(const uint8_t *text, uint32_t n);
/* What words of an address are made of. */
bool wd_place_is_word(uint8_t c);
/* Street, Ave., Road: the n characters are one, in any letter case. */
bool wd_place_is_street(const uint8_t *word, uint32_t n);
/* Lindenstrasse: the word ends as the names of streets do. */
bool wd_place_is_german(const uint8_t *word, uint32_t n);
/* Lindenstrasse 12; Am Alten Markt 3 is none: where the number ends, 0 when the text does not start so. */
uint32_t wd_place_german(const uint8_t *text, uint32_t n);

#endif
