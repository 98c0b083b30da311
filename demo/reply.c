#include "reply.h"

#include <stdio.h>

#include "ask.h"

/*
 * The four formats as text with holes. A ' stands for ", a blank line ends an
 * event (and a piece). %M model, %T whole text, %W the fragment of a delta, %N
 * tool name, %A tool arguments as a string, %a as an object, %i %o %s tokens in,
 * out, together, %n number of the event, %u the usage event when it was asked for.
 */
struct script {
    const char *whole;
    const char *before, *delta, *after; /* of a stream */
};

#define CHAT "{'id':'chatcmpl-demo','created':1700000000,'model':%M,'object':'chat.completion"
#define CHAT_USAGE ",'usage':{'prompt_tokens':%i,'completion_tokens':%o,'total_tokens':%s}}"
#define CHAT_WHOLE CHAT "','choices':[{'index':0,'logprobs':null,'message':{'role':'assistant','refusal':null,'content':"
#define CHAT_DELTA(delta, finish)                                                                                                \
    "data: " CHAT ".chunk','choices':[{'index':0,'delta':{" delta "},'finish_reason':" finish "}]}\n\n"
#define CHAT_CALL "{'id':'call_demo','type':'function','function':{'name':%N,'arguments':"

static const struct script chat_text = {
    .whole = CHAT_WHOLE "%T},'finish_reason':'stop'}]" CHAT_USAGE,
    .before = CHAT_DELTA("'role':'assistant','content':''", "null"),
    .delta = CHAT_DELTA("'content':%W", "null"),
    .after = CHAT_DELTA("", "'stop'") "%udata: [DONE]\n\n",
};
static const struct script chat_tool = {
    .whole = CHAT_WHOLE "null,'tool_calls':[" CHAT_CALL "%A}}]},'finish_reason':'tool_calls'}]" CHAT_USAGE,
    .before = CHAT_DELTA("'role':'assistant','content':null,'tool_calls':[{'index':0,'id':'call_demo','type':'function',"
                         "'function':{'name':%N,'arguments':''}}]",
                         "null"),
    .delta = CHAT_DELTA("'tool_calls':[{'index':0,'function':{'arguments':%W}}]", "null"),
    .after = CHAT_DELTA("", "'tool_calls'") "%udata: [DONE]\n\n",
};

#define RESPONSE(state, output, usage)                                                                                           \
    "{'id':'resp_demo','object':'response','created_at':1700000000,'status':'" state "',"                                        \
    "'error':null,'incomplete_details':null,'instructions':null,'metadata':{},'model':%M,'parallel_tool_calls':true,"            \
    "'temperature':1,'top_p':1,'tool_choice':'auto','tools':[],'output':[" output "],'usage':" usage "}"
#define RESPONSE_USAGE                                                                                                           \
    "{'input_tokens':%i,'input_tokens_details':{'cached_tokens':0},'output_tokens':%o,"                                          \
    "'output_tokens_details':{'reasoning_tokens':0},'total_tokens':%s}"
#define RESPONSE_EVENT(type, rest)                                                                                               \
    "event: response." type "\ndata: {'type':'response." type "','sequence_number':%n," rest "}\n\n"
#define RESPONSE_ITEM(type, item) RESPONSE_EVENT("output_item." type, "'output_index':0,'item':" item)
#define RESPONSE_START                                                                                                           \
    RESPONSE_EVENT("created", "'response':" RESPONSE("in_progress", "", "null"))                                                 \
    RESPONSE_EVENT("in_progress", "'response':" RESPONSE("in_progress", "", "null"))
#define RESPONSE_END(item)                                                                                                       \
    RESPONSE_ITEM("done", item)                                                                                                  \
    RESPONSE_EVENT("completed", "'response':" RESPONSE("completed", item, RESPONSE_USAGE))
#define RESPONSE_MESSAGE(state, content)                                                                                         \
    "{'id':'msg_demo','type':'message','status':'" state "','role':'assistant',"                                                 \
    "'content':[" content "]}"
#define RESPONSE_PART(text) "{'type':'output_text','text':" text ",'annotations':[]}"
#define RESPONSE_CALL(state, args)                                                                                               \
    "{'id':'fc_demo','type':'function_call','status':'" state "','call_id':'call_demo',"                                         \
    "'name':%N,'arguments':" args "}"
#define AT_TEXT "'item_id':'msg_demo','output_index':0,'content_index':0,"
#define AT_CALL "'item_id':'fc_demo','output_index':0,"

static const struct script responses_text = {
    .whole = RESPONSE("completed", RESPONSE_MESSAGE("completed", RESPONSE_PART("%T")), RESPONSE_USAGE),
    .before = RESPONSE_START RESPONSE_ITEM("added", RESPONSE_MESSAGE("in_progress", ""))
        RESPONSE_EVENT("content_part.added", AT_TEXT "'part':" RESPONSE_PART("''")),
    .delta = RESPONSE_EVENT("output_text.delta", AT_TEXT "'logprobs':[],'delta':%W"),
    .after = RESPONSE_EVENT("output_text.done", AT_TEXT "'logprobs':[],'text':%T")
        RESPONSE_EVENT("content_part.done", AT_TEXT "'part':" RESPONSE_PART("%T"))
            RESPONSE_END(RESPONSE_MESSAGE("completed", RESPONSE_PART("%T"))),
};
static const struct script responses_tool = {
    .whole = RESPONSE("completed", RESPONSE_CALL("completed", "%A"), RESPONSE_USAGE),
    .before = RESPONSE_START RESPONSE_ITEM("added", RESPONSE_CALL("in_progress", "''")),
    .delta = RESPONSE_EVENT("function_call_arguments.delta", AT_CALL "'delta':%W"),
    .after = RESPONSE_EVENT("function_call_arguments.done", AT_CALL "'name':%N,'arguments':%A")
        RESPONSE_END(RESPONSE_CALL("completed", "%A")),
};

#define MESSAGE(stop, content, tokens)                                                                                           \
    "{'id':'msg_demo','type':'message','role':'assistant','model':%M,'stop_sequence':null,"                                      \
    "'stop_reason':" stop ",'content':[" content "],'usage':{'input_tokens':%i,'output_tokens':" tokens "}}"
#define MESSAGE_EVENT(type, rest) "event: " type "\ndata: {'type':'" type "'" rest "}\n\n"
#define MESSAGE_START(block)                                                                                                     \
    MESSAGE_EVENT("message_start", ",'message':" MESSAGE("null", "", "1"))                                                       \
    MESSAGE_EVENT("ping", "") MESSAGE_EVENT("content_block_start", ",'index':0,'content_block':" block)
#define MESSAGE_DELTA(delta) MESSAGE_EVENT("content_block_delta", ",'index':0,'delta':" delta)
#define MESSAGE_END(stop)                                                                                                        \
    MESSAGE_EVENT("content_block_stop", ",'index':0")                                                                            \
    MESSAGE_EVENT("message_delta", ",'delta':{'stop_reason':" stop ",'stop_sequence':null},'usage':{'output_tokens':%o}")        \
    MESSAGE_EVENT("message_stop", "")
#define TOOL_USE(input) "{'type':'tool_use','id':'toolu_demo','name':%N,'input':" input "}"

static const struct script messages_text = {
    .whole = MESSAGE("'end_turn'", "{'type':'text','text':%T}", "%o"),
    .before = MESSAGE_START("{'type':'text','text':''}"),
    .delta = MESSAGE_DELTA("{'type':'text_delta','text':%W}"),
    .after = MESSAGE_END("'end_turn'"),
};
static const struct script messages_tool = {
    .whole = MESSAGE("'tool_use'", TOOL_USE("%a"), "%o"),
    .before = MESSAGE_START(TOOL_USE("{}")),
    .delta = MESSAGE_DELTA("{'type':'input_json_delta','partial_json':%W}"),
    .after = MESSAGE_END("'tool_use'"),
};

#define CANDIDATE(part, finish)                                                                                                  \
    "{'candidates':[{'content':{'role':'model','parts':[" part "]}" finish ",'index':0}],"                                       \
    "'usageMetadata':{'promptTokenCount':%i,'candidatesTokenCount':%o,'totalTokenCount':%s},'modelVersion':'demo','responseId':" \
    "'demo'}"
#define STOP ",'finishReason':'STOP'"
#define FUNCTION_CALL "{'functionCall':{'name':%N,'args':%a}}"

static const struct script google_text = {
    .whole = CANDIDATE("{'text':%T}", STOP),
    .before = "",
    .delta = "data: " CANDIDATE("{'text':%W}", "") "\n\n",
    .after = "data: " CANDIDATE("{'text':''}", STOP) "\n\n",
};
static const struct script google_tool = {
    .whole = CANDIDATE(FUNCTION_CALL, STOP),
    .before = "",
    .delta = "",
    .after = "data: " CANDIDATE(FUNCTION_CALL, STOP) "\n\n",
};

/* Answers that are no conversation: %v the vectors of an embeddings answer in its format. */
static const struct script embeddings = {
    .whole = "{'object':'list','model':%M,'data':[%v],'usage':{'prompt_tokens':%i,'total_tokens':%i}}"
};
static const struct script models_openai = {
    .whole = "{'object':'list','data':[{'id':'gpt-demo','object':'model','created':1700000000,'owned_by':'demo'}]}"
};
static const struct script models_anthropic = {
    .whole = "{'data':[{'type':'model','id':'claude-demo','display_name':'Demo','created_at':'2026-01-01T00:00:00Z'}],"
             "'has_more':false,'first_id':'claude-demo','last_id':'claude-demo'}"
};
static const struct script models_google = {
    .whole = "{'models':[{'name':'models/gemini-demo','displayName':'Demo','supportedGenerationMethods':['generateContent']}]}"
};
static const struct script count_anthropic = { .whole = "{'input_tokens':%i}" };
static const struct script count_google = { .whole = "{'totalTokens':%i}" };
static const struct script embed_google = { .whole = "{'embedding':{'values':[0.5,-0.25,0.125,1]}}" };
static const struct script batch_google = { .whole = "{'embeddings':[%v]}" };

enum format { OPENAI, ANTHROPIC, GOOGLE };

static const struct route {
    const char *tail; /* of the path */
    const struct script *text, *tool;
    enum format format;
} routes[] = {
    { "/chat/completions", &chat_text, &chat_tool, OPENAI },
    { "/responses", &responses_text, &responses_tool, OPENAI },
    { "/embeddings", &embeddings, &embeddings, OPENAI },
    { "/messages", &messages_text, &messages_tool, ANTHROPIC },
    { "/messages/count_tokens", &count_anthropic, &count_anthropic, ANTHROPIC },
    { ":generateContent", &google_text, &google_tool, GOOGLE },
    { ":streamGenerateContent", &google_text, &google_tool, GOOGLE },
    { ":countTokens", &count_google, &count_google, GOOGLE },
    { ":embedContent", &embed_google, &embed_google, GOOGLE },
    { ":batchEmbedContents", &batch_google, &batch_google, GOOGLE },
};

enum { REPLY_BYTES = 8 << 20, REPLY_ARENA_BYTES = 128 << 20, REPLY_TEXT_BYTES = 8192 };

struct writer {
    struct demo_reply *r;
    const struct demo_ask *ask;
    const struct route *route;
    struct wd_span text, word;
    unsigned number, tokens_out;
};

void
demo_reply_init(struct demo_reply *r)
{
    *r = (struct demo_reply){ .status = 200, .content_type = "application/json" };
    wd_buf_init(&r->bytes, REPLY_BYTES);
    wd_buf_init(&r->ends, REPLY_BYTES);
}

void
demo_reply_deinit(struct demo_reply *r)
{
    wd_buf_deinit(&r->bytes);
    wd_buf_deinit(&r->ends);
}

size_t
demo_reply_pieces(const struct demo_reply *r)
{
    return r->ends.len / sizeof(uint32_t);
}

static uint32_t
reply_end(const struct demo_reply *r, size_t i)
{
    uint32_t end;

    memcpy(&end, r->ends.ptr + i * sizeof(end), sizeof(end));
    return end;
}

struct wd_span
demo_reply_piece(const struct demo_reply *r, size_t i)
{
    uint32_t start = i > 0 ? reply_end(r, i - 1) : 0;

    return wd_span(r->bytes.ptr + start, reply_end(r, i) - start);
}

static enum wd_err
reply_mark(struct demo_reply *r)
{
    uint32_t end = (uint32_t)r->bytes.len;

    return wd_buf_add(&r->ends, wd_span((const char *)&end, sizeof(end)));
}

static enum wd_err
reply_string(struct wd_buf *out, struct wd_span s)
{
    enum wd_err err = wd_buf_add_byte(out, '"');

    if (err == WD_OK) {
        err = wd_json_escape(out, s);
    }
    return err != WD_OK ? err : wd_buf_add_byte(out, '"');
}

/* One vector an input; the base64 text holds the same four floats. */
static enum wd_err
reply_vectors(const struct writer *w)
{
    const char *vector = w->ask->base64 ? "\"AAAAPwAAgL4AAAA+AACAPw==\"" : "[0.5,-0.25,0.125,1]";
    enum wd_err err = WD_OK;

    for (uint32_t i = 0; i < w->ask->inputs && err == WD_OK; i++) {
        const char *comma = i > 0 ? "," : "";

        if (w->route->format == GOOGLE) {
            err = wd_buf_printf(&w->r->bytes, "%s{\"values\":[0.5,-0.25,0.125,1]}", comma);
        } else {
            err = wd_buf_printf(&w->r->bytes, "%s{\"object\":\"embedding\",\"index\":%u,\"embedding\":%s}", comma, i, vector);
        }
    }
    return err;
}

static enum wd_err reply_expand(struct writer *w, const char *script);

static enum wd_err
reply_hole(struct writer *w, char hole)
{
    const struct demo_ask *ask = w->ask;
    struct wd_buf *out = &w->r->bytes;

    switch (hole) {
    case 'M':
        return reply_string(out, ask->model);
    case 'T':
        return reply_string(out, w->text);
    case 'W':
        return reply_string(out, w->word);
    case 'N':
        return reply_string(out, ask->tool_name);
    case 'A':
        return reply_string(out, ask->tool_args);
    case 'a':
        return wd_buf_add(out, ask->tool_args);
    case 'i':
        return wd_buf_printf(out, "%u", ask->tokens_in);
    case 'o':
        return wd_buf_printf(out, "%u", w->tokens_out);
    case 's':
        return wd_buf_printf(out, "%u", ask->tokens_in + w->tokens_out);
    case 'n':
        return wd_buf_printf(out, "%u", w->number++);
    case 'v':
        return reply_vectors(w);
    default:
        return ask->include_usage ? reply_expand(w, "data: " CHAT ".chunk','choices':[]" CHAT_USAGE "\n\n") : WD_OK;
    }
}

static enum wd_err
reply_expand(struct writer *w, const char *script)
{
    enum wd_err err = WD_OK;

    for (const char *at = script; *at != '\0' && err == WD_OK; at++) {
        if (*at == '%') {
            err = reply_hole(w, *++at);
        } else {
            err = wd_buf_add_byte(&w->r->bytes, *at == '\'' ? '"' : *at);
        }
        if (err == WD_OK && *at == '\n' && at[-1] == '\n') {
            err = reply_mark(w->r);
        }
    }
    return err;
}

/* Takes the next fragment off the text: a word with its leading space, half of a tool's arguments. */
static struct wd_span
reply_fragment(struct wd_span *text, bool tool)
{
    size_t n = tool ? (text->len + 1) / 2 : 1;
    struct wd_span fragment;

    while (n < text->len && (tool ? ((unsigned char)text->ptr[n] & 0xC0) == 0x80 : text->ptr[n] != ' ')) {
        n++;
    }
    fragment = wd_span(text->ptr, n);
    *text = wd_span(text->ptr + n, text->len - n);
    return fragment;
}

static enum wd_err
reply_stream(struct writer *w, const struct script *script)
{
    bool tool = w->ask->tool_name.ptr != NULL;
    struct wd_span rest = tool ? w->ask->tool_args : w->text;
    enum wd_err err = reply_expand(w, script->before);

    w->r->stream = true;
    w->r->content_type = "text/event-stream; charset=utf-8";
    while (rest.len > 0 && err == WD_OK) {
        w->word = reply_fragment(&rest, tool);
        err = reply_expand(w, script->delta);
    }
    return err != WD_OK ? err : reply_expand(w, script->after);
}

static enum wd_err
reply_answer(struct demo_reply *r, const struct route *route, const struct demo_ask *ask, bool stream)
{
    const struct script *script = ask->tool_name.ptr != NULL ? route->tool : route->text;
    bool result = ask->result.ptr != NULL;
    char text[REPLY_TEXT_BYTES];
    int n = snprintf(text, sizeof(text), "Demo answer to: %.*s%s%.*s", (int)ask->user.len, ask->user.ptr,
                     result ? " The tool said: " : "", (int)ask->result.len, result ? ask->result.ptr : "");
    struct writer w = {
        .r = r, .ask = ask, .route = route, .text = wd_span(text, strnlen(text, (size_t)n)), .tokens_out = (unsigned)n / 4
    };
    enum wd_err err;

    if (stream && script->delta != NULL) {
        return reply_stream(&w, script);
    }
    err = reply_expand(&w, script->whole);
    return err != WD_OK ? err : reply_mark(r);
}

static bool
reply_ends_with(struct wd_span path, const char *tail)
{
    size_t len = strlen(tail);

    return path.len >= len && memcmp(path.ptr + path.len - len, tail, len) == 0;
}

static const struct route *
reply_find(struct wd_span path)
{
    for (size_t i = 0; i < sizeof(routes) / sizeof(*routes); i++) {
        if (reply_ends_with(path, routes[i].tail)) {
            return &routes[i];
        }
    }
    return NULL;
}

enum wd_err
demo_reply_error(struct demo_reply *r, struct wd_span path, int status, const char *message)
{
    static const struct {
        int status;
        const char *type[3];
    } types[] = {
        { 401, { "invalid_request_error", "authentication_error", "UNAUTHENTICATED" } },
        { 404, { "invalid_request_error", "not_found_error", "NOT_FOUND" } },
        { 413, { "invalid_request_error", "request_too_large", "INVALID_ARGUMENT" } },
        { 0, { "invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT" } },
    };
    static const char *const shapes[] = {
        "{\"error\":{\"message\":\"%1$s\",\"type\":\"%2$s\",\"param\":null,\"code\":null}}",
        "{\"type\":\"error\",\"error\":{\"type\":\"%2$s\",\"message\":\"%1$s\"},\"request_id\":\"req_demo\"}",
        "{\"error\":{\"code\":%3$d,\"message\":\"%1$s\",\"status\":\"%2$s\"}}",
    };
    const struct route *route = reply_find(path);
    enum format format = route != NULL ? route->format : OPENAI;
    size_t i = 0;
    char text[512];
    enum wd_err err;

    while (types[i].status != 0 && types[i].status != status) {
        i++;
    }
    demo_reply_deinit(r);
    demo_reply_init(r);
    r->status = status;
    snprintf(text, sizeof(text), shapes[format], message, types[i].type[format], status);
    err = wd_buf_add_str(&r->bytes, text);
    return err != WD_OK ? err : reply_mark(r);
}

enum wd_err
demo_reply_make(struct demo_reply *r, const struct demo_request *req)
{
    static const struct route models[] = {
        { "/models", &models_openai, NULL, OPENAI },
        { "/models", &models_anthropic, NULL, ANTHROPIC },
        { "/models", &models_google, NULL, GOOGLE },
    };
    const struct route *route = reply_find(req->path);
    struct demo_ask ask = { .user = WD_SPAN("") };
    struct wd_json_error where;
    struct wd_arena arena;
    struct wd_json doc;
    enum wd_err err;

    if (wd_span_eq(req->method, WD_SPAN("GET")) && reply_ends_with(req->path, "/models")) {
        route = &models[req->anthropic_version ? ANTHROPIC : req->google_key ? GOOGLE : OPENAI];
    } else if (route == NULL || !wd_span_eq(req->method, WD_SPAN("POST"))) {
        return demo_reply_error(r, req->path, 404, "the demo provider does not know this path");
    }
    if (!req->has_key) {
        return demo_reply_error(r, req->path, 401, "no API key came with the request");
    }
    if (route->tool == NULL) {
        return reply_answer(r, route, &ask, false);
    }
    wd_arena_init(&arena, REPLY_ARENA_BYTES);
    err = wd_json_parse(&doc, req->body, &arena, WD_JSON_LIMITS, &where);
    if (err == WD_OK) {
        err = demo_ask_read(&ask, &doc, &arena);
    }
    if (err == WD_OK) {
        err = reply_answer(r, route, &ask, ask.stream || reply_ends_with(req->path, ":streamGenerateContent"));
    } else {
        err = demo_reply_error(r, req->path, 400, "the body is no JSON that the demo provider reads");
    }
    wd_arena_deinit(&arena);
    return err;
}
