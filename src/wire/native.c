#include "native.h"

#include "../base/json.h"

/* In templates $M is the message, $N the model, $I the request id, each as the inside of a JSON string. Shapes: WIRE
 * facts 2.4, 2.5. */

#define USAGE_CHAT "\"usage\":{\"prompt_tokens\":0,\"completion_tokens\":0,\"total_tokens\":0}"
#define USAGE_RESPONSES                                                                                                          \
    "\"usage\":{\"input_tokens\":0,\"input_tokens_details\":{\"cached_tokens\":0},\"output_tokens\":0,"                          \
    "\"output_tokens_details\":{\"reasoning_tokens\":0},\"total_tokens\":0}"

#define CHAT_CHUNK "\"id\":\"chatcmpl-$I\",\"object\":\"chat.completion.chunk\",\"created\":0,\"model\":\"$N\""

static const char native_chat[] =
    "{\"id\":\"chatcmpl-$I\",\"object\":\"chat.completion\",\"created\":0,\"model\":\"$N\",\"choices\":[{\"index\":0,"
    "\"message\":{\"role\":\"assistant\",\"content\":\"$M\",\"refusal\":null},\"logprobs\":null,"
    "\"finish_reason\":\"content_filter\"}]," USAGE_CHAT "}";

static const char native_chat_stream[] =
    "data: {" CHAT_CHUNK
    ",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"$M\"},\"finish_reason\":null}]}\n\n"
    "data: {" CHAT_CHUNK ",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"content_filter\"}]," USAGE_CHAT "}\n\n"
    "data: [DONE]\n\n";

#define RESPONSE_PART "{\"type\":\"output_text\",\"text\":\"$M\",\"annotations\":[],\"logprobs\":[]}"
#define RESPONSE_ITEM                                                                                                            \
    "{\"id\":\"msg_$I\",\"type\":\"message\",\"role\":\"assistant\",\"status\":\"completed\",\"content\":[" RESPONSE_PART "]}"
#define RESPONSE_HEAD "\"id\":\"resp_$I\",\"object\":\"response\",\"created_at\":0,\"model\":\"$N\",\"error\":null,"
#define RESPONSE_TAIL                                                                                                            \
    ",\"instructions\":null,\"metadata\":{},\"parallel_tool_calls\":true,\"temperature\":null,\"tool_choice\":\"auto\","         \
    "\"tools\":[],\"top_p\":null"
#define RESPONSE_BEGUN                                                                                                           \
    "{" RESPONSE_HEAD "\"status\":\"in_progress\",\"incomplete_details\":null,\"output\":[],\"usage\":null" RESPONSE_TAIL "}"
#define RESPONSE_ENDED                                                                                                           \
    "{" RESPONSE_HEAD                                                                                                            \
    "\"status\":\"incomplete\",\"incomplete_details\":{\"reason\":\"content_filter\"},\"output\":[" RESPONSE_ITEM                \
    "]," USAGE_RESPONSES RESPONSE_TAIL "}"
#define RESPONSE_EVENT(type, number, rest)                                                                                       \
    "event: " type "\ndata: {\"type\":\"" type "\",\"sequence_number\":" number "," rest "}\n\n"
#define RESPONSE_PLACE "\"item_id\":\"msg_$I\",\"output_index\":0,\"content_index\":0,"

static const char native_responses[] = RESPONSE_ENDED;

static const char native_responses_stream[] = RESPONSE_EVENT("response.created", "0", "\"response\":" RESPONSE_BEGUN)
    RESPONSE_EVENT("response.in_progress", "1", "\"response\":" RESPONSE_BEGUN)
        RESPONSE_EVENT("response.output_item.added", "2",
                       "\"output_index\":0,\"item\":{\"id\":\"msg_$I\",\"type\":\"message\",\"role\":\"assistant\","
                       "\"status\":\"in_progress\",\"content\":[]}")
            RESPONSE_EVENT("response.content_part.added", "3",
                           RESPONSE_PLACE "\"part\":{\"type\":\"output_text\",\"text\":\"\",\"annotations\":[],\"logprobs\":[]}")
                RESPONSE_EVENT("response.output_text.delta", "4", RESPONSE_PLACE "\"delta\":\"$M\",\"logprobs\":[]")
                    RESPONSE_EVENT("response.output_text.done", "5", RESPONSE_PLACE "\"text\":\"$M\",\"logprobs\":[]")
                        RESPONSE_EVENT("response.content_part.done", "6", RESPONSE_PLACE "\"part\":" RESPONSE_PART)
                            RESPONSE_EVENT("response.output_item.done", "7", "\"output_index\":0,\"item\":" RESPONSE_ITEM)
                                RESPONSE_EVENT("response.incomplete", "8", "\"response\":" RESPONSE_ENDED);

#define MESSAGE_HEAD "{\"id\":\"msg_$I\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"$N\","
#define MESSAGE_USAGE "\"usage\":{\"input_tokens\":0,\"output_tokens\":0}"
#define MESSAGE_EVENT(type, rest) "event: " type "\ndata: {\"type\":\"" type "\"" rest "}\n\n"

static const char native_messages[] = MESSAGE_HEAD
    "\"content\":[{\"type\":\"text\",\"text\":\"$M\"}],\"stop_reason\":\"refusal\",\"stop_sequence\":null," MESSAGE_USAGE "}";

static const char native_messages_stream[] = MESSAGE_EVENT(
    "message_start", ",\"message\":" MESSAGE_HEAD "\"content\":[],\"stop_reason\":null,\"stop_sequence\":null," MESSAGE_USAGE "}")
    MESSAGE_EVENT("content_block_start", ",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}")
        MESSAGE_EVENT("content_block_delta", ",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"$M\"}")
            MESSAGE_EVENT("content_block_stop", ",\"index\":0")
                MESSAGE_EVENT("message_delta", ",\"delta\":{\"stop_reason\":\"refusal\",\"stop_sequence\":null}," MESSAGE_USAGE)
                    MESSAGE_EVENT("message_stop", "");

static const char native_generate[] =
    "{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"$M\"}]},\"finishReason\":\"SAFETY\",\"index\":0}],"
    "\"usageMetadata\":{\"promptTokenCount\":0,\"candidatesTokenCount\":0,\"totalTokenCount\":0},\"modelVersion\":\"$N\","
    "\"responseId\":\"$I\"}";

static const struct {
    const char *whole, *stream;
} native_table[WD_OPS] = {
    [WD_OP_CHAT] = { native_chat, native_chat_stream },
    [WD_OP_RESPONSES] = { native_responses, native_responses_stream },
    [WD_OP_MESSAGES] = { native_messages, native_messages_stream },
    [WD_OP_GENERATE] = { native_generate, NULL },
    [WD_OP_STREAM_GENERATE] = { native_generate, native_generate },
};

static enum wd_err
native_expand(struct wd_buf *out, const char *text, struct wd_span model, struct wd_span message, struct wd_span request_id)
{
    enum wd_err err = WD_OK;

    while (err == WD_OK && *text != '\0') {
        size_t plain = strcspn(text, "$");

        err = wd_buf_add(out, wd_span(text, plain));
        text += plain;
        if (err != WD_OK || *text == '\0')
            break;
        err = wd_json_escape(out, text[1] == 'M' ? message : text[1] == 'N' ? model : request_id);
        text += 2;
    }
    return err;
}

enum wd_err
wd_native_refusal(struct wd_buf *out, enum wd_op op, bool stream, struct wd_span model, struct wd_span message,
                  struct wd_span request_id)
{
    const char *text = stream ? native_table[op].stream : native_table[op].whole;
    size_t before = out->len;
    enum wd_err err;

    if (text == NULL)
        return WD_ERR_NOTFOUND;
    err = stream && text == native_generate ? wd_buf_add_str(out, "data: ") : WD_OK;
    if (err == WD_OK)
        err = native_expand(out, text, model, message, request_id);
    if (err == WD_OK && stream && text == native_generate)
        err = wd_buf_add_str(out, "\n\n");
    if (err != WD_OK)
        out->len = before;
    return err;
}
