#include "tag.h"

#include <string.h>

#include "../text/chars.h"

enum { TAG_BLANKS = 9, TAG_REFERENCE_MAX = 8, TAG_SPACE_MAX = 8, TAG_REST_MAX = 256, TAG_SPACED_MAX = 17 };

static const char *const tag_names[] = {
    "script", "iframe", "frame", "object", "embed", "applet", "meta", "base", "link", "vmlframe", "?import", "import", "portal",
};
enum { TAG_NAMES = sizeof(tag_names) / sizeof(tag_names[0]) };

bool
wd_tag_start(struct wd_tag *t, uint8_t c)
{
    *t = (struct wd_tag){ .state = c == '<' ? WD_TAG_BEFORE : WD_TAG_REFERENCE };
    return c == '<' || c == '&';
}

static bool
tag_reference(struct wd_tag *t, uint8_t c)
{
    if (c == ';') {
        *t = (struct wd_tag){ .state = WD_TAG_BEFORE };
        return true;
    }
    return c != 0 && strchr("#0123456789xXcClLtT", c) != NULL && ++t->count <= TAG_REFERENCE_MAX;
}

static bool
tag_rest(struct wd_tag *t, uint8_t c)
{
    if (c == '>')
        t->state = WD_TAG_DONE;
    return c != WD_CH_STRING_QUOTE && c != '<' && ++t->len < TAG_REST_MAX;
}

/* Whether one of the names that are left is whole. */
static bool
tag_is_named(const struct wd_tag *t)
{
    unsigned i;

    for (i = 0; i < TAG_NAMES; i++)
        if ((t->names >> i & 1) != 0 && tag_names[i][t->count] == '\0')
            return true;
    return false;
}

static bool
tag_name(struct wd_tag *t, uint8_t c)
{
    unsigned i;
    uint32_t left = 0;

    if (c == ':' && !t->space) {
        *t = (struct wd_tag){ .state = WD_TAG_NAME, .space = true, .names = UINT32_MAX };
        return true;
    }
    if (!wd_char_is(c, WD_CH_KEY) && c != '?') {
        if (!tag_is_named(t))
            return false;
        t->state = WD_TAG_REST;
        return tag_rest(t, c);
    }
    for (i = 0; i < TAG_NAMES; i++)
        if ((t->names >> i & 1) != 0 && t->count < strlen(tag_names[i]) && wd_char_lower(c) == (uint8_t)tag_names[i][t->count])
            left |= (uint32_t)1 << i;
    t->names = left;
    t->count++;
    return left != 0 || (!t->space && t->count <= TAG_SPACE_MAX && wd_char_is(c, WD_CH_ALPHA));
}

/* s c r i p t */
static bool
tag_spaced(struct wd_tag *t, uint8_t c)
{
    return (t->count++ % 2 == 1 ? c == ' ' : wd_char_is(c, WD_CH_ALPHA)) && t->count < TAG_SPACED_MAX;
}

bool
wd_tag_step(struct wd_tag *t, uint8_t c)
{
    switch ((enum wd_tag_state)t->state) {
    case WD_TAG_REFERENCE:
        return tag_reference(t, c);
    case WD_TAG_BEFORE:
        if (wd_char_is(c, WD_CH_SPACE) || c == '/')
            return ++t->count <= TAG_BLANKS;
        *t = (struct wd_tag){ .state = WD_TAG_NAME, .names = UINT32_MAX };
        return tag_name(t, c);
    case WD_TAG_NAME:
        if (c != ' ' || t->count != 1 || t->space)
            return tag_name(t, c);
        t->state = WD_TAG_SPACED;
        return tag_spaced(t, c);
    case WD_TAG_SPACED:
        return tag_spaced(t, c);
    case WD_TAG_REST:
        return tag_rest(t, c);
    case WD_TAG_DONE:
        break;
    }
    return false;
}
