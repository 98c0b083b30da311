#include "rules_example.h"

#include <stdlib.h>

#include "../src/detect/text/chars.h"

/*
 * Walks through a pattern and writes down one text that matches it. Knows the part of the syntax that rules use; where it
 * goes wrong, the detectors do not find the rule in what comes out, and the next try takes other turns.
 */
enum { EXAMPLE_TRIES = 3000, EXAMPLE_DEPTH = 16, EXAMPLE_MAX = 4096 };

struct example {
    const char *at; /* in the pattern */
    uint64_t dice;
    struct wd_buf *out;
    unsigned depth;
    bool failed;
};

static uint32_t
example_roll(struct example *e, uint32_t n)
{
    e->dice = e->dice * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(e->dice >> 33) % n;
}

static void
example_put(struct example *e, char c, bool emit)
{
    if (emit && (e->out->len == EXAMPLE_MAX || wd_buf_add_byte(e->out, c) != WD_OK))
        e->failed = true;
}

static void
example_put_words(struct example *e, const char *s)
{
    while (*s != '\0')
        example_put(e, *s++, true);
}

/* Letters and digits of a class, or of every one. */
static void
example_put_random(struct example *e, unsigned classes, size_t n)
{
    static const char all[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    char c;

    classes = (classes & WD_CH_ALNUM) != 0 ? classes : WD_CH_ALNUM;
    while (n > 0 && !e->failed) {
        c = all[example_roll(e, sizeof(all) - 1)];
        if (!wd_char_is((uint8_t)c, classes))
            continue;
        example_put(e, c, true);
        n--;
    }
}

/* What an escape stands for; a class gives one of its members. */
static char
example_escape(struct example *e)
{
    char c = *e->at != '\0' ? *e->at++ : '\0';

    switch (c) {
    case 'd':
        return (char)('0' + example_roll(e, 10));
    case 's':
        return ' ';
    case 'w':
        return (char)('a' + example_roll(e, 26));
    case 't':
        return '\t';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 'x':
        c = (char)strtoul((char[]){ e->at[0], e->at[0] != '\0' ? e->at[1] : '\0', '\0' }, NULL, 16);
        e->at += strnlen(e->at, 2);
        return c;
    default:
        return c;
    }
}

static void
example_class(struct example *e, bool emit)
{
    bool negated = *e->at == '^', in[256] = { false }, first = true;
    char members[256], low, high;
    unsigned count = 0;

    for (e->at += negated; *e->at != '\0' && (first || *e->at != ']'); first = false) {
        if (e->at[0] == '\\' && e->at[1] == 'd') {
            e->at += 2;
            memset(in + '0', true, 10);
            continue;
        }
        low = high = *e->at++;
        if (low == '\\')
            low = high = example_escape(e);
        if (e->at[0] == '-' && e->at[1] != ']' && e->at[1] != '\0') {
            e->at++;
            high = *e->at++;
            if (high == '\\')
                high = example_escape(e);
        }
        for (int c = (uint8_t)low; c <= (uint8_t)high; c++)
            in[c] = true;
    }
    e->at += *e->at == ']';
    for (int c = 0x21; c < 0x7f; c++)
        if (in[c] != negated)
            members[count++] = (char)c;
    if (count > 0)
        example_put(e, members[example_roll(e, count)], emit);
    else
        example_put(e, in[' '] != negated ? ' ' : '\n', emit);
}

static void example_alternatives(struct example *e, bool emit);

static void
example_atom(struct example *e, bool emit)
{
    char c = *e->at++;

    switch (c) {
    case '(':
        if (*e->at == '?') {
            e->at += strcspn(e->at, ":)");
            if (*e->at != ')')
                e->at += *e->at == ':';
        }
        example_alternatives(e, emit);
        e->at += *e->at == ')';
        return;
    case '[':
        example_class(e, emit);
        return;
    case '\\':
        if (*e->at == 'b' || *e->at == 'B') {
            e->at++;
            return;
        }
        example_put(e, example_escape(e), emit);
        return;
    case '^':
    case '$':
        return;
    default:
        example_put(e, c == '.' ? 'x' : c, emit);
    }
}

/* How often what stands before is to come. */
static unsigned
example_quantity(struct example *e)
{
    unsigned long low = 1, high = 1;
    char *end;

    switch (*e->at) {
    case '?':
        low = 0;
        e->at++;
        break;
    case '*':
        low = 0;
        e->at++;
        break;
    case '+':
        high = 4;
        e->at++;
        break;
    case '{':
        low = high = strtoul(e->at + 1, &end, 10);
        if (*end == ',') {
            high = strtoul(end + 1, &end, 10);
            high = high < low ? low : high > low + 4 ? low + 4 : high;
        }
        e->at = end + (*end == '}');
        break;
    default:
        return 1;
    }
    e->at += *e->at == '?';
    return (unsigned)low + example_roll(e, (uint32_t)(high - low + 1));
}

static void
example_sequence(struct example *e, bool emit)
{
    const char *atom, *behind;
    unsigned n;

    while (*e->at != '\0' && *e->at != '|' && *e->at != ')' && !e->failed) {
        atom = e->at;
        example_atom(e, false);
        n = example_quantity(e);
        behind = e->at;
        for (; n > 0 && emit && !e->failed; n--) {
            e->at = atom;
            example_atom(e, true);
        }
        e->at = behind;
    }
}

static void
example_alternatives(struct example *e, bool emit)
{
    const char *start = e->at, *end;
    unsigned count = 0, pick;

    if (++e->depth > EXAMPLE_DEPTH) {
        e->failed = true;
        return;
    }
    do {
        e->at += count > 0;
        example_sequence(e, false);
        count++;
    } while (*e->at == '|');
    end = e->at;
    if (emit) {
        pick = example_roll(e, count);
        for (e->at = start; pick > 0; pick--) {
            example_sequence(e, false);
            e->at++;
        }
        example_sequence(e, true);
        e->at = end;
    }
    e->depth--;
}

/* What the pattern only starts. */
static void
example_complete(struct example *e, const struct wd_rule *rule, size_t start)
{
    size_t len = e->out->len - start, label, n;

    switch (rule->shape) {
    case WD_SHAPE_RUN:
        example_put_random(e, rule->value, rule->min > len ? rule->min - len : 0);
        break;
    case WD_SHAPE_LINK:
        example_put_words(e, "alert(1)");
        break;
    case WD_SHAPE_TAG:
        example_put_words(e, ">");
        break;
    case WD_SHAPE_JWT:
        example_put_random(e, WD_CH_ALNUM, 24);
        example_put(e, '.', true);
        example_put_random(e, WD_CH_ALNUM, 32);
        break;
    case WD_SHAPE_ASSIGNED:
        example_put_random(e, WD_CH_ALNUM, (size_t[]){ 12, 24, 40 }[example_roll(e, 3)]);
        break;
    case WD_SHAPE_EMAIL:
        example_put_words(e, "box.example.com");
        break;
    case WD_SHAPE_CARD:
        for (n = example_roll(e, 5); n > 0; n--)
            example_put(e, (char)('0' + example_roll(e, 10)), true);
        break;
    case WD_SHAPE_PEM:
        label = start + strlen("-----BEGIN ");
        n = e->out->len - (label < e->out->len ? label : e->out->len);
        example_put_words(e, "-----\n");
        example_put_random(e, WD_CH_ALNUM, 64);
        example_put_words(e, "\n-----END ");
        for (size_t i = 0; i < n; i++)
            example_put(e, e->out->ptr[label + i], true);
        example_put_words(e, "-----");
        break;
    default:
        break;
    }
}

static void
example_write(const struct wd_rule *rule, struct wd_buf *out, unsigned try)
{
    struct example e = { .at = rule->pattern, .dice = 0x5eed + try * 0x9e3779b97f4a7c15u, .out = out };
    size_t start;

    wd_buf_clear(out);
    if (rule->context != NULL) {
        for (const char *c = rule->context; *c != '\0' && *c != '|'; c++)
            example_put(&e, *c, true);
        example_put_words(&e, ": ");
    }
    start = out->len;
    example_alternatives(&e, true);
    example_complete(&e, rule, start);
}

bool
rules_find(struct scan_text *text, struct wd_span what, struct scan_found *found)
{
    bool over = false;
    size_t room, n;
    char *to;

    scan_text_begin(text, false);
    do {
        to = scan_text_room(text, &room);
        n = what.len < room ? what.len : room;
        memcpy(to, what.ptr, n);
        what = wd_span(what.ptr + n, what.len - n);
        if (scan_text_block(text, n, what.len == 0, &over) != WD_OK)
            return false;
    } while (!over);
    scan_text_take(text, found);
    return true;
}

bool
rules_example(const struct wd_rule *rule, struct scan_text *text, struct wd_buf *out)
{
    struct scan_found found;
    bool ok = false;

    for (unsigned try = 0; try < EXAMPLE_TRIES && !ok && rule->pattern != NULL; try++) {
        example_write(rule, out, try);
        if (!rules_find(text, wd_buf_span(out), &found))
            return false;
        for (uint32_t i = 0; i < found.count; i++)
            ok |= found.items[i].rule == rule;
        free(found.items);
    }
    return ok;
}
