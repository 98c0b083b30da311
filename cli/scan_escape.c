#include "scan_escape.h"

#include "../src/base/json.h"
#include "../src/base/utf8.h"
#include "../src/detect/text/chars.h"

/* Characters above ASCII that do not show, or that change how others show. */
static bool
escape_hides(uint32_t c)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        { 0x80, 0x9f },       { 0xad, 0xad },       { 0x61c, 0x61c },      { 0x115f, 0x1160 }, { 0x17b4, 0x17b5 },
        { 0x180b, 0x180f },   { 0x200b, 0x200f },   { 0x2028, 0x202e },    { 0x2060, 0x206f }, { 0x3164, 0x3164 },
        { 0xe000, 0xf8ff },   { 0xfe00, 0xfe0f },   { 0xfeff, 0xfeff },    { 0xffa0, 0xffa0 }, { 0xfff0, 0xfffb },
        { 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a }, { 0xe0000, 0x10ffff },
    };

    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return true;
    return false;
}

enum wd_err
scan_escape_terminal(struct wd_buf *out, struct wd_span text)
{
    enum wd_err err = WD_OK;
    uint32_t c;
    size_t n;

    for (; text.len > 0 && err == WD_OK; text = wd_span(text.ptr + n, text.len - n)) {
        n = wd_utf8_decode(text, &c);
        if (n == 0 || (n == 1 && (c < 0x20 || c == 0x7f))) {
            n = 1;
            err = wd_buf_printf(out, "\\x%02x", (uint8_t)text.ptr[0]);
        } else if (n > 1 && escape_hides(c)) {
            err = wd_buf_printf(out, "\\u{%04x}", (unsigned)c);
        } else if (c == '\\') {
            err = wd_buf_add_str(out, "\\\\");
        } else {
            err = wd_buf_add(out, wd_span(text.ptr, n));
        }
    }
    return err;
}

enum wd_err
scan_escape_json(struct wd_buf *out, struct wd_span text)
{
    enum wd_err err = wd_buf_add_byte(out, '"');
    uint32_t c;
    size_t n;

    while (text.len > 0 && err == WD_OK) {
        n = wd_utf8_decode(text, &c);
        err = n > 0 ? wd_json_escape(out, wd_span(text.ptr, n)) : wd_buf_add_str(out, "\xef\xbf\xbd");
        n = n > 0 ? n : 1;
        text = wd_span(text.ptr + n, text.len - n);
    }
    return err == WD_OK ? wd_buf_add_byte(out, '"') : err;
}

enum wd_err
scan_escape_uri(struct wd_buf *out, struct wd_span path)
{
    enum wd_err err = path.len > 0 && path.ptr[0] == '/' ? wd_buf_add_str(out, "file://") : WD_OK;

    for (size_t i = 0; i < path.len && err == WD_OK; i++) {
        uint8_t c = (uint8_t)path.ptr[i];

        if (wd_char_is(c, WD_CH_ALNUM) || strchr("-._~/", c) != NULL)
            err = wd_buf_add_byte(out, (char)c);
        else
            err = wd_buf_printf(out, "%%%02X", c);
    }
    return err;
}
