#ifndef WD_SCAN_GIT_SEEN_H
#define WD_SCAN_GIT_SEEN_H

#include <stddef.h>
#include <stdint.h>

#include "../src/base/err.h"

/* A set of object ids, kept by their first 16 bytes: zeroed is empty. */
struct scan_git_seen {
    struct {
        uint64_t high, low;
    } * slots; /* both 0: free */
    size_t count, size;
};

/* id: at least 32 hex digits. WD_ERR_DENIED when it was there already, WD_ERR_NOMEM. */
enum wd_err scan_git_seen_add(struct scan_git_seen *seen, const char *id) WD_CHECK;
void scan_git_seen_deinit(struct scan_git_seen *seen);

#endif
