#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "environ.h"
#include "serve.h"

#define NGINX_FILES 65536
#define NGINX_CONNECTIONS 24576 /* a stream takes two; each costs 424 bytes whether used or not */
#define NGINX_MODULE "ngx_http_warder_module.so"

static const char *const nginx_programs[] = { "/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/local/nginx/sbin/nginx" };

/* What nginx may know of the environment: the policy's switches, never a key. */
static const char *const nginx_environment[] = {
    "ENABLE_RATE_LIMITING",
    "ENABLE_INPUT_VALIDATION",
    "ENABLE_OUTPUT_FILTERING",
    "ENABLE_AUDIT_LOGGING",
    "ENCRYPTION_ENABLED",
    "ALLOWED_PROVIDERS",
    "MAX_REQUESTS_PER_USER",
    "WARDER_ENV",
    "PATH",
    "TZ",
    /* for runs under a sanitizer */
    "LD_PRELOAD",
    "ASAN_OPTIONS",
    "UBSAN_OPTIONS",
    "LSAN_OPTIONS",
};
#define NGINX_ENVIRONMENT (sizeof(nginx_environment) / sizeof(nginx_environment[0]))

/* Beside this program (a build folder), or where it was installed. */
static bool
nginx_find_module(struct serve_paths *paths)
{
    static const char *const places[] = { "", "/../lib/nginx/modules", "/../lib/x86_64-linux-gnu/nginx/modules",
                                          "/../lib/aarch64-linux-gnu/nginx/modules" };
    char self[3072];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

    if (n <= 0)
        return false;
    self[n] = '\0';
    *strrchr(self, '/') = '\0';
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        snprintf(paths->module, sizeof(paths->module), "%s%s/%s", self, places[i], NGINX_MODULE);
        if (access(paths->module, R_OK) == 0)
            return true;
    }
    fprintf(stderr, "warder: %s is neither in %s nor in ../lib/nginx/modules\n", NGINX_MODULE, self);
    return false;
}

static bool
nginx_find_user(struct serve *s)
{
    const struct passwd *pw;
    const struct group *gr;

    s->paths.user[0] = '\0';
    if (geteuid() != 0)
        return true;
    pw = getpwuid(s->state.uid);
    gr = getgrgid(s->state.gid);
    if (pw == NULL || gr == NULL) {
        fprintf(stderr, "warder: the owner of the state folder has no name\n");
        return false;
    }
    snprintf(s->paths.user, sizeof(s->paths.user), "%s %s", pw->pw_name, gr->gr_name);
    return true;
}

unsigned
serve_nginx_workers(const struct wd_policy *policy)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    if (policy->workers != 0)
        return policy->workers;
    return (unsigned)(cores < 1 ? 1 : cores > 64 ? 64 : cores);
}

bool
serve_nginx_paths(struct serve *s)
{
    struct rlimit files = { 1024, 1024 };

    if (!nginx_find_module(&s->paths) || !serve_conf_path_ok(s->paths.module) || !nginx_find_user(s))
        return false;
    s->paths.workers = serve_nginx_workers(s->policy);
    getrlimit(RLIMIT_NOFILE, &files);
    s->paths.files = files.rlim_max > NGINX_FILES ? NGINX_FILES : (unsigned)files.rlim_max;
    s->paths.connections = s->paths.files - s->paths.files / 8;
    if (s->paths.connections > NGINX_CONNECTIONS)
        s->paths.connections = NGINX_CONNECTIONS;
    return true;
}

static void
nginx_child(struct serve *s, const char *program, int keys_fd, pid_t parent)
{
    char conf[96], fd[32], *env[NGINX_ENVIRONMENT + 2];
    size_t count = 0;
    sigset_t none;

    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(2);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    if (fchdir(s->state.fd) != 0)
        _exit(2);

    snprintf(fd, sizeof(fd), "WARDER_KEYS_FD=%d", keys_fd);
    env[count++] = fd;
    for (size_t i = 0; i < NGINX_ENVIRONMENT; i++) {
        const char *value = environ_get(nginx_environment[i]);
        if (value != NULL && asprintf(&env[count], "%s=%s", nginx_environment[i], value) != -1)
            count++;
    }
    env[count] = NULL;
    snprintf(conf, sizeof(conf), "%s/nginx.conf", s->paths.run);
    execle(program, "nginx", "-p", s->paths.run, "-e", "stderr", "-c", conf, (char *)NULL, env);
    _exit(2);
}

bool
serve_nginx_start(struct serve *s)
{
    const char *program = NULL;
    pid_t parent = getpid();
    int pair[2];

    for (size_t i = 0; program == NULL && i < sizeof(nginx_programs) / sizeof(nginx_programs[0]); i++)
        if (access(nginx_programs[i], X_OK) == 0)
            program = nginx_programs[i];
    if (program == NULL) {
        fprintf(stderr, "warder: nginx is not installed (looked for /usr/sbin/nginx)\n");
        return false;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0 || fcntl(pair[0], F_SETFD, FD_CLOEXEC) != 0) {
        perror("warder: socketpair");
        return false;
    }
    s->nginx = fork();
    if (s->nginx == -1) {
        perror("warder: fork");
        return false;
    }
    if (s->nginx == 0)
        nginx_child(s, program, pair[1], parent);
    close(pair[1]);
    s->keys_fd = pair[0];
    return true;
}
