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

bool
wd_glob_covers(const char *wide, const char *narrow)
{
    const char *star = NULL, *retry = narrow;

    while (*narrow != '\0') {
        if (*wide == '*') {
            star = ++wide;
            retry = narrow;
        } else if (*wide != '\0' && *narrow != '*' && (*wide == '?' || *wide == *narrow)) {
            wide++;
            narrow++;
        } else if (star != NULL) {
            wide = star;
            narrow = ++retry;
        } else {
            return false;
        }
    }
    while (*wide == '*')
        wide++;
    return *wide == '\0';
}

#define GLOB_OVERLAP_MAX 128

/* may[k]: what of a was read so far and the first k characters of b have a text in common. */
bool
wd_glob_overlap(const char *a, const char *b)
{
    size_t len = strlen(b);
    bool may[GLOB_OVERLAP_MAX + 1] = { true };

    if (len > GLOB_OVERLAP_MAX || strlen(a) > GLOB_OVERLAP_MAX)
        return true;
    for (size_t k = 0; k < len && b[k] == '*'; k++)
        may[k + 1] = true;
    for (; *a != '\0'; a++) {
        bool before = may[0]; /* may[k] as it was before this character of a */
        if (*a != '*')
            may[0] = false;
        for (size_t k = 0; k < len; k++) {
            bool here = may[k + 1];
            if (*a == '*')
                may[k + 1] = here || may[k];
            else if (b[k] == '*')
                may[k + 1] = here || may[k];
            else
                may[k + 1] = before && (*a == '?' || b[k] == '?' || *a == b[k]);
            before = here;
        }
    }
    return may[len];
}
