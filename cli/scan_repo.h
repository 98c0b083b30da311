#ifndef WD_SCAN_REPO_H
#define WD_SCAN_REPO_H

#include "../src/base/buf.h"
#include "scan_ignore.h"

/* What a repository says, above a folder in it, on what is to be ignored. Found by its .git; git itself is not asked. */
struct scan_repo {
    struct scan_ignore *files[64]; /* from the top down */
    size_t count;
    struct scan_ignore *ignore; /* the last of them; NULL: there is none */
};

/*
 * path: a folder, in a repository or not. lead gets the way to it from the top of the repository, with '/' behind; nothing when
 * there is none. False when memory is out.
 */
bool scan_repo_open(struct scan_repo *repo, const char *path, struct wd_buf *lead);
void scan_repo_close(struct scan_repo *repo);

/* The file of that name in the folder as *ignore, see scan_ignore_new(); NULL when there is none. 0, or errno. */
int scan_repo_ignore(int folder, const char *name, size_t base, const struct scan_ignore *above, struct scan_ignore **ignore);

#endif
