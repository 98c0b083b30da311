#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "scratch.h"
#include "store/ledger.h"

#define OPENAI 11
#define GOOGLE 22
#define DAY 86400
#define NOW 1700000000

static uint64_t random_state;

static uint32_t
pick(uint32_t below)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33) % below;
}

static struct wd_ledger *
open_ledger(struct scratch *s, uint32_t entries)
{
    struct wd_ledger *l;

    assert_int_equal(wd_ledger_prepare(scratch_path(s, "ledger.map"), entries, NOW), WD_OK);
    assert_int_equal(wd_ledger_open(&l, s->path, entries), WD_OK);
    return l;
}

static struct wd_holding
value_of(uint32_t n)
{
    struct wd_holding h = { .kind = (uint8_t)(n % 7) };
    uint8_t secret[32] = { 0 };
    char text[16];

    snprintf(text, sizeof(text), "%u", n);
    wd_ledger_key(h.key, secret, "value", WD_SPAN("ann"), wd_span_str(text));
    return h;
}

/* What a look at one value says. */
static enum wd_held
look(struct wd_ledger *l, uint32_t n, uint64_t holder, uint64_t now)
{
    struct wd_holding h = value_of(n);

    assert_int_equal(wd_ledger_begin(l, now), WD_OK);
    wd_ledger_look(l, &h, 1, holder);
    wd_ledger_end(l);
    if (h.held == WD_HELD_OTHER)
        assert_int_not_equal(h.owner, holder);
    return h.held;
}

static enum wd_err
take_many(struct wd_ledger *l, struct wd_holding *h, size_t count, uint64_t holder, uint64_t now, uint32_t nonce)
{
    assert_int_equal(wd_ledger_begin(l, now), WD_OK);
    enum wd_err err = wd_ledger_take(l, h, count, holder, DAY, nonce);
    wd_ledger_end(l);
    return err;
}

static enum wd_held
take(struct wd_ledger *l, uint32_t n, uint64_t holder, uint64_t now, uint32_t nonce)
{
    struct wd_holding h = value_of(n);

    assert_int_equal(take_many(l, &h, 1, holder, now, nonce), WD_OK);
    return h.held;
}

static void
release(struct wd_ledger *l, uint32_t n, uint32_t nonce)
{
    struct wd_holding h = value_of(n);

    wd_ledger_release(l, &h, 1, nonce);
}

static uint64_t
used(struct wd_ledger *l)
{
    uint64_t n, max;

    wd_ledger_size(l, &n, &max);
    return n;
}

static void
F21_a_value_belongs_to_who_took_it_first(void **state)
{
    struct scratch s;

    scratch_make(&s);
    struct wd_ledger *l = open_ledger(&s, 0);
    assert_int_equal(look(l, 1, OPENAI, NOW), WD_HELD_NOT);
    assert_int_equal(take(l, 1, OPENAI, NOW, 1), WD_HELD_NOT);
    assert_int_equal(look(l, 1, OPENAI, NOW), WD_HELD_SAME);
    assert_int_equal(look(l, 1, GOOGLE, NOW), WD_HELD_OTHER);
    assert_int_equal(take(l, 1, GOOGLE, NOW, 2), WD_HELD_OTHER);
    assert_int_equal(look(l, 1, OPENAI, NOW), WD_HELD_SAME);
    assert_int_equal(look(l, 2, GOOGLE, NOW), WD_HELD_NOT);
    wd_ledger_close(l);
    l = open_ledger(&s, 0);
    assert_int_equal(look(l, 1, GOOGLE, NOW), WD_HELD_OTHER);
    struct wd_holding h = value_of(1);
    assert_int_equal(wd_ledger_begin(l, NOW), WD_OK);
    wd_ledger_look(l, &h, 1, GOOGLE);
    wd_ledger_end(l);
    assert_int_equal(h.owner, OPENAI);
    wd_ledger_close(l);
    scratch_drop(&s);
}

static void
a_value_is_kept_as_long_as_it_was_last_shown(void **state)
{
    struct scratch s;

    scratch_make(&s);
    struct wd_ledger *l = open_ledger(&s, 0);
    take(l, 1, OPENAI, NOW, 1);
    take(l, 1, OPENAI, NOW + 1000, 2);
    assert_int_equal(look(l, 1, GOOGLE, NOW + DAY + 999), WD_HELD_OTHER);
    assert_int_equal(look(l, 1, GOOGLE, NOW + DAY + 1000), WD_HELD_NOT);
    assert_int_equal(take(l, 1, GOOGLE, NOW + DAY + 1000, 3), WD_HELD_NOT);
    assert_int_equal(look(l, 1, OPENAI, NOW + DAY + 1000), WD_HELD_OTHER);
    assert_int_equal(used(l), 1);
    wd_ledger_close(l);
    scratch_drop(&s);
}

static void
a_clock_set_back_forgets_nothing_early(void **state)
{
    struct scratch s;

    scratch_make(&s);
    struct wd_ledger *l = open_ledger(&s, 0);
    take(l, 1, OPENAI, NOW, 1);
    take(l, 2, OPENAI, NOW - 3 * DAY, 1); /* taken now, whatever the clock says */
    assert_int_equal(look(l, 2, GOOGLE, NOW + DAY - 1), WD_HELD_OTHER);
    wd_ledger_close(l);
    assert_int_equal(wd_ledger_prepare(s.path, 0, NOW - 9 * DAY), WD_OK);
    assert_int_equal(wd_ledger_open(&l, s.path, 0), WD_OK);
    take(l, 3, OPENAI, NOW - 9 * DAY, 1);
    assert_int_equal(look(l, 3, GOOGLE, NOW + 2 * DAY - 2), WD_HELD_OTHER);
    assert_int_equal(look(l, 3, GOOGLE, UINT64_MAX), WD_HELD_NOT);
    wd_ledger_close(l);
    scratch_drop(&s);
}

static void
release_frees_what_nobody_else_took_since(void **state)
{
    struct scratch s;

    scratch_make(&s);
    struct wd_ledger *l = open_ledger(&s, 0);
    take(l, 1, OPENAI, NOW, 1);
    release(l, 1, 2);
    assert_int_equal(look(l, 1, GOOGLE, NOW), WD_HELD_OTHER);
    release(l, 1, 1);
    assert_int_equal(look(l, 1, GOOGLE, NOW), WD_HELD_NOT);
    /* shared by two exchanges: neither can take it back */
    take(l, 1, OPENAI, NOW, 1);
    take(l, 1, OPENAI, NOW, 2);
    release(l, 1, 1);
    release(l, 1, 2);
    assert_int_equal(look(l, 1, GOOGLE, NOW), WD_HELD_OTHER);
    /* named twice in one request */
    struct wd_holding twice[3] = { value_of(5), value_of(6), value_of(5) };
    assert_int_equal(take_many(l, twice, 3, OPENAI, NOW, 7), WD_OK);
    wd_ledger_release(l, twice, 3, 7);
    assert_int_equal(look(l, 5, GOOGLE, NOW), WD_HELD_NOT);
    assert_int_equal(used(l), 1);
    /* a number that comes back later is another exchange */
    take(l, 8, OPENAI, NOW, 9);
    struct wd_holding again = value_of(8);
    assert_int_equal(take_many(l, &again, 1, OPENAI, NOW, 9), WD_OK);
    wd_ledger_release(l, &again, 1, 9);
    assert_int_equal(look(l, 8, GOOGLE, NOW), WD_HELD_OTHER);
    wd_ledger_close(l);
    scratch_drop(&s);
}

struct listed {
    uint32_t count, stop;
    uint64_t holder;
    uint8_t seen[4096];
};

static bool
list_entry(void *ctx, const struct wd_ledger_entry *e)
{
    struct listed *got = ctx;

    assert_true(e->holder == OPENAI || e->holder == GOOGLE);
    for (uint32_t n = 0; got->seen[0] != 255 && n < 4096; n++) {
        struct wd_holding h = value_of(n);
        if (memcmp(h.key, e->key, 16) != 0)
            continue;
        assert_int_equal(e->kind, h.kind);
        assert_int_equal(got->seen[n], 0);
        got->seen[n] = 1;
    }
    return ++got->count != got->stop;
}

static bool
is_googles(void *ctx, const struct wd_ledger_entry *e)
{
    return e->holder == GOOGLE;
}

static void
list_and_forget(void **state)
{
    static struct listed got;
    struct scratch s;
    uint64_t count;

    scratch_make(&s);
    struct wd_ledger *l = open_ledger(&s, 20000);
    for (uint32_t i = 0; i < 600; i++)
        take(l, i, i % 3 == 0 ? GOOGLE : OPENAI, NOW, 1);
    take(l, 600, OPENAI, NOW + 10, 1);
    assert_int_equal(wd_ledger_list(l, NOW, list_entry, &got), WD_OK);
    assert_int_equal(got.count, 601);
    got = (struct listed){ .stop = 5, .seen = { 255 } };
    assert_int_equal(wd_ledger_list(l, NOW, list_entry, &got), WD_OK);
    assert_int_equal(got.count, 5);
    struct wd_holding h = value_of(7);
    assert_int_equal(wd_ledger_forget(l, h.key), WD_OK);
    assert_int_equal(wd_ledger_forget(l, h.key), WD_ERR_NOTFOUND);
    assert_int_equal(look(l, 7, GOOGLE, NOW), WD_HELD_NOT);
    assert_int_equal(wd_ledger_forget_if(l, is_googles, NULL, &count), WD_OK);
    assert_int_equal(count, 200);
    assert_int_equal(used(l), 400);
    got = (struct listed){ .seen = { 255 } };
    assert_int_equal(wd_ledger_list(l, NOW + DAY, list_entry, &got), WD_OK);
    assert_int_equal(got.count, 1);
    assert_int_equal(wd_ledger_forget_if(l, NULL, NULL, &count), WD_OK);
    assert_int_equal(count, 1);
    wd_ledger_close(l);
    scratch_drop(&s);
}

static void
keys_of_two_scopes_never_meet(void **state)
{
    uint8_t secret[32] = { 1 }, a[16], b[16];
    static char text[3000];
    memset(text, 'x', sizeof(text));

    static const uint32_t lengths[] = { 1, 100, 490, 500, 511, 512, 513, 3000 };
    for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
        struct wd_span v = wd_span(text, lengths[i]);
        wd_ledger_key(a, secret, "value", WD_SPAN("ann"), v);
        wd_ledger_key(b, secret, "value", WD_SPAN("bob"), v);
        assert_memory_not_equal(a, b, 16);
        wd_ledger_key(b, secret, "reference", WD_SPAN("ann"), v);
        assert_memory_not_equal(a, b, 16);
        wd_ledger_key(b, secret, "value", WD_SPAN(""), v);
        assert_memory_not_equal(a, b, 16);
        wd_ledger_key(b, secret, "value", WD_SPAN("ann"), wd_span(text, lengths[i] - 1));
        assert_memory_not_equal(a, b, 16);
        wd_ledger_key(b, secret, "value", WD_SPAN("annx"), wd_span(text, lengths[i] - 1));
        assert_memory_not_equal(a, b, 16);
        wd_ledger_key(b, secret, "value", WD_SPAN("ann"), v);
        assert_memory_equal(a, b, 16);
    }
    wd_ledger_key(a, secret, "value", wd_span(text, 600), wd_span(text, 700));
    wd_ledger_key(b, secret, "value", wd_span(text, 700), wd_span(text, 600));
    assert_memory_not_equal(a, b, 16);
    assert_int_not_equal(wd_ledger_holder(secret, "provider", WD_SPAN("openai")), 0);
    assert_int_not_equal(wd_ledger_holder(secret, "provider", WD_SPAN("openai")),
                         wd_ledger_holder(secret, "user", WD_SPAN("openai")));
}

static void
filter_is_everybodys_and_stays(void **state)
{
    struct scratch s;
    struct wd_ledger *other;

    scratch_make(&s);
    struct wd_ledger *l = open_ledger(&s, 1000);
    assert_int_equal(wd_ledger_open(&other, s.path, 1000), WD_OK);
    const struct wd_filter *f = wd_ledger_filter(other);
    assert_int_equal(f->version, 0);
    assert_int_equal(wd_ledger_begin(l, NOW), WD_OK);
    wd_ledger_name(l, WD_FILTER_BITS + 77, 3);
    assert_int_equal(f->version, 1);
    wd_ledger_name(l, 77, 3); /* known: no change */
    assert_int_equal(f->version, 1);
    wd_ledger_name(l, 77, 16);
    wd_ledger_name(l, 78, 17);
    wd_ledger_name(l, 78, 0);
    wd_ledger_end(l);
    assert_int_equal(f->version, 2);
    assert_int_equal(f->word_counts, 1 << 3 | 1 << 16);
    assert_int_equal(f->bits[1], 1 << 13);
    wd_ledger_close(l);
    wd_ledger_close(other);
    l = open_ledger(&s, 1000);
    assert_int_equal(wd_ledger_filter(l)->version, 2);
    wd_ledger_close(l);
    scratch_drop(&s);
}

/* --- a naive twin --- */

#define TWIN_VALUES 900
#define TWIN_HELD 32

static struct {
    uint64_t holder, expires;
    uint32_t nonce;
} twins[TWIN_VALUES];
static uint64_t twin_now;

static enum wd_held
twin_held(uint32_t n, uint64_t holder)
{
    if (twins[n].expires <= twin_now)
        return WD_HELD_NOT;
    return twins[n].holder == holder ? WD_HELD_SAME : WD_HELD_OTHER;
}

static uint32_t
twin_live(void)
{
    uint32_t live = 0;

    for (uint32_t n = 0; n < TWIN_VALUES; n++)
        live += twins[n].expires > twin_now;
    return live;
}

struct twin_take {
    struct wd_holding h[6];
    uint32_t n[6], count, nonce;
    uint64_t holder;
};

/* As the ledger is to do it, one value after the other. */
static enum wd_err
twin_take(struct twin_take *t, uint32_t keep, uint32_t max, enum wd_held held[6])
{
    uint32_t live = twin_live(), fresh = 0;

    for (uint32_t i = 0; i < t->count; i++) {
        held[i] = twin_held(t->n[i], t->holder);
        for (uint32_t k = 0; k < i && held[i] == WD_HELD_NOT; k++)
            if (t->n[k] == t->n[i])
                held[i] = WD_HELD_SAME;
        fresh += held[i] == WD_HELD_NOT;
    }
    if (fresh > 0 && live + fresh > max)
        return WD_ERR_FULL;
    for (uint32_t i = 0; i < t->count; i++) {
        bool before = false;
        for (uint32_t k = 0; k < i; k++)
            before |= t->n[k] == t->n[i];
        uint32_t n = t->n[i];
        if (held[i] == WD_HELD_NOT) {
            twins[n].holder = t->holder;
            twins[n].expires = twin_now + keep;
            twins[n].nonce = t->nonce;
        } else if (held[i] == WD_HELD_SAME) {
            if (!before)
                twins[n].nonce = 0;
            if (twins[n].expires < twin_now + keep)
                twins[n].expires = twin_now + keep;
        }
    }
    return WD_OK;
}

static void
twin_compare(struct wd_ledger *l)
{
    for (uint32_t n = 0; n < TWIN_VALUES; n++)
        assert_int_equal(look(l, n, OPENAI, 0), twin_held(n, OPENAI));
}

/* entries: as many live ones as there may be at a time; the rest of the values finds no room. */
static void
twin_run(uint64_t seed, uint32_t entries, uint32_t keep_max)
{
    struct scratch s;
    struct twin_take held[TWIN_HELD];
    uint32_t held_count = 0, full = 0;

    random_state = seed;
    memset(twins, 0, sizeof(twins));
    scratch_make(&s);
    struct wd_ledger *l = open_ledger(&s, entries);
    twin_now = NOW;
    for (uint32_t step = 0; step < 12000; step++) {
        uint64_t now = twin_now + (pick(4) == 0 ? pick(40) : 0);
        uint32_t what = pick(1000), keep = 1 + pick(keep_max);
        if (now == twin_now && pick(10) == 0)
            now -= pick(100000); /* set back */
        if (now > twin_now)
            twin_now = now;
        if (what < 8) {
            assert_int_equal(look(l, 0, OPENAI, now), twin_held(0, OPENAI));
            wd_ledger_close(l);
            if (pick(2) != 0)
                assert_int_equal(wd_ledger_prepare(s.path, entries, now), WD_OK);
            assert_int_equal(wd_ledger_open(&l, s.path, entries), WD_OK);
            assert_int_equal(look(l, 0, OPENAI, now), twin_held(0, OPENAI));
            twin_compare(l);
        } else if (what < 100) {
            uint32_t n = pick(TWIN_VALUES);
            struct wd_holding h = value_of(n);
            assert_int_equal(look(l, n, OPENAI, now), twin_held(n, OPENAI));
            assert_int_equal(wd_ledger_forget(l, h.key), twins[n].expires > twin_now ? WD_OK : WD_ERR_NOTFOUND);
            twins[n].expires = 0;
        } else if (what < 250 && held_count > 0) {
            uint32_t at = pick(held_count);
            struct twin_take *t = &held[at];
            assert_int_equal(look(l, 0, OPENAI, now), twin_held(0, OPENAI));
            wd_ledger_release(l, t->h, t->count, t->nonce);
            for (uint32_t i = 0; i < t->count; i++)
                if (t->h[i].held == WD_HELD_NOT && twins[t->n[i]].nonce == t->nonce)
                    twins[t->n[i]].expires = 0;
            *t = held[--held_count];
        } else {
            enum wd_held expect[6];
            struct twin_take t = { .count = 1 + pick(6), .nonce = step + 1, .holder = pick(2) != 0 ? OPENAI : GOOGLE };
            for (uint32_t i = 0; i < t.count; i++) {
                t.n[i] = pick(10) == 0 ? t.n[0] : pick(TWIN_VALUES);
                t.h[i] = value_of(t.n[i]);
            }
            enum wd_err err = twin_take(&t, keep, entries, expect);
            assert_int_equal(wd_ledger_begin(l, now), WD_OK);
            assert_int_equal(wd_ledger_take(l, t.h, t.count, t.holder, keep, t.nonce), err);
            wd_ledger_end(l);
            for (uint32_t i = 0; i < t.count && err == WD_OK; i++)
                assert_int_equal(t.h[i].held, expect[i]);
            full += err == WD_ERR_FULL;
            if (err == WD_OK && held_count < TWIN_HELD)
                held[held_count++] = t;
            if (err == WD_ERR_FULL && pick(50) == 0)
                twin_compare(l);
        }
    }
    twin_compare(l);
    assert_true(entries >= TWIN_VALUES || full > 10);
    wd_ledger_close(l);
    scratch_drop(&s);
}

static void
exact_as_a_naive_twin(void **state)
{
    for (uint64_t seed = 1; seed <= 6; seed++) {
        twin_run(seed, 5000, 3000);
        twin_run(seed, 400, 30000);
        twin_run(seed, 200, 3000);
        twin_run(seed, 1, 60);
    }
}

/* --- room --- */

static void
F51_a_full_ledger_refuses_and_takes_nothing(void **state)
{
    struct scratch s;
    struct wd_holding h[4];

    scratch_make(&s);
    struct wd_ledger *l = open_ledger(&s, 100);
    for (uint32_t n = 0; n < 98; n++)
        take(l, n, OPENAI, NOW, 1);
    h[0] = value_of(0), h[1] = value_of(200), h[2] = value_of(201), h[3] = value_of(202);
    assert_int_equal(take_many(l, h, 4, OPENAI, NOW, 2), WD_ERR_FULL);
    for (uint32_t n = 200; n < 203; n++)
        assert_int_equal(look(l, n, GOOGLE, NOW), WD_HELD_NOT);
    release(l, 0, 1); /* the second take of it did not happen */
    assert_int_equal(look(l, 0, GOOGLE, NOW), WD_HELD_NOT);
    assert_int_equal(take_many(l, h + 1, 3, OPENAI, NOW, 2), WD_OK);
    assert_int_equal(take_many(l, h, 1, OPENAI, NOW, 2), WD_ERR_FULL);
    assert_int_equal(take_many(l, h + 1, 3, OPENAI, NOW, 3), WD_OK); /* what is known needs no room */
    /* a day later nothing of it is in the way */
    for (uint32_t n = 300; n < 400; n++)
        take(l, n, OPENAI, NOW + DAY, 1);
    wd_ledger_close(l);
    scratch_drop(&s);
}

static void
F51_a_page_that_cannot_be_split_any_more_is_full(void **state)
{
    struct scratch s;
    struct wd_holding h = { 0 };
    uint32_t n = 0;

    scratch_make(&s);
    struct wd_ledger *l = open_ledger(&s, 5000);
    for (;; n++) { /* keys that differ at their ends alone: chance makes none such */
        memcpy(h.key + 8, &n, sizeof(n));
        h.key[15] = (uint8_t)n;
        enum wd_err err = take_many(l, &h, 1, OPENAI, NOW, 1);
        if (err == WD_ERR_FULL)
            break;
        assert_int_equal(err, WD_OK);
    }
    assert_int_equal(n, 123);
    for (uint32_t i = 0; i < n; i++) {
        memcpy(h.key + 8, &i, sizeof(i));
        h.key[15] = (uint8_t)i;
        assert_int_equal(wd_ledger_begin(l, NOW), WD_OK);
        wd_ledger_look(l, &h, 1, GOOGLE);
        wd_ledger_end(l);
        assert_int_equal(h.held, WD_HELD_OTHER);
    }
    take(l, 1, OPENAI, NOW, 1);
    wd_ledger_close(l);
    scratch_drop(&s);
}

static void
F51_steady_churn_stays_small(void **state)
{
    struct scratch s;
    struct stat st;

    scratch_make(&s);
    struct wd_ledger *l = open_ledger(&s, 0);
    wd_ledger_look_again(l);
    for (uint32_t i = 0; i < 200000; i++) /* 864 alive at a time */
        take(l, i, OPENAI, NOW + (uint64_t)i * 100, 1);
    assert_int_equal(stat(s.path, &st), 0);
    assert_true(st.st_blocks * 512 < 4 << 20);
    wd_ledger_close(l);
    scratch_drop(&s);
}

/* A disk of 3 MiB, for this process and its children alone; false where that is not allowed. */
static bool
small_disk(const char *dir)
{
    if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
        return false;
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 && mount("none", dir, "tmpfs", 0, "size=3m,mode=700") == 0;
}

static void
fill_disk(const char *path, bool but_one_page)
{
    static const char zeros[4096];
    int fd = open(path, O_WRONLY | O_CREAT, 0600);

    while (write(fd, zeros, sizeof(zeros)) > 0) {
    }
    if (but_one_page)
        assert_int_equal(ftruncate(fd, lseek(fd, 0, SEEK_CUR) - 4096), 0);
    close(fd);
}

static void
on_small_disk(struct scratch *s)
{
    struct wd_ledger *l;
    struct wd_holding h[2];
    char other[300];
    uint32_t n = 0;
    enum wd_err err;

    snprintf(other, sizeof(other), "%s/other", s->dir);
    fill_disk(other, true);
    assert_int_equal(wd_ledger_prepare(scratch_path(s, "ledger.map"), 0, NOW), WD_ERR_IO);
    assert_int_equal(unlink(other), 0);
    l = open_ledger(s, 0); /* what was begun is no ledger yet, and is made again */
    do {
        h[0] = value_of(2 * n), h[1] = value_of(2 * n + 1);
        err = take_many(l, h, 2, OPENAI, NOW, 1);
    } while (err == WD_OK && ++n < 100000);
    assert_int_equal(err, WD_ERR_FULL);
    assert_true(n > 10000);
    fill_disk(other, false);
    for (uint32_t i = 0; i < 2 * n; i++)
        assert_int_equal(look(l, i, GOOGLE, NOW), WD_HELD_OTHER);
    assert_int_equal(look(l, 2 * n, GOOGLE, NOW), WD_HELD_NOT);
    assert_int_equal(look(l, 2 * n + 1, GOOGLE, NOW), WD_HELD_NOT);
    wd_ledger_close(l);
    assert_int_equal(wd_ledger_prepare(s->path, 0, NOW), WD_OK);
    assert_int_equal(wd_ledger_open(&l, s->path, 0), WD_OK);
    for (uint32_t i = 0; i < 2 * n; i++)
        assert_int_equal(look(l, i, GOOGLE, NOW), WD_HELD_OTHER);
    /* what expires makes room on a full disk too */
    assert_int_equal(take_many(l, h, 2, OPENAI, NOW + DAY, 1), WD_OK);
    wd_ledger_close(l);
}

static void
full_disk_is_an_answer(void **state)
{
    struct scratch s;
    int status;

    scratch_make(&s);
    pid_t pid = fork();
    if (pid == 0) {
        if (!small_disk(s.dir))
            _exit(77);
        on_small_disk(&s);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    scratch_drop(&s);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(status, 0);
}

/* --- damage --- */

static void
what_is_no_ledger_is_left_alone(void **state)
{
    static const off_t cuts[] = { 1, 100, 4096, 8192, 200000, -4096, -1 };
    struct scratch s;
    struct wd_ledger *l;
    struct stat st;

    for (size_t i = 0; i < sizeof(cuts) / sizeof(*cuts); i++) {
        scratch_make(&s);
        l = open_ledger(&s, 5000);
        take(l, 1, OPENAI, NOW, 1);
        assert_int_equal(stat(s.path, &st), 0);
        off_t size = cuts[i] < 0 ? st.st_size + cuts[i] : cuts[i];
        assert_int_equal(truncate(s.path, size), 0);
        struct wd_holding h = value_of(1);
        assert_int_equal(wd_ledger_begin(l, NOW), WD_ERR_CORRUPT);
        wd_ledger_release(l, &h, 1, 1);
        assert_int_equal(wd_ledger_forget(l, h.key), WD_ERR_CORRUPT);
        wd_ledger_close(l);
        for (int k = 0; k < 2; k++) {
            assert_int_equal(k == 0 ? wd_ledger_open(&l, s.path, 5000) : wd_ledger_prepare(s.path, 5000, NOW), WD_ERR_CORRUPT);
            assert_int_equal(stat(s.path, &st), 0);
            assert_int_equal(st.st_size, size);
        }
        scratch_drop(&s);
    }
    static const char *const texts[] = { "x", "a list of things to buy\n", "WDLIMIT1", "WDLEDGR1", "WDLEDGR2" };
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        scratch_make(&s);
        for (off_t size = 0; size <= 300000; size += 150000) {
            FILE *f = fopen(scratch_path(&s, "ledger.map"), "w");
            assert_non_null(f);
            fputs(texts[i], f);
            fclose(f);
            if (size > 0)
                assert_int_equal(truncate(s.path, size), 0);
            assert_int_equal(wd_ledger_open(&l, s.path, 5000), WD_ERR_CORRUPT);
            assert_null(l);
            assert_int_equal(wd_ledger_prepare(s.path, 5000, NOW), WD_ERR_CORRUPT);
        }
        scratch_drop(&s);
    }
}

static void
what_is_somebody_elses_is_an_error(void **state)
{
    struct scratch s;
    struct wd_ledger *l;
    char path[300];

    scratch_make(&s);
    l = open_ledger(&s, 100);
    wd_ledger_close(l);
    snprintf(path, sizeof(path), "%s.link", s.path);
    assert_int_equal(symlink(s.path, path), 0);
    assert_int_equal(wd_ledger_open(&l, path, 100), WD_ERR_IO);
    assert_int_equal(wd_ledger_prepare(path, 100, NOW), WD_ERR_IO);
    assert_int_equal(wd_ledger_open(&l, s.dir, 100), WD_ERR_IO);
    assert_int_equal(wd_ledger_open(&l, "/nowhere/ledger.map", 100), WD_ERR_IO);
    snprintf(path, sizeof(path), "%s/fifo", s.dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(wd_ledger_open(&l, path, 100), WD_ERR_IO);
    assert_int_equal(wd_ledger_open(&l, scratch_path(&s, "more.map"), 700000001), WD_ERR_IO);
    if (geteuid() != 0) {
        snprintf(path, sizeof(path), "%s/ledger.map", s.dir);
        assert_int_equal(chmod(path, 0), 0);
        assert_int_equal(wd_ledger_open(&l, path, 100), WD_ERR_IO);
    }
    scratch_drop(&s);
}

/* As the parts of the file lie (src/store/ledger_map.h), for a ledger of 5,000: the test writes into it. */
#define PAGES_AT (4096 + 135168 + 4096)
#define PAGE_AT(n) (PAGES_AT + (off_t)(n)*4096)

static uint32_t
page_count(int fd)
{
    uint32_t n;

    assert_int_equal(pread(fd, &n, sizeof(n), 24), sizeof(n));
    return n;
}

/*
 * After a power cut some pages are as they were before the last moments: not written at all, or without what came since; so is
 * the directory, and the header. What was taken long before is there, unless it stood in a page that was split just then and its
 * place was needed since.
 */
static void
what_a_power_cut_leaves_is_mended(void **state)
{
    static char old[PAGES_AT + 128 * 4096], new[sizeof(old)];
    enum { BEFORE = 900, AFTER = 1300 };
    uint32_t lost = 0;

    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct scratch s;
        random_state = seed;
        scratch_make(&s);
        struct wd_ledger *l = open_ledger(&s, 5000);
        for (uint32_t n = 0; n < BEFORE; n++)
            take(l, n, OPENAI, NOW, 1);
        int fd = open(s.path, O_RDWR);
        assert_int_equal(pread(fd, old, sizeof(old), 0), sizeof(old));
        for (uint32_t n = BEFORE; n < AFTER; n++)
            take(l, n, OPENAI, NOW, 1);
        wd_ledger_close(l);
        assert_int_equal(pread(fd, new, sizeof(new), 0), sizeof(new));
        for (size_t at = 0; at < sizeof(new); at += 4096)
            if (pick(4) == 0)
                assert_int_equal(pwrite(fd, old + at, 4096, (off_t)at), 4096);
        close(fd);
        assert_int_equal(wd_ledger_prepare(s.path, 5000, NOW), WD_OK);
        assert_int_equal(wd_ledger_open(&l, s.path, 5000), WD_OK);
        for (uint32_t n = 0; n < BEFORE; n++)
            lost += look(l, n, GOOGLE, NOW) != WD_HELD_OTHER;
        for (uint32_t n = 0; n < 3000; n++)
            take(l, n, OPENAI, NOW, 1);
        for (uint32_t n = 0; n < 3000; n++)
            assert_int_equal(look(l, n, GOOGLE, NOW), WD_HELD_OTHER);
        assert_int_equal(used(l), 3000);
        wd_ledger_close(l);
        scratch_drop(&s);
    }
    print_message("of %d old values each %.2f were lost\n", BEFORE, lost / 40.0);
    assert_true(lost < 40 * (AFTER - BEFORE) / 4);
}

static void
a_damaged_directory_is_made_anew(void **state)
{
    struct scratch s;
    char junk[4096];

    scratch_make(&s);
    struct wd_ledger *l = open_ledger(&s, 5000);
    for (uint32_t n = 0; n < 3000; n++)
        take(l, n, OPENAI, NOW, 1);
    wd_ledger_close(l);
    int fd = open(s.path, O_RDWR);
    memset(junk, 0x5a, sizeof(junk));
    assert_int_equal(pwrite(fd, junk, sizeof(junk), PAGES_AT - 4096), sizeof(junk));
    assert_int_equal(wd_ledger_open(&l, s.path, 5000), WD_OK);
    /* who cannot be sure says somebody else's, and takes nothing */
    struct wd_holding h = value_of(1), new = value_of(5000);
    assert_int_equal(look(l, 1, OPENAI, NOW), WD_HELD_OTHER);
    assert_int_equal(take_many(l, &new, 1, OPENAI, NOW, 1), WD_ERR_CORRUPT);
    assert_int_equal(wd_ledger_forget(l, h.key), WD_ERR_CORRUPT);
    wd_ledger_close(l);
    assert_int_equal(wd_ledger_prepare(s.path, 5000, NOW), WD_OK);
    assert_int_equal(wd_ledger_open(&l, s.path, 5000), WD_OK);
    for (uint32_t n = 0; n < 3000; n++)
        assert_int_equal(look(l, n, GOOGLE, NOW), WD_HELD_OTHER);
    assert_int_equal(used(l), 3000);
    wd_ledger_close(l);
    close(fd);
    scratch_drop(&s);
}

static bool
any_entry(void *ctx, const struct wd_ledger_entry *e)
{
    return true;
}

/* Flips bytes anywhere but in the lock itself, in a closed and in a mapped file. */
static void
damaged_file_never_leads_out_of_the_map(void **state)
{
    struct scratch s;
    struct wd_ledger *l;
    uint8_t bytes[8];
    uint32_t mended = 0;

    for (uint64_t seed = 1; seed <= 96; seed++) {
        random_state = seed;
        scratch_make(&s);
        l = open_ledger(&s, 5000);
        for (uint32_t n = 0; n < 2000; n++)
            take(l, n, OPENAI, NOW, 1);
        bool mapped = seed % 2 == 0;
        if (!mapped)
            wd_ledger_close(l);
        int fd = open(s.path, O_RDWR);
        uint32_t pages = page_count(fd);
        for (uint32_t i = 0; i < seed % 40; i++) {
            /* heads of pages, the directory, anywhere; the header's numbers too */
            uint32_t at =
                pick(4) == 0 ? PAGES_AT - 4096 + pick(1024) : (uint32_t)PAGE_AT(pick(pages)) + pick(pick(20) == 0 ? 16 : 4096);
            if (seed % 8 > 5)
                at = 16 + pick(40);
            for (size_t b = 0; b < sizeof(bytes); b++)
                bytes[b] = (uint8_t)pick(pick(2) != 0 ? 256 : 3);
            assert_true(pwrite(fd, bytes, 1 + pick(8), at) > 0);
        }
        close(fd);
        if (!mapped) {
            enum wd_err err = wd_ledger_prepare(s.path, 5000, NOW);
            assert_true(err == WD_OK || err == WD_ERR_CORRUPT || err == WD_ERR_FULL);
            mended += err == WD_OK;
            if (wd_ledger_open(&l, s.path, 5000) != WD_OK)
                l = NULL;
        }
        for (uint32_t n = 0; l != NULL && n < 3000; n++) {
            struct wd_holding h = value_of(n);
            assert_int_equal(wd_ledger_begin(l, NOW), WD_OK);
            enum wd_err err = wd_ledger_take(l, &h, 1, GOOGLE, DAY, 1);
            assert_true(err == WD_OK || err == WD_ERR_CORRUPT || err == WD_ERR_FULL);
            wd_ledger_end(l);
            if (n % 7 == 0)
                wd_ledger_release(l, &h, 1, 1);
        }
        uint64_t count;
        if (l != NULL) {
            enum wd_err err = wd_ledger_list(l, NOW, any_entry, NULL);
            assert_true(err == WD_OK || err == WD_ERR_CORRUPT);
            err = wd_ledger_forget_if(l, any_entry, NULL, &count);
            assert_true(err == WD_OK || err == WD_ERR_CORRUPT);
        }
        wd_ledger_close(l);
        scratch_drop(&s);
    }
    assert_true(mended > 10);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(F21_a_value_belongs_to_who_took_it_first),
        cmocka_unit_test(a_value_is_kept_as_long_as_it_was_last_shown),
        cmocka_unit_test(a_clock_set_back_forgets_nothing_early),
        cmocka_unit_test(release_frees_what_nobody_else_took_since),
        cmocka_unit_test(list_and_forget),
        cmocka_unit_test(keys_of_two_scopes_never_meet),
        cmocka_unit_test(filter_is_everybodys_and_stays),
        cmocka_unit_test(exact_as_a_naive_twin),
        cmocka_unit_test(F51_a_full_ledger_refuses_and_takes_nothing),
        cmocka_unit_test(F51_a_page_that_cannot_be_split_any_more_is_full),
        cmocka_unit_test(F51_steady_churn_stays_small),
        cmocka_unit_test(full_disk_is_an_answer),
        cmocka_unit_test(what_is_no_ledger_is_left_alone),
        cmocka_unit_test(what_is_somebody_elses_is_an_error),
        cmocka_unit_test(what_a_power_cut_leaves_is_mended),
        cmocka_unit_test(a_damaged_directory_is_made_anew),
        cmocka_unit_test(damaged_file_never_leads_out_of_the_map),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
