#ifndef WD_LIMITS_H
#define WD_LIMITS_H

#include <stdint.h>

#include "../base/err.h"
#include "../base/span.h"
#include "../policy/policy.h"

/*
 * Sliding windows in a file that every worker maps: exact over any window with any number of processes, kept over reload,
 * restart and kill -9. Up to N = 1,000 each request's time is kept (exact); above, and for tokens and money, 64 slices a window,
 * rounded against the caller (at most 2 %). Several claims are taken together or not at all. One robust process-shared lock.
 */
struct wd_limits;

struct wd_claim {
    uint8_t key[16];       /* wd_limits_key(), or of several limits in one scope wd_limits_key_of() */
    struct wd_limit limit; /* count > 0 */
    uint64_t amount;       /* of the limit's unit, 0 always has room; requests count 1 whatever it says */
    uint64_t used;         /* for wd_limits_settle: what it turned out to be */
    const char *scope;     /* for people: whose limit it is; constant text, not read here */
    /* filled in by take: */
    uint64_t remaining; /* left in the window after this one */
    uint64_t reset_us;  /* until there is room for one more like it (0: now); amount above the limit: the window */
    uint64_t taken_us;  /* for return and settle; 0: not taken */
};

/*
 * Path of the map file; made when missing. bytes: its size when made (for tests: small). WD_ERR_IO, WD_ERR_CORRUPT: only
 * wd_limits_prepare makes a damaged one anew.
 */
enum wd_err wd_limits_open(struct wd_limits **l, const char *path, size_t bytes) WD_CHECK;
void wd_limits_close(struct wd_limits *l);
/*
 * At start, before any worker: makes a missing or damaged file, mends what a kill or a power cut left, resets the lock and ties
 * the file's clock to now. The file's time goes on by what has passed for certain: the monotonic clock (since the start of the
 * machine when that was anew), never more than the wall clock says; so no step of either clock gives room. With others attached
 * it leaves all that alone. wall_us: Unix time, mono_us: the monotonic clock, which take must be given fresh.
 */
enum wd_err wd_limits_prepare(const char *path, size_t bytes, uint64_t wall_us, uint64_t mono_us) WD_CHECK;

/*
 * Whether the file is still whole is looked at by each call, unless the caller, who has a clock, says by this when a look has
 * become old (a few milliseconds are fine).
 */
void wd_limits_look_again(struct wd_limits *l);

/* Whether the file is whole and its lock can be had: for readiness. WD_ERR_IO. */
enum wd_err wd_limits_probe(struct wd_limits *l) WD_CHECK;

/* Derives a claim's key from a scope ("provider", "provider_user", "role", "user", "address", "failed") and names. */
void wd_limits_key(uint8_t out[16], const uint8_t secret[32], const char *scope, struct wd_span a, struct wd_span b);

/*
 * The claim of one of several limits of a scope, each under a key of its own. In wd_limits_take() the claims of all of them are
 * given together: when their windows have changed, what the longest one counted is known to all.
 */
void wd_limits_key_of(struct wd_claim *claim, const uint8_t scope[16], const struct wd_limit *limit);

/*
 * All or nothing at mono_us (the monotonic clock). WD_ERR_DENIED: *which is the first claim without room, its reset_us tells
 * when; WD_ERR_FULL: the map has no room (refuse). The remaining/reset of all claims are filled in either way.
 */
enum wd_err wd_limits_take(struct wd_limits *l, struct wd_claim *claims, size_t count, uint64_t mono_us, size_t *which) WD_CHECK;
/* Gives back what take took: the request failed without an answer. */
void wd_limits_return(struct wd_limits *l, const struct wd_claim *claims, size_t count);
/*
 * What was used takes the place of what was reserved, where and when it was reserved. More than that counts too, also beyond the
 * limit: the next take finds less room. Requests are left as they are. Once only, for claims that take took and nobody gave back.
 */
void wd_limits_settle(struct wd_limits *l, const struct wd_claim *claims, size_t count);

#endif
