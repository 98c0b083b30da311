#ifndef WD_SCAN_REPORT_H
#define WD_SCAN_REPORT_H

#include <time.h>

#include "scan_baseline.h"
#include "scan_pool.h"

enum scan_format { SCAN_TEXT, SCAN_JSON, SCAN_SARIF, SCAN_FORMATS };

/* What is printed, and what is counted for the summary. */
struct scan_report {
    enum scan_format format;
    struct scan_baseline *baseline;
    bool keep; /* for --write-baseline */
    struct wd_buf line;
    uint64_t files, bytes, binary, errors;
    uint64_t findings, examples, known, allowed, usual;
    bool failed;   /* standard output does not take more, or memory is out */
    bool progress; /* stderr is a terminal */
    time_t started, shown;
};

void scan_report_init(struct scan_report *r, enum scan_format format, struct scan_baseline *baseline);
void scan_report_deinit(struct scan_report *r);
void scan_report_begin(struct scan_report *r);
/* The results of one job; false when there is no use in more. Of type scan_emit_fn. */
bool scan_report_job(void *report, struct scan_job *job);
/* complete: everything that was asked for was looked at. */
void scan_report_end(struct scan_report *r, bool complete);

/* scan_sarif.c: the same for SARIF 2.1.0; what is appended to r->line. */
enum wd_err scan_sarif_begin(struct scan_report *r) WD_CHECK;
enum wd_err scan_sarif_finding(struct scan_report *r, const struct scan_job *job, const struct scan_finding *f,
                               bool first) WD_CHECK;
enum wd_err scan_sarif_end(struct scan_report *r, bool complete) WD_CHECK;

#endif
