#include "cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scan_git.h"
#include "scan_report.h"
#include "scan_walk.h"

enum { SCAN_CLEAN = 0, SCAN_FINDINGS = 1, SCAN_FAILED = 2 };

static const char scan_usage[] =
    "usage: warder scan [OPTIONS] [PATH...]\n"
    "\n"
    "Looks for secrets, personal data, injection and hidden characters in files, in folders and all that is in them, and in\n"
    "standard input (\"-\", or no PATH when it is not a terminal; on a terminal no PATH is the current folder).\n"
    "In folders, links are not followed, and .git, what .gitignore files name, and binary files are left out.\n"
    "\n"
    "  --format FORMAT        text (default), json or sarif\n"
    "  --staged               what git would commit: every file of the index that differs from HEAD. PATH: one folder of the\n"
    "                         repository (default: the whole repository around the current folder)\n"
    "  --history              every file content that any commit ever added, with the first commit that did. PATH: as above\n"
    "  --no-ignore            also what .gitignore files name\n"
    "  --category LIST        only these, with commas between: secret, pii, injection, malicious\n"
    "  --rules LIST           only these rules (see warder rules list) and categories\n"
    "  --min-severity LEVEL   low, medium (default), high or critical\n"
    "  --baseline FILE        findings that FILE holds are known, and not reported\n"
    "  --write-baseline FILE  writes all findings into FILE, and exits with 0\n"
    "  --help                 this text\n"
    "\n"
    "Without --category, --rules and --min-severity, folders and git are not searched for what they are full of: mail\n"
    "addresses, phone numbers, scripts and role markers. A line with warder:allow, or warder:allow=RULE,RULE, is allowed.\n"
    "Text is one finding a line: PATH:LINE:COLUMN: severity rule (kind): how the value starts (its length).\n"
    "Exit status: 0 clean (documented examples aside), 1 findings, 2 could not run, or not look at everything.\n";

struct scan {
    enum scan_format format;
    bool staged, history, no_ignore;
    const char *baseline, *write_baseline;
    struct scan_wanted wanted;
    bool category, rules, severity; /* were given */
};

static const char *const scan_formats[SCAN_FORMATS] = { "text", "json", "sarif" };

static bool
scan_complain(const char *option, const char *value, const char *accepted)
{
    fprintf(stderr, "warder: scan: %s: unknown \"%.80s\" (accepted: %s)\n", option, value, accepted);
    return false;
}

static bool
scan_format(struct scan *s, const char *name)
{
    for (int f = 0; f < SCAN_FORMATS; f++)
        if (strcmp(name, scan_formats[f]) == 0) {
            s->format = (enum scan_format)f;
            return true;
        }
    return scan_complain("--format", name, "text, json, sarif");
}

static bool
scan_severity(struct scan *s, const char *name)
{
    s->severity = true;
    for (int level = WD_LOW; level <= WD_CRITICAL; level++)
        if (strcmp(name, wd_severity_name((enum wd_severity)level)) == 0) {
            s->wanted.least = (enum wd_severity)level;
            return true;
        }
    return scan_complain("--min-severity", name, "low, medium, high, critical");
}

static bool
scan_option(struct scan *s, int c)
{
    switch (c) {
    case 'f':
        return scan_format(s, optarg);
    case 's':
        return s->staged = true;
    case 'h':
        return s->history = true;
    case 'n':
        return s->no_ignore = true;
    case 'c':
        s->category = true;
        return select_parse(&s->wanted.category, optarg, false, "scan: --category");
    case 'r':
        s->rules = true;
        return select_parse(&s->wanted.rules, optarg, true, "scan: --rules");
    case 'm':
        return scan_severity(s, optarg);
    case 'b':
        s->baseline = optarg;
        return true;
    case 'w':
        s->write_baseline = optarg;
        return true;
    default:
        fputs("Try: warder scan --help\n", stderr);
        return false;
    }
}

/* What was not asked for in so many words. */
static bool
scan_settle(struct scan *s, int paths)
{
    for (int c = 0; c < WD_CATEGORIES; c++) {
        s->wanted.category.categories[c] |= !s->category;
        s->wanted.rules.categories[c] |= !s->rules;
    }
    s->wanted.narrow = !s->category && !s->rules && !s->severity;
    s->wanted.examples = !s->severity || s->wanted.least == WD_LOW;
    if (!s->severity)
        s->wanted.least = s->rules ? WD_LOW : WD_MEDIUM;
    if (s->staged && s->history) {
        fputs("warder: scan: --staged and --history are two runs\n", stderr);
        return false;
    }
    if ((s->staged || s->history) && paths > 1) {
        fputs("warder: scan: too many paths for git (accepted: one folder of a repository)\n", stderr);
        return false;
    }
    return true;
}

/* A path that was named: a link is followed, and what cannot be opened is told. */
static bool
scan_path(const struct scan *s, struct scan_pool *pool, const char *path)
{
    struct scan_job job = { .fd = STDIN_FILENO, .path = strdup(path) };
    struct stat st;

    if (job.path == NULL) {
        errno = ENOMEM;
        return false;
    }
    if (strcmp(path, "-") != 0)
        job.fd = open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC);
    if (job.fd == -1) {
        job.error = errno;
        job.finished = true;
    } else if (job.fd != STDIN_FILENO && fstat(job.fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        free(job.path);
        return scan_walk(pool, job.fd, path, !s->no_ignore);
    }
    errno = 0;
    return scan_pool_add(pool, &job);
}

/* False when not everything could be added. */
static bool
scan_sources(const struct scan *s, struct scan_pool *pool, char **paths)
{
    char *unnamed[] = { (char *)(isatty(STDIN_FILENO) == 1 ? "." : "-"), NULL };

    if (s->staged || s->history)
        return scan_git(pool, s->staged ? SCAN_GIT_STAGED : SCAN_GIT_HISTORY, paths[0]);
    for (paths = paths[0] != NULL ? paths : unnamed; *paths != NULL; paths++) {
        if (scan_path(s, pool, *paths))
            continue;
        if (errno == ENOMEM)
            fputs("warder: scan: out of memory\n", stderr);
        return false;
    }
    return true;
}

/* The key of fingerprints is the baseline's, when there is one. */
static bool
scan_baseline(const struct scan *s, struct scan_baseline *b)
{
    if (s->baseline != NULL && !scan_baseline_read(b, s->baseline, true))
        return false;
    if (s->write_baseline == NULL || b->has_key)
        return true;
    if (access(s->write_baseline, F_OK) == 0)
        return scan_baseline_read(b, s->write_baseline, false);
    b->has_key = getrandom(b->key, sizeof(b->key), 0) == (ssize_t)sizeof(b->key);
    if (!b->has_key)
        fputs("warder: scan: no randomness for the baseline\n", stderr);
    return b->has_key;
}

static int
scan_run(const struct scan *s, struct detector *d, struct scan_baseline *baseline, char **paths)
{
    struct scan_report report;
    struct scan_pool *pool;
    bool complete, failed;

    if (baseline->has_key)
        memcpy(d->scan.fingerprint_key, baseline->key, sizeof(baseline->key));
    scan_report_init(&report, s->format, baseline);
    report.keep = s->write_baseline != NULL;
    if (scan_pool_new(&pool, d, &s->wanted, scan_report_job, &report) != WD_OK) {
        fputs("warder: scan: out of memory\n", stderr);
        return SCAN_FAILED;
    }
    scan_report_begin(&report);
    complete = scan_sources(s, pool, paths);
    scan_pool_free(pool);
    scan_report_end(&report, complete);
    failed = !complete || report.failed || report.errors > 0;
    scan_report_deinit(&report);
    if (!failed && s->write_baseline != NULL)
        return scan_baseline_write(baseline, s->write_baseline) ? SCAN_CLEAN : SCAN_FAILED;
    return failed ? SCAN_FAILED : report.findings > 0 ? SCAN_FINDINGS : SCAN_CLEAN;
}

int
cmd_scan(int argc, char **argv)
{
    static const struct option options[] = {
        { "format", required_argument, NULL, 'f' },
        { "staged", no_argument, NULL, 's' },
        { "history", no_argument, NULL, 'h' },
        { "no-ignore", no_argument, NULL, 'n' },
        { "category", required_argument, NULL, 'c' },
        { "rules", required_argument, NULL, 'r' },
        { "min-severity", required_argument, NULL, 'm' },
        { "baseline", required_argument, NULL, 'b' },
        { "write-baseline", required_argument, NULL, 'w' },
        { "help", no_argument, NULL, '?' + 1000 },
        { NULL, 0, NULL, 0 },
    };
    struct scan *s = calloc(1, sizeof(*s));
    struct scan_baseline baseline;
    struct detector d;
    int c, status = SCAN_FAILED;

    scan_baseline_init(&baseline);
    optind = 1;
    while (s != NULL && (c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == '?' + 1000) {
            status = fputs(scan_usage, stdout) < 0 || fflush(stdout) != 0 ? SCAN_FAILED : SCAN_CLEAN;
            goto done;
        }
        if (!scan_option(s, c))
            goto done;
    }
    if (s != NULL && scan_settle(s, argc - optind) && scan_baseline(s, &baseline) && detector_init(&d, "scan")) {
        status = scan_run(s, &d, &baseline, argv + optind);
        detector_deinit(&d);
    }

done:
    scan_baseline_deinit(&baseline);
    free(s);
    return status;
}
