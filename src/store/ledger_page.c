#include <string.h>

#include "ledger_map.h"

#define LEDGER_SWEEP 64 /* pages looked at for expired entries when there may be no more */

struct ledger_page *
ledger_page_of(const struct wd_ledger *l, const uint8_t key[16])
{
    uint32_t place = ledger_place(l, key), n = l->directory[place];

    if (n >= l->header->pages || n >> l->bits != 0)
        return NULL;
    struct ledger_page *p = &l->pages[n];
    return p->magic == LEDGER_PAGE_MAGIC && ledger_in_range(l, p, place) ? p : NULL;
}

/* Eight tags at a time: which word has a byte that is this one. */
static bool
ledger_tag_in(uint64_t word, uint8_t tag)
{
    uint64_t x = word ^ tag * UINT64_C(0x0101010101010101);

    return ((x - UINT64_C(0x0101010101010101)) & ~x & UINT64_C(0x8080808080808080)) != 0;
}

struct ledger_slot *
ledger_find(struct ledger_page *p, const uint8_t key[16])
{
    uint8_t tag = ledger_tag(key);

    for (uint32_t at = 0; at < sizeof(p->tags); at += 8) {
        uint64_t word;
        memcpy(&word, p->tags + at, sizeof(word));
        if (!ledger_tag_in(word, tag))
            continue;
        for (uint32_t i = at; i < at + 8 && i < LEDGER_SLOTS; i++)
            if (p->tags[i] == tag && memcmp(p->slots[i].key, key, 16) == 0)
                return &p->slots[i];
    }
    return NULL;
}

/* LEDGER_SLOTS: none. */
static uint32_t
ledger_free_slot(const struct ledger_page *p)
{
    for (uint32_t at = 0; at < sizeof(p->tags); at += 8) {
        uint64_t word;
        memcpy(&word, p->tags + at, sizeof(word));
        if (!ledger_tag_in(word, 0))
            continue;
        for (uint32_t i = at; i < at + 8 && i < LEDGER_SLOTS; i++)
            if (p->tags[i] == 0)
                return i;
    }
    return LEDGER_SLOTS;
}

void
ledger_remove(struct wd_ledger *l, struct ledger_page *p, uint32_t slot)
{
    wd_mapped_order();
    p->tags[slot] = 0;
    wd_mapped_order();
    if (l->header->used > 0)
        l->header->used--;
}

static bool
ledger_drop_expired(struct wd_ledger *l, struct ledger_page *p)
{
    bool any = false;

    for (uint32_t i = 0; i < LEDGER_SLOTS; i++) {
        if (p->tags[i] == 0 || p->slots[i].expires_s > l->header->now_s)
            continue;
        ledger_remove(l, p, i);
        any = true;
    }
    return any;
}

/* Whether there may be one more. */
static bool
ledger_room(struct wd_ledger *l)
{
    struct ledger_header *h = l->header;

    for (uint32_t n = 0; h->used >= l->max && n < LEDGER_SWEEP; n++) {
        if (h->sweep >= h->pages || h->sweep >> l->bits != 0)
            h->sweep = 0;
        ledger_drop_expired(l, &l->pages[h->sweep++]);
    }
    return h->used < l->max;
}

/* From here on the new page counts. Can be done again by whoever comes after a kill. */
static void
ledger_split_finish(struct wd_ledger *l, struct ledger_page *old, uint32_t made)
{
    const struct ledger_page *new = &l->pages[made];
    uint32_t first = ledger_first(l, new), span = ledger_span(l, new);

    for (uint32_t i = 0; i < span; i++)
        l->directory[first + i] = made;
    wd_mapped_order();
    __atomic_store_n(&old->range, LEDGER_RANGE(ledger_depth(new), (uint32_t) new->range - 1), __ATOMIC_RELAXED);
    wd_mapped_order();
    /* their bytes stay until others need the place: see ledger_mend() */
    for (uint32_t i = 0; i < LEDGER_SLOTS; i++)
        if (old->tags[i] != 0 && ledger_in_range(l, new, ledger_place(l, old->slots[i].key)))
            old->tags[i] = 0;
    wd_mapped_order();
    l->header->split = 0;
    wd_mapped_order();
}

static enum wd_err
ledger_split(struct wd_ledger *l, struct ledger_page *old)
{
    struct ledger_header *h = l->header;
    uint32_t made = h->pages, depth = ledger_depth(old), n = 0;

    if (depth >= l->bits || made >> l->bits != 0)
        return WD_ERR_FULL;
    enum wd_err err = ledger_back(l, made + 1);
    if (err != WD_OK)
        return err;
    struct ledger_page *new = &l->pages[made];
    memset(new, 0, sizeof(*new));
    new->lost = old->lost;
    new->range = LEDGER_RANGE(depth + 1, (uint32_t)old->range << 1 | 1);
    for (uint32_t i = 0; i < LEDGER_SLOTS; i++) {
        if (old->tags[i] == 0 || !ledger_in_range(l, new, ledger_place(l, old->slots[i].key)))
            continue;
        new->slots[n] = old->slots[i];
        new->tags[n++] = old->tags[i];
    }
    wd_mapped_order();
    new->magic = LEDGER_PAGE_MAGIC;
    wd_mapped_order();
    h->split = (uint64_t)(old - l->pages) << 32 | (made + 1);
    wd_mapped_order();
    h->pages = made + 1;
    wd_mapped_order();
    ledger_split_finish(l, old, made);
    return WD_OK;
}

enum wd_err
ledger_insert(struct wd_ledger *l, const struct ledger_slot *entry)
{
    if (l->header->used >= l->max && !ledger_room(l))
        return WD_ERR_FULL;
    for (uint32_t n = 0; n <= l->bits; n++) {
        struct ledger_page *p = ledger_page_of(l, entry->key);
        if (p == NULL)
            return WD_ERR_CORRUPT;
        uint32_t i = ledger_free_slot(p);
        if (i == LEDGER_SLOTS && ledger_drop_expired(l, p))
            i = ledger_free_slot(p);
        if (i != LEDGER_SLOTS) {
            p->slots[i] = *entry;
            wd_mapped_order();
            p->tags[i] = ledger_tag(entry->key);
            wd_mapped_order();
            l->header->used++;
            return WD_OK;
        }
        enum wd_err err = ledger_split(l, p);
        if (err != WD_OK)
            return err;
    }
    return WD_ERR_FULL;
}

void
ledger_repair(struct wd_ledger *l)
{
    struct ledger_header *h = l->header;
    uint32_t old = (uint32_t)(h->split >> 32), made = (uint32_t)h->split - 1;

    if (h->split != 0 && h->pages == made + 1 && made >> l->bits == 0 && old < made) {
        const struct ledger_page *new = &l->pages[made];
        struct ledger_page *p = &l->pages[old];
        uint32_t depth = ledger_depth(new);
        uint64_t before = LEDGER_RANGE(depth - 1, (uint32_t) new->range >> 1);
        uint64_t after = LEDGER_RANGE(depth, (uint32_t) new->range - 1);
        if (ledger_page_is(l, new) && depth > 0 && ((uint32_t) new->range & 1) != 0 && (p->range == before || p->range == after))
            ledger_split_finish(l, p, made);
    }
    h->split = 0;
    /* one that was never finished must not be taken for a page */
    if (h->pages < h->backed && h->pages >> l->bits == 0)
        l->pages[h->pages].magic = 0;
}
