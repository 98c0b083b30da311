#ifndef WD_SCAN_GIT_CHILD_H
#define WD_SCAN_GIT_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

/* A git that runs as a child. */
struct scan_git_child {
    pid_t pid; /* -1: none */
    int in;    /* its standard input, -1: it has none */
    int out;   /* its standard output */
    const char *name;
};

#define SCAN_GIT_CHILD_NONE ((struct scan_git_child){ -1, -1, -1, "" })

/*
 * Runs `git ARGS [LAST]` in folder (NULL: the current one), with standard input from a pipe (`asked`), from fd `from`, which is
 * taken, or from nothing (-1). Its errors go to stderr. False with a message when it cannot be started.
 */
bool scan_git_child_start(struct scan_git_child *child, const char *folder, const char *const *args, const char *last, bool asked,
                          int from);
/* The standard output, which is then the caller's to close. */
int scan_git_child_take(struct scan_git_child *child);
/* Closes what is open and waits for the end. False, with a message, when it failed. True when there is none. */
bool scan_git_child_end(struct scan_git_child *child);

#endif
