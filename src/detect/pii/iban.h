#ifndef WD_IBAN_H
#define WD_IBAN_H

#include <stdbool.h>
#include <stdint.h>

#define WD_IBAN_MAX 34

/* The length that IBANs of the country have with whose letters (upper case) the word begins; 0 when it has none. */
uint32_t wd_iban_length(const char *word, uint32_t len);
/* Check digits (ISO 7064, mod 97-10) and the country's form. len: as above; letters in upper case, no blanks. */
bool wd_valid_iban(const char *word, uint32_t len);

#endif
