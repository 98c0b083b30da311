#ifndef WD_SCAN_WALK_H
#define WD_SCAN_WALK_H

#include "scan_pool.h"

/*
 * Adds every regular file under a folder, in the order of their names; links are not followed and .git is not entered. fd, the
 * folder, is taken; path is how it is called. ignored: also what .gitignore files (and .git/info/exclude) name. False when no
 * more are wanted or memory is out (then errno is ENOMEM, else 0); folders that cannot be read are jobs with an error.
 */
bool scan_walk(struct scan_pool *pool, int fd, const char *path, bool ignored);

#endif
