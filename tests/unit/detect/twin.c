/*
 * A naive twin of the redactor: it reads the whole text at once, as one piece, with an unescaping of its own. What it finds
 * the redactor must find, which cuts the same text into many pieces; and nothing else.
 */
#include "harness.h"

#include "base/utf8.h"
#include "detect/text/chars.h"
#include "detect/text/fold.h"
#include "detect/match.h"

#define OPENAI                                                                                                                   \
    "sk-"                                                                                                                        \
    "proj-Ab3dEf6hIj_lMn0pQr-tUv9xYz1234567890abcdefABCDEF"
#define GITHUB                                                                                                                   \
    "ghp_"                                                                                                                       \
    "abcdefghij0123456789ABCDEFGHIJklmnop"

static const char *const fragments[] = {
    OPENAI,
    GITHUB,
    "AKIA"
    "IOSFODNN7EXAMPLE",
    "eyJ"
    "hbGciOiJIUzI1NiJ9",
    ".",
    ".",
    "eyJ"
    "zdWIiOiIxMjM0In0",
    "bob",
    "@",
    "example.com",
    "4111",
    "1111",
    "1111",
    "1111",
    "3782",
    "822463",
    "10005",
    "4111111111111111",
    " ",
    " ",
    " ",
    "\n",
    "\"",
    "'",
    ":",
    "=",
    ": ",
    "=\"",
    "password",
    "token",
    "apiKey",
    "hunter2",
    "abc123!",
    "\\n",
    "\\\"",
    "\\u0073",
    "\\u0020",
    "\\\\\\\\u0031",
    "<",
    "</",
    "script",
    ">",
    "[",
    "SYSTEM",
    "]",
    "javascript:",
    "data:",
    "text/html",
    "-----BEGIN "
    "PRIVATE KEY-----",
    "-----END "
    "PRIVATE KEY-----",
    "MIIEpAIBAAKCAQEA1234",
    "-",
    "\xc3\xa9",
    ",",
    ";",
    "&",
    "(",
    ")",
    "_",
    "7",
    "Proc-Type: 4",
    "the",
    "words",
    "k_live_0123456789ab",
    "\\rk_"
    "live_0123456789ab",
    "glpat-0123456789abcdefghij",
    "xoxb-",
    "1234567890-",
    /* zero-width space, soft hyphen, non-joiner, accent, selector, tag */
    "\xe2\x80\x8b",
    "\xc2\xad",
    "\xe2\x80\x8c",
    "\xcc\x81",
    "\xef\xb8\x8f",
    "\xf3\xa0\x81\x81",
    "\\u200b",
    "\\udb40\\udc42",
    "\xe2\x80\x8b\xe2\x80\x8c\xe2\x80\x8b\xe2\x80\x8b",
    /* Cyrillic er, a, es, ya; full-width s, @ and colon; e with accent; an emoji; a blank */
    "\xd1\x80",
    "\xd0\xb0",
    "\\u0441",
    "\xd1\x8f",
    "\xef\xbd\x93",
    "\xef\xbc\xa0",
    "\xef\xbc\x9a",
    "\xf0\x9f\x98\x80",
    "\\ud83d\\ude00",
    "\xc2\xa0",
    /* keys and names spelt with them */
    "\xd1\x95k-"
    "proj-Ab3dEf6hIj_lMn0pQr-tUv9xYz12\xe2\x80\x8b"
    "34567890abcdefABCDEF",
    "\xd1\x80\xd0\xb0ssword",
    "password\xe2\x80\x8b",
    "bo\xc2\xad"
    "b@ex\xd0\xb0mple.com",
    /* none at all */
    "\xff",
    "\xe2\x80",
    "\xed\xa0\x80",
    "\\ud83d",
    "\\udc00",
    /* personal data in pieces */
    RIG_PERSONAL,
};

/* What the text is written of: characters, escapes, bytes that are neither. */
struct twin_unit {
    uint32_t start, end, cp;
    bool escaped, broken;
};

struct twin {
    struct twin_unit units[8192];
    uint32_t unit_count;
    uint8_t chars[8192];
    uint32_t offs[8193], count;
};

static int
twin_hex(char c)
{
    const char *digits = "0123456789abcdef", *at = c == '\0' ? NULL : strchr(digits, c | 0x20);

    return at != NULL && (c >= '0') ? (int)(at - digits) : -1;
}

/* \uXXXX with any number of backslashes at i: the code and the end, or -1. */
static int
twin_code(struct wd_span s, size_t i, size_t *end)
{
    size_t n = i, k;
    int code = 0;

    while (n < s.len && s.ptr[n] == '\\')
        n++;
    for (k = 1; n > i && k <= 4 && n + k < s.len && s.ptr[n] == 'u' && twin_hex(s.ptr[n + k]) >= 0; k++)
        code = code * 16 + twin_hex(s.ptr[n + k]);
    *end = n + 5;
    return k == 5 ? code : -1;
}

static struct twin_unit
twin_unit_at(struct wd_span s, size_t i)
{
    static const char from[] = "nrtbf\"'`/", to[] = "\n\r\t\b\f\"'`/";
    struct twin_unit u = { .start = (uint32_t)i, .end = (uint32_t)i + 1 };
    size_t n = i, end, len;
    int code = twin_code(s, i, &end), low;
    uint32_t cp;

    while (n < s.len && s.ptr[n] == '\\')
        n++;
    if (code >= 0) {
        u.end = (uint32_t)end;
        u.escaped = true;
        u.cp = (uint32_t)code;
        low = (code & 0xfc00) == 0xd800 && end < s.len ? twin_code(s, end, &len) : -1;
        if ((low & 0xfc00) == 0xdc00 && low >= 0) {
            u.cp = 0x10000 + (((uint32_t)code & 0x3ff) << 10) + ((uint32_t)low & 0x3ff);
            u.end = (uint32_t)len;
        }
    } else if (n > i && n < s.len && strchr(from, s.ptr[n]) != NULL) {
        u.cp = (uint8_t)to[strchr(from, s.ptr[n]) - from];
        u.end = (uint32_t)n + 1;
    } else if (n > i) {
        u.cp = '\\';
        u.end = (uint32_t)n;
    } else {
        len = wd_utf8_decode(wd_span(s.ptr + i, s.len - i), &cp);
        u.broken = len == 0;
        u.cp = len == 0 ? (uint8_t)s.ptr[i] : cp;
        u.end = (uint32_t)(i + (len == 0 ? 1 : len));
    }
    return u;
}

static enum wd_fold_kind
twin_kind(const struct twin_unit *u)
{
    return u->broken || (u->cp & 0xfffff800) == 0xd800 ? WD_FOLD_SELF : wd_fold_kind(u->cp);
}

/* The ASCII that it shows, whatever stands around it; 0: none. */
static uint8_t
twin_ascii(const struct twin_unit *u)
{
    if (u->cp < 0x80 && !u->broken)
        return (uint8_t)u->cp;
    return twin_kind(u) == WD_FOLD_FORM ? wd_fold_char(wd_fold_entry(u->cp)) : 0;
}

static void
twin_add(struct twin *t, uint8_t c, uint32_t start, uint32_t end)
{
    t->chars[t->count] = c;
    t->offs[t->count++] = start;
    t->offs[t->count] = end;
}

static void
twin_add_itself(struct twin *t, struct wd_span s, const struct twin_unit *u, uint32_t start)
{
    uint32_t i;

    if (u->escaped || start < u->start)
        twin_add(t, 0, start, u->end);
    else
        for (i = start; i < u->end; i++)
            twin_add(t, (uint8_t)s.ptr[i], i, i + 1);
}

/* Hidden ones from unit i on: those that are a text are shown. Returns where they end, *start is where the rest starts. */
static uint32_t
twin_hidden(struct twin *t, uint32_t i, uint32_t *start, bool show)
{
    uint32_t run = 0, first = 0;
    bool carries = false;

    *start = UINT32_MAX;
    for (; i < t->unit_count && wd_fold_hides(twin_kind(&t->units[i])); i++) {
        const struct twin_unit *u = &t->units[i];
        enum wd_fold_kind kind = twin_kind(u);

        *start = *start == UINT32_MAX ? u->start : *start;
        run = kind == WD_FOLD_MARK ? 0 : run + 1;
        if (kind != WD_FOLD_MARK) {
            first = first == 0 ? u->cp : first;
            carries |= kind == WD_FOLD_TAG || kind == WD_FOLD_SELECTOR || u->cp != first;
        }
        if (run < 6 || !carries)
            continue;
        if (!show)
            return UINT32_MAX;
        twin_add(t, WD_CH_HIDDEN, *start, u->end);
        *start = UINT32_MAX;
    }
    return i;
}

/* Whether the letters from unit i on stand in a word with ASCII behind them. */
static bool
twin_is_ascii_word(struct twin *t, uint32_t i)
{
    uint32_t start;

    while (i < t->unit_count) {
        if (twin_kind(&t->units[i]) == WD_FOLD_ALIKE)
            i++;
        else if (!wd_fold_hides(twin_kind(&t->units[i])))
            return wd_char_is(twin_ascii(&t->units[i]), WD_CH_ALNUM);
        else if ((i = twin_hidden(t, i, &start, false)) == UINT32_MAX)
            return false;
    }
    return false;
}

static void
twin_read(struct twin *t, struct wd_span s)
{
    uint32_t i, start;
    uint8_t c, before;
    bool word = false, pending = false; /* the letters before are an ASCII word, or wait to be one */
    size_t at;

    t->unit_count = t->count = 0;
    for (at = 0; at < s.len; at = t->units[t->unit_count - 1].end)
        t->units[t->unit_count++] = twin_unit_at(s, at);
    t->offs[0] = 0;
    for (i = 0; i < t->unit_count; i++) {
        const struct twin_unit *u;
        uint32_t shown = t->count;

        i = twin_hidden(t, i, &start, true);
        pending = pending && shown == t->count;
        before = t->count > 0 ? t->chars[t->count - 1] : ' ';
        if (i == t->unit_count) {
            if (start != UINT32_MAX)
                twin_add(t, 0, start, (uint32_t)s.len);
            break;
        }
        u = &t->units[i];
        c = twin_ascii(u);
        if (start != UINT32_MAX && ((c == 0 && twin_kind(u) != WD_FOLD_ALIKE) || (!pending && (before >= 0x80 || before == 0)))) {
            twin_add(t, before = 0, start, u->start);
            start = UINT32_MAX;
        } else if (start != UINT32_MAX && wd_char_is_quote(c)) {
            twin_add(t, ' ', start, u->start);
            start = UINT32_MAX;
        }
        start = start == UINT32_MAX ? u->start : start;
        if (twin_kind(u) == WD_FOLD_ALIKE) {
            if (!pending)
                word = wd_char_is(before, WD_CH_ALNUM) || twin_is_ascii_word(t, i);
            pending = !wd_char_is(before, WD_CH_ALNUM);
            if (word)
                twin_add(t, wd_fold_char(wd_fold_entry(u->cp)), start, u->end);
            else
                twin_add_itself(t, s, u, start);
            pending = pending || !word;
            continue;
        }
        pending = false;
        if (c != 0)
            twin_add(t, c, start, u->end);
        else
            twin_add_itself(t, s, u, start);
    }
}

static void
twin_redact(const struct wd_scan *scan, struct wd_span text, struct twin *t, struct wd_buf *out)
{
    struct wd_piece piece;
    struct wd_matches *found;
    uint32_t done = 0, i;

    twin_read(t, text);
    piece = (struct wd_piece){ t->chars, t->offs, t->count, -1, -1, false };
    assert_int_equal(wd_match_piece(scan, &piece, WD_MATCH_ALL, &found), WD_OK);
    for (i = 0; i < found->count; i++) {
        const struct wd_match *m = &found->items[i];

        if (m->start >= done) {
            assert_int_equal(wd_buf_add(out, wd_span(text.ptr + t->offs[done], t->offs[m->start] - t->offs[done])), WD_OK);
            assert_int_equal(wd_buf_add(out, scan->replacement), WD_OK);
        }
        done = m->end > done ? m->end : done;
    }
    assert_int_equal(wd_buf_add(out, wd_span(text.ptr + t->offs[done], text.len - t->offs[done])), WD_OK);
}

static void
test_pieces_lose_nothing(void **state)
{
    static struct twin t;
    struct wd_buf text, naive;
    uint64_t seed = 3;
    unsigned found = 0;
    struct rig rig;
    int i;

    rig_init(&rig);
    wd_buf_init(&text, 4000);
    wd_buf_init(&naive, 1 << 16);
    for (i = 0; i < 100000; i++) {
        uint32_t n = 1 + rig_random(&seed) % 16;

        wd_buf_clear(&text);
        wd_buf_clear(&naive);
        while (n-- > 0)
            assert_int_equal(wd_buf_add_str(&text, fragments[rig_random(&seed) % (sizeof(fragments) / sizeof(fragments[0]))]),
                             WD_OK);
        twin_redact(&rig.scan, wd_buf_span(&text), &t, &naive);
        rig_whole(&rig, WD_REDACT_TEXT, wd_buf_span(&text));
        found += rig.findings.count;
        if (!wd_span_eq(wd_buf_span(&rig.out), wd_buf_span(&naive)))
            fail_msg("%d: %.*s\nnaive %.*s\ngave  %.*s", i, (int)text.len, text.ptr, (int)naive.len, naive.ptr, (int)rig.out.len,
                     rig.out.ptr);
        if (rig.findings.count > 0 && !wd_scan_suspect(&rig.scan, wd_buf_span(&text)))
            fail_msg("not suspect: %.*s", (int)text.len, text.ptr);
    }
    assert_true(found > 10000);
    wd_buf_deinit(&text);
    wd_buf_deinit(&naive);
    rig_deinit(&rig);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_lose_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
