#include "harness.h"

#include <libgen.h>

/*
 * cases/RULE.txt, a text a line: "+ text" holds findings, each between ^^ and ^^; "- text" holds none of this rule.
 * ~~ is nothing: it keeps a made-up key from looking like one in this repository.
 */
struct rules_case {
    char *text, *want; /* what is planted, and what must come out */
    bool finds;
};

static char rules_folder[4096];

/* Cases lie beside this file, whose name is relative to the build folder. */
static void
rules_find_folder(void)
{
    char file[] = __FILE__;
    const char *build = getenv("WARDER_BUILD");
    bool relative = file[0] != '/' && build != NULL;

    snprintf(rules_folder, sizeof(rules_folder), "%s%s%s/cases", relative ? build : "", relative ? "/" : "", dirname(file));
}

static struct rules_case
rules_parse(const char *line)
{
    size_t size = strlen(line) * 6 + 16;
    struct rules_case c = { calloc(1, size), calloc(1, size), line[0] == '+' };
    char *text = c.text, *want = c.want;
    bool inside = false;

    assert_non_null(c.text);
    assert_non_null(c.want);
    for (line += 2; *line != '\0'; line++) {
        if (line[0] == '~' && line[1] == '~') {
            line++;
        } else if (line[0] == '^' && line[1] == '^') {
            line++;
            inside = !inside;
            if (!inside)
                want = stpcpy(want, "[REDACTED]");
        } else {
            *text++ = *line;
            if (!inside)
                *want++ = *line;
        }
    }
    assert_false(inside);
    return c;
}

static void
rules_check(struct rig *rig, const char *rule, const char *line, enum wd_redactor_mode mode)
{
    struct rules_case c = rules_parse(line);
    struct wd_span text = wd_span_str(c.text);

    rig_whole(rig, mode, text);
    assert_int_equal(rig->err, WD_OK);
    if (c.finds && mode == WD_REDACT_TEXT) {
        if (!wd_span_eq(wd_buf_span(&rig->out), wd_span_str(c.want)))
            fail_msg("%s: %s\n  gave %.*s\n  want %s", rule, c.text, (int)rig->out.len, rig->out.ptr, c.want);
        if (rig_count(rig, rule) == 0)
            fail_msg("%s was not counted: %s", rule, c.text);
        assert_true(wd_scan_suspect(&rig->scan, text));
        /* What was redacted is clean. */
        rig_whole(rig, mode, wd_span_str(c.want));
        if (!wd_span_eq(wd_buf_span(&rig->out), wd_span_str(c.want)))
            fail_msg("%s: redacted again: %s\n%.*s", rule, c.want, (int)rig->out.len, rig->out.ptr);
    }
    if (!c.finds && rig_count(rig, rule) > 0)
        fail_msg("%s: found in %s: %.*s", rule, c.text, (int)rig->out.len, rig->out.ptr);
    rig_check_cuts(rig, mode, text);
    free(c.text);
    free(c.want);
}

static char *
rules_cases(const char *rule, size_t *len)
{
    char path[8192];

    snprintf(path, sizeof(path), "%s/%s.txt", rules_folder, rule);
    return rig_read(path, len);
}

static void
test_every_rule_has_cases_and_every_cut_of_them_is_the_same(void **state)
{
    struct rig rig;
    size_t i, len = 0;

    rig_init(&rig);
    for (i = 0; i < wd_rule_count(); i++) {
        const char *rule = wd_rule_at(i)->id;
        char *cases = rules_cases(rule, &len), *line, *rest = cases;
        unsigned finds = 0, misses = 0;

        if (cases == NULL)
            fail_msg("%s has no cases", rule);
        while ((line = strsep(&rest, "\n")) != NULL) {
            if (line[0] != '+' && line[0] != '-')
                continue;
            finds += line[0] == '+';
            misses += line[0] == '-';
            rules_check(&rig, rule, line, WD_REDACT_TEXT);
            rules_check(&rig, rule, line, WD_REDACT_JSON);
        }
        if (finds < 3 || misses < 3)
            fail_msg("%s has too few cases", rule);
        free(cases);
    }
    rig_deinit(&rig);
}

static void
test_table_is_sound(void **state)
{
    size_t i, k;

    for (i = 0; i < wd_rule_count(); i++) {
        const struct wd_rule *rule = wd_rule_at(i);

        assert_ptr_equal(wd_rule_find(wd_span_str(rule->id)), rule);
        assert_non_null(rule->kind);
        assert_true((rule->pattern == NULL) == (rule->shape == WD_SHAPE_BARE));
        assert_non_null(rule->needs);
        assert_in_range(rule->directions, 1, WD_INPUT | WD_OUTPUT);
        assert_true(rule->category < WD_CATEGORIES && rule->severity <= WD_CRITICAL && rule->shape < WD_SHAPE_OWN);
        assert_true(rule->shape != WD_SHAPE_ASSIGNED || rule->valid != NULL);
        for (k = 0; k < i; k++)
            assert_string_not_equal(rule->id, wd_rule_at(k)->id);
    }
    assert_null(wd_rule_find(WD_SPAN("")));
}

static void
test_names_of_members(void **state)
{
    static const struct {
        const char *name, *rule;
    } cases[] = {
        { "password", "password" },
        { "db_password", "password" },
        { "PASSWORD", "password" },
        { "userPwd", "password" },
        { "token", "assigned-secret" },
        { "accessToken", "assigned-secret" },
        { "api_key", "assigned-secret" },
        { "client_secret", "assigned-secret" },
        { "max_tokens", NULL },
        { "passphrase", "password" },
        { "Passwort", "password" },
        { "passwd", "password" },
        { "SecretKey", "assigned-secret" },
        { "private-key", "assigned-secret" },
        { "x-auth-key", "assigned-secret" },
        { "key", NULL },
        { "", NULL },
        { "passwords", NULL },
        { "credentials", "assigned-secret" },
        { "google_credential", "assigned-secret" },
        { "AccountKey", "assigned-secret" },
        { "SharedAccessSignature", "assigned-secret" },
        { "_auth", "assigned-secret" },
        { "passcode", "password" },
        { "Kennwort", "password" },
        { "senha", "password" },
        { "db_pass", "password" },
        { "cloudant_pw", "password" },
        { "nextPageToken", NULL },
        { "public_key", NULL },
        { "bearer", NULL },
        { "-u", NULL },
    };
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct wd_rule *rule = wd_rule_for_name(wd_span_str(cases[i].name));

        assert_true((rule == NULL) == (cases[i].rule == NULL));
        assert_true(rule == NULL || (strcmp(rule->id, cases[i].rule) == 0 && wd_rule_name_ends(wd_span_str(cases[i].name))));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_is_sound),
        cmocka_unit_test(test_names_of_members),
        cmocka_unit_test(test_every_rule_has_cases_and_every_cut_of_them_is_the_same),
    };

    rules_find_folder();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
