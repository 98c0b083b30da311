#ifndef WD_SCAN_GIT_H
#define WD_SCAN_GIT_H

#include "scan_pool.h"

enum scan_git_what { SCAN_GIT_STAGED, SCAN_GIT_HISTORY };

/*
 * Adds what git holds: of the index, every file that differs from HEAD, as it would be committed; of history, every blob that
 * any commit added, once, with the first commit that did. folder: in the repository, and all that is asked for; NULL: the whole
 * repository around the current folder. git is run without a shell. False, with a message on stderr, when it could not be read
 * whole.
 */
bool scan_git(struct scan_pool *pool, enum scan_git_what what, const char *folder);

#endif
