#include "pem.h"

#include "../text/chars.h"

enum { PEM_LABEL_MAX = 64, PEM_SPACES_MAX = 64, PEM_HEADER_MAX = 100, PEM_NAME_MAX = 32, PEM_BODY_MIN = 16, PEM_DASHES = 5 };

static bool
pem_label(struct wd_pem *p, uint8_t c)
{
    static const char words[] = "PRIVATE KEY";
    const uint8_t all = sizeof(words) - 1;

    if (c == '-') {
        if (p->word != all)
            return false;
        if (++p->dashes == PEM_DASHES)
            *p = (struct wd_pem){ .state = WD_PEM_BEFORE };
        return true;
    }
    if (p->dashes > 0 || ++p->count > PEM_LABEL_MAX || (c != ' ' && !wd_char_is(c, WD_CH_UPPER | WD_CH_DIGIT)))
        return false;
    if (p->word != all)
        p->word = c == (uint8_t)words[p->word] ? (uint8_t)(p->word + 1) : c == 'P';
    return true;
}

static bool
pem_before(struct wd_pem *p, uint8_t c)
{
    if (wd_char_is(c, WD_CH_SPACE))
        return p->run == 0 && ++p->count <= PEM_SPACES_MAX;
    if (c == ':' && p->run > 0) {
        *p = (struct wd_pem){ .state = WD_PEM_HEADER };
        return true;
    }
    if (c == '-' && p->run > 0)
        p->dashes = 1;
    else if (!wd_char_is(c, WD_CH_ALNUM | WD_CH_SIGN))
        return false;
    if (++p->run >= PEM_BODY_MIN && p->dashes == 0)
        *p = (struct wd_pem){ .state = WD_PEM_BODY };
    return p->run <= PEM_NAME_MAX;
}

static bool
pem_header(struct wd_pem *p, uint8_t c)
{
    if (c == '\n') {
        *p = (struct wd_pem){ .state = WD_PEM_BEFORE };
        return true;
    }
    /* Another BEGIN or END line is no header. */
    p->dashes = c == '-' ? (uint8_t)(p->dashes + 1) : 0;
    return c != WD_CH_STRING_QUOTE && p->dashes < PEM_DASHES && ++p->count <= PEM_HEADER_MAX;
}

static bool
pem_body(struct wd_pem *p, uint8_t c)
{
    if (c == '-') {
        p->dashes += p->dashes < PEM_DASHES;
        if (p->end && p->dashes == PEM_DASHES)
            p->state = WD_PEM_DONE;
        return true;
    }
    p->end = p->end || (p->dashes == PEM_DASHES && c == 'E');
    p->dashes = 0;
    return wd_char_is(c, WD_CH_BASE64 | WD_CH_SPACE);
}

bool
wd_pem_step(struct wd_pem *p, uint8_t c)
{
    static bool (*const steps[])(struct wd_pem *, uint8_t) = {
        [WD_PEM_LABEL] = pem_label,
        [WD_PEM_BEFORE] = pem_before,
        [WD_PEM_HEADER] = pem_header,
        [WD_PEM_BODY] = pem_body,
    };

    return p->state != WD_PEM_DONE && steps[p->state](p, c);
}
