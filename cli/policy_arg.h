#ifndef WD_POLICY_ARG_H
#define WD_POLICY_ARG_H

#include <stdio.h>
#include <stdlib.h>

#include "../src/policy/policy.h"

/* The policy of -c FILE; NULL with a message on stderr. */
static inline struct wd_policy *
policy_arg_load(const char *command, const char *file)
{
    struct wd_policy *policy = NULL;
    struct wd_policy_error error;

    if (file == NULL) {
        fprintf(stderr, "warder: %s: -c is missing (accepted: -c FILE)\n", command);
        return NULL;
    }
    if (wd_policy_load(&policy, file, NULL, getenv, &error) == WD_OK)
        return policy;
    fprintf(stderr, "warder: %s\n", error.text);
    return NULL;
}

#endif
