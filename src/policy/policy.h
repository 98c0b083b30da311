#ifndef WD_POLICY_H
#define WD_POLICY_H

#include <stdint.h>

#include "../base/arena.h"
#include "../base/buf.h"
#include "../base/err.h"
#include "../base/glob.h"
#include "../base/secret.h"
#include "../detect/rules.h"
#include "isolation.h"

/* The policy file (DESIGN 4.4) bound to C. Immutable after load; strings are NUL-terminated and live in the policy's arena. */

enum wd_format { WD_FORMAT_OPENAI, WD_FORMAT_ANTHROPIC, WD_FORMAT_GOOGLE };
enum wd_above { WD_CLAMP, WD_ABOVE_REFUSE };
enum wd_attachment { WD_ATTACH_IMAGE = 1, WD_ATTACH_AUDIO = 2, WD_ATTACH_VIDEO = 4, WD_ATTACH_FILE = 8 };

/* What a limit counts. Money in millionths of a US dollar. */
enum wd_unit { WD_UNIT_REQUESTS, WD_UNIT_TOKENS, WD_UNIT_MICRO_USD };

/*
 * N/WINDOW; count 0: no limit. Requests: N from 1 to 10^9; tokens and micro-dollars: to 10^12; window from 1 s to 31 d. Limits of
 * one scope and unit are told apart by rank, the longest window first; group is another number when their windows are others, 0
 * for one alone: see wd_limits_rank().
 */
struct wd_limit {
    uint64_t count;
    uint32_t window_s;
    uint8_t unit; /* enum wd_unit */
    uint8_t rank;
    uint16_t group;
};
#define WD_LIMIT_REQUESTS_MAX UINT64_C(1000000000)
#define WD_LIMIT_AMOUNT_MAX UINT64_C(1000000000000) /* a million dollars */
#define WD_LIMIT_WINDOW_MAX_S (31u * 86400)
#define WD_LIMIT_RANK_MAX 7

#define WD_LIMITS_MAX 4 /* in a list of the file */

/* All limits of one scope, ranked: those of a list and the one with a key of its own. */
struct wd_limit_list {
    struct wd_limit items[WD_LIMITS_MAX + 1];
    uint32_t count;
};

struct wd_strings {
    const char **items;
    uint32_t count;
};

struct wd_key_source {
    bool is_file;     /* file:PATH, otherwise env:NAME */
    const char *name; /* PATH made absolute, or NAME */
    int line;
};

struct wd_provider {
    const char *name; /* [a-z0-9][a-z0-9-]{0,31}: part of the route */
    enum wd_format format;
    bool tls;         /* https */
    const char *host; /* lower case, no brackets around an IPv6 literal */
    uint16_t port;
    const char *base_path; /* "" or "/openai": no slash at the end */
    const char *ca_file;   /* absolute, or NULL */
    struct wd_key_source *keys;
    uint32_t key_count;
    const char *key_prefix;   /* "" when none */
    struct wd_strings models; /* globs: * any run, ? one character */
    struct wd_limit limit, user_limit;
    struct wd_limit_list limits, user_limits; /* limit and user_limit among them */
    uint32_t connect_timeout_ms, read_timeout_ms;
    uint32_t index; /* position in wd_policy.providers */
    int line;
};

struct wd_role {
    const char *name;
    bool all_providers;          /* "*" */
    uint64_t providers;          /* bit per provider index; at most 64 providers */
    struct wd_strings tools;     /* globs */
    struct wd_limit limit;       /* each user */
    struct wd_limit_list limits; /* limit among them */
    uint32_t index;
};

#define WD_PRICE_NONE UINT64_MAX

/* Models by a glob of their names, at whichever provider: `models`. */
struct wd_model {
    const char *name;                         /* the glob */
    struct wd_limit_list limits, user_limits; /* all users together; each user */
    uint64_t price_in, price_out;             /* micro-dollars a million tokens; both WD_PRICE_NONE: no price here */
};

/* A rule of the policy's own: `rules.add`. */
struct wd_own_rule {
    const char *id, *pattern, *kind;
    enum wd_category category;
    enum wd_severity severity;
    uint32_t directions; /* bits of enum wd_direction */
    struct wd_strings context, stop;
    int line;
};

enum wd_store_failure { WD_STORE_REFUSE, WD_STORE_LOCAL };

#define WD_STORE_HOSTS_MAX 16

struct wd_store_host {
    const char *host; /* a name in lower case, or an address without brackets */
    uint16_t port;
};

/* Where tokens and counters are kept. All zero: in the state folder. */
struct wd_store_url {
    bool shared; /* a Redis */
    bool tls;    /* with certificate and host name verified, always */
    struct wd_store_host hosts[WD_STORE_HOSTS_MAX];
    uint32_t host_count;
    uint32_t db;                /* 0 to 9999 */
    const char *user;           /* NULL: the default user */
    struct wd_secret *password; /* NULL: none */
    bool password_in_file;      /* it stands in the policy: the file must be of mode 0600 */
    const char *sentinel;       /* the master's name: the hosts are Sentinels; or NULL */
    const char *ca_file;        /* absolute; NULL: the system's authorities */
};

struct wd_policy {
    struct wd_arena arena;
    const char *file;        /* as given */
    const char *base_dir;    /* absolute: what relative paths in the file stand on */
    const char *listen_host; /* an IP address in its shortest form, no brackets */
    uint16_t listen_port;
    const char *admin_host;
    uint16_t admin_port;
    const char *tls_cert, *tls_key; /* absolute, or NULL */
    struct wd_limit address_limit;
    const char *state; /* absolute */
    struct wd_store_url store;
    uint32_t store_timeout_ms; /* 10 to 10,000 */
    enum wd_store_failure on_store_failure;
    uint32_t replicas; /* gateways that share a store: 1 to 1,000 */
    struct wd_provider *providers;
    uint32_t provider_count;
    struct wd_role *roles;
    uint32_t role_count;
    struct wd_limit_list user_limits; /* each user over everything, max_requests_per_user among them */
    struct wd_model *models;          /* in the order of the file */
    uint32_t model_count;

    uint32_t message_chars_min, message_chars_max;
    double temperature_min, temperature_max;
    uint32_t max_tokens_min, max_tokens_max;
    enum wd_above max_tokens_above;
    uint32_t attachments; /* bits of enum wd_attachment */
    bool sanitize;
    uint64_t body_bytes_max; /* default 10 MiB */

    struct wd_own_rule *own_rules;
    uint32_t own_rule_count;
    struct wd_strings rules_off, rules_allow;
    struct wd_ruleset rules;                   /* the same, as the engine takes it */
    double injection_user, injection_document; /* scores from which a text is an injection */
    enum wd_action detect_input[WD_CATEGORIES], detect_output[WD_CATEGORIES];
    const char *replacement;
    struct wd_isolation isolation;
    bool refusal_native;

    /* from the environment, defaults true */
    bool rate_limiting, input_validation, output_filtering, audit;
    uint32_t max_requests_per_user; /* an hour; 0: not set */
    uint32_t workers;               /* 0: one per core */
};

/* A message for people: "FILE:LINE: key: what is wrong (accepted: ...)". */
struct wd_policy_error {
    char text[512];
};

/* Where environment variables come from; getenv() fits. */
typedef char *wd_getenv_fn(const char *name);

/*
 * Reads, checks and binds the file. base_dir NULL: the folder of the file.
 * Any error leaves *policy NULL and *error filled in; the value of a secret is never in it.
 */
enum wd_err wd_policy_load(struct wd_policy **policy, const char *file, const char *base_dir, wd_getenv_fn *env,
                           struct wd_policy_error *error) WD_CHECK;
void wd_policy_free(struct wd_policy *policy);

/* Takes another password for the store, from guarded memory or an environment; WD_ERR_SYNTAX when it cannot be one. */
enum wd_err wd_policy_store_password(struct wd_policy *policy, struct wd_span password) WD_CHECK;
/* Loopback, RFC 1918 or fc00::/7: as an address, or localhost. Nothing else is spoken to without TLS. */
bool wd_store_address_private(const char *host);

const struct wd_provider *wd_policy_provider(const struct wd_policy *p, struct wd_span name);
const struct wd_role *wd_policy_role(const struct wd_policy *p, struct wd_span name);
bool wd_strings_match(const struct wd_strings *globs, struct wd_span text);
bool wd_role_allows(const struct wd_role *role, const struct wd_provider *provider);
/* "100/60s", "10/1h", "5/31d"; of money "0.25/1h" in dollars: WD_ERR_SYNTAX or WD_ERR_RANGE */
enum wd_err wd_limit_parse(struct wd_limit *limit, enum wd_unit unit, const char *text) WD_CHECK;
/* The first of `models` that matches and has a price; NULL: none. */
const struct wd_model *wd_policy_price(const struct wd_policy *p, struct wd_span model);
/*
 * Fills in rank and group of the limits of one scope, and sorts them: by unit, the longest window first (of equal ones the
 * smaller count). At most WD_LIMIT_RANK_MAX + 1.
 */
void wd_limits_rank(struct wd_limit *limits, size_t count);
/* "30d", "12h", "90s", "15m" to seconds */
enum wd_err wd_duration_parse(uint64_t *seconds, const char *text) WD_CHECK;

/*
 * The key of one slot of a provider. A file that others can read, an empty key, control characters, a
 * missing variable or a wrong prefix is an error; only the first characters of what was expected are shown.
 */
enum wd_err wd_key_load(const struct wd_provider *provider, uint32_t slot, const char *policy_file, wd_getenv_fn *env,
                        struct wd_secret **key, struct wd_policy_error *error) WD_CHECK;
/* Whether bytes can be a key of this provider: 1 to 8192 printable characters with its prefix. *what: why not, constant text. */
enum wd_err wd_key_check(const struct wd_provider *provider, struct wd_span key, const char **what) WD_CHECK;

/* Prints the reference of every key from the settings table, as Markdown. */
enum wd_err wd_policy_reference(struct wd_buf *out) WD_CHECK;

#endif
