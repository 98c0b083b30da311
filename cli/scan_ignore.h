#ifndef WD_SCAN_IGNORE_H
#define WD_SCAN_IGNORE_H

#include "../src/base/span.h"

/* The lines of one .gitignore file (gitignore(5)), and those of the folders above. */
struct scan_ignore;

enum { SCAN_IGNORE_FILE_MAX = 1 << 20, SCAN_IGNORE_LINES_MAX = 10000 };

/*
 * text is copied. base: as many bytes of a path, its '/' included, lead to the folder of the file. `above` decides what this one
 * does not; it is borrowed, and may be NULL. Lines above SCAN_IGNORE_LINES_MAX do not count. NULL when memory is out.
 */
struct scan_ignore *scan_ignore_new(struct wd_span text, size_t base, const struct scan_ignore *above);
void scan_ignore_free(struct scan_ignore *ignore);
/* path is relative to where all bases count from, without '/' at its ends. */
bool scan_ignore_match(const struct scan_ignore *ignore, struct wd_span path, bool folder);

#endif
