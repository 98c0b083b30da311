#include "injection_sentences.h"

#include <string.h>

/* What a line looks like, and what most of a chunk is. */
enum { LINE_NONE, LINE_PROSE, LINE_SHORT, LINE_TABLE, LINE_CODE, CARRIER_EMAIL };

/* Kinds of features; those of words have others. */
enum {
    S_CARRIER = 101,
    S_FIRST,
    S_FIRST_CARRIER,
    S_FIRST2,
    S_FIRST_CLASS,
    S_ASKS,
    S_LENGTH,
    S_KNOWN,
    S_KNOWN_CLASS,
    S_PLACE,
    S_LAST,
    S_SAYS
};

/* What is counted while one sentence is read. */
struct reading {
    uint32_t words, letters, content, known, first, second;
    uint8_t first_class, last_sign, classes[2];
    bool begins_line, ends_line;
};

/* Counted of a line in the first pass. */
struct line {
    uint32_t words, signs, pipes, code;
};

static uint8_t
sentences_line_kind(const struct line *l)
{
    if (l->words + l->signs == 0)
        return LINE_NONE;
    if (l->pipes >= 2)
        return LINE_TABLE;
    if (l->code * 4 > l->words + l->signs)
        return LINE_CODE;
    return l->words < 4 ? LINE_SHORT : LINE_PROSE;
}

/* Signs that code is full of. */
static const bool sentences_code[256] = {
    ['{'] = 1, ['}'] = 1, ['('] = 1, [')'] = 1, ['['] = 1, [']'] = 1, [';'] = 1,  ['='] = 1,
    ['<'] = 1, ['>'] = 1, ['_'] = 1, ['+'] = 1, ['*'] = 1, ['/'] = 1, ['\\'] = 1, ['`'] = 1,
    ['#'] = 1, ['$'] = 1, ['&'] = 1, ['^'] = 1, ['~'] = 1, ['@'] = 1, ['|'] = 1,
};

static void
sentences_end_line(struct wd_injection_sentences *s, struct line *l, uint32_t bytes[CARRIER_EMAIL + 1], uint32_t length)
{
    uint8_t kind = sentences_line_kind(l);

    bytes[kind] += length;
    if (s->line_count < WD_INJECTION_LINES)
        s->lines[s->line_count] = kind;
    s->line_count++;
    *l = (struct line){ 0 };
}

static bool
sentences_is_content(const struct wd_injection_word *w)
{
    return w->kind == WD_WORD && w->after - w->start >= 4;
}

static uint32_t
sentences_slot(uint32_t stem)
{
    return wd_injection_mix(stem, 77) % WD_INJECTION_SKETCH;
}

/* As memmem(), for what begins with a byte that is rare: that one is found first. */
static bool
sentences_holds(struct wd_span s, const char *what)
{
    size_t len = strlen(what);
    const char *p = s.ptr, *end = s.ptr + s.len;

    for (; (size_t)(end - p) >= len && (p = memchr(p, what[0], (size_t)(end - p) - len + 1)) != NULL; p++)
        if (memcmp(p, what, len) == 0)
            return true;
    return false;
}

/* Letters begin with "Subject:" or "Dear". */
static bool
sentences_is_email(struct wd_span chunk)
{
    static const char *const begins[] = { "SUBJECT:", "Subject:", "Dear ", "Hi ", "Hello " };
    struct wd_span head = wd_span(chunk.ptr, chunk.len < 400 ? chunk.len : 400);

    for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
        if (sentences_holds(head, begins[i]))
            return true;
    return false;
}

/* The features of the words up to the next one. */
static void
sentences_flush(struct wd_injection_sentences *s)
{
    s->count += wd_injection_words_list(&s->words, s->kept + s->done, s->next - s->done, s->ids + s->count);
    s->done = s->next;
}

/* The next word of the chunk, NULL at its end. */
static const struct wd_injection_word *
sentences_next_word(struct wd_injection_sentences *s)
{
    if (s->next == s->kept_count) {
        sentences_flush(s);
        for (s->kept_count = 0; s->kept_count < WD_INJECTION_KEPT; s->kept_count++)
            if (!wd_injection_words_read(&s->words, s->kept + s->kept_count))
                break;
        s->next = s->done = 0;
    }
    return s->next < s->kept_count ? s->kept + s->next++ : NULL;
}

/* First pass: which words occur, what the lines are. */
static void
sentences_survey(struct wd_injection_sentences *s, struct wd_span chunk)
{
    uint32_t bytes[CARRIER_EMAIL + 1] = { 0 }, line_start = 0;
    struct wd_injection_words w;
    struct wd_injection_word more, *is = s->kept;
    struct line l = { 0 };

    memset(s->sketch, 0, sizeof(s->sketch));
    s->line_count = s->line = 0;
    wd_injection_words_init(&w, s->lexicon, chunk);
    s->kept_count = s->next = s->done = 0;
    while (wd_injection_words_read(&w, is)) {
        if (is->kind == WD_LINE) {
            sentences_end_line(s, &l, bytes, (uint32_t)is->start - line_start);
            line_start = (uint32_t)is->after;
        } else if (is->kind == WD_SIGN) {
            l.signs++;
            l.pipes += is->sign == '|';
            l.code += sentences_code[is->sign];
        } else {
            l.words++;
            l.code += is->mixed;
            if (sentences_is_content(is) && s->sketch[sentences_slot(is->stem)] < 255)
                s->sketch[sentences_slot(is->stem)]++;
        }
        if (is != &more && ++s->kept_count == WD_INJECTION_KEPT)
            s->words = w;
        is = s->kept_count < WD_INJECTION_KEPT ? s->kept + s->kept_count : &more;
    }
    if (s->kept_count < WD_INJECTION_KEPT)
        s->words = w;
    sentences_end_line(s, &l, bytes, (uint32_t)chunk.len - line_start);
    if (bytes[LINE_TABLE] * 3 > chunk.len)
        s->carrier = LINE_TABLE;
    else if (bytes[LINE_CODE] * 3 > chunk.len || sentences_holds(chunk, "```"))
        s->carrier = LINE_CODE;
    else
        s->carrier = sentences_is_email(chunk) ? CARRIER_EMAIL : LINE_PROSE;
}

void
wd_injection_sentences_init(struct wd_injection_sentences *s, const struct wd_injection_lexicon *lexicon, struct wd_span text)
{
    s->lexicon = lexicon;
    s->text = text;
    s->chunk = s->chunk_end = 0;
    s->open = false;
}

/* Cut at a line, else between words. */
static bool
sentences_open_chunk(struct wd_injection_sentences *s)
{
    size_t left = s->text.len - s->chunk_end, len = left < WD_INJECTION_CHUNK ? left : WD_INJECTION_CHUNK;
    const char *from = s->text.ptr + s->chunk_end, *cut = NULL;

    if (left == 0)
        return false;
    if (left > len) {
        cut = memrchr(from + len / 2, '\n', len / 2);
        if (cut == NULL)
            cut = memrchr(from + len / 2, ' ', len / 2);
        if (cut != NULL)
            len = (size_t)(cut - from) + 1;
    }
    s->chunk = s->chunk_end;
    s->chunk_end += len;
    sentences_survey(s, wd_span(from, len));
    s->open = s->fresh = true;
    return true;
}

static uint8_t
sentences_line(const struct wd_injection_sentences *s, int64_t line)
{
    return line >= 0 && line < s->line_count && line < WD_INJECTION_LINES ? s->lines[line] : LINE_NONE;
}

static void
sentences_add(struct wd_injection_sentences *s, uint32_t kind, uint32_t a, uint32_t b)
{
    s->ids[s->count++] = wd_injection_mix(kind * 0x01000193u ^ a, b);
}

/* How the sentence stands in its document. */
static void
sentences_features(struct wd_injection_sentences *s, const struct reading *r)
{
    uint32_t length = r->words <= 3 ? 0 : r->words <= 6 ? 1 : r->words <= 12 ? 2 : r->words <= 24 ? 3 : 4;
    uint32_t known = r->content == 0 ? 9 : r->known * 4 / r->content + (r->known > 0 && r->known * 4 < r->content);
    uint32_t carrier = s->carrier, line = sentences_line(s, s->line), place;

    place = (r->begins_line ? 1u : 0) | (r->ends_line ? 2u : 0) | (s->start == 0 ? 4u : 0) | (s->end == s->text.len ? 8u : 0);
    place |= (uint32_t)sentences_line(s, (int64_t)s->line - 1) << 4 | (uint32_t)sentences_line(s, (int64_t)s->line + 1) << 8 |
             line << 12;
    sentences_add(s, S_CARRIER, carrier, line);
    sentences_add(s, S_FIRST, r->first, 0);
    sentences_add(s, S_FIRST_CARRIER, r->first, carrier);
    sentences_add(s, S_FIRST2, r->first, r->second);
    sentences_add(s, S_FIRST_CLASS, r->first_class, carrier);
    sentences_add(s, S_FIRST_CLASS, r->first_class, 100u + r->classes[0]);
    sentences_add(s, S_ASKS, r->last_sign == '?', carrier);
    sentences_add(s, S_ASKS, r->last_sign == '?', 100u + r->first_class);
    sentences_add(s, S_LENGTH, length, carrier);
    sentences_add(s, S_LENGTH, length, 100u + line);
    sentences_add(s, S_KNOWN, known, carrier);
    sentences_add(s, S_KNOWN, known, 100u + line * 8 + length);
    sentences_add(s, S_KNOWN_CLASS, known, r->first_class);
    sentences_add(s, S_PLACE, place, carrier);
    sentences_add(s, S_PLACE, place & 0xff3, 100);
    sentences_add(s, S_LAST, r->last_sign, r->ends_line);
    sentences_add(s, S_SAYS, (uint32_t)r->classes[0] << 8 | r->classes[1], r->first_class);
}

static void
sentences_take(const struct wd_injection_sentences *s, const struct wd_injection_word *w, struct reading *r)
{
    if (w->kind == WD_SIGN) {
        r->last_sign = w->sign;
        return;
    }
    if (r->words == 0) {
        r->first = w->word;
        r->first_class = w->class;
    } else if (r->words == 1) {
        r->second = w->stem;
    }
    if (r->words > 0 && w->class != 0) {
        if (r->classes[0] == 0)
            r->classes[0] = w->class;
        else if (r->classes[1] == 0)
            r->classes[1] = w->class;
    }
    r->words++;
    if (sentences_is_content(w)) {
        r->content++;
        r->known += s->sketch[sentences_slot(w->stem)] > 1;
    }
}

/* A full stop ends a sentence when a blank follows; those of Chinese and Japanese always do. */
static bool
sentences_ends(const struct wd_injection_sentences *s, const struct wd_injection_word *w)
{
    const uint8_t *at = s->words.begin + w->after;

    if (w->kind != WD_SIGN)
        return false;
    if (w->sign == '.' || w->sign == '?' || w->sign == '!' || w->sign == '|')
        return at == s->words.end || *at == ' ' || *at == '\n' || *at == '\r' || *at == '\t' || w->sign == '|';
    return w->sign == 0xe3 && w->after - w->start == 3 && s->words.begin[w->start + 2] == 0x82;
}

/* The words up to the end of a sentence; false when the chunk ended without any. */
static bool
sentences_read(struct wd_injection_sentences *s, struct reading *r)
{
    const struct wd_injection_word *w;
    uint32_t tokens = 0;

    s->count = 0;
    *r = (struct reading){ .begins_line = s->fresh };
    while ((w = sentences_next_word(s)) != NULL) {
        s->fresh = w->kind == WD_LINE;
        if (s->fresh) {
            s->next--;
            sentences_flush(s);
            s->done = ++s->next;
            if (r->words > 0) {
                r->ends_line = true;
                return true;
            }
            s->line++;
            s->count = tokens = 0;
            *r = (struct reading){ .begins_line = true };
            continue;
        }
        if (tokens == 0)
            s->start = s->chunk + w->start;
        s->end = s->chunk + w->after;
        sentences_take(s, w, r);
        if (++tokens == WD_INJECTION_SENTENCE_WORDS || (r->words > 0 && sentences_ends(s, w))) {
            sentences_flush(s);
            return true;
        }
    }
    s->open = false;
    r->ends_line = true;
    return r->words > 0;
}

bool
wd_injection_sentences_next(struct wd_injection_sentences *s)
{
    struct reading r;

    do {
        if (!s->open && !sentences_open_chunk(s))
            return false;
    } while (!sentences_read(s, &r));
    sentences_features(s, &r);
    s->line += s->fresh;
    return true;
}
