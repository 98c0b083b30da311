#include "support.h"

static struct wd_policy *
load(const char *text)
{
    struct wd_policy_error error;
    struct wd_policy *policy;

    if (wd_policy_parse(&policy, wd_span_str(text), "p.yaml", "/base", support_getenv, &error) != WD_OK)
        fail_msg("%s", error.text);
    return policy;
}

static void
test_defaults(void **state)
{
    struct wd_policy *p = load(REST);

    assert_string_equal(p->file, "p.yaml");
    assert_string_equal(p->listen_host, "127.0.0.1");
    assert_int_equal(p->listen_port, 8484);
    assert_string_equal(p->admin_host, "127.0.0.1");
    assert_int_equal(p->admin_port, 8485);
    assert_null(p->tls_cert);
    assert_null(p->tls_key);
    assert_int_equal(p->address_limit.count, 0);
    assert_string_equal(p->state, "/base/state");
    assert_false(p->store.shared);
    assert_int_equal(p->store_timeout_ms, 250);
    assert_int_equal(p->on_store_failure, WD_STORE_REFUSE);
    assert_int_equal(p->replicas, 1);
    assert_int_equal(p->workers, 0);
    assert_int_equal(p->message_chars_min, 1);
    assert_int_equal(p->message_chars_max, 100000);
    assert_true(p->temperature_min == 0 && p->temperature_max == 2);
    assert_int_equal(p->max_tokens_min, 1);
    assert_int_equal(p->max_tokens_max, 4096);
    assert_int_equal(p->max_tokens_above, WD_CLAMP);
    assert_int_equal(p->attachments, WD_ATTACH_IMAGE);
    assert_true(p->sanitize);
    assert_int_equal(p->body_bytes_max, 10 << 20);
    assert_string_equal(p->replacement, "[REDACTED]");
    assert_false(p->refusal_native);
    assert_true(p->rate_limiting && p->input_validation && p->output_filtering && p->audit);
    assert_int_equal(p->max_requests_per_user, 0);
    wd_policy_free(p);
}

static void
test_default_actions(void **state)
{
    static const enum wd_action input[] = { WD_REDACT, WD_FLAG, WD_REFUSE, WD_REFUSE };
    static const enum wd_action output[] = { WD_REDACT, WD_REDACT, WD_FLAG, WD_REDACT };
    struct wd_policy *p = load(REST);

    for (int i = 0; i < WD_CATEGORIES; i++) {
        assert_int_equal(p->detect_input[i], input[i]);
        assert_int_equal(p->detect_output[i], output[i]);
    }
    wd_policy_free(p);
}

static void
test_rules_of_its_own(void **state)
{
    struct wd_policy *p =
        load("rules:\n  add:\n    acme-key: {pattern: 'acme_[0-9a-f]{32}', severity: critical, context: [key, my token]}\n"
             "    staff-id: {pattern: 'EMP-[0-9]{6}', category: pii, kind: staff, directions: [input]}\n"
             "  off: [email, acme-key]\n  allow: ['test@*']\n" REST);
    const struct wd_rule *rule = p->rules.more;

    assert_int_equal(p->rules.more_count, 2);
    assert_string_equal(rule[0].id, "acme-key");
    assert_string_equal(rule[0].pattern, "acme_[0-9a-f]{32}");
    assert_string_equal(rule[0].kind, "custom");
    assert_string_equal(rule[0].context, "key|my token");
    assert_null(rule[0].stop);
    assert_int_equal(rule[0].category, WD_SECRET);
    assert_int_equal(rule[0].severity, WD_CRITICAL);
    assert_int_equal(rule[0].directions, WD_INPUT | WD_OUTPUT);
    assert_int_equal(rule[1].category, WD_PII);
    assert_int_equal(rule[1].severity, WD_HIGH);
    assert_int_equal(rule[1].directions, WD_INPUT);
    assert_string_equal(rule[1].kind, "staff");
    assert_int_equal(p->rules.off_count, 2);
    assert_string_equal(p->rules.off[1], "acme-key");
    assert_int_equal(p->rules.allow_count, 1);
    assert_true(p->injection_user == 0.5 && p->injection_document == 0.5);
    wd_policy_free(p);

    p = load("rules: {add: null, off: [], allow: []}\n" REST);
    assert_int_equal(p->rules.more_count + p->rules.off_count + p->rules.allow_count, 0);
    wd_policy_free(p);
}

static void
test_budgets(void **state)
{
    support_environ = "MAX_REQUESTS_PER_USER=7";
    struct wd_policy *p =
        load("user_limits: [{tokens: 100/1h}, {requests: 50/1d}]\n"
             "models:\n  gpt-4o-mini: {limits: [{usd: 0.5/1h}]}\n"
             "  gpt-4.1*: {price: {input: 0.100001, output: 0}, user_limits: [{usd: 5/1d}, {usd: 1/1h}]}\n"
             "  '*': {price: {input: 2.50, output: 10}}\n"
             "  meta-llama/Llama-3.1-70B-Instruct: {price: {input: 1, output: 1}}\n"
             "providers:\n  a: {format: openai, url: 'https://a.example', keys: [env:A_KEY], models: ['gpt-*'], "
             "limit: 5/60s, limits: [{usd: 5/1d}, {requests: 9/1h}]}\n"
             "roles: {r: {providers: [a], limits: [{tokens: 1/1s}]}}\n");
    const struct wd_provider *a = &p->providers[0];

    assert_int_equal(p->user_limits.count, 3);
    assert_int_equal(p->user_limits.items[0].window_s, 86400);
    assert_int_equal(p->user_limits.items[1].count, 7);
    assert_int_equal(p->user_limits.items[1].rank, 1);
    assert_int_equal(p->user_limits.items[2].unit, WD_UNIT_TOKENS);
    assert_int_equal(a->limit.count, 5);
    assert_int_equal(a->limits.count, 3);
    assert_int_equal(a->limits.items[0].count, 9);
    assert_int_equal(a->limits.items[1].count, 5);
    assert_int_equal(a->limits.items[2].count, 5000000);
    assert_int_equal(a->user_limits.count, 0);
    assert_int_equal(p->roles[0].limits.count, 1);
    assert_int_equal(p->model_count, 4);
    assert_int_equal(p->models[1].price_in, 100001);
    assert_int_equal(p->models[1].price_out, 0);
    assert_int_equal(p->models[1].user_limits.items[0].window_s, 86400);
    assert_ptr_equal(wd_policy_price(p, WD_SPAN("gpt-4o-mini")), &p->models[2]);
    assert_ptr_equal(wd_policy_price(p, WD_SPAN("gpt-4.1-nano")), &p->models[1]);
    wd_policy_free(p);
    support_environ = "";

    p = load("models: {}\nuser_limits: null\n" REST);
    assert_int_equal(p->model_count + p->user_limits.count, 0);
    assert_null(wd_policy_price(p, WD_SPAN("m")));
    wd_policy_free(p);
}

static void
test_partial_maps_keep_the_other_defaults(void **state)
{
    struct wd_policy *p = load("input: {temperature: {max: 1.25}, attachments: []}\n"
                               "detect: {output: {pii: flag}}\n" REST);

    assert_true(p->temperature_min == 0 && p->temperature_max == 1.25);
    assert_int_equal(p->max_tokens_max, 4096);
    assert_int_equal(p->attachments, 0);
    assert_int_equal(p->detect_output[WD_PII], WD_FLAG);
    assert_int_equal(p->detect_output[WD_SECRET], WD_REDACT);
    assert_int_equal(p->detect_input[WD_PII], WD_FLAG);
    assert_string_equal(p->replacement, "[REDACTED]");
    wd_policy_free(p);
}

static void
test_every_key_set(void **state)
{
    struct wd_policy *p = load("---\n"
                               "listen: \"[::1]:80\"\n"
                               "admin: localhost:81\n"
                               "address_limit: 600/1m\n"
                               "state: /var/lib/warder\n"
                               "store: embedded\n"
                               "workers: 64\n"
                               "input:\n"
                               "  message_chars: {min: 0, max: 5}\n"
                               "  temperature: {min: 0.5, max: 0.5}\n"
                               "  max_tokens: {min: 2, max: 3, above: refuse}\n"
                               "  attachments: [audio, file]\n"
                               "  sanitize: false\n"
                               "  body_bytes: 512KiB\n"
                               "detect: {input: {secret: refuse, pii: off, malicious: flag}, replacement: \"*** gone ***\"}\n"
                               "isolation: {enabled: false, scope: user, remember: 24h}\n"
                               "fallback: []\nalerts: null\nrefusal: native\n"
                               "audit: {enabled: false, encrypt_to: null}\n" REST "...\n");

    assert_string_equal(p->listen_host, "::1");
    assert_int_equal(p->listen_port, 80);
    assert_string_equal(p->admin_host, "127.0.0.1");
    assert_int_equal(p->address_limit.count, 600);
    assert_int_equal(p->address_limit.window_s, 60);
    assert_string_equal(p->state, "/var/lib/warder");
    assert_int_equal(p->workers, 64);
    assert_int_equal(p->message_chars_max, 5);
    assert_true(p->temperature_min == 0.5);
    assert_int_equal(p->max_tokens_above, WD_ABOVE_REFUSE);
    assert_int_equal(p->attachments, WD_ATTACH_AUDIO | WD_ATTACH_FILE);
    assert_false(p->sanitize);
    assert_int_equal(p->body_bytes_max, 512 << 10);
    assert_int_equal(p->detect_input[WD_SECRET], WD_REFUSE);
    assert_int_equal(p->detect_input[WD_PII], WD_OFF);
    assert_string_equal(p->replacement, "*** gone ***");
    assert_true(p->refusal_native);
    assert_false(p->audit);
    wd_policy_free(p);
}

static void
test_provider(void **state)
{
    struct wd_policy *p = load("providers:\n"
                               "  first: {format: google, url: HTTPS://A.Example, keys: [env:A], models: [m]}\n"
                               "  second:\n"
                               "    format: anthropic\n"
                               "    url: http://[0:0::1]:9000/a/b/\n"
                               "    keys:\n"
                               "      - env:B_1\n"
                               "      - file:./k/key\n"
                               "    key_prefix: sk-ant-\n"
                               "    models: [\"claude-*\", x]\n"
                               "    limit: 50/60s\n"
                               "    user_limit: 5/1h\n"
                               "    connect_timeout: 1s\n"
                               "    read_timeout: 1h\n"
                               "roles: {r: {providers: [second]}, all: {providers: [\"*\"], tools: [\"*\"], limit: 3/31d}}\n");
    const struct wd_provider *first = wd_policy_provider(p, WD_SPAN("first")), *second = wd_policy_provider(p, WD_SPAN("second"));

    assert_null(wd_policy_provider(p, WD_SPAN("secon")));
    assert_true(first->tls);
    assert_string_equal(first->host, "a.example");
    assert_int_equal(first->port, 443);
    assert_string_equal(first->base_path, "");
    assert_string_equal(first->key_prefix, "");
    assert_int_equal(first->limit.count, 0);
    assert_int_equal(first->connect_timeout_ms, 5000);
    assert_int_equal(first->read_timeout_ms, 300000);
    assert_int_equal(first->line, 2);

    assert_int_equal(second->format, WD_FORMAT_ANTHROPIC);
    assert_false(second->tls);
    assert_string_equal(second->host, "::1");
    assert_int_equal(second->port, 9000);
    assert_string_equal(second->base_path, "/a/b");
    assert_int_equal(second->key_count, 2);
    assert_false(second->keys[0].is_file);
    assert_string_equal(second->keys[0].name, "B_1");
    assert_int_equal(second->keys[0].line, 7);
    assert_true(second->keys[1].is_file);
    assert_string_equal(second->keys[1].name, "/base/k/key");
    assert_int_equal(second->keys[1].line, 8);
    assert_string_equal(second->key_prefix, "sk-ant-");
    assert_true(wd_strings_match(&second->models, WD_SPAN("claude-x")));
    assert_false(wd_strings_match(&second->models, WD_SPAN("gpt")));
    assert_int_equal(second->limit.count, 50);
    assert_int_equal(second->user_limit.window_s, 3600);
    assert_int_equal(second->connect_timeout_ms, 1000);
    assert_int_equal(second->read_timeout_ms, 3600000);
    assert_int_equal(second->index, 1);
    wd_policy_free(p);
}

static void
test_roles(void **state)
{
    struct wd_policy *p = load("providers:\n"
                               "  a: {format: openai, url: https://h.example, keys: [env:A], models: [m]}\n"
                               "  b: {format: openai, url: https://h.example, keys: [env:B], models: [m]}\n"
                               "roles:\n"
                               "  one: {providers: [b], limit: null}\n"
                               "  all: {providers: [\"*\"], tools: [search, \"file-*\"], limit: 10/1h}\n");
    const struct wd_role *one = wd_policy_role(p, WD_SPAN("one")), *all = wd_policy_role(p, WD_SPAN("all"));

    assert_null(wd_policy_role(p, WD_SPAN("")));
    assert_false(wd_role_allows(one, &p->providers[0]));
    assert_true(wd_role_allows(one, &p->providers[1]));
    assert_true(wd_role_allows(all, &p->providers[0]));
    assert_int_equal(one->tools.count, 0);
    assert_false(wd_strings_match(&one->tools, WD_SPAN("search")));
    assert_true(wd_strings_match(&all->tools, WD_SPAN("file-read")));
    assert_int_equal(one->limit.count, 0);
    assert_int_equal(all->limit.count, 10);
    assert_int_equal(all->index, 1);
    wd_policy_free(p);
}

static void
test_environment(void **state)
{
    struct wd_policy *p;

    support_environ = "ENABLE_RATE_LIMITING=false\nENABLE_INPUT_VALIDATION=0\nENABLE_OUTPUT_FILTERING=false\n"
                      "ENABLE_AUDIT_LOGGING=false\nENCRYPTION_ENABLED=0\nMAX_REQUESTS_PER_USER=10000\nWARDER_ENV=test";
    p = load(REST);
    assert_false(p->rate_limiting || p->input_validation || p->output_filtering || p->audit);
    assert_int_equal(p->max_requests_per_user, 10000);
    wd_policy_free(p);

    support_environ = "ENABLE_RATE_LIMITING=true\nENABLE_AUDIT_LOGGING=1\nWARDER_ENV=production\nALLOWED_PROVIDERS=a";
    p = load(REST);
    assert_true(p->rate_limiting && p->input_validation && p->output_filtering && p->audit);
    wd_policy_free(p);
    support_environ = "";
}

static void
test_allowed_providers(void **state)
{
    struct wd_policy *p;

    support_environ = "ALLOWED_PROVIDERS=c, b";
    p = load("providers:\n"
             "  a: {format: openai, url: https://h.example, keys: [env:A], models: [m]}\n"
             "  b: {format: openai, url: https://h.example, keys: [env:B], models: [m]}\n"
             "  c: {format: openai, url: https://h.example, keys: [env:C], models: [m]}\n"
             "roles: {ac: {providers: [a, c]}, all: {providers: [\"*\"]}}\n");
    support_environ = "";
    assert_int_equal(p->provider_count, 2);
    assert_null(wd_policy_provider(p, WD_SPAN("a")));
    for (uint32_t i = 0; i < 2; i++)
        assert_int_equal(p->providers[i].index, i);
    assert_string_equal(p->providers[1].name, "c");
    assert_false(wd_role_allows(&p->roles[0], &p->providers[0]));
    assert_true(wd_role_allows(&p->roles[0], &p->providers[1]));
    assert_true(wd_role_allows(&p->roles[1], &p->providers[0]));
    wd_policy_free(p);
}

static void
test_sixty_four_providers(void **state)
{
    static char text[16384];
    struct wd_policy *p;
    size_t len = (size_t)sprintf(text, "providers:\n");

    for (int i = 0; i < 64; i++)
        len += (size_t)sprintf(text + len, "  p%d: {format: openai, url: https://h.example, keys: [env:A], models: [m]}\n", i);
    sprintf(text + len, "roles: {last: {providers: [p63]}}\n");
    p = load(text);
    assert_int_equal(p->provider_count, 64);
    assert_true(wd_role_allows(&p->roles[0], &p->providers[63]));
    assert_false(wd_role_allows(&p->roles[0], &p->providers[0]));
    wd_policy_free(p);
}

static void
test_tls_and_files(void **state)
{
    struct wd_policy_error error;
    struct wd_policy *p;
    char file[4200];
    static const char text[] =
        "listen: 0.0.0.0:443\ntls: {cert: cert.pem, key: ./key.pem}\n"
        "providers:\n  a: {format: openai, url: https://a.example, ca_file: cert.pem, keys: [file:k], models: [m]}\n"
        "roles: {r: {providers: [a]}}\n";

    support_file("cert.pem", "x", 1, 0644);
    support_file("key.pem", "x", 1, 0600);
    support_file("tls.yaml", text, sizeof(text) - 1, 0644);
    snprintf(file, sizeof(file), "%s/tls.yaml", support_dir);
    if (wd_policy_load(&p, file, NULL, support_getenv, &error) != WD_OK)
        fail_msg("%s", error.text);
    assert_string_equal(p->base_dir, support_dir);
    assert_int_equal(strncmp(p->tls_cert, support_dir, strlen(support_dir)), 0);
    assert_string_equal(p->tls_cert + strlen(support_dir), "/cert.pem");
    assert_string_equal(p->tls_key + strlen(support_dir), "/key.pem");
    assert_string_equal(p->providers[0].ca_file + strlen(support_dir), "/cert.pem");
    assert_string_equal(p->providers[0].keys[0].name + strlen(support_dir), "/k");
    wd_policy_free(p);
}

static void
test_line_ends_of_windows(void **state)
{
    struct wd_policy *p = load("\xef\xbb\xbf# a file from elsewhere\r\nrefusal: native\r\n" REST);

    assert_true(p->refusal_native);
    wd_policy_free(p);
}

static void
test_reference_names_every_key(void **state)
{
    static const char *const keys[] = {
        "`listen`",           "`providers.*.keys`", "`roles.*.limit`",   "`input.message_chars.min`", "`detect.output.malicious`",
        "`audit.encrypt_to`", "`workers`",          "`input.body_bytes`"
    };
    struct wd_buf out;

    wd_buf_init(&out, 1 << 16);
    assert_int_equal(wd_policy_reference(&out), WD_OK);
    assert_int_equal(wd_buf_add_byte(&out, '\0'), WD_OK);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        assert_non_null(strstr(out.ptr, keys[i]));
    assert_non_null(strstr(out.ptr, "| `input.attachments` | `[image]` | a list of image, audio, video, file |"));
    assert_non_null(strstr(out.ptr, "| `workers` | `null` | 1 to 64, or null |"));
    wd_buf_deinit(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_default_actions),
        cmocka_unit_test(test_rules_of_its_own),
        cmocka_unit_test(test_budgets),
        cmocka_unit_test(test_partial_maps_keep_the_other_defaults),
        cmocka_unit_test(test_every_key_set),
        cmocka_unit_test(test_provider),
        cmocka_unit_test(test_roles),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_allowed_providers),
        cmocka_unit_test(test_sixty_four_providers),
        cmocka_unit_test(test_tls_and_files),
        cmocka_unit_test(test_line_ends_of_windows),
        cmocka_unit_test(test_reference_names_every_key),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
