#ifndef WD_INJECTION_SENTENCES_H
#define WD_INJECTION_SENTENCES_H

#include "injection_words.h"

/*
 * What the document head of the classifier sees: the sentences of a document, each with what it says and with how it
 * stands there: a question among the rows of a table, a command whose words occur nowhere else in the mail. The document
 * is read in chunks, so that memory is bounded and the cost per byte the same for all sizes.
 */
enum {
    WD_INJECTION_CHUNK = 16384,       /* bytes */
    WD_INJECTION_SENTENCE_WORDS = 48, /* a longer one is cut */
    WD_INJECTION_SENTENCE_FEATURES = WD_INJECTION_SENTENCE_WORDS * WD_INJECTION_FEATURES_MAX + 32,
    WD_INJECTION_SKETCH = 4096,
    WD_INJECTION_LINES = 1024, /* of a chunk whose kind is kept */
    WD_INJECTION_KEPT = 4096,  /* words of a chunk that are kept from the first pass to the second; further ones are read again */
};

struct wd_injection_sentences {
    const struct wd_injection_lexicon *lexicon;
    struct wd_span text;
    size_t chunk, chunk_end;
    struct wd_injection_words words;
    bool open;  /* words is inside of the chunk */
    bool fresh; /* at the begin of the chunk, or behind the end of a line */

    /* Words of the chunk, the features of those before `done` were taken; words stands behind them. */
    struct wd_injection_word kept[WD_INJECTION_KEPT];
    uint32_t kept_count, next, done;

    uint8_t sketch[WD_INJECTION_SKETCH]; /* how often a stem occurs in the chunk */
    uint8_t lines[WD_INJECTION_LINES];   /* kinds of lines */
    uint32_t line_count, line;
    uint8_t carrier;

    /* The sentence. */
    size_t start, end;
    uint32_t count;
    uint32_t ids[WD_INJECTION_SENTENCE_FEATURES];
};

void wd_injection_sentences_init(struct wd_injection_sentences *s, const struct wd_injection_lexicon *lexicon,
                                 struct wd_span text);
/* The next sentence with its features; false at the end. */
bool wd_injection_sentences_next(struct wd_injection_sentences *s);

#endif
