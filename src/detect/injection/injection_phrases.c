#include "injection_phrases.h"

#include <hs.h>

#include "../match.h"
#include "../rules.h"

enum {
    PHRASES_MAX = 256,       /* rules */
    PHRASES_CANDIDATES = 32, /* of one scan; then they are looked at, and it goes on */
};

struct candidates {
    const struct wd_scan *scan;
    struct {
        uint32_t id;
        uint32_t end;
    } items[PHRASES_CANDIDATES];
    uint32_t count;
};

enum wd_err
wd_injection_phrases_new(struct hs_database **phrases)
{
    const char *patterns[PHRASES_MAX];
    unsigned flags[PHRASES_MAX], ids[PHRASES_MAX], n;
    hs_compile_error_t *error;
    hs_error_t rc;

    for (n = 0; n < wd_rules_injection.count && n < PHRASES_MAX; n++) {
        patterns[n] = wd_rules_injection.rows[n].pattern;
        flags[n] = HS_FLAG_CASELESS;
        ids[n] = n;
    }
    rc = hs_compile_multi(patterns, flags, ids, n, HS_MODE_BLOCK, NULL, phrases, &error);
    if (rc == HS_SUCCESS)
        return WD_OK;
    hs_free_compile_error(error);
    return rc == HS_NOMEM ? WD_ERR_NOMEM : WD_ERR_SYNTAX;
}

void
wd_injection_phrases_free(struct hs_database *phrases)
{
    hs_free_database(phrases);
}

static int
phrases_on_candidate(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *ctx)
{
    struct candidates *c = ctx;

    if (wd_scan_action(c->scan, &wd_rules_injection.rows[id]) == WD_OFF)
        return 0;
    c->items[c->count].id = id;
    c->items[c->count++].end = (uint32_t)to;
    return c->count == PHRASES_CANDIDATES;
}

/* Does the rule match in this slice, up to its end? */
struct slice {
    uint32_t id;
    size_t end;
    bool matches;
};

static int
phrases_on_slice(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *ctx)
{
    struct slice *s = ctx;

    s->matches |= id == s->id && to == s->end;
    return s->matches;
}

static bool
phrases_matches(const hs_database_t *db, hs_scratch_t *scratch, struct wd_span text, size_t start, size_t end, uint32_t id)
{
    struct slice s = { .id = id, .end = end - start };

    hs_scan(db, text.ptr + start, (unsigned)(end - start), 0, scratch, phrases_on_slice, &s);
    return s.matches;
}

/* Vectorscan could say where a match starts, but not at this price: the start is the last one from which it still matches. */
static bool
phrases_locate(const hs_database_t *db, hs_scratch_t *scratch, struct wd_span text, uint32_t id, size_t end, size_t *start)
{
    size_t low = end > WD_INJECTION_PHRASE_LONGEST ? end - WD_INJECTION_PHRASE_LONGEST : 0, high = end, middle;

    if (!phrases_matches(db, scratch, text, low, end, id))
        return false;
    while (high - low > 1) {
        middle = low + (high - low) / 2;
        if (phrases_matches(db, scratch, text, middle, end, id))
            low = middle;
        else
            high = middle;
    }
    *start = low;
    return true;
}

enum wd_err
wd_injection_phrases_find(const struct hs_database *phrases, const struct wd_scan *scan, struct wd_span text,
                          struct wd_injection_result *out)
{
    struct hs_scratch *scratch = wd_scratch_hs(scan->scratch);
    struct candidates c = { .scan = scan };
    size_t from = 0, start, end = 0;
    hs_error_t rc;

    *out = (struct wd_injection_result){ .rule = NULL };
    if (text.len > UINT32_MAX)
        return WD_ERR_LIMIT;
    do {
        c.count = 0;
        rc = hs_scan(phrases, text.ptr + from, (unsigned)(text.len - from), 0, scratch, phrases_on_candidate, &c);
        if (rc != HS_SUCCESS && rc != HS_SCAN_TERMINATED)
            return WD_ERR_NOMEM;
        for (uint32_t i = 0; i < c.count; i++) {
            end = from + c.items[i].end;
            if (!phrases_locate(phrases, scratch, text, c.items[i].id, end, &start))
                continue;
            *out = (struct wd_injection_result){ .rule = &wd_rules_injection.rows[c.items[i].id], .start = start, .end = end };
            return WD_OK;
        }
        /* What began before may end behind; what was looked at is not looked at again. */
        from = end > from + WD_INJECTION_PHRASE_LONGEST ? end - WD_INJECTION_PHRASE_LONGEST : end;
    } while (rc == HS_SCAN_TERMINATED);
    return WD_OK;
}
