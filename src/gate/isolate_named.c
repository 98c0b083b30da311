/* Values that somebody names: what a caller's header says, what was registered, and where in a text they may stand. */
#include <sodium.h>

#include "../base/buf.h"
#include "../base/utf8.h"
#include "../detect/text/words.h"
#include "isolate.h"

enum { NAMED_TAIL = 8 }; /* words of the last part of a long value, at least */

/* --- words --- */

static uint32_t
named_seed(const uint8_t ledger_key[32])
{
    uint32_t seed;

    memcpy(&seed, ledger_key + 28, sizeof(seed));
    return seed;
}

static inline uint32_t
named_mix(uint32_t h)
{
    h ^= h >> 15;
    h *= 0x2c1b3c6du;
    return h ^ h >> 12;
}

/* The hash of the word at *at, which is moved behind it; 0 characters: there is none more. */
static inline size_t
named_word(const struct wd_words *w, size_t *at, uint32_t seed, uint32_t *hash)
{
    size_t i = *at, start;
    uint32_t h = seed;
    uint8_t c;

    while (i < w->count && wd_words_fold[w->chars[i]] == 0)
        i++;
    for (start = i; i < w->count && (c = wd_words_fold[w->chars[i]]) != 0; i++)
        h = (h ^ c) * 0x01000193u;
    *hash = named_mix(h);
    *at = i;
    return i - start;
}

/* Words, one after the other with a blank between, as they are compared. */
struct named_text {
    char text[WD_ISOLATE_VALUE_MAX];
    size_t len;
    unsigned words;
};

/* False when there is no room; of a first word that is longer the start counts. */
static bool
named_add(struct named_text *t, const uint8_t *chars, size_t len)
{
    if (t->words == 0)
        len = len < sizeof(t->text) ? len : sizeof(t->text);
    else if (t->words == WD_FILTER_WORDS_MAX || len + 1 > sizeof(t->text) - t->len)
        return false;
    else
        t->text[t->len++] = ' ';
    for (size_t i = 0; i < len; i++)
        t->text[t->len++] = (char)wd_words_fold[chars[i]];
    t->words++;
    return true;
}

static void
named_key(uint8_t key[16], const uint8_t ledger_key[32], struct wd_span scope, const struct named_text *t)
{
    wd_ledger_key(key, ledger_key, WD_LEDGER_NAMED, scope, wd_span(t->text, t->len));
}

/* As many words as fit from the one at *at on, which is moved behind them. */
static void
named_part(const struct wd_words *w, size_t *at, uint32_t seed, struct named_text *t, uint32_t *first)
{
    uint32_t hash;

    t->len = t->words = 0;
    for (;;) {
        size_t next = *at, len = named_word(w, &next, seed, &hash);
        if (len == 0 || !named_add(t, w->chars + next - len, len))
            return;
        if (t->words == 1)
            *first = hash;
        *at = next;
    }
}

/* Where the last NAMED_TAIL words before `end` start. */
static size_t
named_back(const struct wd_words *w, size_t end)
{
    unsigned words = 0;
    size_t i = end;

    while (i > 0 && words < NAMED_TAIL) {
        while (i > 0 && wd_words_fold[w->chars[i - 1]] == 0)
            i--;
        while (i > 0 && wd_words_fold[w->chars[i - 1]] != 0)
            i--;
        words++;
    }
    return i;
}

static bool
named_is_short(const struct wd_words *w)
{
    size_t n = 0;

    for (size_t i = 0; i < w->count && n < WD_SENSITIVE_SHORTEST; i++)
        n += wd_words_fold[w->chars[i]] != 0;
    return n < WD_SENSITIVE_SHORTEST;
}

enum wd_err
wd_isolate_name(const uint8_t ledger_key[32], struct wd_span scope, struct wd_span value, struct wd_arena *arena,
                struct wd_holding out[WD_ISOLATE_NAMED_MAX], unsigned *count)
{
    uint32_t seed = named_seed(ledger_key), first = 0;
    struct named_text part;
    struct wd_words w;
    size_t at = 0;
    enum wd_err err = wd_words_read(&w, value, arena);

    *count = 0;
    if (err != WD_OK || named_is_short(&w))
        return err;
    for (;;) {
        named_part(&w, &at, seed, &part, &first);
        if (part.words == 0)
            break;
        if (*count == WD_ISOLATE_NAMED_MAX)
            return WD_ERR_LIMIT;
        if (*count > 0 && part.words < NAMED_TAIL && at == w.count) {
            size_t back = named_back(&w, at);
            named_part(&w, &back, seed, &part, &first);
        }
        out[*count] = (struct wd_holding){ .kind = WD_ISOLATE_NAMED, .words = (uint8_t)part.words, .first = first };
        named_key(out[(*count)++].key, ledger_key, scope, &part);
    }
    wd_secret_wipe(&part, sizeof(part));
    return WD_OK;
}

/* --- the header --- */

struct named_item {
    struct wd_isolate *i;
    const char *what; /* what is wrong with it */
    bool found;
};

static bool
named_wrong(struct named_item *item, const char *what)
{
    item->what = what;
    return false;
}

static bool
named_take(struct named_item *item, struct wd_span value)
{
    struct wd_isolate *i = item->i;
    struct wd_holding parts[WD_ISOLATE_NAMED_MAX], *h;
    unsigned count;
    bool is_new;
    enum wd_err err = wd_isolate_name(i->gate->ledger_key, i->scopes[0], value, i->arena, parts, &count);

    if (err == WD_ERR_LIMIT)
        return named_wrong(item, "names a value that is too long (at most 1,024 words)");
    if (err != WD_OK)
        return named_wrong(item, "cannot be taken: out of memory");
    item->found = item->found || count > 0;
    for (unsigned n = 0; n < count; n++) {
        h = wd_isolate_set_add(&i->values, i->arena, parts[n].key, &is_new);
        if (h == NULL)
            return named_wrong(item, "is one too many: at most 1,024 values a request");
        *h = parts[n];
    }
    return true;
}

static bool
named_take_node(struct named_item *item, const struct wd_json *doc, uint32_t node)
{
    for (uint32_t n = node; n < doc->count && doc->nodes[n].start < doc->nodes[node].end; n++) {
        enum wd_json_type type = wd_json_type(doc, n);
        struct wd_span value;

        if (type != WD_JSON_STRING && type != WD_JSON_NUMBER)
            continue;
        value = type == WD_JSON_STRING ? wd_json_string(doc, n, item->i->arena) : wd_json_raw(doc, n);
        if (value.ptr == NULL)
            return named_wrong(item, "cannot be taken: out of memory");
        if (!named_take(item, value))
            return false;
    }
    return item->found || named_wrong(item, "points to no value of 4 letters or digits");
}

/* One part of a pointer (RFC 6901), ~0 and ~1 undone, in place. False: a lone ~. */
static bool
named_untilde(char *text, size_t *len)
{
    size_t n = 0;

    for (size_t i = 0; i < *len; i++) {
        char c = text[i];
        if (c == '~') {
            if (++i == *len || (text[i] != '0' && text[i] != '1'))
                return false;
            c = text[i] == '0' ? '~' : '/';
        }
        text[n++] = c;
    }
    *len = n;
    return true;
}

static uint32_t
named_child(const struct wd_json *doc, uint32_t node, struct wd_span part, struct wd_arena *arena)
{
    enum wd_json_type type = wd_json_type(doc, node);
    uint32_t child = doc->nodes[node].child;
    unsigned long index = 0;

    if (type == WD_JSON_OBJECT) {
        while (child != 0 && !wd_span_eq(wd_json_key(doc, child, arena), part))
            child = doc->nodes[child].next;
        return child;
    }
    if (type != WD_JSON_ARRAY || part.len == 0 || part.len > 7 || (part.ptr[0] == '0' && part.len > 1))
        return 0;
    for (size_t i = 0; i < part.len; i++) {
        if (part.ptr[i] < '0' || part.ptr[i] > '9')
            return 0;
        index = index * 10 + (unsigned long)(part.ptr[i] - '0');
    }
    while (child != 0 && index-- > 0)
        child = doc->nodes[child].next;
    return child;
}

/* pointer: behind the #, decoded; it is changed. */
static bool
named_pointer(struct named_item *item, const struct wd_json *doc, char *pointer, size_t len)
{
    uint32_t node = 0;

    if (len == 0 || pointer[0] != '/')
        return named_wrong(item, "is no JSON pointer (accepted: #/ and the names on the way to a value)");
    for (size_t i = 1, end; i <= len; i = end + 1) {
        size_t part;

        for (end = i; end < len && pointer[end] != '/';)
            end++;
        part = end - i;
        if (!named_untilde(pointer + i, &part))
            return named_wrong(item, "is no JSON pointer (accepted: ~0 for ~ and ~1 for /)");
        node = named_child(doc, node, wd_span(pointer + i, part), item->i->arena);
        if (node == 0)
            return named_wrong(item, "points to nothing in the body");
    }
    return named_take_node(item, doc, node);
}

static int
named_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-encoding undone into out, which has WD_ISOLATE_VALUE_MAX bytes. */
static bool
named_decode(struct named_item *item, struct wd_span raw, char *out, size_t *len)
{
    *len = 0;
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.ptr[i];

        if (c < 0x20 || c > 0x7e)
            return named_wrong(item, "holds a character that is not percent-encoded");
        if (c == '%') {
            int high = raw.len - i > 2 ? named_hex(raw.ptr[i + 1]) : -1, low = high >= 0 ? named_hex(raw.ptr[i + 2]) : -1;
            if (low < 0)
                return named_wrong(item, "is not percent-encoded (accepted: % and two hexadecimal digits)");
            c = (char)(high << 4 | low);
            i += 2;
        }
        if (*len == WD_ISOLATE_VALUE_MAX)
            return named_wrong(item, "is too long (at most 512 bytes)");
        out[(*len)++] = c;
    }
    if (!wd_utf8_valid(wd_span(out, *len)))
        return named_wrong(item, "is not UTF-8");
    return true;
}

static bool
named_item(struct named_item *item, const struct wd_json *doc, struct wd_span raw)
{
    char text[WD_ISOLATE_VALUE_MAX];
    size_t len;
    bool ok;

    while (raw.len > 0 && (raw.ptr[0] == ' ' || raw.ptr[0] == '\t'))
        raw = wd_span(raw.ptr + 1, raw.len - 1);
    while (raw.len > 0 && (raw.ptr[raw.len - 1] == ' ' || raw.ptr[raw.len - 1] == '\t'))
        raw.len--;
    if (raw.len == 0)
        return named_wrong(item, "is empty");
    if (!named_decode(item, raw, text, &len))
        return false;
    if (raw.ptr[0] == '#')
        ok = named_pointer(item, doc, text + 1, len - 1);
    else
        ok = named_take(item, wd_span(text, len)) &&
             (item->found || named_wrong(item, "is too short (at least 4 letters or digits)"));
    wd_secret_wipe(text, sizeof(text));
    return ok;
}

bool
wd_isolate_named(struct wd_isolate *i, const struct wd_json *doc, unsigned *number, const char **what)
{
    struct wd_span rest = i->ex->sensitive;

    *number = 0;
    *what = "cannot be taken: out of memory";
    if (rest.len > WD_SENSITIVE_MAX) {
        *what = "is too long (at most 8,192 bytes)";
        return false;
    }
    if (!wd_isolate_scopes(i))
        return false;
    for (;;) {
        const char *comma = memchr(rest.ptr, ',', rest.len);
        struct named_item item = { .i = i };
        size_t len = comma != NULL ? (size_t)(comma - rest.ptr) : rest.len;

        if (++*number > WD_SENSITIVE_ITEMS_MAX) {
            *what = "is one too many (at most 64)";
            return false;
        }
        if (!named_item(&item, doc, wd_span(rest.ptr, len))) {
            *what = item.what;
            return false;
        }
        if (comma == NULL)
            return true;
        rest = wd_span(comma + 1, rest.len - len - 1);
    }
}

/* --- the search --- */

struct named_search {
    struct wd_isolate *i;
    struct wd_words words;
    struct wd_span text;
    uint64_t counts; /* bit n: values of n words */
    uint32_t seed;
    size_t json_at; /* JSON: so far it is known ... */
    bool json_in;   /* ... whether a string is open */
};

/* A value of these words is looked for in every scope. True: another holds it (i->again). */
static bool
named_probe(struct named_search *s, const struct named_text *t)
{
    struct wd_isolate *i = s->i;
    struct wd_holding *h;
    uint8_t key[16];
    bool is_new, held = false;

    for (unsigned n = 0; n < i->scope_count && i->err == WD_OK; n++) {
        named_key(key, i->gate->ledger_key, i->scopes[n], t);
        if (i->again) {
            held = held || wd_isolate_set_has(&i->others, key);
            continue;
        }
        if (wd_isolate_set_has(&i->values, key))
            continue;
        h = wd_isolate_set_add(&i->probes, i->arena, key, &is_new);
        if (h == NULL)
            i->err = WD_ERR_LIMIT;
        else if (is_new)
            h->kind = WD_ISOLATE_NAMED;
    }
    return held;
}

/* The same words a second time cost a quick hash. */
static bool
named_ask(struct named_search *s, const struct named_text *t)
{
    uint8_t quick[16] = { 0 };
    struct wd_holding *h;
    bool is_new;

    crypto_shorthash_siphashx24(quick, (const uint8_t *)t->text, t->len, s->i->gate->ledger_key);
    h = wd_isolate_set_add(&s->i->seen, s->i->arena, quick, &is_new);
    if (h == NULL) {
        s->i->err = WD_ERR_LIMIT;
        return false;
    }
    if (is_new)
        h->held = named_probe(s, t);
    return h->held != 0;
}

/* Values that may start with the word at [start, end). Answers where the longest that another holds ends; 0: none. */
static size_t
named_at(struct named_search *s, size_t start, size_t end)
{
    const struct wd_words *w = &s->words;
    struct named_text t = { .len = 0 };
    size_t len = end - start, held = 0;
    uint32_t hash;

    while (len > 0 && named_add(&t, w->chars + end - len, len) && s->i->err == WD_OK) {
        if ((s->counts >> t.words & 1) != 0 && named_ask(s, &t))
            held = end;
        if (s->counts >> t.words >> 1 == 0)
            break;
        len = named_word(w, &end, s->seed, &hash);
    }
    return held;
}

/* In JSON: is the byte at `at`, never before the last one asked for, inside of a string? */
static bool
named_in_string(struct named_search *s, size_t at)
{
    for (; s->json_at < at; s->json_at++) {
        if (s->json_in && s->text.ptr[s->json_at] == '\\')
            s->json_at++;
        else
            s->json_in ^= s->text.ptr[s->json_at] == '"';
    }
    return s->json_in;
}

static bool
named_is_numeric(char c)
{
    return (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '+' || c == 'e' || c == 'E';
}

/* Writes what stands before [from, to) and the replacement, a string where a number stood. *done: written so far. */
static enum wd_err
named_replace(struct named_search *s, size_t from, size_t to, bool json, size_t *done, struct wd_buf *out)
{
    bool number = json && !named_in_string(s, from);
    enum wd_err err;

    while (number && from > *done && named_is_numeric(s->text.ptr[from - 1]))
        from--;
    while (number && to < s->text.len && named_is_numeric(s->text.ptr[to]))
        to++;
    if (from < *done)
        return WD_OK;
    err = wd_buf_add(out, wd_span(s->text.ptr + *done, from - *done));
    if (err == WD_OK && number)
        err = wd_buf_add_byte(out, '"');
    if (err == WD_OK)
        err = wd_buf_add_str(out, s->i->gate->policy->replacement);
    if (err == WD_OK && number)
        err = wd_buf_add_byte(out, '"');
    *done = to;
    return err;
}

enum wd_err
wd_isolate_search(struct wd_isolate *i, struct wd_span text, bool json, struct wd_buf *out, bool *changed)
{
    struct named_search s = { .i = i, .text = text, .seed = named_seed(i->gate->ledger_key) };
    const uint64_t *bits = i->filter->bits;
    size_t at = 0, done = 0, len, held;
    enum wd_err err = WD_OK;
    uint32_t hash, bit;

    *changed = false;
    if (!wd_isolate_scopes(i) || wd_words_read(&s.words, text, i->arena) != WD_OK)
        return WD_ERR_NOMEM;
    s.counts = __atomic_load_n(&i->filter->word_counts, __ATOMIC_RELAXED);
    while (err == WD_OK && i->err == WD_OK && (len = named_word(&s.words, &at, s.seed, &hash)) > 0) {
        bit = hash % WD_FILTER_BITS;
        if ((__atomic_load_n(&bits[bit / 64], __ATOMIC_RELAXED) >> (bit % 64) & 1) == 0)
            continue;
        held = named_at(&s, at - len, at);
        if (held == 0)
            continue;
        i->hit = true;
        if (!i->gate->policy->isolation.redact)
            return WD_OK;
        *changed = true;
        err = named_replace(&s, wd_words_at(&s.words, at - len), wd_words_at(&s.words, held), json, &done, out);
        at = held;
    }
    if (err == WD_OK && i->err != WD_OK)
        err = i->err;
    return err == WD_OK && *changed ? wd_buf_add(out, wd_span(text.ptr + done, text.len - done)) : err;
}
