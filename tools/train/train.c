/*
 * Trains a head of the injection classifier: logistic regression over the features of src/detect/injection/injection_words.h, on
 * the worst window of each text, weights quantised to 8 bits. The same input gives the same output.
 *
 *     train-injection user|document|gate DATA OUT [-x FAMILY,...] [-s SCORES]
 *
 * DATA holds records: label (1 byte), family (1 byte), weight in hundredths (2 bytes), length, start and end of the attack
 * (4 bytes each), text; little-endian. -x leaves families out of the training. -s writes the score of each record, by its number.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detect/injection/injection_gate.h"
#include "detect/injection/injection_model.h"
#include "detect/injection/injection_sentences.h"

enum { TRAIN_AVERAGED = 4, TRAIN_FAMILIES = 256 };

struct text {
    struct wd_span bytes;
    uint32_t from, to;     /* the attack */
    uint32_t first, words; /* into train.places: words, or sentences */
    uint8_t label, family;
    float weight;
};

struct train {
    enum wd_injection_head head;
    bool gate;
    uint32_t buckets; /* of the file */
    uint32_t size;    /* distinct features */
    uint32_t *keys;   /* their numbers */
    uint32_t *slots;  /* where a number's feature stands, and 1 */
    char *file;
    size_t len;
    struct text *texts;
    uint32_t count;
    uint32_t *ids; /* features of all words */
    uint64_t ids_count, ids_size;
    uint64_t *places; /* where the features of a word begin */
    uint8_t *attacks; /* whether a sentence is of the attack */
    uint64_t places_count, places_size;
    float *weights, *squares, *sums;
    uint32_t *texts_with; /* how many texts have the feature */
    float near, far, near_square, far_square;
    double near_sum, far_sum;
    float *scores; /* of the words of one text */
    bool *chosen;  /* features that there is room for; NULL while that is not known */
    bool held[TRAIN_FAMILIES];
    double rate, l2;
    uint32_t rare, epochs;
    uint64_t seed;
};

static void *
train_grow(void *p, uint64_t count, uint64_t *size, size_t each)
{
    if (count < *size)
        return p;
    *size = *size == 0 ? 1 << 16 : *size * 2;
    p = realloc(p, *size * each);
    if (p == NULL)
        exit(2);
    return p;
}

static uint32_t
train_random(struct train *t, uint32_t n)
{
    t->seed = t->seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((t->seed >> 33) % n);
}

static void
train_read(struct train *t, const char *path)
{
    FILE *f = fopen(path, "rb");
    size_t at;
    uint32_t len, from, to;
    uint64_t size = 0;
    uint16_t weight;

    if (f == NULL || fseek(f, 0, SEEK_END) != 0) {
        perror(path);
        exit(2);
    }
    t->len = (size_t)ftell(f);
    rewind(f);
    t->file = malloc(t->len);
    if (t->file == NULL || fread(t->file, 1, t->len, f) != t->len)
        exit(2);
    fclose(f);
    for (at = 0; at + 16 <= t->len; at += 16 + len) {
        memcpy(&weight, t->file + at + 2, 2);
        memcpy(&len, t->file + at + 4, 4);
        t->texts = train_grow(t->texts, t->count, &size, sizeof(*t->texts));
        memcpy(&from, t->file + at + 8, 4);
        memcpy(&to, t->file + at + 12, 4);
        t->texts[t->count++] = (struct text){ .bytes = wd_span(t->file + at + 16, len),
                                              .from = from,
                                              .to = to,
                                              .label = (uint8_t)t->file[at],
                                              .family = (uint8_t)t->file[at + 1],
                                              .weight = (float)weight / 100 };
    }
}

enum { TRAIN_SLOTS = 1 << 24, TRAIN_FEATURES = 10 << 20 };

/* Features are told apart while training; only the file has room for the best alone. */
static uint32_t
train_feature(struct train *t, uint32_t key)
{
    uint32_t i = key * 0x9e3779b1u >> 8;

    for (; t->slots[i] != 0; i = (i + 1) & (TRAIN_SLOTS - 1))
        if (t->keys[t->slots[i] - 1] == key)
            return t->slots[i] - 1;
    if (t->size == TRAIN_FEATURES) {
        fprintf(stderr, "too many features\n");
        exit(2);
    }
    t->keys[t->size] = key;
    t->slots[i] = ++t->size;
    return t->size - 1;
}

/* The features of one more word or sentence. */
static void
train_place(struct train *t, struct text *text, uint32_t *last, const uint32_t *ids, uint32_t n, bool attack)
{
    uint32_t number = (uint32_t)(text - t->texts) + 1, k;
    uint64_t size = t->places_size;

    t->places = train_grow(t->places, t->places_count + 1, &t->places_size, sizeof(*t->places));
    t->attacks = train_grow(t->attacks, t->places_count + 1, &size, sizeof(*t->attacks));
    t->attacks[t->places_count] = attack;
    t->places[t->places_count++] = t->ids_count;
    for (k = 0; k < n; k++) {
        uint32_t id = train_feature(t, ids[k]);

        t->ids = train_grow(t->ids, t->ids_count, &t->ids_size, sizeof(*t->ids));
        t->ids[t->ids_count++] = id;
        if (last[id] != number && !t->held[text->family]) {
            last[id] = number;
            t->texts_with[id]++;
        }
    }
    text->words++;
}

static void
train_features(struct train *t, const struct wd_injection_lexicon *lexicon)
{
    static struct wd_injection_sentences s;
    uint32_t ids[WD_INJECTION_FEATURES_MAX], i, longest = 0;
    uint32_t *last = calloc(TRAIN_FEATURES, sizeof(*last));
    struct wd_injection_gate_words g;
    struct wd_injection_words w;

    for (i = 0; i < t->count; i++) {
        struct text *text = &t->texts[i];

        text->first = (uint32_t)t->places_count;
        if (t->head == WD_INJECTION_HEAD_DOCUMENT) {
            wd_injection_sentences_init(&s, lexicon, text->bytes);
            while (wd_injection_sentences_next(&s))
                train_place(t, text, last, s.ids, s.count, s.start < text->to && s.end > text->from);
        } else if (t->gate) {
            wd_injection_gate_words_init(&g, text->bytes);
            while (wd_injection_gate_words_next(&g))
                train_place(t, text, last, &g.slot, !g.alone, true);
        } else {
            wd_injection_words_init(&w, lexicon, text->bytes);
            while (wd_injection_words_next(&w))
                train_place(t, text, last, ids, wd_injection_words_features(&w, ids), true);
        }
        longest = text->words > longest ? text->words : longest;
    }
    t->places = train_grow(t->places, t->places_count + 1, &t->places_size, sizeof(*t->places));
    t->places[t->places_count] = t->ids_count;
    t->scores = calloc(longest + 1, sizeof(*t->scores));
    free(last);
}

struct window {
    uint32_t from, to; /* words of the text */
    bool far;
    float score;
};

static uint32_t
train_min(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Sums from the text's begin: scores[i] is that of the words before i. */
static void
train_sum(struct train *t, const struct text *text)
{
    float sum = 0;
    uint64_t at = t->places[text->first], end;

    for (uint32_t i = 0; i < text->words; i++) {
        t->scores[i] = sum;
        for (end = t->places[text->first + i + 1]; at < end; at++)
            sum += t->weights[t->ids[at]];
    }
    t->scores[text->words] = sum;
}

static struct window
train_window(const struct train *t, uint32_t end, bool far)
{
    uint32_t length = (far ? WD_INJECTION_FAR : WD_INJECTION_NEAR) * WD_INJECTION_BLOCK, ends, from;

    ends = (end + WD_INJECTION_BLOCK - 1) / WD_INJECTION_BLOCK * WD_INJECTION_BLOCK;
    from = ends > length ? ends - length : 0;
    return (struct window){ from, end, far, t->scores[end] - t->scores[from] + (far ? t->far : t->near) };
}

static struct window
train_worst_sentence(struct train *t, const struct text *text, struct window *some)
{
    struct window worst = { .score = -1e30f };
    uint32_t i, seen = 0;

    for (i = 0; i < text->words; i++) {
        struct window w = { i, i + 1, false, t->scores[i + 1] - t->scores[i] + t->near };

        /* While training, the sentences around an attack are nobody's. */
        if (some != NULL && text->label == 1 && !t->attacks[text->first + i])
            continue;
        if (w.score > worst.score)
            worst = w;
        if (some != NULL && train_random(t, ++seen) == 0)
            *some = w;
    }
    return worst;
}

/* The worst of all windows of the text, and one by chance. */
static struct window
train_worst(struct train *t, const struct text *text, struct window *some)
{
    struct window worst = { .score = -1e30f }, w;
    uint32_t end, seen = 0;

    train_sum(t, text);
    if (t->head == WD_INJECTION_HEAD_DOCUMENT)
        return train_worst_sentence(t, text, some);
    for (end = train_min(WD_INJECTION_BLOCK, text->words); end > 0; end = train_min(end + WD_INJECTION_BLOCK, text->words)) {
        for (int far = 0; far < 2; far++) {
            if (end < text->words && end < (uint32_t)(far ? WD_INJECTION_FAR : WD_INJECTION_NEAR) * WD_INJECTION_BLOCK)
                continue;
            w = train_window(t, end, far);
            if (w.score > worst.score)
                worst = w;
            if (some != NULL && train_random(t, ++seen) == 0)
                *some = w;
        }
        if (end == text->words)
            break;
    }
    return worst;
}

static float
train_step(float gradient, float *square, double rate)
{
    *square += gradient * gradient;
    return (float)(rate * gradient / sqrt(*square + 1e-8));
}

static void
train_update(struct train *t, const struct text *text, const struct window *w, float weight)
{
    float p = 1 / (1 + expf(-w->score)), g = (p - text->label) * weight;
    uint64_t at;

    if (fabsf(g) < 1e-4f)
        return;
    for (at = t->places[text->first + w->from]; at < t->places[text->first + w->to]; at++) {
        uint32_t id = t->ids[at];

        if (t->texts_with[id] < t->rare || (t->chosen != NULL && !t->chosen[id]))
            continue;
        t->weights[id] -= train_step(g + (float)t->l2 * t->weights[id], &t->squares[id], t->rate);
    }
    if (w->far)
        t->far -= train_step(g, &t->far_square, t->rate);
    else
        t->near -= train_step(g, &t->near_square, t->rate);
}

static void
train_epoch(struct train *t, uint32_t *order, bool average)
{
    struct window worst, some = { 0 };
    uint32_t i, k, swap;

    for (i = t->count; i > 1; i--) {
        k = train_random(t, i);
        swap = order[i - 1];
        order[i - 1] = order[k];
        order[k] = swap;
    }
    for (i = 0; i < t->count; i++) {
        const struct text *text = &t->texts[order[i]];

        if (t->held[text->family] || text->words == 0)
            continue;
        worst = train_worst(t, text, &some);
        train_update(t, text, &worst, text->weight);
        if (text->label == 0 && (some.from != worst.from || some.far != worst.far))
            train_update(t, text, &some, text->weight * 0.3f);
    }
    if (!average)
        return;
    for (i = 0; i < t->size; i++)
        t->sums[i] += t->weights[i];
    t->near_sum += t->near;
    t->far_sum += t->far;
}

static const struct train *train_ordered;

/* What matters most first: great weights that many texts have. */
static float
train_worth(uint32_t id)
{
    float texts = (float)train_ordered->texts_with[id];

    return fabsf(train_ordered->weights[id]) * sqrtf(texts < 100 ? texts : 100);
}

static int
train_order(const void *a, const void *b)
{
    float x = train_worth(*(const uint32_t *)a), y = train_worth(*(const uint32_t *)b);

    if (x != y)
        return x > y ? -1 : 1;
    return *(const uint32_t *)a < *(const uint32_t *)b ? -1 : 1;
}

/* Which features there is room for in the buckets: the best, by what their weights are so far. */
static void
train_choose(struct train *t)
{
    uint32_t *order = malloc(t->size * sizeof(*order)), i, n = 0, kept = 0;
    uint8_t *full = calloc(t->buckets, 1);

    t->chosen = calloc(t->size, sizeof(*t->chosen));
    for (i = 0; i < t->size; i++)
        if (t->texts_with[i] >= t->rare)
            order[n++] = i;
    train_ordered = t;
    qsort(order, n, sizeof(*order), train_order);
    for (i = 0; i < n; i++) {
        uint32_t bucket = t->gate ? i % t->buckets : wd_injection_bucket(t->keys[order[i]], t->buckets);

        if (t->gate || full[bucket] < WD_INJECTION_BUCKET / 2) {
            full[bucket]++;
            t->chosen[order[i]] = true;
            kept++;
        } else {
            t->weights[order[i]] = 0;
        }
    }
    fprintf(stderr, "%u features, %u in enough texts, %u chosen\n", t->size, n, kept);
    free(order);
    free(full);
}

/* The factor that brings weights into 8 bits; the few greatest are cut. */
static float
train_factor(const struct train *t)
{
    uint32_t histogram[1024] = { 0 }, i, count = 0, cut;

    for (i = 0; i < t->size; i++)
        if (t->chosen[i]) {
            histogram[(uint32_t)fminf(1023, fabsf(t->weights[i]) * 128)]++;
            count++;
        }
    cut = count / 500;
    for (i = 1023; i > 1 && cut >= histogram[i]; i--)
        cut -= histogram[i];
    return 127 / ((float)(i + 1) / 128);
}

/* Puts the weights into the buckets, in 8 bits. */
static float
train_pack(struct train *t, uint8_t *file)
{
    float factor;
    uint32_t i;

    for (i = 0; i < t->size; i++)
        t->weights[i] = t->chosen[i] ? t->sums[i] / TRAIN_AVERAGED : 0;
    factor = train_factor(t);
    for (i = 0; t->gate && i < t->size; i++) {
        t->weights[i] = fmaxf(-127, fminf(127, roundf(t->weights[i] * factor)));
        file[t->keys[i]] = (uint8_t)(int8_t)t->weights[i];
    }
    for (i = 0; !t->gate && i < t->size; i++) {
        uint8_t *bucket = file + (size_t)WD_INJECTION_BUCKET * wd_injection_bucket(t->keys[i], t->buckets);

        t->weights[i] = fmaxf(-127, fminf(127, roundf(t->weights[i] * factor)));
        if (t->weights[i] == 0)
            continue;
        if (bucket[0] != 0)
            bucket += 2;
        bucket[0] = (uint8_t)(int8_t)t->weights[i];
        bucket[1] = wd_injection_tag(t->keys[i]);
    }
    t->near = roundf((float)t->near_sum / TRAIN_AVERAGED * factor);
    t->far = roundf((float)t->far_sum / TRAIN_AVERAGED * factor);
    return factor;
}

static void
train_write(const struct train *t, const char *path, const uint8_t *file, float factor)
{
    int32_t fields[WD_INJECTION_HEAD_FIELDS] = { (int32_t)t->buckets, (int32_t)t->near, (int32_t)t->far, 0,
                                                 (int32_t)roundf(factor) };
    FILE *f = fopen(path, "wb");

    if (f == NULL || fwrite(fields, sizeof(fields), 1, f) != 1 ||
        fwrite(file, WD_INJECTION_BUCKET, t->buckets, f) != t->buckets || fclose(f) != 0) {
        perror(path);
        exit(2);
    }
}

static void
train_scores(struct train *t, const char *path, float factor)
{
    FILE *f = fopen(path, "w");

    for (uint32_t i = 0; i < t->count; i++)
        fprintf(f, "%.4f\n", t->texts[i].words > 0 ? train_worst(t, &t->texts[i], NULL).score / factor : -99.0f);
    fclose(f);
}

static void
train_options(struct train *t, int argc, char **argv, const char **scores)
{
    for (int a = 4; a + 1 < argc; a += 2) {
        const char *value = argv[a + 1];

        switch (argv[a][1]) {
        case 'x':
            for (char *s = strtok(argv[a + 1], ","); s != NULL; s = strtok(NULL, ","))
                t->held[atoi(s) & 255] = true;
            break;
        case 's':
            *scores = value;
            break;
        case 'r':
            t->rate = atof(value);
            break;
        case 'l':
            t->l2 = atof(value);
            break;
        case 'b':
            t->buckets = (uint32_t)atoi(value);
            break;
        case 'n':
            t->rare = (uint32_t)atoi(value);
            break;
        case 'e':
            t->epochs = (uint32_t)atoi(value);
            break;
        default:
            exit(2);
        }
    }
}

int
main(int argc, char **argv)
{
    static struct wd_injection_lexicon lexicon;
    struct train t = { .rate = 0.05, .l2 = 1e-3, .seed = 7, .rare = 2, .epochs = 12, .buckets = 47000 };
    const char *scores = NULL;
    uint32_t *order, i;
    uint8_t *file;
    float factor;

    if (argc < 4)
        return 2;
    t.head = strcmp(argv[1], "document") == 0 ? WD_INJECTION_HEAD_DOCUMENT : WD_INJECTION_HEAD_USER;
    t.gate = strcmp(argv[1], "gate") == 0;
    if (t.gate)
        t.buckets = WD_INJECTION_GATE_SIZE / WD_INJECTION_BUCKET;
    else if (t.head == WD_INJECTION_HEAD_USER)
        t.buckets = 76000;
    train_options(&t, argc, argv, &scores);
    t.slots = calloc(TRAIN_SLOTS, sizeof(uint32_t));
    t.keys = calloc(TRAIN_FEATURES, sizeof(uint32_t));
    t.texts_with = calloc(TRAIN_FEATURES, sizeof(uint32_t));
    wd_injection_lexicon_init(&lexicon);
    train_read(&t, argv[2]);
    train_features(&t, &lexicon);
    t.weights = calloc(t.size, sizeof(float));
    t.squares = calloc(t.size, sizeof(float));
    t.sums = calloc(t.size, sizeof(float));
    order = malloc(t.count * sizeof(*order));
    for (i = 0; i < t.count; i++)
        order[i] = i;
    for (i = 0; i < t.epochs; i++) {
        if (i == t.epochs / 2)
            train_choose(&t);
        train_epoch(&t, order, i + TRAIN_AVERAGED >= t.epochs);
    }
    file = calloc(t.buckets, WD_INJECTION_BUCKET);
    factor = train_pack(&t, file);
    train_write(&t, argv[3], file, factor);
    if (scores != NULL)
        train_scores(&t, scores, factor);
    return 0;
}
