#include "cmd.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../src/store/install.h"
#include "../src/store/journal.h"
#include "policy_arg.h"
#include "state.h"

enum { AUDIT_OK = 0, AUDIT_BROKEN = 1, AUDIT_FAILED = 2 };

static const char audit_usage[] =
    "usage: warder audit verify -c FILE\n"
    "\n"
    "Checks the chain of audit records, also while the gateway runs. Exit status: 0 whole, 1 broken (file and\n"
    "line are named), 2 could not run.\n"
    "\n"
    "  -c FILE    the policy\n"
    "  --help     this text\n";

/* In the state folder. */
static int
audit_check(const char *state)
{
    uint8_t key[32], chain[32];
    struct wd_journal_count count;
    struct wd_journal_fault fault;

    enum wd_err err = wd_install_key(".", NULL, key);
    if (err != WD_OK) {
        fprintf(stderr, "warder: %s/install.key: %s\n", state,
                err == WD_ERR_NOTFOUND ? "is missing"
                : err == WD_ERR_DENIED ? "can be read by others"
                                       : "cannot be read");
        return AUDIT_FAILED;
    }
    wd_install_derive(key, "audit", chain);
    sodium_memzero(key, sizeof(key));
    err = wd_journal_verify("audit", chain, &count, &fault);
    sodium_memzero(chain, sizeof(chain));
    if (err == WD_ERR_CORRUPT) {
        fprintf(stderr, "warder: %s/audit/%s:%" PRIu64 ": %s\n", state, fault.file, fault.line, fault.what);
        return AUDIT_BROKEN;
    }
    if (err != WD_OK) {
        fprintf(stderr, "warder: %s/audit: %s\n", state, err == WD_ERR_NOMEM ? "out of memory" : strerror(errno));
        return AUDIT_FAILED;
    }
    if (printf("ok: %" PRIu64 " records in %" PRIu32 " files\n", count.lines, count.files) < 0 || fflush(stdout) != 0) {
        perror("warder: audit verify: standard output");
        return AUDIT_FAILED;
    }
    return AUDIT_OK;
}

static int
audit_verify(const char *file)
{
    struct wd_policy *policy = policy_arg_load("audit verify", file);
    struct state state;
    int status = AUDIT_FAILED;

    if (policy == NULL)
        return AUDIT_FAILED;
    if (access(policy->state, F_OK) != 0) {
        fprintf(stderr, "warder: state folder %s: %s\n", policy->state, strerror(errno));
    } else if (state_open(&state, policy->state) && state_enter(&state)) {
        status = audit_check(policy->state);
        state_leave(&state);
    }
    wd_policy_free(policy);
    return status;
}

int
cmd_audit(int argc, char **argv)
{
    static const struct option options[] = {
        { "config", required_argument, NULL, 'c' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    const char *action = argc > 1 ? argv[1] : "", *file = NULL;
    int c;

    if (strcmp(action, "--help") == 0 || strcmp(action, "-h") == 0)
        return fputs(audit_usage, stdout) < 0 ? AUDIT_FAILED : AUDIT_OK;
    if (strcmp(action, "show") == 0 || strcmp(action, "export") == 0) {
        fprintf(stderr, "warder: audit %s: not available in this version\n", action);
        return AUDIT_FAILED;
    }
    if (strcmp(action, "verify") != 0) {
        fprintf(stderr, "warder: audit: unknown action (accepted: verify)\n%s", audit_usage);
        return AUDIT_FAILED;
    }
    argc--, argv++;
    optind = 1;
    while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        if (c == 'h')
            return fputs(audit_usage, stdout) < 0 ? AUDIT_FAILED : AUDIT_OK;
        if (c != 'c') {
            fputs(audit_usage, stderr);
            return AUDIT_FAILED;
        }
        file = optarg;
    }
    if (optind < argc) {
        fprintf(stderr, "warder: audit verify: unexpected argument\n%s", audit_usage);
        return AUDIT_FAILED;
    }
    return audit_verify(file);
}
