/*
 * A naive twin of the redactor: it reads the whole text at once, as one piece, with an unescaping of its own. What it finds
 * the redactor must find, which cuts the same text into many pieces; and nothing else.
 */
#include "harness.h"

#include "detect/chars.h"
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
    "call ",
    "phone",
    "+49 ",
    "(415) ",
    "555",
    "0132",
    "02 27",
    "12",
    "078",
    "05",
    "1123",
    "-05-",
    "GB82 ",
    "WEST ",
    "1234 5698 7654 32",
    "AB ",
    "12 34 56 C",
    "2a00:",
    "1450",
    "::",
    "10.20.30.40",
    "00:1A:2B:3C",
    "2341 2341 2346",
    "born on ",
    "March ",
    "12, ",
    "1985",
    "address is ",
    "123 Main ",
    "Street, ",
    "Lindenstra\xc3\x9f"
    "e ",
    "order ",
    "office",
    "passport ",
    "C01234565",
    "SSN ",
};

struct twin {
    uint8_t chars[8192];
    uint32_t offs[8193], count;
};

static int
twin_hex(char c)
{
    const char *digits = "0123456789abcdef", *at = c == '\0' ? NULL : strchr(digits, c | 0x20);

    return at != NULL && (c >= '0') ? (int)(at - digits) : -1;
}

static void
twin_read(struct twin *t, struct wd_span s)
{
    size_t i = 0, k, n;

    t->count = 0;
    while (i < s.len) {
        t->offs[t->count] = (uint32_t)i;
        for (n = i; n < s.len && s.ptr[n] == '\\'; n++)
            continue;
        if (n == i) {
            t->chars[t->count++] = (uint8_t)s.ptr[i++];
        } else if (n < s.len && strchr("nrtbf\"'`/", s.ptr[n]) != NULL) {
            const char *from = "nrtbf\"'`/", *to = "\n\r\t\b\f\"'`/";

            t->chars[t->count++] = (uint8_t)to[strchr(from, s.ptr[n]) - from];
            i = n + 1;
        } else {
            int code = 0;

            for (k = 1; k <= 4 && n + k < s.len && s.ptr[n] == 'u' && twin_hex(s.ptr[n + k]) >= 0; k++)
                code = code * 16 + twin_hex(s.ptr[n + k]);
            t->chars[t->count++] = k == 5 ? (uint8_t)(code < 0x80 ? code : 0) : '\\';
            i = k == 5 ? n + 5 : n;
        }
    }
    t->offs[t->count] = (uint32_t)i;
}

static void
twin_redact(const struct wd_scan *scan, struct wd_span text, struct twin *t, struct wd_buf *out)
{
    struct wd_piece piece;
    struct wd_matches *found;
    uint32_t done = 0, i;

    twin_read(t, text);
    piece = (struct wd_piece){ t->chars, t->offs, t->count, -1, -1, false };
    assert_int_equal(wd_match_piece(scan, &piece, &found), WD_OK);
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
