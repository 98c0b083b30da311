#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "scratch.h"
#include "store/tokens.h"

static struct wd_tokens *
open_store(const struct scratch *s, bool read_only)
{
    struct wd_tokens *t;

    assert_int_equal(wd_tokens_open(&t, s->dir, read_only), WD_OK);
    return t;
}

static void
make(struct wd_tokens *t, uint8_t seed, const char *user, const char *role, int64_t expires, char token[48], char id[17])
{
    struct wd_principal who = { .created_s = 1000 + seed, .expires_s = expires };
    uint8_t random[32];

    memset(random, seed, sizeof(random));
    snprintf(who.user, sizeof(who.user), "%s", user);
    snprintf(who.role, sizeof(who.role), "%s", role);
    assert_int_equal(wd_tokens_create(t, random, &who, token, id), WD_OK);
}

static void
created_token_is_found_until_it_expires_or_is_revoked(void **state)
{
    struct scratch s;
    struct wd_principal who;
    char token[48], id[17];

    scratch_make(&s);
    struct wd_tokens *t = open_store(&s, false);
    make(t, 7, "alice", "premium", 5000, token, id);
    assert_int_equal(strlen(token), 47);
    assert_memory_equal(token, "wdr_", 4);
    assert_int_equal(wd_tokens_lookup(t, wd_span_str(token), 4999, &who), WD_OK);
    assert_string_equal(who.user, "alice");
    assert_string_equal(who.role, "premium");
    assert_string_equal(who.id, id);
    assert_int_equal(who.created_s, 1007);
    assert_int_equal(wd_tokens_lookup(t, wd_span_str(token), 5000, &who), WD_ERR_DENIED);
    assert_string_equal(who.user, "alice");
    assert_int_equal(wd_tokens_revoke(t, wd_span_str(id)), WD_OK);
    assert_int_equal(wd_tokens_lookup(t, wd_span_str(token), 4000, &who), WD_ERR_NOTFOUND);
    assert_int_equal(wd_tokens_revoke(t, wd_span_str(id)), WD_ERR_NOTFOUND);
    make(t, 8, "bob", "basic", 0, token, id);
    assert_int_equal(wd_tokens_lookup(t, wd_span_str(token), INT64_MAX, &who), WD_OK);
    assert_int_equal(wd_tokens_revoke(t, wd_span_str(token)), WD_OK);
    assert_int_equal(wd_tokens_lookup(t, wd_span_str(token), 0, &who), WD_ERR_NOTFOUND);
    wd_tokens_close(t);
    scratch_drop(&s);
}

static void
F32_store_never_holds_a_token_and_compares_all_of_it(void **state)
{
    struct scratch s;
    struct wd_principal who;
    char token[48], id[17], other[49];

    scratch_make(&s);
    struct wd_tokens *t = open_store(&s, false);
    make(t, 9, "alice", "premium", 0, token, id);
    wd_tokens_close(t);

    int fd = open(scratch_path(&s, "tokens.mdb"), O_RDONLY);
    char *bytes = malloc(1 << 20);
    ssize_t n = read(fd, bytes, 1 << 20);
    assert_true(n > 8192);
    assert_null(memmem(bytes, (size_t)n, token + 4, 8));
    assert_non_null(memmem(bytes, (size_t)n, "alice", 5));
    free(bytes);
    close(fd);

    t = open_store(&s, false);
    for (size_t i = 0; i < 47; i++) {
        memcpy(other, token, 48);
        other[i] ^= 1;
        assert_int_equal(wd_tokens_lookup(t, wd_span_str(other), 0, &who), WD_ERR_NOTFOUND);
        assert_int_equal(wd_tokens_lookup(t, wd_span(token, i), 0, &who), WD_ERR_NOTFOUND);
    }
    memcpy(other, token, 47);
    other[47] = 'A', other[48] = '\0';
    assert_int_equal(wd_tokens_lookup(t, wd_span_str(other), 0, &who), WD_ERR_NOTFOUND);
    assert_int_equal(wd_tokens_lookup(t, wd_span_str(id), 0, &who), WD_ERR_NOTFOUND);
    wd_tokens_close(t);
    scratch_drop(&s);
}

static void
users_and_roles_are_checked(void **state)
{
    static const struct {
        const char *user, *role;
        enum wd_err want;
    } rows[] = {
        { "a", "r", WD_OK },
        { "", "r", WD_ERR_RANGE },
        { "a", "", WD_ERR_RANGE },
        { "a\n", "r", WD_ERR_RANGE },
        { "a\x7f", "r", WD_ERR_RANGE },
        { "a\xc2\x85", "r", WD_ERR_RANGE },
        { "\xc3\xa9", "r", WD_OK },
        { "\xc3", "r", WD_ERR_RANGE },
        { "\xed\xa0\x80", "r", WD_ERR_RANGE },
        { "a", "\x1b[0m", WD_ERR_RANGE },
    };
    struct scratch s;
    char token[48], id[17];
    uint8_t random[32] = { 0 };

    scratch_make(&s);
    struct wd_tokens *t = open_store(&s, false);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct wd_principal who = { 0 };
        random[0] = (uint8_t)i;
        strcpy(who.user, rows[i].user);
        strcpy(who.role, rows[i].role);
        assert_int_equal(wd_tokens_create(t, random, &who, token, id), rows[i].want);
    }
    struct wd_principal who = { .role = "r" };
    memset(who.user, 'u', sizeof(who.user));
    assert_int_equal(wd_tokens_create(t, random, &who, token, id), WD_ERR_RANGE);
    who.user[128] = '\0';
    random[1] = 1;
    assert_int_equal(wd_tokens_create(t, random, &who, token, id), WD_OK);
    assert_int_equal(wd_tokens_create(t, random, &who, token, id), WD_ERR_RANGE); /* the same token twice */
    wd_tokens_close(t);
    scratch_drop(&s);
}

static bool
collect(void *ctx, const struct wd_principal *who)
{
    strcat(ctx, who->user);
    strcat(ctx, " ");
    return strlen(ctx) < 60;
}

static void
list_is_in_order_and_a_user_is_revoked_whole(void **state)
{
    struct scratch s;
    char token[48], id[17], names[200] = "";
    uint32_t count;

    scratch_make(&s);
    struct wd_tokens *t = open_store(&s, false);
    assert_int_equal(wd_tokens_list(t, collect, names), WD_OK);
    assert_string_equal(names, "");
    for (uint8_t i = 0; i < 9; i++)
        make(t, i, (const char *[]){ "ann", "bob", "cid" }[i % 3], "r", 0, token, id);
    assert_int_equal(wd_tokens_list(t, collect, names), WD_OK);
    assert_string_equal(names, "ann bob cid ann bob cid ann bob cid ");
    assert_int_equal(wd_tokens_revoke_user(t, WD_SPAN("bob"), &count), WD_OK);
    assert_int_equal(count, 3);
    assert_int_equal(wd_tokens_revoke_user(t, WD_SPAN("bo"), &count), WD_ERR_NOTFOUND);
    names[0] = '\0';
    assert_int_equal(wd_tokens_list(t, collect, names), WD_OK);
    assert_string_equal(names, "ann cid ann cid ann cid ");
    assert_int_equal(wd_tokens_probe(t), WD_OK);
    names[0] = '\0';
    assert_int_equal(wd_tokens_list(t, collect, names), WD_OK);
    assert_string_equal(names, "ann cid ann cid ann cid ");
    wd_tokens_close(t);
    scratch_drop(&s);
}

static void
another_process_sees_changes_at_once(void **state)
{
    struct scratch s;
    char token[48], id[17], byte;
    int to[2], from[2];

    scratch_make(&s);
    assert_int_equal(pipe(to) | pipe(from), 0);
    pid_t pid = fork();
    if (pid == 0) { /* answers each byte with the outcome of a lookup */
        struct wd_tokens *t;
        struct wd_principal who;
        if (read(to[0], token, 48) != 48 || wd_tokens_open(&t, s.dir, false) != WD_OK)
            _exit(1);
        while (read(to[0], &byte, 1) == 1) {
            byte = (char)wd_tokens_lookup(t, wd_span(token, 47), 0, &who);
            if (write(from[1], &byte, 1) != 1)
                _exit(1);
            if (byte != WD_OK && byte != WD_ERR_NOTFOUND)
                _exit(1);
        }
        _exit(0);
    }
    struct wd_tokens *t = open_store(&s, false);
    make(t, 3, "alice", "r", 0, token, id);
    assert_int_equal(write(to[1], token, 48), 48);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(write(to[1], "x", 1), 1);
        assert_int_equal(read(from[0], &byte, 1), 1);
        assert_int_equal(byte, i % 2 == 0 ? WD_OK : WD_ERR_NOTFOUND);
        if (i % 2 == 0)
            assert_int_equal(wd_tokens_revoke(t, wd_span_str(id)), WD_OK);
        else
            make(t, 3, "alice", "r", 0, token, id);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    assert_int_equal(wd_tokens_revoke(t, wd_span_str(id)), WD_OK);
    wd_tokens_close(t);
    for (int i = 0; i < 2; i++)
        close(to[i]), close(from[i]);
    scratch_drop(&s);
}

static void
killed_writers_leave_a_whole_store(void **state)
{
    struct scratch s;
    struct wd_principal who;
    char token[48], id[17], keep[48];

    scratch_make(&s);
    struct wd_tokens *t = open_store(&s, false);
    make(t, 255, "keep", "r", 0, keep, id);
    wd_tokens_close(t);
    for (int i = 0; i < 30; i++) {
        int ready[2];
        char byte;
        assert_int_equal(pipe(ready), 0);
        pid_t pid = fork();
        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            t = open_store(&s, false);
            for (unsigned n = 0;; n++) {
                make(t, (uint8_t)(n % 200), "x", "r", 0, token, id);
                if (n == (unsigned)i && write(ready[1], "x", 1) != 1)
                    _exit(1);
                if (wd_tokens_revoke(t, wd_span_str(id)) != WD_OK)
                    _exit(1);
            }
        }
        assert_int_equal(read(ready[0], &byte, 1), 1);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        close(ready[0]);
        close(ready[1]);
        t = open_store(&s, false);
        assert_int_equal(wd_tokens_lookup(t, wd_span_str(keep), 0, &who), WD_OK);
        uint32_t count;
        enum wd_err err = wd_tokens_revoke_user(t, WD_SPAN("x"), &count);
        assert_true(err == WD_OK || err == WD_ERR_NOTFOUND);
        wd_tokens_close(t);
    }
    scratch_drop(&s);
}

/* Cut or garbled: an error, not SIGBUS. */
static void
damaged_file_is_an_error(void **state)
{
    static const off_t sizes[] = { 1, 100, 4095, 4096, 8191, 8192, 12000 };
    struct scratch s;
    struct wd_tokens *t;
    struct wd_principal who;
    char token[48], id[17];

    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        scratch_make(&s);
        t = open_store(&s, false);
        make(t, 1, "alice", "r", 0, token, id);
        assert_int_equal(truncate(scratch_path(&s, "tokens.mdb"), sizes[i]), 0);
        assert_int_equal(wd_tokens_lookup(t, wd_span_str(token), 0, &who), WD_ERR_CORRUPT);
        assert_int_equal(wd_tokens_probe(t), WD_ERR_CORRUPT);
        assert_int_equal(wd_tokens_revoke(t, wd_span_str(id)), WD_ERR_CORRUPT);
        wd_tokens_close(t);
        enum wd_err err = wd_tokens_open(&t, s.dir, false);
        assert_true(err == WD_ERR_CORRUPT || err == WD_ERR_IO);
        assert_null(t);
        scratch_drop(&s);
    }
    scratch_make(&s);
    int fd = open(scratch_path(&s, "tokens.mdb"), O_CREAT | O_WRONLY, 0600);
    for (int i = 0; i < 5000; i++)
        assert_int_equal(write(fd, &(uint32_t){ (uint32_t)i * 2654435761u }, 4), 4);
    close(fd);
    assert_int_equal(wd_tokens_open(&t, s.dir, false), WD_ERR_CORRUPT);
    scratch_drop(&s);
    scratch_make(&s);
    assert_int_equal(wd_tokens_open(&t, s.dir, true), WD_ERR_NOTFOUND);
    assert_int_equal(symlink("/etc/hostname", scratch_path(&s, "tokens.mdb-lock")), 0);
    assert_int_equal(wd_tokens_open(&t, s.dir, false), WD_ERR_IO);
    scratch_drop(&s);
}

static bool
any(void *ctx, const struct wd_principal *who)
{
    (void)ctx, (void)who;
    return true;
}

/* Uses a store whose file was damaged at random. In a child: LMDB aborts or reads out of bounds on what it is not kept from. */
static void
use_damaged(const struct scratch *s, const char *token, bool change)
{
    struct wd_tokens *t;
    struct wd_principal who;
    uint32_t count;
    char made[48], id[17];

    if (freopen("/dev/null", "w", stderr) == NULL || wd_tokens_open(&t, s->dir, false) != WD_OK)
        _exit(0);
    (void)!wd_tokens_lookup(t, wd_span(token, 47), 0, &who);
    (void)!wd_tokens_list(t, any, NULL);
    (void)!wd_tokens_probe(t);
    if (!change) {
        wd_tokens_close(t);
        _exit(0);
    }
    who = (struct wd_principal){ .user = "zoe", .role = "r" };
    (void)!wd_tokens_create(t, (const uint8_t[32]){ 99, 99 }, &who, made, id);
    (void)!wd_tokens_revoke_user(t, WD_SPAN("alice"), &count);
    wd_tokens_close(t);
    _exit(0);
}

static void
random_damage_is_never_a_crash(void **state)
{
    enum { USED = 64 * 1024 };
    struct scratch s;
    char token[48], id[17], *bytes = malloc(USED), *work = malloc(USED);
    uint64_t random = 3;

    scratch_make(&s);
    struct wd_tokens *t = open_store(&s, false);
    for (unsigned i = 0; i < 120; i++)
        make(t, (uint8_t)i, "alice", "r", 0, token, id);
    wd_tokens_close(t);
    int fd = open(scratch_path(&s, "tokens.mdb"), O_RDWR);
    assert_int_equal(pread(fd, bytes, USED, 0), USED);
    for (int round = 0; round < 300; round++) {
        memcpy(work, bytes, USED);
        for (int i = 0; i < 1 + round % 40; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            uint32_t at = (uint32_t)(random >> 33) % USED;
            if (round % 2 == 0) /* heads of pages and of their lists of nodes */
                at = at / 4096 * 4096 + at % 200;
            work[at] = (char)(random >> 25);
        }
        assert_int_equal(pwrite(fd, work, USED, 0), USED);
        pid_t pid = fork();
        if (pid == 0)
            use_damaged(&s, token, round % 8 < 2); /* these wait for the disk */
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
    close(fd);
    free(bytes);
    free(work);
    scratch_drop(&s);
}

static void
works_in_the_current_folder_and_read_only(void **state)
{
    struct scratch s;
    struct wd_tokens *t;
    struct wd_principal who;
    struct stat st;
    char token[48], id[17], cwd[4096];

    scratch_make(&s);
    assert_non_null(getcwd(cwd, sizeof(cwd)));
    assert_int_equal(chdir(s.dir), 0);
    assert_int_equal(wd_tokens_open(&t, ".", false), WD_OK);
    make(t, 1, "alice", "r", 0, token, id);
    wd_tokens_close(t);
    assert_int_equal(wd_tokens_open(&t, ".", true), WD_OK);
    assert_int_equal(wd_tokens_lookup(t, wd_span_str(token), 0, &who), WD_OK);
    assert_int_not_equal(wd_tokens_revoke(t, wd_span_str(id)), WD_OK);
    wd_tokens_close(t);
    assert_int_equal(stat("tokens.mdb", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat("tokens.mdb-lock", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(chdir(cwd), 0);
    scratch_drop(&s);
}

static void
tokens_go_from_one_store_to_another(void **state)
{
    struct scratch a, b;
    struct wd_token_entry page[100];
    uint8_t last[32];
    char token[48], id[17];
    struct wd_principal who;
    size_t count, added, others, total = 0;

    scratch_make(&a);
    scratch_make(&b);
    struct wd_tokens *from = open_store(&a, false), *to = open_store(&b, false);
    for (int i = 0; i < 250; i++)
        make(from, (uint8_t)i, i % 2 == 0 ? "alice" : "bob", "basic", 9000 + i, token, id);
    for (int round = 0; round < 2; round++) {
        total = 0;
        do {
            assert_int_equal(wd_tokens_page(from, total > 0 ? last : NULL, page, 100, &count), WD_OK);
            assert_int_equal(wd_tokens_put(to, page, count, &added, &others), WD_OK);
            assert_int_equal(added, round == 0 ? count : 0);
            assert_int_equal(others, 0);
            for (size_t i = 0; i < count; i++)
                assert_true((total == 0 && i == 0) || memcmp(i > 0 ? page[i - 1].digest : last, page[i].digest, 32) < 0);
            if (count > 0)
                memcpy(last, page[count - 1].digest, 32);
            total += count;
        } while (count == 100);
        assert_int_equal(total, 250);
    }
    assert_int_equal(wd_tokens_lookup(to, wd_span_str(token), 9000, &who), WD_OK);
    assert_string_equal(who.user, "bob");
    assert_string_equal(who.id, id);
    assert_int_equal(who.expires_s, 9249);
    assert_int_equal(wd_tokens_page(from, last, page, 100, &count), WD_OK); /* behind the last one */
    assert_int_equal(count, 0);

    assert_int_equal(wd_tokens_page(from, NULL, page, 2, &count), WD_OK);
    snprintf(page[0].who.user, sizeof(page[0].who.user), "eve"); /* another's token stays as it is */
    memset(page[1].digest, 0xee, 32);
    assert_int_equal(wd_tokens_put(to, page, 2, &added, &others), WD_OK);
    assert_int_equal(added, 1);
    assert_int_equal(others, 1);
    memset(page[0].digest, 0xed, 32);
    page[1].who.user[0] = '\0'; /* all or nothing */
    assert_int_equal(wd_tokens_put(to, page, 2, &added, &others), WD_ERR_RANGE);
    assert_int_equal(wd_tokens_find(to, page[0].digest, 0, &who), WD_ERR_NOTFOUND);
    wd_tokens_close(from);
    wd_tokens_close(to);
    scratch_drop(&a);
    scratch_drop(&b);
}

/* A full store says so, knows whom it knew, and has room for taking tokens away. */
static void
a_full_store_refuses_new_tokens_and_keeps_the_old(void **state)
{
    struct wd_principal who = { .user = "carol", .role = "basic", .created_s = 1 };
    uint8_t key[32] = { 0 }, value[216] = { 0 }, random[32] = { 9 };
    char token[48], id[17], more[48], id2[17], path[4200];
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    struct scratch s;

    scratch_make(&s);
    struct wd_tokens *t = open_store(&s, false);
    make(t, 7, "alice", "premium", 0, token, id);
    wd_tokens_close(t);

    /* rows as the store makes them, many in a transaction, until there is no room for one more */
    snprintf(path, sizeof(path), "%s/tokens.mdb", s.dir);
    value[0] = 1;
    value[4] = value[5] = 1;
    value[24] = 'u';
    value[24 + WD_TOKEN_USER_MAX] = 'r';
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_mapsize(env, (size_t)64 << 20), 0);
    assert_int_equal(mdb_env_open(env, path, MDB_NOSUBDIR | MDB_NOSYNC, 0600), 0);
    uint64_t row = 0;
    for (uint32_t batch = 4096; batch > 0;) {
        assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
        assert_int_equal(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
        int rc = 0;
        for (uint32_t n = 0; rc == 0 && n < batch; n++) {
            uint64_t number = ++row;
            MDB_val k = { sizeof(key), key }, v = { sizeof(value), value };
            for (size_t b = 0; b < 8; b++) /* the counter's low bytes first: keys come in no order */
                key[b] = (uint8_t)(number * 0x9e3779b97f4a7c15 >> 8 * b);
            rc = mdb_put(txn, dbi, &k, &v, 0);
        }
        if (rc == 0)
            rc = mdb_txn_commit(txn);
        else
            mdb_txn_abort(txn);
        if (rc == MDB_MAP_FULL)
            batch /= 2;
        else
            assert_int_equal(rc, 0);
    }
    mdb_env_close(env);

    t = open_store(&s, false);
    /* some pages have room for a row or two */
    enum wd_err err = WD_OK;
    for (uint32_t n = 0; err == WD_OK && n < 5000; n++) {
        memcpy(random, &n, sizeof(n));
        err = wd_tokens_create(t, random, &who, more, id2);
    }
    assert_int_equal(err, WD_ERR_FULL);
    assert_int_equal(wd_tokens_lookup(t, wd_span_str(token), 5, &who), WD_OK);
    assert_string_equal(who.user, "alice");
    assert_int_equal(wd_tokens_revoke(t, wd_span_str(id)), WD_OK);
    assert_int_equal(wd_tokens_lookup(t, wd_span_str(token), 5, &who), WD_ERR_NOTFOUND);
    wd_tokens_close(t);
    scratch_drop(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(created_token_is_found_until_it_expires_or_is_revoked),
        cmocka_unit_test(F32_store_never_holds_a_token_and_compares_all_of_it),
        cmocka_unit_test(users_and_roles_are_checked),
        cmocka_unit_test(list_is_in_order_and_a_user_is_revoked_whole),
        cmocka_unit_test(another_process_sees_changes_at_once),
        cmocka_unit_test(killed_writers_leave_a_whole_store),
        cmocka_unit_test(damaged_file_is_an_error),
        cmocka_unit_test(random_damage_is_never_a_crash),
        cmocka_unit_test(tokens_go_from_one_store_to_another),
        cmocka_unit_test(works_in_the_current_folder_and_read_only),
        cmocka_unit_test(a_full_store_refuses_new_tokens_and_keeps_the_old),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
