#include "injection_model.h"

#include <endian.h>
#include <math.h>
#include <string.h>

#include "injection_sentences.h"

static int32_t
model_field(const uint8_t *p)
{
    return (int32_t)((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
}

bool
wd_injection_model_read(struct wd_injection_model *model, struct wd_span file)
{
    const uint8_t *p = (const uint8_t *)file.ptr;
    size_t at = 8 + (size_t)WD_INJECTION_HEADS * WD_INJECTION_HEAD_FIELDS * 4;

    if (file.len < at || model_field(p) != WD_INJECTION_MAGIC || model_field(p + 4) != WD_INJECTION_VERSION)
        return false;
    for (int i = 0; i < WD_INJECTION_HEADS; i++) {
        const uint8_t *f = p + 8 + (size_t)i * WD_INJECTION_HEAD_FIELDS * 4;
        size_t size = (size_t)(uint32_t)model_field(f) * WD_INJECTION_BUCKET;

        if (size == 0 || file.len - at < size)
            return false;
        model->buckets[i] = (uint32_t)model_field(f);
        model->near[i] = model_field(f + 4);
        model->far[i] = model_field(f + 8);
        model->threshold[i] = model_field(f + 12);
        model->unit[i] = model_field(f + 16);
        model->weights[i] = p + at;
        at += size;
        if (model->unit[i] <= 0)
            return false;
    }
    if (file.len - at != 8 + WD_INJECTION_GATE_SIZE)
        return false;
    model->gate = (struct wd_injection_gate){ (const int8_t *)p + at + 8, model_field(p + at), model_field(p + at + 4) };
    return true;
}

double
wd_injection_model_scale(const struct wd_injection_model *model, enum wd_injection_head head, int32_t score)
{
    return 1.0 / (1.0 + exp(-((double)score - model->threshold[head]) / model->unit[head]));
}

typedef uint32_t quad __attribute__((vector_size(16)));
typedef int16_t halves __attribute__((vector_size(16)));

static inline uint32_t
model_pair(const uint8_t *weights, uint32_t buckets, uint32_t feature)
{
    uint32_t pair;

    memcpy(&pair, weights + (size_t)WD_INJECTION_BUCKET * wd_injection_bucket(feature, buckets), sizeof(pair));
    return le32toh(pair);
}

/* The weights of all of them together: as wd_injection_weight() for each, four at a time. */
static int32_t
model_sum(const struct wd_injection_model *model, enum wd_injection_head head, const uint32_t *ids, uint32_t count)
{
    enum { SAFE = 128 }; /* rounds of four without a carry out of 16 bits */
    const uint8_t *weights = model->weights[head];
    uint32_t buckets = model->buckets[head], i = 0, stop;
    int32_t sum = 0;

    while (count - i >= 4) {
        halves sums = { 0 };
        for (stop = count - i < 4 * SAFE ? count - 3 : i + 4 * SAFE - 3; i < stop; i += 4) {
            quad feature = { ids[i], ids[i + 1], ids[i + 2], ids[i + 3] };
            quad pair = { model_pair(weights, buckets, ids[i]), model_pair(weights, buckets, ids[i + 1]),
                          model_pair(weights, buckets, ids[i + 2]), model_pair(weights, buckets, ids[i + 3]) };
            quad tag = (feature ^ feature >> 8) & 0xff;
            halves both = (halves)pair, miss = (halves)(pair ^ (tag << 8 | tag << 24)) & ~0xff;
            sums += (both << 8 >> 8) & (miss == 0);
        }
        for (int k = 0; k < 8; k++)
            sum += sums[k];
    }
    for (; i < count; i++)
        sum += wd_injection_weight(weights, buckets, ids[i]);
    return sum;
}

/* The last blocks of a text, in a ring. */
struct blocks {
    int32_t sum[WD_INJECTION_FAR];
    size_t start[WD_INJECTION_FAR];
    uint32_t count; /* of all blocks that ended */
    size_t end;
};

static void
model_window(const struct blocks *b, uint32_t blocks, int32_t score, struct wd_injection_worst *worst)
{
    uint32_t i, n = b->count < blocks ? b->count : blocks;

    for (i = 0; i < n; i++)
        score += b->sum[(b->count - 1 - i) % WD_INJECTION_FAR];
    if (score <= worst->score)
        return;
    worst->score = score;
    worst->start = b->start[(b->count - n) % WD_INJECTION_FAR];
    worst->end = b->end;
}

/* A window is looked at when it is full, and what is there when the text ends. */
static void
model_block_ends(const struct wd_injection_model *model, const struct blocks *b, bool last, struct wd_injection_worst *worst)
{
    if (b->count >= WD_INJECTION_NEAR || last)
        model_window(b, WD_INJECTION_NEAR, model->near[WD_INJECTION_HEAD_USER], worst);
    if (b->count >= WD_INJECTION_FAR || last)
        model_window(b, WD_INJECTION_FAR, model->far[WD_INJECTION_HEAD_USER], worst);
}

void
wd_injection_model_user(const struct wd_injection_model *model, const struct wd_injection_lexicon *lexicon, struct wd_span text,
                        struct wd_injection_worst *worst)
{
    uint32_t ids[WD_INJECTION_BLOCK * WD_INJECTION_FEATURES_MAX], n, words;
    struct wd_injection_word row[WD_INJECTION_BLOCK];
    struct wd_injection_words w;
    struct blocks b = { .count = 0 };

    *worst = (struct wd_injection_worst){ .score = INT32_MIN };
    wd_injection_words_init(&w, lexicon, text);
    do {
        for (words = 0; words < WD_INJECTION_BLOCK && wd_injection_words_read(&w, row + words);)
            words++;
        if (words > 0) {
            n = wd_injection_words_list(&w, row, words, ids);
            b.start[b.count % WD_INJECTION_FAR] = row[0].start;
            b.sum[b.count++ % WD_INJECTION_FAR] = model_sum(model, WD_INJECTION_HEAD_USER, ids, n);
            b.end = row[words - 1].after;
        }
        if (b.count > 0)
            model_block_ends(model, &b, words < WD_INJECTION_BLOCK, worst);
    } while (words == WD_INJECTION_BLOCK);
}

void
wd_injection_model_document(const struct wd_injection_model *model, const struct wd_injection_lexicon *lexicon,
                            struct wd_span text, struct wd_injection_worst *worst)
{
    struct wd_injection_sentences s;
    int32_t score;

    *worst = (struct wd_injection_worst){ .score = INT32_MIN };
    wd_injection_sentences_init(&s, lexicon, text);
    while (wd_injection_sentences_next(&s)) {
        score = model->near[WD_INJECTION_HEAD_DOCUMENT] + model_sum(model, WD_INJECTION_HEAD_DOCUMENT, s.ids, s.count);
        if (score > worst->score)
            *worst = (struct wd_injection_worst){ score, s.start, s.end };
    }
}
