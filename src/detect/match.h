#ifndef WD_MATCH_H
#define WD_MATCH_H

#include "engine.h"

/*
 * A stretch of text that no finding crosses, as its reader sees it: characters of a view with what stands before and
 * behind them.
 */
struct wd_piece {
    const uint8_t *chars;
    const uint32_t *offs; /* len + 1 of them, see wd_view */
    uint32_t len;
    int before, after; /* -1: the text starts or ends here */
    /* What stands before: `near` characters right before chars, and before those the last ones of what has left. */
    uint32_t near, past_len;
    const uint8_t *past;
    bool open; /* the piece was cut for its length: what reaches its end may go on */
};

/* A finding in a piece. */
struct wd_match {
    const struct wd_rule *rule;
    uint32_t start, end;
    bool open;      /* its value may go on behind the piece */
    bool encoded;   /* it is the token that the value is encoded in */
    uint8_t action; /* encoded: what wd_scan.value answered of the values in it; then what the redactor does with it */
};

struct wd_matches {
    struct wd_match *items;
    uint32_t count, size;
};

/*
 * All findings of rules that the scan asks for, ordered by start. Of findings with the same place and category the most
 * severe is left. *out is the scratch's own and valid until the next call. WD_ERR_NOMEM.
 */
enum wd_err wd_match_piece(const struct wd_scan *scan, const struct wd_piece *piece, unsigned kinds,
                           struct wd_matches **out) WD_CHECK;

/* The characters before `at`, at most WD_CONTEXT_MAX of them; `out` holds as many. Returns how many there are. */
uint32_t wd_piece_text_before(const struct wd_piece *piece, uint32_t at, char out[WD_CONTEXT_MAX]);
/*
 * The characters before `at`, at most WD_CONTEXT_MAX of them, in lower case; `out` holds as many. Returns how many there are.
 */
uint32_t wd_piece_before(const struct wd_piece *piece, uint32_t at, char out[WD_CONTEXT_MAX]);
/* One of the words (with | between, lower case) stands as a word or the start of one in those characters. */
bool wd_piece_context(const struct wd_piece *piece, uint32_t at, const char *words);
/* The same, in the last `reach` of those characters. */
bool wd_piece_near(const struct wd_piece *piece, uint32_t at, const char *words, uint32_t reach);
/* The character at i, also when it stands before the piece, as far as that is known, or right behind it; otherwise -1. */
int wd_piece_at(const struct wd_piece *piece, int64_t i);

/* The exact place of a finding of the rule whose pattern matched at [from, to); false when there is none. */
bool wd_measure(const struct wd_rule *rule, const struct wd_piece *piece, uint32_t from, uint32_t to, struct wd_match *m);

/* Rules that start from letters or signs, and those that start from digits; random words, and what is encoded or our own. */
enum { WD_MATCH_TEXT = 1, WD_MATCH_NUMBER = 2, WD_MATCH_BARE = 4, WD_MATCH_HIDDEN = 8, WD_MATCH_ALL = 15 };

/* Of which of the kinds rules may match in any of the pieces that chars was cut into: 0 when none can. */
unsigned wd_match_possible(const struct wd_scan *scan, struct wd_span chars, uint32_t longest_piece, unsigned kinds);

/* How long a piece of letters alone at least is that something is found in, keys of ours aside. */
uint32_t wd_match_least_plain(const struct wd_scan *scan);

/* What injection.c holds in an engine; what Vectorscan and the readings of a text work in. */
struct wd_canon;
struct wd_injection;
struct hs_scratch;
const struct wd_injection *wd_engine_injection(const struct wd_engine *engine);
struct hs_scratch *wd_scratch_hs(struct wd_scratch *scratch);
struct wd_canon *wd_scratch_canon(struct wd_scratch *scratch);

/* False when no rule can match in text; and all findings in a piece without a look at what is encoded in it. */
bool wd_match_look(const struct wd_scan *scan, struct wd_span text);
enum wd_err wd_match_find(const struct wd_scan *scan, const struct wd_piece *piece, struct wd_matches *into) WD_CHECK;
/* In order of start; see wd_match_piece() for those of the same place. WD_ERR_NOMEM. */
enum wd_err wd_matches_add(struct wd_matches *all, const struct wd_match *m) WD_CHECK;

/* Characters that words go on over beside those of tokens, as 256 bits; NULL: none. */
const uint32_t *wd_engine_extra(const struct wd_engine *engine);

#endif
