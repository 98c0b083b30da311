#include "support.h"

#include "policy/store_url.h"

/* `store` and the keys beside it. */

static struct wd_policy *
parse(const char *url, struct wd_policy_error *error)
{
    struct wd_policy *p = NULL;
    char text[8192];
    enum wd_err err;

    snprintf(text, sizeof(text), "store: \"%s\"\n" REST, url);
    err = wd_policy_parse(&p, wd_span_str(text), "p.yaml", "/base", support_getenv, error);
    assert_int_equal(err == WD_OK, p != NULL);
    return p;
}

struct good_url {
    const char *url, *host, *user, *password, *sentinel, *ca_file;
    uint16_t port;
    uint32_t hosts, db;
    bool tls;
};

static const struct good_url good_urls[] = {
    { "redis://127.0.0.1", "127.0.0.1", .port = 6379, .hosts = 1 },
    { "redis://127.0.0.1:7000/3", "127.0.0.1", .port = 7000, .hosts = 1, .db = 3 },
    { "redis://localhost/", "localhost", .port = 6379, .hosts = 1 },
    { "redis://10.1.2.3", "10.1.2.3", .port = 6379, .hosts = 1 },
    { "redis://172.16.0.1,172.31.255.255", "172.16.0.1", .port = 6379, .hosts = 2 },
    { "redis://192.168.0.1", "192.168.0.1", .port = 6379, .hosts = 1 },
    { "redis://[::1]:7000", "::1", .port = 7000, .hosts = 1 },
    { "redis://[fd00:0:0::1]", "fd00::1", .port = 6379, .hosts = 1 },
    { "REDISS://Redis.Example", "redis.example", .port = 6379, .hosts = 1, .tls = true },
    { "rediss://8.8.8.8/9999", "8.8.8.8", .port = 6379, .hosts = 1, .db = 9999, .tls = true },
    { "rediss://:pw@h.example", "h.example", .password = "pw", .port = 6379, .hosts = 1, .tls = true },
    { "rediss://u@h.example", "h.example", .user = "u", .port = 6379, .hosts = 1, .tls = true },
    { "rediss://u:p%40%3a%2F:%23%20%C3%A9@h.example:1/2", "h.example", "u", "p@:/:# \xc3\xa9", .port = 1, .hosts = 1, .db = 2,
      .tls = true },
    { "rediss://%41b:p@a.example:1,b.example,c.example:3", "a.example", "Ab", "p", .port = 1, .hosts = 3, .tls = true },
    { "redis://127.0.0.1,127.0.0.2:2?sentinel=my-master_1.x", "127.0.0.1", .sentinel = "my-master_1.x", .port = 26379,
      .hosts = 2 },
    { "rediss://h/1?sentinel=m&ca_file=ca.pem", "h", .sentinel = "m", .ca_file = "/base/ca.pem", .port = 26379, .hosts = 1,
      .db = 1, .tls = true },
    { "rediss://h?ca_file=%2Fno%20where%2Fca.pem", "h", .ca_file = "/no where/ca.pem", .port = 6379, .hosts = 1, .tls = true },
};

static void
same_text(const char *is, const char *should)
{
    if (should == NULL)
        assert_null(is);
    else
        assert_string_equal(is, should);
}

/* Whether the file of a ca_file is there is another question. */
static struct wd_store_url
bare(const char *url, struct wd_arena *arena)
{
    struct wd_store_url store;
    const char *what;

    assert_int_equal(wd_store_url(&store, arena, url, &what), WD_OK);
    return store;
}

static void
test_good_urls(void **state)
{
    for (size_t i = 0; i < sizeof(good_urls) / sizeof(good_urls[0]); i++) {
        const struct good_url *g = &good_urls[i];
        struct wd_arena arena;
        struct wd_store_url s;

        print_message("%s\n", g->url);
        wd_arena_init(&arena, 1 << 20);
        s = bare(g->url, &arena);
        assert_true(s.shared);
        assert_int_equal(s.tls, g->tls);
        assert_int_equal(s.host_count, g->hosts);
        assert_string_equal(s.hosts[0].host, g->host);
        assert_int_equal(s.hosts[0].port, g->port);
        assert_int_equal(s.db, g->db);
        same_text(s.user, g->user);
        same_text(s.sentinel, g->sentinel);
        assert_int_equal(s.ca_file != NULL, g->ca_file != NULL);
        assert_int_equal(s.password != NULL, g->password != NULL);
        assert_int_equal(s.password_in_file, g->password != NULL);
        if (g->password != NULL)
            assert_true(wd_span_eq(wd_secret_get(s.password), wd_span_str(g->password)));
        wd_secret_free(s.password);
        wd_arena_deinit(&arena);
    }
}

#define ACCEPTED                                                                                                                 \
    " (accepted: embedded, rediss://[USER:PASSWORD@]HOST[:PORT],...[/DB][?sentinel=NAME&ca_file=PATH], or redis:// to "          \
    "loopback and private addresses only, as it sends all in the clear)"
#define CLEAR "would send tokens' digests and counters in the clear to a host that need not be near"

/* Each holds "verysecret", or is about no password. */
static const struct {
    const char *url, *what;
} bad_urls[] = {
    { "postgres", "is neither embedded nor a redis:// or rediss:// URL" },
    { "http://u:verysecret@127.0.0.1", "is neither embedded nor a redis:// or rediss:// URL" },
    { "redis:/127.0.0.1", "is neither embedded nor a redis:// or rediss:// URL" },
    { "redis://user:verysecret@h:6379/0", CLEAR },
    { "redis://user:verysecret@8.8.8.8", CLEAR },
    { "redis://172.32.0.1", CLEAR },
    { "redis://11.0.0.1", CLEAR },
    { "redis://192.169.0.1", CLEAR },
    { "redis://[fe00::1]", CLEAR },
    { "redis://127.0.0.1,redis.example", CLEAR },
    { "redis://127.0.0.1.example", CLEAR },
    { "redis://", "has no valid host" },
    { "redis://u:verysecret@", "has no valid host" },
    { "redis://127.0.0.1,", "has no valid host" },
    { "redis://127.1", "has no valid host" },
    { "redis://::1", "has no valid host" },
    { "redis://127.0.0.1:0", "has no valid port" },
    { "redis://127.0.0.1:65536", "has no valid port" },
    { "redis://127.0.0.1:verysecret", "has no valid port" },
    { "redis://127.0.0.1:123456789012345678901234567890", "has no valid port" },
    { "redis://u:very@secret@127.0.0.1", "has more than one @ (write %40 within a password)" },
    { "redis://u:verysecret#@127.0.0.1", "has a fragment, or a # that is not written as %23" },
    { "redis://u:very/secret@127.0.0.1", "has no valid number of a database" },
    { "redis://u:verysecret%@127.0.0.1", "has no valid password" },
    { "redis://u:verysecret%4@127.0.0.1", "has no valid password" },
    { "redis://u:verysecret%zz@127.0.0.1", "has no valid password" },
    { "redis://u:verysecret%00@127.0.0.1", "has no valid password" },
    { "redis://u:verysecret%0a@127.0.0.1", "has no valid password" },
    { "redis://u:@127.0.0.1", "has no valid password" },
    { "redis://@127.0.0.1", "has no valid user name" },
    { "redis://a%20b:verysecret@127.0.0.1", "has no valid user name" },
    { "redis://127.0.0.1/x", "has no valid number of a database" },
    { "redis://127.0.0.1/1/2", "has no valid number of a database" },
    { "redis://127.0.0.1/01", "has no valid number of a database" },
    { "redis://127.0.0.1/10000", "has no valid number of a database" },
    { "redis://127.0.0.1?sentinel", "has no valid sentinel" },
    { "redis://127.0.0.1?sentinel=", "has no valid sentinel" },
    { "redis://127.0.0.1?sentinel=a%20b", "has no valid sentinel" },
    { "redis://127.0.0.1?sentinel=a&sentinel=b", "has no valid sentinel" },
    { "redis://127.0.0.1?ca_file=x", "has a ca_file, which has no effect without TLS" },
    { "rediss://h?ca_file=", "has no valid ca_file" },
    { "rediss://h?ca_file=a;b", "has no valid ca_file" },
    { "rediss://u:p@h?verify=no&x=verysecret", "has an option that is not known" },
    { "rediss://a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a", "names too many hosts" },
};

static void
test_bad_urls(void **state)
{
    for (size_t i = 0; i < sizeof(bad_urls) / sizeof(bad_urls[0]); i++) {
        struct wd_policy_error error;
        char start[256];

        print_message("%s\n", bad_urls[i].url);
        assert_null(parse(bad_urls[i].url, &error));
        snprintf(start, sizeof(start), "p.yaml:1: store: %s", bad_urls[i].what);
        assert_memory_equal(error.text, start, strlen(start));
        assert_non_null(strstr(error.text, ACCEPTED));
        assert_null(strstr(error.text, "secret@"));
        assert_null(strstr(error.text, "verysecret"));
    }
}

static void
test_long_url(void **state)
{
    struct wd_policy_error error;
    char url[3000];

    memset(url, 'a', sizeof(url));
    memcpy(url, "rediss://u:", 11);
    url[sizeof(url) - 1] = '\0';
    assert_null(parse(url, &error));
    assert_non_null(strstr(error.text, "store: is too long"));
    memcpy(url + 600, "@h", 3); /* a password of 589 bytes */
    assert_null(parse(url, &error));
    assert_non_null(strstr(error.text, "store: has no valid password"));
}

static void
test_password_of_the_environment(void **state)
{
    struct wd_policy_error error;
    struct wd_policy *p;

    support_environ = "WARDER_STORE_PASSWORD=of the environment\n";
    p = parse("redis://u:verysecret@127.0.0.1", &error);
    assert_non_null(p);
    assert_true(wd_span_eq(wd_secret_get(p->store.password), WD_SPAN("of the environment")));
    wd_policy_free(p);
    p = parse("redis://u@127.0.0.1", &error);
    assert_non_null(p);
    assert_true(wd_span_eq(wd_secret_get(p->store.password), WD_SPAN("of the environment")));
    assert_false(p->store.password_in_file);
    wd_policy_free(p);
    p = parse("embedded", &error);
    assert_non_null(p);
    assert_null(p->store.password);
    wd_policy_free(p);
    support_environ = "WARDER_STORE_PASSWORD=very\x01secret\n";
    assert_null(parse("redis://u@127.0.0.1", &error));
    assert_string_equal(error.text,
                        "environment: WARDER_STORE_PASSWORD: is not valid (accepted: 1 to 512 bytes, no control characters)");
    support_environ = "";
}

static void
test_password_in_a_file_that_others_can_read(void **state)
{
    static const char text[] = "store: redis://u:verysecret@127.0.0.1\n" REST;
    struct wd_policy_error error;
    struct wd_policy *p;
    char path[4200];

    snprintf(path, sizeof(path), "%s/p.yaml", support_dir);
    support_file("p.yaml", text, strlen(text), 0640);
    assert_int_equal(wd_policy_load(&p, path, NULL, support_getenv, &error), WD_ERR_DENIED);
    assert_null(p);
    assert_non_null(strstr(error.text, "store: holds a password in a file that others can read"));
    assert_null(strstr(error.text, "verysecret"));
    support_file("p.yaml", text, strlen(text), 0600);
    assert_int_equal(wd_policy_load(&p, path, NULL, support_getenv, &error), WD_OK);
    wd_policy_free(p);
}

static void
test_ca_file_is_looked_at(void **state)
{
    struct wd_policy_error error;

    assert_null(parse("rediss://h?ca_file=%2Fno%2Fwhere", &error));
    assert_non_null(strstr(error.text, "store: "));
    assert_non_null(strstr(error.text, "a PEM file"));
}

struct beside {
    const char *text, *error;
    uint32_t timeout, replicas;
    enum wd_store_failure failure;
};

#define TIMEOUT " (accepted: 10ms to 10s, with ms or s)"

static const struct beside besides[] = {
    { "store_timeout: 10ms\n", NULL, 10, 1 },
    { "store_timeout: 10s\nreplicas: 1000\n", NULL, 10000, 1000 },
    { "on_store_failure: local\n", NULL, 250, 1, WD_STORE_LOCAL },
    { "store_timeout: 9ms\n", "p.yaml:1: store_timeout: is out of range" TIMEOUT },
    { "store_timeout: 10001ms\n", "p.yaml:1: store_timeout: is out of range" TIMEOUT },
    { "store_timeout: 250\n", "p.yaml:1: store_timeout: is not valid" TIMEOUT },
    { "store_timeout: 1m\n", "p.yaml:1: store_timeout: is not valid" TIMEOUT },
    { "store_timeout: 0.5s\n", "p.yaml:1: store_timeout: is not valid" TIMEOUT },
    { "store_timeout: 99999999999999999999s\n", "p.yaml:1: store_timeout: is out of range" TIMEOUT },
    { "on_store_failure: open\n", "p.yaml:1: on_store_failure: is not valid (accepted: refuse, local)" },
    { "replicas: 0\n", "p.yaml:1: replicas: is out of range (accepted: 1 to 1000)" },
    { "replicas: 1001\n", "p.yaml:1: replicas: is out of range (accepted: 1 to 1000)" },
};

static void
test_keys_beside(void **state)
{
    for (size_t i = 0; i < sizeof(besides) / sizeof(besides[0]); i++) {
        const struct beside *b = &besides[i];
        struct wd_policy_error error;
        struct wd_policy *p = NULL;
        char text[1024];
        enum wd_err err;

        snprintf(text, sizeof(text), "%s" REST, b->text);
        err = wd_policy_parse(&p, wd_span_str(text), "p.yaml", "/base", support_getenv, &error);
        assert_int_equal(err == WD_OK, b->error == NULL);
        if (b->error != NULL) {
            assert_string_equal(error.text, b->error);
            continue;
        }
        assert_int_equal(p->store_timeout_ms, b->timeout);
        assert_int_equal(p->replicas, b->replicas);
        assert_int_equal(p->on_store_failure, b->failure);
        wd_policy_free(p);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_urls),
        cmocka_unit_test(test_bad_urls),
        cmocka_unit_test(test_long_url),
        cmocka_unit_test(test_password_of_the_environment),
        cmocka_unit_test(test_password_in_a_file_that_others_can_read),
        cmocka_unit_test(test_ca_file_is_looked_at),
        cmocka_unit_test(test_keys_beside),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
