#include "scan_ignore.h"

#include <stdint.h>
#include <stdlib.h>

#include "../src/detect/text/chars.h"

struct ignore_line {
    const char *pattern;
    size_t len;
    bool negated, folder, anchored;
    bool literal; /* nothing in it stands for anything else */
};

struct scan_ignore {
    const struct scan_ignore *above;
    size_t base;
    char *text;
    struct ignore_line *lines;
    size_t count;
};

static bool
ignore_class_named(struct wd_span name, uint8_t c)
{
    static const struct {
        const char *name;
        unsigned classes;
    } known[] = {
        { "alpha", WD_CH_ALPHA }, { "digit", WD_CH_DIGIT }, { "alnum", WD_CH_ALNUM },
        { "upper", WD_CH_UPPER }, { "lower", WD_CH_LOWER }, { "space", WD_CH_SPACE },
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (wd_span_eq(name, wd_span_str(known[i].name)))
            return wd_char_is(c, known[i].classes);
    if (wd_span_eq(name, WD_SPAN("xdigit")))
        return wd_char_is(c, WD_CH_DIGIT) || (wd_char_lower(c) >= 'a' && wd_char_lower(c) <= 'f');
    if (wd_span_eq(name, WD_SPAN("punct")))
        return c > ' ' && c < 0x7f && !wd_char_is(c, WD_CH_ALNUM);
    if (wd_span_eq(name, WD_SPAN("blank")))
        return c == ' ' || c == '\t';
    if (wd_span_eq(name, WD_SPAN("cntrl")))
        return c < ' ' || c == 0x7f;
    if (wd_span_eq(name, WD_SPAN("print")) || wd_span_eq(name, WD_SPAN("graph")))
        return c > (name.ptr[0] == 'p' ? 0x1f : ' ') && c < 0x7f;
    return false;
}

/* One member of a bracket at p: a class, a range or a character. Returns where the next one is; NULL when it has no end. */
static const char *
ignore_member(const char *p, const char *end, uint8_t c, bool *found)
{
    const char *close;
    uint8_t low, high;

    if (*p == '[' && p + 1 < end && p[1] == ':' && (close = memmem(p + 2, (size_t)(end - p - 2), ":]", 2)) != NULL) {
        *found |= ignore_class_named(wd_span(p + 2, (size_t)(close - p - 2)), c);
        return close + 2;
    }
    if (*p == '\\' && ++p == end)
        return NULL;
    low = high = (uint8_t)*p++;
    if (p + 1 < end && *p == '-' && p[1] != ']') {
        if (*++p == '\\' && ++p == end)
            return NULL;
        high = (uint8_t)*p++;
    }
    *found |= c >= low && c <= high;
    return p;
}

/* A bracket whose [ stands before p. Returns what is behind it, NULL when it does not match c. */
static const char *
ignore_bracket(const char *p, const char *end, uint8_t c)
{
    bool negated = p < end && (*p == '!' || *p == '^'), found = false, first = true;

    for (p += negated; p != NULL && p < end && (first || *p != ']'); first = false)
        p = ignore_member(p, end, c, &found);
    return p == NULL || p == end || found == negated ? NULL : p + 1;
}

/* One character of a name against one of the pattern; what is behind it in the pattern, NULL when it does not match. */
static const char *
ignore_one(const char *p, const char *end, char c)
{
    switch (*p) {
    case '?':
        return p + 1;
    case '[':
        return ignore_bracket(p + 1, end, (uint8_t)c);
    case '\\':
        return p + 1 < end && p[1] == c ? p + 2 : NULL;
    default:
        return *p == c ? p + 1 : NULL;
    }
}

/* A name, without '/', against a pattern without. Goes back to the last * only: the one before it has nothing to gain. */
static bool
ignore_name(struct wd_span pattern, struct wd_span name)
{
    const char *p = pattern.ptr, *end = p + pattern.len, *next, *star = NULL;
    size_t i = 0, from = 0;

    while (i < name.len) {
        if (p < end && *p == '*') {
            star = ++p;
            from = i;
            continue;
        }
        next = p < end ? ignore_one(p, end, name.ptr[i]) : NULL;
        if (next == NULL && star == NULL)
            return false;
        if (next == NULL) {
            p = star;
            i = ++from;
            continue;
        }
        p = next;
        i++;
    }
    while (p < end && *p == '*')
        p++;
    return p == end;
}

/* The part of s up to the next '/'. */
static struct wd_span
ignore_head(struct wd_span s)
{
    const char *slash = s.len > 0 ? memchr(s.ptr, '/', s.len) : NULL;

    return slash != NULL ? wd_span(s.ptr, (size_t)(slash - s.ptr)) : s;
}

static struct wd_span
ignore_tail(struct wd_span s, size_t head)
{
    return head < s.len ? wd_span(s.ptr + head + 1, s.len - head - 1) : wd_span(s.ptr + s.len, 0);
}

/* A path against a pattern, name by name; ** stands for any number of names, at the end for at least one. */
static bool
ignore_path(struct wd_span pattern, struct wd_span path)
{
    struct wd_span stars = { NULL, 0 }, from = path, part, name;

    while (path.len > 0) {
        part = ignore_head(pattern);
        name = ignore_head(path);
        if (wd_span_eq(part, WD_SPAN("**"))) {
            if (part.len == pattern.len)
                return true;
            pattern = stars = ignore_tail(pattern, part.len);
            from = path;
        } else if (pattern.len > 0 && ignore_name(part, name)) {
            pattern = ignore_tail(pattern, part.len);
            path = ignore_tail(path, name.len);
        } else if (stars.ptr != NULL) {
            pattern = stars;
            path = from = ignore_tail(from, ignore_head(from).len);
        } else {
            return false;
        }
    }
    return pattern.len == 0;
}

static bool
ignore_line_matches(const struct ignore_line *line, struct wd_span path, struct wd_span name, bool folder)
{
    struct wd_span pattern = wd_span(line->pattern, line->len), whole = line->anchored ? path : name;

    if (line->folder && !folder)
        return false;
    if (line->literal)
        return wd_span_eq(pattern, whole);
    return line->anchored ? ignore_path(pattern, path) : ignore_name(pattern, name);
}

/* Blanks at the end do not count unless a backslash stands before them. */
static size_t
ignore_trimmed(const char *s, size_t len)
{
    size_t i, kept = 0;

    for (i = 0; i < len; i++) {
        if (s[i] == '\\' && i + 1 < len)
            kept = ++i + 1;
        else if (s[i] != ' ')
            kept = i + 1;
    }
    return kept;
}

static void
ignore_read(struct scan_ignore *ignore, const char *s, size_t len)
{
    struct ignore_line line = { 0 };

    if (len > 0 && s[len - 1] == '\r')
        len--;
    len = ignore_trimmed(s, len);
    if (len == 0 || s[0] == '#')
        return;
    line.negated = s[0] == '!';
    s += line.negated;
    len -= line.negated;
    line.folder = len > 0 && s[len - 1] == '/';
    len -= line.folder;
    line.anchored = len > 0 && memchr(s, '/', len) != NULL;
    if (len > 0 && s[0] == '/') {
        s++;
        len--;
    }
    if (len == 0)
        return;
    line.pattern = s;
    line.len = len;
    line.literal = true;
    for (size_t i = 0; i < len; i++)
        line.literal &= strchr("*?[\\", s[i]) == NULL;
    ignore->lines[ignore->count++] = line;
}

struct scan_ignore *
scan_ignore_new(struct wd_span text, size_t base, const struct scan_ignore *above)
{
    struct scan_ignore *ignore = calloc(1, sizeof(*ignore));
    const char *at, *end, *newline;
    size_t lines = 1;

    if (ignore == NULL)
        return NULL;
    ignore->above = above;
    ignore->base = base;
    if (text.len >= 3 && memcmp(text.ptr, "\xef\xbb\xbf", 3) == 0)
        text = wd_span(text.ptr + 3, text.len - 3);
    for (size_t i = 0; i < text.len && lines < SCAN_IGNORE_LINES_MAX; i++)
        lines += text.ptr[i] == '\n';
    ignore->text = malloc(text.len + 1);
    ignore->lines = calloc(lines, sizeof(*ignore->lines));
    if (ignore->text == NULL || ignore->lines == NULL) {
        scan_ignore_free(ignore);
        return NULL;
    }
    if (text.len > 0)
        memcpy(ignore->text, text.ptr, text.len);
    for (at = ignore->text, end = at + text.len; at < end && lines > 0; at = newline + 1, lines--) {
        newline = memchr(at, '\n', (size_t)(end - at));
        newline = newline != NULL ? newline : end;
        ignore_read(ignore, at, (size_t)(newline - at));
    }
    return ignore;
}

void
scan_ignore_free(struct scan_ignore *ignore)
{
    if (ignore == NULL)
        return;
    free(ignore->lines);
    free(ignore->text);
    free(ignore);
}

bool
scan_ignore_match(const struct scan_ignore *ignore, struct wd_span path, bool folder)
{
    const char *slash = memrchr(path.ptr, '/', path.len);
    struct wd_span name = path, here;

    if (slash != NULL)
        name = wd_span(slash + 1, path.len - (size_t)(slash + 1 - path.ptr));
    for (; ignore != NULL; ignore = ignore->above) {
        here = wd_span(path.ptr + ignore->base, path.len - ignore->base);
        for (size_t i = ignore->count; i > 0; i--)
            if (ignore_line_matches(&ignore->lines[i - 1], here, name, folder))
                return !ignore->lines[i - 1].negated;
    }
    return false;
}
