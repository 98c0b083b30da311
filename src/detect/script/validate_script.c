#include "../text/chars.h"
#include "../secret/validate.h"

/* Words by which an injected handler acts; in lower case. A page's own handlers call functions of their own. */
static const char *const script_words[] = {
    "alert",     "prompt(",  "prompt`", "confirm",    "eval",       "document", "window",      "location",  "fetch(", "import(",
    "atob",      "charcode", "xmlhttp", "cookie",     "$.get",      "append",   "constructor", "string.",   "src=",   "top[",
    "self[",     "parent[",  "this[",   "settimeout", "javascript", "print(",   "print`",      "function(", "open(",  "write(",
    "innerhtml", "throw",    "`",       "&#",         "\\u00",      "\\x",      "new image",   "new(image",
};

bool
wd_valid_handler(struct wd_span s, unsigned form)
{
    char lower[WD_VALID_LOOK];
    size_t i, len = s.len < sizeof(lower) ? s.len : sizeof(lower);

    /* onClick={save} is JSX: code of the page itself. */
    if (len == 0 || s.ptr[0] == '{')
        return false;
    if (s.ptr[0] == '=')
        return true;
    for (i = 0; i < len; i++)
        lower[i] = (char)wd_char_lower((uint8_t)s.ptr[i]);
    for (i = 0; i < sizeof(script_words) / sizeof(script_words[0]); i++)
        if (memmem(lower, len, script_words[i], strlen(script_words[i])) != NULL)
            return true;
    return false;
}
