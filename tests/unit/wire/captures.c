#include "requests.h"

/* Every request that a real client sent (recorded bodies), read as the route of its path says. */

static struct wd_provider providers[] = {
    { .name = "openai", .format = WD_FORMAT_OPENAI },
    { .name = "anthropic", .format = WD_FORMAT_ANTHROPIC },
    { .name = "google", .format = WD_FORMAT_GOOGLE },
    { .name = "groq", .format = WD_FORMAT_OPENAI },
};
static struct wd_policy policy = { .providers = providers, .provider_count = 4 };

static struct wd_span
member(const struct wd_json *doc, uint32_t node, const char *name, struct wd_arena *arena)
{
    uint32_t n = wd_json_get(doc, node, name);
    return n != 0 && wd_json_type(doc, n) == WD_JSON_STRING ? wd_json_string(doc, n, arena) : WD_SPAN("");
}

struct expected {
    const char *name, *model;
    uint32_t messages, tools;
    uint64_t chars[4];
    uint8_t roles[4];
    bool stream;
    double max_tokens;
};

static const struct expected table[] = {
    { "openai-sdk.chat-tool.02.json",
      "gpt-4o",
      4,
      1,
      { 15, 17, 16, 11 },
      { WD_ROLE_SYSTEM, WD_ROLE_USER, WD_ROLE_ASSISTANT, WD_ROLE_TOOL },
      false,
      0 },
    { "openai-sdk.responses-tool.02.json",
      "gpt-4o",
      3,
      1,
      { 17, 16, 11 },
      { WD_ROLE_USER, WD_ROLE_ASSISTANT, WD_ROLE_TOOL },
      false,
      0 },
    { "mastra-aisdk.anthropic.stream-tool.02.json",
      "claude-sonnet-4-6",
      4,
      1,
      { 21, 17, 18, 11 },
      { WD_ROLE_SYSTEM, WD_ROLE_USER, WD_ROLE_ASSISTANT, WD_ROLE_USER },
      true,
      128000 },
    { "google-sdk.generate-tool.02.json",
      "",
      4,
      1,
      { 15, 17, 5, 0 },
      { WD_ROLE_SYSTEM, WD_ROLE_USER, WD_ROLE_ASSISTANT, WD_ROLE_USER },
      false,
      0 },
    { "google-sdk.stream.01.json", "", 2, 0, { 15, 17 }, { WD_ROLE_SYSTEM, WD_ROLE_USER }, true, 0 },
    { "openai-sdk.embeddings.01.json", "text-embedding-3-small", 1, 0, { 2 }, { WD_ROLE_USER }, false, 0 },
    { "anthropic-sdk.count-tokens.01.json", "claude-sonnet-4-6", 1, 0, { 17 }, { WD_ROLE_USER }, false, 0 },
};

static void
compare(const struct expected *e, const struct wd_request *q)
{
    assert_true(wd_span_eq(q->model, wd_span_str(e->model)));
    assert_int_equal(q->message_count, e->messages);
    assert_int_equal(q->tool_count, e->tools);
    assert_int_equal(q->stream, e->stream);
    assert_true((q->max_tokens_count > 0 ? q->max_tokens[0] : 0) == e->max_tokens);
    for (uint32_t i = 0; i < e->messages; i++) {
        assert_int_equal(q->messages[i].chars, e->chars[i]);
        assert_int_equal(q->messages[i].role, e->roles[i]);
    }
}

struct tally {
    uint32_t read, matched;
};

static void
check_capture(const char *name, struct wd_span file, void *data)
{
    struct tally *tally = data;
    struct wd_arena arena;
    struct wd_json doc;
    struct wd_json_error error;
    struct wd_route route;
    struct wd_request q;
    struct wd_problem problem;
    const char *message;
    uint32_t request, query;
    struct wd_span path, body;

    wd_arena_init(&arena, 1 << 26);
    assert_int_equal(wd_json_parse(&doc, file, &arena, WD_JSON_LIMITS, &error), WD_OK);
    request = wd_json_get(&doc, 0, "request");
    query = wd_json_get(&doc, wd_json_get(&doc, request, "query"), "alt");
    path = member(&doc, request, "path", &arena);
    if (wd_route_read(&route, &policy, member(&doc, request, "method", &arena), path,
                      query != 0 ? WD_SPAN("alt=sse") : WD_SPAN(""), &message) != WD_CODE_NONE)
        fail_msg("%s: %.*s: %s", name, (int)path.len, path.ptr, message);
    body = wd_json_raw(&doc, wd_json_get(&doc, request, "body"));
    if (route.op == WD_OP_MODELS)
        body = WD_SPAN("");
    if (!wd_request_read(&q, &route, body, &arena, &problem))
        fail_msg("%s: %s: %s", name, problem.param != NULL ? problem.param : "", problem.message);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (strcmp(name, table[i].name) == 0) {
            compare(&table[i], &q);
            tally->matched++;
        }
    }
    tally->read++;
    wd_arena_deinit(&arena);
}

static void
test_captures(void **state)
{
    struct tally tally = { 0, 0 };

    (void)state;
    if (!shared_each("captures", ".json", check_capture, &tally))
        skip();
    assert_in_range(tally.read, 80, 1000);
    assert_int_equal(tally.matched, sizeof(table) / sizeof(table[0]));
}

/* The recorded requests of another gateway's tests: those with a route of ours, and what is refused among them. */
static const struct {
    const char *name;
    enum wd_code code;
    const char *param;
} refused[] = {
    { "chat-no-messages.req.json", WD_CODE_INVALID_REQUEST, "messages" },
    { "embeddings-bad-request.req.json", WD_CODE_UNINSPECTABLE_CONTENT, "input[0]" },
    { "embeddings-tokens.req.json", WD_CODE_UNINSPECTABLE_CONTENT, "input[0]" },
};

static void
check_cassette(const char *name, struct wd_span file, void *data)
{
    struct tally *tally = data;
    struct reading r;
    enum wd_op op;

    if (strncmp(name, "chat-", 5) == 0 || strncmp(name, "azure-chat", 10) == 0)
        op = WD_OP_CHAT;
    else if (strncmp(name, "embeddings-", 11) == 0)
        op = WD_OP_EMBEDDINGS;
    else
        return;
    reading_init(&r, op, file);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        if (strcmp(name, refused[i].name) != 0)
            continue;
        assert_false(r.ok);
        assert_int_equal(r.problem.code, refused[i].code);
        assert_string_equal(r.problem.param, refused[i].param);
        tally->matched++;
        reading_free(&r);
        return;
    }
    if (!r.ok && strcmp(name, "azure-chat-basic.req.json") != 0) /* its model stands in the path */
        fail_msg("%s: %s: %s", name, r.problem.param, r.problem.message);
    tally->read++;
    reading_free(&r);
}

static void
test_cassettes(void **state)
{
    struct tally tally = { 0, 0 };

    (void)state;
    if (!shared_each("wire/wire_envoy_openai", ".req.json", check_cassette, &tally))
        skip();
    assert_in_range(tally.read, 25, 1000);
    assert_int_equal(tally.matched, sizeof(refused) / sizeof(refused[0]));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_captures),
        cmocka_unit_test(test_cassettes),
    };
    return cmocka_run_group_tests_name("captures", tests, NULL, NULL);
}
