/* warder store migrate: tokens and ledger from the state folder to the shared store, or back. */
#include "store_migrate.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../src/store/install.h"
#include "shared.h"
#include "state.h"

#define MIGRATE_PAGE 256

struct migrate_count {
    uint64_t copied, there, others;
};

struct migrate {
    struct shared shared;
    struct state state;
    struct wd_tokens *tokens;
    struct wd_ledger *ledger;
    uint8_t own_key[32]; /* of the store in the state folder */
    struct migrate_count values, names, users;
    struct wd_ledger_entry batch[WD_REDIS_ENTRIES_MAX];
    size_t batched;
    uint64_t named; /* places that are not there and on their way */
    enum wd_err err;
};

/* One of the state folder's stores. */
static bool
migrate_own_ok(const char *file, enum wd_err err)
{
    const char *what = err == WD_ERR_CORRUPT ? "is damaged" : err == WD_ERR_FULL ? "is full" : strerror(errno);

    if (err != WD_OK)
        fprintf(stderr, "warder: %s in the state folder: %s\n", file, what);
    return err == WD_OK;
}

static void
migrate_noted(struct migrate_count *c, unsigned held)
{
    c->copied += held == WD_HELD_NOT;
    c->there += held == WD_HELD_SAME;
    c->others += held == WD_HELD_OTHER;
}

/* --- values and references --- */

static struct wd_holding
migrate_holding(const struct wd_ledger_entry *e)
{
    struct wd_holding h = { .kind = e->kind };

    memcpy(h.key, e->key, sizeof(h.key));
    return h;
}

static bool
migrate_put_shared(struct migrate *m)
{
    struct wd_holding held[WD_REDIS_ENTRIES_MAX];
    redisReply *reply;
    enum wd_redis_went went;
    enum wd_err err;

    memset(held, 0, sizeof(held));
    reply = shared_call(&m->shared, wd_redis_ledger_put_format(&m->shared.redis, m->batch, m->batched, &m->shared.command));
    if (reply == NULL)
        return false;
    went = wd_redis_ledger_put_answer(reply, held, m->batched, &err);
    freeReplyObject(reply);
    if (err != WD_OK) {
        shared_complain(went, err);
        return false;
    }
    for (size_t i = 0; i < m->batched; i++)
        migrate_noted(&m->values, held[i].held);
    return true;
}

/* Each for as long as it has to live; nobody has the nonce, so nobody gives them back. */
static bool
migrate_put_own(struct migrate *m)
{
    uint32_t nonce = randombytes_random() | 1;
    enum wd_err err = wd_ledger_begin(m->ledger, (uint64_t)time(NULL));

    if (err != WD_OK)
        return migrate_own_ok("ledger.map", err);
    for (size_t i = 0; i < m->batched && err == WD_OK; i++) {
        struct wd_holding h = migrate_holding(&m->batch[i]);
        err = wd_ledger_take(m->ledger, &h, 1, m->batch[i].holder, m->batch[i].expires_s, nonce);
        if (err == WD_OK)
            migrate_noted(&m->values, h.held);
    }
    wd_ledger_end(m->ledger);
    return migrate_own_ok("ledger.map", err);
}

static bool
migrate_flush(struct migrate *m, bool (*put)(struct migrate *m))
{
    bool ok = m->batched == 0 || put(m);

    m->batched = 0;
    if (!ok)
        m->err = WD_ERR_IO;
    return ok;
}

static bool
migrate_to_shared(void *ctx, const struct wd_ledger_entry *e)
{
    struct migrate *m = ctx;
    uint32_t now_s = (uint32_t)time(NULL);

    if (e->holder == 0 || e->expires_s <= now_s)
        return true;
    m->batch[m->batched] = *e;
    m->batch[m->batched++].expires_s = e->expires_s - now_s;
    return m->batched < WD_REDIS_ENTRIES_MAX || migrate_flush(m, migrate_put_shared);
}

static bool
migrate_to_own(void *ctx, const struct wd_ledger_entry *e)
{
    struct migrate *m = ctx;

    m->batch[m->batched++] = *e;
    return m->batched < WD_REDIS_ENTRIES_MAX || migrate_flush(m, migrate_put_own);
}

static bool
migrate_values(struct migrate *m, bool to_shared)
{
    if (!to_shared)
        return shared_entries(&m->shared, migrate_to_own, m) == WD_OK && m->err == WD_OK && migrate_flush(m, migrate_put_own);
    return migrate_own_ok("ledger.map", wd_ledger_list(m->ledger, (uint64_t)time(NULL), migrate_to_shared, m)) &&
           m->err == WD_OK && migrate_flush(m, migrate_put_shared);
}

/* --- the filter of named values --- */

static bool
migrate_names_send(struct migrate *m, const struct wd_redis_name *names, size_t count)
{
    struct wd_redis *r = &m->shared.redis;
    struct wd_filter *none;
    redisReply *reply;
    enum wd_err err;

    if (count == 0)
        return true;
    if ((none = calloc(1, sizeof(*none))) == NULL) {
        perror("warder: store migrate");
        return false;
    }
    reply = shared_call(&m->shared, wd_redis_name_format(r, names, count, 0, &m->shared.command));
    err = reply != NULL ? wd_redis_filter_apply(none, reply) : WD_ERR_IO;
    free(none);
    if (reply != NULL && err != WD_OK && err != WD_ERR_NOTFOUND)
        shared_complain(WD_REDIS_UNCLEAR, err);
    freeReplyObject(reply);
    if (err != WD_OK && err != WD_ERR_NOTFOUND)
        return false;
    m->names.copied += m->named;
    m->named = 0;
    return true;
}

static bool
migrate_name(struct migrate *m, bool to_shared, struct wd_redis_name *names, size_t *count, uint32_t bit, uint8_t words)
{
    if (!to_shared) {
        wd_ledger_name(m->ledger, bit, words);
        return true;
    }
    names[*count] = (struct wd_redis_name){ .bit = bit, .words = words };
    if (++*count < MIGRATE_PAGE)
        return true;
    *count = 0;
    return migrate_names_send(m, names, MIGRATE_PAGE);
}

/* Which bit goes with which number of words is not known: every number is told with some bit. */
static bool
migrate_names_missing(struct migrate *m, bool to_shared, const struct wd_filter *from, const struct wd_filter *to)
{
    uint64_t words = from->word_counts & ~to->word_counts;
    struct wd_redis_name names[MIGRATE_PAGE];
    size_t count = 0;
    bool ok = true;

    for (uint32_t bit = 0; ok && bit < WD_FILTER_BITS; bit++) {
        uint64_t mask = (uint64_t)1 << bit % 64;
        if ((from->bits[bit / 64] & mask) == 0)
            continue;
        bool there = (to->bits[bit / 64] & mask) != 0;
        m->names.there += there;
        m->named += !there;
        if (!there && words == 0)
            ok = migrate_name(m, to_shared, names, &count, bit, (uint8_t)__builtin_ctzll(from->word_counts));
        for (; ok && words != 0; words &= words - 1)
            ok = migrate_name(m, to_shared, names, &count, bit, (uint8_t)__builtin_ctzll(words));
    }
    if (to_shared)
        return ok && migrate_names_send(m, names, count);
    m->names.copied += m->named;
    return ok;
}

static bool
migrate_names(struct migrate *m, bool to_shared)
{
    const struct wd_filter *own = wd_ledger_filter(m->ledger);
    struct wd_filter *theirs = calloc(1, sizeof(*theirs));
    bool ok = theirs != NULL && shared_filter(&m->shared, theirs);

    if (ok && (to_shared ? own : theirs)->word_counts != 0) {
        if (to_shared) {
            ok = migrate_names_missing(m, true, own, theirs);
        } else if ((ok = migrate_own_ok("ledger.map", wd_ledger_begin(m->ledger, (uint64_t)time(NULL))))) {
            ok = migrate_names_missing(m, false, theirs, own);
            wd_ledger_end(m->ledger);
        }
    }
    free(theirs);
    return ok;
}

/* --- tokens --- */

static bool
migrate_tokens_to_shared(struct migrate *m)
{
    struct wd_token_entry page[MIGRATE_PAGE];
    uint8_t last[32];
    size_t count = 0;
    bool first = true;

    do {
        if (!migrate_own_ok("tokens.mdb", wd_tokens_page(m->tokens, first ? NULL : last, page, MIGRATE_PAGE, &count)))
            return false;
        for (size_t i = 0; i < count; i++) {
            uint64_t added = 0;
            enum wd_err err = shared_done(
                &m->shared, wd_redis_token_put_format(&m->shared.redis, page[i].digest, &page[i].who, &m->shared.command),
                &added);
            if (err != WD_OK && err != WD_ERR_RANGE)
                return false;
            migrate_noted(&m->users, err == WD_ERR_RANGE ? WD_HELD_OTHER : added > 0 ? WD_HELD_NOT : WD_HELD_SAME);
            memcpy(last, page[i].digest, sizeof(last));
        }
        first = false;
    } while (count == MIGRATE_PAGE);
    return true;
}

struct migrate_page {
    struct wd_token_entry entries[MIGRATE_PAGE];
    size_t count;
};

static bool
migrate_token(void *ctx, const uint8_t digest[32], const struct wd_principal *who)
{
    struct migrate_page *page = ctx;

    memcpy(page->entries[page->count].digest, digest, 32);
    page->entries[page->count++].who = *who;
    return true;
}

static bool
migrate_tokens_to_own(struct migrate *m)
{
    struct migrate_page page;
    uint8_t last[32];
    bool more = false, first = true;

    do {
        size_t added, others;
        redisReply *reply = shared_call(
            &m->shared, wd_redis_token_list_format(&m->shared.redis, wd_span("", 0), first ? NULL : last, &m->shared.command));
        if (reply == NULL)
            return false;
        page.count = 0;
        enum wd_redis_went went = wd_redis_token_list_answer(reply, migrate_token, &page, last, &more);
        freeReplyObject(reply);
        if (went != WD_REDIS_ANSWERED) {
            shared_complain(went, WD_ERR_IO);
            return false;
        }
        if (!migrate_own_ok("tokens.mdb", wd_tokens_put(m->tokens, page.entries, page.count, &added, &others)))
            return false;
        m->users.copied += added;
        m->users.others += others;
        m->users.there += page.count - added - others;
        first = false;
    } while (more);
    return true;
}

/* --- the keys of both --- */

static bool
migrate_any(void *ctx, const struct wd_ledger_entry *e)
{
    (void)e;
    *(bool *)ctx = true;
    return false;
}

/* Fingerprints mean something only under the key that they were made with. *ledger: whether there is anything to copy. */
static bool
migrate_key(struct migrate *m, bool to_shared, bool *ledger)
{
    bool any = false;
    uint8_t install[32];
    enum wd_err err;

    if (sodium_memcmp(m->own_key, m->shared.key, sizeof(m->own_key)) == 0)
        return true;
    if (!migrate_own_ok("ledger.map", wd_ledger_list(m->ledger, (uint64_t)time(NULL), migrate_any, &any)))
        return false;
    if (any) {
        fprintf(
            stderr,
            "warder: store migrate: the shared store's key%s is not that of this state folder, so the fingerprints of one mean "
            "nothing in the other; nothing was copied (accepted: %s, or --tokens-only)\n",
            m->shared.mastered ? ", which comes from the master key," : "",
            to_shared ? "an empty Redis that no gateway has met" : "a state folder with an empty ledger (warder isolate forget)");
        return false;
    }
    if (to_shared) {
        *ledger = false;
        return true;
    }
    if (!state_install_key(install))
        return false;
    err = wd_install_store_key_set(".", install, m->shared.key);
    sodium_memzero(install, sizeof(install));
    return migrate_own_ok("store.key", err);
}

/* --- all of it --- */

static bool
migrate_open(struct migrate *m, const struct wd_policy *policy)
{
    bool ok;

    if (!state_open(&m->state, policy->state) || !state_enter(&m->state))
        return false;
    ok = state_store_key(m->own_key);
    state_leave(&m->state); /* files that the policy names are the caller's to read */
    if (!ok || !shared_open(&m->shared, policy, m->own_key) || !state_enter(&m->state))
        return false;
    return migrate_own_ok("tokens.mdb", wd_tokens_open(&m->tokens, ".", false)) &&
           migrate_own_ok("ledger.map", wd_ledger_open(&m->ledger, "ledger.map", 0));
}

static void
migrate_said(const char *what, const struct migrate_count *c)
{
    printf("%s: %" PRIu64 " copied, %" PRIu64 " there already", what, c->copied, c->there);
    if (c->others > 0)
        printf(", %" PRIu64 " are another's there and stay so", c->others);
    puts("");
}

bool
store_migrate(const struct wd_policy *policy, bool to_shared, bool tokens_only)
{
    struct migrate *m = calloc(1, sizeof(*m));
    bool ok, ledger = !tokens_only;

    if (m == NULL) {
        perror("warder: store migrate");
        return false;
    }
    ok = migrate_open(m, policy) && (tokens_only || migrate_key(m, to_shared, &ledger));
    if (ok) {
        /* tokens last: who could use one there finds what it needs */
        ok = (!ledger || (migrate_names(m, to_shared) && migrate_values(m, to_shared))) &&
             (to_shared ? migrate_tokens_to_shared(m) : migrate_tokens_to_own(m));
        if (ledger) {
            migrate_said("places of named values", &m->names);
            migrate_said("values and references", &m->values);
        }
        migrate_said("tokens", &m->users);
        puts(ok ? "limits are not copied: they count anew" : "stopped; what was copied stays, and another run goes on");
    }
    wd_ledger_close(m->ledger);
    wd_tokens_close(m->tokens);
    shared_close(&m->shared);
    state_leave(&m->state);
    sodium_memzero(m, sizeof(*m));
    free(m);
    return ok;
}
