#include "scan_report.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <unistd.h>

#include "scan_escape.h"

/* SHORT_COMMIT: as many digits of a commit as people read. */
enum { REPORT_SHORT_COMMIT = 12, REPORT_LINE_MAX = 64 << 20 };

void
scan_report_init(struct scan_report *r, enum scan_format format, struct scan_baseline *baseline)
{
    *r = (struct scan_report){ .format = format, .baseline = baseline };
    wd_buf_init(&r->line, REPORT_LINE_MAX);
    r->progress = isatty(STDERR_FILENO) == 1;
    r->started = r->shown = time(NULL);
}

void
scan_report_deinit(struct scan_report *r)
{
    wd_buf_deinit(&r->line);
}

/* What stands in r->line goes out. */
static void
report_write(struct scan_report *r, enum wd_err err)
{
    if (err != WD_OK) {
        if (!r->failed)
            fputs("warder: scan: out of memory\n", stderr);
        r->failed = true;
    } else if (r->line.len > 0 && fwrite(r->line.ptr, 1, r->line.len, stdout) != r->line.len) {
        /* Whoever read has seen enough: nothing to say. */
        if (!r->failed && errno != EPIPE)
            fprintf(stderr, "warder: scan: standard output: %s\n", strerror(errno));
        r->failed = true;
    }
    wd_buf_clear(&r->line);
}

static void
report_clear_progress(const struct scan_report *r)
{
    if (r->progress && r->shown != r->started)
        fputs("\r\033[K", stderr);
}

static void
report_progress(struct scan_report *r)
{
    time_t now = time(NULL);

    if (!r->progress || now == r->shown || now < r->started + 2)
        return;
    r->shown = now;
    fprintf(stderr, "\r\033[Kwarder: scan: %" PRIu64 " files, %" PRIu64 " MB", r->files, r->bytes / 1000000);
    fflush(stderr);
}

/* [COMMIT:]PATH: as it can be given to git show. */
static enum wd_err
report_where(struct wd_buf *out, const struct scan_job *job)
{
    enum wd_err err = WD_OK;

    if (job->commit[0] != '\0')
        err = wd_buf_printf(out, "%.*s:", REPORT_SHORT_COMMIT, job->commit);
    return err == WD_OK ? scan_escape_terminal(out, wd_span_str(job->path)) : err;
}

static enum wd_err
report_text(struct wd_buf *out, const struct scan_job *job, const struct scan_finding *f)
{
    enum wd_err err = report_where(out, job);

    if (err == WD_OK)
        err = wd_buf_printf(out, ":%" PRIu64 ":%" PRIu64 ": %s %s (%s%s): ", f->start.line, f->start.column,
                            wd_severity_name(f->severity), f->rule->id, f->rule->kind, f->example ? ", example" : "");
    if (err == WD_OK)
        err = scan_escape_terminal(out, wd_span(f->preview, f->preview_len));
    return err == WD_OK ? wd_buf_printf(out, "*** (%" PRIu64 " %s)\n", f->length, f->length == 1 ? "character" : "characters")
                        : err;
}

static enum wd_err
report_json(struct wd_buf *out, const struct scan_job *job, const struct scan_finding *f, bool first)
{
    char hex[2 * WD_FINGERPRINT_BYTES + 1];
    enum wd_err err = wd_buf_add_str(out, first ? "\n{\"path\":" : ",\n{\"path\":");

    if (err == WD_OK)
        err = scan_escape_json(out, wd_span_str(job->path));
    if (err == WD_OK && job->commit[0] != '\0')
        err = wd_buf_printf(out, ",\"commit\":\"%s\"", job->commit);
    sodium_bin2hex(hex, sizeof(hex), f->fingerprint, WD_FINGERPRINT_BYTES);
    if (err == WD_OK)
        err = wd_buf_printf(out,
                            ",\"line\":%" PRIu64 ",\"column\":%" PRIu64 ",\"end_line\":%" PRIu64 ",\"end_column\":%" PRIu64
                            ",\"rule\":\"%s\",\"category\":\"%s\",\"kind\":\"%s\",\"severity\":\"%s\",\"fingerprint\":\"%s\"}",
                            f->start.line, f->start.column, f->end.line, f->end.column, f->rule->id,
                            wd_category_name((enum wd_category)f->rule->category), f->rule->kind, wd_severity_name(f->severity),
                            hex);
    return err;
}

void
scan_report_begin(struct scan_report *r)
{
    enum wd_err err = WD_OK;

    if (r->format == SCAN_JSON)
        err = wd_buf_add_str(&r->line, "{\"findings\":[");
    else if (r->format == SCAN_SARIF)
        err = scan_sarif_begin(r);
    report_write(r, err);
}

static void
report_finding(struct scan_report *r, const struct scan_job *job, const struct scan_finding *f)
{
    bool first = r->findings + r->examples == 0;
    enum wd_err err = WD_OK;

    if (r->keep && !f->example)
        err = scan_baseline_add(r->baseline, job->path, f);
    if (err == WD_OK && scan_baseline_knows(r->baseline, f)) {
        r->known++;
        return;
    }
    if (err == WD_OK && r->format == SCAN_TEXT)
        err = report_text(&r->line, job, f);
    else if (err == WD_OK && r->format == SCAN_JSON)
        err = report_json(&r->line, job, f, first);
    else if (err == WD_OK)
        err = scan_sarif_finding(r, job, f, first);
    if (f->example)
        r->examples++;
    else
        r->findings++;
    report_write(r, err);
}

/* "warder: scan: PATH: what" on stderr. */
static void
report_say(struct scan_report *r, const struct scan_job *job, const char *what)
{
    wd_buf_clear(&r->line);
    fflush(stdout);
    report_clear_progress(r);
    if (report_where(&r->line, job) == WD_OK)
        fprintf(stderr, "warder: scan: %.*s: %s\n", (int)r->line.len, r->line.ptr, what);
    wd_buf_clear(&r->line);
}

bool
scan_report_job(void *report, struct scan_job *job)
{
    struct scan_report *r = report;
    const struct scan_found *found = &job->found;
    char more[64];

    /* What a folder does not hold any more, or holds a link for, is none of its files. */
    if (job->error != 0 && job->tree && !job->finished && (job->error == ENOENT || job->error == ELOOP))
        return true;
    if (found->count > 0)
        report_clear_progress(r);
    for (uint32_t i = 0; i < found->count && !r->failed; i++)
        report_finding(r, job, &found->items[i]);
    r->allowed += found->allowed;
    r->usual += found->usual;
    if (found->more > 0) {
        r->findings += found->more;
        snprintf(more, sizeof(more), "%" PRIu64 " more findings", found->more);
        report_say(r, job, more);
    }
    if (job->error != 0) {
        r->errors++;
        report_say(r, job, job->error == ELOOP ? "too many folders in each other" : strerror(job->error));
    } else if (found->binary) {
        r->binary++;
        if (!job->tree)
            report_say(r, job, "is no text and was not scanned");
    } else {
        r->files++;
        r->bytes += found->bytes;
    }
    report_progress(r);
    return !r->failed;
}

static void
report_count(uint64_t n, const char *one, const char *many)
{
    if (n > 0)
        fprintf(stderr, ", %" PRIu64 " %s", n, n == 1 ? one : many);
}

static void
report_summary(const struct scan_report *r, bool complete)
{
    report_clear_progress(r);
    if (!complete && r->files + r->binary + r->errors == 0)
        return; /* why has been said */
    fprintf(stderr, "warder: scan: %" PRIu64 " finding%s in %" PRIu64 " file%s (%" PRIu64 " bytes)", r->findings,
            r->findings == 1 ? "" : "s", r->files, r->files == 1 ? "" : "s", r->bytes);
    report_count(r->examples, "documented example", "documented examples");
    report_count(r->known, "known by the baseline", "known by the baseline");
    report_count(r->allowed, "allowed by a comment", "allowed by a comment");
    report_count(r->binary, "binary file left out", "binary files left out");
    report_count(r->errors, "could not be read", "could not be read");
    fputs(complete && r->errors == 0 ? "\n" : "; NOT everything was looked at\n", stderr);
    if (r->usual > 0)
        fprintf(stderr,
                "warder: scan: not shown: %" PRIu64
                " of kinds that folders are full of (mail addresses, phone numbers, scripts); "
                "--min-severity medium shows them\n",
                r->usual);
}

void
scan_report_end(struct scan_report *r, bool complete)
{
    enum wd_err err = WD_OK;

    if (r->format == SCAN_JSON)
        err = wd_buf_printf(&r->line, "%s],\"files\":%" PRIu64 ",\"bytes\":%" PRIu64 "}\n",
                            r->findings + r->examples > 0 ? "\n" : "", r->files, r->bytes);
    else if (r->format == SCAN_SARIF)
        err = scan_sarif_end(r, complete && r->errors == 0);
    report_write(r, err);
    if (fflush(stdout) != 0 && !r->failed) {
        if (errno != EPIPE)
            fprintf(stderr, "warder: scan: standard output: %s\n", strerror(errno));
        r->failed = true;
    }
    report_summary(r, complete);
}
