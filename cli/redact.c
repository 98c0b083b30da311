#include "cmd.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../src/detect/redactor.h"
#include "detector.h"
#include "select.h"

enum { REDACT_OK = 0, REDACT_FAILED = 2, REDACT_READ = 65536 };

static const char redact_usage[] =
    "usage: warder redact [--rules LIST]\n"
    "\n"
    "Copies standard input to standard output and replaces what is sensitive by [REDACTED].\n"
    "Text leaves as soon as it can no longer become part of a finding.\n"
    "\n"
    "  --rules LIST   categories (secret, pii, injection, malicious) and rules of warder rules list, with commas\n"
    "                 between (default: all)\n"
    "  --help         this text\n";

static bool
redact_write(const struct wd_buf *out)
{
    size_t done = 0;
    ssize_t n;

    while (done < out->len) {
        n = write(STDOUT_FILENO, out->ptr + done, out->len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

/* Standard input to standard output. The reason of a failure, NULL when there is none. */
static const char *
redact_copy(struct wd_redactor *r, struct wd_buf *out)
{
    char in[REDACT_READ];
    enum wd_err err;
    ssize_t n;

    do {
        n = read(STDIN_FILENO, in, sizeof(in));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return "standard input";
        err = n > 0 ? wd_redactor_feed(r, wd_span(in, (size_t)n), out) : wd_redactor_finish(r, out);
        if (err != WD_OK) {
            errno = ENOMEM;
            return "redactor";
        }
        if (!redact_write(out))
            return "standard output";
        wd_buf_clear(out);
    } while (n != 0);
    return NULL;
}

static int
redact_run(struct detector *d)
{
    struct wd_redactor *r = NULL;
    struct wd_buf out;
    const char *what = "redactor";
    int status = REDACT_FAILED;

    wd_buf_init(&out, SIZE_MAX / 4);
    errno = ENOMEM;
    if (wd_redactor_new(&r, &d->scan, WD_REDACT_TEXT) == WD_OK)
        what = redact_copy(r, &out);
    if (what == NULL)
        status = REDACT_OK;
    /* Whoever read has seen enough: nothing to say. */
    else if (errno != EPIPE)
        fprintf(stderr, "warder: redact: %s: %s\n", what, strerror(errno));
    wd_redactor_free(r);
    wd_buf_wipe(&out);
    return status;
}

static bool
redact_wants(const void *chosen, const struct wd_rule *rule)
{
    return select_wants(chosen, rule);
}

int
cmd_redact(int argc, char **argv)
{
    static const struct option options[] = {
        { "rules", required_argument, NULL, 'r' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    struct select chosen = { 0 };
    struct detector d;
    const char *list = "secret,pii,injection,malicious";
    int c, status;

    optind = 1;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'h')
            return fputs(redact_usage, stdout) < 0 ? REDACT_FAILED : REDACT_OK;
        if (c != 'r') {
            fputs(redact_usage, stderr);
            return REDACT_FAILED;
        }
        list = optarg;
    }
    if (optind < argc) {
        fprintf(stderr, "warder: redact: unexpected \"%s\"\n%s", argv[optind], redact_usage);
        return REDACT_FAILED;
    }
    if (!select_parse(&chosen, list, true, "redact: --rules") || !detector_init(&d, "redact"))
        return REDACT_FAILED;
    d.scan.direction = WD_OUTPUT;
    for (c = 0; c < WD_CATEGORIES; c++)
        d.scan.actions[c] = WD_REDACT;
    d.scan.wanted = redact_wants;
    d.scan.wanted_ctx = &chosen;
    signal(SIGPIPE, SIG_IGN);
    status = redact_run(&d);
    detector_deinit(&d);
    return status;
}
