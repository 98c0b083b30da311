#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "cmd.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *usage;
} commands[] = {
    { "serve", cmd_serve, "-c FILE                                run the gateway in the foreground" },
    { "token", cmd_token, "create|list|revoke -c FILE             callers' tokens" },
    { "keys", cmd_keys, "list|rotate|revoke -c FILE [PROVIDER]  the providers' keys of a running gateway" },
    { "store", cmd_store, "check|migrate -c FILE                  the shared store: does it work, and the way there and back" },
    { "isolate", cmd_isolate, "add|list|forget -c FILE                what providers were shown, and may have" },
    { "audit", cmd_audit, "verify -c FILE                         check the chain of audit records" },
    { "scan", cmd_scan, "[PATH...]                              secrets, personal data, injection and hidden text in files" },
    { "rules", cmd_rules, "list|test|explain [RULE]               what is looked for, and how" },
    { "eval", cmd_eval, "[FILE]                                   what the detectors find, a JSON line each" },
    { "redact", cmd_redact, "[--rules LIST]                         secrets and personal data out of a stream" },
};

static void
usage(FILE *out)
{
    fputs("Usage: warder COMMAND [OPTIONS]\n\nCommands:\n", out);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        fprintf(out, "  %-7s %s\n", commands[i].name, commands[i].usage);
    fputs("\nOptions:\n  --help     this text; `warder COMMAND --help` for a command's\n  --version  the version\n", out);
}

int
main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : NULL;

    signal(SIGPIPE, SIG_IGN);
    if (sodium_init() < 0) {
        fputs("warder: libsodium could not be started\n", stderr);
        return 2;
    }
    if (name == NULL) {
        usage(stderr);
        return 2;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        usage(stdout);
        return 0;
    }
    if (strcmp(name, "--version") == 0) {
        puts("warder " WARDER_VERSION);
        return 0;
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (strcmp(name, commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    fputs("warder: unknown command (accepted:", stderr);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        fprintf(stderr, "%s %s", i > 0 ? "," : "", commands[i].name);
    fputs("; see warder --help)\n", stderr);
    return 2;
}
