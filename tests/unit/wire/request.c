#include "requests.h"

/* What is refused and with which words; what is read out beside the texts. */

#define CHAT(messages) "{\"model\":\"m\",\"messages\":" messages "}"
#define USER(content) CHAT("[{\"role\":\"user\",\"content\":" content "}]")
#define RESP(input) "{\"model\":\"m\",\"input\":" input "}"
#define CLAUDE(content) "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":" content "}]}"
#define PARTS(parts) "{\"contents\":[{\"parts\":" parts "}]}"
#define GOOD_CONTENTS "\"contents\":[{\"parts\":[{\"text\":\"x\"}]}]"

static const struct refusal {
    enum wd_op op;
    const char *body;
    enum wd_code code;
    const char *param;
} refusals[] = {
    /* shape */
    { WD_OP_CHAT, "", WD_CODE_INVALID_JSON, NULL },
    { WD_OP_CHAT, "{\"model\":\"m\",\"model\":\"n\",\"messages\":[]}", WD_CODE_INVALID_JSON, NULL },
    { WD_OP_CHAT, "[]", WD_CODE_INVALID_REQUEST, NULL },
    { WD_OP_CHAT, "null", WD_CODE_INVALID_REQUEST, NULL },
    { WD_OP_CHAT, "{}", WD_CODE_INVALID_REQUEST, "model" },
    { WD_OP_CHAT, "{\"model\":7,\"messages\":[]}", WD_CODE_INVALID_REQUEST, "model" },
    { WD_OP_CHAT, "{\"model\":\"\",\"messages\":[]}", WD_CODE_INVALID_REQUEST, "model" },
    { WD_OP_CHAT, "{\"model\":null,\"messages\":[]}", WD_CODE_INVALID_REQUEST, "model" },
    { WD_OP_CHAT, "{\"model\":\"m\"}", WD_CODE_INVALID_REQUEST, "messages" },
    { WD_OP_CHAT, CHAT("[]"), WD_CODE_INVALID_REQUEST, "messages" },
    { WD_OP_CHAT, CHAT("{}"), WD_CODE_INVALID_REQUEST, "messages" },
    { WD_OP_CHAT, CHAT("\"hi\""), WD_CODE_INVALID_REQUEST, "messages" },
    { WD_OP_CHAT, CHAT("[7]"), WD_CODE_INVALID_REQUEST, "messages[0]" },
    { WD_OP_CHAT, CHAT("[{\"content\":\"x\"}]"), WD_CODE_INVALID_REQUEST, "messages[0].role" },
    { WD_OP_CHAT, CHAT("[{\"role\":\"User\",\"content\":\"x\"}]"), WD_CODE_INVALID_REQUEST, "messages[0].role" },
    { WD_OP_CHAT, USER("7"), WD_CODE_INVALID_REQUEST, "messages[0].content" },
    { WD_OP_CHAT, USER("{\"type\":\"text\"}"), WD_CODE_INVALID_REQUEST, "messages[0].content" },
    { WD_OP_CHAT, USER("[\"x\"]"), WD_CODE_INVALID_REQUEST, "messages[0].content[0]" },
    { WD_OP_CHAT, USER("[{\"type\":\"text\",\"text\":[]}]"), WD_CODE_INVALID_REQUEST, "messages[0].content[0].text" },
    { WD_OP_CHAT, USER("[{\"text\":\"x\"}]"), WD_CODE_INVALID_REQUEST, "messages[0].content[0].type" },
    { WD_OP_CHAT, USER("[{\"type\":\"image_url\",\"image_url\":\"x\"}]"), WD_CODE_INVALID_REQUEST,
      "messages[0].content[0].image_url" },
    { WD_OP_CHAT, "{\"model\":\"m\",\"messages\":[],\"tools\":{}}", WD_CODE_INVALID_REQUEST, "messages" },
    { WD_OP_CHAT, "{\"model\":\"m\",\"tools\":{},\"messages\":[{\"role\":\"user\"}]}", WD_CODE_INVALID_REQUEST, "tools" },
    { WD_OP_CHAT, "{\"model\":\"m\",\"tools\":[{\"type\":\"function\"}],\"messages\":[{\"role\":\"user\"}]}",
      WD_CODE_INVALID_REQUEST, "tools[0]" },
    { WD_OP_CHAT, "{\"model\":\"m\",\"stream\":\"true\",\"messages\":[{\"role\":\"user\"}]}", WD_CODE_INVALID_REQUEST, "stream" },
    { WD_OP_CHAT, "{\"model\":\"m\",\"temperature\":\"1\",\"messages\":[{\"role\":\"user\"}]}", WD_CODE_INVALID_REQUEST,
      "temperature" },
    { WD_OP_CHAT, "{\"model\":\"m\",\"max_tokens\":1.5,\"messages\":[{\"role\":\"user\"}]}", WD_CODE_INVALID_REQUEST,
      "max_tokens" },
    { WD_OP_CHAT, "{\"model\":\"m\",\"max_tokens\":-1,\"messages\":[{\"role\":\"user\"}]}", WD_CODE_INVALID_REQUEST,
      "max_tokens" },
    { WD_OP_CHAT, "{\"model\":\"m\",\"max_tokens\":1e3,\"messages\":[{\"role\":\"user\"}]}", WD_CODE_INVALID_REQUEST,
      "max_tokens" },
    { WD_OP_CHAT, "{\"model\":\"m\",\"max_tokens\":2147483648,\"messages\":[{\"role\":\"user\"}]}", WD_CODE_INVALID_REQUEST,
      "max_tokens" },
    { WD_OP_CHAT, "{\"model\":\"m\",\"max_completion_tokens\":99999999999999999999,\"messages\":[{\"role\":\"user\"}]}",
      WD_CODE_INVALID_REQUEST, "max_completion_tokens" },
    { WD_OP_CHAT, "{\"model\":\"m\",\"stream_options\":{\"include_usage\":1},\"messages\":[{\"role\":\"user\"}]}",
      WD_CODE_INVALID_REQUEST, "stream_options.include_usage" },
    { WD_OP_MODELS, "{}", WD_CODE_INVALID_REQUEST, NULL },
    /* F16 */
    { WD_OP_CHAT, "{\"model\":\"m\",\"Messages\":[],\"messages\":[{\"role\":\"user\"}]}", WD_CODE_INVALID_REQUEST, "messages" },
    { WD_OP_CHAT, "{\"model\":\"m\",\"mess\\u0041ges\":[],\"messages\":[{\"role\":\"user\"}]}", WD_CODE_INVALID_REQUEST,
      "messages" },
    { WD_OP_CHAT, "{\"model\":\"m\",\"me\xc5\xbfsages\":[],\"messages\":[{\"role\":\"user\"}]}", WD_CODE_INVALID_REQUEST,
      "messages" },
    { WD_OP_CHAT,
      "{\"model\":\"m\",\"max_to\xe2\x84\xaa"
      "ens\":1,\"messages\":[{\"role\":\"user\"}]}",
      WD_CODE_INVALID_REQUEST, "max_tokens" },
    { WD_OP_CHAT, USER("[{\"type\":\"text\",\"text\":\"x\",\"Type\":\"file\"}]"), WD_CODE_INVALID_REQUEST,
      "messages[0].content[0].type" },
    { WD_OP_RESPONSES, RESP("[{\"Type\":\"item_reference\",\"role\":\"user\",\"content\":\"x\"}]"), WD_CODE_INVALID_REQUEST,
      "input[0].type" },
    { WD_OP_MESSAGES, CLAUDE("[{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://x\",\"Data\":\"x\"}}]"),
      WD_CODE_INVALID_REQUEST, "messages[0].content[0].source.data" },
    { WD_OP_GENERATE, "{" GOOD_CONTENTS ",\"generationconfig\":{}}", WD_CODE_INVALID_REQUEST, "generationConfig" },
    { WD_OP_GENERATE, "{" GOOD_CONTENTS ",\"generation__config\":{}}", WD_CODE_INVALID_REQUEST, "generationConfig" },
    { WD_OP_GENERATE, "{" GOOD_CONTENTS ",\"Generation_Config\":{}}", WD_CODE_INVALID_REQUEST, "generationConfig" },
    { WD_OP_GENERATE, "{" GOOD_CONTENTS ",\"system_instruction\":{\"parts\":[]},\"systemInstruction\":{\"parts\":[]}}",
      WD_CODE_INVALID_REQUEST, "systemInstruction" },
    { WD_OP_GENERATE, PARTS("[{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"AA\"},\"inline_data\":{}}]"),
      WD_CODE_INVALID_REQUEST, "contents[0].parts[0].inlineData" },
    { WD_OP_COUNT_TOKENS, "{" GOOD_CONTENTS ",\"GenerateContentRequest\":{}}", WD_CODE_INVALID_REQUEST,
      "generateContentRequest" },
    /* what cannot be inspected */
    { WD_OP_CHAT, USER("[{\"type\":\"text\",\"text\":\"x\"},{\"type\":\"video_url\"}]"), WD_CODE_UNINSPECTABLE_CONTENT,
      "messages[0].content[1].type" },
    { WD_OP_CHAT, CHAT("[{\"role\":\"assistant\",\"tool_calls\":[{\"type\":\"hidden\"}]}]"), WD_CODE_UNINSPECTABLE_CONTENT,
      "messages[0].tool_calls[0].type" },
    { WD_OP_EMBEDDINGS, "{\"model\":\"m\",\"input\":[1,2]}", WD_CODE_UNINSPECTABLE_CONTENT, "input[0]" },
    { WD_OP_EMBEDDINGS, "{\"model\":\"m\",\"input\":[\"x\",[1,2]]}", WD_CODE_UNINSPECTABLE_CONTENT, "input[1]" },
    { WD_OP_EMBEDDINGS, "{\"model\":\"m\",\"input\":[]}", WD_CODE_INVALID_REQUEST, "input" },
    { WD_OP_EMBEDDINGS, "{\"model\":\"m\",\"input\":7}", WD_CODE_INVALID_REQUEST, "input" },
    { WD_OP_RESPONSES, RESP("[]"), WD_CODE_INVALID_REQUEST, "input" },
    { WD_OP_RESPONSES, "{\"model\":\"m\"}", WD_CODE_INVALID_REQUEST, "input" },
    { WD_OP_RESPONSES, "{\"model\":\"m\",\"input\":\"x\",\"prompt\":{\"id\":\"p\"}}", WD_CODE_UNINSPECTABLE_CONTENT, "prompt" },
    { WD_OP_RESPONSES, "{\"model\":\"m\",\"input\":\"x\",\"background\":true}", WD_CODE_UNSUPPORTED_PARAMETER, "background" },
    { WD_OP_RESPONSES, "{\"model\":\"m\",\"input\":\"x\",\"background\":\"no\"}", WD_CODE_INVALID_REQUEST, "background" },
    { WD_OP_RESPONSES, "{\"model\":\"m\",\"input\":\"x\",\"previous_response_id\":[\"r\"]}", WD_CODE_INVALID_REQUEST,
      "previous_response_id" },
    { WD_OP_RESPONSES, "{\"model\":\"m\",\"input\":\"x\",\"conversation\":{\"id\":\"c\",\"x\":1}}", WD_CODE_UNINSPECTABLE_CONTENT,
      "conversation" },
    { WD_OP_RESPONSES, "{\"model\":\"m\",\"input\":\"x\",\"conversation\":{}}", WD_CODE_INVALID_REQUEST, "conversation.id" },
    { WD_OP_RESPONSES, RESP("[{\"type\":\"item_reference\",\"id\":7}]"), WD_CODE_INVALID_REQUEST, "input[0].id" },
    { WD_OP_RESPONSES, RESP("[{\"type\":\"image_generation_call\"}]"), WD_CODE_INVALID_REQUEST, "input[0].id" },
    { WD_OP_RESPONSES, RESP("[{}]"), WD_CODE_INVALID_REQUEST, "input[0].id" },
    { WD_OP_MESSAGES, "{\"model\":\"m\",\"container\":{\"id\":\"c\",\"skills\":[]},\"messages\":[]}",
      WD_CODE_UNINSPECTABLE_CONTENT, "container.skills" },
    { WD_OP_RESPONSES, RESP("[{\"type\":\"telepathy\"}]"), WD_CODE_UNINSPECTABLE_CONTENT, "input[0].type" },
    { WD_OP_RESPONSES, RESP("[{\"role\":\"user\",\"content\":[{\"type\":\"input_video\"}]}]"), WD_CODE_UNINSPECTABLE_CONTENT,
      "input[0].content[0].type" },
    { WD_OP_RESPONSES, RESP("[{\"type\":\"function_call\",\"name\":\"f\",\"arguments\":{}}]"), WD_CODE_INVALID_REQUEST,
      "input[0].arguments" },
    { WD_OP_MESSAGES, CLAUDE("[{\"type\":\"hologram\"}]"), WD_CODE_UNINSPECTABLE_CONTENT, "messages[0].content[0].type" },
    { WD_OP_MESSAGES, CLAUDE("[{\"type\":\"tool_result\",\"content\":[{\"type\":\"hologram\"}]}]"), WD_CODE_UNINSPECTABLE_CONTENT,
      "messages[0].content[0].content[0].type" },
    { WD_OP_MESSAGES, CLAUDE("[{\"type\":\"document\",\"source\":{\"type\":\"ether\"}}]"), WD_CODE_UNINSPECTABLE_CONTENT,
      "messages[0].content[0].source.type" },
    { WD_OP_MESSAGES, "{\"model\":\"m\",\"thread\":{\"type\":\"continue\"},\"messages\":[]}", WD_CODE_UNINSPECTABLE_CONTENT,
      "thread" },
    { WD_OP_MESSAGES, "{\"model\":\"m\",\"fallbacks\":[{\"model\":\"n\"}],\"messages\":[]}", WD_CODE_UNSUPPORTED_PARAMETER,
      "fallbacks" },
    { WD_OP_MESSAGES, "{\"model\":\"m\",\"messages\":[]}", WD_CODE_INVALID_REQUEST, "messages" },
    { WD_OP_MESSAGES_COUNT, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"x\"}]}]}",
      WD_CODE_UNINSPECTABLE_CONTENT, "messages[0].content[0].type" },
    { WD_OP_GENERATE, "{\"contents\":[]}", WD_CODE_INVALID_REQUEST, "contents" },
    { WD_OP_GENERATE, "{}", WD_CODE_INVALID_REQUEST, "contents" },
    { WD_OP_GENERATE, "{\"contents\":\"hi\"}", WD_CODE_INVALID_REQUEST, "contents" },
    { WD_OP_GENERATE, "{\"contents\":[{\"role\":\"system\",\"parts\":[]}]}", WD_CODE_INVALID_REQUEST, "contents[0].role" },
    { WD_OP_GENERATE, "{" GOOD_CONTENTS ",\"model\":\"models/gemini-3-pro\"}", WD_CODE_INVALID_REQUEST, "model" },
    { WD_OP_GENERATE, "{" GOOD_CONTENTS ",\"generation_config\":{\"max_output_tokens\":\"9\"}}", WD_CODE_INVALID_REQUEST,
      "generation_config.maxOutputTokens" },
    { WD_OP_GENERATE, PARTS("[{\"hologram\":{}}]"), WD_CODE_UNINSPECTABLE_CONTENT, "contents[0].parts[0]" },
    { WD_OP_GENERATE, PARTS("[{\"text\":\"x\",\"hologram\":{}}]"), WD_CODE_UNINSPECTABLE_CONTENT, "contents[0].parts[0]" },
    { WD_OP_STREAM_GENERATE, PARTS("[{\"functionResponse\":{\"parts\":[{\"text2\":1}]}}]"), WD_CODE_UNINSPECTABLE_CONTENT,
      "contents[0].parts[0].functionResponse.parts[0]" },
    { WD_OP_COUNT_TOKENS, "{\"generateContentRequest\":{" GOOD_CONTENTS ",\"model\":\"models/other\"}}", WD_CODE_INVALID_REQUEST,
      "generateContentRequest.model" },
    { WD_OP_COUNT_TOKENS, "{\"generateContentRequest\":{" GOOD_CONTENTS "}," GOOD_CONTENTS "}", WD_CODE_INVALID_REQUEST,
      "contents" },
    { WD_OP_EMBED, "{\"content\":{\"parts\":[{\"blob\":1}]}}", WD_CODE_UNINSPECTABLE_CONTENT, "content.parts[0]" },
    { WD_OP_BATCH_EMBED, "{\"requests\":[]}", WD_CODE_INVALID_REQUEST, "requests" },
    { WD_OP_BATCH_EMBED, "{\"requests\":[{\"model\":\"models/other\",\"content\":{\"parts\":[]}}]}", WD_CODE_INVALID_REQUEST,
      "requests[0].model" },
};

static void
test_refusals_f12_f16(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        const struct refusal *c = &refusals[i];
        struct reading r;

        reading_init(&r, c->op, wd_span_str(c->body));
        if (r.ok)
            fail_msg("accepted: %s", c->body);
        if (r.problem.code != c->code || (r.problem.param == NULL) != (c->param == NULL) ||
            (c->param != NULL && strcmp(r.problem.param, c->param) != 0) || r.problem.message == NULL)
            fail_msg("%s: %s, %s, %s", c->body, wd_code_name(r.problem.code), r.problem.param, r.problem.message);
        reading_free(&r);
    }
}

/* What the provider keeps is listed, by kind. */
static void
test_references_f39(void **state)
{
    static const struct {
        enum wd_op op;
        const char *body;
        const char *refs; /* "kind id" of each */
    } cases[] = {
        { WD_OP_RESPONSES, "{\"model\":\"m\",\"input\":\"x\",\"previous_response_id\":\"r\",\"conversation\":{\"id\":\"c\"}}",
          "response r, conversation c" },
        { WD_OP_RESPONSES, "{\"model\":\"m\",\"input\":\"x\",\"previous_response_id\":null,\"conversation\":\"c\\u0041\"}",
          "conversation cA" },
        { WD_OP_RESPONSES, RESP("[{\"type\":\"item_reference\",\"id\":\"i\"},{\"id\":\"j\"},{\"id\":\"k\",\"type\":null}]"),
          "item i, item j, item k" },
        { WD_OP_RESPONSES, RESP("[{\"type\":\"image_generation_call\",\"id\":\"i\"}]"), "item i" },
        { WD_OP_RESPONSES,
          RESP("[{\"type\":\"reasoning\",\"id\":\"a\",\"summary\":[]},{\"type\":\"reasoning\",\"id\":\"b\",\"summary\":[],"
               "\"encrypted_content\":\"QUJD\"}]"),
          "item a" },
        { WD_OP_RESPONSES, RESP("[{\"type\":\"code_interpreter_call\",\"id\":\"i\",\"container_id\":\"c\",\"code\":\"x\"}]"),
          "container c" },
        { WD_OP_RESPONSES,
          RESP("[{\"role\":\"user\",\"content\":[{\"type\":\"input_image\",\"file_id\":\"f\"},{\"type\":\"input_file\",\"file_"
               "id\":"
               "\"g\"}]}]"),
          "file f, file g" },
        { WD_OP_RESPONSES,
          "{\"model\":\"m\",\"input\":\"x\",\"tools\":[{\"type\":\"code_interpreter\",\"container\":{\"type\":\"auto\",\"file_"
          "ids\":["
          "\"f\"]}},{\"type\":\"code_interpreter\",\"container\":\"c\"},{\"type\":\"image_generation\",\"input_image_mask\":{"
          "\"file_id\":\"m\"}}]}",
          "file f, container c, file m" },
        { WD_OP_CHAT, CHAT("[{\"role\":\"assistant\",\"audio\":{\"id\":\"a\"}}]"), "audio a" },
        { WD_OP_CHAT, USER("[{\"type\":\"file\",\"file\":{\"file_id\":\"f\"}}]"), "file f" },
        { WD_OP_MESSAGES, CLAUDE("[{\"type\":\"image\",\"source\":{\"type\":\"file\",\"file_id\":\"f\"}}]"), "file f" },
        { WD_OP_MESSAGES, CLAUDE("[{\"type\":\"document\",\"source\":{\"type\":\"file\",\"file_id\":\"f\"}}]"), "file f" },
        { WD_OP_MESSAGES, CLAUDE("[{\"type\":\"container_upload\",\"file_id\":\"f\"}]"), "file f" },
        { WD_OP_MESSAGES, "{\"model\":\"m\",\"container\":\"c\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}",
          "container c" },
        { WD_OP_GENERATE, "{" GOOD_CONTENTS ",\"cached_content\":\"c\"}", "cached_content c" },
        { WD_OP_GENERATE,
          PARTS("[{\"fileData\":{\"fileUri\":\"files/a\"}},{\"fileData\":{\"fileUri\":\"https://example.com/files/a\"}}]"),
          "file files/a" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char got[256] = "";
        struct reading r;

        reading_init(&r, cases[i].op, wd_span_str(cases[i].body));
        if (!r.ok)
            fail_msg("refused: %s: %s", cases[i].body, r.problem.message);
        for (uint32_t n = 0; n < r.q.ref_count; n++)
            snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s %.*s", n > 0 ? ", " : "",
                     wd_isolate_kind_name(r.q.refs[n].kind), (int)r.q.refs[n].value.len, r.q.refs[n].value.ptr);
        assert_string_equal(got, cases[i].refs);
        reading_free(&r);
    }
}

/* A name that only looks like one of ours does not spoil a place that the gate does not read. */
static void
test_accepted(void **state)
{
    static const struct {
        enum wd_op op;
        const char *body;
    } cases[] = {
        { WD_OP_MODELS, "" },
        { WD_OP_CHAT,
          "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":null}],\"temperature\":null,\"tools\":null}" },
        { WD_OP_CHAT, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\"}],\"metadata\":{\"Role\":\"x\",\"role\":\"y\"}}" },
        { WD_OP_RESPONSES, "{\"model\":\"m\",\"input\":\"x\",\"previous_response_id\":null,\"background\":false}" },
        { WD_OP_MESSAGES_COUNT, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}" },
        { WD_OP_GENERATE, "{\"contents\":{\"parts\":{\"text\":\"x\"}},\"model\":\"models/gemini-2.5-flash\"}" },
        { WD_OP_GENERATE,
          "{" GOOD_CONTENTS ",\"system_instruction\":{\"parts\":{\"text\":\"x\"}},\"generation_config\":{\"top_k\":1}}" },
        { WD_OP_COUNT_TOKENS, "{\"generate_content_request\":{\"model\":\"models/gemini-2.5-flash\"," GOOD_CONTENTS "}}" },
        { WD_OP_EMBED, "{\"model\":\"models/gemini-2.5-flash\",\"content\":{\"parts\":[{\"text\":\"x\"}]}}" },
        { WD_OP_BATCH_EMBED, "{\"requests\":[{\"content\":{\"parts\":[{\"text\":\"x\"}]}}]}" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reading r;

        reading_init(&r, cases[i].op, wd_span_str(cases[i].body));
        if (!r.ok)
            fail_msg("%s: %s: %s", cases[i].body, r.problem.param, r.problem.message);
        reading_free(&r);
    }
}

/* How each way of bringing a file counts. text: whether the string is inspected too. */
static void
test_attachments(void **state)
{
    static const struct {
        const char *url;
        enum wd_attachment kind;
        bool text;
    } cases[] = {
        { "data:image/png;base64,AAAA", WD_ATTACH_IMAGE, false },
        { "DATA:IMAGE/PNG;BASE64,AAAA", WD_ATTACH_IMAGE, false },
        { "data:image/jpeg;base64,AA\\/A\\nAA==", WD_ATTACH_IMAGE, false },
        { "data:image/png;base64,my key", WD_ATTACH_IMAGE, true },
        { "data:image/png;name=sk-proj;base64,AAAA", WD_ATTACH_IMAGE, true },
        { "data:image/sk-proj-1;base64,AAAA", WD_ATTACH_IMAGE, true },
        { "data:image/svg+xml;base64,AAAA", WD_ATTACH_FILE, true },
        { "data:image/png,AAAA", WD_ATTACH_IMAGE, true },
        { "data:audio/wav;base64,AAAA", WD_ATTACH_AUDIO, false },
        { "data:video/mp4;base64,AAAA", WD_ATTACH_VIDEO, false },
        { "data:application/pdf;base64,AAAA", WD_ATTACH_FILE, false },
        { "data:text/html,<script>", WD_ATTACH_FILE, true },
        { "data:text/plain;base64,AAAA", WD_ATTACH_FILE, true },
        { "data:;base64,AAAA", WD_ATTACH_FILE, true },
        { "data:", WD_ATTACH_FILE, true },
        { "https://example.com/a.png", WD_ATTACH_IMAGE, true },
        { "http://example.com/a.png", WD_ATTACH_IMAGE, true },
        { "file:///etc/passwd", WD_ATTACH_FILE, true },
        { " data:image/png;base64,AAAA", WD_ATTACH_FILE, true },
        { "", WD_ATTACH_FILE, true },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reading r;
        char body[512];

        snprintf(body, sizeof(body), USER("[{\"type\":\"image_url\",\"image_url\":{\"url\":\"%s\"}}]"), cases[i].url);
        reading_init(&r, WD_OP_CHAT, wd_span_str(body));
        assert_true(r.ok);
        assert_int_equal(r.q.attachment_count, 1);
        if (r.q.attachments[0].kind != cases[i].kind ||
            (reading_text(&r, r.q.attachments[0].node, false) != NULL) != cases[i].text)
            fail_msg("%s", cases[i].url);
        assert_true(r.q.messages[0].more);
        reading_free(&r);
    }
}

static void
test_characters(void **state)
{
    static const struct {
        const char *content;
        uint64_t chars;
    } cases[] = {
        { "\"\"", 0 },
        { "\"abc\"", 3 },
        { "\"\xe4\xb8\x96\xf0\x9f\x9a\x80\xc3\xa9\"", 3 },
        { "\"\\u4e16\\ud83d\\ude80\\n\\\"\\\\\\u00e9\"", 6 },
        { "[{\"type\":\"text\",\"text\":\"ab\"},{\"type\":\"text\",\"text\":\"cd\"}]", 4 },
        { "[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AAAA\"}}]", 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reading r;
        char body[512];

        snprintf(body, sizeof(body), USER("%s"), cases[i].content);
        reading_init(&r, WD_OP_CHAT, wd_span_str(body));
        assert_true(r.ok);
        if (r.q.messages[0].chars != cases[i].chars)
            fail_msg("%s: %d", cases[i].content, (int)r.q.messages[0].chars);
        reading_free(&r);
    }
}

static void
test_long_numbers(void **state)
{
    static const struct {
        const char *number;
        bool text;
    } cases[] = {
        { "4111111111111111", true }, { "-4111111111111111", true },   { "123456789012", true }, { "123456789012.5e1", true },
        { "12345678901", false },     { "0.4111111111111111", false }, { "1", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reading r;
        char body[512];
        uint32_t numbers = 0;

        snprintf(body, sizeof(body),
                 "{\"model\":\"m\",\"messages\":[{\"role\":\"user\"}],\"x\":[{\"y\":%s}],\"seed\":123456789012345}",
                 cases[i].number);
        reading_init(&r, WD_OP_CHAT, wd_span_str(body));
        assert_true(r.ok);
        for (uint32_t t = 0; t < r.q.text_count; t++)
            numbers += r.q.texts[t].kind == WD_TEXT_NUMBER;
        if (numbers != cases[i].text)
            fail_msg("%s", cases[i].number);
        reading_free(&r);
    }
}

static void
test_temperature(void **state)
{
    static const struct {
        const char *number;
        double value;
    } cases[] = {
        { "0", 0 },
        { "-0.5", -0.5 },
        { "0.7", 0.7 },
        { "2", 2 },
        { "2.0000000000000000000001", 2 },
        { "1e400", 1e308 * 10 },
        { "1E-2", 0.01 },
        { "20e-1", 2 },
        { "1e-999999", 0 },
        { "123456789012345678901234567890", 123456789012345678901234567890.0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reading r;
        char body[512];
        double off;

        snprintf(body, sizeof(body), "{\"model\":\"m\",\"messages\":[{\"role\":\"user\"}],\"temperature\":%s}", cases[i].number);
        reading_init(&r, WD_OP_CHAT, wd_span_str(body));
        assert_true(r.ok);
        off = r.q.temperature - cases[i].value;
        if (r.q.temperature != cases[i].value && !(off < cases[i].value * 1e-12 && off > cases[i].value * -1e-12))
            fail_msg("%s: %g", cases[i].number, r.q.temperature);
        reading_free(&r);
    }
}

/* Depth and size: a refusal in bounded time, never a crash. */
static void
test_depth_and_size(void **state)
{
    struct wd_buf body;
    struct reading r;

    (void)state;
    wd_buf_init(&body, 1 << 26);
    assert_int_equal(wd_buf_add_str(&body, "{\"model\":\"m\",\"max_tokens\":1,\"messages\":[{\"role\":\"user\",\"content\":["),
                     WD_OK);
    for (int i = 0; i < 200000; i++)
        assert_int_equal(wd_buf_add_str(&body, "{\"type\":\"tool_result\",\"content\":["), WD_OK);
    reading_init(&r, WD_OP_MESSAGES, wd_buf_span(&body));
    assert_false(r.ok);
    assert_int_equal(r.problem.code, WD_CODE_INVALID_JSON);
    reading_free(&r);

    wd_buf_clear(&body);
    assert_int_equal(wd_buf_add_str(&body, "{\"model\":\"m\",\"messages\":["), WD_OK);
    for (int i = 0; i < 50000; i++)
        assert_int_equal(
            wd_buf_add_str(&body, i > 0 ? ",{\"role\":\"user\",\"content\":\"x\"}" : "{\"role\":\"user\",\"content\":\"x\"}"),
            WD_OK);
    assert_int_equal(wd_buf_add_str(&body, ",{\"role\":\"user\",\"content\":7}]}"), WD_OK);
    reading_init(&r, WD_OP_CHAT, wd_buf_span(&body));
    assert_false(r.ok);
    assert_string_equal(r.problem.param, "messages[50000].content");
    reading_free(&r);
    wd_buf_deinit(&body);
}

/* A smaller and smaller arena: refused as too large, or read; nothing between. */
static void
test_memory(void **state)
{
    static const char body[] =
        USER("[{\"type\":\"text\",\"text\":\"a\\\"b\"},{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:\\u0041\"}}]");
    struct wd_route route = { .op = WD_OP_CHAT, .format = WD_FORMAT_OPENAI };
    bool read = false;

    (void)state;
    for (size_t cap = 0; cap < 16384; cap += 16) {
        struct wd_arena arena;
        struct wd_request q;
        struct wd_problem problem;

        wd_arena_init(&arena, cap);
        read = wd_request_read(&q, &route, wd_span_str(body), &arena, &problem);
        if (!read)
            assert_int_equal(problem.code, WD_CODE_REQUEST_TOO_LARGE);
        wd_arena_deinit(&arena);
    }
    assert_true(read);
}

static void
test_tools(void **state)
{
    static const struct {
        enum wd_op op;
        const char *body, *names; /* hosted ones in brackets */
    } cases[] = {
        { WD_OP_CHAT,
          "{\"model\":\"m\",\"messages\":[{\"role\":\"user\"}],\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"a\"}},"
          "{\"type\":\"custom\",\"custom\":{\"name\":\"b\"}}],\"functions\":[{\"name\":\"c\"}],\"web_search_options\":{}}",
          "a b c [web_search] " },
        { WD_OP_RESPONSES,
          "{\"model\":\"m\",\"input\":\"x\",\"tools\":[{\"type\":\"function\",\"name\":\"a\"},{\"type\":\"mcp\"},"
          "{\"type\":\"namespace\",\"name\":\"n\",\"tools\":[{\"type\":\"function\",\"name\":\"b\"}]},{\"type\":\"function\","
          "\"name\":\"c\",\"function\":{\"name\":\"d\"}}]}",
          "a [mcp] b d c " },
        { WD_OP_RESPONSES, RESP("[{\"type\":\"additional_tools\",\"tools\":[{\"type\":\"shell\"}]}]"), "[shell] " },
        { WD_OP_MESSAGES,
          "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"tool_addition\",\"tool\":{\"type\":"
          "\"tool_definition\",\"definition\":{\"type\":\"bash_20250124\",\"name\":\"bash\"}}}]}],\"tools\":[{\"name\":\"a\"},"
          "{\"type\":\"web_search_20250305\",\"name\":\"web_search\"}],\"mcp_servers\":[{\"url\":\"u\"}]}",
          "[bash_20250124] a [web_search_20250305] [mcp] " },
        { WD_OP_GENERATE,
          "{" GOOD_CONTENTS ",\"tools\":[{\"functionDeclarations\":[{\"name\":\"a\"}],\"google_search\":{}},{\"urlContext\":{}},"
          "{\"codeExecution\":null}]}",
          "a [google_search] [urlContext] " },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reading r;
        char names[256] = "";

        reading_init(&r, cases[i].op, wd_span_str(cases[i].body));
        assert_true(r.ok);
        for (uint32_t t = 0; t < r.q.tool_count; t++) {
            const struct wd_tool *tool = &r.q.tools[t];
            snprintf(names + strlen(names), sizeof(names) - strlen(names), tool->hosted ? "[%.*s] " : "%.*s ",
                     (int)tool->name.len, tool->name.ptr);
        }
        assert_string_equal(names, cases[i].names);
        reading_free(&r);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_references_f39), cmocka_unit_test(test_refusals_f12_f16), cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_attachments),    cmocka_unit_test(test_characters),       cmocka_unit_test(test_long_numbers),
        cmocka_unit_test(test_temperature),    cmocka_unit_test(test_depth_and_size),   cmocka_unit_test(test_memory),
        cmocka_unit_test(test_tools),
    };
    return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
