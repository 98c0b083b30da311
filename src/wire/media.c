#include "media.h"

#include <strings.h>

/* Types whose inline bytes nobody could read as text. A data: URL of another type stays a text too. */
static const char *const media_types[] = {
    "image/png",  "image/jpeg", "image/jpg",  "image/gif", "image/webp", "image/heic",      "image/heif", "image/avif",
    "image/bmp",  "image/tiff", "audio/wav",  "audio/mp3", "audio/mpeg", "audio/flac",      "audio/ogg",  "audio/aac",
    "audio/opus", "audio/aiff", "audio/webm", "audio/mp4", "video/mp4",  "video/mpeg",      "video/webm", "video/quicktime",
    "video/mov",  "video/avi",  "video/3gpp", "video/wmv", "video/mpg",  "application/pdf",
};

static bool
media_prefix(struct wd_span s, const char *prefix)
{
    size_t len = strlen(prefix);

    return s.len >= len && strncasecmp(s.ptr, prefix, len) == 0;
}

enum wd_attachment
wd_media_kind(struct wd_span type)
{
    static const struct {
        const char *prefix;
        enum wd_attachment kind;
    } kinds[] = {
        { "image/svg", WD_ATTACH_FILE },
        { "image/", WD_ATTACH_IMAGE },
        { "audio/", WD_ATTACH_AUDIO },
        { "video/", WD_ATTACH_VIDEO },
    };

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (media_prefix(type, kinds[i].prefix))
            return kinds[i].kind;
    }
    return WD_ATTACH_FILE;
}

static bool
media_base64_char(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/' || c == '-' ||
           c == '_' || c == '=';
}

bool
wd_media_base64(struct wd_span inside)
{
    for (size_t i = 0; i < inside.len; i++) {
        if (media_base64_char(inside.ptr[i]))
            continue;
        if (inside.ptr[i] != '\\' || i + 1 >= inside.len)
            return false;
        i++;
        if (inside.ptr[i] != 'n' && inside.ptr[i] != 'r' && inside.ptr[i] != '/')
            return false;
    }
    return true;
}

static struct wd_span
media_inside(const struct wd_reader *r, uint32_t node)
{
    struct wd_span raw = wd_json_raw(r->doc, node);

    return wd_span(raw.ptr + 1, raw.len - 2);
}

void
wd_media_opaque(struct wd_reader *r, uint32_t node)
{
    if (wd_json_type(r->doc, node) == WD_JSON_STRING && wd_media_base64(media_inside(r, node)))
        r->marks[node].flags |= WD_MARK_OPAQUE;
}

bool
wd_media_inline(struct wd_reader *r, enum wd_attachment kind, uint32_t node)
{
    wd_media_opaque(r, node);
    return wd_reader_attach(r, kind, node);
}

/* rest: what follows "data:" in the string as it stands in the document. */
static bool
media_data_opaque(struct wd_span rest)
{
    for (size_t i = 0; i < sizeof(media_types) / sizeof(media_types[0]); i++) {
        struct wd_span after = rest;

        if (!media_prefix(rest, media_types[i]))
            continue;
        after.ptr += strlen(media_types[i]);
        after.len -= strlen(media_types[i]);
        if (media_prefix(after, ";base64,"))
            return wd_media_base64(wd_span(after.ptr + 8, after.len - 8));
    }
    return false;
}

bool
wd_media_url(struct wd_reader *r, enum wd_attachment kind, uint32_t node)
{
    struct wd_span url = wd_reader_string(r, node), inside = media_inside(r, node);

    if (url.ptr == NULL)
        return wd_reader_exhausted(r);
    if (media_prefix(url, "data:")) {
        if (kind != WD_ATTACH_FILE)
            kind = wd_media_kind(wd_span(url.ptr + 5, url.len - 5));
        if (media_prefix(inside, "data:") && media_data_opaque(wd_span(inside.ptr + 5, inside.len - 5)))
            r->marks[node].flags |= WD_MARK_OPAQUE;
    } else if (!media_prefix(url, "https://") && !media_prefix(url, "http://")) {
        kind = WD_ATTACH_FILE;
    }
    return wd_reader_attach(r, kind, node);
}
