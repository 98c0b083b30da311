#ifndef WD_MEASURE_PII_H
#define WD_MEASURE_PII_H

#include "../match.h"

/*
 * Shapes of personal data, for wd_measure(): m->start and m->end are what the pattern matched, and become what the finding is.
 * What they look at before a value is text (wd_piece_at), behind it only what hold.c keeps together with it: so a finding is the
 * same in the piece that it stands in and in the whole text.
 */
bool wd_measure_mask(const struct wd_piece *p, struct wd_match *m);
/* Where the word of letters and digits starts that `at` stands in; WD_MEASURE_NO_WORD when that is too far away. */
#define WD_MEASURE_NO_WORD UINT32_MAX
uint32_t wd_measure_word(const struct wd_piece *p, uint32_t at);
/* ISO 13616: in one word, or in groups of four. */
bool wd_measure_iban(const struct wd_piece *p, struct wd_match *m);
/* Addresses of somebody: see wd_ip_is_nobody(). */
bool wd_measure_ipv4(const struct wd_piece *p, struct wd_match *m);
bool wd_measure_ipv6(const struct wd_piece *p, struct wd_match *m);
bool wd_measure_phone(const struct wd_piece *p, struct wd_match *m);
/* A day of a month of a year, in digits or with the month's name. */
bool wd_measure_date(const struct wd_piece *p, struct wd_match *m);
bool wd_measure_postal(const struct wd_piece *p, struct wd_match *m);

/* A number may stand here: behind nothing that would make it the end of another one, of a name or of a price. */
bool wd_measure_number_begins(const struct wd_piece *p, int64_t at);
/* And end here: before nothing that goes on with it. */
bool wd_measure_number_ends(const struct wd_piece *p, int64_t at);
/* What stands right before names the number as something else: an order, a version, a page, a telephone. */
bool wd_measure_is_thing(const struct wd_piece *p, uint32_t at);

#endif
