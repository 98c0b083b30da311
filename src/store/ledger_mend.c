#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "ledger_map.h"

#define MEND_AHEAD 1024 /* pages looked at past the last one */

/*
 * After a power cut any page may be as it was some time ago, or never have reached the disk. The pages say which keys they hold,
 * so the directory is made anew from them; where two claim a key the deeper one is the newer. A split leaves the bytes of what
 * went to the new page in the old one, so what a page that got lost had held is for the most part still found there.
 */

static struct ledger_page *
mend_owner(const struct wd_ledger *l, uint32_t place)
{
    uint32_t n = l->directory[place];

    return n == LEDGER_NONE ? NULL : &l->pages[n];
}

static bool
mend_blank(const struct ledger_page *p)
{
    return p->magic == 0 && p->range == 0 && p->tags[0] == 0;
}

/* The header may be older than the pages: those after its last one count too. */
static enum wd_err
mend_more_pages(struct wd_ledger *l)
{
    struct ledger_header *h = l->header;
    uint32_t pages = h->pages;

    for (uint32_t i = h->pages; i >> l->bits == 0 && i < pages + MEND_AHEAD; i++) {
        struct { /* how a page begins; read, for memory of a hole may cost disk space */
            uint32_t magic, lost;
            uint64_t range;
        } head;
        if (pread(l->fd, &head, sizeof(head), (char *)&l->pages[i] - (char *)h) != (ssize_t)sizeof(head))
            return WD_ERR_IO;
        if (head.magic == LEDGER_PAGE_MAGIC)
            pages = i + 1;
    }
    if (pages == h->pages)
        return WD_OK;
    errno = posix_fallocate(l->fd, (char *)&l->pages[h->pages] - (char *)h, (off_t)(pages - h->pages) * LEDGER_PAGE);
    if (errno != 0)
        return WD_ERR_FULL;
    h->backed = pages;
    h->pages = pages;
    return WD_OK;
}

/* Each page where it says it belongs. */
static enum wd_err
mend_claim(struct wd_ledger *l)
{
    for (uint32_t i = 0; i < l->header->pages; i++) {
        const struct ledger_page *p = &l->pages[i];
        if (mend_blank(p))
            continue;
        if (!ledger_page_is(l, p))
            return WD_ERR_CORRUPT;
        const struct ledger_page *owner = mend_owner(l, ledger_first(l, p));
        if (owner != NULL && ledger_depth(owner) >= ledger_depth(p))
            return WD_ERR_CORRUPT; /* the first keys of a page's range are never another's */
        for (uint32_t at = ledger_first(l, p), n = ledger_span(l, p); n > 0; n--, at++) {
            owner = mend_owner(l, at);
            if (owner == NULL || ledger_depth(owner) < ledger_depth(p))
                l->directory[at] = i;
        }
    }
    return WD_OK;
}

/* What deeper pages took from it is no more a page's; of the rest it keeps the first whole range. */
static enum wd_err
mend_trim(struct wd_ledger *l, uint32_t i)
{
    struct ledger_page *p = &l->pages[i];
    uint32_t first, span, own = 0;

    if (mend_blank(p))
        return WD_OK;
    first = ledger_first(l, p);
    span = ledger_span(l, p);
    while (own < span && l->directory[first + own] == i)
        own++;
    if (own == 0)
        return WD_ERR_CORRUPT; /* a split leaves the old page the lower half */
    uint32_t depth = ledger_depth(p);
    for (; own < (uint32_t)1 << (l->bits - depth);)
        depth++;
    for (uint32_t at = (uint32_t)1 << (l->bits - depth); at < span; at++)
        if (l->directory[first + at] == i)
            l->directory[first + at] = LEDGER_NONE;
    if (depth != ledger_depth(p)) /* what is not written stays clean: nothing of it goes to the disk again */
        p->range = LEDGER_RANGE(depth, first >> (l->bits - depth));
    return WD_OK;
}

static struct ledger_page *
mend_new_page(struct wd_ledger *l, uint32_t *blank)
{
    struct ledger_header *h = l->header;

    for (; *blank < h->pages; ++*blank)
        if (mend_blank(&l->pages[*blank]))
            return &l->pages[*blank];
    if (h->pages >> l->bits != 0 || ledger_back(l, h->pages + 1) != WD_OK)
        return NULL;
    return &l->pages[h->pages++];
}

/* A page for each stretch that nobody holds. */
static enum wd_err
mend_holes(struct wd_ledger *l)
{
    uint32_t blank = 0;

    for (uint32_t at = 0; at >> l->bits == 0; at++) {
        if (l->directory[at] != LEDGER_NONE)
            continue;
        uint32_t depth = l->bits, span = 1;
        for (;;) { /* twice as long, as long as it begins there and nobody holds any of it */
            uint32_t end = span;
            if (depth == 0 || (at & (2 * span - 1)) != 0)
                break;
            while (end < 2 * span && l->directory[at + end] == LEDGER_NONE)
                end++;
            if (end < 2 * span)
                break;
            depth--;
            span *= 2;
        }
        struct ledger_page *p = mend_new_page(l, &blank);
        if (p == NULL)
            return WD_ERR_FULL;
        memset(p, 0, sizeof(*p));
        p->lost = 1;
        p->range = LEDGER_RANGE(depth, at >> (l->bits - depth));
        wd_mapped_order();
        p->magic = LEDGER_PAGE_MAGIC;
        for (uint32_t n = 0; n < span; n++)
            l->directory[at + n] = (uint32_t)(p - l->pages);
    }
    return WD_OK;
}

/* Whether a page that got lost may have held it: what a split left, and what was not cleared. */
static bool
mend_was_lost(const struct ledger_page *to, const struct ledger_slot *s)
{
    return to->lost != 0 && s->holder != 0 && s->expires_s != 0;
}

/* Of two entries of a key the one that lasts longer is the newer. */
static enum wd_err
mend_merge(struct wd_ledger *l, struct ledger_page *to, const struct ledger_slot *s)
{
    struct ledger_slot *there = ledger_find(to, s->key);

    if (there != NULL) {
        if (there->expires_s >= s->expires_s)
            return WD_OK;
        ledger_remove(l, to, (uint32_t)(there - to->slots));
    }
    return ledger_insert(l, s);
}

/* What stands in a page that is not its own goes where it belongs. */
static enum wd_err
mend_move(struct wd_ledger *l, uint32_t i, bool lost)
{
    struct ledger_page *p = &l->pages[i];

    for (uint32_t n = 0; n < LEDGER_SLOTS; n++) {
        const struct ledger_slot *s = &p->slots[n];
        if (p->tags[n] == 0 && !lost)
            continue;
        if (p->tags[n] != 0 && p->tags[n] != ledger_tag(s->key))
            p->tags[n] = ledger_tag(s->key);
        struct ledger_page *to = ledger_page_of(l, s->key);
        if (to == NULL)
            return WD_ERR_CORRUPT;
        if (to == p)
            continue;
        if (p->tags[n] != 0 || mend_was_lost(to, s)) {
            enum wd_err err = mend_merge(l, to, s);
            if (err != WD_OK)
                return err;
        }
        wd_mapped_order();
        if (p->tags[n] != 0)
            p->tags[n] = 0;
    }
    return WD_OK;
}

/* At the end: what there is. */
static void
mend_count(struct wd_ledger *l)
{
    uint64_t used = 0;

    for (uint32_t i = 0; i < l->header->pages; i++) {
        struct ledger_page *p = &l->pages[i];
        if (p->lost != 0)
            p->lost = 0;
        for (uint32_t n = 0; n < LEDGER_SLOTS; n++)
            used += p->tags[n] != 0;
    }
    l->header->used = used;
}

enum wd_err
ledger_mend(struct wd_ledger *l)
{
    struct ledger_header *h = l->header;
    uint32_t words = (uint32_t)1 << l->bits;
    bool lost = false;

    h->dirty = 0;
    h->split = 0;
    h->used = 0; /* known at the end; until then there is room */
    for (uint32_t i = 0; i < words; i++)
        l->directory[i] = LEDGER_NONE;
    enum wd_err err = mend_more_pages(l);
    if (err == WD_OK)
        err = mend_claim(l);
    uint32_t pages = h->pages;
    for (uint32_t i = 0; i < pages && err == WD_OK; i++)
        err = mend_trim(l, i);
    if (err == WD_OK)
        err = mend_holes(l);
    pages = h->pages;
    for (uint32_t i = 0; i < pages; i++)
        lost |= l->pages[i].lost != 0;
    for (uint32_t i = 0; i < pages && err == WD_OK; i++)
        err = mend_move(l, i, lost);
    if (err == WD_OK)
        mend_count(l);
    return err;
}
