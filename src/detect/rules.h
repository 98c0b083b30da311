#ifndef WD_RULES_H
#define WD_RULES_H

#include <stddef.h>
#include <stdint.h>

#include "../base/span.h"

enum wd_category { WD_SECRET, WD_PII, WD_INJECTION, WD_MALICIOUS, WD_CATEGORIES };
enum wd_severity { WD_LOW, WD_MEDIUM, WD_HIGH, WD_CRITICAL };
enum wd_direction { WD_INPUT = 1, WD_OUTPUT = 2 };
/* What the policy does with a finding. WATCH is none of a policy's: it is found for wd_scan.value alone, and not counted. */
enum wd_action { WD_OFF, WD_WATCH, WD_FLAG, WD_REDACT, WD_REFUSE };

/* How far a finding reaches once its pattern has matched. */
enum wd_shape {
    WD_SHAPE_RUN,      /* the match, and all that follows it of the class `value` */
    WD_SHAPE_MATCH,    /* the match alone */
    WD_SHAPE_LINK,     /* the match alone, when something other than white space follows */
    WD_SHAPE_TAG,      /* to the end of the tag */
    WD_SHAPE_JWT,      /* three parts of base64url */
    WD_SHAPE_PEM,      /* to the END line, or as far as it looks like one block */
    WD_SHAPE_ASSIGNED, /* the value that is assigned to the name that matched */
    WD_SHAPE_WORD,     /* the match alone, within one word: letters, digits, what the pattern names, but no white space */
    WD_SHAPE_HANDLER,  /* the same for an attribute that holds script */
    WD_SHAPE_EMAIL,
    WD_SHAPE_CARD,
    WD_SHAPE_PHRASE, /* of whole texts, see injection.h; never in a piece */
    WD_SHAPE_HIDDEN, /* all hidden characters in a row */
    WD_SHAPE_URL,    /* the password or the key before the host of a URL */
    WD_SHAPE_BARE,   /* random characters behind a word that calls them a secret (bare.h), not by a pattern */
    WD_SHAPE_MASK,   /* one of the forms of `mask`, where the pattern starts */
    WD_SHAPE_IBAN,
    WD_SHAPE_IPV4,
    WD_SHAPE_IPV6,
    WD_SHAPE_PHONE,
    WD_SHAPE_DATE,
    WD_SHAPE_POSTAL,
    WD_SHAPE_OWN, /* known by its bytes, not by a pattern */
};

/* How a value was written down, for what is valid in one form only. */
enum {
    WD_VALUE_QUOTED = 1,
    WD_VALUE_JOINED = 2, /* name=value, nothing between */
    WD_VALUE_SAID = 4,   /* in a sentence: the name is value */
};

/*
 * One row of the table of rules. The pattern is a superset of what the rule finds and says where to look:
 * it is matched against the bytes as they came, where a JSON escape of white space or of a quote may still stand,
 * and against the text as its reader sees it. Boundaries and all that is exact is decided by shape and valid().
 */
struct wd_rule {
    const char *id;   /* "openai-key" */
    const char *kind; /* "api-key" */
    uint8_t category, severity, directions, shape;
    uint8_t value;       /* WD_SHAPE_RUN: WD_CH_* classes */
    uint8_t glued;       /* a letter or digit may stand before it */
    uint16_t min, max;   /* characters of the finding; max 0: any number */
    const char *pattern; /* NULL for WD_SHAPE_BARE alone */
    const char *needs;   /* a finding holds at least one of these characters; "": it may be letters alone */
    bool (*valid)(struct wd_span value, unsigned form); /* may be NULL */
    const char *context; /* words, with | between, in lower case: one of them stands in the text before; NULL: none is needed */
    const char *stop;    /* the same: a value that holds one of them, in any letter case, is no finding; NULL: none */
    const char *with;    /* the same: only a value that holds one of them is a finding; NULL: any */
    /*
     * WD_SHAPE_MASK: the forms of the value, with | between; the longest that fits counts. # is a digit, @ a letter, * either,
     * ? one of blank, - and . or nothing, the same each time; all else stands for itself, in any letter case. With < in front the
     * pattern may match anywhere in the value, which is one word of letters and digits.
     */
    const char *mask;
    uint16_t reach;     /* how many characters before the value the context is looked for in; 0: WD_CONTEXT_MAX */
    const char *source; /* where the form is documented; NULL while it is common knowledge */
};

/* How far back the words of a rule's context are looked for, in characters. */
#define WD_CONTEXT_MAX 96

/* The table, one file a category: rules_key.c, rules_secret.c, rules_pii.c, rules_malicious.c, rules_hidden.c. */
struct wd_rule_table {
    const struct wd_rule *rows;
    size_t count;
};

extern const struct wd_rule_table wd_rules_key, wd_rules_secret, wd_rules_pii, wd_rules_malicious, wd_rules_hidden;

/* What a policy adds to the table and takes from it. Borrowed for the life of an engine; all zero: the table as it is. */
struct wd_ruleset {
    const struct wd_rule *more; /* rules of its own: shape WORD */
    size_t more_count;
    const char *const *off; /* ids of rules that are not looked for */
    size_t off_count;
    const char *const *allow; /* globs: a value that one of them matches whole is no finding */
    size_t allow_count;
};

/* Phrases of injection: matched over whole texts by injection.c, so the engine of the redactor does not know them. */
extern const struct wd_rule_table wd_rules_injection;
/* What the classifier finds, see injection.h. */
extern const struct wd_rule wd_rule_injection_classifier;

/* The rule at i of the redactor's tables, NULL behind the last. */
const struct wd_rule *wd_rule_at(size_t i);
size_t wd_rule_count(void);
/* The same, and then what is found in whole texts: phrases of injection and the classifier. */
const struct wd_rule *wd_rule_listed(size_t i);
/* The gateway's own keys, whatever their form. Not in the table, for it has no pattern. */
extern const struct wd_rule wd_rule_own;

/* NULL when there is none. */
const struct wd_rule *wd_rule_find(struct wd_span id);
/* The rule for the value of an object member of this name, NULL when its name says nothing: "db_password", "apiKey". */
const struct wd_rule *wd_rule_for_name(struct wd_span name);
/* The name of what only sounds like a secret: nextPageToken, public_key. */
bool wd_rule_name_is_other(struct wd_span name);
/* True when a text that ends in s may be about to assign a value to the name it ends in; a superset of wd_rule_for_name(). */
bool wd_rule_name_ends(struct wd_span s);

/* True when s ends in the name of an attribute that holds script: "onerror". */
bool wd_rule_handler_ends(struct wd_span s);
/* False when no such attribute is assigned anywhere in the text. A look at each "=". */
bool wd_rule_handler_possible(struct wd_span text);

const char *wd_category_name(enum wd_category c); /* "secret" */
const char *wd_severity_name(enum wd_severity s); /* "high" */
const char *wd_action_name(enum wd_action a);     /* "redact" */

#endif
