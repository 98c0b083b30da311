#ifndef WD_ENGINE_PRIV_H
#define WD_ENGINE_PRIV_H

#include <hs.h>

#include "engine.h"
#include "injection.h"

/* Shared by engine.c and engine_build.c only. */

enum { WD_ENGINE_RULES_MAX = 1024, WD_ENGINE_CONTEXTS_MAX = 256 };

/* Databases of Vectorscan, in the order in which they are stored. */
enum wd_engine_db {
    WD_ENGINE_LOOK,    /* does anything match? */
    WD_ENGINE_FIND,    /* where does it start? */
    WD_ENGINE_PHRASES, /* of injection, in whole texts */
    WD_ENGINE_DBS,
};

struct wd_engine {
    const struct wd_rule *rules[WD_ENGINE_RULES_MAX]; /* by the number of their pattern */
    uint32_t count;
    uint16_t same[WD_ENGINE_RULES_MAX];    /* the next rule that has the same pattern, 0: none. Only the first is in a database */
    bool repeats[WD_ENGINE_RULES_MAX];     /* an earlier one has it */
    uint16_t context[WD_ENGINE_RULES_MAX]; /* the number of the words that a rule needs, from 1; 0: it needs none */
    const char *contexts[WD_ENGINE_CONTEXTS_MAX];
    uint32_t context_count;
    const struct wd_rule *bare; /* the one of WD_SHAPE_BARE; NULL when it is off */
    struct wd_ruleset set;      /* borrowed */
    hs_database_t *db[WD_ENGINE_DBS];
    struct wd_injection *injection; /* borrows its database from above */
    uint32_t shortest;              /* no finding is shorter */
    uint32_t shortest_plain;        /* none that is made of letters alone */
    uint8_t needed[256];            /* 1: a finding may need this character */
    uint32_t extra[8];              /* bits: characters beyond those of tokens that a rule of the policy names */
    bool has_extra;
    bool quotes; /* one of them is a quote or a backslash, which JSON escapes */
};

#endif
