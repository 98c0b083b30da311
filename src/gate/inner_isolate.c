/* Isolation and references as steps of the inner gate: what the body shows and uses, and what is said when it may not. */
#include <stdio.h>

#include "inner_parts.h"

#define INNER_REFS_MAX 1024

/* What is taken is told in enum wd_ref_kind, what is listed in enum wd_isolate_kind. */
static enum wd_code
inner_refs_foreign(struct wd_inner_work *work)
{
    const struct wd_reservation *held = work->ex->held;
    const struct wd_request *rq = &work->request;

    for (uint32_t i = 0; i < rq->ref_count && i < held->ref_count; i++) {
        if (held->refs[i].held == WD_HELD_SAME)
            continue;
        snprintf(work->ex->param, sizeof(work->ex->param), "%s", wd_inner_where(work, rq->refs[i].node));
        return wd_exchange_refuse(work->ex, WD_CODE_DATA_ISOLATION_VIOLATION,
                                  "the %s was not issued to this user through this gateway by %s",
                                  wd_isolate_kind_name(rq->refs[i].kind), work->ex->provider->name);
    }
    return wd_exchange_refuse(work->ex, WD_CODE_DATA_ISOLATION_VIOLATION,
                              "a reference was not issued to this user through this gateway");
}

enum wd_code
wd_inner_refs(struct wd_inner_work *work)
{
    work->ex->unstored = work->request.unstored;
    if (work->ex->denied == WD_WHY_REFERENCE)
        return inner_refs_foreign(work);
    if (work->request.ref_count > INNER_REFS_MAX)
        return wd_exchange_refuse(work->ex, WD_CODE_INVALID_REQUEST, "the request holds more than %d references", INNER_REFS_MAX);
    return WD_CODE_NONE;
}

enum wd_code
wd_inner_named(struct wd_inner_work *work)
{
    struct wd_exchange *ex = work->ex;
    unsigned item;
    const char *what;

    wd_isolate_begin(&work->isolate, work->gate, ex, work->arena);
    if (ex->sensitive.ptr == NULL || work->isolate.again)
        return WD_CODE_NONE;
    if (!work->isolate.on)
        return wd_exchange_refuse(
            ex, WD_CODE_INVALID_REQUEST,
            "x-warder-sensitive asks for data isolation, which the policy does not enable (isolation.enabled)");
    if (wd_isolate_named(&work->isolate, &work->request.doc, &item, &what))
        return WD_CODE_NONE;
    snprintf(ex->param, sizeof(ex->param), "x-warder-sensitive");
    if (item == 0)
        return wd_exchange_refuse(ex, WD_CODE_INVALID_REQUEST, "x-warder-sensitive %s", what);
    return wd_exchange_refuse(ex, WD_CODE_INVALID_REQUEST, "x-warder-sensitive: item %u %s", item, what);
}

enum wd_code
wd_inner_conflict(const struct wd_gate *gate, struct wd_exchange *ex)
{
    const char *holder;
    char kinds[120];

    wd_isolate_conflict(gate, ex->held, kinds, sizeof(kinds), &holder);
    return wd_exchange_refuse(
        ex, WD_CODE_DATA_ISOLATION_VIOLATION,
        "the request holds data that %s was shown (%s) and that may not go to %s; send it there, or leave it out", holder, kinds,
        ex->provider->name);
}

enum wd_code
wd_inner_unreadable(struct wd_inner_work *work)
{
    if (work->isolate.err == WD_OK)
        return WD_CODE_NONE;
    if (work->isolate.err != WD_ERR_LIMIT)
        return wd_exchange_refuse(work->ex, WD_CODE_STORE_UNAVAILABLE, "the gateway is out of memory for this request");
    return wd_exchange_refuse(
        work->ex, WD_CODE_INVALID_REQUEST,
        "the request holds more sensitive values than isolation can tell apart (at most %d, and %d places where "
        "a named value may stand); send it in parts",
        WD_ISOLATE_VALUES_MAX, (int)work->isolate.probes.max);
}

void
wd_inner_holdings(const struct wd_inner_work *work, struct wd_reservation *held)
{
    const struct wd_isolate *i = &work->isolate;
    const struct wd_gate *gate = work->gate;
    const struct wd_request *rq = &work->request;
    const struct wd_exchange *ex = work->ex;

    held->value_count = i->values.count + i->probes.count;
    held->probe_count = i->probes.count;
    held->ref_count = rq->ref_count;
    if (held->value_count + held->ref_count == 0)
        return;
    if (i->values.count > 0)
        memcpy(held->values, i->values.items, i->values.count * sizeof(*held->values));
    if (i->probes.count > 0)
        memcpy(held->values + i->values.count, i->probes.items, i->probes.count * sizeof(*held->values));
    for (uint32_t n = 0; n < rq->ref_count; n++) {
        held->refs[n].kind = rq->refs[n].kind;
        wd_ledger_key(held->refs[n].key, gate->ledger_key, WD_LEDGER_REF, wd_span_str(ex->provider->name), rq->refs[n].value);
    }
    held->provider = wd_ledger_holder(gate->ledger_key, "provider", wd_span_str(ex->provider->name));
    held->user = wd_ledger_holder(gate->ledger_key, "user", wd_span_str(ex->who.user));
    held->keep_s = gate->policy->isolation.remember_ms / 1000;
    held->conflicts_pass = gate->policy->isolation.redact;
}
