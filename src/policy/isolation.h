#ifndef WD_ISOLATION_H
#define WD_ISOLATION_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What is told apart between providers, and of references what they are: numbers that the ledger keeps beside a fingerprint, so
 * they stay as they are. The name is that of the policy (isolation.kinds), of lists and of messages.
 */
#define WD_ISOLATE_KINDS(X)                                                                                                      \
    X(SECRETS, "secrets")                                                                                                        \
    X(CARDS, "cards")                                                                                                            \
    X(BANK_ACCOUNTS, "bank_accounts")                                                                                            \
    X(NATIONAL_IDS, "national_ids")                                                                                              \
    X(EMAIL, "email")                                                                                                            \
    X(PHONE, "phone")                                                                                                            \
    X(ADDRESS, "address")                                                                                                        \
    X(BIRTH_DATE, "birth_date")                                                                                                  \
    X(IP, "ip")                                                                                                                  \
    X(MAC, "mac")                                                                                                                \
    X(CRYPTO, "crypto")                                                                                                          \
    X(MEDICAL, "medical_licence")                                                                                                \
    X(CUSTOM, "custom")
/* Beside those: what a caller named, what was registered, and what providers issue. */
#define WD_ISOLATE_MORE(X)                                                                                                       \
    X(NAMED, "named")                                                                                                            \
    X(REGISTERED, "registered")                                                                                                  \
    X(REF_RESPONSE, "response")                                                                                                  \
    X(REF_CONVERSATION, "conversation")                                                                                          \
    X(REF_ITEM, "item")                                                                                                          \
    X(REF_FILE, "file")                                                                                                          \
    X(REF_CONTAINER, "container")                                                                                                \
    X(REF_CACHE, "cached_content")                                                                                               \
    X(REF_AUDIO, "audio")

enum wd_isolate_kind {
#define X(id, name) WD_ISOLATE_##id,
    WD_ISOLATE_NONE,
    WD_ISOLATE_KINDS(X) WD_ISOLATE_MORE(X)
#undef X
        WD_ISOLATE_COUNT,
};

/* The kinds that count when a policy names none, as bits 1 << kind. */
#define WD_ISOLATE_DEFAULT                                                                                                       \
    (1u << WD_ISOLATE_SECRETS | 1u << WD_ISOLATE_CARDS | 1u << WD_ISOLATE_BANK_ACCOUNTS | 1u << WD_ISOLATE_NATIONAL_IDS)

/* "?" for a number that is none. */
const char *wd_isolate_kind_name(unsigned kind);

enum wd_isolate_scope {
    WD_SCOPE_USER,
    WD_SCOPE_TENANT,       /* all users of the token's role */
    WD_SCOPE_CONVERSATION, /* the user's own, by the value of a header */
    WD_SCOPE_GLOBAL,
};

struct wd_isolation {
    bool enabled;
    enum wd_isolate_scope scope;
    uint32_t remember_ms;
    uint32_t kinds;     /* bits 1 << enum wd_isolate_kind */
    bool redact;        /* a conflict is redacted instead of refused */
    const char *header; /* lower case; names the conversation */
};

#endif
