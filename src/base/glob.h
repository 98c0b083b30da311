#ifndef WD_GLOB_H
#define WD_GLOB_H

#include "span.h"

/* The whole text against a glob: * any run, ? any one character (UTF-8). Case-sensitive, glob length times text length at worst.
 */
bool wd_glob_match(const char *glob, struct wd_span text);

#endif
