#ifndef WD_STORE_H
#define WD_STORE_H

#include "ledger.h"
#include "limits.h"
#include "tokens.h"

/*
 * What a gate asks of the store of tokens, limits and ledger, as data. One op is one round trip and one step: nobody sees the
 * half of it. The stores of one machine answer at once (wd_store_run); for a store that is shared by gateways the adapter carries
 * the op to Redis and steps the gate again when the answer is there.
 */
enum wd_store_kind {
    WD_STORE_ARRIVE,  /* address counted, token looked up, an unknown token counted */
    WD_STORE_RESERVE, /* references looked up, values and limits taken together or not at all */
    WD_STORE_SETTLE,  /* limits: what was used in the place of what was reserved, or all of it back */
    WD_STORE_ISSUE,   /* references that a provider gave out become the user's */
};

/* Why an op was denied (err is WD_ERR_DENIED). */
enum wd_store_why {
    WD_WHY_NONE,
    WD_WHY_ADDRESS,   /* too many requests of this address */
    WD_WHY_FAILED,    /* too many failed tokens of this address */
    WD_WHY_UNKNOWN,   /* the token is not known, or was revoked since it was looked up */
    WD_WHY_EXPIRED,   /* so is the token */
    WD_WHY_REFERENCE, /* refs[which] was not issued to this user */
    WD_WHY_VALUE,     /* values[which] is held by another provider */
    WD_WHY_LIMIT,     /* claims[which] has no room */
    WD_WHY_STALE,     /* the filter has grown since the texts were read: read them again with the new one */
};

/* What a request takes; lives as long as the exchange, for what is given back and settled later. Arrays are the owner's. */
struct wd_reservation {
    struct wd_claim *claims;
    size_t claim_count;
    struct wd_holding *values; /* sensitive values towards the provider */
    size_t value_count;
    size_t probe_count;      /* the last ones of values are only looked at: another's is a conflict, nobody's is not taken */
    struct wd_holding *refs; /* references that the request uses: each must be the user's */
    size_t ref_count;
    uint64_t provider, user; /* wd_ledger_holder() */
    uint32_t keep_s;         /* how long values are remembered */
    uint32_t nonce;          /* not 0 */
    bool conflicts_pass;     /* values of other providers are told (held) and left, the rest is taken */
};

/* With arrays of its own, in one piece: free() it. NULL: no memory. */
struct wd_reservation *wd_reservation_copy(const struct wd_reservation *r);

struct wd_store_op {
    enum wd_store_kind kind;
    /* the answer: WD_OK, WD_ERR_DENIED with why and which, or the store failed (WD_ERR_IO, WD_ERR_CORRUPT, WD_ERR_FULL) */
    enum wd_err err;
    enum wd_store_why why;
    size_t which;

    /* ARRIVE */
    bool has_digest; /* there is a token to look up; without one and with failed: it has not the form of one */
    uint8_t digest[32];
    struct wd_claim address, failed; /* limit.count 0: not asked for */
    struct wd_principal who;         /* the answer */

    /* RESERVE, SETTLE; ISSUE uses refs, user and keep_s */
    struct wd_reservation *held;
    bool give_back; /* SETTLE: nothing was used; otherwise used of each claim counts */
    bool shown;     /* SETTLE: the provider may have seen the values, so they stay its own */
    uint64_t
        filter_version; /* RESERVE: of the filter that the texts were read with; UINT64_MAX: with none, nothing is looked for */
};

/* The stores of one machine, borrowed; NULL: it cannot be opened, and what needs it fails. */
struct wd_store {
    struct wd_tokens *tokens;
    struct wd_limits *limits;
    struct wd_ledger *ledger;
};

/* Does op and fills in its answer. wall_us: Unix time; mono_us: the monotonic clock. */
void wd_store_run(const struct wd_store *store, struct wd_store_op *op, uint64_t wall_us, uint64_t mono_us);

#endif
