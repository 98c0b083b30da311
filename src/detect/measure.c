#include "secret/assign.h"
#include "text/chars.h"
#include "match.h"
#include "pii/measure_pii.h"
#include "secret/pem.h"
#include "secret/random.h"
#include "secret/validate.h"

enum {
    MEASURE_TAG_MAX = 256,
    MEASURE_LOCAL_MAX = 64,   /* RFC 5321: of an address before the @ */
    MEASURE_DOMAIN_MAX = 255, /* and behind it */
    MEASURE_JWT_PART = 10,
    MEASURE_HOLDS = 320, /* of a value: where words are looked for */
    MEASURE_NAME_MAX = 32,
    MEASURE_URL_MAX = 200,
    MEASURE_BLOB = 32,
    MEASURE_BLOB_SCORE = 80,
};

/* The character at i, -1 outside of the text. */
static int
measure_at(const struct wd_piece *p, int64_t i)
{
    if (i < 0)
        return i == -1 ? p->before : -1;
    return i < p->len ? p->chars[i] : i == p->len ? p->after : -1;
}

static bool
measure_at_is(const struct wd_piece *p, int64_t i, unsigned classes)
{
    int c = measure_at(p, i);

    return c >= 0 && wd_char_is((uint8_t)c, classes);
}

static bool
measure_is_hex(const struct wd_piece *p, int64_t i)
{
    int c = measure_at(p, i);

    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* A word may begin here: behind no letter or digit, or behind a percent-encoded character (RFC 3986, 2.1). */
static bool
measure_word_begins(const struct wd_piece *p, int64_t at)
{
    return !measure_at_is(p, at - 1, WD_CH_ALNUM) ||
           (measure_at(p, at - 3) == '%' && measure_is_hex(p, at - 2) && measure_is_hex(p, at - 1));
}

static uint32_t
measure_run(const struct wd_piece *p, uint32_t from, unsigned classes)
{
    while (from < p->len && wd_char_is(p->chars[from], classes))
        from++;
    return from;
}

static struct wd_span
measure_span(const struct wd_piece *p, uint32_t from, uint32_t to)
{
    return wd_span((const char *)p->chars + from, to - from);
}

/* The start of a value that may be long: to refuse it is to cost no more than that. */
static bool
measure_is_valid(const struct wd_piece *p, const struct wd_match *m, uint32_t to, unsigned form)
{
    to = to - m->start > WD_VALID_LOOK ? m->start + WD_VALID_LOOK : to;
    return m->rule->valid == NULL || m->rule->valid(measure_span(p, m->start, to), form);
}

/* In the middle of base64, where the first letters of a key turn up by chance. */
static bool
measure_in_blob(const struct wd_piece *p, uint32_t at)
{
    uint32_t from = at;

    if (at == 0 || memchr("_-+/", p->chars[at - 1], 4) == NULL || wd_char_is(p->chars[at], WD_CH_SPACE))
        return false;
    while (from > 0 && at - from < MEASURE_BLOB && wd_char_is(p->chars[from - 1], WD_CH_BASE64))
        from--;
    return at - from >= MEASURE_BLOB && wd_random_score(measure_span(p, from, at)) >= MEASURE_BLOB_SCORE;
}

static bool
measure_value(const struct wd_piece *p, struct wd_match *m)
{
    const struct wd_rule *rule = m->rule;
    struct wd_piece head = *p;

    if (!rule->glued && measure_in_blob(p, m->start))
        return false;
    head.len = p->len - m->start > WD_VALID_LOOK ? m->start + WD_VALID_LOOK : p->len;
    if (!measure_is_valid(p, m, measure_run(&head, m->end, rule->value), 0))
        return false;
    m->end = measure_run(p, m->end, rule->value);
    m->open = p->open && m->end == p->len;
    while (!m->open && m->end > m->start && p->chars[m->end - 1] == '.')
        m->end--;
    return m->end - m->start >= rule->min && (rule->max == 0 || m->end - m->start <= rule->max);
}

static bool
measure_match(const struct wd_piece *p, struct wd_match *m)
{
    return true;
}

static bool
measure_hidden(const struct wd_piece *p, struct wd_match *m)
{
    while (m->end < p->len && p->chars[m->end] == WD_CH_HIDDEN)
        m->end++;
    m->open = p->open && m->end == p->len;
    return true;
}

static bool
measure_link(const struct wd_piece *p, struct wd_match *m)
{
    int next = measure_at(p, m->end);

    return next >= 0 && next != WD_CH_STRING_QUOTE && !wd_char_is((uint8_t)next, WD_CH_SPACE);
}

static bool
measure_tag(const struct wd_piece *p, struct wd_match *m)
{
    uint32_t i;

    if (measure_at_is(p, m->end, WD_CH_KEY))
        return false;
    for (i = m->end; i < p->len && i < m->end + MEASURE_TAG_MAX; i++)
        if (p->chars[i] == '>' || p->chars[i] == '<' || p->chars[i] == WD_CH_STRING_QUOTE)
            break;
    if (i < p->len && p->chars[i] == '>')
        m->end = i + 1;
    else if (m->rule->with != NULL)
        m->end = i;
    return true;
}

/* RFC 7519: header.payload.signature, each base64url, the last may be empty. A part that the end of an open piece
 * cuts is long enough. */
static bool
measure_jwt(const struct wd_piece *p, struct wd_match *m)
{
    uint32_t payload = measure_run(p, m->start, WD_CH_KEY) + 1, signature;

    signature = measure_run(p, payload, WD_CH_KEY);
    if (signature == p->len && p->open) {
        m->end = p->len;
        m->open = true;
        return true;
    }
    if (measure_at(p, signature) != '.' || signature - payload < MEASURE_JWT_PART)
        return false;
    m->end = measure_run(p, signature + 1, WD_CH_KEY);
    m->open = p->open && m->end == p->len;
    return true;
}

static bool
measure_pem(const struct wd_piece *p, struct wd_match *m)
{
    struct wd_pem pem = { 0 };
    uint32_t i = m->start + (uint32_t)strlen("-----BEGIN");

    while (i < p->len && pem.state != WD_PEM_DONE && wd_pem_step(&pem, p->chars[i]))
        i++;
    if (pem.state != WD_PEM_BODY && pem.state != WD_PEM_DONE)
        return false;
    m->open = p->open && i == p->len && pem.state == WD_PEM_BODY;
    while (!m->open && wd_char_is(p->chars[i - 1], WD_CH_SPACE))
        i--;
    m->end = i;
    return true;
}

/* a=b&c=d: the next assignment is not part of the value. */
static uint32_t
measure_next_member(const struct wd_piece *p, uint32_t from, uint32_t to)
{
    uint32_t i, name;

    for (i = from; i < to; i++) {
        if (p->chars[i] != '&' && p->chars[i] != ';' && p->chars[i] != ',')
            continue;
        name = measure_run(p, i + 1, WD_CH_DOTTED);
        if (name > i + 1 && name < to && (p->chars[name] == '=' || p->chars[name] == ':'))
            return i;
        i = name - 1;
    }
    return to;
}

/* What ends a sentence or a bracket rather than a bare value. */
static bool
measure_is_tail(uint8_t c)
{
    return memchr(".,;:)]}>*", c, 9) != NULL;
}

/* The word that the name at i ends. */
static struct wd_span
measure_name(const struct wd_piece *p, uint32_t i)
{
    uint32_t from = i, to = measure_run(p, i, WD_CH_KEY);

    while (from > 0 && i - from < MEASURE_NAME_MAX && wd_char_is_token(p->chars[from - 1]))
        from--;
    return measure_span(p, to - from > MEASURE_NAME_MAX ? to : from, to);
}

/* The value behind the name at m->start, as far as the first `most` characters tell. */
static bool
measure_assigned_in(const struct wd_piece *p, struct wd_match *m, uint32_t most, unsigned *form)
{
    uint32_t i = measure_run(p, m->start, WD_CH_KEY), start = i, to;
    struct wd_assign a = wd_assign_begin(measure_name(p, m->start));
    bool more;

    to = p->len - i > most ? i + most : p->len;
    for (; i < to && wd_assign_step(&a, p->chars[i], p->offs[i + 1] - p->offs[i]); i++)
        if (a.state == WD_ASSIGN_BEFORE)
            start = i + 1;
    if (a.state == WD_ASSIGN_BEFORE)
        return false;
    more = i == to && to < p->len;
    *form = (a.quote != 0 ? WD_VALUE_QUOTED : 0u) | (a.joined ? WD_VALUE_JOINED : 0u) | (a.said ? WD_VALUE_SAID : 0u);
    m->start = m->end = start + (a.quote != 0);
    m->open = p->open && i == p->len;
    if (a.quote == 0)
        m->end = measure_next_member(p, m->start, i);
    else if (!a.spaced || more || measure_at(p, i) == a.quote)
        m->end = i;
    else /* The quote is not closed: only the first word is quoted. */
        while (m->end < i && !wd_char_is(p->chars[m->end], WD_CH_SPACE))
            m->end++;
    while (a.quote == 0 && !m->open && !more && m->end > m->start && measure_is_tail(p->chars[m->end - 1]))
        m->end--;
    m->open = m->open && m->end == p->len;
    return true;
}

/* The name as a whole says that it is none: nextPageToken. */
static bool
measure_is_other(const struct wd_piece *p, const struct wd_match *m)
{
    return wd_rule_name_is_other(measure_name(p, m->start));
}

static bool
measure_assigned(const struct wd_piece *p, struct wd_match *m)
{
    struct wd_match head = *m;
    unsigned form;

    if (measure_is_other(p, m) || !measure_assigned_in(p, &head, 2 * WD_VALID_LOOK, &form) ||
        !measure_is_valid(p, &head, head.end, form))
        return false;
    return measure_assigned_in(p, m, p->len, &form) && measure_is_valid(p, m, m->end, form);
}

/* An attribute of a tag, or what breaks out of one; window.onload is a member of an object. */
static bool
measure_handler(const struct wd_piece *p, struct wd_match *m)
{
    int before = measure_at(p, (int64_t)m->start - 1);

    return before != '.' && before != '$' && before != '_' && before != '-' && measure_assigned(p, m);
}

/* A name of this machine: what guards it in an example is a word. */
static bool
measure_is_local(const struct wd_piece *p, uint32_t host)
{
    static const char *const names[] = { "localhost", "127.0.0.1" };
    size_t i, len;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        len = strlen(names[i]);
        if (p->len - host >= len && memcmp(p->chars + host, names[i], len) == 0)
            return true;
    }
    return false;
}

/* scheme://name:password@host, or a key instead of a name: what stands before the last @ */
static bool
measure_url(const struct wd_piece *p, struct wd_match *m)
{
    uint32_t i, at = 0, from = m->start + 3, colon = 0;

    for (i = from; i < p->len && i - from < MEASURE_URL_MAX; i++) {
        if (p->chars[i] == '/' || p->chars[i] == '<' || p->chars[i] == '>' || wd_char_is(p->chars[i], WD_CH_SPACE) ||
            wd_char_is_quote(p->chars[i]))
            break;
        colon = colon == 0 && at == 0 && p->chars[i] == ':' ? i + 1 : colon;
        at = p->chars[i] == '@' ? i : at;
    }
    if (at == 0)
        return false;
    m->start = colon != 0 ? colon : from;
    m->end = at;
    if (measure_is_local(p, at + 1) && measure_run(p, m->start, WD_CH_ALPHA) == at)
        return false;
    return measure_is_valid(p, m, m->end, colon != 0 ? 0 : WD_VALUE_QUOTED);
}

/* A host name that ends in a top-level domain of letters. A dot behind it ends the sentence. */
static bool
measure_domain(const struct wd_piece *p, uint32_t from, uint32_t *end)
{
    uint32_t to = from, label, tld;

    while (to < p->len && to - from < MEASURE_DOMAIN_MAX && wd_char_is(p->chars[to], WD_CH_ALNUM | WD_CH_DOT | WD_CH_JOIN))
        to++;
    for (; to > from; to = label - 1) {
        for (label = to; label > from && p->chars[label - 1] != '.'; label--)
            continue;
        if (label == from)
            return false;
        tld = measure_run(p, label, WD_CH_ALPHA);
        tld = tld < to ? tld : to;
        if (tld - label >= 2 && !measure_at_is(p, tld, WD_CH_DIGIT) && wd_char_is(p->chars[label - 2], WD_CH_ALNUM)) {
            *end = tld;
            return true;
        }
    }
    return false;
}

/* RFC 5321, in the form people write: name@host.tld */
static bool
measure_email(const struct wd_piece *p, struct wd_match *m)
{
    uint32_t at = m->start + 1, i;

    for (i = at; i > 0 && at - i < MEASURE_LOCAL_MAX; i--)
        if (!wd_char_is(p->chars[i - 1], WD_CH_DOTTED) && p->chars[i - 1] != '+' && p->chars[i - 1] != '%')
            break;
    while (i < at && !wd_char_is(p->chars[i], WD_CH_ALNUM) && p->chars[i] != '_')
        i++;
    m->start = i;
    /* git@host is how a repository is named. */
    if (m->start == at || (at - m->start == 3 && memcmp(p->chars + m->start, "git", 3) == 0))
        return false;

    if (!measure_domain(p, at + 1, &m->end))
        return false;
    return wd_valid_mail_domain(measure_span(p, at + 1, m->end));
}

/* Digits in a row, or groups with the same separator between: 4-4-4-4, 4-4-4-4-3, 4-6-5, 4-6-4 and the like. */
static bool
measure_card(const struct wd_piece *p, struct wd_match *m)
{
    char digits[20];
    uint32_t i = m->start, n = 0, group = 0, good = 0;
    uint8_t sep = 0;
    int before = measure_at(p, (int64_t)m->start - 1);

    if (before == '_' || (before == '.' && measure_at_is(p, (int64_t)m->start - 2, WD_CH_DIGIT)))
        return false;
    for (; i < p->len && n < sizeof(digits); i++) {
        if (wd_char_is(p->chars[i], WD_CH_DIGIT)) {
            digits[n++] = (char)p->chars[i];
            group++;
            if (!measure_at_is(p, (int64_t)i + 1, WD_CH_ALNUM) && measure_at(p, (int64_t)i + 1) != '_' &&
                wd_valid_card(digits, n) && (sep == 0 || group >= 3))
                good = i + 1;
            continue;
        }
        if (sep == 0 && group == 4 && (p->chars[i] == ' ' || p->chars[i] == '-' || p->chars[i] == '.'))
            sep = p->chars[i];
        else if (p->chars[i] != sep || group < 4 || group > 6)
            break;
        group = 0;
    }
    if (good == 0)
        return false;
    /* 4111111111111111.5 is a number, one with .0 was made of a card; a-4111-...-b is an identifier. */
    if (measure_at(p, good) == '.' && measure_at_is(p, (int64_t)good + 1, WD_CH_DIGIT) &&
        (measure_at(p, (int64_t)good + 1) != '0' || measure_at_is(p, (int64_t)good + 2, WD_CH_ALNUM | WD_CH_DOT)))
        return false;
    if (sep == '-' && (before == '-' || (measure_at(p, good) == '-' && measure_at_is(p, (int64_t)good + 1, WD_CH_ALNUM))))
        return false;
    m->end = good;
    return true;
}

/* One of the words (with | between, lower case) stands in the value. Of a long one the start tells. */
static bool
measure_holds(const struct wd_piece *p, const struct wd_match *m, const char *words)
{
    uint32_t len = m->end - m->start < MEASURE_HOLDS ? m->end - m->start : MEASURE_HOLDS, i;
    char value[MEASURE_HOLDS];
    size_t n;

    for (i = 0; i < len; i++)
        value[i] = (char)wd_char_lower(p->chars[m->start + i]);
    for (;; words += n + 1) {
        n = strcspn(words, "|");
        if (memmem(value, len, words, n) != NULL)
            return true;
        if (words[n] == '\0')
            return false;
    }
}

bool
wd_measure(const struct wd_rule *rule, const struct wd_piece *piece, uint32_t from, uint32_t to, struct wd_match *m)
{
    static bool (*const shapes[])(const struct wd_piece *, struct wd_match *) = {
        [WD_SHAPE_RUN] = measure_value,       [WD_SHAPE_MATCH] = measure_match,      [WD_SHAPE_LINK] = measure_link,
        [WD_SHAPE_TAG] = measure_tag,         [WD_SHAPE_JWT] = measure_jwt,          [WD_SHAPE_PEM] = measure_pem,
        [WD_SHAPE_HANDLER] = measure_handler, [WD_SHAPE_WORD] = measure_match,       [WD_SHAPE_ASSIGNED] = measure_assigned,
        [WD_SHAPE_EMAIL] = measure_email,     [WD_SHAPE_CARD] = measure_card,        [WD_SHAPE_HIDDEN] = measure_hidden,
        [WD_SHAPE_URL] = measure_url,         [WD_SHAPE_MASK] = wd_measure_mask,     [WD_SHAPE_IBAN] = wd_measure_iban,
        [WD_SHAPE_IPV4] = wd_measure_ipv4,    [WD_SHAPE_IPV6] = wd_measure_ipv6,     [WD_SHAPE_PHONE] = wd_measure_phone,
        [WD_SHAPE_DATE] = wd_measure_date,    [WD_SHAPE_POSTAL] = wd_measure_postal,
    };

    if (!rule->glued && !measure_word_begins(piece, from))
        return false;
    *m = (struct wd_match){ .rule = rule, .start = from, .end = to };
    if (!shapes[rule->shape](piece, m) || (rule->stop != NULL && measure_holds(piece, m, rule->stop)) ||
        (rule->with != NULL && !measure_holds(piece, m, rule->with)))
        return false;
    return rule->context == NULL || wd_piece_near(piece, m->start, rule->context, rule->reach > 0 ? rule->reach : WD_CONTEXT_MAX);
}
