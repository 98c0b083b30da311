#include "cmd.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../src/base/json.h"
#include "policy_arg.h"
#include "token_store.h"

enum { TOKEN_OK = 0, TOKEN_NONE = 1, TOKEN_FAILED = 2, TOKEN_TIME_SIZE = 32 };

struct token_args {
    const char *file, *user, *role, *expires, *format;
    const char *which;
};

struct token_action {
    const char *name;
    int (*run)(struct token_store *tokens, const struct wd_policy *policy, const struct token_args *args);
    const char *options; /* of getopt_long */
    const char *usage;
};

static const char token_usage[] = "usage: warder token create -c FILE --user U --role R [--expires 30d]\n"
                                  "       warder token list -c FILE [--format text|json]\n"
                                  "       warder token revoke -c FILE ID|TOKEN|-|--user U\n";

/* What a terminal would act on, or not show, is written as its code. */
static void
token_show(FILE *out, const char *text)
{
    static const struct {
        uint32_t first, last;
    } hidden[] = { { 0x00, 0x1f },     { 0x7f, 0x9f },     { 0xad, 0xad },     { 0x200b, 0x200f },
                   { 0x2028, 0x202e }, { 0x2060, 0x206f }, { 0xfeff, 0xfeff }, { 0xe0000, 0xe0fff } };

    for (const unsigned char *p = (const unsigned char *)text; *p != '\0';) {
        size_t len = *p < 0x80 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
        uint32_t cp = len == 1 ? *p : *p & (0x7fu >> len);
        bool hide = false;
        for (size_t i = 1; i < len; i++) {
            if (p[i] == '\0') { /* not from the store: that holds UTF-8 only */
                len = i;
                break;
            }
            cp = cp << 6 | (p[i] & 0x3fu);
        }
        for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
            hide = hide || (cp >= hidden[i].first && cp <= hidden[i].last);
        if (hide)
            fprintf(out, "\\u{%" PRIx32 "}", cp);
        else
            fwrite(p, 1, len, out);
        p += len;
    }
}

static const char *
token_time(char out[TOKEN_TIME_SIZE], int64_t seconds)
{
    time_t t = (time_t)seconds;
    struct tm tm;

    if (seconds == 0)
        return "never";
    if (gmtime_r(&t, &tm) == NULL || strftime(out, TOKEN_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        return "?";
    return out;
}

/* --- create --- */

static bool
token_role_known(const struct wd_policy *policy, const struct token_args *args)
{
    if (wd_policy_role(policy, wd_span_str(args->role)) != NULL)
        return true;
    fprintf(stderr, "warder: %s: roles: \"", args->file);
    token_show(stderr, args->role);
    fputs("\" is not one of them (accepted: ", stderr);
    for (uint32_t i = 0; i < policy->role_count; i++)
        fprintf(stderr, "%s%s", i > 0 ? ", " : "", policy->roles[i].name);
    fputs(")\n", stderr);
    return false;
}

static bool
token_fill(struct wd_principal *who, const struct wd_policy *policy, const struct token_args *args)
{
    uint64_t seconds = 0;

    if (args->user == NULL || args->role == NULL) {
        fprintf(stderr, "warder: token create: --user and --role are needed\n%s", token_usage);
        return false;
    }
    if (!token_role_known(policy, args))
        return false;
    if (strlen(args->user) > WD_TOKEN_USER_MAX || strlen(args->role) > WD_TOKEN_ROLE_MAX) {
        fprintf(stderr, "warder: token create: too long (accepted: a user of at most %d bytes, a role of at most %d)\n",
                WD_TOKEN_USER_MAX, WD_TOKEN_ROLE_MAX);
        return false;
    }
    if (args->expires != NULL && wd_duration_parse(&seconds, args->expires) != WD_OK) {
        fputs("warder: token create: --expires: not a time (accepted: as 90s, 15m, 12h, 30d, up to 36500d)\n", stderr);
        return false;
    }
    memset(who, 0, sizeof(*who));
    memcpy(who->user, args->user, strlen(args->user));
    memcpy(who->role, args->role, strlen(args->role));
    who->created_s = (int64_t)time(NULL);
    who->expires_s = args->expires != NULL ? who->created_s + (int64_t)seconds : 0;
    return true;
}

static int
token_create(struct token_store *tokens, const struct wd_policy *policy, const struct token_args *args)
{
    struct wd_principal who;
    uint8_t random[32];
    char token[48], id[17], when[TOKEN_TIME_SIZE];

    if (!token_fill(&who, policy, args))
        return TOKEN_FAILED;
    randombytes_buf(random, sizeof(random));
    enum wd_err err = token_store_create(tokens, random, &who, token, id);
    sodium_memzero(random, sizeof(random));
    if (err == WD_ERR_RANGE) {
        fputs("warder: token create: --user: must be text without control characters\n", stderr);
        return TOKEN_FAILED;
    }
    if (err != WD_OK)
        return TOKEN_FAILED;
    bool shown = printf("%s\n", token) > 0 && fflush(stdout) == 0;
    sodium_memzero(token, sizeof(token));
    if (!shown) {
        perror("warder: token create: standard output");
        if (token_store_revoke(tokens, wd_span_str(id)) != WD_OK)
            fprintf(stderr, "warder: revoke %s, it was not shown\n", id);
        return TOKEN_FAILED;
    }
    fprintf(stderr, "warder: token %s of user ", id);
    token_show(stderr, who.user);
    fprintf(stderr, ", role %s, expires %s; it is not shown again\n", who.role, token_time(when, who.expires_s));
    return TOKEN_OK;
}

/* --- list --- */

struct token_list {
    int64_t now_s;
    bool json, failed;
    size_t count;
};

static bool
token_print_row(const struct token_list *list, const struct wd_principal *who)
{
    char created[TOKEN_TIME_SIZE], expires[TOKEN_TIME_SIZE];
    const char *state = who->expires_s != 0 && who->expires_s <= list->now_s ? "expired" : "active";

    if (list->count == 0)
        printf("%-16s  %-20s  %-20s  %-7s  %-12s  %s\n", "ID", "CREATED", "EXPIRES", "STATE", "ROLE", "USER");
    printf("%-16s  %-20s  %-20s  %-7s  ", who->id, token_time(created, who->created_s), token_time(expires, who->expires_s),
           state);
    token_show(stdout, who->role);
    printf("%*s  ", strlen(who->role) < 12 ? (int)(12 - strlen(who->role)) : 0, "");
    token_show(stdout, who->user);
    return putchar('\n') != EOF;
}

static bool
token_print_json(const struct token_list *list, const struct wd_principal *who)
{
    struct wd_buf out;
    bool expired = who->expires_s != 0 && who->expires_s <= list->now_s;

    wd_buf_init(&out, 16384);
    bool ok = wd_buf_printf(&out, "%s{\"id\":\"%s\",\"user\":\"", list->count > 0 ? ",\n" : "\n", who->id) == WD_OK &&
              wd_json_escape(&out, wd_span_str(who->user)) == WD_OK && wd_buf_add_str(&out, "\",\"role\":\"") == WD_OK &&
              wd_json_escape(&out, wd_span_str(who->role)) == WD_OK &&
              wd_buf_printf(&out, "\",\"created\":%" PRId64 ",\"expires\":", who->created_s) == WD_OK &&
              (who->expires_s == 0 ? wd_buf_add_str(&out, "null") : wd_buf_printf(&out, "%" PRId64, who->expires_s)) == WD_OK &&
              wd_buf_printf(&out, ",\"state\":\"%s\"}", expired ? "expired" : "active") == WD_OK &&
              fwrite(out.ptr, 1, out.len, stdout) == out.len;
    wd_buf_deinit(&out);
    return ok;
}

static bool
token_print(void *ctx, const struct wd_principal *who)
{
    struct token_list *list = ctx;

    list->failed = !(list->json ? token_print_json(list, who) : token_print_row(list, who));
    list->count++;
    return !list->failed;
}

static int
token_list(struct token_store *tokens, const struct wd_policy *policy, const struct token_args *args)
{
    struct token_list list = { .now_s = (int64_t)time(NULL) };

    (void)policy;
    if (args->format != NULL && strcmp(args->format, "text") != 0 && strcmp(args->format, "json") != 0) {
        fputs("warder: token list: --format: unknown (accepted: text, json)\n", stderr);
        return TOKEN_FAILED;
    }
    list.json = args->format != NULL && strcmp(args->format, "json") == 0;
    if (list.json)
        fputs("{\"tokens\":[", stdout);
    enum wd_err err = token_store_list(tokens, token_print, &list);
    if (err != WD_OK)
        return TOKEN_FAILED;
    if (list.json)
        puts("]}");
    if (list.count == 0 && !list.json)
        fputs("warder: no tokens\n", stderr);
    if (list.failed || fflush(stdout) != 0) {
        perror("warder: token list: standard output");
        return TOKEN_FAILED;
    }
    return TOKEN_OK;
}

/* --- revoke --- */

/* One line of standard input, without its end. False when there is none or it is too long for any token. */
static bool
token_read(char *out, size_t size)
{
    if (fgets(out, (int)size, stdin) == NULL)
        return false;
    size_t len = strcspn(out, "\r\n");
    if (out[len] == '\0' && len == size - 1)
        return false;
    out[len] = '\0';
    return len > 0;
}

static int
token_revoke(struct token_store *tokens, const struct wd_policy *policy, const struct token_args *args)
{
    char line[64];
    const char *which = args->which;
    uint32_t count = 1;
    enum wd_err err;

    (void)policy;
    if ((which == NULL) == (args->user == NULL)) {
        fprintf(stderr, "warder: token revoke: name one token or --user U\n%s", token_usage);
        return TOKEN_FAILED;
    }
    if (which == NULL) {
        err = token_store_revoke_user(tokens, wd_span_str(args->user), &count);
    } else {
        if (strcmp(which, "-") == 0) {
            if (!token_read(line, sizeof(line))) {
                fputs("warder: token revoke: standard input holds no token\n", stderr);
                return TOKEN_FAILED;
            }
            which = line;
        }
        err = token_store_revoke(tokens, wd_span_str(which));
        sodium_memzero(line, sizeof(line));
    }
    if (err == WD_ERR_NOTFOUND) {
        fputs(args->user != NULL ? "warder: token revoke: the user has no token\n" : "warder: token revoke: no such token\n",
              stderr);
        return TOKEN_NONE;
    }
    if (err != WD_OK)
        return TOKEN_FAILED;
    fprintf(stderr, "warder: %" PRIu32 " token%s revoked\n", count, count == 1 ? "" : "s");
    return TOKEN_OK;
}

static const struct token_action token_actions[] = {
    { "create", token_create, "cure",
      "usage: warder token create -c FILE --user U --role R [--expires 30d]\n"
      "\n"
      "Makes a token and prints it alone on standard output, this once: the store keeps its digest only.\n"
      "\n"
      "  -c FILE        the policy; the role must be one of its roles\n"
      "  --user U       whom it stands for in limits and records\n"
      "  --role R       what it may do\n"
      "  --expires T    as 90s, 15m, 12h, 30d (default: never)\n"
      "  --help         this text\n" },
    { "list", token_list, "cf",
      "usage: warder token list -c FILE [--format text|json]\n"
      "\n"
      "Tokens in the order of their making: id, times, state, role and user.\n"
      "\n"
      "  -c FILE        the policy\n"
      "  --format F     text (default) or json\n"
      "  --help         this text\n" },
    { "revoke", token_revoke, "cu",
      "usage: warder token revoke -c FILE ID|TOKEN|-|--user U\n"
      "\n"
      "Takes effect with the next request. Others can see the command line: give a token as -, from standard input.\n"
      "\n"
      "  -c FILE        the policy\n"
      "  --user U       all tokens of this user\n"
      "  --help         this text\n" },
};

static int
token_run(const struct token_action *action, const struct token_args *args)
{
    struct wd_policy *policy = policy_arg_load("token", args->file);
    struct token_store tokens;
    int status = TOKEN_FAILED;

    if (policy == NULL)
        return TOKEN_FAILED;
    if (token_store_open(&tokens, policy))
        status = action->run(&tokens, policy, args);
    token_store_close(&tokens);
    wd_policy_free(policy);
    return status;
}

int
cmd_token(int argc, char **argv)
{
    static const struct option options[] = {
        { "config", required_argument, NULL, 'c' },
        { "user", required_argument, NULL, 'u' },
        { "role", required_argument, NULL, 'r' },
        { "expires", required_argument, NULL, 'e' },
        { "format", required_argument, NULL, 'f' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    const struct token_action *action = NULL;
    struct token_args args = { 0 };
    int c;

    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
        return fputs(token_usage, stdout) < 0 ? TOKEN_FAILED : TOKEN_OK;
    for (size_t i = 0; argc > 1 && i < sizeof(token_actions) / sizeof(token_actions[0]); i++)
        if (strcmp(argv[1], token_actions[i].name) == 0)
            action = &token_actions[i];
    if (action == NULL) {
        fprintf(stderr, "warder: token: unknown action (accepted: create, list, revoke)\n%s", token_usage);
        return TOKEN_FAILED;
    }
    argc--, argv++;
    optind = 1;
    while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        if (c == 'h')
            return fputs(action->usage, stdout) < 0 ? TOKEN_FAILED : TOKEN_OK;
        if (c == '?' || strchr(action->options, c) == NULL) {
            fputs(action->usage, stderr);
            return TOKEN_FAILED;
        }
        *(c == 'c'   ? &args.file
          : c == 'u' ? &args.user
          : c == 'r' ? &args.role
          : c == 'e' ? &args.expires
                     : &args.format) = optarg;
    }
    if (action->run == token_revoke && optind < argc)
        args.which = argv[optind++];
    if (optind < argc) {
        fprintf(stderr, "warder: token %s: unexpected argument\n%s", action->name, action->usage);
        return TOKEN_FAILED;
    }
    return token_run(action, &args);
}
