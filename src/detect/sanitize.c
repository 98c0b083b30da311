#include "sanitize.h"

#include "text/chars.h"

enum { SANITIZE_TAG_MAX = 1024, SANITIZE_BLANKS = 4, SANITIZE_PASSES = 8 };

static bool
sanitize_is_at(struct wd_span text, size_t at, const char *lower)
{
    size_t i, len = strlen(lower);

    if (at > text.len || text.len - at < len)
        return false;
    for (i = 0; i < len; i++)
        if (wd_char_lower((uint8_t)text.ptr[at + i]) != (uint8_t)lower[i])
            return false;
    return true;
}

static size_t
sanitize_blanks(struct wd_span text, size_t at, size_t max)
{
    size_t i = at;

    while (i < text.len && i - at < max && wd_char_is((uint8_t)text.ptr[i], WD_CH_SPACE))
        i++;
    return i;
}

/* What stands at `at` and is to be replaced; returns where it ends, at when it stays. *with is set. */
typedef size_t sanitize_find(struct wd_span text, size_t at, const void *known, struct wd_span *with);

static size_t
sanitize_openai(struct wd_span text, size_t at, const void *known, struct wd_span *with)
{
    size_t i;

    if (text.ptr[at] != '[')
        return at;
    i = sanitize_blanks(text, at + 1, SANITIZE_BLANKS);
    if (!sanitize_is_at(text, i, "system"))
        return at;
    i = sanitize_blanks(text, i + 6, SANITIZE_BLANKS);
    if (!sanitize_is_at(text, i, "]"))
        return at;
    *with = WD_SPAN("[INSTRUCTION]");
    return i + 1;
}

/* At the start of a line, blanks before it aside. */
static size_t
sanitize_anthropic(struct wd_span text, size_t at, const void *known, struct wd_span *with)
{
    size_t i = at;

    if (!sanitize_is_at(text, at, "human:"))
        return at;
    while (i > 0 && at - i < SANITIZE_TAG_MAX && (text.ptr[i - 1] == ' ' || text.ptr[i - 1] == '\t'))
        i--;
    if (i > 0 && text.ptr[i - 1] != '\n' && text.ptr[i - 1] != '\r')
        return at;
    *with = WD_SPAN("User:");
    return at + 6;
}

/* HTML elements (WHATWG HTML, and those of older pages that browsers still read). */
static const char *const sanitize_elements[] = {
    "a",        "abbr",     "address", "applet",  "area",       "article",  "aside",    "audio",    "b",          "base",
    "bdi",      "bdo",      "big",     "blink",   "blockquote", "body",     "br",       "button",   "canvas",     "caption",
    "center",   "cite",     "code",    "col",     "colgroup",   "data",     "datalist", "dd",       "del",        "details",
    "dfn",      "dialog",   "div",     "dl",      "dt",         "em",       "embed",    "fieldset", "figcaption", "figure",
    "font",     "footer",   "form",    "frame",   "frameset",   "h1",       "h2",       "h3",       "h4",         "h5",
    "h6",       "head",     "header",  "hgroup",  "hr",         "html",     "i",        "iframe",   "img",        "input",
    "ins",      "kbd",      "label",   "legend",  "li",         "link",     "main",     "map",      "mark",       "marquee",
    "math",     "menu",     "meta",    "meter",   "nav",        "noscript", "object",   "ol",       "optgroup",   "option",
    "output",   "p",        "param",   "picture", "pre",        "progress", "q",        "rp",       "rt",         "ruby",
    "s",        "samp",     "script",  "search",  "section",    "select",   "slot",     "small",    "source",     "span",
    "strike",   "strong",   "style",   "sub",     "summary",    "sup",      "svg",      "table",    "tbody",      "td",
    "template", "textarea", "tfoot",   "th",      "thead",      "time",     "title",    "tr",       "track",      "tt",
    "u",        "ul",       "var",     "video",   "wbr",
};
enum { SANITIZE_ELEMENTS = sizeof(sanitize_elements) / sizeof(sanitize_elements[0]) };

/* Where the last closing tag of each element stands, and the last end of a comment. */
struct sanitize_closing {
    size_t last[SANITIZE_ELEMENTS];
    size_t comment;
};

/* The element whose name starts at `at`, -1 when there is none. *end is behind the name. */
static int
sanitize_element(struct wd_span text, size_t at, size_t *end)
{
    size_t i = at, k;

    while (i < text.len && i - at < 16 && wd_char_is((uint8_t)text.ptr[i], WD_CH_ALNUM))
        i++;
    if (i == at || i == text.len || (text.ptr[i] != '>' && text.ptr[i] != '/' && !wd_char_is((uint8_t)text.ptr[i], WD_CH_SPACE)))
        return -1;
    *end = i;
    for (k = 0; k < SANITIZE_ELEMENTS; k++)
        if (strlen(sanitize_elements[k]) == i - at && sanitize_is_at(text, at, sanitize_elements[k]))
            return (int)k;
    return -1;
}

/* The end of a tag, quoted attributes considered; 0 when it has none. *value: an attribute has one. */
static size_t
sanitize_tag_end(struct wd_span text, size_t from, bool *value)
{
    size_t i, first = 0;
    char quote = 0;

    *value = false;
    for (i = from; i < text.len && i - from < SANITIZE_TAG_MAX; i++) {
        char c = text.ptr[i];

        if (c == '>' && first == 0)
            first = i + 1;
        if (c == '>' && quote == 0)
            return i + 1;
        if (quote != 0)
            quote = c == quote ? 0 : quote;
        else if ((c == '"' || c == '\'') && text.ptr[i - 1] == '=')
            quote = c;
        *value = *value || c == '=';
    }
    return first;
}

/*
 * A tag whose name could as well be a type or a variable (List<a>, x <b> y) counts when its closing tag follows, or
 * when it has attributes.
 */
static bool
sanitize_is_tag(struct wd_span text, size_t at, int element, bool bare, bool value, const struct sanitize_closing *closing)
{
    static const char *const certain[] = { "br", "hr", "wbr", "img", "p", "script", "iframe", "style" };
    const char *name = sanitize_elements[element];
    bool word = at > 0 && wd_char_is((uint8_t)text.ptr[at - 1], WD_CH_KEY);
    size_t i;

    if (value || closing->last[element] > at)
        return true;
    for (i = 0; i < sizeof(certain) / sizeof(certain[0]); i++)
        if (strcmp(name, certain[i]) == 0)
            return bare || name[1] != '\0';
    return !word && name[1] != '\0';
}

static size_t
sanitize_google(struct wd_span text, size_t at, const void *known, struct wd_span *with)
{
    const struct sanitize_closing *closing = known;
    const char *end;
    size_t name, stop;
    bool value;
    int element;

    *with = WD_SPAN("");
    if (text.ptr[at] != '<')
        return at;
    if (sanitize_is_at(text, at, "<!--")) {
        if (closing->comment < at + 4)
            return at;
        end = memmem(text.ptr + at + 4, text.len - at - 4, "-->", 3);
        return (size_t)(end - text.ptr) + 3;
    }
    if (sanitize_is_at(text, at, "<!doctype")) {
        stop = sanitize_tag_end(text, at + 9, &value);
        return stop > 0 ? stop : at;
    }
    name = at + 1 + (size_t)sanitize_is_at(text, at, "</");
    element = sanitize_element(text, name, &stop);
    if (element < 0)
        return at;
    name = sanitize_tag_end(text, stop, &value);
    if (name == 0)
        return at;
    if (text.ptr[at + 1] != '/' && !sanitize_is_tag(text, at, element, text.ptr[stop] == '>', value, closing))
        return at;
    return name;
}

static void
sanitize_learn(struct wd_span text, struct sanitize_closing *closing)
{
    size_t i, end;
    int element;

    *closing = (struct sanitize_closing){ 0 };
    for (i = 0; i + 2 < text.len; i++) {
        if (text.ptr[i] == '-' && text.ptr[i + 1] == '-' && text.ptr[i + 2] == '>')
            closing->comment = i;
        if (text.ptr[i] != '<' || text.ptr[i + 1] != '/')
            continue;
        element = sanitize_element(text, i + 2, &end);
        if (element >= 0)
            closing->last[element] = i;
    }
}

static enum wd_err
sanitize_pass(sanitize_find *find, const void *known, struct wd_span text, struct wd_buf *out, bool *changed)
{
    struct wd_span with;
    size_t i = 0, done = 0, end;
    enum wd_err err = WD_OK;

    *changed = false;
    while (i < text.len && err == WD_OK) {
        end = find(text, i, known, &with);
        if (end == i) {
            i++;
            continue;
        }
        err = wd_buf_add(out, wd_span(text.ptr + done, i - done));
        if (err == WD_OK)
            err = wd_buf_add(out, with);
        i = done = end;
        *changed = true;
    }
    if (err == WD_OK && *changed)
        err = wd_buf_add(out, wd_span(text.ptr + done, text.len - done));
    return err;
}

/* What is left when tags hide in tags too deep: text without any tag. */
static enum wd_err
sanitize_flatten(struct wd_span text, struct wd_buf *out)
{
    enum wd_err err = WD_OK;
    size_t i;

    for (i = 0; i < text.len && err == WD_OK; i++)
        if (text.ptr[i] != '<')
            err = wd_buf_add_byte(out, text.ptr[i]);
    return err;
}

/* Removing a tag may make another of what stood around it: <scr<b>ipt>. */
static enum wd_err
sanitize_tags(struct wd_span text, struct wd_buf *out, bool *changed)
{
    struct sanitize_closing closing;
    struct wd_buf from, to;
    bool again = true;
    enum wd_err err = WD_OK;
    int pass;

    *changed = false;
    wd_buf_init(&from, out->cap);
    wd_buf_init(&to, out->cap);
    for (pass = 0; err == WD_OK && again; pass++) {
        struct wd_span now = pass == 0 ? text : wd_buf_span(&from);

        if (pass == SANITIZE_PASSES) {
            err = sanitize_flatten(now, out);
            break;
        }
        sanitize_learn(now, &closing);
        wd_buf_clear(&to);
        err = sanitize_pass(sanitize_google, &closing, now, &to, &again);
        if (err == WD_OK && again) {
            struct wd_buf swap = from;

            from = to;
            to = swap;
            *changed = true;
        } else if (err == WD_OK && *changed) {
            err = wd_buf_add(out, now);
        }
    }
    wd_buf_deinit(&from);
    wd_buf_deinit(&to);
    return err;
}

/* A quick look for what everything that is replaced holds. */
static bool
sanitize_may(enum wd_format format, struct wd_span text)
{
    const char *end = text.ptr + text.len, *p = text.ptr;

    if (format != WD_FORMAT_ANTHROPIC)
        return memchr(text.ptr, format == WD_FORMAT_OPENAI ? '[' : '<', text.len) != NULL;
    while ((p = memchr(p, ':', (size_t)(end - p))) != NULL) {
        if (p - text.ptr >= 5 && sanitize_is_at(text, (size_t)(p - text.ptr) - 5, "human:"))
            return true;
        p++;
    }
    return false;
}

enum wd_err
wd_sanitize(enum wd_format format, struct wd_span text, struct wd_buf *out, bool *changed)
{
    *changed = false;
    if (text.len == 0 || !sanitize_may(format, text))
        return WD_OK;
    switch (format) {
    case WD_FORMAT_OPENAI:
        return sanitize_pass(sanitize_openai, NULL, text, out, changed);
    case WD_FORMAT_ANTHROPIC:
        return sanitize_pass(sanitize_anthropic, NULL, text, out, changed);
    case WD_FORMAT_GOOGLE:
        break;
    }
    return sanitize_tags(text, out, changed);
}
