/* What a policy adds to the rules and takes from them. */
#include "harness.h"

static const struct wd_rule own_rows[] = {
    { .id = "acme-key",
      .kind = "custom",
      .category = WD_SECRET,
      .severity = WD_CRITICAL,
      .directions = WD_INPUT | WD_OUTPUT,
      .shape = WD_SHAPE_WORD,
      .glued = 1,
      .pattern = "acme#[0-9a-f]{8}",
      .needs = "" },
    { .id = "staff-id",
      .kind = "staff",
      .category = WD_PII,
      .severity = WD_LOW,
      .directions = WD_OUTPUT,
      .shape = WD_SHAPE_WORD,
      .glued = 1,
      .pattern = "EMP-[0-9]{6}",
      .needs = "",
      .context = "staff|employee no",
      .stop = "000000" },
};
/* Of the table only cards: a small set compiles fast. */
static const char *own_off[1024];
static const char *const own_allow[] = { "EMP-99*", "4111111111111111" };
static struct wd_ruleset own_set = { own_rows, 2, own_off, 0, own_allow, 2 };

static int
own_setup(void **state)
{
    const struct wd_rule *rule;

    for (size_t i = 0; (rule = wd_rule_at(i)) != NULL; i++)
        if (strcmp(rule->id, "card") != 0)
            own_off[own_set.off_count++] = rule->id;
    return 0;
}

static const struct {
    const char *text, *want;
} own_cases[] = {
    { "use acme#0123abcd now", "use [REDACTED] now" },
    { "see(acme#0123abcd)", "see([REDACTED])" },
    { "acme# 0123abcd", "acme# 0123abcd" },
    { "staff EMP-123456.", "staff [REDACTED]." },
    { "Employee No EMP-123456", "Employee No [REDACTED]" },
    { "the part EMP-123456", "the part EMP-123456" },
    { "staff EMP-000000", "staff EMP-000000" },
    { "staff EMP-991234", "staff EMP-991234" },
    { "mail bob@acme.com", "mail bob@acme.com" },
    { "pay 4111111111111111 or 5555555555554444", "pay 4111111111111111 or [REDACTED]" },
    { "a long way from the word staff to what may be an id of one, of which there are many, and more than ninety-six characters: "
      "EMP-123456",
      "a long way from the word staff to what may be an id of one, of which there are many, and more than ninety-six characters: "
      "EMP-123456" },
};

static void
own_rig(struct rig *rig, const struct wd_ruleset *set)
{
    rig_init(rig);
    wd_scratch_free(rig->scan.scratch);
    wd_engine_free(rig->engine);
    assert_int_equal(wd_engine_new(&rig->engine, set), WD_OK);
    assert_int_equal(wd_scratch_new(&rig->scan.scratch, rig->engine), WD_OK);
    rig->scan.engine = rig->engine;
}

static void
own_check(struct rig *rig)
{
    size_t i;

    for (i = 0; i < sizeof(own_cases) / sizeof(own_cases[0]); i++) {
        rig_whole(rig, WD_REDACT_TEXT, wd_span_str(own_cases[i].text));
        if (!wd_span_eq(wd_buf_span(&rig->out), wd_span_str(own_cases[i].want)))
            fail_msg("%s\n  gave %.*s", own_cases[i].text, (int)rig->out.len, rig->out.ptr);
        rig_check_cuts(rig, WD_REDACT_TEXT, wd_span_str(own_cases[i].text));
    }
}

static void
test_rules_are_added_and_taken_away(void **state)
{
    struct rig rig;

    own_rig(&rig, &own_set);
    own_check(&rig);
    rig_deinit(&rig);
}

static void
test_context_reaches_back_over_what_has_left(void **state)
{
    struct rig rig;
    char text[256];
    size_t n;

    own_rig(&rig, &own_set);
    for (n = 0; n < 120; n++) {
        int len =
            snprintf(text, sizeof(text), "staff %.*s EMP-123456", (int)n,
                     ". . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . "
                     ". . . . . . . . . . . . . . . . . . . . . .");

        rig_parts(&rig, WD_REDACT_TEXT, wd_span(text, (size_t)len), 1);
        assert_int_equal(rig_count(&rig, "staff-id"), (size_t)len - 10 <= WD_CONTEXT_MAX);
        rig_whole(&rig, WD_REDACT_TEXT, wd_span(text, (size_t)len));
        assert_int_equal(rig_count(&rig, "staff-id"), (size_t)len - 10 <= WD_CONTEXT_MAX);
    }
    rig_deinit(&rig);
}

static void
test_a_stored_engine_is_the_same_and_a_damaged_one_is_refused(void **state)
{
    struct wd_engine *engine, *other;
    struct wd_buf stored;
    struct rig rig;
    size_t i;

    wd_buf_init(&stored, 1 << 26);
    assert_int_equal(wd_engine_new(&engine, &own_set), WD_OK);
    assert_int_equal(wd_engine_save(engine, &stored), WD_OK);
    wd_engine_free(engine);
    own_rig(&rig, &own_set);
    wd_scratch_free(rig.scan.scratch);
    wd_engine_free(rig.engine);
    assert_int_equal(wd_engine_load(&rig.engine, &own_set, wd_buf_span(&stored)), WD_OK);
    assert_int_equal(wd_scratch_new(&rig.scan.scratch, rig.engine), WD_OK);
    rig.scan.engine = rig.engine;
    own_check(&rig);
    rig_deinit(&rig);

    /* of other rules, cut short, or with a byte changed */
    assert_int_equal(wd_engine_load(&other, NULL, wd_buf_span(&stored)), WD_ERR_CORRUPT);
    for (i = 0; i < stored.len; i += 1 + stored.len / 97)
        assert_int_equal(wd_engine_load(&other, &own_set, wd_span(stored.ptr, i)), WD_ERR_CORRUPT);
    for (i = 0; i < stored.len; i += 1 + stored.len / 97) {
        stored.ptr[i] ^= 0x20;
        assert_int_equal(wd_engine_load(&other, &own_set, wd_buf_span(&stored)), WD_ERR_CORRUPT);
        stored.ptr[i] ^= 0x20;
    }
    wd_buf_deinit(&stored);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules_are_added_and_taken_away),
        cmocka_unit_test(test_context_reaches_back_over_what_has_left),
        cmocka_unit_test(test_a_stored_engine_is_the_same_and_a_damaged_one_is_refused),
    };

    return cmocka_run_group_tests(tests, own_setup, NULL);
}
