#include "cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "../src/base/json.h"
#include "control.h"
#include "control_client.h"
#include "keys_probe.h"
#include "policy_arg.h"

enum { KEYS_OK = 0, KEYS_REFUSED = 1, KEYS_FAILED = 2 };

#define KEYS_GRACE_S 60
#define KEYS_GRACE_MAX_S (24 * 3600)

struct keys_args {
    const char *file, *format, *provider;
    uint32_t index, grace_s;
    bool no_probe, force;
};

struct keys_action {
    const char *name;
    int (*run)(const struct wd_policy *policy, const struct keys_args *args);
    const char *options, *usage;
};

static const char keys_usage[] =
    "usage: warder keys list|rotate|revoke -c FILE [PROVIDER]\n"
    "\n"
    "The providers' keys of the running gateway: which there are, another one in place of one, one out of use.\n"
    "`warder keys ACTION --help` for an action's options.\n";

static const struct wd_provider *
keys_provider(const struct wd_policy *policy, const struct keys_args *args, const char *action)
{
    const struct wd_provider *p = args->provider != NULL ? wd_policy_provider(policy, wd_span_str(args->provider)) : NULL;

    if (p != NULL && args->index < p->key_count)
        return p;
    if (p != NULL) {
        fprintf(stderr, "warder: keys %s: --index: the provider has %u key%s (accepted: 0 to %u)\n", action, p->key_count,
                p->key_count == 1 ? "" : "s", p->key_count - 1);
        return NULL;
    }
    fprintf(stderr, "warder: keys %s: %s (accepted:", action,
            args->provider == NULL ? "the provider is missing" : "no such provider");
    for (uint32_t i = 0; i < policy->provider_count; i++)
        fprintf(stderr, "%s %s", i > 0 ? "," : "", policy->providers[i].name);
    fputs(")\n", stderr);
    return NULL;
}

static int
keys_ask(const struct wd_policy *policy, const char *action, struct control_request *request, struct wd_span key,
         struct control_answer *answer, struct control_row **rows)
{
    char what[CONTROL_TEXT];

    request->magic = CONTROL_MAGIC;
    request->key_len = (uint32_t)key.len;
    if (!control_ask(policy->state, request, key, answer, rows, what, sizeof(what))) {
        fprintf(stderr, "warder: keys %s: %s\n", action, what);
        return KEYS_FAILED;
    }
    if (answer->status != CONTROL_OK)
        fprintf(stderr, "warder: keys %s: %s\n", action, answer->text);
    return answer->status > CONTROL_FAILED ? KEYS_FAILED : (int)answer->status;
}

/* --- list --- */

static const char *
keys_time(char text[32], int64_t when)
{
    time_t t = (time_t)when;
    struct tm tm;

    if (gmtime_r(&t, &tm) == NULL || strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        text[0] = '\0';
    return text;
}

static void
keys_print_row(const struct control_row *row)
{
    static const char *const states[] = { "in use", "stand-by", "revoked" };
    char when[32];

    printf("%-12s  %4u  %-8s  %-8s  %s%s", row->provider, row->slot, row->print,
           row->state <= CONTROL_REVOKED ? states[row->state] : "",
           row->rotated && row->state != CONTROL_REVOKED ? "rotated, before: " : "", row->source);
    if (row->failing_status != 0)
        printf("; failing since %s with %u", keys_time(when, row->failing_since), row->failing_status);
    if (row->old_until != 0)
        printf("; the one before until %s", keys_time(when, row->old_until));
    putchar('\n');
}

static bool
keys_print_json(const struct control_row *row, bool first)
{
    static const char *const states[] = { "in_use", "standby", "revoked" };
    struct wd_buf out;
    bool ok;

    wd_buf_init(&out, 8192);
    ok = wd_buf_printf(&out, "%s{\"provider\":\"%s\",\"index\":%u,\"source\":\"", first ? "\n" : ",\n", row->provider,
                       row->slot) == WD_OK &&
         wd_json_escape(&out, wd_span_str(row->source)) == WD_OK &&
         wd_buf_printf(&out, "\",\"rotated\":%s,\"fingerprint\":\"%s\",\"state\":\"%s\"", row->rotated ? "true" : "false",
                       row->print, row->state <= CONTROL_REVOKED ? states[row->state] : "") == WD_OK &&
         (row->failing_status == 0 ? wd_buf_add_str(&out, ",\"failing\":null")
                                   : wd_buf_printf(&out, ",\"failing\":{\"status\":%u,\"since\":%" PRId64 "}",
                                                   row->failing_status, row->failing_since)) == WD_OK &&
         (row->old_until == 0 ? wd_buf_add_str(&out, ",\"old_until\":null}")
                              : wd_buf_printf(&out, ",\"old_until\":%" PRId64 "}", row->old_until)) == WD_OK &&
         fwrite(out.ptr, 1, out.len, stdout) == out.len;
    wd_buf_deinit(&out);
    return ok;
}

static int
keys_list(const struct wd_policy *policy, const struct keys_args *args)
{
    bool json = args->format != NULL && strcmp(args->format, "json") == 0, first = true, ok = true;
    struct control_request request = { .op = CONTROL_LIST };
    struct control_answer answer;
    struct control_row *rows = NULL;
    int status;

    if (args->format != NULL && !json && strcmp(args->format, "text") != 0) {
        fputs("warder: keys list: --format: unknown (accepted: text, json)\n", stderr);
        return KEYS_FAILED;
    }
    if (args->provider != NULL && keys_provider(policy, args, "list") == NULL)
        return KEYS_FAILED;
    status = keys_ask(policy, "list", &request, wd_span("", 0), &answer, &rows);
    if (status != KEYS_OK)
        return status;
    if (json)
        fputs("{\"keys\":[", stdout);
    else
        printf("%-12s  %4s  %-8s  %-8s  %s\n", "PROVIDER", "SLOT", "KEY", "STATE", "SOURCE");
    for (uint32_t i = 0; i < answer.rows && ok; i++) {
        if (args->provider != NULL && strcmp(args->provider, rows[i].provider) != 0)
            continue;
        if (json)
            ok = keys_print_json(&rows[i], first);
        else
            keys_print_row(&rows[i]);
        first = false;
    }
    if (json)
        puts("]}");
    free(rows);
    if (ok && fflush(stdout) == 0)
        return KEYS_OK;
    perror("warder: keys list: standard output");
    return KEYS_FAILED;
}

/* --- rotate --- */

/* One line of standard input, not shown when a person types it. NULL with a message on stderr. */
static struct wd_secret *
keys_read(void)
{
    static char line[WD_CHANNEL_KEY_MAX + 3];
    struct termios shown, hidden;
    bool person = tcgetattr(STDIN_FILENO, &shown) == 0;
    struct wd_secret *key = NULL;
    size_t len = 0;
    ssize_t n = 0;

    if (person) {
        hidden = shown;
        hidden.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
        fputs("the new key (not shown): ", stderr);
    }
    while (len < sizeof(line) && (!person || memchr(line, '\n', len) == NULL) &&
           (n = read(STDIN_FILENO, line + len, sizeof(line) - len)) > 0)
        len += (size_t)n;
    if (person) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
        fputc('\n', stderr);
    }
    size_t whole = len;
    if (len > 0 && line[len - 1] == '\n')
        len--;
    if (len > 0 && line[len - 1] == '\r')
        len--;
    if (n < 0)
        perror("warder: keys rotate: standard input");
    else if (whole == sizeof(line) || memchr(line, '\n', len) != NULL)
        fprintf(stderr, "warder: keys rotate: standard input holds more than a key (accepted: one line of at most %d bytes)\n",
                WD_CHANNEL_KEY_MAX);
    else if (wd_secret_new(&key, wd_span(line, len)) != WD_OK)
        fputs("warder: keys rotate: out of guarded memory\n", stderr);
    wd_secret_wipe(line, sizeof(line));
    return key;
}

static int
keys_rotate_to(const struct wd_policy *policy, const struct wd_provider *p, const struct keys_args *args,
               const struct wd_secret *key)
{
    struct control_request request = { .op = CONTROL_ROTATE, .slot = args->index, .grace_s = args->grace_s };
    struct control_answer answer;
    const char *what;
    int status;

    if (wd_key_check(p, wd_secret_get(key), &what) != WD_OK) {
        fprintf(stderr, "warder: keys rotate: standard input %s (accepted: a key that begins with %.8s)\n", what, p->key_prefix);
        return KEYS_REFUSED;
    }
    if (!args->no_probe && !keys_probe(p, key))
        return KEYS_REFUSED;
    snprintf(request.provider, sizeof(request.provider), "%s", p->name);
    status = keys_ask(policy, "rotate", &request, wd_secret_get(key), &answer, NULL);
    if (status != KEYS_OK)
        return status;
    fprintf(stderr, "warder: every worker uses the new key of %s; the one before is wiped in %u s\n", p->name, args->grace_s);
    if (!answer.kept)
        fprintf(stderr,
                "warder: there is no master key: the new key lives in the running gateway only, and a restart returns to the "
                "configured one (accepted, to keep it: WARDER_MASTER_KEY of warder serve)\n");
    return KEYS_OK;
}

static int
keys_rotate(const struct wd_policy *policy, const struct keys_args *args)
{
    const struct wd_provider *p = keys_provider(policy, args, "rotate");
    struct wd_secret *key = p != NULL ? keys_read() : NULL;
    int status = key != NULL ? keys_rotate_to(policy, p, args, key) : KEYS_FAILED;

    wd_secret_free(key);
    return status;
}

/* --- revoke --- */

static int
keys_revoke(const struct wd_policy *policy, const struct keys_args *args)
{
    const struct wd_provider *p = keys_provider(policy, args, "revoke");
    struct control_request request = { .op = CONTROL_REVOKE, .slot = args->index, .grace_s = KEYS_GRACE_S, .force = args->force };
    struct control_answer answer;
    int status;

    if (p == NULL)
        return KEYS_FAILED;
    snprintf(request.provider, sizeof(request.provider), "%s", p->name);
    status = keys_ask(policy, "revoke", &request, wd_span("", 0), &answer, NULL);
    if (status != KEYS_OK)
        return status;
    fprintf(stderr, "warder: no worker uses key %u of %s any more\n", args->index, p->name);
    if (!answer.kept)
        fputs("warder: there is no master key: a restart returns to the configured key (take it out of the policy, too)\n",
              stderr);
    return KEYS_OK;
}

static const struct keys_action keys_actions[] = {
    { "list", keys_list, "cf",
      "usage: warder keys list -c FILE [PROVIDER] [--format text|json]\n"
      "\n"
      "The keys of the running gateway in their order: where each comes from, the first 8 digits of its fingerprint, its state.\n"
      "\n"
      "  -c FILE        the policy\n"
      "  --format F     text (default) or json\n"
      "  --help         this text\n" },
    { "rotate", keys_rotate, "cign",
      "usage: warder keys rotate -c FILE PROVIDER [--index N] [--grace 60s] [--no-probe]\n"
      "\n"
      "Reads the new key from standard input, one line, and tries it against the provider. From its return on every request\n"
      "goes out with the new key; requests in flight end on the one before.\n"
      "\n"
      "  -c FILE        the policy\n"
      "  --index N      which of the provider's keys, from 0 (default: 0)\n"
      "  --grace T      how long the one before must not show in answers, then it is wiped: 0s to 24h (default: 60s)\n"
      "  --no-probe     do not ask the provider\n"
      "  --help         this text\n"
      "\n"
      "Exit status: 0 in use, 1 refused (not a key of this provider, the provider does not take it), 2 could not run.\n" },
    { "revoke", keys_revoke, "ciF",
      "usage: warder keys revoke -c FILE PROVIDER [--index N] [--force]\n"
      "\n"
      "Takes a key out of use; the next of the provider's keys takes its place.\n"
      "\n"
      "  -c FILE        the policy\n"
      "  --index N      which of the provider's keys, from 0 (default: 0)\n"
      "  --force        also the last one: requests to the provider are then answered 502 provider_unavailable\n"
      "  --help         this text\n"
      "\n"
      "Exit status: 0 out of use, 1 refused, 2 could not run.\n" },
};

static bool
keys_number(const char *text, uint32_t *value)
{
    char *end;
    unsigned long n;

    errno = 0;
    n = strtoul(text, &end, 10);
    *value = (uint32_t)n;
    if (errno == 0 && end != text && *end == '\0' && n < 1000 && text[0] >= '0' && text[0] <= '9')
        return true;
    fputs("warder: keys: --index: is no index (accepted: 0, 1, ...)\n", stderr);
    return false;
}

static bool
keys_grace(const char *text, uint32_t *value)
{
    uint64_t seconds = 0;

    if (strcmp(text, "0s") != 0 && (wd_duration_parse(&seconds, text) != WD_OK || seconds > KEYS_GRACE_MAX_S)) {
        fputs("warder: keys rotate: --grace: is no such time (accepted: 0s to 24h)\n", stderr);
        return false;
    }
    *value = (uint32_t)seconds;
    return true;
}

static bool
keys_option(const struct keys_action *action, int c, struct keys_args *args)
{
    if (c == '?' || strchr(action->options, c) == NULL) {
        fputs(action->usage, stderr);
        return false;
    }
    if (c == 'i')
        return keys_number(optarg, &args->index);
    if (c == 'g')
        return keys_grace(optarg, &args->grace_s);
    if (c == 'n')
        args->no_probe = true;
    else if (c == 'F')
        args->force = true;
    else
        *(c == 'c' ? &args->file : &args->format) = optarg;
    return true;
}

static int
keys_run(const struct keys_action *action, const struct keys_args *args)
{
    struct wd_policy *policy = policy_arg_load("keys", args->file);
    int status;

    if (policy == NULL)
        return KEYS_FAILED;
    status = action->run(policy, args);
    wd_policy_free(policy);
    return status;
}

int
cmd_keys(int argc, char **argv)
{
    static const struct option options[] = {
        { "config", required_argument, NULL, 'c' }, { "index", required_argument, NULL, 'i' },
        { "grace", required_argument, NULL, 'g' },  { "format", required_argument, NULL, 'f' },
        { "no-probe", no_argument, NULL, 'n' },     { "force", no_argument, NULL, 'F' },
        { "help", no_argument, NULL, 'h' },         { NULL, 0, NULL, 0 },
    };
    const struct keys_action *action = NULL;
    struct keys_args args = { .grace_s = KEYS_GRACE_S };
    struct rlimit none = { 0, 0 };
    int c;

    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
        return fputs(keys_usage, stdout) < 0 ? KEYS_FAILED : KEYS_OK;
    for (size_t i = 0; argc > 1 && i < sizeof(keys_actions) / sizeof(keys_actions[0]); i++)
        if (strcmp(argv[1], keys_actions[i].name) == 0)
            action = &keys_actions[i];
    if (action == NULL) {
        fprintf(stderr, "warder: keys: unknown action (accepted: list, rotate, revoke)\n%s", keys_usage);
        return KEYS_FAILED;
    }
    argc--, argv++;
    optind = 1;
    while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        if (c == 'h')
            return fputs(action->usage, stdout) < 0 ? KEYS_FAILED : KEYS_OK;
        if (!keys_option(action, c, &args))
            return KEYS_FAILED;
    }
    if (optind < argc)
        args.provider = argv[optind++];
    if (optind < argc) {
        fprintf(stderr, "warder: keys %s: unexpected argument\n%s", action->name, action->usage);
        return KEYS_FAILED;
    }
    /* a key passes through: it stays in no core file, and nobody looks into this process */
    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0) {
        perror("warder: keys");
        return KEYS_FAILED;
    }
    return keys_run(action, &args);
}
