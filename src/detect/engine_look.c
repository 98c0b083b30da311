/* Can anything match? A quick look at texts as they came, and at the characters that a redactor has at hand. */
#include "../base/buf.h"
#include "secret/bare.h"
#include "text/chars.h"
#include "engine_priv.h"
#include "text/glyphs.h"
#include "text/numbers.h"

/* LOOK_HOUSE: so many bytes behind words that announce an address its first digit stands at most. */
enum { LOOK_READ_KEPT = 1 << 18, LOOK_HOUSE = 192, LOOK_CALLED_MAX = 256 };

struct look {
    const struct wd_scan *scan;
    struct wd_span text;
    bool whole;      /* the text is all there is: what a rule needs before its value has to stand in it */
    bool number;     /* a number is looked at, */
    unsigned digits; /* that has so many digits */
    bool wanting;
    uint64_t wanted[WD_ENGINE_CONTEXTS_MAX / 64]; /* words without which what was found is nothing */
};

/* A digit stands near the words that end at `to`. */
static bool
look_is_near_digit(struct wd_span text, size_t to)
{
    size_t end = text.len - to > LOOK_HOUSE ? to + LOOK_HOUSE : text.len;

    return wd_numbers_digit(wd_span(text.ptr, end), to) < end;
}

static bool
look_on_words(const struct look *look, unsigned context, size_t to)
{
    const struct wd_engine *e = look->scan->engine;

    if (look->number)
        return look->digits >= e->context_least[context];
    if ((look->wanted[context / 64] >> (context % 64) & 1) != 0)
        return true;
    return look->whole && e->early[context] && look->scan->actions[WD_PII] != WD_OFF && look_is_near_digit(look->text, to);
}

/* A rule that counts ends the scan; one that needs words says so, and words that are wanted end it. */
static int
look_on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *ctx)
{
    struct look *look = ctx;
    const struct wd_engine *e = look->scan->engine;
    unsigned context;

    if (id == e->count)
        return 1;
    if (id > e->count)
        return look_on_words(look, id - e->count - 1, (size_t)to);
    do {
        if (wd_scan_action(look->scan, e->rules[id]) == WD_OFF)
            continue;
        if (e->context[id] == 0 || !look->whole)
            return 1;
        if (look->number)
            continue;
        context = e->context[id] - 1u;
        look->wanted[context / 64] |= (uint64_t)1 << (context % 64);
        look->wanting = true;
    } while ((id = e->same[id]) != 0);
    return 0;
}

static bool
look_scan(struct look *look, enum wd_engine_db db, struct wd_span text)
{
    return hs_scan(look->scan->engine->db[db], text.ptr, (unsigned)text.len, 0, look->scan->scratch->hs, look_on_match, look) !=
           HS_SUCCESS;
}

/* May what starts from letters or signs match? */
static bool
look_text(struct look *look)
{
    const struct wd_engine *e = look->scan->engine;

    /* What could not be scanned is suspect. */
    if (look->text.len > UINT32_MAX || look_scan(look, WD_ENGINE_LOOK, look->text))
        return true;
    if (e->handler != NULL && wd_scan_action(look->scan, e->handler) != WD_OFF && wd_rule_handler_possible(look->text))
        return true;
    return look->wanting && look_scan(look, WD_ENGINE_WORDS, look->text);
}

/* May what starts from digits match? Words that call a number something stand in it or at most WD_CONTEXT_MAX characters before.
 */
static bool
look_numbers(struct look *look)
{
    struct wd_number number;
    size_t at = 0, before;

    look->number = true;
    while (wd_numbers_next(look->text, WD_ENGINE_DIGITS, &at, &number)) {
        look->digits = number.digits;
        if (!number.plain && look_scan(look, WD_ENGINE_NUMBERS, number.around))
            return true;
        before = (size_t)(number.around.ptr - look->text.ptr);
        before = before < WD_CONTEXT_MAX ? before : WD_CONTEXT_MAX;
        if (look_scan(look, WD_ENGINE_WORDS, wd_span(number.around.ptr - before, number.around.len + before)))
            return true;
    }
    return false;
}

static bool
look_holds_own(const struct wd_scan *scan, struct wd_span text)
{
    struct wd_span key;
    size_t i;

    for (i = 0; i < scan->own_count; i++) {
        key = wd_secret_get(scan->own[i]);
        if (key.len > 0 && key.len <= text.len && memmem(text.ptr, text.len, key.ptr, key.len) != NULL)
            return true;
    }
    return false;
}

/* What may match in a text, or in what is encoded in it, or be a key of ours. */
static bool
look_suspects(const struct wd_scan *scan, struct wd_span text)
{
    struct look look = { .scan = scan, .text = text, .whole = true };

    if (text.len >= scan->engine->shortest && (look_text(&look) || (scan->actions[WD_PII] != WD_OFF && look_numbers(&look))))
        return true;
    return look_holds_own(scan, text) || wd_encoded_suspect(scan, &scan->scratch->encoded, text) ||
           (wd_engine_wants_bare(scan) && wd_bare_suspect(text));
}

static enum wd_err
look_show(void *ctx, uint8_t c, uint32_t lead, uint32_t len)
{
    return wd_buf_add_byte(ctx, (char)c);
}

/* The text as its reader sees it, where that differs from its bytes. */
static bool
look_read(const struct wd_scan *scan, struct wd_span raw)
{
    struct wd_buf *read = &scan->scratch->read;
    struct wd_glyphs reader = { .show = look_show, .ctx = read };
    enum wd_err err;
    bool suspect;
    size_t i;

    wd_glyphs_reset(&reader);
    wd_buf_clear(read);
    err = wd_buf_reserve(read, raw.len);
    for (i = 0; i < raw.len && err == WD_OK; i++)
        err = wd_glyphs_byte(&reader, (uint8_t)raw.ptr[i]);
    if (err == WD_OK)
        err = wd_glyphs_finish(&reader);
    /* What could not be read is suspect. */
    suspect = err != WD_OK || look_suspects(scan, wd_buf_span(read));
    if (read->size > LOOK_READ_KEPT)
        wd_buf_deinit(read);
    return suspect;
}

bool
wd_scan_suspect(const struct wd_scan *scan, struct wd_span raw)
{
    struct wd_span key;
    size_t i;

    if (scan->engine->quotes || look_suspects(scan, raw) || (wd_glyphs_changes(raw) && look_read(scan, raw)))
        return true;
    /* A key with a character that JSON escapes may stand there in another form. */
    for (i = 0; i < scan->own_count; i++) {
        key = wd_secret_get(scan->own[i]);
        if (memchr(key.ptr, '\\', key.len) != NULL || memchr(key.ptr, '"', key.len) != NULL)
            return true;
    }
    return false;
}

bool
wd_match_look(const struct wd_scan *scan, struct wd_span text)
{
    struct look look = { .scan = scan, .text = text };

    if (text.len < scan->engine->shortest)
        return false;
    return (scan->actions[WD_PII] != WD_OFF && wd_numbers_digit(text, 0) < text.len) || look_text(&look);
}

unsigned
wd_match_possible(const struct wd_scan *scan, struct wd_span chars, uint32_t longest_piece, unsigned kinds)
{
    const struct wd_engine *e = scan->engine;
    struct look look = { .scan = scan, .text = chars };
    bool needed = longest_piece >= e->shortest_plain;
    unsigned possible = 0;
    size_t i;

    if ((kinds & WD_MATCH_NUMBER) != 0 && scan->actions[WD_PII] != WD_OFF && wd_numbers_digit(chars, 0) < chars.len)
        possible |= WD_MATCH_NUMBER;
    if ((kinds & WD_MATCH_HIDDEN) != 0 &&
        (look_holds_own(scan, chars) || wd_encoded_suspect(scan, &scan->scratch->encoded, chars)))
        possible |= WD_MATCH_HIDDEN;
    if (longest_piece < e->shortest)
        return possible;
    if ((kinds & WD_MATCH_BARE) != 0 && longest_piece >= WD_BARE_MIN && wd_engine_wants_bare(scan) && wd_bare_possible(chars))
        possible |= WD_MATCH_BARE;
    if ((kinds & WD_MATCH_TEXT) == 0)
        return possible;
    for (i = 0; i < chars.len && !needed; i++)
        needed = e->needed[(uint8_t)chars.ptr[i]] != 0;
    return needed && look_text(&look) ? possible | WD_MATCH_TEXT : possible;
}

uint32_t
wd_match_least_plain(const struct wd_scan *scan)
{
    const struct wd_engine *e = scan->engine;
    unsigned c;

    /* A rule of the policy may need a letter. */
    for (c = 'a'; c <= 'z'; c++)
        if ((e->needed[c] | e->needed[c & ~0x20u]) != 0)
            return 0;
    return e->shortest_plain < WD_DECODE_MIN ? e->shortest_plain : WD_DECODE_MIN;
}

static int
look_on_called(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *ctx)
{
    struct wd_engine_called *called = ctx;

    if (id > called->count)
        wd_engine_called_set(called, id - called->count - 1);
    return 0;
}

bool
wd_engine_calls_number(const struct wd_scan *scan, const struct wd_piece *piece, struct wd_engine_called *called)
{
    struct wd_span text = wd_span((const char *)piece->chars, piece->len);
    char copy[WD_CONTEXT_MAX + LOOK_CALLED_MAX];
    struct wd_number number;
    size_t at = 0, len, i;
    unsigned digits = 0;

    *called = (struct wd_engine_called){ .count = scan->engine->count };
    if (piece->near >= WD_CONTEXT_MAX) {
        text = wd_span(text.ptr - WD_CONTEXT_MAX, text.len + WD_CONTEXT_MAX);
    } else if (text.len <= LOOK_CALLED_MAX) {
        len = wd_piece_text_before(piece, 0, copy);
        memcpy(copy + len, text.ptr, text.len);
        text = wd_span(copy, len + text.len);
    } else {
        text.len = 0;
    }
    if (text.len == 0 || hs_scan(scan->engine->db[WD_ENGINE_WORDS], text.ptr, (unsigned)text.len, 0, scan->scratch->hs,
                                 look_on_called, called) != HS_SUCCESS)
        memset(called->words, 0xff, sizeof(called->words));
    for (i = 0; i < sizeof(called->words) / sizeof(called->words[0]); i++)
        if (called->words[i] != 0)
            return true;
    for (i = 0; i < piece->len && digits < WD_ENGINE_DIGITS; i++)
        digits += wd_char_is(piece->chars[i], WD_CH_DIGIT);
    if (digits < WD_ENGINE_DIGITS)
        return false;
    if (piece->len > WD_ENGINE_PLAIN_PIECE)
        return true;
    /* One of them may be more. */
    while (wd_numbers_next(wd_span((const char *)piece->chars, piece->len), 1, &at, &number))
        if (!number.plain)
            return true;
    return false;
}
