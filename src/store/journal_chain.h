#ifndef WD_JOURNAL_CHAIN_H
#define WD_JOURNAL_CHAIN_H

#include <stdint.h>

#include "journal.h"

/* One line of the chain and the names of its files, private to the journal. */
#define CHAIN_HEX 64
/* `{BODY,"prev":"HEX","hash":"HEX"}` and the line feed around the longest body */
#define CHAIN_LINE_MAX (WD_JOURNAL_BODY_MAX + 2 * (CHAIN_HEX + 10) + 8)
#define CHAIN_WRITERS_MAX 1024

/* Appends a line to out (room for CHAIN_LINE_MAX) and moves prev on to its hash. Returns its length. */
size_t chain_line(char *out, struct wd_span body, char prev[CHAIN_HEX], const uint8_t key[32]);

enum chain_fault {
    CHAIN_OK,
    CHAIN_MALFORMED,
    CHAIN_HASH, /* edited */
    CHAIN_PREV, /* whole in itself, but another line stood before it */
};
/* line without its line feed; prev as above, moved on when OK. */
enum chain_fault chain_check(struct wd_span line, char prev[CHAIN_HEX], const uint8_t key[32]);

/* N of "N.jsonl" or "N.open"; -1 when the name is not one. */
int chain_number(const char *name, const char *suffix);

#endif
