#ifndef WD_BARE_H
#define WD_BARE_H

#include "../match.h"

/*
 * Keys without a form of their own: a word of at least WD_BARE_MIN characters that looks drawn by lot, behind text that calls
 * it a secret. No pattern finds them at the speed that a first look needs, so they have a scan of their own.
 */
enum { WD_BARE_MIN = 15, WD_BARE_MAX = 400 };

/*
 * Raw bytes, as for wd_scan_suspect(): false when no such key stands in them nor in any string that they hold.
 */
bool wd_bare_suspect(struct wd_span raw);
/* Characters of complete pieces: false when none could hold one, whatever stands before. */
bool wd_bare_possible(struct wd_span chars);
/* The next key from *at on; *at moves behind it. False when there is none left. */
bool wd_bare_next(const struct wd_piece *piece, uint32_t *at, struct wd_match *m);

#endif
