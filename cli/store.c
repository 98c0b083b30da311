#include "cmd.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "policy_arg.h"
#include "redis_link.h"
#include "store_migrate.h"

enum { STORE_OK = 0, STORE_BAD = 1, STORE_FAILED = 2 };

static const char store_usage[] =
    "usage: warder store check -c FILE\n"
    "       warder store migrate -c FILE --to shared|embedded [--tokens-only]\n"
    "\n"
    "check connects to the shared store as the gateway would, and says whether it takes writes: exit 0 when it does.\n"
    "\n"
    "migrate copies tokens, values that providers were shown, registered values and references between the state\n"
    "folder and the shared store that FILE names. What is there already stays, nothing is taken away, limits count\n"
    "anew; it may be repeated, and gateways may run.\n"
    "\n"
    "  -c FILE         the policy, whose store is a URL\n"
    "  --to WHERE      shared: from the state folder to the shared store; embedded: the other way\n"
    "  --tokens-only   leaves the ledger: where both were in use with keys of their own\n"
    "  --help          this text\n";

static int
store_check_link(struct redis_link *link)
{
    enum wd_redis_state state = WD_REDIS_REFUSED;
    struct wd_buf command;
    redisReply *reply = NULL;

    wd_buf_init(&command, 256);
    if (wd_redis_probe(&command) == WD_OK)
        reply = redis_link_call(link, wd_buf_span(&command));
    wd_buf_deinit(&command);
    if (reply == NULL) {
        fprintf(stderr, "warder: %s\n", redis_link_why(link));
        return STORE_BAD;
    }
    state = wd_redis_probed(reply);
    freeReplyObject(reply);
    printf("store: %s (%s)\n", wd_redis_state_text(state), redis_link_place(link));
    return state == WD_REDIS_OK ? STORE_OK : STORE_BAD;
}

static int
store_check(const char *file)
{
    struct wd_policy *policy = policy_arg_load("store", file);
    struct redis_link_error error;
    struct redis_link *link;
    int status = STORE_BAD;

    if (policy == NULL)
        return STORE_FAILED;
    if (!policy->store.shared) {
        puts("store: embedded");
        status = STORE_OK;
    } else if (redis_link_open(&link, policy, &error)) {
        status = store_check_link(link);
        redis_link_close(link);
    } else {
        fprintf(stderr, "warder: %s\n", error.text);
    }
    wd_policy_free(policy);
    return status;
}

static int
store_move(const char *file, const char *to, bool tokens_only)
{
    struct wd_policy *policy;
    int status = STORE_FAILED;

    if (to == NULL || (strcmp(to, "shared") != 0 && strcmp(to, "embedded") != 0)) {
        fputs("warder: store migrate: --to says where to (accepted: shared, embedded)\n", stderr);
        return STORE_FAILED;
    }
    policy = policy_arg_load("store", file);
    if (policy == NULL)
        return STORE_FAILED;
    if (!policy->store.shared)
        fprintf(stderr, "warder: store migrate: %s names no shared store (accepted: store: redis://... or rediss://...)\n",
                policy->file);
    else if (store_migrate(policy, strcmp(to, "shared") == 0, tokens_only))
        status = STORE_OK;
    wd_policy_free(policy);
    return status;
}

int
cmd_store(int argc, char **argv)
{
    static const struct option options[] = {
        { "config", required_argument, NULL, 'c' },
        { "to", required_argument, NULL, 't' },
        { "tokens-only", no_argument, NULL, 'o' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    const char *file = NULL, *to = NULL;
    bool tokens_only = false, migrate;
    int c;

    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
        return fputs(store_usage, stdout) < 0 ? STORE_FAILED : STORE_OK;
    if (argc < 2 || (strcmp(argv[1], "check") != 0 && strcmp(argv[1], "migrate") != 0)) {
        fprintf(stderr, "warder: store: unknown action (accepted: check, migrate)\n%s", store_usage);
        return STORE_FAILED;
    }
    migrate = strcmp(argv[1], "migrate") == 0;
    argc--, argv++;
    optind = 1;
    while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        if (c == 'h')
            return fputs(store_usage, stdout) < 0 ? STORE_FAILED : STORE_OK;
        if (c == '?' || (!migrate && c != 'c')) {
            fputs(store_usage, stderr);
            return STORE_FAILED;
        }
        if (c == 'o')
            tokens_only = true;
        else
            *(c == 'c' ? &file : &to) = optarg;
    }
    if (optind < argc) {
        fprintf(stderr, "warder: store %s: unexpected argument\n%s", argv[0], store_usage);
        return STORE_FAILED;
    }
    return migrate ? store_move(file, to, tokens_only) : store_check(file);
}
