#include "harness.h"

#include <ftw.h>
#include <sodium.h>

#include "detect/text/chars.h"

/* Made-up values, written so that none stands here in one piece. */
#define OPENAI                                                                                                                   \
    "sk-"                                                                                                                        \
    "proj-Ab3dEf6hIj_lMn0pQr-tUv9xYz1234567890abcdefABCDEF"
#define JWT_A                                                                                                                    \
    "eyJ"                                                                                                                        \
    "hbGciOiJIUzI1NiJ9"
#define JWT_B                                                                                                                    \
    "eyJ"                                                                                                                        \
    "zdWIiOiIxMjM0NTY3ODkwIn0"
#define GITHUB                                                                                                                   \
    "ghp_"                                                                                                                       \
    "abcdefghij0123456789ABCDEFGHIJklmnop"
#define PEM_BEGIN                                                                                                                \
    "-----BEGIN RSA "                                                                                                            \
    "PRIVATE KEY-----"
#define PEM_END                                                                                                                  \
    "-----END RSA "                                                                                                              \
    "PRIVATE KEY-----"

static void
want(struct rig *rig, enum wd_redactor_mode mode, const char *text, const char *expected)
{
    rig_whole(rig, mode, wd_span_str(text));
    assert_int_equal(rig->err, WD_OK);
    if (!wd_span_eq(wd_buf_span(&rig->out), wd_span_str(expected)))
        fail_msg("%s\n gave %.*s\n want %s", text, (int)rig->out.len, rig->out.ptr, expected);
    rig_check_cuts(rig, mode, wd_span_str(text));
}

static void
test_F02_a_secret_across_chunks_never_leaves(void **state)
{
    static const char text[] =
        "Sure, the key is " OPENAI ". Or mail bob@example.com, card 4111 1111 1111 1111, "
        "password: hunter2x and " PEM_BEGIN "\nMIIEpAIBAAKCAQEA1234567890abcdefghijklmnop\n" PEM_END " done.";
    struct rig rig;

    rig_init(&rig);
    want(&rig, WD_REDACT_TEXT, text,
         "Sure, the key is [REDACTED]. Or mail [REDACTED], card [REDACTED], password: [REDACTED] and [REDACTED] done.");
    rig_deinit(&rig);
}

/* After each byte nothing but the unfinished last word is held, and digits in groups with the blank behind them. */
static void
test_F03_clean_text_leaves_but_for_its_last_word(void **state)
{
    static const char text[] =
        "It was the best of times, it was the worst of times; (see \"chapter one\", p. 3-17) of 1859: 12 50 100 things.\n"
        "Passwords and tokens are fine! Don't hold: a,b;c or 'quotes' & \xc3\xa9t\xc3\xa9 na\xc3\xafve; if x[i] == 2 then y = "
        "f(x).";
    struct rig rig;
    struct wd_redactor *r;
    size_t i, word = 0;

    rig_init(&rig);
    assert_int_equal(wd_redactor_new(&r, &rig.scan, WD_REDACT_TEXT), WD_OK);
    for (i = 0; text[i] != '\0'; i++) {
        rig_feed(&rig, r, wd_span(text + i, 1));
        word = text[i] == ' ' || text[i] == '\n' ? 0 : word + 1;
        if (wd_redactor_held(r) > word)
            fail_msg("%zu bytes are held after %.*s", wd_redactor_held(r), (int)i + 1, text);
        assert_int_equal(wd_redactor_held(r) + rig.out.len, i + 1);
    }
    assert_int_equal(wd_redactor_finish(r, &rig.out), WD_OK);
    assert_int_equal(wd_redactor_held(r), 0);
    assert_int_equal(rig.out.len, strlen(text));
    wd_redactor_free(r);
    rig_deinit(&rig);
}

static void
test_F10_behind_json_escapes_at_any_depth(void **state)
{
    struct rig rig;

    rig_init(&rig);
    want(&rig, WD_REDACT_TEXT,
         "{\"a\":\"\\u0073k-"
         "proj-Ab3dEf6hIj_lMn0pQr-tUv9\\u0078Yz\"}",
         "{\"a\":\"[REDACTED]\"}");
    want(&rig, WD_REDACT_TEXT,
         "{\\\"a\\\":\\\"\\\\u0073\\\\u006B-"
         "proj-Ab3dEf6hIj_lMn0pQr-tUv9\\\"}",
         "{\\\"a\\\":\\\"[REDACTED]\\\"}");
    want(&rig, WD_REDACT_TEXT, "\\\\\\\\\\\\\\\\u0062ob@example.com\\nx", "[REDACTED]\\nx");
    want(&rig, WD_REDACT_TEXT, "line\\nbob@example.com\\tnext", "line\\n[REDACTED]\\tnext");
    want(&rig, WD_REDACT_TEXT, "\\u0070assword\\u003a \\u0022hunter2\\u0022", "\\u0070assword\\u003a \\u0022[REDACTED]\\u0022");
    want(&rig, WD_REDACT_TEXT, "4111\\u00201111\\u00201111\\u00201111", "[REDACTED]");
    want(&rig, WD_REDACT_TEXT, "<\\/script>\\u003cscript\\u003e", "[REDACTED][REDACTED]");
    want(&rig, WD_REDACT_TEXT, "C:\\users\\u00 and \\u12G4, \\x, \\\\ and \\", "C:\\users\\u00 and \\u12G4, \\x, \\\\ and \\");
    rig_deinit(&rig);
}

#define TAGS "\xf3\xa0\x81\x81\xf3\xa0\x81\x82\xf3\xa0\x81\x83\xf3\xa0\x81\x84\xf3\xa0\x81\x85\xf3\xa0\x81\x86"

static void
test_F17_spelt_in_other_characters(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        /* Hidden characters in a key, a name, an address, a number. */
        { "s\xe2\x80\x8bk-"
          "proj-Ab3dEf6hIj_lMn0pQr-tUv9\xc2\xadxYz1234567890 end",
          "[REDACTED] end" },
        { "pass\xe2\x81\xa0word\xe2\x80\x8b: hunter2", "pass\xe2\x81\xa0word\xe2\x80\x8b: [REDACTED]" },
        { "{\"password\xe2\x80\x8b\":\"hun\xe2\x80\x8bter2\xe2\x80\x8b\",\"a\":\"b\"}",
          "{\"password\xe2\x80\x8b\":\"[REDACTED]\",\"a\":\"b\"}" },
        { "bo\\u200bb@exam\\u00adple.com", "[REDACTED]" },
        { "4111\xe2\x80\x8b 1111 1111 11\xcc\x81"
          "11.",
          "[REDACTED]." },
        { "(\xef\xbb\xbf" GITHUB ")", "([REDACTED])" },
        /* Other forms. */
        { "\xef\xbd\x93\xef\xbd\x8b-"
          "proj-Ab3dEf6hIj_lMn0pQr-tUv9xYz",
          "[REDACTED]" },
        { "password\xef\xbc\x9a"
          "hunter2",
          "password\xef\xbc\x9a[REDACTED]" },
        { "bob\xef\xbc\xa0"
          "example.com",
          "[REDACTED]" },
        { "4111\xc2\xa0"
          "1111\xe2\x80\x91"
          "1111 1111",
          "4111\xc2\xa0"
          "1111\xe2\x80\x91"
          "1111 1111" },
        { "\xdb\xb4\xdb\xb1\xdb\xb1\xdb\xb1\xc2\xa0"
          "1111\xc2\xa0"
          "1111\xc2\xa0"
          "1111",
          "[REDACTED]" },
        { "p\xf0\x9d\x90\x9a\\ud835\\udc2csword: hunter2", "p\xf0\x9d\x90\x9a\\ud835\\udc2csword: [REDACTED]" },
        /* Look-alikes in one word with ASCII. */
        { "\xd1\x80\xd0\xb0ssword: hunter2", "\xd1\x80\xd0\xb0ssword: [REDACTED]" },
        { "\\u0440\\u0430sswor\xd4\x81: hunter2", "\\u0440\\u0430sswor\xd4\x81: [REDACTED]" },
        { "\xd0\x90KI\xd0\x90"
          "IOSFODNN7\xd0\x95XAMPLE",
          "[REDACTED]" },
        { "<s\xd1\x81ript>", "[REDACTED]" },
        /* A text in hidden characters. */
        { "so " TAGS " so", "so [REDACTED] so" },
        { "\xf0\x9f\x98\x80" TAGS TAGS "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80[REDACTED]\xf0\x9f\x98\x80" },
        { "a\\u200b\\u200c\\u200b\\u200c\\u200b\\u200cb", "a[REDACTED]b" },
    };
    struct rig rig;
    size_t i;

    rig_init(&rig);
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        want(&rig, WD_REDACT_TEXT, cases[i].text, cases[i].want);
        assert_true(rig.findings.count == 0 || wd_scan_suspect(&rig.scan, wd_span_str(cases[i].text)));
        rig_check_cuts(&rig, WD_REDACT_JSON, wd_span_str(cases[i].text));
    }
    rig_deinit(&rig);
}

/* What people write with the same characters keeps its bytes, and is not even looked at twice. */
static void
test_F17_text_as_people_write_it_stays(void **state)
{
    static const char *const texts[] = {
        /* Families, flags, hearts, keycaps, skin. */
        "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7 \xe2\x9d\xa4\xef\xb8\x8f love",
        "\xf0\x9f\x8f\xb4\xf3\xa0\x81\xa7\xf3\xa0\x81\xa2\xf3\xa0\x81\xa5\xf3\xa0\x81\xae\xf3\xa0\x81\xa7\xf3\xa0\x81\xbf!",
        "1\xef\xb8\x8f\xe2\x83\xa3 and \xf0\x9f\x87\xa9\xf0\x9f\x87\xaa",
        /* Persian, Hindi, Hebrew with marks of direction, an ideograph with a variation, Russian, Greek, Vietnamese. */
        "\xd9\x85\xdb\x8c\xe2\x80\x8c\xd8\xae\xd9\x88\xd8\xa7\xd9\x87\xd9\x85",
        "\xe0\xa4\x95\xe0\xa5\x8d\xe2\x80\x8d\xe0\xa4\xb7",
        "\xe2\x80\x8e\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d\xe2\x80\x8f 123",
        "\xe8\x91\x9b\xf3\xa0\x84\x80\xe5\x9f\x8e",
        "\xd0\xbf\xd0\xb0\xd1\x80\xd0\xbe\xd0\xbb\xd1\x8c: \xd0\xbd\xd0\xb5 \xd1\x81\xd0\xba\xd0\xb0\xd0\xb6\xd1\x83",
        "\xce\x95\xce\xbb\xce\xbb\xce\xb7\xce\xbd\xce\xb9\xce\xba\xce\xac \xce\xba\xce\xb1\xce\xb9 English",
        "Vi\xe1\xbb\x87t \xc4\x91\xe1\xba\xb9p, na\xc3\xafve, Stra\xc3\x9f"
        "e, \\u00e9t\\u00e9 \\ud83d\\ude00",
        /* Soft hyphens, a word joiner, mathematics, full-width words; a row of the same that says nothing. */
        "Silben\xc2\xad"
        "trennung, no/\xe2\x81\xa0wrap, \xf0\x9d\x92\x87(\xf0\x9d\x92\x99)",
        "\xef\xbc\xa1\xef\xbc\xa2\xe6\xa0\xaa \xef\xbc\x92\xef\xbc\x90",
        "x\xe2\x80\x8b\xe2\x80\x8b\xe2\x80\x8b\xe2\x80\x8b\xe2\x80\x8b\xe2\x80\x8b\xe2\x80\x8by",
        /* Not UTF-8. */
        "a\xff\xfe\xe2\x80 \xc3 \xed\xa0\x80 \xf4\x90\x80\x80 \\ud83d \\udc00\\ud83d\\u0041 b",
    };
    struct rig rig;
    size_t i;

    rig_init(&rig);
    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        want(&rig, WD_REDACT_TEXT, texts[i], texts[i]);
        assert_int_equal(rig.findings.count, 0);
        if (strchr(texts[i], '\\') == NULL)
            assert_false(wd_scan_suspect(&rig.scan, wd_span_str(texts[i])));
    }
    rig_deinit(&rig);
}

/* More than is held: the run is one finding. */
static void
test_F17_endless_hidden_text_is_bounded(void **state)
{
    static const char *const units[] = {
        "\xf3\xa0\x81\x81", "\xe2\x80\x8b\xe2\x80\x8c", "\xe2\x80\x8b", "\xcc\x81", "\xd0\xb0", "\\u0430", "\\u200b"
    };
    struct wd_redactor *r;
    struct rig rig;
    size_t i;
    int k;

    rig_init(&rig);
    for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        rig_clear(&rig);
        assert_int_equal(wd_redactor_new(&r, &rig.scan, WD_REDACT_TEXT), WD_OK);
        for (k = 0; k < 30000; k++) {
            rig_feed(&rig, r, wd_span_str(units[i]));
            assert_true(wd_redactor_held(r) <= 64 * 1024);
        }
        assert_int_equal(wd_redactor_finish(r, &rig.out), WD_OK);
        assert_int_equal(rig.findings.count, i < 2);
        assert_true(i >= 2 || rig.out.len == strlen("[REDACTED]"));
        wd_redactor_free(r);
    }
    rig_deinit(&rig);
}

static void
test_F10_encoded(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        /* bob@example.com: base64 with and without padding, twice, hex, percent-encoding */
        { "to Ym9iQGV4YW1wbGUuY29t.", "to [REDACTED]." },
        { "to WW05aVFHVjRZVzF3YkdVdVkyOXQ= now", "to [REDACTED]= now" },
        { "to 626f62406578616d706c652e636f6d", "to [REDACTED]" },
        { "https://a.b/?to=bob%40example.com&x=%20y", "https://a.b/?to=[REDACTED]&x=%20y" },
        { "%62%6f%62%40%65%78ample.com", "[REDACTED]" },
        /* {"password": "hunter2"}, in JSON that escapes the slash; a key in UTF-16 */
        { "data eyJwYXNzd29yZCI6ICJodW50ZXIyIn0 end", "data [REDACTED] end" },
        { "aGk\\/IG1haWwgYm9iQGV4YW1wbGUuY29tIG9yIH5+fn4\\/", "[REDACTED]" },
        { "YgBvAGIAQABlAHgAYQBtAHAAbABlAC4AYwBvAG0A", "[REDACTED]" },
        { "line\\nYm9iQGV4YW1wbGUuY29t", "line\\n[REDACTED]" },
        { "line\\u2028Ym9iQGV4YW1wbGUuY29t", "line\\u2028[REDACTED]" },
        /* Text without findings, things that are no text. */
        { "VGhlIHF1aWNrIGJyb3duIGZveCBpcyBub2JvZHk= 100%25 a%20b", "VGhlIHF1aWNrIGJyb3duIGZveCBpcyBub2JvZHk= 100%25 a%20b" },
        { "3f2a9c41d07be8a6654f0e1d2c3b4a5968778695", "3f2a9c41d07be8a6654f0e1d2c3b4a5968778695" },
    };
    struct rig rig;
    size_t i;

    rig_init(&rig);
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        want(&rig, WD_REDACT_TEXT, cases[i].text, cases[i].want);
        assert_true(rig.findings.count == 0 || wd_scan_suspect(&rig.scan, wd_span_str(cases[i].text)));
    }
    assert_false(wd_scan_suspect(&rig.scan, wd_span_str(cases[i - 1].text)));
    rig_deinit(&rig);
}

/* A token that is longer than what is held: from the part with the finding on it is gone. */
static void
test_F10_encoded_at_length(void **state)
{
    static const char clean[] = "bm8gb25lIGlzIG5hbWVkIGhlcmUg", found[] = "Ym9iQGV4YW1wbGUuY29tIGFuZCBzbyA0";
    struct wd_buf text;
    struct rig rig;
    int i;

    rig_init(&rig);
    wd_buf_init(&text, 1 << 20);
    for (i = 0; i < 1000; i++)
        assert_int_equal(wd_buf_add_str(&text, i == 500 ? found : clean), WD_OK);
    assert_int_equal(wd_buf_add_str(&text, " end"), WD_OK);
    assert_true(wd_scan_suspect(&rig.scan, wd_buf_span(&text)));
    rig_check_cuts(&rig, WD_REDACT_TEXT, wd_buf_span(&text));
    rig_whole(&rig, WD_REDACT_TEXT, wd_buf_span(&text));
    assert_int_equal(rig_count(&rig, "email"), 1);
    assert_null(memmem(rig.out.ptr, rig.out.len, found, strlen(found)));
    assert_true(wd_span_eq(wd_span(rig.out.ptr + rig.out.len - 14, 14), WD_SPAN("[REDACTED] end")));
    wd_buf_deinit(&text);
    rig_deinit(&rig);
}

static void
test_F38_keys_of_today(void **state)
{
    struct rig rig;

    rig_init(&rig);
    want(&rig, WD_REDACT_TEXT, OPENAI, "[REDACTED]");
    assert_int_equal(rig_count(&rig, "openai-key"), 1);
    want(&rig, WD_REDACT_TEXT,
         "sk-"
         "ant-api03-Ab3dEf6hIj_lMn0pQr-tUv9xYz12AA",
         "[REDACTED]");
    assert_int_equal(rig_count(&rig, "openai-key"), 0);
    assert_int_equal(rig_count(&rig, "anthropic-key"), 1);
    rig_deinit(&rig);
}

static void
test_F57_the_same_text_twice_gives_the_same(void **state)
{
    struct wd_span text = WD_SPAN("a " GITHUB " b " GITHUB " bob@example.com");
    struct wd_redactor *r;
    struct outcome first;
    struct rig rig;
    int i;

    rig_init(&rig);
    rig_whole(&rig, WD_REDACT_TEXT, text);
    first = rig_take(&rig);
    assert_int_equal(rig_count(&rig, "github-token"), 2);
    assert_int_equal(wd_redactor_new(&r, &rig.scan, WD_REDACT_TEXT), WD_OK);
    for (i = 0; i < 5; i++) {
        assert_true(wd_scan_suspect(&rig.scan, text));
        rig_clear(&rig);
        rig_feed(&rig, r, text);
        assert_int_equal(wd_redactor_finish(r, &rig.out), WD_OK);
        assert_true(rig_same(&rig, &first));
    }
    wd_redactor_free(r);
    free(first.text);
    rig_deinit(&rig);
}

static void
test_json_stays_json(void **state)
{
    struct rig rig;

    rig_init(&rig);
    want(&rig, WD_REDACT_JSON, "{\"card\":4111111111111111,\"n\":1}", "{\"card\":\"[REDACTED]\",\"n\":1}");
    want(&rig, WD_REDACT_JSON, "[-4111111111111111, 2]", "[\"[REDACTED]\", 2]");
    want(&rig, WD_REDACT_JSON, "{\"card\":\"4111111111111111\"}", "{\"card\":\"[REDACTED]\"}");
    want(&rig, WD_REDACT_JSON, "{\"password\":12345678}", "{\"password\":\"[REDACTED]\"}");
    want(&rig, WD_REDACT_JSON, "{\"password\":12345678,\"a\":[1]}", "{\"password\":\"[REDACTED]\",\"a\":[1]}");
    want(&rig, WD_REDACT_JSON, "{\"password\":\"hunter2\",\"a\":1}", "{\"password\":\"[REDACTED]\",\"a\":1}");
    want(&rig, WD_REDACT_JSON, "{\"password\":\"with \\\" quote 1\"}", "{\"password\":\"[REDACTED]\"}");
    want(&rig, WD_REDACT_JSON, "{\"a\":\"<script\",\"b\":\"x>y\"}", "{\"a\":\"[REDACTED]\",\"b\":\"x>y\"}");
    want(&rig, WD_REDACT_JSON, "{\"a\":\"x\\\\\",\"b\":4111111111111111}", "{\"a\":\"x\\\\\",\"b\":\"[REDACTED]\"}");
    want(&rig, WD_REDACT_JSON, "{\"a\":\"{\\\"password\\\": \\\"hunter2\\\"}\"}",
         "{\"a\":\"{\\\"password\\\": \\\"[REDACTED]\\\"}\"}");
    want(&rig, WD_REDACT_JSON, "{\"bob@example.com\":\"\\u0062ob@example.com\"}", "{\"[REDACTED]\":\"[REDACTED]\"}");
    want(&rig, WD_REDACT_JSON, "{\"k\":\"" PEM_BEGIN "\\nMIIEpAIBAAKCAQEA1234567890\",\"a\":1}",
         "{\"k\":\"[REDACTED]\",\"a\":1}");
    rig_deinit(&rig);
}

static void
test_findings_that_touch(void **state)
{
    struct rig rig;

    rig_init(&rig);
    want(&rig, WD_REDACT_TEXT, "token=" GITHUB, "token=[REDACTED]");
    assert_int_equal(rig.findings.count, 1);
    assert_int_equal(rig_count(&rig, "github-token"), 1);
    want(&rig, WD_REDACT_TEXT, "password=x1" OPENAI "!", "password=[REDACTED]");
    want(&rig, WD_REDACT_TEXT, "a@b.com,c@d.org;<e@f.net>", "[REDACTED],[REDACTED];<[REDACTED]>");
    assert_int_equal(rig_count(&rig, "email"), 3);
    want(&rig, WD_REDACT_TEXT, "password: token: secret: abc12345 x", "password: token: secret: [REDACTED] x");
    want(&rig, WD_REDACT_TEXT, "secret: 4111 1111 1111 1111.", "secret: [REDACTED].");
    want(&rig, WD_REDACT_TEXT, "<bob@example.com> [bob@example.com]", "<[REDACTED]> [[REDACTED]]");
    want(&rig, WD_REDACT_TEXT, "4111 1111 1111 1111 5555 5555 5555 4444", "[REDACTED] [REDACTED]");
    want(&rig, WD_REDACT_TEXT, "<script x=\"bob@example.com\">", "[REDACTED]");
    rig_deinit(&rig);
}

static void
test_actions(void **state)
{
    static const char text[] = "mail bob@example.com, key " OPENAI " end";
    struct wd_redactor *r;
    struct rig rig;
    bool changed;

    rig_init(&rig);
    rig.scan.actions[WD_PII] = WD_FLAG;
    want(&rig, WD_REDACT_TEXT, text, "mail bob@example.com, key [REDACTED] end");
    assert_int_equal(rig_count(&rig, "email"), 1);

    rig.scan.actions[WD_PII] = WD_OFF;
    want(&rig, WD_REDACT_TEXT, text, "mail bob@example.com, key [REDACTED] end");
    assert_int_equal(rig_count(&rig, "email"), 0);
    assert_false(wd_scan_suspect(&rig.scan, WD_SPAN("mail bob@example.com")));

    rig.scan.actions[WD_SECRET] = WD_REFUSE;
    rig_check_cuts(&rig, WD_REDACT_TEXT, wd_span_str(text));
    rig_whole(&rig, WD_REDACT_TEXT, wd_span_str(text));
    assert_int_equal(rig.err, WD_ERR_REFUSED);
    assert_true(wd_span_eq(wd_buf_span(&rig.out), WD_SPAN("mail bob@example.com, key ")));
    assert_int_equal(rig_count(&rig, "openai-key"), 1);

    /* Refused once, refused until the text is over. */
    rig_clear(&rig);
    assert_int_equal(wd_redactor_new(&r, &rig.scan, WD_REDACT_TEXT), WD_OK);
    rig_feed(&rig, r, WD_SPAN(OPENAI " "));
    assert_int_equal(rig.err, WD_ERR_REFUSED);
    assert_int_equal(wd_redactor_feed(r, WD_SPAN("more "), &rig.out), WD_ERR_REFUSED);
    assert_int_equal(wd_redactor_finish(r, &rig.out), WD_ERR_REFUSED);
    assert_int_equal(rig.out.len, 0);
    assert_int_equal(wd_redactor_feed(r, WD_SPAN("more "), &rig.out), WD_OK);
    assert_int_equal(rig.out.len, 5);
    wd_redactor_free(r);

    rig.scan.actions[WD_SECRET] = WD_FLAG;
    rig_clear(&rig);
    assert_int_equal(wd_redact(&rig.scan, WD_REDACT_TEXT, wd_span_str(text), &rig.out, &changed), WD_OK);
    assert_false(changed);
    assert_int_equal(rig.out.len, 0);
    assert_int_equal(rig_count(&rig, "openai-key"), 1);
    rig_deinit(&rig);
}

static void
test_our_own_keys_never_show(void **state)
{
    struct wd_secret *keys[2];
    struct rig rig;
    size_t i;

    rig_init(&rig);
    for (i = 0; i < WD_CATEGORIES; i++)
        rig.scan.actions[i] = WD_OFF;
    assert_int_equal(wd_secret_new(&keys[0], WD_SPAN("provider-key-one")), WD_OK);
    assert_int_equal(wd_secret_new(&keys[1], WD_SPAN("k:2=(odd)/chars!")), WD_OK);
    rig.scan.own = (const struct wd_secret *const *)keys;
    rig.scan.own_count = 2;
    want(&rig, WD_REDACT_TEXT, "Bearer provider-key-one, xprovider-key-oney", "Bearer [REDACTED], x[REDACTED]y");
    assert_int_equal(rig_count(&rig, "gateway-key"), 2);
    assert_int_equal(rig.findings.worst, WD_CRITICAL);
    want(&rig, WD_REDACT_TEXT, "(k:2=(odd)/chars!) k:2=(odd)/chars", "([REDACTED]) k:2=(odd)/chars");
    want(&rig, WD_REDACT_JSON, "{\"a\":\"\\u0070rovider-key-one\"}", "{\"a\":\"[REDACTED]\"}");
    want(&rig, WD_REDACT_TEXT, OPENAI, OPENAI);
    assert_true(wd_scan_suspect(&rig.scan, WD_SPAN("xprovider-key-one")));
    assert_false(wd_scan_suspect(&rig.scan, WD_SPAN("xprovider-key-two" OPENAI)));
    wd_secret_free(keys[0]);
    wd_secret_free(keys[1]);
    rig_deinit(&rig);
}

static void
test_members(void **state)
{
    static const struct {
        const char *name, *value, *want;
    } cases[] = {
        { "password", "hunter2", "[REDACTED]" },     { "db_Password", "correct horse 9", "[REDACTED]" },
        { "password", "swordfish", "[REDACTED]" },   { "token", "abc-123-def", "[REDACTED]" },
        { "password", "your password", NULL },       { "note", "hunter2", NULL },
        { "note", "key " OPENAI, "key [REDACTED]" }, { "password", "", NULL },
    };
    struct rig rig;
    bool changed;
    size_t i;

    rig_init(&rig);
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        rig_clear(&rig);
        assert_int_equal(wd_redact_member(&rig.scan, wd_span_str(cases[i].name), wd_span_str(cases[i].value), &rig.out, &changed),
                         WD_OK);
        assert_int_equal(changed, cases[i].want != NULL);
        assert_true(wd_span_eq(wd_buf_span(&rig.out), wd_span_str(cases[i].want)));
    }
    rig.scan.actions[WD_SECRET] = WD_REFUSE;
    assert_int_equal(wd_redact_member(&rig.scan, WD_SPAN("pwd"), WD_SPAN("abc123"), &rig.out, &changed), WD_ERR_REFUSED);
    rig_deinit(&rig);
}

static void
test_whole_answers_as_a_stream_does_and_copies_nothing_clean(void **state)
{
    struct rig rig;
    bool changed;

    rig_init(&rig);
    assert_int_equal(wd_buf_add_str(&rig.out, "before "), WD_OK);
    assert_int_equal(wd_redact(&rig.scan, WD_REDACT_TEXT, WD_SPAN("clean text, max_tokens: 5"), &rig.out, &changed), WD_OK);
    assert_false(changed);
    assert_int_equal(wd_redact(&rig.scan, WD_REDACT_TEXT, WD_SPAN("a@b.com"), &rig.out, &changed), WD_OK);
    assert_true(changed);
    assert_true(wd_span_eq(wd_buf_span(&rig.out), WD_SPAN("before [REDACTED]")));
    assert_false(
        wd_scan_suspect(&rig.scan, WD_SPAN("{\"model\":\"gpt-4o\",\"max_tokens\":100,\"tokenizer\":\"x\",\"messages\":[]}")));
    assert_true(wd_scan_suspect(&rig.scan, WD_SPAN("{\"a\":\"\\u0041KIA\"}")));
    rig_deinit(&rig);
}

static void
fill(struct wd_buf *b, const char *word, size_t len)
{
    size_t n = strlen(word), i;

    wd_buf_clear(b);
    assert_int_equal(wd_buf_reserve(b, len + n), WD_OK);
    for (i = 0; i < len; i += n)
        assert_int_equal(wd_buf_add(b, wd_span(word, n)), WD_OK);
}

/* One word without end stays bounded and costs the same for each byte, whatever it is made of. */
static void
test_endless_words_are_bounded(void **state)
{
    /* The first few are tried with 10 MB, the others with one. */
    static const char *const words[] = { "a",
                                         "7",
                                         "\\",
                                         "[",
                                         "<",
                                         "-----BEGIN ",
                                         "password=",
                                         "1234 ",
                                         "4111 ",
                                         "token:\"",
                                         "sk-",
                                         "eyJ",
                                         "a@",
                                         "a@b.",
                                         "<script ",
                                         "[ ",
                                         "\\u0",
                                         "4",
                                         "\"",
                                         "javascript:",
                                         "ghp_",
                                         "=",
                                         "@",
                                         "a.b@c.",
                                         "eyJaaaaaaaa.",
                                         "-----BEGIN "
                                         "PRIVATE KEY-----\n" };
    struct wd_redactor *r;
    struct wd_buf text;
    struct rig rig;
    size_t i, at, n, held;

    rig_init(&rig);
    wd_buf_init(&text, (size_t)1 << 26);
    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        fill(&text, words[i], (size_t)(i < 7 ? 10 : 1) << 20);
        rig_clear(&rig);
        assert_int_equal(wd_redactor_new(&r, &rig.scan, WD_REDACT_TEXT), WD_OK);
        for (at = held = 0; at < text.len; at += n) {
            n = text.len - at < 10007 ? text.len - at : 10007;
            assert_int_equal(wd_redactor_feed(r, wd_span(text.ptr + at, n), &rig.out), WD_OK);
            held = wd_redactor_held(r) > held ? wd_redactor_held(r) : held;
        }
        assert_int_equal(wd_redactor_finish(r, &rig.out), WD_OK);
        wd_redactor_free(r);
        if (held > 8192)
            fail_msg("%zu bytes of %s are held", held, words[i]);
        fill(&text, words[i], 20000);
        rig_whole(&rig, WD_REDACT_TEXT, wd_buf_span(&text));
        {
            struct outcome whole = rig_take(&rig);

            rig_parts(&rig, WD_REDACT_TEXT, wd_buf_span(&text), 1);
            if (!rig_same(&rig, &whole))
                fail_msg("%s without end, byte by byte", words[i]);
            rig_parts(&rig, WD_REDACT_TEXT, wd_buf_span(&text), 4097);
            assert_true(rig_same(&rig, &whole));
            free(whole.text);
        }
    }
    wd_buf_deinit(&text);
    rig_deinit(&rig);
}

/* What is longer than anything that is held is swallowed to its end, once. */
static void
test_findings_longer_than_what_is_held(void **state)
{
    static const struct {
        const char *before, *fill, *after, *want;
    } cases[] = {
        { "x sk-"
          "proj-",
          "Ab3dEf6hIj", " y", "x [REDACTED] y" },
        { "x " JWT_A "." JWT_B, "Ab3dEf6hIj", ".sig-nature.", "x [REDACTED]" },
        { PEM_BEGIN "\n", "MIIEpAIBAAKCAQEA1234567890abcdef\n", PEM_END " y", "[REDACTED] y" },
        { PEM_BEGIN "\n", "MIIEpAIBAAKCAQEA1234567890abcdef\n", ", y", "[REDACTED], y" },
        { "password=", "a1!", " y", "password=[REDACTED] y" },
        { "password: \"", "a1!", "\" y", "password: \"[REDACTED]\" y" },
    };
    struct outcome whole;
    struct wd_buf text;
    struct rig rig;
    size_t i;

    rig_init(&rig);
    wd_buf_init(&text, 1 << 20);
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        wd_buf_clear(&text);
        assert_int_equal(wd_buf_add_str(&text, cases[i].before), WD_OK);
        while (text.len < 20000)
            assert_int_equal(wd_buf_add_str(&text, cases[i].fill), WD_OK);
        assert_int_equal(wd_buf_add_str(&text, cases[i].after), WD_OK);
        rig_whole(&rig, WD_REDACT_TEXT, wd_buf_span(&text));
        if (!wd_span_eq(wd_buf_span(&rig.out), wd_span_str(cases[i].want)))
            fail_msg("%s... gave %.*s", cases[i].before, (int)(rig.out.len < 200 ? rig.out.len : 200), rig.out.ptr);
        assert_int_equal(rig.findings.count, 1);
        assert_int_equal(rig.findings.items[0].count, 1);
        whole = rig_take(&rig);
        rig_parts(&rig, WD_REDACT_TEXT, wd_buf_span(&text), 1);
        assert_true(rig_same(&rig, &whole));
        rig_parts(&rig, WD_REDACT_TEXT, wd_buf_span(&text), 1000);
        assert_true(rig_same(&rig, &whole));
        free(whole.text);
        /* Only flagged, it passes as it is. */
        rig.scan.actions[WD_SECRET] = WD_FLAG;
        rig_parts(&rig, WD_REDACT_TEXT, wd_buf_span(&text), 777);
        assert_true(wd_span_eq(wd_buf_span(&rig.out), wd_buf_span(&text)));
        assert_int_equal(rig.findings.items[0].count, 1);
        rig.scan.actions[WD_SECRET] = WD_REDACT;
    }
    /* In a word of any length a key is found wherever it stands. */
    for (i = 3000; i < 4600; i += 7) {
        fill(&text, "a", i);
        assert_int_equal(wd_buf_add_str(&text, "/" OPENAI "/"), WD_OK);
        assert_int_equal(wd_buf_reserve(&text, 5000), WD_OK);
        memset(text.ptr + text.len, 'b', 5000);
        text.len += 5000;
        rig_whole(&rig, WD_REDACT_TEXT, wd_buf_span(&text));
        assert_int_equal(rig_count(&rig, "openai-key"), 1);
        assert_null(memmem(rig.out.ptr, rig.out.len, "Ab3dEf", 6));
        assert_int_equal(rig.out.len, i + 5002 + 10);
    }
    wd_buf_deinit(&text);
    rig_deinit(&rig);
}

static const char *const fragments[] = {
    "sk-",
    "sk-proj-",
    "Ab3dEf6hIj",
    "lMn0pQr_tUv9x-z1",
    OPENAI,
    GITHUB,
    "AKIA",
    "IOSFODNN7EXAMPLE",
    JWT_A,
    JWT_B,
    ".",
    "bob",
    "@",
    "example.com",
    "4111",
    "1111",
    " ",
    " ",
    "\n",
    "\"",
    "'",
    ":",
    "=",
    "password",
    "token",
    "secret_key",
    "hunter2",
    "\\",
    "\\n",
    "\\\"",
    "\\u0073",
    "\\\\",
    "u00",
    "<",
    "script",
    ">",
    "/",
    "[",
    "SYSTEM",
    "]",
    "javascript:",
    "data:text/html",
    PEM_BEGIN,
    PEM_END,
    "MIIEpAIBAAKCAQEA1234",
    "-----BEGIN ",
    "\xc3\xa9",
    ",",
    "}",
    "{",
    "-",
    "_",
    "0",
    "9",
    "k_live_",
    "\\rk_"
    "live_0123456789ab",
    "%",
    "~",
    "wdr_",
    "x",
    "glpat-",
    "xoxb-1234567890-",
    RIG_PERSONAL,
};

static void
random_text(struct wd_buf *text, uint64_t *seed, uint32_t words)
{
    uint32_t i, n = 1 + rig_random(seed) % words;

    wd_buf_clear(text);
    for (i = 0; i < n; i++)
        assert_int_equal(wd_buf_add_str(text, fragments[rig_random(seed) % (sizeof(fragments) / sizeof(fragments[0]))]), WD_OK);
}

/*
 * Random texts made of what rules are made of: any cut gives what the whole gives; what the fast look calls clean is
 * clean; what was redacted and is fed again loses no text that is no finding.
 */
static void
test_random_texts_in_random_cuts(void **state)
{
    uint64_t seed = 20;
    struct outcome whole;
    struct wd_buf text;
    struct rig rig;
    size_t cuts[3];
    int i, k, mode;

    rig_init(&rig);
    wd_buf_init(&text, 1 << 20);
    for (i = 0; i < 20000; i++) {
        random_text(&text, &seed, i % 100 == 0 ? 600 : 24);
        mode = i & 1;
        rig_whole(&rig, (enum wd_redactor_mode)mode, wd_buf_span(&text));
        assert_int_equal(rig.err, WD_OK);
        whole = rig_take(&rig);
        if (whole.findings.count > 0 && !wd_scan_suspect(&rig.scan, wd_buf_span(&text)))
            fail_msg("not suspect: %.*s", (int)text.len, text.ptr);
        for (k = 0; k < 4; k++) {
            cuts[0] = rig_random(&seed) % (text.len + 1);
            cuts[1] = cuts[0] + rig_random(&seed) % (text.len - cuts[0] + 1);
            cuts[2] = cuts[1] + rig_random(&seed) % (text.len - cuts[1] + 1);
            if (k == 0)
                rig_parts(&rig, (enum wd_redactor_mode)mode, wd_buf_span(&text), 1);
            else
                rig_cut(&rig, (enum wd_redactor_mode)mode, wd_buf_span(&text), cuts, (size_t)k);
            if (!rig_same(&rig, &whole))
                fail_msg("seed text %d, mode %d: %.*s\nwhole %s\ncut   %.*s", i, mode, (int)text.len, text.ptr, whole.text,
                         (int)rig.out.len, rig.out.ptr);
        }
        free(whole.text);
    }
    wd_buf_deinit(&text);
    rig_deinit(&rig);
}

static struct rig wire_rig;
static unsigned wire_files;

static void
wire_cut(const char *path, struct wd_span text, size_t at)
{
    struct outcome whole;

    rig_whole(&wire_rig, WD_REDACT_TEXT, text);
    whole = rig_take(&wire_rig);
    rig_cut(&wire_rig, WD_REDACT_TEXT, text, &at, 1);
    if (!rig_same(&wire_rig, &whole))
        fail_msg("%s: cut at %zu differs: %.*s", path, at, (int)text.len, text.ptr);
    free(whole.text);
}

/* A cut looks as far as its surroundings: every one of a file up to 16 KiB, a thousand of a longer one. */
static void
wire_cuts(const char *path, struct wd_span text)
{
    const size_t every = 16384, near = text.len <= every ? 128 : 1024;
    size_t i, at, from, to, n = text.len <= every ? text.len : 1000;
    uint64_t seed = text.len;

    for (i = 0; i < n; i++) {
        at = text.len <= every ? i : rig_random(&seed) % text.len;
        from = at > near ? at - near : 0;
        to = text.len - at > near ? at + near : text.len;
        wire_cut(path, wd_span(text.ptr + from, to - from), at - from);
    }
    for (i = 0; i < 8 && text.len > 0; i++)
        wire_cut(path, text, rig_random(&seed) % text.len);
}

static int
wire_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    struct outcome whole;
    size_t len = 0;
    char *text;

    if (type != FTW_F)
        return 0;
    text = rig_read(path, &len);
    assert_non_null(text);
    wire_files++;
    rig_whole(&wire_rig, WD_REDACT_TEXT, wd_span(text, len));
    assert_int_equal(wire_rig.err, WD_OK);
    /* Recorded traffic holds no secrets, and loses nothing. */
    assert_int_equal(rig_count(&wire_rig, "email"), wire_rig.findings.count > 0 ? wire_rig.findings.items[0].count : 0);
    assert_true(wire_rig.findings.count <= 1);
    whole = rig_take(&wire_rig);
    if (whole.findings.count == 0)
        assert_true(wd_span_eq(wd_span(whole.text, whole.len), wd_span(text, len)));
    rig_parts(&wire_rig, WD_REDACT_TEXT, wd_span(text, len), 1);
    assert_true(rig_same(&wire_rig, &whole));
    wire_cuts(path, wd_span(text, len));
    free(whole.text);
    free(text);
    return 0;
}

static void
test_recorded_answers_in_every_cut(void **state)
{
    const char *shared = getenv("WARDER_SHARED");
    char path[4096];

    snprintf(path, sizeof(path), "%s/wire", shared != NULL ? shared : "");
    rig_init(&wire_rig);
    if (nftw(path, wire_file, 16, FTW_PHYS) != 0 || wire_files == 0) {
        rig_deinit(&wire_rig);
        print_message("no recorded answers in %s\n", path);
        skip();
    }
    rig_deinit(&wire_rig);
}

static void
test_out_of_room_is_an_error(void **state)
{
    struct wd_redactor *r;
    struct wd_buf out;
    struct rig rig;

    rig_init(&rig);
    wd_buf_init(&out, 8);
    assert_int_equal(wd_redactor_new(&r, &rig.scan, WD_REDACT_TEXT), WD_OK);
    assert_int_equal(wd_redactor_feed(r, WD_SPAN("more than eight bytes "), &out), WD_ERR_LIMIT);
    wd_redactor_free(r);
    wd_buf_deinit(&out);
    rig_deinit(&rig);
}

static void
test_score_and_table_of_findings(void **state)
{
    static const uint8_t none[WD_FINGERPRINT_BYTES];
    struct wd_findings f = { 0 };
    int i;

    assert_true(wd_findings_score(&f) == 1);
    wd_findings_add(&f, wd_rule_find(WD_SPAN("email")), WD_INPUT, WD_FLAG, none);
    wd_findings_add(&f, wd_rule_find(WD_SPAN("email")), WD_INPUT, WD_FLAG, none);
    assert_int_equal(f.count, 1);
    assert_int_equal(f.worst, WD_MEDIUM);
    assert_true(wd_findings_score(&f) > 0.4899 && wd_findings_score(&f) < 0.4901);
    wd_findings_add(&f, wd_rule_find(WD_SPAN("card")), WD_OUTPUT, WD_REDACT, none);
    assert_int_equal(f.count, 2);
    assert_int_equal(f.worst, WD_HIGH);
    wd_findings_add(&f, &wd_rule_own, WD_OUTPUT, WD_REDACT, none);
    assert_true(wd_findings_score(&f) == 0);
    for (i = 0; i < (int)wd_rule_count() * 2; i++)
        wd_findings_add(&f, wd_rule_at((size_t)i / 2), i % 2 ? WD_INPUT : WD_OUTPUT, WD_REFUSE, none);
    assert_int_equal(f.count, WD_FINDINGS_MAX);
    assert_true(f.more > 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_F02_a_secret_across_chunks_never_leaves),
        cmocka_unit_test(test_F03_clean_text_leaves_but_for_its_last_word),
        cmocka_unit_test(test_F10_behind_json_escapes_at_any_depth),
        cmocka_unit_test(test_F10_encoded),
        cmocka_unit_test(test_F10_encoded_at_length),
        cmocka_unit_test(test_F17_spelt_in_other_characters),
        cmocka_unit_test(test_F17_text_as_people_write_it_stays),
        cmocka_unit_test(test_F17_endless_hidden_text_is_bounded),
        cmocka_unit_test(test_F38_keys_of_today),
        cmocka_unit_test(test_F57_the_same_text_twice_gives_the_same),
        cmocka_unit_test(test_json_stays_json),
        cmocka_unit_test(test_findings_that_touch),
        cmocka_unit_test(test_actions),
        cmocka_unit_test(test_our_own_keys_never_show),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_whole_answers_as_a_stream_does_and_copies_nothing_clean),
        cmocka_unit_test(test_endless_words_are_bounded),
        cmocka_unit_test(test_findings_longer_than_what_is_held),
        cmocka_unit_test(test_random_texts_in_random_cuts),
        cmocka_unit_test(test_recorded_answers_in_every_cut),
        cmocka_unit_test(test_out_of_room_is_an_error),
        cmocka_unit_test(test_score_and_table_of_findings),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
