#include "scan_git_child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILD_ARGS_MAX = 32, CHILD_ENV_MAX = 4096 };

/* A repository must not make git run anything, fetch anything or ask anything. */
static const char *const child_config[] = { "--no-pager", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null" };
static const char *const child_env[] = { "GIT_NO_LAZY_FETCH=1", "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0",
                                         "GIT_NO_REPLACE_OBJECTS=1", "GIT_LITERAL_PATHSPECS=1" };

static void
child_close(int *fd)
{
    if (*fd != -1)
        close(*fd);
    *fd = -1;
}

static char **
child_environ(void)
{
    size_t n = 0, kept = 0, add = sizeof(child_env) / sizeof(child_env[0]);
    char **env;

    while (environ[n] != NULL)
        n++;
    env = calloc(n + add + 1, sizeof(*env));
    if (env == NULL)
        return NULL;
    for (size_t i = 0; i < add; i++)
        env[kept++] = (char *)child_env[i];
    for (size_t i = 0; i < n; i++) {
        bool ours = false;

        for (size_t k = 0; k < add; k++)
            ours |= strncmp(environ[i], child_env[k], strcspn(child_env[k], "=") + 1) == 0;
        if (!ours)
            env[kept++] = environ[i];
    }
    return env;
}

static void
child_arguments(char *out[CHILD_ARGS_MAX], const char *folder, const char *const *args, const char *last)
{
    size_t n = 0;

    out[n++] = (char *)"git";
    for (size_t i = 0; i < sizeof(child_config) / sizeof(child_config[0]); i++)
        out[n++] = (char *)child_config[i];
    if (folder != NULL) {
        out[n++] = (char *)"-C";
        out[n++] = (char *)folder;
    }
    while (*args != NULL)
        out[n++] = (char *)*args++;
    if (last != NULL)
        out[n++] = (char *)last;
    out[n] = NULL;
}

static int
child_spawn(struct scan_git_child *child, char **args, int in, int out)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t defaults;
    char **env = child_environ();
    int error;

    if (env == NULL)
        return ENOMEM;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attr);
    if (in == -1)
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    else
        posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_setsigdefault(&attr, &defaults);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
    error = posix_spawnp(&child->pid, "git", &actions, &attr, args, env);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attr);
    free(env);
    return error;
}

bool
scan_git_child_start(struct scan_git_child *child, const char *folder, const char *const *args, const char *last, bool asked,
                     int from)
{
    int in[2] = { -1, -1 }, out[2] = { -1, -1 }, error = 0;
    char *all[CHILD_ARGS_MAX];

    *child = SCAN_GIT_CHILD_NONE;
    child->name = args[0];
    child_arguments(all, folder, args, last);
    if (pipe2(out, O_CLOEXEC) != 0 || (asked && pipe2(in, O_CLOEXEC) != 0))
        error = errno;
    else
        error = child_spawn(child, all, asked ? in[0] : from, out[1]);
    child_close(&in[0]);
    child_close(&out[1]);
    child_close(&from);
    if (error == 0) {
        child->in = in[1];
        child->out = out[0];
        return true;
    }
    child->pid = -1;
    child_close(&in[1]);
    child_close(&out[0]);
    fprintf(stderr, "warder: scan: git cannot be run: %s%s\n", strerror(error),
            error == ENOENT ? " (it must be installed for --staged and --history)" : "");
    return false;
}

int
scan_git_child_take(struct scan_git_child *child)
{
    int fd = child->out;

    child->out = -1;
    return fd;
}

bool
scan_git_child_end(struct scan_git_child *child)
{
    int status;

    if (child->pid == -1)
        return true;
    child_close(&child->in);
    child_close(&child->out);
    while (waitpid(child->pid, &status, 0) == -1)
        if (errno != EINTR)
            status = -1;
    child->pid = -1;
    if (status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE))
        return true;
    fprintf(stderr, "warder: scan: git %s failed\n", child->name);
    return false;
}
