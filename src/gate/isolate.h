#ifndef WD_ISOLATE_H
#define WD_ISOLATE_H

#include "../base/arena.h"
#include "../base/json.h"
#include "../detect/engine.h"
#include "exchange.h"

/*
 * Data isolation: the sensitive values that a request shows to its provider, as fingerprints for the ledger. Values that
 * detection finds and that stay, values that the caller names, and (as probes: looked up, not taken) places of the texts where a
 * value that was named before may stand.
 */
#define WD_ISOLATE_VALUES_MAX 1024 /* distinct values of a request */
#define WD_ISOLATE_PROBES_MAX 32768
#define WD_ISOLATE_PROBES_SHARED                                                                                                 \
    2048                         /* the same where a shared store is asked: with values and references what one op may hold */
#define WD_ISOLATE_VALUE_MAX 512 /* bytes of a value that count */
#define WD_SENSITIVE_MAX 8192    /* bytes of the header that names values */
#define WD_SENSITIVE_ITEMS_MAX 64
#define WD_SENSITIVE_SHORTEST 4 /* letters and digits */
#define WD_CONVERSATION_MAX 256

/* The use of wd_ledger_key() for each sort. */
#define WD_LEDGER_VALUE "value"
#define WD_LEDGER_NAMED "named"
#define WD_LEDGER_REF "ref"

/* Distinct fingerprints, found by them. */
struct wd_isolate_set {
    struct wd_holding *items;
    uint32_t *table; /* numbers of items, from 1; by fingerprint */
    uint32_t count, size, max;
};

enum { WD_ISOLATE_SCOPES_MAX = 3 };

/* What the texts of one request are read with. All memory is the arena's. */
struct wd_isolate {
    const struct wd_gate *gate;
    struct wd_exchange *ex;
    struct wd_arena *arena;
    const struct wd_filter *filter; /* NULL: nothing was ever named, or isolation is off */
    uint64_t filter_version;
    bool on;
    bool again; /* ex->held tells what others hold: that is looked for now */
    bool hit;   /* again: the text at hand shows such a value */
    enum wd_err err;
    struct wd_isolate_set values, probes, others;
    struct wd_isolate_set seen;                   /* by a quick hash: words that were looked for already */
    struct wd_span scopes[WD_ISOLATE_SCOPES_MAX]; /* the request's own first; then those whose registered values count too */
    unsigned scope_count;
};

/* Makes *i ready for a reading of the request's body. */
void wd_isolate_begin(struct wd_isolate *i, const struct wd_gate *gate, struct wd_exchange *ex, struct wd_arena *arena);
/* Has scan tell the values that count; scan then finds what they need also where the policy's action is off. */
void wd_isolate_watch(struct wd_isolate *i, struct wd_scan *scan);
/*
 * Values that the caller names: ex->sensitive, against the body. False: it cannot be read; *item tells which one, from 1 (0: the
 * whole), *what why, as constant text.
 */
bool wd_isolate_named(struct wd_isolate *i, const struct wd_json *doc, unsigned *item, const char **what);
/*
 * Looks in a text as it goes out for values that were named before. json: the text is itself JSON. When i->again and the policy
 * says so, the text without them is appended to out and *changed is set. WD_ERR_NOMEM; WD_ERR_LIMIT.
 */
enum wd_err wd_isolate_search(struct wd_isolate *i, struct wd_span text, bool json, struct wd_buf *out, bool *changed) WD_CHECK;

/* The kind that a finding of the rule counts as: WD_ISOLATE_NONE for none. */
enum wd_isolate_kind wd_isolate_kind_of(const struct wd_rule *rule);
/* What of a value of that kind is compared: appended to out as far as it has room; how many bytes out holds then. */
size_t wd_isolate_normal(enum wd_isolate_kind kind, struct wd_span value, char out[WD_ISOLATE_VALUE_MAX]);

/* The scope of a user's own values, of a role's, and of everybody's; in the arena, ptr NULL when memory is out. */
struct wd_span wd_isolate_scope_of(struct wd_arena *arena, enum wd_isolate_scope scope, const char *who,
                                   struct wd_span conversation);
/*
 * A named value: fills in key, kind, words and first of one holding or, when it is longer, of several; *count has room for
 * WD_ISOLATE_NAMED_MAX and receives their number, 0 when the value is too short. WD_ERR_NOMEM.
 */
#define WD_ISOLATE_NAMED_MAX 64
enum wd_err wd_isolate_name(const uint8_t ledger_key[32], struct wd_span scope, struct wd_span value, struct wd_arena *arena,
                            struct wd_holding out[WD_ISOLATE_NAMED_MAX], unsigned *count) WD_CHECK;

/* NULL when it is full or memory is out; what is there already is answered as it is. Its key alone is set. */
struct wd_holding *wd_isolate_set_add(struct wd_isolate_set *set, struct wd_arena *arena, const uint8_t key[16], bool *is_new);
bool wd_isolate_set_has(const struct wd_isolate_set *set, const uint8_t key[16]);
/* Makes the scopes of the request; false: memory is out (i->err). */
bool wd_isolate_scopes(struct wd_isolate *i);

/* "cards, named": what of held others hold; and who holds the one at `which`. For messages. */
void wd_isolate_conflict(const struct wd_gate *gate, const struct wd_reservation *held, char *kinds, size_t size,
                         const char **holder);

#endif
