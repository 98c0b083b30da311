#ifndef WD_INJECTION_MODEL_H
#define WD_INJECTION_MODEL_H

#include "injection_gate.h"
#include "injection_words.h"

/*
 * The linear model: for each feature a weight, the sum over a window of words is its score. Two heads: what a user says,
 * and what stands in a document. The weights are data/injection.bin, which tools/train makes.
 */
enum wd_injection_head { WD_INJECTION_HEAD_USER, WD_INJECTION_HEAD_DOCUMENT, WD_INJECTION_HEADS };

/* Words are summed by blocks; windows are the last NEAR and the last FAR blocks. */
enum { WD_INJECTION_BLOCK = 8, WD_INJECTION_NEAR = 3, WD_INJECTION_FAR = 8 };

struct wd_injection_model {
    const uint8_t *weights[WD_INJECTION_HEADS]; /* buckets */
    uint32_t buckets[WD_INJECTION_HEADS];
    int32_t near[WD_INJECTION_HEADS], far[WD_INJECTION_HEADS]; /* added to the sum of a window */
    int32_t threshold[WD_INJECTION_HEADS];                     /* a score above it is a finding, by default */
    int32_t unit[WD_INJECTION_HEADS];                          /* so much more and the odds are e times as high */
    struct wd_injection_gate gate;                             /* of the head for users */
};

/*
 * A bucket holds two features, each as its weight and a tag: a feature that nobody learned seldom has the weight of another.
 */
enum { WD_INJECTION_BUCKET = 4 };

static inline uint32_t
wd_injection_bucket(uint32_t feature, uint32_t buckets)
{
    return (uint32_t)((uint64_t)feature * buckets >> 32);
}

static inline uint8_t
wd_injection_tag(uint32_t feature)
{
    return (uint8_t)(feature ^ feature >> 8);
}

static inline int32_t
wd_injection_weight(const uint8_t *weights, uint32_t buckets, uint32_t feature)
{
    const uint8_t *bucket = weights + (size_t)WD_INJECTION_BUCKET * wd_injection_bucket(feature, buckets);
    uint32_t pair = (uint32_t)bucket[0] | (uint32_t)bucket[1] << 8 | (uint32_t)bucket[2] << 16 | (uint32_t)bucket[3] << 24;
    uint32_t miss = pair ^ wd_injection_tag(feature) * 0x01000100u;
    int32_t first = (int8_t)pair, second = (int8_t)(pair >> 16);

    return (first & -(int32_t)((miss & 0xff00) == 0)) + (second & -(int32_t)(miss >> 24 == 0));
}

/* What the file holds: fields of 32 bits, little-endian, then the buckets of each head; last,
 * near and far of the gate and its table. */
enum { WD_INJECTION_MAGIC = 0x4a495744 /* "WDIJ" */, WD_INJECTION_VERSION = 3, WD_INJECTION_HEAD_FIELDS = 5 };

/* False when the bytes are no model. They are borrowed. */
bool wd_injection_model_read(struct wd_injection_model *model, struct wd_span file);
/* The one that is built in. */
struct wd_span wd_injection_model_file(void);

/* The worst window of a text: its score, INT32_MIN when there is none, and its bytes. */
struct wd_injection_worst {
    int32_t score;
    size_t start, end;
};

void wd_injection_model_user(const struct wd_injection_model *model, const struct wd_injection_lexicon *lexicon,
                             struct wd_span text, struct wd_injection_worst *worst);
void wd_injection_model_document(const struct wd_injection_model *model, const struct wd_injection_lexicon *lexicon,
                                 struct wd_span text, struct wd_injection_worst *worst);

/* 0 to 1; 0.5 at the threshold of the head. */
double wd_injection_model_scale(const struct wd_injection_model *model, enum wd_injection_head head, int32_t score);

#endif
