#include "injection.h"

#include <hs.h>
#include <stdlib.h>

#include "injection_model.h"
#include "injection_phrases.h"
#include "match.h"

struct wd_injection {
    struct wd_injection_model model;
    struct wd_injection_lexicon lexicon;
    const struct hs_database *phrases; /* borrowed */
};

/* A phrase counts as much as a text that the classifier is nearly sure of. */
#define INJECTION_PHRASE_SCORE 0.95

const struct wd_rule wd_rule_injection_classifier = {
    .id = "injection-classifier",
    .kind = "injection",
    .category = WD_INJECTION,
    .severity = WD_HIGH,
    .directions = WD_INPUT,
    .shape = WD_SHAPE_PHRASE,
    .pattern = "",
    .needs = "",
};

enum wd_err
wd_injection_new(struct wd_injection **injection, const struct hs_database *phrases)
{
    struct wd_injection *in = calloc(1, sizeof(*in));
    enum wd_err err;

    if (in == NULL)
        return WD_ERR_NOMEM;
    wd_injection_lexicon_init(&in->lexicon);
    err = wd_injection_model_read(&in->model, wd_injection_model_file()) ? WD_OK : WD_ERR_SYNTAX;
    in->phrases = phrases;
    if (err != WD_OK) {
        wd_injection_free(in);
        return err;
    }
    *injection = in;
    return WD_OK;
}

void
wd_injection_free(struct wd_injection *injection)
{
    free(injection);
}

enum wd_err
wd_injection_prepare(const struct wd_injection *injection, struct hs_scratch **scratch)
{
    return hs_alloc_scratch(injection->phrases, scratch) == HS_SUCCESS ? WD_OK : WD_ERR_NOMEM;
}

/* What is found in one reading of the text, when it is worse than what was found so far. */
static enum wd_err
injection_read(const struct wd_injection *in, const struct wd_scan *scan, enum wd_injection_role role,
               const struct wd_injection_thresholds *t, struct wd_span text, struct wd_injection_result *out)
{
    struct wd_injection_worst worst;
    struct wd_injection_result phrase;
    enum wd_err err;
    double score;

    err = wd_injection_phrases_find(in->phrases, wd_scratch_hs(scan->scratch), text, &phrase);
    if (err != WD_OK)
        return err;
    if (phrase.rule != NULL && INJECTION_PHRASE_SCORE > out->score) {
        phrase.score = INJECTION_PHRASE_SCORE;
        *out = phrase;
        return WD_OK;
    }
    for (int head = 0; head < (role == WD_INJECTION_DOCUMENT ? 2 : 1); head++) {
        (head == 0 ? wd_injection_model_user : wd_injection_model_document)(&in->model, &in->lexicon, text, &worst);
        score = wd_injection_model_scale(&in->model, (enum wd_injection_head)head, worst.score);
        if (worst.score == INT32_MIN || score <= out->score)
            continue;
        *out = (struct wd_injection_result){ .score = score, .start = worst.start, .end = worst.end };
        if (score > (role == WD_INJECTION_DOCUMENT ? t->document : t->user))
            out->rule = &wd_rule_injection_classifier;
    }
    return WD_OK;
}

enum wd_err
wd_injection_scan(const struct wd_scan *scan, enum wd_injection_role role, const struct wd_injection_thresholds *t,
                  struct wd_span text, struct wd_injection_result *out)
{
    *out = (struct wd_injection_result){ .rule = NULL };
    return injection_read(wd_engine_injection(scan->engine), scan, role, t, text, out);
}
