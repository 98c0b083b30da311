#ifndef WD_ENGINE_H
#define WD_ENGINE_H

#include "../base/buf.h"
#include "../base/err.h"
#include "../base/secret.h"
#include "findings.h"

/*
 * The compiled rules. An engine is immutable and may be shared by threads and,
 * over fork(2), by processes; a scratch belongs to one thread.
 */
struct wd_engine;
struct wd_scratch;

/*
 * Compiles the table, with what set adds and takes away; NULL: the table as it is. set is borrowed for the engine's life.
 * WD_ERR_NOMEM, WD_ERR_LIMIT (more than 1,024 rules), or WD_ERR_SYNTAX when a rule does not compile.
 */
enum wd_err wd_engine_new(struct wd_engine **engine, const struct wd_ruleset *set) WD_CHECK;
void wd_engine_free(struct wd_engine *engine);

/*
 * Compiling takes a while: the compiled form can be stored. It is code in all but name, so it is read only from where nobody
 * else can write; the checks here are against accidents. wd_engine_load() answers WD_ERR_CORRUPT for what is of other rules,
 * of another version, processor or matcher, or damaged: then compile.
 */
#define WD_ENGINE_DIGEST_BYTES 32
void wd_engine_digest(const struct wd_ruleset *set, uint8_t digest[WD_ENGINE_DIGEST_BYTES]);
enum wd_err wd_engine_save(const struct wd_engine *engine, struct wd_buf *out) WD_CHECK;
enum wd_err wd_engine_load(struct wd_engine **engine, const struct wd_ruleset *set, struct wd_span stored) WD_CHECK;

enum wd_err wd_scratch_new(struct wd_scratch **scratch, const struct wd_engine *engine) WD_CHECK;
void wd_scratch_free(struct wd_scratch *scratch);

/* Everything a scan needs; borrowed by redactors for their life. */
struct wd_scan {
    const struct wd_engine *engine;
    struct wd_scratch *scratch;
    enum wd_direction direction;
    enum wd_action actions[WD_CATEGORIES];
    /* Which rules of these categories count; NULL: all. */
    bool (*wanted)(const void *ctx, const struct wd_rule *rule);
    const void *wanted_ctx;
    struct wd_span replacement;         /* printable ASCII without quote and backslash */
    const struct wd_secret *const *own; /* secrets of ours that must never show, always redacted; may be NULL */
    size_t own_count;
    uint8_t fingerprint_key[32];
    struct wd_findings *findings; /* where findings are counted; not NULL */
    /* Told of each finding where it stands in the bytes of the text, from 0; may be NULL. A finding that is longer than a
     * piece is told when its end is known. */
    void (*observe)(void *ctx, const struct wd_rule *rule, uint64_t start, uint64_t end);
    void *observe_ctx;
    /*
     * Told of each finding that is to stay in the text (WATCH or FLAG), with its value as its reader sees it: escapes undone, and
     * what is encoded decoded. The answer is what is done instead, the same or more. Of a value that is longer than a piece its
     * first part is told, once. May be NULL.
     */
    enum wd_action (*value)(void *ctx, const struct wd_rule *rule, struct wd_span value, enum wd_action action);
    void *value_ctx;
};

/*
 * A quick look at raw bytes: plain text or a whole JSON or SSE document as it
 * came. False means that no rule whose action is not WD_OFF can match in it nor in any string that
 * it holds once unescaped. True means nothing.
 */
bool wd_scan_suspect(const struct wd_scan *scan, struct wd_span raw);

/* What the policy does with the rule; WD_OFF also when the rule is not for this direction. */
enum wd_action wd_scan_action(const struct wd_scan *scan, const struct wd_rule *rule);

/* DESIGN 5: of the normalised value, under the installation's key. */
void wd_scan_fingerprint(const struct wd_scan *scan, const struct wd_rule *rule, struct wd_span value,
                         uint8_t fingerprint[WD_FINGERPRINT_BYTES]);

#endif
