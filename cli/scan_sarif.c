/* SARIF 2.1.0 (OASIS standard of 2020): what code scanning services read. */
#include <inttypes.h>
#include <sodium.h>

#include "scan_escape.h"
#include "scan_report.h"

/* By severity: level, and the number by which GitHub sorts (2025: 9.0 critical, 7.0 high, 4.0 medium). */
static const struct {
    const char *level, *number;
} sarif_severities[] = { { "note", "2.0" }, { "warning", "5.0" }, { "error", "8.0" }, { "error", "9.5" } };

static enum wd_err
sarif_rule(struct wd_buf *out, const struct wd_rule *rule, bool first)
{
    const char *category = wd_category_name((enum wd_category)rule->category);

    return wd_buf_printf(
        out,
        "%s\n{\"id\":\"%s\",\"shortDescription\":{\"text\":\"%s: %s\"},\"defaultConfiguration\":{\"level\":\"%s\"},"
        "\"properties\":{\"category\":\"%s\",\"kind\":\"%s\",\"severity\":\"%s\",\"security-severity\":\"%s\","
        "\"tags\":[\"security\",\"%s\"]}}",
        first ? "" : ",", rule->id, category, rule->id, sarif_severities[rule->severity].level, category, rule->kind,
        wd_severity_name((enum wd_severity)rule->severity), sarif_severities[rule->severity].number, category);
}

enum wd_err
scan_sarif_begin(struct scan_report *r)
{
    enum wd_err err = wd_buf_add_str(
        &r->line, "{\"$schema\":\"https://json.schemastore.org/sarif-2.1.0.json\",\"version\":\"2.1.0\","
                  "\"runs\":[{\"tool\":{\"driver\":{\"name\":\"warder\",\"semanticVersion\":\"" WARDER_VERSION "\",\"rules\":[");
    const struct wd_rule *rule;

    for (size_t i = 0; err == WD_OK && (rule = wd_rule_listed(i)) != NULL; i++)
        err = sarif_rule(&r->line, rule, i == 0);
    if (err == WD_OK)
        err = wd_buf_add_str(&r->line, "]}},\"columnKind\":\"unicodeCodePoints\",\"results\":[");
    return err;
}

/*
 * Services follow a finding from run to run by its fingerprints. By place: rule, file, and the how-manieth of that rule there,
 * which says nothing of the value and outlives lines that move. By value: only with the key of a baseline, else it would be
 * another one in every run.
 */
static enum wd_err
sarif_fingerprints(struct scan_report *r, const struct scan_job *job, const struct scan_finding *f)
{
    crypto_generichash_state state;
    uint8_t place[WD_FINGERPRINT_BYTES];
    char hex[2 * WD_FINGERPRINT_BYTES + 1];
    enum wd_err err;

    crypto_generichash_init(&state, NULL, 0, sizeof(place));
    crypto_generichash_update(&state, (const uint8_t *)f->rule->id, strlen(f->rule->id) + 1);
    crypto_generichash_update(&state, (const uint8_t *)job->path, strlen(job->path) + 1);
    for (size_t i = 0; i < 4; i++)
        crypto_generichash_update(&state, &(uint8_t){ (uint8_t)(f->nth >> (8 * i)) }, 1);
    crypto_generichash_final(&state, place, sizeof(place));
    sodium_bin2hex(hex, sizeof(hex), place, sizeof(place));
    err = wd_buf_printf(&r->line, ",\"partialFingerprints\":{\"warderPlace/v1\":\"%s\"", hex);
    if (err != WD_OK || !r->baseline->has_key)
        return err == WD_OK ? wd_buf_add_byte(&r->line, '}') : err;
    sodium_bin2hex(hex, sizeof(hex), f->fingerprint, WD_FINGERPRINT_BYTES);
    return wd_buf_printf(&r->line, ",\"warderValue/v1\":\"%s\"}", hex);
}

/* Its number in the list of rules; rules without a row of the table have none. */
static enum wd_err
sarif_rule_index(struct wd_buf *out, const struct wd_rule *of)
{
    const struct wd_rule *rule;

    for (size_t i = 0; (rule = wd_rule_listed(i)) != NULL; i++)
        if (rule == of)
            return wd_buf_printf(out, ",\"ruleIndex\":%zu", i);
    return WD_OK;
}

enum wd_err
scan_sarif_finding(struct scan_report *r, const struct scan_job *job, const struct scan_finding *f, bool first)
{
    struct wd_buf *out = &r->line;
    enum wd_err err = wd_buf_printf(out, "%s\n{\"ruleId\":\"%s\"", first ? "" : ",", f->rule->id);

    if (err == WD_OK)
        err = sarif_rule_index(out, f->rule);
    if (err == WD_OK)
        err = wd_buf_printf(out,
                            ",\"level\":\"%s\",\"message\":{\"text\":\"%s%s (%s) of %" PRIu64
                            " characters\"},\"locations\":[{\"physicalLocation\":{\"artifactLocation\":{\"uri\":\"",
                            sarif_severities[f->severity].level, f->example ? "documented example: " : "", f->rule->id,
                            f->rule->kind, f->length);
    if (err == WD_OK)
        err = scan_escape_uri(out, wd_span_str(job->path));
    if (err == WD_OK)
        err = wd_buf_printf(out,
                            "\"},\"region\":{\"startLine\":%" PRIu64 ",\"startColumn\":%" PRIu64 ",\"endLine\":%" PRIu64
                            ",\"endColumn\":%" PRIu64 "}}}]",
                            f->start.line, f->start.column, f->end.line, f->end.column);
    if (err == WD_OK)
        err = sarif_fingerprints(r, job, f);
    if (err == WD_OK && job->commit[0] != '\0')
        err = wd_buf_printf(out, ",\"properties\":{\"commit\":\"%s\"}", job->commit);
    return err == WD_OK ? wd_buf_add_byte(out, '}') : err;
}

enum wd_err
scan_sarif_end(struct scan_report *r, bool complete)
{
    return wd_buf_printf(&r->line, "%s],\"invocations\":[{\"executionSuccessful\":%s}]}]}\n",
                         r->findings + r->examples > 0 ? "\n" : "", complete ? "true" : "false");
}
