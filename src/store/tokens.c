#include "tokens.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/utf8.h"
#include "install.h"
#include "tokens_check.h"

/*
 * One unnamed LMDB database: digest to struct tokens_value. The file always has the size of the map (sparse): a read of
 * the map beyond the end of a file that was cut is SIGBUS, so its size is looked at before every transaction.
 */
#define TOKENS_FILE "tokens.mdb"
#define TOKENS_LOCK "tokens.mdb-lock"
#define TOKENS_MAP_BYTES ((size_t)64 << 20)
#define TOKENS_DIGEST 32
#define TOKENS_TEXT 47 /* "wdr_" and 43 characters */
#define TOKENS_ID 16
#define TOKENS_VERSION 1

struct tokens_value {
    uint32_t version;
    uint8_t user_len, role_len, zero[2];
    int64_t created_s, expires_s;
    char user[WD_TOKEN_USER_MAX], role[WD_TOKEN_ROLE_MAX];
};

struct wd_tokens {
    MDB_env *env;
    MDB_dbi dbi;
    MDB_txn *reader; /* reset between lookups */
    int fd;
    int64_t looked_s; /* when the file was last seen to be whole */
};

static enum wd_err
tokens_error(int rc)
{
    switch (rc) {
    case 0:
        return WD_OK;
    case MDB_NOTFOUND:
        return WD_ERR_NOTFOUND;
    case MDB_MAP_FULL:
    case MDB_READERS_FULL:
        return WD_ERR_FULL;
    case MDB_INVALID:
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_VERSION_MISMATCH:
    case MDB_PANIC:
    case MDB_INCOMPATIBLE:
        return WD_ERR_CORRUPT;
    case ENOMEM:
        return WD_ERR_NOMEM;
    default:
        errno = rc > 0 ? rc : EIO;
        return WD_ERR_IO;
    }
}

static bool
tokens_whole(const struct wd_tokens *t)
{
    struct stat st;

    return fstat(t->fd, &st) == 0 && st.st_size >= (off_t)TOKENS_MAP_BYTES;
}

/* An unused file gets its full size; any other must hold every page that its newest state uses. */
static enum wd_err
tokens_size(struct wd_tokens *t, bool read_only)
{
    struct stat st;
    MDB_envinfo info;
    MDB_stat pages;
    int rc = mdb_env_info(t->env, &info);

    if (rc == 0)
        rc = mdb_env_stat(t->env, &pages);
    if (rc != 0)
        return tokens_error(rc);
    if (pages.ms_psize < 512 || info.me_last_pgno >= TOKENS_MAP_BYTES / pages.ms_psize)
        return WD_ERR_CORRUPT;
    if (fstat(t->fd, &st) < 0)
        return WD_ERR_IO;
    if (st.st_size >= (off_t)TOKENS_MAP_BYTES)
        return WD_OK;
    if ((off_t)((info.me_last_pgno + 1) * pages.ms_psize) > st.st_size)
        return WD_ERR_CORRUPT;
    return !read_only && ftruncate(t->fd, (off_t)TOKENS_MAP_BYTES) == 0 ? WD_OK : WD_ERR_IO;
}

/* LMDB opens by path and follows links: see first that both names are plain files of ours. */
static enum wd_err
tokens_files(const char *dir, bool read_only)
{
    static const char *const names[] = { TOKENS_FILE, TOKENS_LOCK };

    for (size_t i = 0; i < 2; i++) {
        bool make = !read_only || i == 1;
        int fd = wd_install_file(dir, names[i], O_RDWR | (make ? O_CREAT : 0));
        if (fd < 0)
            return errno == ENOENT ? WD_ERR_NOTFOUND : WD_ERR_IO;
        enum wd_err err = i == 0 ? wd_tokens_check_meta(fd, TOKENS_MAP_BYTES) : WD_OK;
        close(fd);
        if (err != WD_OK)
            return err;
    }
    return WD_OK;
}

/* Again with a new transaction when others write so fast that the first one's meta page is gone. Leaves the reader reset. */
static enum wd_err
tokens_check(struct wd_tokens *t)
{
    enum wd_err err = WD_ERR_FULL;

    for (int tries = 0; err == WD_ERR_FULL && tries < 100; tries++) {
        err = wd_tokens_check_tree(t->fd, t->reader, TOKENS_MAP_BYTES, TOKENS_DIGEST, sizeof(struct tokens_value));
        mdb_txn_reset(t->reader);
        if (err == WD_ERR_FULL && mdb_txn_renew(t->reader) != 0)
            err = WD_ERR_IO;
    }
    return err == WD_ERR_FULL ? WD_ERR_CORRUPT : err;
}

enum wd_err
wd_tokens_open(struct wd_tokens **out, const char *dir, bool read_only)
{
    char path[4096];
    int dead;
    enum wd_err err;

    *out = NULL;
    if ((size_t)snprintf(path, sizeof(path), "%s/" TOKENS_FILE, dir) >= sizeof(path)) {
        errno = ENAMETOOLONG;
        return WD_ERR_IO;
    }
    err = tokens_files(dir, read_only);
    if (err != WD_OK)
        return err;
    struct wd_tokens *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return WD_ERR_NOMEM;

    int rc = mdb_env_create(&t->env);
    if (rc == 0)
        rc = mdb_env_set_mapsize(t->env, TOKENS_MAP_BYTES);
    if (rc == 0)
        rc = mdb_env_open(t->env, path, MDB_NOSUBDIR | MDB_NOTLS | (read_only ? MDB_RDONLY : 0), 0600);
    if (rc == 0)
        rc = mdb_env_get_fd(t->env, &t->fd);
    if (rc == 0) {
        err = tokens_size(t, read_only);
        if (err != WD_OK)
            goto fail;
        rc = mdb_reader_check(t->env, &dead);
    }
    if (rc == 0)
        rc = mdb_txn_begin(t->env, NULL, MDB_RDONLY, &t->reader);
    if (rc == 0)
        rc = mdb_dbi_open(t->reader, NULL, 0, &t->dbi);
    if (rc == 0) {
        err = tokens_check(t);
        if (err != WD_OK)
            goto fail;
        *out = t;
        return WD_OK;
    }
    err = tokens_error(rc);
fail:
    wd_tokens_close(t);
    return err;
}

void
wd_tokens_close(struct wd_tokens *t)
{
    if (t == NULL)
        return;
    mdb_txn_abort(t->reader);
    mdb_env_close(t->env);
    free(t);
}

/* now_s: a second may pass between two looks at the file; 0: look. */
static enum wd_err
tokens_read(struct wd_tokens *t, int64_t now_s)
{
    if (now_s == 0 || now_s != t->looked_s) {
        if (!tokens_whole(t))
            return WD_ERR_CORRUPT;
        t->looked_s = now_s;
    }
    return tokens_error(mdb_txn_renew(t->reader));
}

static enum wd_err
tokens_write(struct wd_tokens *t, MDB_txn **txn)
{
    if (!tokens_whole(t))
        return WD_ERR_CORRUPT;
    return tokens_error(mdb_txn_begin(t->env, NULL, 0, txn));
}

bool
wd_tokens_text_ok(struct wd_span s, size_t max)
{
    if (s.len == 0 || s.len > max || !wd_utf8_valid(s))
        return false;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        unsigned char next = i + 1 < s.len ? (unsigned char)s.ptr[i + 1] : 0;
        if (c < 0x20 || c == 0x7f || (c == 0xc2 && next < 0xa0)) /* C0, DEL, C1 */
            return false;
    }
    return true;
}

bool
wd_tokens_digest(struct wd_span token, uint8_t digest[TOKENS_DIGEST])
{
    if (token.len != TOKENS_TEXT || memcmp(token.ptr, "wdr_", 4) != 0)
        return false;
    crypto_generichash(digest, TOKENS_DIGEST, (const uint8_t *)token.ptr, token.len, NULL, 0);
    return true;
}

static void
tokens_id(char id[17], const uint8_t digest[TOKENS_DIGEST])
{
    sodium_bin2hex(id, TOKENS_ID + 1, digest, TOKENS_ID / 2);
}

static enum wd_err
tokens_value_get(struct wd_principal *who, const MDB_val *key, const MDB_val *data)
{
    struct tokens_value v;

    if (key->mv_size != TOKENS_DIGEST || data->mv_size != sizeof(v))
        return WD_ERR_CORRUPT;
    memcpy(&v, data->mv_data, sizeof(v));
    if (v.version != TOKENS_VERSION || !wd_tokens_text_ok(wd_span(v.user, v.user_len), sizeof(v.user)) ||
        !wd_tokens_text_ok(wd_span(v.role, v.role_len), sizeof(v.role)))
        return WD_ERR_CORRUPT;
    memset(who, 0, sizeof(*who));
    tokens_id(who->id, key->mv_data);
    memcpy(who->user, v.user, v.user_len);
    memcpy(who->role, v.role, v.role_len);
    who->created_s = v.created_s;
    who->expires_s = v.expires_s;
    return WD_OK;
}

void
wd_tokens_make(const uint8_t random[32], char token[48], uint8_t digest[TOKENS_DIGEST], char id[17])
{
    memcpy(token, "wdr_", 4);
    sodium_bin2base64(token + 4, 44, random, 32, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    crypto_generichash(digest, TOKENS_DIGEST, (const uint8_t *)token, TOKENS_TEXT, NULL, 0);
    tokens_id(id, digest);
}

/* WD_ERR_RANGE: what no token may stand for. */
static enum wd_err
tokens_value_set(struct tokens_value *v, const struct wd_principal *who)
{
    struct wd_span user = wd_span(who->user, strnlen(who->user, sizeof(who->user)));
    struct wd_span role = wd_span(who->role, strnlen(who->role, sizeof(who->role)));

    *v = (struct tokens_value){ .version = TOKENS_VERSION, .created_s = who->created_s, .expires_s = who->expires_s };
    if (!wd_tokens_text_ok(user, WD_TOKEN_USER_MAX) || !wd_tokens_text_ok(role, WD_TOKEN_ROLE_MAX) || who->expires_s < 0)
        return WD_ERR_RANGE;
    v->user_len = (uint8_t)user.len;
    v->role_len = (uint8_t)role.len;
    memcpy(v->user, user.ptr, user.len);
    memcpy(v->role, role.ptr, role.len);
    return WD_OK;
}

enum wd_err
wd_tokens_create(struct wd_tokens *t, const uint8_t random[32], const struct wd_principal *who, char token[48], char id[17])
{
    struct tokens_value v;
    uint8_t digest[TOKENS_DIGEST];
    MDB_txn *txn;
    enum wd_err err = tokens_value_set(&v, who);

    if (err != WD_OK)
        return err;
    wd_tokens_make(random, token, digest, id);

    err = tokens_write(t, &txn);
    if (err == WD_OK) {
        MDB_val key = { sizeof(digest), digest }, data = { sizeof(v), &v };
        int rc = mdb_put(txn, t->dbi, &key, &data, MDB_NOOVERWRITE);
        if (rc == 0) {
            rc = mdb_txn_commit(txn);
        } else {
            mdb_txn_abort(txn);
        }
        err = rc == MDB_KEYEXIST ? WD_ERR_RANGE : tokens_error(rc); /* the same randomness twice */
    }
    if (err != WD_OK)
        sodium_memzero(token, 48);
    return err;
}

enum wd_err
wd_tokens_lookup(struct wd_tokens *t, struct wd_span token, int64_t now_s, struct wd_principal *who)
{
    uint8_t digest[TOKENS_DIGEST];

    return wd_tokens_digest(token, digest) ? wd_tokens_find(t, digest, now_s, who) : WD_ERR_NOTFOUND;
}

enum wd_err
wd_tokens_find(struct wd_tokens *t, const uint8_t digest[TOKENS_DIGEST], int64_t now_s, struct wd_principal *who)
{
    MDB_val key = { TOKENS_DIGEST, (void *)(uintptr_t)digest }, data;

    enum wd_err err = tokens_read(t, now_s);
    if (err != WD_OK)
        return err;
    err = tokens_error(mdb_get(t->reader, t->dbi, &key, &data));
    if (err == WD_OK)
        err = tokens_value_get(who, &key, &data);
    mdb_txn_reset(t->reader);
    if (err == WD_OK && who->expires_s != 0 && now_s >= who->expires_s)
        err = WD_ERR_DENIED;
    return err;
}

struct tokens_pick {
    uint8_t prefix[TOKENS_DIGEST];
    size_t prefix_len;   /* 0: any digest */
    struct wd_span user; /* ptr NULL: any user */
};

/* Deletes what matches, in one transaction. */
static enum wd_err
tokens_delete(struct wd_tokens *t, const struct tokens_pick *pick, uint32_t *count)
{
    struct wd_principal who;
    MDB_txn *txn;
    MDB_cursor *cursor = NULL;
    MDB_val data, key = { pick->prefix_len, (void *)pick->prefix };
    MDB_cursor_op first = pick->prefix_len != 0 ? MDB_SET_RANGE : MDB_FIRST;

    *count = 0;
    enum wd_err err = tokens_write(t, &txn);
    if (err != WD_OK)
        return err;
    int rc = mdb_cursor_open(txn, t->dbi, &cursor);
    if (rc == 0)
        rc = mdb_cursor_get(cursor, &key, &data, first);
    while (rc == 0) {
        if (pick->prefix_len != 0 && (key.mv_size < pick->prefix_len || memcmp(key.mv_data, pick->prefix, pick->prefix_len) != 0))
            break;
        bool match = pick->user.ptr == NULL;
        if (!match) {
            err = tokens_value_get(&who, &key, &data);
            if (err != WD_OK)
                break;
            match = wd_span_eq(wd_span_str(who.user), pick->user);
        }
        if (match) {
            rc = mdb_cursor_del(cursor, 0);
            (*count)++;
        }
        if (rc == 0)
            rc = mdb_cursor_get(cursor, &key, &data, MDB_NEXT);
    }
    if (rc == MDB_NOTFOUND)
        rc = 0;
    if (err == WD_OK)
        err = tokens_error(rc);
    if (cursor != NULL)
        mdb_cursor_close(cursor);
    if (err == WD_OK && *count > 0)
        return tokens_error(mdb_txn_commit(txn));
    mdb_txn_abort(txn);
    return err == WD_OK ? WD_ERR_NOTFOUND : err;
}

enum wd_err
wd_tokens_revoke(struct wd_tokens *t, struct wd_span which)
{
    struct tokens_pick pick = { .prefix_len = TOKENS_DIGEST };
    uint32_t count;
    size_t len;

    if (!wd_tokens_digest(which, pick.prefix)) {
        if (which.len != TOKENS_ID ||
            sodium_hex2bin(pick.prefix, sizeof(pick.prefix), which.ptr, which.len, NULL, &len, NULL) != 0 || len != TOKENS_ID / 2)
            return WD_ERR_NOTFOUND;
        pick.prefix_len = TOKENS_ID / 2;
    }
    return tokens_delete(t, &pick, &count);
}

enum wd_err
wd_tokens_revoke_user(struct wd_tokens *t, struct wd_span user, uint32_t *count)
{
    struct tokens_pick pick = { .user = user };

    *count = 0;
    if (!wd_tokens_text_ok(user, WD_TOKEN_USER_MAX))
        return WD_ERR_NOTFOUND;
    return tokens_delete(t, &pick, count);
}

static int
tokens_by_age(const void *a, const void *b)
{
    const struct wd_principal *x = a, *y = b;

    if (x->created_s != y->created_s)
        return x->created_s < y->created_s ? -1 : 1;
    return strcmp(x->id, y->id);
}

static enum wd_err
tokens_collect(struct wd_tokens *t, struct wd_principal **all, size_t *count)
{
    MDB_cursor *cursor = NULL;
    MDB_stat st;
    MDB_val key, data;
    enum wd_err err = WD_OK;

    int rc = mdb_stat(t->reader, t->dbi, &st);
    if (rc == 0)
        rc = mdb_cursor_open(t->reader, t->dbi, &cursor);
    if (rc != 0)
        return tokens_error(rc);
    *all = calloc(st.ms_entries + 1, sizeof(**all));
    if (*all == NULL)
        err = WD_ERR_NOMEM;
    while (err == WD_OK && *count < st.ms_entries) {
        err = tokens_error(mdb_cursor_get(cursor, &key, &data, MDB_NEXT));
        if (err == WD_OK)
            err = tokens_value_get(&(*all)[(*count)++], &key, &data);
    }
    mdb_cursor_close(cursor);
    return err == WD_ERR_NOTFOUND ? WD_ERR_CORRUPT : err;
}

enum wd_err
wd_tokens_list(struct wd_tokens *t, bool (*fn)(void *ctx, const struct wd_principal *who), void *ctx)
{
    struct wd_principal *all = NULL;
    size_t count = 0;

    enum wd_err err = tokens_read(t, 0);
    if (err != WD_OK)
        return err;
    err = tokens_collect(t, &all, &count);
    mdb_txn_reset(t->reader);
    if (err == WD_OK) {
        qsort(all, count, sizeof(*all), tokens_by_age);
        for (size_t i = 0; i < count && fn(ctx, &all[i]); i++)
            continue;
    }
    free(all);
    return err;
}

enum wd_err
wd_tokens_probe(struct wd_tokens *t)
{
    uint8_t zero[TOKENS_DIGEST] = { 0 };
    MDB_val key = { sizeof(zero), zero }, data = { sizeof(zero), zero };
    MDB_txn *txn;

    enum wd_err err = tokens_write(t, &txn);
    if (err != WD_OK)
        return err;
    err = tokens_error(mdb_put(txn, t->dbi, &key, &data, 0));
    mdb_txn_abort(txn);
    return err;
}

/* --- tokens from and for another store --- */

enum wd_err
wd_tokens_page(struct wd_tokens *t, const uint8_t *after, struct wd_token_entry *entries, size_t room, size_t *count)
{
    MDB_cursor *cursor = NULL;
    MDB_val key = { TOKENS_DIGEST, (void *)(uintptr_t)after }, data;

    *count = 0;
    enum wd_err err = tokens_read(t, 0);
    if (err != WD_OK)
        return err;
    int rc = mdb_cursor_open(t->reader, t->dbi, &cursor);
    if (rc == 0)
        rc = mdb_cursor_get(cursor, &key, &data, after != NULL ? MDB_SET_RANGE : MDB_FIRST);
    if (rc == 0 && after != NULL && key.mv_size == TOKENS_DIGEST && memcmp(key.mv_data, after, TOKENS_DIGEST) == 0)
        rc = mdb_cursor_get(cursor, &key, &data, MDB_NEXT);
    while (rc == 0 && err == WD_OK && *count < room) {
        struct wd_token_entry *e = &entries[*count];
        err = tokens_value_get(&e->who, &key, &data);
        if (err != WD_OK)
            break;
        memcpy(e->digest, key.mv_data, TOKENS_DIGEST);
        ++*count;
        rc = mdb_cursor_get(cursor, &key, &data, MDB_NEXT);
    }
    if (cursor != NULL)
        mdb_cursor_close(cursor);
    mdb_txn_reset(t->reader);
    return err != WD_OK || rc == MDB_NOTFOUND ? err : tokens_error(rc);
}

static int
tokens_put_one(struct wd_tokens *t, MDB_txn *txn, const struct wd_token_entry *e, struct tokens_value *v, size_t *added,
               size_t *others)
{
    MDB_val key = { TOKENS_DIGEST, (void *)(uintptr_t)e->digest }, data = { sizeof(*v), v };
    int rc = mdb_put(txn, t->dbi, &key, &data, MDB_NOOVERWRITE);

    if (rc == 0)
        ++*added;
    else if (rc == MDB_KEYEXIST) /* data is what stands there */
        *others += data.mv_size != sizeof(*v) || memcmp(data.mv_data, v, sizeof(*v)) != 0;
    return rc == MDB_KEYEXIST ? 0 : rc;
}

enum wd_err
wd_tokens_put(struct wd_tokens *t, const struct wd_token_entry *entries, size_t count, size_t *added, size_t *others)
{
    MDB_txn *txn;
    int rc = 0;

    *added = *others = 0;
    enum wd_err err = tokens_write(t, &txn);
    if (err != WD_OK)
        return err;
    for (size_t i = 0; i < count && rc == 0 && err == WD_OK; i++) {
        struct tokens_value v;
        err = tokens_value_set(&v, &entries[i].who);
        if (err == WD_OK)
            rc = tokens_put_one(t, txn, &entries[i], &v, added, others);
    }
    if (rc == 0 && err == WD_OK)
        return tokens_error(mdb_txn_commit(txn));
    mdb_txn_abort(txn);
    return err != WD_OK ? err : tokens_error(rc);
}
