#ifndef WD_SETTINGS_H
#define WD_SETTINGS_H

#include <stdint.h>

#include "policy.h"

enum wd_setting_kind {
    WD_SETTING_ADDRESS,   /* host, and the port in the member after it */
    WD_SETTING_BYTES,     /* uint64_t */
    WD_SETTING_CHOICE,    /* an enum or bool, by the table of choices */
    WD_SETTING_DECIMAL,   /* double */
    WD_SETTING_DURATION,  /* uint32_t milliseconds; min and max in seconds */
    WD_SETTING_FLAGS,     /* a list of choices, their values or-ed */
    WD_SETTING_GLOBS,     /* struct wd_strings; min and max items */
    WD_SETTING_KEYS,      /* of a provider; min and max items */
    WD_SETTING_LIMIT,     /* struct wd_limit */
    WD_SETTING_LIMITS,    /* struct wd_limit_list, not ranked yet; min and max items */
    WD_SETTING_MILLIS,    /* uint32_t milliseconds; min and max too */
    WD_SETTING_PATTERN,   /* const char *; min and max characters */
    WD_SETTING_PATH,      /* const char *, made absolute */
    WD_SETTING_PREFIX,    /* const char * */
    WD_SETTING_PRICE,     /* uint64_t micro-dollars a million tokens; min and max in dollars */
    WD_SETTING_PROVIDERS, /* of a role; min and max items */
    WD_SETTING_STORE,     /* struct wd_store_url */
    WD_SETTING_TEXT,      /* const char *; min and max characters */
    WD_SETTING_UINT,      /* uint32_t */
    WD_SETTING_UNBUILT,   /* null or an empty list: the control does not exist yet */
    WD_SETTING_URL,       /* of a provider */
    WD_SETTING_WORDS,     /* struct wd_strings; max items */
    WD_SETTING_KINDS,
};

struct wd_choice {
    const char *name; /* a glob */
    int value;
    bool unbuilt; /* known, but not available in this version */
};

/* One key of the policy file; the order is that of the reference. */
struct wd_setting {
    const char *name; /* "providers.*.limit": * stands for any name */
    enum wd_setting_kind kind;
    size_t offset, size; /* in struct wd_policy, wd_provider, wd_role, wd_model or wd_own_rule; size 0: checked, but not kept */
    int64_t min, max;
    const char *fallback; /* as written in the file (of a list: its one item); "null": may be null; NULL: required */
    const struct wd_choice *choices;
    const char *doc;
};

extern const struct wd_setting wd_settings[];
extern const size_t wd_settings_count;

#define WD_ACCEPTED_SIZE 320
void wd_setting_accepted(const struct wd_setting *row, char out[WD_ACCEPTED_SIZE]);

#endif
