#include "cmd.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "policy_arg.h"
#include "redis_link.h"

enum { STORE_OK = 0, STORE_BAD = 1, STORE_FAILED = 2 };

static const char store_usage[] =
    "usage: warder store check -c FILE\n"
    "Connects to the shared store as the gateway would, and says whether it takes writes: exit 0 when it does.\n";

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

int
cmd_store(int argc, char **argv)
{
    static const struct option options[] = {
        { "config", required_argument, NULL, 'c' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    const char *file = NULL;
    int c;

    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
        return fputs(store_usage, stdout) < 0 ? STORE_FAILED : STORE_OK;
    if (argc < 2 || strcmp(argv[1], "check") != 0) {
        fprintf(stderr, "warder: store: unknown action (accepted: check)\n%s", store_usage);
        return STORE_FAILED;
    }
    argc--, argv++;
    optind = 1;
    while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        if (c == 'h')
            return fputs(store_usage, stdout) < 0 ? STORE_FAILED : STORE_OK;
        if (c != 'c') {
            fputs(store_usage, stderr);
            return STORE_FAILED;
        }
        file = optarg;
    }
    if (optind < argc) {
        fprintf(stderr, "warder: store check: unexpected argument\n%s", store_usage);
        return STORE_FAILED;
    }
    return store_check(file);
}
