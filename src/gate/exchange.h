#ifndef WD_EXCHANGE_H
#define WD_EXCHANGE_H

#include "../detect/engine.h"
#include "../store/store.h"
#include "../wire/op.h"
#include "outer.h"

/* What the gates stand on: one per process, made anew on reload. All borrowed. */
struct wd_gate {
    const struct wd_policy *policy;
    const struct wd_engine *engine;
    struct wd_scratch *scratch;
    struct wd_store store;               /* of this machine; what is NULL in it cannot be opened, and requests are refused */
    const struct wd_secret *const *keys; /* every provider key there is: none may show in a text */
    size_t key_count;
    uint8_t fingerprint_key[32];
    uint8_t limits_key[32];
    uint8_t ledger_key[32];
    const struct wd_filter *filter; /* of the store at hand: values that were named; NULL: none */
};

/* The clocks, handed in by the adapter. */
struct wd_now {
    uint64_t wall_us; /* Unix time */
    uint64_t mono_us;
};

enum wd_decision {
    WD_DECISION_INTERRUPTED, /* as begun: what the record says if the process dies */
    WD_DECISION_ALLOWED,
    WD_DECISION_CHANGED, /* passed with something redacted, sanitised or clamped */
    WD_DECISION_REFUSED, /* by the inner gate */
    WD_DECISION_ENDED,   /* by the outer gate */
    WD_DECISION_FAILED,  /* the provider failed */
    WD_DECISION_ABORTED, /* the client went away */
};
#define WD_DECISIONS (WD_DECISION_ABORTED + 1)

const char *wd_decision_name(enum wd_decision d);

#define WD_AGENT_MAX 120
#define WD_MODEL_MAX 128
#define WD_ADDRESS_MAX 64

/* What a request may use, does use, and costs: budget.h. */
struct wd_budget {
    uint64_t in, out;             /* tokens reserved; out with what a running stream has taken since */
    const struct wd_model *price; /* NULL: none */
    bool bounded;                 /* the request names a maximum of its own */
    uint32_t claims;              /* the first of held->claims: as the request began */
    uint32_t chunk;               /* claims of each chunk behind them; 0: no limit of tokens or money */
    uint64_t chunk_tokens;        /* what is asked for in more */
    struct wd_reservation *more;  /* of a running stream, while the store is asked */
    uint32_t full;                /* of its claims: the one that had no room */
    struct wd_claim *grown;       /* held->claims, when they are more than were held at first */
    enum wd_code stop;            /* why a running stream may not go on; the message is that of the exchange */
    uint64_t cost;                /* micro-dollars, in the end, when there is a price */
};

/*
 * One request and its answer, from the first header to the record. Holds no pointer into the request's body. Zeroed at first;
 * wd_exchange_release() at the end.
 */
struct wd_exchange {
    char request_id[37];
    char address[WD_ADDRESS_MAX];
    char agent[WD_AGENT_MAX];      /* UTF-8, without control characters */
    char model[WD_MODEL_MAX];      /* for records, metrics and messages: as noted by wd_exchange_note() */
    char path_model[WD_MODEL_MAX]; /* Google: as it stands in the path */
    struct wd_now began;

    struct wd_principal who; /* user "" until the token is known */
    const struct wd_role *role;
    const struct wd_provider *provider;
    struct wd_route route;
    enum wd_code route_code; /* what is wrong with it, told in its turn */
    const char *route_message;
    bool routed;
    bool stream;
    bool drop_usage;
    char clamped[64]; /* value of x-warder-clamped, "" when nothing was */

    /* Headers of the request, borrowed from the adapter until the request is sent; "": none. */
    struct wd_span sensitive, conversation;
    uint32_t nonce; /* random and not 0: names this exchange in the ledger */
    bool unstored;  /* the request said store: false */

    struct wd_reservation *held; /* what the store is asked for; NULL: nothing, or over */
    bool taken;                  /* the store gave it */
    bool conflict;               /* it showed values that another provider holds */
    enum wd_store_why denied;    /* it did not, and the body is read again to say where (WD_WHY_VALUE, WD_WHY_REFERENCE) */
    uint8_t stale;               /* how often the store's filter was newer than the one that the texts were read with */
    struct wd_budget budget;
    bool limit_known;
    struct { /* of the tightest limit, for the x-ratelimit headers */
        uint64_t limit, remaining, reset_s;
    } shown;
    uint64_t retry_after_s;

    struct wd_findings findings;
    bool changed;

    enum wd_decision decision;
    enum wd_code code;
    char message[320]; /* for people, in the error body */
    char param[96];
    int status;
    struct wd_usage usage;
    uint64_t gateway_ns; /* the gateway's own time so far */
    uint64_t upstream_ms;
};

/* Room for what a request takes of the store; the one before is freed. NULL: no memory. */
struct wd_reservation *wd_exchange_hold(struct wd_exchange *ex, size_t claims, size_t values, size_t refs);
/* Frees what the exchange holds in memory; the store keeps what it has. */
void wd_exchange_release(struct wd_exchange *ex);

/* Sets code, status, decision REFUSED and the message (printf style); returns code. */
enum wd_code wd_exchange_refuse(struct wd_exchange *ex, enum wd_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* A scan for one direction under the policy; counts into ex->findings. */
void wd_exchange_scan(struct wd_exchange *ex, const struct wd_gate *gate, enum wd_direction direction, struct wd_scan *scan);

/*
 * Keeps a caller's text for the record (DESIGN 1.6): cut to size - 1 bytes, what is not printable ASCII as '?', and what a rule
 * finds in it replaced, whatever the policy's actions.
 */
void wd_exchange_note(struct wd_exchange *ex, const struct wd_gate *gate, struct wd_span text, char *to, size_t size);

/* The code that a refusing finding has, by its category, and a message that names the rule. */
enum wd_code wd_exchange_refuse_finding(struct wd_exchange *ex, enum wd_direction direction, const char *where);

#endif
