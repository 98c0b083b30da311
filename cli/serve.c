#include "serve.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/close_range.h>

#include "../src/store/install.h"
#include "cmd.h"
#include "environ.h"
#include "master_key.h"

#define SERVE_POLICY_MAX (1024 * 1024)
#define SERVE_READY_MS 30000
#define SERVE_DRAIN_S 60

static const char serve_help[] =
    "Usage: warder serve -c FILE\n"
    "\n"
    "Runs the gateway in the foreground: nginx with the Warder module, one worker per core.\n"
    "Prints \"warder: listening on http://ADDR\" when it is ready.\n"
    "\n"
    "  -c FILE   the policy\n"
    "\n"
    "WARDER_MASTER_KEY names a file of mode 0600 with 32 bytes, raw or as 64 hex characters: keys that `warder keys` changes "
    "are\n"
    "then kept in the state folder, sealed (docs/rotation.md).\n"
    "\n"
    "Signals: HUP reads policy and keys again (a bad file keeps the old policy and says why);\n"
    "TERM lets requests and streams end (at most 60 s; a second TERM does not wait); INT stops at once.\n";

static int
serve_usage(const char *what)
{
    fprintf(stderr, "warder: serve: %s (accepted: -c FILE)\n", what);
    return 2;
}

/* Loads the policy and reads its bytes; both must be of the same file, whoever writes it meanwhile. */
static bool
serve_load(const char *file, struct wd_policy **policy, struct wd_buf *text)
{
    struct wd_policy_error error = { "out of memory" };
    struct wd_buf again;
    bool same;

    if (!serve_files_read(file, SERVE_POLICY_MAX, text))
        return false;
    if (wd_policy_load(policy, file, NULL, environ_get, &error) != WD_OK) {
        fprintf(stderr, "warder: %s\n", error.text);
        wd_buf_deinit(text);
        return false;
    }
    same = serve_files_read(file, SERVE_POLICY_MAX, &again);
    if (same) {
        same = wd_span_eq(wd_buf_span(text), wd_buf_span(&again));
        wd_buf_deinit(&again);
        if (!same)
            fprintf(stderr, "warder: %s: changed while it was read; try again\n", file);
    }
    if (same)
        return true;
    wd_buf_deinit(text);
    wd_policy_free(*policy);
    *policy = NULL;
    return false;
}

/* The keys of a policy, by the master key of this moment. NULL with a message on stderr. */
static struct keyring *
serve_keys(struct serve *s, const struct wd_policy *policy, struct wd_secret **seal_key)
{
    struct keyring_from from = {
        .env = environ_get, .state = &s->state, .before = s->keys, .print_key = s->print_key, .serial = &s->key_serial
    };
    struct wd_secret *master, *store_key = NULL;
    struct keyring *ring = NULL;
    bool ok = true;

    *seal_key = NULL;
    if (policy->store.user != NULL && policy->store.password == NULL) {
        fprintf(stderr,
                "warder: %s: store: names a user and no password (accepted: USER:PASSWORD, or WARDER_STORE_PASSWORD in the "
                "environment)\n",
                policy->file);
        return NULL;
    }
    if (!master_key_load(environ_get, &master))
        return NULL;
    if (master != NULL) {
        ok = master_key_derive(master, "keys", seal_key) &&
             (!policy->store.shared || master_key_derive(master, "store", &store_key));
        wd_secret_free(master);
    }
    if (ok) {
        from.seal_key = *seal_key != NULL ? (const uint8_t *)wd_secret_get(*seal_key).ptr : NULL;
        ring = keyring_load(policy, &from);
    }
    if (ring == NULL) {
        wd_secret_free(store_key);
        wd_secret_free(*seal_key);
        *seal_key = NULL;
        return NULL;
    }
    ring->store_key = store_key;
    ring->generation = ++s->paths.generation;
    return ring;
}

static void
serve_say_listening(const struct wd_policy *p)
{
    printf("warder: listening on http%s://%s%s%s:%u\n", p->tls_cert != NULL ? "s" : "", strchr(p->listen_host, ':') ? "[" : "",
           p->listen_host, strchr(p->listen_host, ':') ? "]" : "", p->listen_port);
    fflush(stdout);
}

static void
serve_reload_taken(struct serve *s)
{
    wd_policy_free(s->before);
    s->before = NULL;
    keyring_free(s->keys_before);
    s->keys_before = NULL;
    serve_channel_restart(s);
    serve_change_tidy(s);
}

/* Workers of the old policy go on. */
static void
serve_reload_refused(struct serve *s)
{
    fprintf(stderr, "warder: not reloaded: nginx did not take it, its own messages stand above; the old policy stays in force\n");
    wd_policy_free(s->policy);
    s->policy = s->before;
    s->before = NULL;
    keyring_free(s->keys);
    s->keys = s->keys_before;
    s->keys_before = NULL;
    serve_channel_restart(s);
    s->paths.workers = s->workers_before;
    s->quitting -= s->quitting < s->workers_before ? s->quitting : s->workers_before;
    s->starting = 0;
    s->reloading = false;
}

/*
 * A byte that nginx says. Its master: C took the configuration, F did not. Workers: R ready, Q takes no new connection any
 * more; W came with a channel.
 */
void
serve_heard(struct serve *s, char what)
{
    if (what == 'R' && s->starting > 0)
        s->starting--;
    if (what == 'Q' && s->quitting > 0)
        s->quitting--;
    if (what == 'C' && s->before != NULL)
        serve_reload_taken(s);
    if (what == 'F' && s->before != NULL)
        serve_reload_refused(s);
}

/* False when nginx is gone or says nothing for too long, or when a signal asks to stop. */
static bool
serve_wait_ready(struct serve *s, int signals)
{
    int64_t late = serve_mono() + SERVE_READY_MS / 1000;
    struct signalfd_siginfo info;
    bool signalled;

    s->starting = s->paths.workers;
    while (s->starting > 0) {
        if (!serve_poll(s, signals, 1000, &signalled) || serve_mono() > late)
            return false;
        if (signalled && read(signals, &info, sizeof(info)) == sizeof(info) &&
            (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)) {
            fprintf(stderr, "warder: told to stop before nginx was ready\n");
            return false;
        }
    }
    return true;
}

static void
serve_reload(struct serve *s)
{
    struct wd_policy *policy = NULL;
    struct wd_secret *seal_key = NULL;
    struct keyring *keys = NULL;
    struct wd_buf text;
    unsigned old_workers;

    if (s->before != NULL) {
        s->again = true;
        return;
    }
    if (!serve_load(s->file, &policy, &text)) {
        fprintf(stderr, "warder: not reloaded; the old policy stays in force\n");
        return;
    }
    old_workers = s->paths.workers;
    s->paths.workers = serve_nginx_workers(policy);
    if (strcmp(policy->state, s->policy->state) != 0)
        fprintf(stderr, "warder: not reloaded: state cannot be changed by a reload; the old policy stays in force\n");
    else if ((keys = serve_keys(s, policy, &seal_key)) == NULL || !serve_files_render(s, policy, wd_buf_span(&text)))
        fprintf(stderr, "warder: not reloaded; the old policy stays in force\n");
    else {
        s->before = s->policy;
        s->workers_before = old_workers;
        s->answer_by = time(NULL) + SERVE_READY_MS / 1000;
        s->policy = policy;
        policy = NULL;
        s->keys_before = s->keys;
        s->keys = keys;
        keys = NULL;
        serve_channel_restart(s);
        wd_secret_free(s->seal_key);
        s->seal_key = seal_key;
        seal_key = NULL;
        s->starting = s->paths.workers;
        s->quitting += old_workers;
        old_workers = s->paths.workers;
        s->reloading = true;
        kill(s->nginx, SIGHUP);
    }
    s->paths.workers = old_workers;
    wd_buf_deinit(&text);
    wd_secret_free(seal_key);
    keyring_free(keys);
    wd_policy_free(policy);
}

static int
serve_exit_status(int status, bool stopping)
{
    if (stopping)
        return 0;
    if (WIFSIGNALED(status))
        fprintf(stderr, "warder: nginx was killed by signal %d\n", WTERMSIG(status));
    else
        fprintf(stderr, "warder: nginx ended with status %d\n", WEXITSTATUS(status));
    return 1;
}

static void
serve_signal(struct serve *s, unsigned signo)
{
    if (signo == SIGHUP && s->deadline == 0)
        serve_reload(s);
    if (signo != SIGTERM && signo != SIGINT)
        return;
    kill(s->nginx, s->deadline != 0 || signo == SIGINT ? SIGTERM : SIGQUIT);
    if (s->deadline == 0)
        s->deadline = time(NULL) + SERVE_DRAIN_S;
}

/* Until nginx is gone. */
static int
serve_loop(struct serve *s, int signals)
{
    struct signalfd_siginfo info;
    bool signalled;
    int status;

    for (;;) {
        if (!serve_poll(s, signals, s->deadline != 0 || s->before != NULL ? 1000 : -1, &signalled)) {
            close(s->keys_fd);
            s->keys_fd = -1;
        }
        if (s->before != NULL && time(NULL) >= s->answer_by)
            serve_reload_refused(s);
        if (s->again && s->before == NULL) {
            s->again = false;
            serve_reload(s);
        }
        if (s->reloading && s->starting == 0 && s->quitting == 0) {
            s->reloading = false;
            printf("warder: the policy was reloaded\n");
            fflush(stdout);
        }
        if (signalled && read(signals, &info, sizeof(info)) == sizeof(info))
            serve_signal(s, info.ssi_signo);
        if (s->deadline != 0 && time(NULL) >= s->deadline) {
            kill(s->nginx, SIGTERM);
            s->deadline += 5;
        }
        if (waitpid(s->nginx, &status, WNOHANG) == s->nginx)
            return serve_exit_status(status, s->deadline != 0);
    }
}

static int
serve_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return -1;
    return signalfd(-1, &set, SFD_CLOEXEC);
}

static int
serve_run(struct serve *s, int signals)
{
    struct wd_buf text;
    int status;
    bool ok;

    if (!serve_load(s->file, &s->policy, &text))
        return 2;
    ok = serve_files_prepare(s) && (s->keys = serve_keys(s, s->policy, &s->seal_key)) != NULL && serve_control_open(s) &&
         serve_nginx_paths(s) && serve_files_render(s, s->policy, wd_buf_span(&text)) && serve_nginx_start(s);
    wd_buf_deinit(&text);
    if (!ok)
        return 2;
    if (!serve_wait_ready(s, signals)) {
        fprintf(stderr, "warder: nginx did not start; its own messages stand above\n");
        kill(s->nginx, SIGKILL);
        waitpid(s->nginx, &status, 0);
        return 2;
    }
    serve_change_tidy(s);
    serve_say_listening(s->policy);
    return serve_loop(s, signals);
}

static void
serve_keys_end(struct serve *s)
{
    if (s->control_fd != -1)
        serve_control_close(s);
    while (s->channel_count > 0)
        serve_channel_drop(s, s->channel_count - 1);
    for (size_t i = 0; i < WD_CHANNEL_RETIRED; i++)
        wd_secret_free(s->retired[i].key);
    keyring_free(s->keys_before);
    keyring_free(s->keys);
    wd_secret_free(s->seal_key);
    free(s->channels);
    free(s->fds);
}

int
cmd_serve(int argc, char **argv)
{
    struct serve s = { .run_fd = -1, .lock_fd = -1, .keys_fd = -1, .control_fd = -1 };
    char *file = NULL;
    int signals, status;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(serve_help, stdout);
            return 0;
        }
        if (strcmp(argv[i], "-c") != 0 || i + 1 == argc)
            return serve_usage(argv[i]);
        file = argv[++i];
    }
    if (file == NULL)
        return serve_usage("the policy is missing");
    /* what the caller left open is no business of nginx */
    close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    if (!environ_take() || prctl(PR_SET_DUMPABLE, 0) != 0 || (signals = serve_signals()) == -1) {
        fprintf(stderr, "warder: could not start: %s\n", strerror(errno));
        return 2;
    }
    s.file = realpath(file, NULL);
    if (s.file == NULL) {
        fprintf(stderr, "warder: %s: %s\n", file, strerror(errno));
        return 2;
    }
    status = serve_run(&s, signals);
    serve_keys_end(&s);
    wd_policy_free(s.before);
    wd_policy_free(s.policy);
    free((char *)s.file);
    return status;
}
