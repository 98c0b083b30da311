#include "op.h"

static const struct {
    const char *name;
    enum wd_error_shape shape;
} op_table[WD_OPS] = {
    [WD_OP_CHAT] = { "chat", WD_SHAPE_OPENAI },
    [WD_OP_RESPONSES] = { "responses", WD_SHAPE_OPENAI },
    [WD_OP_EMBEDDINGS] = { "embeddings", WD_SHAPE_OPENAI },
    [WD_OP_MODELS] = { "models", WD_SHAPE_OPENAI },
    [WD_OP_MESSAGES] = { "messages", WD_SHAPE_ANTHROPIC },
    [WD_OP_MESSAGES_COUNT] = { "messages_count", WD_SHAPE_ANTHROPIC },
    [WD_OP_GENERATE] = { "generate", WD_SHAPE_GOOGLE },
    [WD_OP_STREAM_GENERATE] = { "stream_generate", WD_SHAPE_GOOGLE },
    [WD_OP_COUNT_TOKENS] = { "count_tokens", WD_SHAPE_GOOGLE },
    [WD_OP_EMBED] = { "embed", WD_SHAPE_GOOGLE },
    [WD_OP_BATCH_EMBED] = { "batch_embed", WD_SHAPE_GOOGLE },
};

const char *
wd_op_name(enum wd_op op)
{
    return op_table[op].name;
}

enum wd_error_shape
wd_op_shape(enum wd_op op)
{
    return op_table[op].shape;
}
