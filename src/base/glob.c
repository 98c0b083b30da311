#include "glob.h"

/* One character, not one byte: the continuation bytes go with their first. */
static size_t
glob_step(struct wd_span text, size_t at)
{
    at++;
    while (at < text.len && ((unsigned char)text.ptr[at] & 0xc0) == 0x80)
        at++;
    return at;
}

/* On a mismatch only the last star takes one character more: glob length times text length at worst. */
bool
wd_glob_match(const char *glob, struct wd_span text)
{
    const char *star = NULL;
    size_t at = 0, retry = 0;

    while (at < text.len) {
        if (*glob == '*') {
            star = ++glob;
            retry = at;
        } else if (*glob == '?') {
            glob++;
            at = glob_step(text, at);
        } else if (*glob != '\0' && *glob == text.ptr[at]) {
            glob++;
            at++;
        } else if (star != NULL) {
            glob = star;
            retry = glob_step(text, retry);
            at = retry;
        } else {
            return false;
        }
    }
    while (*glob == '*')
        glob++;
    return *glob == '\0';
}
