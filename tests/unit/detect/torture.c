/* Each allocation fails once: an error, no secret in the output, nothing left behind. */
#include "harness.h"
#include "../torture.h"

#define SECRET                                                                                                                   \
    "sk-"                                                                                                                        \
    "proj-Tq7Zb3Kd81mX04LpQv92RsWy55HgUn6A"

static enum wd_err
run_stream(struct rig *rig)
{
    struct wd_redactor *r;
    enum wd_err err = wd_redactor_new(&r, &rig->scan, WD_REDACT_TEXT);
    int i;

    for (i = 0; err == WD_OK && i < 40; i++) {
        err = wd_redactor_feed(r, WD_SPAN("some words and " SECRET " <script aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), &rig->out);
        if (err == WD_OK && i % 7 == 0)
            err = wd_redactor_finish(r, &rig->out);
    }
    if (err == WD_OK)
        err = wd_redactor_finish(r, &rig->out);
    if (i > 0)
        wd_redactor_free(r);
    return err;
}

static enum wd_err
run_whole(struct rig *rig)
{
    bool changed;

    return wd_redact(&rig->scan, WD_REDACT_JSON, WD_SPAN("{\"a\":\"" SECRET "\",\"b\":[4111111111111111]}"), &rig->out, &changed);
}

/* Compiling takes as many allocations as there are rules: here one is left. */
static struct wd_ruleset few;

static enum wd_err
run_engine(struct rig *rig)
{
    struct wd_engine *engine = NULL;
    struct wd_scratch *scratch = NULL;
    enum wd_err err = wd_engine_new(&engine, &few);

    if (err == WD_OK)
        err = wd_scratch_new(&scratch, engine);
    wd_scratch_free(scratch);
    wd_engine_free(engine);
    return err;
}

static void
test_each_allocation_fails_once(void **state)
{
    static enum wd_err (*const runs[])(struct rig *) = { run_stream, run_whole, run_engine };
    static const char *off[1024];
    const struct wd_rule *rule;
    struct rig rig;
    enum wd_err err;
    size_t i;
    long n;

    few.off = off;
    for (i = 0; (rule = wd_rule_at(i)) != NULL; i++)
        if (strcmp(rule->id, "email") != 0)
            off[few.off_count++] = rule->id;
    rig_init(&rig);
    for (i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
        for (n = 0;; n++) {
            rig_clear(&rig);
            wd_buf_deinit(&rig.out);
            until = n;
            err = runs[i](&rig);
            if (until >= 0)
                break;
            until = -1;
            if (err != WD_OK)
                assert_int_equal(err, WD_ERR_NOMEM);
            assert_null(rig.out.len == 0 ? NULL : memmem(rig.out.ptr, rig.out.len, "Tq7Z", 4));
        }
        until = -1;
        assert_int_equal(err, WD_OK);
        assert_true(n > 0);
    }
    rig_deinit(&rig);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_allocation_fails_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
