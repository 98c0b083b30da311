#include "bare.h"

#include "../text/chars.h"
#include "nearby.h"
#include "../text/numbers.h"
#include "random.h"
#include "validate.h"

enum bare_form {
    BARE_NONE,
    BARE_MARKED, /* calls itself a secret: acme_live_..., no context is needed */
    BARE_MIXED,
    BARE_HEX,  /* could as well be a digest */
    BARE_UUID, /* hardly ever a secret */
};

enum {
    BARE_SCORE = 40,
    BARE_HEX_SCORE = 25,
    BARE_HEX_LONG = 32,
    BARE_HEX_TURNS = 6,
    BARE_SLASHED_SCORE = 60,
    BARE_NAME_SCORE = 80,
    BARE_TAIL_SCORE = 45,
    BARE_SLASHED_MIN = 32,
    BARE_TAIL_MIN = 20,
    BARE_UUID_LEN = 36,
    BARE_RUN_MAX = 2 * WD_BARE_MAX,
    BARE_ESCAPED = 5, /* most bytes, backslashes aside, that a character takes in a JSON string: uXXXX */
};

static bool
bare_is_run(uint8_t c)
{
    return c != '@' && (wd_chars[c] & (unsigned)~WD_CH_SPACE) != 0;
}

/* The next run of WD_BARE_MIN characters or more with a digit in it from *at on, and *at moves behind it. */
static bool
bare_run(struct wd_span s, size_t *at, size_t *start)
{
    size_t i = *at, from, end;

    for (; (from = wd_numbers_digit(s, i)) < s.len; i = end) {
        for (end = from + 1; end < s.len && bare_is_run((uint8_t)s.ptr[end]); end++)
            continue;
        while (from > i && bare_is_run((uint8_t)s.ptr[from - 1]))
            from--;
        if (end - from < WD_BARE_MIN)
            continue;
        *start = from;
        *at = end;
        return true;
    }
    *at = s.len;
    return false;
}

/* Identifiers, digests and data by what they begin with. */
static bool
bare_is_named(struct wd_span s)
{
    static const char *const starts[] = {
        "call_", "resp_", "msg_",    "toolu_", "srvtoolu_", "fp_",     "chatcmpl", "cmpl-", "req_",   "run_",
        "step_", "item_", "thread_", "asst_",  "file-",     "file_",   "batch_",   "rs_",   "fc_",    "ws_",
        "ci_",   "ig_",   "vs_",     "cntr_",  "container", "evt_",    "cus_",     "acct_", "price_", "prod_",
        "sub_",  "pi_",   "in_",     "sha1-",  "sha256-",   "sha384-", "sha512",   "sha1",  "sha256", "md5",
        "h1:",   "0x",    "data:",   "arn:",   "gen-",      "conv_",   "user_",    "org-",  "proj_",  "sess_",
        "iVBOR", "/9j/",  "R0lGO",   "UklGR",  "AAAAB3",    "AAAAC3",  "MII",      "i-0",   "vpc-",   "subnet-",
        "sg-0",  "ami-",  "vol-",    "gpt-",   "mcp_",      "wsc_",    "eyJ",
    };
    size_t i, len;

    for (i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        if (starts[i][0] != s.ptr[0] || starts[i][1] != s.ptr[1])
            continue;
        len = strlen(starts[i]);
        if (s.len > len && memcmp(s.ptr, starts[i], len) == 0)
            return true;
    }
    return false;
}

static bool
bare_is_hex(uint8_t c)
{
    return wd_char_is(c, WD_CH_DIGIT) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static bool
bare_is_uuid(struct wd_span s)
{
    size_t i;

    if (s.len != BARE_UUID_LEN)
        return false;
    for (i = 0; i < s.len; i++)
        if (i == 8 || i == 13 || i == 18 || i == 23 ? s.ptr[i] != '-' : !bare_is_hex((uint8_t)s.ptr[i]))
            return false;
    return true;
}

/* acme_sk_..., acme-secret-...: one of these words, and then one word to the end that is drawn by lot. */
static bool
bare_is_marked(struct wd_span s)
{
    static const char *const marks[] = { "sk",  "pat", "key", "apikey", "secret", "token", "tkn",
                                         "tok", "sat", "oat", "live",   "pass",   "pw",    "auth" };
    size_t tail = s.len, from, i;

    while (tail > 0 && wd_char_is((uint8_t)s.ptr[tail - 1], WD_CH_ALNUM))
        tail--;
    if (s.len - tail < BARE_TAIL_MIN || tail < 3 || !wd_char_is((uint8_t)s.ptr[tail - 1], WD_CH_JOIN))
        return false;
    if (wd_random_score(wd_span(s.ptr + tail, s.len - tail)) < BARE_TAIL_SCORE)
        return false;
    for (from = tail - 1; from > 0 && wd_char_is((uint8_t)s.ptr[from - 1], WD_CH_ALNUM); from--)
        continue;
    for (i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        if (strlen(marks[i]) == tail - 1 - from && memcmp(s.ptr + from, marks[i], tail - 1 - from) == 0)
            return true;
    return false;
}

/* A chat bot's token: the number of the bot in base64, a time, a digest, with dots between. */
static bool
bare_is_bot(struct wd_span s)
{
    static const uint8_t lens[][2] = { { 24, 28 }, { 6, 6 }, { 27, 38 } };
    size_t part, len, from = 0;

    for (part = 0; part < 3; part++) {
        for (len = 0; from + len < s.len && wd_char_is((uint8_t)s.ptr[from + len], WD_CH_KEY); len++)
            continue;
        if (len < lens[part][0] || len > lens[part][1] || (part < 2 && (from + len == s.len || s.ptr[from + len] != '.')))
            return false;
        from += len + 1;
    }
    return from > s.len && strchr("MNO", s.ptr[0]) != NULL;
}

/* bundle.4f2a.js, db-1a2b.us-east-1.rds.example.com */
static bool
bare_is_file(struct wd_span s)
{
    size_t i = s.len;

    while (i > 0 && wd_char_is((uint8_t)s.ptr[i - 1], WD_CH_LOWER))
        i--;
    return i > 0 && s.ptr[i - 1] == '.' && s.len - i >= 2 && s.len - i <= 5;
}

/* name=value: the value. Ends of sentences and of paths go. */
static struct wd_span
bare_trim(struct wd_span s)
{
    const char *sign;
    size_t name;

    while (s.len > 0 && (sign = memchr(s.ptr, '=', s.len)) != NULL) {
        name = (size_t)(sign - s.ptr);
        if (s.len - name - 1 < WD_BARE_MIN || wd_random_score(wd_span(s.ptr, name)) >= BARE_HEX_SCORE)
            break;
        s = wd_span(sign + 1, s.len - name - 1);
    }
    while (s.len > 0 && strchr("./+=%~", s.ptr[0]) != NULL)
        s = wd_span(s.ptr + 1, s.len - 1);
    while (s.len > 0 && strchr("./%~", s.ptr[s.len - 1]) != NULL)
        s.len--;
    return s;
}

/* base64 has no dot, and letters of both cases: what else has a slash is a path. */
static bool
bare_is_path(struct wd_span s)
{
    bool upper = false, lower = false, dot = false;
    size_t i;

    for (i = 0; i < s.len; i++) {
        upper |= wd_char_is((uint8_t)s.ptr[i], WD_CH_UPPER);
        lower |= wd_char_is((uint8_t)s.ptr[i], WD_CH_LOWER);
        dot |= s.ptr[i] == '.';
    }
    return dot || !upper || !lower;
}

/* CAPITALS_WITH_JOINS */
static bool
bare_is_constant(struct wd_span s)
{
    bool joined = false;
    size_t i;

    for (i = 0; i < s.len; i++) {
        if (!wd_char_is((uint8_t)s.ptr[i], WD_CH_UPPER | WD_CH_DIGIT) && s.ptr[i] != '_')
            return false;
        joined |= s.ptr[i] == '_';
    }
    return joined;
}

static enum bare_form
bare_form(struct wd_span s)
{
    unsigned digits = 0, letters = 0, slashes = 0, hex = 0, turns = 0, i;
    int score;

    if (s.len < WD_BARE_MIN || s.len > WD_BARE_MAX)
        return BARE_NONE;
    for (i = 0; i < s.len; i++) {
        digits += wd_char_is((uint8_t)s.ptr[i], WD_CH_DIGIT);
        letters += wd_char_is((uint8_t)s.ptr[i], WD_CH_ALPHA);
        slashes += s.ptr[i] == '/';
        hex += bare_is_hex((uint8_t)s.ptr[i]);
        turns += i > 0 && wd_char_is((uint8_t)s.ptr[i], WD_CH_DIGIT) != wd_char_is((uint8_t)s.ptr[i - 1], WD_CH_DIGIT);
    }
    if (digits == 0 || letters == 0 || bare_is_named(s) || bare_is_file(s) || !wd_valid_key(s, 0))
        return BARE_NONE;
    if (bare_is_uuid(s))
        return BARE_UUID;
    score = wd_random_score(s);
    if (hex == s.len)
        return score >= BARE_HEX_SCORE || (s.len >= BARE_HEX_LONG && turns >= BARE_HEX_TURNS) ? BARE_HEX : BARE_NONE;
    if (slashes > 0 && (s.len < BARE_SLASHED_MIN || slashes > s.len / 10 || score < BARE_SLASHED_SCORE || bare_is_path(s)))
        return BARE_NONE;
    /* utf8DecodeBytes, OID_PKCS9_TIME */
    if (score < (digits == 1 || bare_is_constant(s) ? BARE_NAME_SCORE : BARE_SCORE))
        return BARE_NONE;
    return bare_is_marked(s) || bare_is_bot(s) ? BARE_MARKED : BARE_MIXED;
}

bool
wd_bare_possible(struct wd_span chars)
{
    size_t at = 0, start;

    while (bare_run(chars, &at, &start))
        if (at - start <= BARE_RUN_MAX && bare_form(bare_trim(wd_span(chars.ptr + start, at - start))) != BARE_NONE)
            return true;
    return false;
}

/* From where on text may stand within reach before i once escapes are undone. */
static size_t
bare_raw_before(struct wd_span raw, size_t i)
{
    size_t seen = 0;

    for (; i > 0 && seen < (size_t)BARE_ESCAPED * WD_NEARBY_FAR; i--)
        seen += raw.ptr[i - 1] != '\\';
    return i;
}

/* A letter behind a backslash may be the end of an escape: \nKEY, \u2014KEY. */
static size_t
bare_escape(struct wd_span raw, size_t start, size_t end)
{
    if (start == 0 || raw.ptr[start - 1] != '\\')
        return 0;
    return raw.ptr[start] == 'u' && end - start >= 5 ? 5 : 1;
}

/* The form of what stands raw in [start, end), whatever of its first letters belongs to an escape. */
static enum bare_form
bare_raw_form(struct wd_span raw, size_t start, size_t end)
{
    enum bare_form form = bare_form(bare_trim(wd_span(raw.ptr + start, end - start)));

    if (form == BARE_NONE)
        start += bare_escape(raw, start, end);
    return form != BARE_NONE ? form : bare_form(bare_trim(wd_span(raw.ptr + start, end - start)));
}

bool
wd_bare_suspect(struct wd_span raw)
{
    size_t at = 0, start, end, known = 0, last = 0, from, reach;
    enum bare_form form;

    while (bare_run(raw, &at, &start)) {
        form = at - start > BARE_RUN_MAX ? BARE_NONE : bare_raw_form(raw, start, at);
        if (form == BARE_MARKED)
            return true;
        if (form == BARE_NONE)
            continue;
        /* The name of name=value may be the word. */
        end = at - WD_BARE_MIN;
        reach = bare_raw_before(raw, start);
        from = known > WD_NEARBY_WORD_MAX ? known - WD_NEARBY_WORD_MAX : 0;
        from = from > reach ? from : reach;
        known = wd_nearby_last(wd_span(raw.ptr + from, end - from));
        last = known > 0 ? from + known : last;
        known = end;
        if (last > reach)
            return true;
    }
    return false;
}

static bool
bare_is_called(const struct wd_piece *piece, uint32_t start, enum bare_form form)
{
    static const uint8_t reach[] = { [BARE_MIXED] = WD_NEARBY_FAR, [BARE_HEX] = WD_NEARBY_MIDDLE, [BARE_UUID] = WD_NEARBY_CLOSE };
    char before[WD_CONTEXT_MAX];

    return form == BARE_MARKED || wd_nearby_secret(wd_span(before, wd_piece_text_before(piece, start, before)), reach[form]);
}

bool
wd_bare_next(const struct wd_piece *piece, uint32_t *at, struct wd_match *m)
{
    struct wd_span chars = wd_span((const char *)piece->chars, piece->len), value;
    size_t next = *at, start;
    enum bare_form form;
    int before;

    while (bare_run(chars, &next, &start)) {
        *at = (uint32_t)next;
        /* The rest of a run of which the start has left is no word of its own, nor is what goes on behind an open piece, nor
         * what is longer than the look takes. A = starts no piece. */
        if ((start == 0 && piece->before >= 0 && piece->before != '=' && bare_is_run((uint8_t)piece->before)) ||
            (piece->open && next == chars.len) || next - start > BARE_RUN_MAX)
            continue;
        /* A call. */
        if ((next < chars.len ? chars.ptr[next] : piece->after) == '(')
            continue;
        value = bare_trim(wd_span(chars.ptr + start, next - start));
        form = bare_form(value);
        m->start = (uint32_t)(value.ptr - chars.ptr);
        m->end = m->start + (uint32_t)value.len;
        before = m->start > 0 ? chars.ptr[m->start - 1] : piece->before;
        /* action@4f2a... is a commit; behind $ stands what crypt(5) made. */
        if (before == '$' || (form == BARE_HEX && before == '@'))
            continue;
        if (form != BARE_NONE && bare_is_called(piece, m->start, form))
            return true;
    }
    return false;
}
