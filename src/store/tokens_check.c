#include "tokens_check.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHECK_MAGIC 0xBEEFC0DEu
#define CHECK_VERSION 1
#define CHECK_NONE UINT64_MAX /* root of an empty tree */
#define CHECK_DEPTH 32
#define CHECK_PAGE_MAX 65536
#define CHECK_BIG 0x01 /* a node whose value stands on pages of its own */

enum { CHECK_BRANCH = 0x01, CHECK_LEAF = 0x02, CHECK_OVERFLOW = 0x04 };

struct check_page {
    uint64_t number;
    uint16_t pad, flags;
    uint16_t lower, upper; /* of an overflow page: how many there are, as one number */
};

struct check_db {
    uint32_t pad; /* of the first: the size of a page */
    uint16_t flags, depth;
    uint64_t branches, leaves, overflows, entries, root;
};

struct check_meta {
    struct check_page page;
    uint32_t magic, version;
    uint64_t address, map_bytes;
    struct check_db free, main;
    uint64_t last_page, txn;
};

struct check_node {
    uint16_t low, high, flags, key_len;
};

_Static_assert(sizeof(struct check_page) == 16 && sizeof(struct check_db) == 48 && sizeof(struct check_meta) == 152,
               "as in LMDB");

struct check {
    int fd;
    uint32_t page_bytes;
    uint64_t pages; /* numbers are below */
    uint8_t *seen;
    size_t key_len, value_len; /* 0: the list of free pages */
    uint64_t entries;
};

static bool
check_read(int fd, void *to, size_t len, uint64_t at)
{
    return pread(fd, to, len, (off_t)at) == (ssize_t)len;
}

static bool
check_meta_ok(const struct check_meta *m, size_t map_bytes)
{
    const uint16_t file_only = 0x4000, integer_keys = 0x08;
    uint32_t size = m->free.pad;

    return m->magic == CHECK_MAGIC && m->version == CHECK_VERSION && size >= 512 && size <= CHECK_PAGE_MAX &&
           (size & (size - 1)) == 0 && m->last_page < map_bytes / size && m->map_bytes <= map_bytes &&
           (m->free.flags & ~file_only) == integer_keys && m->main.flags == 0 && m->free.depth <= CHECK_DEPTH &&
           m->main.depth <= CHECK_DEPTH && m->main.entries <= map_bytes && m->address == 0;
}

enum wd_err
wd_tokens_check_meta(int fd, size_t map_bytes)
{
    struct check_meta m[2];
    struct stat st;

    if (fstat(fd, &st) < 0)
        return WD_ERR_IO;
    if (st.st_size == 0)
        return WD_OK;
    if (!check_read(fd, &m[0], sizeof(m[0]), 0) || !check_meta_ok(&m[0], map_bytes) ||
        !check_read(fd, &m[1], sizeof(m[1]), m[0].free.pad) || !check_meta_ok(&m[1], map_bytes) || m[0].free.pad != m[1].free.pad)
        return WD_ERR_CORRUPT;
    return WD_OK;
}

/* Once each, so that no way through the file is longer than the file. */
static bool
check_claim(struct check *c, uint64_t page, uint64_t count)
{
    if (count == 0 || page < 2 || page >= c->pages || count > c->pages - page)
        return false;
    for (; count > 0; page++, count--) {
        if ((c->seen[page / 8] >> (page % 8) & 1) != 0)
            return false;
        c->seen[page / 8] |= (uint8_t)(1u << (page % 8));
    }
    return true;
}

/* Numbers of free pages: how many, then from the highest to the lowest. */
static bool
check_list(const struct check *c, const uint8_t *data, size_t len)
{
    uint64_t count, before = c->pages, page;

    if (len < 8)
        return false;
    memcpy(&count, data, 8);
    if (count > len / 8 - 1)
        return false;
    for (uint64_t i = 1; i <= count; i++) {
        memcpy(&page, data + i * 8, 8);
        if (page < 2 || page >= before)
            return false;
        before = page;
    }
    return true;
}

static bool
check_big(struct check *c, uint64_t first, size_t len)
{
    struct check_page page;
    uint32_t count;

    if (first >= c->pages || !check_read(c->fd, &page, sizeof(page), first * c->page_bytes))
        return false;
    memcpy(&count, &page.lower, sizeof(count));
    if (page.number != first || page.flags != CHECK_OVERFLOW || !check_claim(c, first, count) ||
        len > (size_t)count * c->page_bytes - sizeof(page))
        return false;
    uint8_t *data = malloc(len);
    bool ok = data != NULL && check_read(c->fd, data, len, first * c->page_bytes + sizeof(page)) && check_list(c, data, len);
    free(data);
    return ok;
}

static bool
check_leaf(struct check *c, const struct check_node *n, const uint8_t *body, size_t room)
{
    size_t len = (size_t)n->low | (size_t)n->high << 16;
    uint64_t first;

    c->entries++;
    if (c->key_len != 0)
        return n->flags == 0 && n->key_len == c->key_len && len == c->value_len && room >= c->key_len + len;
    if (n->key_len != 8 || (n->flags & ~CHECK_BIG) != 0)
        return false;
    if (n->flags == 0)
        return room >= 8 && len <= room - 8 && check_list(c, body + 8, len);
    if (room < 16 || len < 8)
        return false;
    memcpy(&first, body + 8, sizeof(first));
    return check_big(c, first, len);
}

static bool
check_tree(struct check *c, uint64_t number, unsigned depth)
{
    uint8_t *bytes = NULL;
    struct check_page page;
    bool ok = false;

    if (depth == 0 || !check_claim(c, number, 1))
        return false;
    bytes = malloc(c->page_bytes);
    if (bytes == NULL || !check_read(c->fd, bytes, c->page_bytes, number * c->page_bytes))
        goto out;
    memcpy(&page, bytes, sizeof(page));
    bool leaf = page.flags == CHECK_LEAF;
    if (page.number != number || (!leaf && page.flags != CHECK_BRANCH) || page.lower < sizeof(page) || page.lower % 2 != 0 ||
        page.lower > page.upper || page.upper > c->page_bytes)
        goto out;
    size_t count = (page.lower - sizeof(page)) / 2;
    if (count < (leaf ? 1 : 2) || (leaf ? depth != 1 : depth == 1))
        goto out;
    for (size_t i = 0; i < count; i++) {
        struct check_node n;
        uint16_t at;
        memcpy(&at, bytes + sizeof(page) + i * 2, sizeof(at));
        if (at < page.upper || at % 2 != 0 || at > c->page_bytes - sizeof(n))
            goto out;
        memcpy(&n, bytes + at, sizeof(n));
        size_t room = c->page_bytes - at - sizeof(n);
        if (n.key_len > room)
            goto out;
        if (leaf ? !check_leaf(c, &n, bytes + at + sizeof(n), room)
                 : !check_tree(c, (uint64_t)n.low | (uint64_t)n.high << 16 | (uint64_t)n.flags << 32, depth - 1))
            goto out;
    }
    ok = true;
out:
    free(bytes);
    return ok;
}

static bool
check_db(struct check *c, const struct check_db *db, size_t key_len, size_t value_len)
{
    c->key_len = key_len;
    c->value_len = value_len;
    c->entries = 0;
    if (db->root == CHECK_NONE)
        return db->entries == 0 && db->depth == 0;
    return check_tree(c, db->root, db->depth) && c->entries == db->entries;
}

enum wd_err
wd_tokens_check_tree(int fd, MDB_txn *txn, size_t map_bytes, size_t key_len, size_t value_len)
{
    struct check c = { .fd = fd };
    struct check_meta m;
    MDB_stat st;
    enum wd_err err = WD_ERR_CORRUPT;

    if (mdb_stat(txn, 1, &st) != 0)
        return WD_ERR_CORRUPT;
    c.page_bytes = st.ms_psize;
    /* the meta page of this transaction stays until two more have been written */
    if (!check_read(fd, &m, sizeof(m), (mdb_txn_id(txn) & 1) * c.page_bytes) || !check_meta_ok(&m, map_bytes))
        return WD_ERR_CORRUPT;
    if (m.txn != mdb_txn_id(txn))
        return WD_ERR_FULL;
    c.pages = m.last_page + 1;
    c.seen = calloc(1, c.pages / 8 + 1);
    if (c.seen == NULL)
        return WD_ERR_NOMEM;
    if (check_db(&c, &m.free, 0, 0) && check_db(&c, &m.main, key_len, value_len))
        err = WD_OK;
    free(c.seen);
    return err;
}
