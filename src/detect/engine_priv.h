#ifndef WD_ENGINE_PRIV_H
#define WD_ENGINE_PRIV_H

#include <hs.h>

#include "text/canon.h"
#include "encoded.h"
#include "engine.h"
#include "injection/injection.h"
#include "match.h"

/* Shared by engine.c, engine_build.c and engine_look.c only. */

enum {
    WD_ENGINE_RULES_MAX = 1024,
    WD_ENGINE_CONTEXTS_MAX = 256,
    WD_ENGINE_WORDS_KNOWN = 4,
    WD_ENGINE_DIGITS = 3, /* no number that is looked for has fewer, but for houses */
    WD_ENGINE_PLAIN_PIECE = 64,
};

/* Databases of Vectorscan, in the order in which they are stored. */
enum wd_engine_db {
    WD_ENGINE_LOOK,    /* does anything match? */
    WD_ENGINE_FIND,    /* where does it start? */
    WD_ENGINE_NUMBERS, /* the same two for rules that start from digits: only where numbers are */
    WD_ENGINE_FIND_NUMBERS,
    WD_ENGINE_WORDS,   /* contexts, when a number wants one */
    WD_ENGINE_PHRASES, /* of injection, in whole texts */
    WD_ENGINE_DBS,
};

struct wd_engine {
    const struct wd_rule *rules[WD_ENGINE_RULES_MAX]; /* by the number of their pattern */
    uint32_t count;
    uint16_t same[WD_ENGINE_RULES_MAX];    /* the next rule that has the same pattern, 0: none. Only the first is in a database */
    bool repeats[WD_ENGINE_RULES_MAX];     /* an earlier one has it */
    uint16_t context[WD_ENGINE_RULES_MAX]; /* the number of the words that a rule needs, from 1; 0: it needs none */
    uint8_t least[WD_ENGINE_RULES_MAX];    /* the fewest digits of a finding */
    const char *contexts[WD_ENGINE_CONTEXTS_MAX];
    uint8_t context_least[WD_ENGINE_CONTEXTS_MAX]; /* the fewest digits of a finding of their rules */
    bool early[WD_ENGINE_CONTEXTS_MAX];            /* they alone make a text with a digit suspect */
    uint32_t context_count;
    const struct wd_rule *handler; /* of WD_SHAPE_HANDLER: wd_rule_handler_possible() looks for it; NULL when it is off */
    const struct wd_rule *bare;    /* the one of WD_SHAPE_BARE; NULL when it is off */
    struct wd_ruleset set;         /* borrowed */
    hs_database_t *db[WD_ENGINE_DBS];
    struct wd_injection *injection; /* borrows its database from above */
    uint32_t shortest;              /* no finding is shorter */
    uint32_t shortest_plain;        /* none that is made of letters alone */
    uint8_t needed[256];            /* 1: a finding may need this character */
    uint32_t extra[8];              /* bits: characters beyond those of tokens that a rule of the policy names */
    bool has_extra;
    bool quotes; /* one of them is a quote or a backslash, which JSON escapes */
};

/* Can the rule's findings be told from digits in them? */
static inline bool
wd_engine_is_number(const struct wd_rule *rule)
{
    return rule->category == WD_PII && rule->pattern != NULL &&
           ((rule->needs[0] == '.' && rule->needs[1] == '\0') || (rule->needs[0] >= '0' && rule->needs[0] <= '9'));
}

/* Contexts of which a word stands in a text. */
struct wd_engine_called {
    uint64_t words[WD_ENGINE_CONTEXTS_MAX / 64];
    uint32_t count; /* the engine's rules */
};

static inline void
wd_engine_called_set(struct wd_engine_called *called, uint32_t context)
{
    called->words[context / 64] |= (uint64_t)1 << (context % 64);
}

/* context: from 1, as in an engine; 0: none is needed. */
static inline bool
wd_engine_called_has(const struct wd_engine_called *called, uint32_t context)
{
    return context == 0 || (called->words[(context - 1) / 64] >> ((context - 1) % 64) & 1) != 0;
}

struct wd_scratch {
    hs_scratch_t *hs;
    struct wd_canon canon;
    struct wd_matches matches;
    struct wd_buf read; /* a text as its reader sees it */
    /* While a piece is matched. */
    const struct wd_scan *scan;
    const struct wd_piece *piece;
    struct wd_matches *into;
    /* The last word that a pattern led to whose rules look at words: once is enough. */
    struct {
        unsigned id;
        uint32_t start;
    } words[WD_ENGINE_WORDS_KNOWN];
    struct wd_engine_called called; /* what a number may be */
    enum wd_err err;
    struct wd_encoded encoded;
};

static inline bool
wd_engine_wants_bare(const struct wd_scan *scan)
{
    return scan->engine->bare != NULL && wd_scan_action(scan, scan->engine->bare) != WD_OFF;
}

/*
 * engine_look.c: the words before the piece and in it that rules with a context want. False when the numbers in it are plain
 * ones, and nothing calls them something.
 */
bool wd_engine_calls_number(const struct wd_scan *scan, const struct wd_piece *piece, struct wd_engine_called *called);

#endif
