/* The rules for what attacks whoever reads or renders the text. */
#include "../text/chars.h"
#include "../rules.h"
#include "../secret/validate.h"

#define GAP "(?:\\s|\\\\+[fnrt])*"
#define BOTH (WD_INPUT | WD_OUTPUT)
/* "<", also as a character reference or percent-encoded. */
#define OPEN "(?:<|&lt;|&#0{0,4}60;|&#x0{0,4}3c;|%3c|%u(?:00|ff)[13]c)"
#define HTML "HTML living standard; OWASP XSS Filter Evasion Cheat Sheet"

#define SCRIPT(id_, kind_, shape_, glued_, pattern_, needs_)                                                                     \
    {                                                                                                                            \
        .id = (id_), .kind = (kind_), .category = WD_MALICIOUS, .severity = WD_HIGH, .directions = BOTH, .shape = (shape_),      \
        .glued = (glued_), .pattern = (pattern_), .needs = (needs_), .source = HTML                                              \
    }
/* A tag by its element, and what must stand in it. Names that are read whole stand in tag.c. */
#define TAG(id_, pattern_) SCRIPT(id_, "script", WD_SHAPE_TAG, 1, "(?i)" OPEN GAP pattern_, "<&%")

/* ... and one of these words stands in it. */
#define TAG_WITH(id_, element_, with_)                                                                                           \
    {                                                                                                                            \
        .id = (id_), .kind = "script", .category = WD_MALICIOUS, .severity = WD_HIGH, .directions = BOTH, .shape = WD_SHAPE_TAG, \
        .glued = 1, .pattern = "(?i)" OPEN GAP element_, .needs = "<&%", .with = (with_), .source = HTML                         \
    }

/* Event handler attributes (HTML, 8.1.8.2, and those of SVG, of older browsers and of animations). */
#define EVENTS                                                                                                                   \
    "abort|activate|afterprint|afterscriptexecute|animation[a-z]{3,12}|auxclick|before[a-z]{3,20}|begin|blur|bounce|canplay|"    \
    "canplaythrough|change|click|close|contextmenu|copy|cuechange|cut|dblclick|drag|drag[a-z]{3,6}|drop|durationchange|end|"     \
    "ended|error|finish|focus|focusin|focusout|formdata|fullscreenchange|gotpointercapture|hashchange|input|invalid|key[a-z]{2," \
    "5}|"                                                                                                                        \
    "load|load[a-z]{3,8}|lostpointercapture|message|mouse[a-z]{2,5}|offline|online|page[a-z]{4}|paste|pause|play|playing|"       \
    "pointer[a-z]{2,12}|popstate|progress|propertychange|ratechange|readystatechange|repeat|reset|resize|scroll|scroll[a-z]{3,"  \
    "12}|"                                                                                                                       \
    "search|seek[a-z]{2,3}|select|select[a-z]{4,9}|show|start|storage|submit|suspend|timeupdate|toggle|touch[a-z]{3,6}|"         \
    "transition[a-z]{3,6}|unhandledrejection|unload|volumechange|waiting|webkit[a-z]{6,40}|wheel|zoom"

/* clang-format off */
static const struct wd_rule rows[] = {
    SCRIPT("role-marker", "marker", WD_SHAPE_MATCH, 1, "(?i)\\[" GAP "(?:system|assistant|human)" GAP "\\]", "["),
    TAG("script-tag", "/?" GAP "(?:[a-z]{1,8}:)?script"),
    TAG_WITH("active-element", "(?:applet|embed|object|portal|(?:[a-z]{0,8}:)?vmlframe|\\??import)", "="),
    TAG_WITH("frame-script", "i?frame", "javascript:|vbscript:|data:text|srcdoc"),
    TAG_WITH("meta-refresh", "meta", "http-equiv=\"refresh|http-equiv='refresh|http-equiv=refresh|=\"set-cookie|='set-cookie|=set-cookie"),
    TAG_WITH("meta-charset-utf-7", "meta", "utf-7"),
    TAG_WITH("base-link", "base", "href=|href =|href / =|href/="),
    TAG_WITH("link-script", "link", "javascript:|vbscript:|text/javascript|rel=import|rel=\"import|rel='import"),
    { .id = "event-handler", .kind = "script", .category = WD_MALICIOUS, .severity = WD_HIGH, .directions = BOTH,
      .shape = WD_SHAPE_HANDLER, .pattern = "(?i)on(?:" EVENTS ")(?:\\s|\\\\[nrtf]){0,4}=", .needs = "=",
      .valid = wd_valid_handler, .source = HTML },
    SCRIPT("javascript-link", "script", WD_SHAPE_LINK, 0, "(?i)javascript:", ":"),
    SCRIPT("vbscript-link", "script", WD_SHAPE_LINK, 0, "(?i)vbscript:", ":"),
    SCRIPT("html-data-link", "script", WD_SHAPE_MATCH, 0, "(?i)data:(?:text/html|image/svg\\+xml|application/xhtml\\+xml)", ":"),
    SCRIPT("css-script", "script", WD_SHAPE_MATCH, 0, "(?i)url\\((?:java|vb)script", "("),
    SCRIPT("spaced-tag", "script", WD_SHAPE_MATCH, 1,
           "(?i)<(?:s c r i p t|i f r a m e|f o r m|d i a l o g|o b j e c t|e m b e d|a p p l e t|s v g|i m g|s t y l e|m e t a)", "<"),
    SCRIPT("css-binding", "script", WD_SHAPE_LINK, 0, "(?i)-moz-binding:", ":"),
};
/* clang-format on */

const struct wd_rule_table wd_rules_malicious = { rows, sizeof(rows) / sizeof(rows[0]) };

enum { HANDLER_GAP = 16, HANDLER_NAME = 64 };

/* In lower case, behind "on". A word that starts like one of the longer ones is waited for as well: the pattern decides. */
static const char *const handler_events[] = {
    "abort",      "activate",  "after",    "animation", "auxclick", "before",  "begin",   "blur",     "bounce",
    "canplay",    "change",    "click",    "close",     "context",  "copy",    "cue",     "cut",      "dbl",
    "drag",       "drop",      "duration", "end",       "error",    "finish",  "focus",   "form",     "full",
    "got",        "hash",      "input",    "invalid",   "key",      "load",    "lost",    "message",  "mouse",
    "offline",    "online",    "page",     "paste",     "pause",    "play",    "pointer", "popstate", "progress",
    "property",   "rate",      "ready",    "repeat",    "reset",    "resize",  "scroll",  "search",   "seek",
    "select",     "show",      "start",    "storage",   "submit",   "suspend", "time",    "toggle",   "touch",
    "transition", "unhandled", "unload",   "volume",    "waiting",  "webkit",  "wheel",   "zoom",
};

bool
wd_rule_handler_ends(struct wd_span s)
{
    size_t from = s.len, i, k, len;

    while (from > 0 && s.len - from < HANDLER_NAME && wd_char_is((uint8_t)s.ptr[from - 1], WD_CH_ALPHA))
        from--;
    if (s.len - from < 5 || wd_char_lower((uint8_t)s.ptr[from]) != 'o' || wd_char_lower((uint8_t)s.ptr[from + 1]) != 'n')
        return false;
    for (i = 0; i < sizeof(handler_events) / sizeof(handler_events[0]); i++) {
        len = strlen(handler_events[i]);
        for (k = 0; k < len && from + 2 + k < s.len; k++)
            if (wd_char_lower((uint8_t)s.ptr[from + 2 + k]) != (uint8_t)handler_events[i][k])
                break;
        if (k == len)
            return true;
    }
    return false;
}

bool
wd_rule_handler_possible(struct wd_span text)
{
    const char *end = text.ptr + text.len, *at = text.ptr, *name;

    while ((at = memchr(at, '=', (size_t)(end - at))) != NULL) {
        name = at;
        /* Blanks, also as JSON writes them. */
        while (name > text.ptr && at - name < HANDLER_GAP &&
               (wd_char_is((uint8_t)name[-1], WD_CH_SPACE) ||
                (name - text.ptr >= 2 && name[-2] == '\\' && strchr("nrtf", name[-1]) != NULL)))
            name -= wd_char_is((uint8_t)name[-1], WD_CH_SPACE) ? 1 : 2;
        if (wd_rule_handler_ends(wd_span(text.ptr, (size_t)(name - text.ptr))))
            return true;
        at++;
    }
    return false;
}
