/* Data isolation in the inner gate, and references. */
#include "bench.h"

#include "gate/isolate.h"
#include "gate/issue.h"

#define POLICY(isolation)                                                                                                        \
    "providers:\n"                                                                                                               \
    "  openai: {format: openai, url: \"https://o.example\", keys: [env:K], models: [\"gpt-*\"]}\n"                               \
    "  google: {format: google, url: \"https://g.example\", keys: [env:K], models: [\"gemini-*\"]}\n"                            \
    "  anthropic: {format: anthropic, url: \"https://a.example\", keys: [env:K], models: [\"claude-*\"]}\n"                      \
    "roles:\n"                                                                                                                   \
    "  dev: {providers: [\"*\"], tools: [\"*\"]}\n"                                                                              \
    "detect: {input: {secret: flag, pii: flag, injection: off, malicious: off}}\n"                                               \
    "isolation: {enabled: true, " isolation "}\n"

#define CHAT "/openai/v1/chat/completions"
#define RESPONSES "/openai/v1/responses"
#define GEMINI "/google/v1beta/models/gemini-x:generateContent"
#define CLAUDE "/anthropic/v1/messages"
#define USER(text) "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"" text "\"}]}"
#define PARTS(text) "{\"contents\":[{\"parts\":[{\"text\":\"" text "\"}]}]}"
#define ASK(more) "{\"model\":\"gpt-4o\",\"input\":\"x\"" more "}"
#define CARD "4111 1111 1111 1111"

static struct wd_exchange ex;

static enum wd_code
send(struct bench *b, const char *path, const char *body, const char *sent)
{
    struct wd_buf out;
    enum wd_code code;

    wd_buf_init(&out, 1 << 22);
    code = bench_send(b, &ex, "POST", path, body, &out);
    if (code == WD_CODE_NONE && sent != NULL && !wd_span_eq(wd_buf_span(&out), wd_span_str(sent)))
        fail_msg("%.*s\n%s", (int)out.len, out.ptr, sent);
    wd_buf_deinit(&out);
    return code;
}

static void
test_normal(void **state)
{
    static const struct {
        enum wd_isolate_kind kind;
        const char *value, *normal;
    } cases[] = {
        { WD_ISOLATE_SECRETS, "sk-Ab C", "sk-Ab C" },
        { WD_ISOLATE_SECRETS, "-----BEGIN RSA PRIVATE KEY-----\nAb c\r\nD", "-----BEGINRSAPRIVATEKEY-----AbcD" },
        { WD_ISOLATE_CARDS, "4111-1111 1.1",
          "41111111"
          "11" },
        { WD_ISOLATE_BANK_ACCOUNTS, "DE89 3704-x", "de893704x" },
        { WD_ISOLATE_NATIONAL_IDS, "536-90 4399", "536904399" },
        { WD_ISOLATE_EMAIL, "Jane.Doe@Example.org", "jane.doe@example.org" },
        { WD_ISOLATE_PHONE, "+49 (151) 2-3", "4915123" },
        { WD_ISOLATE_PHONE, "0049-15123", "4915123" },
        { WD_ISOLATE_MAC, "00:1A-2b", "001a2b" },
        { WD_ISOLATE_CRYPTO, "0xABC", "0xabc" },
        { WD_ISOLATE_PHONE, "000", "" },
    };
    char out[WD_ISOLATE_VALUE_MAX], longer[2000];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t len = wd_isolate_normal(cases[i].kind, wd_span_str(cases[i].value), out);
        if (!wd_span_eq(wd_span(out, len), wd_span_str(cases[i].normal)))
            fail_msg("%s: %.*s", cases[i].value, (int)len, out);
    }
    memset(longer, 'a', sizeof(longer));
    assert_int_equal(wd_isolate_normal(WD_ISOLATE_SECRETS, wd_span(longer, sizeof(longer)), out), WD_ISOLATE_VALUE_MAX);
}

static void
test_conflict(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b, POLICY("scope: user"));
    assert_int_equal(send(&b, CHAT, USER("pay " CARD), NULL), WD_CODE_NONE);
    assert_int_equal(send(&b, CHAT, USER("pay 4111-1111-1111-1111"), NULL), WD_CODE_NONE);
    assert_int_equal(send(&b, GEMINI, PARTS("hello"), NULL), WD_CODE_NONE);
    assert_int_equal(send(&b, GEMINI, PARTS("pay " CARD), NULL), WD_CODE_DATA_ISOLATION_VIOLATION);
    assert_string_equal(ex.param, "contents[0].parts[0].text");
    assert_non_null(strstr(ex.message, "openai was shown (cards)"));
    assert_null(strstr(ex.message, "4111"));
    assert_int_equal(ex.findings.count, 1);
    assert_int_equal(ex.findings.items[0].count, 1);
    assert_false(ex.taken);
    bench_close(&b);
}

static void
test_release(void **state)
{
    struct wd_store_op op;
    struct bench b;

    (void)state;
    bench_open(&b, POLICY("scope: global"));
    assert_int_equal(send(&b, CHAT, USER(CARD), NULL), WD_CODE_NONE);
    assert_true(wd_inner_unanswered(&ex, false, &op));
    wd_store_run(&b.gate.store, &op, 1700000000000000, b.mono_us);
    assert_false(wd_inner_unanswered(&ex, false, &op));
    assert_int_equal(send(&b, GEMINI, PARTS(CARD), NULL), WD_CODE_NONE);
    assert_true(wd_inner_unanswered(&ex, true, &op)); /* it may have seen it */
    wd_store_run(&b.gate.store, &op, 1700000000000000, b.mono_us);
    assert_int_equal(send(&b, CHAT, USER(CARD), NULL), WD_CODE_DATA_ISOLATION_VIOLATION);
    bench_close(&b);
}

static void
test_redact(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b, POLICY("on_conflict: redact, kinds: [cards, email]"));
    b.sensitive = "blue%20heron,98765432";
    assert_int_equal(send(&b, CHAT, USER("pay " CARD), NULL), WD_CODE_NONE);
    b.sensitive = NULL;
    assert_int_equal(send(&b, GEMINI, PARTS("pay " CARD ", a@example.org and Blue-Heron."),
                          PARTS("pay [REDACTED], a@example.org and [REDACTED].")),
                     WD_CODE_NONE);
    assert_true(ex.changed);
    assert_int_equal(
        send(&b, CHAT,
             "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"type\":\"function\",\"id\":"
             "\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"m\\\":\\\"A@EXAMPLE.org\\\"}\"}}]}]}",
             "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"type\":\"function\",\"id\":"
             "\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"m\\\":\\\"[REDACTED]\\\"}\"}}]}]}"),
        WD_CODE_NONE);
    assert_int_equal(
        send(
            &b, GEMINI,
            "{\"contents\":[{\"parts\":[{\"functionCall\":{\"name\":\"f\",\"args\":{\"n\":98765432,\"k\":4111111111111111}}}]}]}",
            "{\"contents\":[{\"parts\":[{\"functionCall\":{\"name\":\"f\",\"args\":{\"n\":\"[REDACTED]\",\"k\":\"[REDACTED]\"}}}]"
            "}]}"),
        WD_CODE_NONE);
    assert_int_equal(
        send(&b, CLAUDE,
             "{\"model\":\"claude-3\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
             "\"tool_use_id\":\"x\",\"content\":\"{\\\"n\\\": -98765432.5, \\\"s\\\": \\\"blue heron\\\"}\"}]}]}",
             NULL),
        WD_CODE_NONE);
    bench_close(&b);
}

/* JSON within JSON stays JSON: a number that goes becomes a string. */
static void
test_search_json(void **state)
{
    struct wd_holding named[WD_ISOLATE_NAMED_MAX];
    struct wd_isolate i;
    struct wd_arena arena;
    struct wd_buf out;
    struct bench b;
    unsigned count;
    bool changed, is_new;

    (void)state;
    bench_open(&b, POLICY("scope: global, on_conflict: redact"));
    wd_arena_init(&arena, 1 << 24);
    wd_buf_init(&out, 1 << 20);
    assert_int_equal(wd_isolate_name(b.gate.ledger_key, WD_SPAN(""), WD_SPAN("98765432"), &arena, named, &count), WD_OK);
    assert_int_equal(count, 1);
    assert_int_equal(wd_ledger_begin(b.gate.store.ledger, 1700000000), WD_OK);
    wd_ledger_name(b.gate.store.ledger, named[0].first, named[0].words);
    wd_ledger_end(b.gate.store.ledger);
    memset(&ex, 0, sizeof(ex));
    wd_isolate_begin(&i, &b.gate, &ex, &arena);
    assert_non_null(i.filter);
    i.again = true;
    assert_non_null(wd_isolate_set_add(&i.others, &arena, named[0].key, &is_new));
    assert_int_equal(wd_isolate_search(&i, WD_SPAN("{\"a\":-98765432.5e3,\"b\":\"x 98765432\\\" 98765432\",\"c\":[98765432]}"),
                                       true, &out, &changed),
                     WD_OK);
    assert_true(changed && i.hit);
    assert_true(wd_span_eq(wd_buf_span(&out),
                           WD_SPAN("{\"a\":\"[REDACTED]\",\"b\":\"x [REDACTED]\\\" [REDACTED]\",\"c\":[\"[REDACTED]\"]}")));
    wd_buf_deinit(&out);
    wd_arena_deinit(&arena);
    bench_close(&b);
}

static void
test_named(void **state)
{
    static const char *const bad[] = {
        "ok value,%4",   "%",         "fine,,fine", "",         "#",   "#x/y",  "#/messages/1",
        "#/messages/00", "#/model/x", "#/~3",       "#/stream", "abc", "a%20b", "%80%80%80%80",
    };
    char many[1024], longer[9000];
    struct bench b;

    (void)state;
    bench_open(&b, POLICY("scope: user"));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        b.sensitive = bad[i];
        if (send(&b, CHAT, "{\"stream\":true,\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}", NULL) !=
            WD_CODE_INVALID_REQUEST)
            fail_msg("accepted: %s", bad[i]);
        assert_string_equal(ex.param, "x-warder-sensitive");
    }
    many[0] = '\0';
    for (int i = 0; i < 65; i++)
        strcat(many, i == 0 ? "word" : ",word");
    b.sensitive = many;
    assert_int_equal(send(&b, CHAT, USER("x"), NULL), WD_CODE_INVALID_REQUEST);
    many[64 * 5 - 1] = '\0';
    assert_int_equal(send(&b, CHAT, USER("x"), NULL), WD_CODE_NONE);
    memset(longer, 'a', sizeof(longer));
    longer[8193] = '\0';
    b.sensitive = longer;
    assert_int_equal(send(&b, CHAT, USER("x"), NULL), WD_CODE_INVALID_REQUEST);
    longer[512] = '\0';
    assert_int_equal(send(&b, CHAT, USER("x"), NULL), WD_CODE_NONE);
    b.sensitive = "#/messages/0/con%74ent, %23hash%2Cmark";
    assert_int_equal(send(&b, CHAT, USER("Der Fuchs \\u00fcber uns"), NULL), WD_CODE_NONE);
    b.sensitive = NULL;
    assert_int_equal(send(&b, GEMINI,
                          PARTS("der fuchs \xc3\x9c"
                                "BER, uns"),
                          NULL),
                     WD_CODE_DATA_ISOLATION_VIOLATION);
    assert_int_equal(send(&b, GEMINI,
                          PARTS("der fuchs u\xcc\x88"
                                "ber uns"),
                          NULL),
                     WD_CODE_DATA_ISOLATION_VIOLATION);
    assert_int_equal(send(&b, GEMINI, PARTS("hash-mark"), NULL), WD_CODE_DATA_ISOLATION_VIOLATION);
    assert_int_equal(send(&b, GEMINI, PARTS("hashmark der fuchs"), NULL), WD_CODE_NONE);
    assert_int_equal(send(&b, CHAT, USER("hash mark"), NULL), WD_CODE_NONE);
    bench_close(&b);
}

static void
test_conversation(void **state)
{
    char longer[400];
    struct bench b;

    (void)state;
    bench_open(&b, POLICY("scope: conversation"));
    b.conversation = "one";
    assert_int_equal(send(&b, CHAT, USER(CARD), NULL), WD_CODE_NONE);
    assert_int_equal(send(&b, GEMINI, PARTS(CARD), NULL), WD_CODE_DATA_ISOLATION_VIOLATION);
    b.conversation = "two";
    assert_int_equal(send(&b, GEMINI, PARTS(CARD), NULL), WD_CODE_NONE);
    b.conversation = NULL;
    assert_int_equal(send(&b, CLAUDE,
                          "{\"model\":\"claude-3\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"" CARD "\"}]}",
                          NULL),
                     WD_CODE_NONE);
    assert_int_equal(send(&b, CHAT, USER(CARD), NULL), WD_CODE_DATA_ISOLATION_VIOLATION);
    memset(longer, 'x', sizeof(longer));
    longer[257] = '\0';
    b.conversation = longer;
    assert_int_equal(send(&b, CHAT, USER("x"), NULL), WD_CODE_INVALID_REQUEST);
    bench_close(&b);
}

static void
issue(struct bench *b, enum wd_isolate_kind kind, const char *id)
{
    struct wd_issue issue;

    wd_issue(&issue, &b->gate, &ex, kind, wd_span_str(id));
    wd_store_run(&b->gate.store, &issue.op, 1700000000000000, b->mono_us);
    assert_int_equal(issue.op.err, WD_OK);
}

static void
test_references_f39(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b, POLICY("scope: user"));
    assert_int_equal(send(&b, RESPONSES, ASK(",\"previous_response_id\":\"resp_1\""), NULL), WD_CODE_DATA_ISOLATION_VIOLATION);
    assert_string_equal(ex.param, "previous_response_id");
    assert_null(strstr(ex.message, "resp_1"));
    assert_int_equal(send(&b, RESPONSES, ASK(""), NULL), WD_CODE_NONE);
    issue(&b, WD_ISOLATE_REF_RESPONSE, "resp_1");
    assert_int_equal(send(&b, RESPONSES, ASK(",\"previous_response_id\":\"resp_1\""), NULL), WD_CODE_NONE);
    assert_int_equal(send(&b, RESPONSES, ASK(",\"previous_response_id\":\"resp_1\",\"conversation\":\"c\""), NULL),
                     WD_CODE_DATA_ISOLATION_VIOLATION);
    assert_string_equal(ex.param, "conversation");
    snprintf(ex.who.user, sizeof(ex.who.user), "bob");
    issue(&b, WD_ISOLATE_REF_RESPONSE, "resp_2");
    assert_int_equal(send(&b, RESPONSES, ASK(",\"previous_response_id\":\"resp_2\""), NULL), WD_CODE_DATA_ISOLATION_VIOLATION);
    /* no ledger, no references */
    wd_ledger_close(b.gate.store.ledger);
    b.gate.store.ledger = NULL;
    b.gate.filter = NULL;
    assert_int_equal(send(&b, RESPONSES, ASK(",\"previous_response_id\":\"resp_1\""), NULL), WD_CODE_STORE_UNAVAILABLE);
    assert_int_equal(send(&b, CHAT, USER(CARD), NULL), WD_CODE_STORE_UNAVAILABLE);
    assert_int_equal(send(&b, CHAT, USER("x"), NULL), WD_CODE_NONE);
    bench_close(&b);
}

/* A text of one common word that a named value begins with: no more work than its length, and no more places than are bounded. */
static void
test_bounded(void **state)
{
    struct wd_buf body;
    struct bench b;

    (void)state;
    bench_open(&b, POLICY("scope: user"));
    b.sensitive = "the%20secret%20plan,the%20end%20of%20it%20all%20is%20near%20now";
    assert_int_equal(send(&b, CHAT, USER("x"), NULL), WD_CODE_NONE);
    b.sensitive = NULL;
    for (int distinct = 0; distinct < 2; distinct++) {
        wd_buf_init(&body, 8 << 20);
        assert_int_equal(wd_buf_add_str(&body, "{\"model\":\"gpt-4o\",\"messages\":["), WD_OK);
        for (int m = 0; m < 20; m++) {
            assert_int_equal(wd_buf_printf(&body, "%s{\"role\":\"user\",\"content\":\"", m > 0 ? "," : ""), WD_OK);
            for (int i = 0; i < 5000; i++)
                assert_int_equal(distinct ? wd_buf_printf(&body, "the w%dx%d ", m, i) : wd_buf_add_str(&body, "the the "), WD_OK);
            assert_int_equal(wd_buf_add_str(&body, "\"}"), WD_OK);
        }
        assert_int_equal(wd_buf_add(&body, wd_span("]}\0", 3)), WD_OK);
        assert_int_equal(send(&b, CHAT, body.ptr, NULL), distinct ? WD_CODE_INVALID_REQUEST : WD_CODE_NONE);
        wd_buf_deinit(&body);
    }
    bench_close(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        { "what of a value is compared", test_normal },
        { "what one provider was shown goes to no other", test_conflict },
        { "what was not sent was not shown", test_release },
        { "a conflict is redacted", test_redact },
        { "a number within JSON becomes a string", test_search_json },
        { "values that a caller names", test_named },
        { "conversations", test_conversation },
        { "F39 references", test_references_f39 },
        { "a search is bounded", test_bounded },
    };
    return cmocka_run_group_tests_name("isolate", tests, NULL, NULL);
}
