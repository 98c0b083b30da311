#ifndef WD_GLOB_H
#define WD_GLOB_H

#include "span.h"

/* The whole text against a glob: * any run, ? any one character (UTF-8). Case-sensitive, glob length times text length at worst.
 */
bool wd_glob_match(const char *glob, struct wd_span text);
/* Does `wide` match whatever `narrow` does? True for certain; false also where only several stars together would tell. ASCII. */
bool wd_glob_covers(const char *wide, const char *narrow);
/* Is there a text that both match? Exact. ASCII, at most 128 characters each: of longer ones true. */
bool wd_glob_overlap(const char *a, const char *b);

#endif
