#include "injection_phrases.h"

#include <hs.h>

#include "rules.h"

enum {
    PHRASES_MAX = 256,
    PHRASES_LONGEST = 512, /* bytes; every pattern is bounded well below */
};

static enum wd_err
phrases_compile(hs_database_t **db, unsigned flags)
{
    const char *patterns[PHRASES_MAX];
    unsigned flag[PHRASES_MAX], id[PHRASES_MAX], n;
    hs_compile_error_t *error;
    hs_error_t rc;

    for (n = 0; n < wd_rules_injection.count && n < PHRASES_MAX; n++) {
        patterns[n] = wd_rules_injection.rows[n].pattern;
        flag[n] = flags | HS_FLAG_CASELESS;
        id[n] = n;
    }
    rc = hs_compile_multi(patterns, flag, id, n, HS_MODE_BLOCK, NULL, db, &error);
    if (rc == HS_SUCCESS)
        return WD_OK;
    hs_free_compile_error(error);
    return rc == HS_NOMEM ? WD_ERR_NOMEM : WD_ERR_SYNTAX;
}

enum wd_err
wd_injection_phrases_init(struct wd_injection_phrases *p)
{
    enum wd_err err = phrases_compile(&p->look, HS_FLAG_SINGLEMATCH);

    return err == WD_OK ? phrases_compile(&p->find, HS_FLAG_SOM_LEFTMOST) : err;
}

void
wd_injection_phrases_deinit(struct wd_injection_phrases *p)
{
    hs_free_database(p->look);
    hs_free_database(p->find);
}

enum wd_err
wd_injection_phrases_prepare(const struct wd_injection_phrases *p, struct hs_scratch **scratch)
{
    bool ok = hs_alloc_scratch(p->look, scratch) == HS_SUCCESS && hs_alloc_scratch(p->find, scratch) == HS_SUCCESS;

    return ok ? WD_OK : WD_ERR_NOMEM;
}

struct phrase {
    unsigned id;
    unsigned long long from, to;
    bool found;
};

static int
phrases_on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *ctx)
{
    struct phrase *p = ctx;

    *p = (struct phrase){ id, from, to, true };
    return 1;
}

enum wd_err
wd_injection_phrases_find(const struct wd_injection_phrases *p, struct hs_scratch *scratch, struct wd_span text,
                          struct wd_injection_result *out)
{
    struct phrase seen = { .found = false }, exact = { .found = false };
    size_t base;
    hs_error_t rc;

    *out = (struct wd_injection_result){ .rule = NULL };
    if (text.len > UINT32_MAX)
        return WD_ERR_LIMIT;
    rc = hs_scan(p->look, text.ptr, (unsigned)text.len, 0, scratch, phrases_on_match, &seen);
    if (rc != HS_SUCCESS && rc != HS_SCAN_TERMINATED)
        return WD_ERR_NOMEM;
    if (!seen.found)
        return WD_OK;
    base = seen.to > PHRASES_LONGEST ? (size_t)seen.to - PHRASES_LONGEST : 0;
    rc = hs_scan(p->find, text.ptr + base, (unsigned)(seen.to - base), 0, scratch, phrases_on_match, &exact);
    if (rc != HS_SUCCESS && rc != HS_SCAN_TERMINATED)
        return WD_ERR_NOMEM;
    out->rule = &wd_rules_injection.rows[seen.id];
    out->start = exact.found && exact.id == seen.id ? base + (size_t)exact.from : base;
    out->end = (size_t)seen.to;
    return WD_OK;
}
