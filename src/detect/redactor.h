#ifndef WD_REDACTOR_H
#define WD_REDACTOR_H

#include "../base/buf.h"
#include "engine.h"

/*
 * Filters one text that arrives in pieces. For every way of cutting the text
 * the output is the same. Only bytes that could still become part of a finding
 * are held back: an unfinished ASCII token, digit groups with their separators,
 * what follows a rule's anchor; each with a cap. Everything else is released by
 * the feed that brought it.
 *
 * The text is matched as a reader would see it: JSON escapes in it (any depth of
 * backslashes before u00XX, n, r, t, quote, slash) are undone for matching and
 * mapped back, so that what is not redacted keeps its bytes.
 */
enum wd_redactor_mode {
    WD_REDACT_TEXT, /* prose */
    WD_REDACT_JSON, /* the text is itself JSON (tool-call arguments): a number that is redacted becomes a string */
};

struct wd_redactor;

enum wd_err wd_redactor_new(struct wd_redactor **r, const struct wd_scan *scan, enum wd_redactor_mode mode) WD_CHECK;
void wd_redactor_free(struct wd_redactor *r);

/*
 * Appends released text to out. WD_ERR_REFUSED as soon as a finding has the
 * action refuse (out then holds only what may be shown), WD_ERR_NOMEM, or
 * WD_ERR_LIMIT (out is full).
 */
enum wd_err wd_redactor_feed(struct wd_redactor *r, struct wd_span text, struct wd_buf *out) WD_CHECK;
/* The text is over: releases what is held. The redactor is then ready for a new text. */
enum wd_err wd_redactor_finish(struct wd_redactor *r, struct wd_buf *out) WD_CHECK;
/* Bytes of input that were neither released nor redacted so far. */
size_t wd_redactor_held(const struct wd_redactor *r);
/* The same as it came; valid until the next call. */
struct wd_span wd_redactor_held_text(const struct wd_redactor *r);

/*
 * A whole text at once: the same result as feed + finish. *changed tells whether
 * out differs from text; when it does not, nothing is appended to out.
 */
enum wd_err wd_redact(const struct wd_scan *scan, enum wd_redactor_mode mode, struct wd_span text, struct wd_buf *out,
                      bool *changed) WD_CHECK;

/*
 * The value of an object member: as wd_redact(), and when name is one whose value is
 * a secret by itself (password, token, ...) the value counts as assigned to it.
 */
enum wd_err wd_redact_member(const struct wd_scan *scan, struct wd_span name, struct wd_span value, struct wd_buf *out,
                             bool *changed) WD_CHECK;

#endif
