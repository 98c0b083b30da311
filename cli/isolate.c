/* warder isolate: what the ledger holds, values that are registered for a provider, and what is to be forgotten. */
#include "cmd.h"

#include <getopt.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../src/gate/isolate.h"
#include "ledger_store.h"
#include "policy_arg.h"

enum {
    ISOLATE_OK = 0,
    ISOLATE_NONE = 1,
    ISOLATE_FAILED = 2,
    ISOLATE_ID = 8, /* hexadecimal digits of a fingerprint that lists show */
    ISOLATE_TIME_SIZE = 32,
    ISOLATE_LINE_MAX = 65536,
};
#define ISOLATE_EVER_S (20u * 365 * 86400)

struct isolate {
    const struct wd_policy *policy;
    struct ledger_store store;
    const char *file, *provider, *user, *tenant, *expires, *format;
    const char *which;
    bool all;
};

static const char isolate_usage[] = "usage: warder isolate add -c FILE --provider P [--user U|--tenant ROLE] [--expires 30d]\n"
                                    "       warder isolate list -c FILE [--format text|json]\n"
                                    "       warder isolate forget -c FILE ID|--provider P|--all|- [--user U|--tenant ROLE]\n";

static const char *
isolate_time(char out[ISOLATE_TIME_SIZE], uint32_t seconds)
{
    time_t t = (time_t)seconds;
    struct tm tm;

    if (gmtime_r(&t, &tm) == NULL || strftime(out, ISOLATE_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        return "?";
    return out;
}

static void
isolate_hex(const uint8_t key[16], char out[33])
{
    sodium_bin2hex(out, 33, key, 16);
}

/* References belong to users, everything else to a provider. */
static bool
isolate_is_ref(unsigned kind)
{
    return kind >= WD_ISOLATE_REF_RESPONSE;
}

static uint64_t
isolate_holder(const struct isolate *x, const char *provider)
{
    return wd_ledger_holder(x->store.key, "provider", wd_span_str(provider));
}

/* NULL: none of the policy's. */
static const char *
isolate_holder_name(const struct isolate *x, const struct wd_ledger_entry *e)
{
    for (uint32_t i = 0; !isolate_is_ref(e->kind) && i < x->policy->provider_count; i++)
        if (isolate_holder(x, x->policy->providers[i].name) == e->holder)
            return x->policy->providers[i].name;
    return NULL;
}

/* --- values from standard input --- */

/* The scope that the options name: everybody's when they name none. ptr NULL after a message. */
static struct wd_span
isolate_scope(const struct isolate *x, struct wd_arena *arena)
{
    if (x->user != NULL && x->tenant != NULL) {
        fputs("warder: isolate: --user and --tenant are two scopes; name one\n", stderr);
        return wd_span(NULL, 0);
    }
    if (x->tenant != NULL && x->policy->isolation.scope != WD_SCOPE_TENANT) {
        fputs("warder: isolate: --tenant is never looked for with this policy (accepted with isolation.scope: tenant)\n", stderr);
        return wd_span(NULL, 0);
    }
    if (x->tenant != NULL && wd_policy_role(x->policy, wd_span_str(x->tenant)) == NULL) {
        fputs("warder: isolate: --tenant: no role of the policy has this name\n", stderr);
        return wd_span(NULL, 0);
    }
    if (x->user != NULL)
        return wd_isolate_scope_of(arena, WD_SCOPE_USER, x->user, wd_span("", 0));
    if (x->tenant != NULL)
        return wd_isolate_scope_of(arena, WD_SCOPE_TENANT, x->tenant, wd_span("", 0));
    return wd_isolate_scope_of(arena, WD_SCOPE_GLOBAL, "", wd_span("", 0));
}

typedef bool isolate_line_fn(struct isolate *x, struct wd_span scope, struct wd_span value, unsigned line, struct wd_arena *arena,
                             void *ctx);

/* Calls fn for each line that is not empty; false when fn answered so, or nothing could be read. */
static bool
isolate_lines(struct isolate *x, struct wd_span scope, isolate_line_fn *fn, void *ctx)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    unsigned number = 0, values = 0;
    bool ok = true;

    while (ok && (len = getline(&line, &size, stdin)) >= 0) {
        struct wd_arena arena;

        number++;
        while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
            len--;
        if (len > ISOLATE_LINE_MAX) {
            fprintf(stderr, "warder: isolate: line %u is too long (accepted: at most %d bytes)\n", number, ISOLATE_LINE_MAX);
            ok = false;
        } else if (len > 0) {
            wd_arena_init(&arena, 64 * 1024 * 1024);
            ok = fn(x, scope, wd_span(line, (size_t)len), number, &arena, ctx);
            wd_arena_deinit(&arena);
            values++;
        }
    }
    if (line != NULL)
        sodium_memzero(line, size);
    free(line);
    if (ok && values == 0) {
        fputs("warder: isolate: standard input holds no value (accepted: one a line)\n", stderr);
        return false;
    }
    return ok;
}

/* --- add --- */

struct isolate_added {
    struct wd_holding *items;
    size_t count, size;
};

static bool
isolate_add_line(struct isolate *x, struct wd_span scope, struct wd_span value, unsigned line, struct wd_arena *arena, void *ctx)
{
    struct isolate_added *added = ctx;
    struct wd_holding parts[WD_ISOLATE_NAMED_MAX];
    unsigned count;
    enum wd_err err = wd_isolate_name(x->store.key, scope, value, arena, parts, &count);

    if (err != WD_OK || count == 0) {
        fprintf(stderr, "warder: isolate add: line %u is too %s (accepted: 4 letters or digits to 1,024 words)\n", line,
                err != WD_OK ? "long" : "short");
        return false;
    }
    if (added->count + count > added->size) {
        size_t size = added->size * 2 + WD_ISOLATE_NAMED_MAX;
        struct wd_holding *items = reallocarray(added->items, size, sizeof(*items));
        if (items == NULL) {
            perror("warder: isolate add");
            return false;
        }
        added->items = items;
        added->size = size;
    }
    for (unsigned i = 0; i < count; i++) {
        parts[i].kind = WD_ISOLATE_REGISTERED;
        added->items[added->count++] = parts[i];
    }
    return true;
}

/* All or nothing: what another provider holds stays its own, and is told. */
static int
isolate_register(struct isolate *x, struct isolate_added *added, uint32_t keep_s)
{
    size_t others = 0;

    if (ledger_store_add(&x->store, added->items, added->count, isolate_holder(x, x->provider), keep_s, &others) != WD_OK)
        return ISOLATE_FAILED;
    if (others > 0) {
        fprintf(stderr, "warder: isolate add: another provider holds %zu of them already; nothing was added\n", others);
        return ISOLATE_NONE;
    }
    return ISOLATE_OK;
}

static int
isolate_add(struct isolate *x)
{
    struct isolate_added added = { NULL };
    struct wd_arena arena;
    struct wd_span scope;
    uint64_t keep_s = ISOLATE_EVER_S;
    int status = ISOLATE_FAILED;

    if (x->provider == NULL || wd_policy_provider(x->policy, wd_span_str(x->provider)) == NULL) {
        fputs("warder: isolate add: --provider names the one provider that may have the values; it must be one of the policy's\n",
              stderr);
        return ISOLATE_FAILED;
    }
    if (!x->policy->isolation.enabled) {
        fputs("warder: isolate add: the policy does not enable isolation, so nobody would look for them (isolation.enabled)\n",
              stderr);
        return ISOLATE_FAILED;
    }
    if (x->expires != NULL && (wd_duration_parse(&keep_s, x->expires) != WD_OK || keep_s > ISOLATE_EVER_S)) {
        fputs("warder: isolate add: --expires: not a time (accepted: as 90s, 15m, 12h, 30d, up to 7300d)\n", stderr);
        return ISOLATE_FAILED;
    }
    wd_arena_init(&arena, 1024 * 1024);
    scope = isolate_scope(x, &arena);
    if (scope.ptr != NULL && isolate_lines(x, scope, isolate_add_line, &added))
        status = isolate_register(x, &added, (uint32_t)keep_s);
    free(added.items);
    wd_arena_deinit(&arena);
    return status;
}

/* --- list --- */

struct isolate_list {
    const struct isolate *x;
    bool json;
    uint64_t count;
};

static bool
isolate_print(void *ctx, const struct wd_ledger_entry *e)
{
    struct isolate_list *list = ctx;
    const char *holder = isolate_holder_name(list->x, e);
    char id[33], when[ISOLATE_TIME_SIZE];

    isolate_hex(e->key, id);
    isolate_time(when, e->expires_s);
    if (list->json)
        printf("%s{\"id\":\"%s\",\"kind\":\"%s\",\"provider\":%s%s%s,\"expires\":\"%s\"}", list->count > 0 ? "," : "", id,
               wd_isolate_kind_name(e->kind), holder != NULL ? "\"" : "", holder != NULL ? holder : "null",
               holder != NULL ? "\"" : "", when);
    else
        printf("%.*s  %-14s  %-32s  %s\n", ISOLATE_ID, id, wd_isolate_kind_name(e->kind), holder != NULL ? holder : "-", when);
    list->count++;
    return !ferror(stdout);
}

static int
isolate_list(struct isolate *x)
{
    struct isolate_list list = { .x = x };
    enum wd_err err;

    if (x->format != NULL && strcmp(x->format, "text") != 0 && strcmp(x->format, "json") != 0) {
        fputs("warder: isolate list: --format: unknown (accepted: text, json)\n", stderr);
        return ISOLATE_FAILED;
    }
    list.json = x->format != NULL && strcmp(x->format, "json") == 0;
    if (list.json)
        fputs("{\"entries\":[", stdout);
    err = ledger_store_list(&x->store, isolate_print, &list);
    if (list.json)
        puts("]}");
    if (err != WD_OK)
        return ISOLATE_FAILED;
    if (list.count == 0 && !list.json)
        fputs("warder: the ledger is empty\n", stderr);
    if (ferror(stdout) || fflush(stdout) != 0) {
        perror("warder: isolate list: standard output");
        return ISOLATE_FAILED;
    }
    return ISOLATE_OK;
}

/* --- forget --- */

struct isolate_wanted {
    const struct isolate *x;
    uint64_t holder;
    size_t digits;
    uint8_t key[16];
    uint32_t found;
};

static bool
isolate_has_id(void *ctx, const struct wd_ledger_entry *e)
{
    struct isolate_wanted *w = ctx;
    char id[33];

    isolate_hex(e->key, id);
    if (strncmp(id, w->x->which, w->digits) != 0 || (w->found > 0 && memcmp(w->key, e->key, sizeof(w->key)) == 0))
        return true;
    memcpy(w->key, e->key, sizeof(w->key));
    w->found++;
    return true;
}

static bool
isolate_is_held(void *ctx, const struct wd_ledger_entry *e)
{
    const struct isolate_wanted *w = ctx;

    return !isolate_is_ref(e->kind) && e->holder == w->holder;
}

static enum wd_err
isolate_forget_id(struct isolate *x, uint64_t *count)
{
    struct isolate_wanted w = { .x = x, .digits = strlen(x->which) };
    enum wd_err err;

    if (w.digits < ISOLATE_ID || w.digits > 32 || strspn(x->which, "0123456789abcdef") != w.digits) {
        fprintf(stderr, "warder: isolate forget: not an id (accepted: %d to 32 of the digits that `isolate list` shows)\n",
                ISOLATE_ID);
        return WD_ERR_SYNTAX;
    }
    err = ledger_store_list(&x->store, isolate_has_id, &w);
    if (err == WD_OK && w.found > 1) {
        fputs("warder: isolate forget: more than one id begins like this; give more digits (list --format json)\n", stderr);
        return WD_ERR_SYNTAX;
    }
    if (err == WD_OK && w.found == 1) {
        struct wd_ledger_entry e = { .holder = 0 };
        memcpy(e.key, w.key, sizeof(e.key));
        err = ledger_store_forget(&x->store, &e, 1, count);
    }
    return err;
}

struct isolate_forgotten {
    uint64_t count;
    enum wd_err err;
};

/* Whatever the value counts as. */
static bool
isolate_forget_line(struct isolate *x, struct wd_span scope, struct wd_span value, unsigned line, struct wd_arena *arena,
                    void *ctx)
{
    struct wd_ledger_entry keys[WD_ISOLATE_NAMED_MAX + WD_ISOLATE_CUSTOM + 1];
    struct wd_holding parts[WD_ISOLATE_NAMED_MAX];
    char normal[WD_ISOLATE_VALUE_MAX];
    struct isolate_forgotten *gone = ctx;
    unsigned n = 0;

    (void)line;
    if (wd_isolate_name(x->store.key, scope, value, arena, parts, &n) != WD_OK)
        n = 0;
    for (unsigned i = 0; i < n; i++)
        memcpy(keys[i].key, parts[i].key, sizeof(keys[i].key));
    for (unsigned kind = WD_ISOLATE_SECRETS; kind <= WD_ISOLATE_CUSTOM; kind++) {
        size_t len = wd_isolate_normal((enum wd_isolate_kind)kind, value, normal);
        if (len > 0)
            wd_ledger_key(keys[n++].key, x->store.key, WD_LEDGER_VALUE, scope, wd_span(normal, len));
    }
    sodium_memzero(normal, sizeof(normal));
    gone->err = ledger_store_forget(&x->store, keys, n, &gone->count);
    return gone->err == WD_OK;
}

static enum wd_err
isolate_forget_values(struct isolate *x, uint64_t *count)
{
    struct isolate_forgotten gone = { .count = 0 };
    struct wd_arena arena;
    struct wd_span scope;
    bool ok;

    wd_arena_init(&arena, 1024 * 1024);
    scope = isolate_scope(x, &arena);
    ok = scope.ptr != NULL && isolate_lines(x, scope, isolate_forget_line, &gone);
    wd_arena_deinit(&arena);
    *count = gone.count;
    return ok ? WD_OK : WD_ERR_SYNTAX;
}

static int
isolate_forget(struct isolate *x)
{
    struct isolate_wanted w = { .x = x };
    uint64_t count = 0;
    enum wd_err err;

    if ((x->which != NULL) + (x->provider != NULL) + x->all != 1) {
        fprintf(stderr, "warder: isolate forget: name one of them\n%s", isolate_usage);
        return ISOLATE_FAILED;
    }
    if (x->which != NULL && strcmp(x->which, "-") == 0)
        err = isolate_forget_values(x, &count);
    else if (x->which != NULL)
        err = isolate_forget_id(x, &count);
    else if (x->all)
        err = ledger_store_forget_if(&x->store, NULL, NULL, &count);
    else {
        w.holder = isolate_holder(x, x->provider); /* also one that the policy does not name any more */
        err = ledger_store_forget_if(&x->store, isolate_is_held, &w, &count);
    }
    if (err != WD_OK)
        return ISOLATE_FAILED;
    fprintf(stderr, "warder: %" PRIu64 " forgotten\n", count);
    return count > 0 ? ISOLATE_OK : ISOLATE_NONE;
}

/* --- the command --- */

static const struct isolate_action {
    const char *name;
    int (*run)(struct isolate *x);
    const char *options; /* of getopt_long */
    const char *usage;
} isolate_actions[] = {
    { "add", isolate_add, "cpute",
      "usage: warder isolate add -c FILE --provider P [--user U|--tenant ROLE] [--expires 30d]\n"
      "\n"
      "Registers the values on standard input, one a line: they may go to provider P and to no other. They are\n"
      "looked for in every request of the scope, whatever detection says, and kept as fingerprints only.\n"
      "\n"
      "  -c FILE         the policy; its isolation must be enabled\n"
      "  --provider P    who may have them\n"
      "  --user U        in requests of this user; --tenant ROLE: of this role's users (default: of everybody)\n"
      "  --expires T     as 90s, 15m, 12h, 30d (default: 7300d)\n"
      "  --help          this text\n" },
    { "list", isolate_list, "cf",
      "usage: warder isolate list -c FILE [--format text|json]\n"
      "\n"
      "What the ledger holds, in no order: the start of the fingerprint, kind, provider (of references, which\n"
      "belong to users: -) and when it is forgotten. Values themselves are not kept.\n"
      "\n"
      "  -c FILE         the policy\n"
      "  --format F      text (default) or json, with whole fingerprints\n"
      "  --help          this text\n" },
    { "forget", isolate_forget, "cputa",
      "usage: warder isolate forget -c FILE ID|--provider P|--all|- [--user U|--tenant ROLE]\n"
      "\n"
      "Takes effect with the next request: any provider may then be shown the value, and becomes its holder.\n"
      "\n"
      "  -c FILE         the policy\n"
      "  ID              an entry, as `isolate list` shows it\n"
      "  -               the values on standard input, one a line, in the scope that --user or --tenant names\n"
      "                  (default: everybody's)\n"
      "  --provider P    all that P holds, and was registered for it\n"
      "  --all           everything, references of users too\n"
      "  --help          this text\n" },
};

static int
isolate_run(struct isolate *x, const struct isolate_action *action)
{
    struct wd_policy *policy = policy_arg_load("isolate", x->file);
    int status = ISOLATE_FAILED;

    if (policy == NULL)
        return ISOLATE_FAILED;
    x->policy = policy;
    if (ledger_store_open(&x->store, policy))
        status = action->run(x);
    ledger_store_close(&x->store);
    wd_policy_free(policy);
    return status;
}

int
cmd_isolate(int argc, char **argv)
{
    static const struct option options[] = {
        { "config", required_argument, NULL, 'c' },
        { "provider", required_argument, NULL, 'p' },
        { "user", required_argument, NULL, 'u' },
        { "tenant", required_argument, NULL, 't' },
        { "expires", required_argument, NULL, 'e' },
        { "format", required_argument, NULL, 'f' },
        { "all", no_argument, NULL, 'a' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    const struct isolate_action *action = NULL;
    struct isolate x = { .file = NULL };
    int c;

    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
        return fputs(isolate_usage, stdout) < 0 ? ISOLATE_FAILED : ISOLATE_OK;
    for (size_t i = 0; argc > 1 && i < sizeof(isolate_actions) / sizeof(isolate_actions[0]); i++)
        if (strcmp(argv[1], isolate_actions[i].name) == 0)
            action = &isolate_actions[i];
    if (action == NULL) {
        fprintf(stderr, "warder: isolate: unknown action (accepted: add, list, forget)\n%s", isolate_usage);
        return ISOLATE_FAILED;
    }
    argc--, argv++;
    optind = 1;
    while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        if (c == 'h')
            return fputs(action->usage, stdout) < 0 ? ISOLATE_FAILED : ISOLATE_OK;
        if (c == '?' || strchr(action->options, c) == NULL) {
            fputs(action->usage, stderr);
            return ISOLATE_FAILED;
        }
        if (c == 'a') {
            x.all = true;
            continue;
        }
        *(c == 'c'   ? &x.file
          : c == 'p' ? &x.provider
          : c == 'u' ? &x.user
          : c == 't' ? &x.tenant
          : c == 'e' ? &x.expires
                     : &x.format) = optarg;
    }
    if (action->run == isolate_forget && optind < argc)
        x.which = argv[optind++];
    if (optind < argc) {
        fprintf(stderr, "warder: isolate %s: unexpected argument\n%s", action->name, action->usage);
        return ISOLATE_FAILED;
    }
    return isolate_run(&x, action);
}
