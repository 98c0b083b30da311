#include "ledger.h"

#include <string.h>

#include "keyed.h"
#include "ledger_map.h"

#define LEDGER_HOLDER_MASK (((uint64_t)1 << 56) - 1)

void
wd_ledger_key(uint8_t out[16], const uint8_t secret[32], const char *use, struct wd_span scope, struct wd_span value)
{
    wd_keyed(out, secret, use, scope, value);
}

uint64_t
wd_ledger_holder(const uint8_t secret[32], const char *use, struct wd_span name)
{
    uint8_t key[16];
    uint64_t holder;

    wd_keyed(key, secret, use, name, WD_SPAN(""));
    memcpy(&holder, key, sizeof(holder));
    holder &= LEDGER_HOLDER_MASK;
    return holder != 0 ? holder : 1;
}

/* The live entry of a key. *page NULL: the file does not hold together, so nobody can say. */
static struct ledger_slot *
ledger_live(struct wd_ledger *l, const uint8_t key[16], struct ledger_page **page)
{
    *page = ledger_page_of(l, key);
    struct ledger_slot *s = *page != NULL ? ledger_find(*page, key) : NULL;
    return s != NULL && s->expires_s > l->header->now_s ? s : NULL;
}

static struct ledger_slot *
ledger_look(struct wd_ledger *l, struct wd_holding *h, uint64_t holder, struct ledger_page **page)
{
    struct ledger_slot *s = ledger_live(l, h->key, page);

    h->owner = s != NULL ? s->holder >> 8 : 0;
    if (s != NULL)
        h->held = h->owner == (holder & LEDGER_HOLDER_MASK) ? WD_HELD_SAME : WD_HELD_OTHER;
    else
        h->held = *page == NULL ? WD_HELD_OTHER : WD_HELD_NOT;
    return s;
}

void
wd_ledger_look(struct wd_ledger *l, struct wd_holding *h, size_t count, uint64_t holder)
{
    struct ledger_page *page;

    for (size_t i = 0; i < count; i++)
        ledger_look(l, &h[i], holder, &page);
}

static void
ledger_drop(struct wd_ledger *l, struct ledger_page *page, const struct ledger_slot *s)
{
    ledger_remove(l, page, (uint32_t)(s - page->slots));
}

static void
ledger_untake(struct wd_ledger *l, const struct wd_holding *h, size_t count, uint32_t nonce)
{
    struct ledger_page *page;

    for (size_t i = 0; i < count; i++) {
        if (h[i].held != WD_HELD_NOT)
            continue;
        struct ledger_slot *s = ledger_live(l, h[i].key, &page);
        if (s != NULL && s->nonce == nonce)
            ledger_drop(l, page, s);
    }
}

static bool
ledger_named_before(const struct wd_holding *h, size_t i)
{
    for (size_t n = 0; n < i; n++)
        if (memcmp(h[n].key, h[i].key, 16) == 0)
            return true;
    return false;
}

/* Another take of what is the holder's already: who took it first can no more release it. */
static void
ledger_keep(struct ledger_slot *s, const struct wd_holding *h, size_t i, uint32_t expires_s, uint32_t nonce)
{
    if (s->nonce != 0 && (s->nonce != nonce || !ledger_named_before(h, i)))
        __atomic_store_n(&s->nonce, 0, __ATOMIC_RELAXED);
    if (s->expires_s < expires_s)
        __atomic_store_n(&s->expires_s, expires_s, __ATOMIC_RELAXED);
}

enum wd_err
wd_ledger_take(struct wd_ledger *l, struct wd_holding *h, size_t count, uint64_t holder, uint32_t keep_s, uint32_t nonce)
{
    uint32_t now_s = l->header->now_s, expires_s = keep_s < UINT32_MAX - now_s ? now_s + keep_s : UINT32_MAX;
    struct ledger_page *page;

    for (size_t i = 0; i < count; i++) {
        enum wd_err err = WD_OK;
        if (ledger_look(l, &h[i], holder, &page) != NULL)
            continue;
        struct ledger_slot *gone = page != NULL ? ledger_find(page, h[i].key) : NULL;
        if (gone != NULL)
            ledger_drop(l, page, gone);
        struct ledger_slot entry = { .holder = (holder & LEDGER_HOLDER_MASK) << 8 | h[i].kind,
                                     .expires_s = expires_s,
                                     .nonce = nonce };
        memcpy(entry.key, h[i].key, sizeof(entry.key));
        err = ledger_insert(l, &entry);
        if (err != WD_OK) {
            ledger_untake(l, h, i, nonce);
            return err;
        }
    }
    for (size_t i = 0; i < count; i++) {
        struct ledger_slot *s = h[i].held == WD_HELD_SAME ? ledger_live(l, h[i].key, &page) : NULL;
        if (s != NULL)
            ledger_keep(s, h, i, expires_s, nonce);
    }
    return WD_OK;
}

void
wd_ledger_release(struct wd_ledger *l, const struct wd_holding *h, size_t count, uint32_t nonce)
{
    if (nonce == 0 || wd_ledger_begin(l, 0) != WD_OK)
        return;
    ledger_untake(l, h, count, nonce);
    wd_ledger_end(l);
}

enum wd_err
wd_ledger_forget(struct wd_ledger *l, const uint8_t key[16])
{
    struct ledger_page *page;

    enum wd_err err = wd_ledger_begin(l, 0);
    if (err != WD_OK)
        return err;
    struct ledger_slot *s = ledger_live(l, key, &page);
    if (s != NULL)
        ledger_drop(l, page, s);
    else
        err = page == NULL ? WD_ERR_CORRUPT : WD_ERR_NOTFOUND;
    wd_ledger_end(l);
    return err;
}

static bool
ledger_entry(const struct wd_ledger *l, const struct ledger_page *page, uint32_t i, struct wd_ledger_entry *e)
{
    const struct ledger_slot *s = &page->slots[i];

    if (page->tags[i] == 0 || s->expires_s <= l->header->now_s)
        return false;
    memcpy(e->key, s->key, sizeof(e->key));
    e->holder = s->holder >> 8;
    e->kind = (uint8_t)s->holder;
    e->expires_s = s->expires_s;
    return true;
}

/*
 * Within a step: the page of a word of the directory, and the first word after it. Pages are only ever split, so going from one
 * to the next by that meets every entry once, whatever happens between steps.
 */
static struct ledger_page *
ledger_walk(const struct wd_ledger *l, uint32_t *place)
{
    uint32_t n = l->directory[*place];

    if (n >= l->header->pages || n >> l->bits != 0 || !ledger_page_is(l, &l->pages[n]) ||
        !ledger_in_range(l, &l->pages[n], *place))
        return NULL;
    *place = ledger_first(l, &l->pages[n]) + ledger_span(l, &l->pages[n]);
    return &l->pages[n];
}

enum wd_err
wd_ledger_forget_if(struct wd_ledger *l, bool (*fn)(void *ctx, const struct wd_ledger_entry *e), void *ctx, uint64_t *count)
{
    struct wd_ledger_entry e;

    *count = 0;
    for (uint32_t place = 0; place >> l->bits == 0;) {
        enum wd_err err = wd_ledger_begin(l, 0);
        if (err != WD_OK)
            return err;
        struct ledger_page *page = ledger_walk(l, &place);
        for (uint32_t i = 0; page != NULL && i < LEDGER_SLOTS; i++) {
            if (!ledger_entry(l, page, i, &e) || (fn != NULL && !fn(ctx, &e)))
                continue;
            ledger_remove(l, page, i);
            ++*count;
        }
        wd_ledger_end(l);
        if (page == NULL)
            return WD_ERR_CORRUPT;
    }
    return WD_OK;
}

enum wd_err
wd_ledger_list(struct wd_ledger *l, uint64_t now_s, bool (*fn)(void *ctx, const struct wd_ledger_entry *e), void *ctx)
{
    struct wd_ledger_entry found[LEDGER_SLOTS];

    for (uint32_t place = 0; place >> l->bits == 0;) {
        uint32_t n = 0;
        enum wd_err err = wd_ledger_begin(l, now_s);
        if (err != WD_OK)
            return err;
        struct ledger_page *page = ledger_walk(l, &place);
        for (uint32_t i = 0; page != NULL && i < LEDGER_SLOTS; i++)
            n += ledger_entry(l, page, i, &found[n]);
        wd_ledger_end(l);
        if (page == NULL)
            return WD_ERR_CORRUPT;
        for (uint32_t i = 0; i < n; i++)
            if (!fn(ctx, &found[i]))
                return WD_OK;
    }
    return WD_OK;
}

void
wd_ledger_size(const struct wd_ledger *l, uint64_t *used, uint64_t *max)
{
    *used = __atomic_load_n(&l->header->used, __ATOMIC_RELAXED);
    *max = l->max;
}

const struct wd_filter *
wd_ledger_filter(const struct wd_ledger *l)
{
    return l->filter;
}

void
wd_ledger_name(struct wd_ledger *l, uint32_t first_word_hash, uint32_t words)
{
    struct wd_filter *f = l->filter;
    uint32_t bit = first_word_hash % WD_FILTER_BITS;
    uint64_t set = (uint64_t)1 << (bit % 64), count = (uint64_t)1 << words;

    if (words == 0 || words > WD_FILTER_WORDS_MAX || ((f->bits[bit / 64] & set) != 0 && (f->word_counts & count) != 0))
        return;
    __atomic_store_n(&f->bits[bit / 64], f->bits[bit / 64] | set, __ATOMIC_RELAXED);
    __atomic_store_n(&f->word_counts, f->word_counts | count, __ATOMIC_RELAXED);
    /* who sees the number sees the bits */
    __atomic_store_n(&f->version, f->version + 1, __ATOMIC_RELEASE);
}
