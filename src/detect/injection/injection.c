#include "injection.h"

#include <hs.h>
#include <stdlib.h>
#include <string.h>

#include "../text/canon.h"
#include "injection_model.h"
#include "injection_phrases.h"
#include "../match.h"

struct wd_injection {
    struct wd_injection_model model;
    struct wd_injection_lexicon lexicon;
    const struct hs_database *phrases; /* borrowed */
};

/*
 * A phrase counts as much as a text that the classifier is nearly sure of. Who writes about phrases uses them too: one in
 * words, other than a forged delimiter, does not count where the classifier is nearly sure of the contrary.
 */
#define INJECTION_PHRASE_SCORE 0.95
#define INJECTION_PHRASE_DOUBT 0.05

enum {
    INJECTION_AROUND = 256, /* bytes before and behind a phrase that are weighed with it */
    INJECTION_DOUBTED = 16, /* phrases of a text that may be doubted; what comes then counts */
};

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

/* One look at one text: what is asked, and the worst that was found. */
struct look {
    const struct wd_injection *in;
    const struct wd_scan *scan;
    bool document;
    bool judges; /* the classifier's rule is on */
    double threshold;
    struct wd_injection_result worst;
    bool phrase; /* worst is one: it says more than a window does, so that only its score may rise */
};

static bool
injection_weigh(struct look *l, enum wd_injection_head head, const struct wd_injection_worst *window, size_t base)
{
    double score = wd_injection_model_scale(&l->in->model, head, window->score);

    if (window->score == INT32_MIN || score <= l->worst.score)
        return false;
    if (l->phrase) {
        l->worst.score = score;
        return false;
    }
    l->worst = (struct wd_injection_result){
        .rule = score > l->threshold && l->judges ? &wd_rule_injection_classifier : NULL,
        .score = score,
        .start = base + window->start,
        .end = base + window->end,
    };
    return true;
}

static bool
injection_doubts(const struct look *l, struct wd_span text, const struct wd_injection_result *phrase)
{
    static const char *const kinds[] = { "instruction-override", "role-play", "prompt-extraction" };
    size_t start = phrase->start > INJECTION_AROUND ? phrase->start - INJECTION_AROUND : 0;
    size_t end = text.len - phrase->end > INJECTION_AROUND ? phrase->end + INJECTION_AROUND : text.len;
    struct wd_injection_worst window;
    bool words = false;

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        words |= strcmp(phrase->rule->kind, kinds[i]) == 0;
    if (!words)
        return false;
    wd_injection_model_user(&l->in->model, &l->in->lexicon, wd_span(text.ptr + start, end - start), &window);
    return wd_injection_model_scale(&l->in->model, WD_INJECTION_HEAD_USER, window.score) < INJECTION_PHRASE_DOUBT;
}

/* The first phrase that counts. */
static enum wd_err
injection_phrase(const struct look *l, struct wd_span text, struct wd_injection_result *phrase)
{
    size_t from = 0;
    enum wd_err err;

    for (int doubted = 0;; doubted++) {
        err = wd_injection_phrases_find(l->in->phrases, l->scan, wd_span(text.ptr + from, text.len - from), phrase);
        if (err != WD_OK || phrase->rule == NULL)
            return err;
        phrase->start += from;
        phrase->end += from;
        if (doubted == INJECTION_DOUBTED || !injection_doubts(l, text, phrase))
            return WD_OK;
        from = phrase->end;
    }
}

/* True when the text holds something worse than what was found so far. */
static enum wd_err
injection_read(struct look *l, struct wd_span text, bool *worse)
{
    struct wd_injection_worst window;
    struct wd_injection_result phrase;
    struct wd_span suspect;
    size_t from = 0;
    enum wd_err err;

    *worse = false;
    err = injection_phrase(l, text, &phrase);
    if (err != WD_OK)
        return err;
    if (phrase.rule != NULL && !l->phrase) {
        l->worst = phrase;
        l->worst.score = INJECTION_PHRASE_SCORE;
        l->phrase = *worse = true;
    }
    while (wd_injection_gate_next(&l->in->model.gate, text, &from, &suspect)) {
        wd_injection_model_user(&l->in->model, &l->in->lexicon, suspect, &window);
        *worse |= injection_weigh(l, WD_INJECTION_HEAD_USER, &window, (size_t)(suspect.ptr - text.ptr));
    }
    if (l->document) {
        wd_injection_model_document(&l->in->model, &l->in->lexicon, text, &window);
        *worse |= injection_weigh(l, WD_INJECTION_HEAD_DOCUMENT, &window, 0);
    }
    return WD_OK;
}

static bool
injection_is_settled(const struct look *l)
{
    return l->worst.rule != NULL && l->worst.rule->severity >= WD_HIGH;
}

/* What a reading hides counts as what it says; once the worst was found, what else is spelled otherwise changes nothing. */
static enum wd_err
injection_read_all(struct look *l, struct wd_canon *canon, struct wd_span text)
{
    enum wd_err err = wd_canon_make(canon, text);
    uint32_t start, end;
    bool worse;

    for (uint32_t i = 0; err == WD_OK && i < canon->count && !injection_is_settled(l); i++) {
        const struct wd_reading *r = &canon->readings[i];

        err = injection_read(l, wd_span(r->ptr, r->len), &worse);
        if (err != WD_OK || !worse || !r->changed)
            continue;
        wd_canon_span(canon, r, text, (uint32_t)l->worst.start, (uint32_t)l->worst.end, &start, &end);
        l->worst.start = start;
        l->worst.end = end;
    }
    return err;
}

enum wd_err
wd_injection_scan(const struct wd_scan *scan, enum wd_injection_role role, const struct wd_injection_thresholds *t,
                  struct wd_span text, struct wd_injection_result *out)
{
    struct look l = {
        .in = wd_engine_injection(scan->engine),
        .scan = scan,
        .document = role == WD_INJECTION_DOCUMENT,
        .judges = wd_scan_action(scan, &wd_rule_injection_classifier) != WD_OFF,
        .threshold = role == WD_INJECTION_DOCUMENT ? t->document : t->user,
    };
    enum wd_err err;
    bool worse;

    err =
        wd_canon_needed(text) ? injection_read_all(&l, wd_scratch_canon(scan->scratch), text) : injection_read(&l, text, &worse);
    *out = l.worst;
    return err;
}
