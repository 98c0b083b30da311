#include "requests.h"

static struct wd_provider providers[] = {
    { .name = "openai", .format = WD_FORMAT_OPENAI, .base_path = "" },
    { .name = "anthropic", .format = WD_FORMAT_ANTHROPIC, .base_path = "" },
    { .name = "google", .format = WD_FORMAT_GOOGLE, .base_path = "/x" },
    { .name = "groq", .format = WD_FORMAT_OPENAI, .base_path = "/openai" },
    { .name = "vertex", .format = WD_FORMAT_GOOGLE, .base_path = "" },
};
static const struct wd_policy policy = { .providers = providers, .provider_count = 5 };

static const struct found {
    const char *method, *path, *query;
    enum wd_op op;
    const char *provider, *model;
    enum wd_error_shape shape;
    const char *upstream; /* at provider `at`, model as in the path */
    int at;
} found[] = {
    { "POST", "/openai/v1/chat/completions", "", WD_OP_CHAT, "openai", "", WD_SHAPE_OPENAI, "/v1/chat/completions", 0 },
    { "POST", "/openai/v1/responses", "", WD_OP_RESPONSES, "openai", "", WD_SHAPE_OPENAI, "/v1/responses", 0 },
    { "POST", "/openai/v1/embeddings", "", WD_OP_EMBEDDINGS, "openai", "", WD_SHAPE_OPENAI, "/v1/embeddings", 0 },
    { "GET", "/openai/v1/models", "", WD_OP_MODELS, "openai", "", WD_SHAPE_OPENAI, "/v1/models", 0 },
    { "POST", "/anthropic/v1/messages", "beta=true", WD_OP_MESSAGES, "anthropic", "", WD_SHAPE_ANTHROPIC, "/v1/messages", 1 },
    { "POST", "/anthropic/v1/messages/count_tokens", "", WD_OP_MESSAGES_COUNT, "anthropic", "", WD_SHAPE_ANTHROPIC,
      "/v1/messages/count_tokens", 1 },
    { "GET", "/anthropic/v1/models", "", WD_OP_MODELS, "anthropic", "", WD_SHAPE_ANTHROPIC, "/v1/models", 1 },
    { "POST", "/google/v1beta/models/gemini-2.5-flash:generateContent", "", WD_OP_GENERATE, "google", "gemini-2.5-flash",
      WD_SHAPE_GOOGLE, "/x/v1beta/models/gemini-2.5-flash:generateContent", 2 },
    { "POST", "/google/v1/models/g_1:streamGenerateContent", "alt=sse", WD_OP_STREAM_GENERATE, "google", "g_1", WD_SHAPE_GOOGLE,
      "/x/v1/models/g_1:streamGenerateContent?alt=sse", 2 },
    { "POST", "/vertex/v1/models/g:embedContent", "", WD_OP_EMBED, "vertex", "g", WD_SHAPE_GOOGLE, "/v1/models/g:embedContent",
      4 },
    { "POST", "/groq/openai/v1/chat/completions", "", WD_OP_CHAT, "groq", "", WD_SHAPE_OPENAI, "/openai/v1/chat/completions", 3 },
    { "POST", "/groq/v1/chat/completions", "", WD_OP_CHAT, "groq", "", WD_SHAPE_OPENAI, "/openai/v1/chat/completions", 3 },
    { "POST", "/v1/chat/completions", "", WD_OP_CHAT, "", "", WD_SHAPE_OPENAI, "/v1/chat/completions", 0 },
    { "POST", "/v1/responses", "&", WD_OP_RESPONSES, "", "", WD_SHAPE_OPENAI, "/v1/responses", 0 },
    { "POST", "/v1/embeddings", "", WD_OP_EMBEDDINGS, "", "", WD_SHAPE_OPENAI, "/v1/embeddings", 0 },
    { "GET", "/v1/models", "", WD_OP_MODELS, "", "", WD_SHAPE_OPENAI, "/v1/models", 0 },
    { "POST", "/v1/messages", "", WD_OP_MESSAGES, "", "", WD_SHAPE_ANTHROPIC, "/v1/messages", 1 },
    { "POST", "/messages", "", WD_OP_MESSAGES, "", "", WD_SHAPE_ANTHROPIC, "/v1/messages", 1 },
    { "POST", "/v1/v1/messages", "", WD_OP_MESSAGES, "", "", WD_SHAPE_ANTHROPIC, "/v1/messages", 1 },
    { "POST", "/v1/messages/count_tokens", "", WD_OP_MESSAGES_COUNT, "", "", WD_SHAPE_ANTHROPIC, "/v1/messages/count_tokens", 1 },
    { "POST", "/messages/count_tokens", "", WD_OP_MESSAGES_COUNT, "", "", WD_SHAPE_ANTHROPIC, "/v1/messages/count_tokens", 1 },
    { "POST", "/v1/v1/messages/count_tokens", "", WD_OP_MESSAGES_COUNT, "", "", WD_SHAPE_ANTHROPIC, "/v1/messages/count_tokens",
      1 },
    { "POST", "/v1/models/gemini:countTokens", "", WD_OP_COUNT_TOKENS, "", "gemini", WD_SHAPE_GOOGLE,
      "/x/v1/models/gemini:countTokens", 2 },
    { "POST", "/v1beta/models/gemini:batchEmbedContents", "", WD_OP_BATCH_EMBED, "", "gemini", WD_SHAPE_GOOGLE,
      "/x/v1beta/models/gemini:batchEmbedContents", 2 },
};

static void
test_found_f12(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++) {
        const struct found *f = &found[i];
        struct wd_route route;
        struct wd_buf out;
        const char *message;

        if (wd_route_read(&route, &policy, wd_span_str(f->method), wd_span_str(f->path), wd_span_str(f->query), &message) !=
            WD_CODE_NONE)
            fail_msg("%s: %s", f->path, message);
        assert_int_equal(route.op, f->op);
        assert_int_equal(route.shape, f->shape);
        assert_true(wd_span_eq(route.provider, wd_span_str(f->provider)));
        assert_true(wd_span_eq(route.model, wd_span_str(f->model)));
        wd_buf_init(&out, 1024);
        assert_int_equal(wd_route_upstream(&route, &providers[f->at], route.model, &out), WD_OK);
        if (!wd_span_eq(wd_buf_span(&out), wd_span_str(f->upstream)))
            fail_msg("%s goes to %.*s", f->path, (int)out.len, out.ptr);
        wd_buf_deinit(&out);
    }
}

static const struct refused {
    const char *method;
    struct wd_span path;
    const char *query;
    enum wd_code code;
    enum wd_error_shape shape;
} refused[] = {
#define P(literal)                                                                                                               \
    {                                                                                                                            \
        literal, sizeof(literal) - 1                                                                                             \
    }
    { "POST", P(""), "", WD_CODE_UNKNOWN_ROUTE, WD_SHAPE_UNIVERSAL },
    { "POST", P("/"), "", WD_CODE_UNKNOWN_ROUTE, WD_SHAPE_UNIVERSAL },
    { "POST", P("/nobody/v1/messages"), "", WD_CODE_UNKNOWN_ROUTE, WD_SHAPE_UNIVERSAL },
    { "POST", P("/v1"), "", WD_CODE_UNKNOWN_ROUTE, WD_SHAPE_OPENAI },
    { "POST", P("/v1x"), "", WD_CODE_UNKNOWN_ROUTE, WD_SHAPE_UNIVERSAL },
    { "POST", P("/v1/completions"), "", WD_CODE_UNKNOWN_ROUTE, WD_SHAPE_OPENAI },
    { "POST", P("/v1/audio/transcriptions"), "", WD_CODE_UNKNOWN_ROUTE, WD_SHAPE_OPENAI },
    { "GET", P("/v1/responses/resp_1"), "", WD_CODE_UNKNOWN_ROUTE, WD_SHAPE_OPENAI },
    { "POST", P("/v1/responses/compact"), "", WD_CODE_UNKNOWN_ROUTE, WD_SHAPE_OPENAI },
    { "POST", P("/v1/messages/batches"), "", WD_CODE_UNKNOWN_ROUTE, WD_SHAPE_ANTHROPIC },
    { "POST", P("/anthropic/v1/complete"), "", WD_CODE_UNKNOWN_ROUTE, WD_SHAPE_ANTHROPIC },
    { "POST", P("/anthropic"), "", WD_CODE_UNKNOWN_ROUTE, WD_SHAPE_ANTHROPIC },
    { "POST", P("/anthropic/messages"), "", WD_CODE_UNKNOWN_ROUTE, WD_SHAPE_ANTHROPIC },
    { "POST", P("/anthropic/v1/chat/completions"), "", WD_CODE_UNKNOWN_ROUTE, WD_SHAPE_ANTHROPIC },
    { "POST", P("/openai/v1/messages"), "", WD_CODE_UNKNOWN_ROUTE, WD_SHAPE_OPENAI },
    { "POST", P("/openai/openai/v1/responses"), "", WD_CODE_UNKNOWN_ROUTE, WD_SHAPE_OPENAI },
    { "POST", P("/google/v1/files"), "", WD_CODE_UNKNOWN_ROUTE, WD_SHAPE_GOOGLE },
    { "POST", P("/google/v1/tunedModels/x:generateContent"), "", WD_CODE_UNKNOWN_ROUTE, WD_SHAPE_GOOGLE },
    { "POST", P("/v1beta/models/a/b:generateContent"), "", WD_CODE_UNKNOWN_ROUTE, WD_SHAPE_GOOGLE },
    { "POST", P("/v1/models/gemini:batchGenerateContent"), "", WD_CODE_UNKNOWN_ROUTE, WD_SHAPE_GOOGLE },
    { "POST", P("/v1/models/..:generateContent"), "", WD_CODE_UNKNOWN_ROUTE, WD_SHAPE_GOOGLE },
    { "POST", P("/v1/models/a..b:generateContent"), "", WD_CODE_UNKNOWN_ROUTE, WD_SHAPE_GOOGLE },
    { "POST", P("/v1/models/:generateContent"), "", WD_CODE_UNKNOWN_ROUTE, WD_SHAPE_GOOGLE },
    { "POST", P("/v1/models/a%2fb:generateContent"), "", WD_CODE_UNKNOWN_ROUTE, WD_SHAPE_GOOGLE },
    { "GET", P("/v1/models/gpt-4o"), "", WD_CODE_UNKNOWN_ROUTE, WD_SHAPE_OPENAI },
    { "POST", P("/v1/chat/completions/"), "", WD_CODE_UNKNOWN_ROUTE, WD_SHAPE_OPENAI },
    { "POST", P("/v1//chat/completions"), "", WD_CODE_UNKNOWN_ROUTE, WD_SHAPE_OPENAI },
    { "POST", P("//v1/chat/completions"), "", WD_CODE_UNKNOWN_ROUTE, WD_SHAPE_UNIVERSAL },
    { "POST", P("/v1/../v1/chat/completions"), "", WD_CODE_UNKNOWN_ROUTE, WD_SHAPE_OPENAI },
    { "POST", P("/v1/chat/completions;x"), "", WD_CODE_UNKNOWN_ROUTE, WD_SHAPE_OPENAI },
    { "POST", P("/v1/chat%2fcompletions"), "", WD_CODE_UNKNOWN_ROUTE, WD_SHAPE_OPENAI },
    { "POST", P("/v1/chat/completions\0"), "", WD_CODE_UNKNOWN_ROUTE, WD_SHAPE_OPENAI },
    { "POST", P("/v1\\chat/completions"), "", WD_CODE_UNKNOWN_ROUTE, WD_SHAPE_UNIVERSAL },
    { "POST", P("/V1/chat/completions"), "", WD_CODE_UNKNOWN_ROUTE, WD_SHAPE_UNIVERSAL },
    { "POST", P("/OpenAI/v1/chat/completions"), "", WD_CODE_UNKNOWN_ROUTE, WD_SHAPE_UNIVERSAL },
    { "GET", P("/v1/chat/completions"), "", WD_CODE_UNKNOWN_ROUTE, WD_SHAPE_OPENAI },
    { "post", P("/v1/chat/completions"), "", WD_CODE_UNKNOWN_ROUTE, WD_SHAPE_OPENAI },
    { "POST", P("/v1/models"), "", WD_CODE_UNKNOWN_ROUTE, WD_SHAPE_OPENAI },
    { "DELETE", P("/v1/models"), "", WD_CODE_UNKNOWN_ROUTE, WD_SHAPE_OPENAI },
    /* F35 */
    { "POST", P("/v1/chat/completions"), "key=AIza", WD_CODE_INVALID_REQUEST, WD_SHAPE_OPENAI },
    { "POST", P("/v1/chat/completions"), "key", WD_CODE_INVALID_REQUEST, WD_SHAPE_OPENAI },
    { "POST", P("/v1/chat/completions"), "%6bey=AIza", WD_CODE_INVALID_REQUEST, WD_SHAPE_OPENAI },
    { "POST", P("/v1/chat/completions"), "KEY=AIza", WD_CODE_INVALID_REQUEST, WD_SHAPE_OPENAI },
    { "POST", P("/v1/messages"), "beta=true&x-api-key=s", WD_CODE_INVALID_REQUEST, WD_SHAPE_ANTHROPIC },
    { "POST", P("/v1/messages"), "access_token=s", WD_CODE_INVALID_REQUEST, WD_SHAPE_ANTHROPIC },
    { "POST", P("/v1/messages"), "Authorization=s", WD_CODE_INVALID_REQUEST, WD_SHAPE_ANTHROPIC },
    { "POST", P("/v1/models/g:generateContent"), "alt=json&api_key=s", WD_CODE_INVALID_REQUEST, WD_SHAPE_GOOGLE },
    { "POST", P("/v1/models/g:generateContent"), "$key=s", WD_CODE_INVALID_REQUEST, WD_SHAPE_GOOGLE },
    { "POST", P("/v1/models/g:streamGenerateContent"), "alt=sse&x-goog-api-key=s", WD_CODE_INVALID_REQUEST, WD_SHAPE_GOOGLE },
    { "POST", P("/v1/models/g:streamGenerateContent"), "", WD_CODE_UNSUPPORTED_PARAMETER, WD_SHAPE_GOOGLE },
    { "POST", P("/v1/models/g:streamGenerateContent"), "alt=json", WD_CODE_UNSUPPORTED_PARAMETER, WD_SHAPE_GOOGLE },
    { "POST", P("/v1/models/g:streamGenerateContent"), "alt=sse&alt=json", WD_CODE_UNSUPPORTED_PARAMETER, WD_SHAPE_GOOGLE },
    { "POST", P("/v1/models/g:streamGenerateContent"), "a%6ct=sse", WD_CODE_UNSUPPORTED_PARAMETER, WD_SHAPE_GOOGLE },
    { "POST", P("/v1/models/g:generateContent"), "alt=sse", WD_CODE_UNSUPPORTED_PARAMETER, WD_SHAPE_GOOGLE },
    { "POST", P("/v1/chat/completions"), "beta=true", WD_CODE_UNSUPPORTED_PARAMETER, WD_SHAPE_OPENAI },
    { "POST", P("/v1/chat/completions"), "api-version=1", WD_CODE_UNSUPPORTED_PARAMETER, WD_SHAPE_OPENAI },
    { "POST", P("/v1/chat/completions"), "%", WD_CODE_UNSUPPORTED_PARAMETER, WD_SHAPE_OPENAI },
};

static void
test_refused_f12_f35(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        const struct refused *f = &refused[i];
        struct wd_route route;
        const char *message;
        enum wd_code code = wd_route_read(&route, &policy, wd_span_str(f->method), f->path, wd_span_str(f->query), &message);

        if (code != f->code || route.shape != f->shape || message == NULL)
            fail_msg("%s %.*s?%s: %s, shape %d", f->method, (int)f->path.len, f->path.ptr, f->query, wd_code_name(code),
                     route.shape);
    }
}

/* The three names lead somewhere without a policy that has them; what a model could do to the path upstream is refused. */
static void
test_edges(void **state)
{
    static const struct wd_policy empty = { .provider_count = 0 };
    static const char *const models[] = { "", "a/b", "..", ".a", "a?b", "a#b", "a:b", "a b", "a%2f", "a\r\nb" };
    struct wd_route route;
    struct wd_buf out;
    const char *message;

    (void)state;
    assert_int_equal(wd_route_read(&route, &empty, WD_SPAN("POST"), WD_SPAN("/anthropic/v1/messages"), WD_SPAN(""), &message),
                     WD_CODE_NONE);
    assert_true(wd_span_eq(route.provider, WD_SPAN("anthropic")));
    assert_int_equal(wd_route_read(&route, &empty, WD_SPAN("POST"), WD_SPAN("/groq/v1/responses"), WD_SPAN(""), &message),
                     WD_CODE_UNKNOWN_ROUTE);
    assert_int_equal(
        wd_route_read(&route, &policy, WD_SPAN("POST"), WD_SPAN("/v1/models/g:generateContent"), WD_SPAN(""), &message),
        WD_CODE_NONE);
    wd_buf_init(&out, 1024);
    for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
        assert_int_equal(wd_route_upstream(&route, &providers[2], wd_span_str(models[i]), &out), WD_ERR_SYNTAX);
        assert_int_equal(out.len, 0);
    }
    wd_buf_deinit(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found_f12),
        cmocka_unit_test(test_refused_f12_f35),
        cmocka_unit_test(test_edges),
    };
    return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}
