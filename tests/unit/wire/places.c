#include "samples.h"

/*
 * Nothing hides: in a request of each format that uses everything the format has, every string of the document, keys too, is
 * among the texts, or is a blob at a place where the format defines one.
 */

static bool
starts(struct wd_span s, const char *prefix)
{
    return s.len >= strlen(prefix) && memcmp(s.ptr, prefix, strlen(prefix)) == 0;
}

static bool
is_blob(const struct wd_json *doc, uint32_t node)
{
    struct wd_span raw = wd_json_raw(doc, node);

    return starts(raw, "\"T1BBUVVF") || (starts(raw, "\"data:") && memmem(raw.ptr, raw.len, ";base64,T1BB", 12) != NULL);
}

static void
test_every_string(void **state)
{
    (void)state;
    for (size_t s = 0; s < SAMPLES; s++) {
        struct reading r;

        reading_init(&r, samples[s].op, wd_span_str(samples[s].body));
        if (!r.ok)
            fail_msg("%s: %s: %s", samples[s].name, r.problem.param, r.problem.message);
        for (uint32_t i = 1; i < r.q.doc.count; i++) {
            struct wd_span raw = wd_json_raw(&r.q.doc, i);
            bool in_object = wd_json_type(&r.q.doc, r.q.doc.nodes[i].parent) == WD_JSON_OBJECT;

            if (in_object && reading_text(&r, i, true) == NULL)
                fail_msg("%s: the key of %.*s is no text", samples[s].name, (int)raw.len, raw.ptr);
            if (wd_json_type(&r.q.doc, i) == WD_JSON_STRING && (reading_text(&r, i, false) == NULL) != is_blob(&r.q.doc, i))
                fail_msg("%s: %.*s", samples[s].name, (int)raw.len, raw.ptr);
        }
        reading_free(&r);
    }
}

static void
compare_text(const char *name, const struct wd_text *t, struct wd_span raw)
{
    static const char roles[] = "SUATO", kinds[] = "pjso";
    const char *role = strchr(roles, raw.ptr[1]), *kind = strchr(kinds, raw.ptr[2] | 0x20);
    bool member = raw.ptr[2] < 'a';

    if (role == NULL || kind == NULL)
        return;
    if (t->role != role - roles || t->kind != kind - kinds || t->member != member)
        fail_msg("%s: %.*s is role %d, kind %d, member %d", name, (int)raw.len, raw.ptr, t->role, t->kind, t->member);
}

static void
test_roles_and_kinds(void **state)
{
    uint32_t seen = 0;

    (void)state;
    for (size_t s = 0; s < SAMPLES; s++) {
        struct reading r;

        reading_init(&r, samples[s].op, wd_span_str(samples[s].body));
        assert_true(r.ok);
        for (uint32_t i = 0; i < r.q.text_count; i++) {
            const struct wd_text *t = &r.q.texts[i];
            struct wd_span raw = wd_json_raw(&r.q.doc, t->node);

            if (t->kind == WD_TEXT_KEY || t->kind == WD_TEXT_NUMBER || raw.len < 5 || raw.ptr[3] != ':')
                continue;
            /* An element of a list in tool data has the name of the list, which the samples do not spell. */
            if (wd_json_type(&r.q.doc, r.q.doc.nodes[t->node].parent) == WD_JSON_ARRAY)
                continue;
            compare_text(samples[s].name, t, raw);
            seen++;
        }
        reading_free(&r);
    }
    assert_in_range(seen, 180, 1000);
}

/* The document with the bytes from start to end replaced. */
static void
planted(struct wd_buf *out, struct wd_span text, size_t start, size_t end, const char *with)
{
    assert_int_equal(wd_buf_add(out, wd_span(text.ptr, start)), WD_OK);
    assert_int_equal(wd_buf_add_str(out, with), WD_OK);
    assert_int_equal(wd_buf_add(out, wd_span(text.ptr + end, text.len - end)), WD_OK);
}

static bool
may_refuse(const struct wd_json *doc, uint32_t node)
{
    return wd_json_key_is(doc, node, "type") || wd_json_key_is(doc, node, "role");
}

static void
plant_value(const struct sample *s, const struct wd_json *doc, uint32_t node, const char *with, const char *means)
{
    struct wd_buf body;
    struct reading r;
    struct wd_span raw = wd_json_raw(doc, node);

    wd_buf_init(&body, 1 << 20);
    planted(&body, doc->text, doc->nodes[node].start, doc->nodes[node].end, with);
    reading_init(&r, s->op, wd_buf_span(&body));
    if (!r.ok && !may_refuse(doc, node))
        fail_msg("%s: a secret in place of %.*s: %s: %s", s->name, (int)raw.len, raw.ptr, r.problem.param, r.problem.message);
    if (r.ok && (reading_text(&r, node, false) == NULL || !wd_json_string_is(&r.q.doc, node, means)))
        fail_msg("%s: a secret in place of %.*s is no text", s->name, (int)raw.len, raw.ptr);
    reading_free(&r);
    wd_buf_deinit(&body);
}

static void
test_planted_values_f04_f05_f06_f08_f10(void **state)
{
    (void)state;
    for (size_t s = 0; s < SAMPLES; s++) {
        struct reading r;

        reading_init(&r, samples[s].op, wd_span_str(samples[s].body));
        assert_true(r.ok);
        for (uint32_t i = 1; i < r.q.doc.count; i++) {
            if (wd_json_type(&r.q.doc, i) != WD_JSON_STRING)
                continue;
            plant_value(&samples[s], &r.q.doc, i, "\"my key is sk-proj-0123\"", "my key is sk-proj-0123");
            plant_value(&samples[s], &r.q.doc, i, "\"my key is \\u0073k-proj-0123\"", "my key is sk-proj-0123");
            plant_value(&samples[s], &r.q.doc, i, "\"data:image/png;base64,sk proj\"", "data:image/png;base64,sk proj");
            plant_value(&samples[s], &r.q.doc, i, "\"data:image/sk-proj-0123;base64,AAAA\"",
                        "data:image/sk-proj-0123;base64,AAAA");
        }
        reading_free(&r);
    }
}

static void
test_planted_keys_f10(void **state)
{
    (void)state;
    for (size_t s = 0; s < SAMPLES; s++) {
        struct reading r, again;
        uint32_t seen = 0;

        reading_init(&r, samples[s].op, wd_span_str(samples[s].body));
        for (uint32_t i = 1; i < r.q.doc.count; i++) {
            struct wd_buf body;

            if (r.q.doc.nodes[i].key_start == r.q.doc.nodes[i].key_end)
                continue;
            wd_buf_init(&body, 1 << 20);
            planted(&body, r.q.doc.text, r.q.doc.nodes[i].key_start, r.q.doc.nodes[i].key_end, "\\u0073k-proj-0123");
            reading_init(&again, samples[s].op, wd_buf_span(&body));
            if (again.ok) {
                assert_non_null(reading_text(&again, i, true));
                assert_non_null(reading_find(&again, "sk-proj-0123"));
                seen++;
            }
            reading_free(&again);
            wd_buf_deinit(&body);
        }
        assert_in_range(seen, 20, 10000);
        reading_free(&r);
    }
}

/* A name that a lax reader would take for one that the gate reads. Each key of the sample in turn, in capitals. */
static void
test_case_variants_f16(void **state)
{
    static const struct {
        enum wd_op op;
        const char *keys[24];
    } read[] = {
        { WD_OP_CHAT,
          { "model", "messages", "stream", "stream_options", "include_usage", "temperature", "max_tokens", "tools", "role",
            "content", "image_url", "url", "input_audio", "file", "file_data", "tool_calls", "arguments", "functions",
            "prediction" } },
        { WD_OP_RESPONSES,
          { "model", "instructions", "input", "content", "summary", "encrypted_content", "output", "tools", "background",
            "previous_response_id", "max_output_tokens" } },
        { WD_OP_MESSAGES,
          { "model", "system", "messages", "max_tokens", "thinking", "budget_tokens", "source", "signature", "tools",
            "mcp_servers", "citations", "definition" } },
        { WD_OP_GENERATE,
          { "systemInstruction", "contents", "parts", "inlineData", "inline_data", "fileData", "functionCall", "functionResponse",
            "tools", "functionDeclarations", "generationConfig", "maxOutputTokens", "thoughtSignature", "mimeType" } },
    };

    (void)state;
    for (size_t s = 0; s < SAMPLES; s++) {
        struct reading r, again;
        uint32_t seen = 0;

        assert_int_equal(read[s].op, samples[s].op);
        reading_init(&r, samples[s].op, wd_span_str(samples[s].body));
        for (uint32_t i = 1; i < r.q.doc.count; i++) {
            for (size_t k = 0; k < 24 && read[s].keys[k] != NULL; k++) {
                struct wd_buf body;
                char upper[64];
                size_t len = strlen(read[s].keys[k]);

                if (!wd_json_key_is(&r.q.doc, i, read[s].keys[k]))
                    continue;
                memcpy(upper, read[s].keys[k], len + 1);
                upper[0] -= 32;
                wd_buf_init(&body, 1 << 20);
                planted(&body, r.q.doc.text, r.q.doc.nodes[i].key_start, r.q.doc.nodes[i].key_end, upper);
                reading_init(&again, samples[s].op, wd_buf_span(&body));
                if (again.ok) {
                    uint32_t p = r.q.doc.nodes[i].parent;
                    struct wd_span raw = wd_json_raw(&r.q.doc, p);
                    fail_msg("%s: %s is accepted in %.*s", samples[s].name, upper, (int)(raw.len < 200 ? raw.len : 200), raw.ptr);
                }
                seen++;
                reading_free(&again);
                wd_buf_deinit(&body);
            }
        }
        assert_in_range(seen, 12, 10000);
        reading_free(&r);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_string),
        cmocka_unit_test(test_roles_and_kinds),
        cmocka_unit_test(test_planted_values_f04_f05_f06_f08_f10),
        cmocka_unit_test(test_planted_keys_f10),
        cmocka_unit_test(test_case_variants_f16),
    };
    return cmocka_run_group_tests_name("places", tests, NULL, NULL);
}
