#ifndef WD_ENCODED_H
#define WD_ENCODED_H

#include "text/decode.h"
#include "match.h"

/*
 * Findings within encoded tokens: base64, hex and percent-encoding, WD_DECODE_DEPTH of them in each other. A finding in base64
 * or hex is the whole token, one in percent-encoding the characters that stand for it.
 */

/* A longer token is looked at in parts. */
enum { WD_ENCODED_MAX = 4096 };

/* Storage, part of a scratch. */
struct wd_encoded {
    char text[WD_DECODE_DEPTH][WD_ENCODED_MAX];
    uint32_t map[WD_ENCODED_MAX + 1];
    uint32_t offs[WD_ENCODED_MAX + 1];
    struct wd_matches inner;
};

void wd_encoded_init(struct wd_encoded *e);
void wd_encoded_deinit(struct wd_encoded *e);

/* False when nothing can match in any encoded token of the text; a text as it came or as its reader sees it. */
bool wd_encoded_suspect(const struct wd_scan *scan, struct wd_encoded *e, struct wd_span text);

/* Adds the findings in encoded tokens of the piece that touch none of those that are there already. WD_ERR_NOMEM. */
enum wd_err wd_encoded_find(const struct wd_scan *scan, struct wd_encoded *e, const struct wd_piece *piece,
                            struct wd_matches *all) WD_CHECK;

#endif
