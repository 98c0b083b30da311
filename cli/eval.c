#include "cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../src/base/json.h"
#include "../src/detect/injection/injection.h"
#include "../src/detect/redactor.h"
#include "detector.h"

/* Bounds: a line of input, the findings that are printed of one. */
enum { EVAL_LINE_MAX = 128 << 20, EVAL_ISSUES_MAX = 1000, EVAL_READ = 1 << 20 };

static const char eval_usage[] =
    "usage: warder eval [--scores] [FILE]\n"
    "\n"
    "Reads JSON Lines, objects with \"input\" (what a user or a document says) and/or \"output\" (what a model answers), from\n"
    "FILE or standard input, and prints for each line, in the same order, what the detectors find in it:\n"
    "\n"
    "  {\"id\",\"score\",\"severity\",\"issues\":[{\"rule\",\"category\",\"kind\",\"severity\",\"direction\"}]}\n"
    "\n"
    "\"role\" says whose text the input is: user (default), document (also tool results) or system; injection is never looked\n"
    "for in system text. \"id\" comes back as it was sent. score is 1 for a clean exchange and 0 for one with a critical "
    "finding.\n"
    "A line that cannot be read gives {\"error\"} in its place, and exit status 2 at the end; otherwise 0, whatever is found.\n"
    "\n"
    "  --scores   also \"injection_score\", 0 to 1: how sure the injection detector is; a finding begins at 0.5\n"
    "  --help     this text\n";

struct eval {
    struct detector d;
    struct wd_arena arena;
    struct wd_buf issues, redacted, out;
    uint32_t count;
    enum wd_err err; /* of writing an issue */
    bool scores;
    double score;    /* of injection in the line at hand */
    uint64_t line;   /* its number */
    uint64_t unread; /* lines that could not be read, the first of them, and why */
    uint64_t first;
    const char *why;
};

static void
eval_on_finding(void *ctx, const struct wd_rule *rule, uint64_t start, uint64_t end)
{
    struct eval *e = ctx;

    if (e->err != WD_OK || ++e->count > EVAL_ISSUES_MAX)
        return;
    e->err = wd_buf_printf(
        &e->issues, "%s{\"rule\":\"%s\",\"category\":\"%s\",\"kind\":\"%s\",\"severity\":\"%s\",\"direction\":\"%s\"}",
        e->count > 1 ? "," : "", rule->id, wd_category_name((enum wd_category)rule->category), rule->kind,
        wd_severity_name((enum wd_severity)rule->severity), e->d.scan.direction == WD_INPUT ? "input" : "output");
}

static enum wd_err
eval_text(struct eval *e, enum wd_direction direction, bool system, struct wd_span text)
{
    bool changed;

    e->d.scan.direction = direction;
    e->d.scan.actions[WD_INJECTION] = system ? WD_OFF : WD_REDACT;
    wd_buf_clear(&e->redacted);
    return wd_redact(&e->d.scan, WD_REDACT_TEXT, text, &e->redacted, &changed);
}

/* Injection is looked for in the text as a whole. The system role has none. */
static enum wd_err
eval_injection(struct eval *e, struct wd_span role, struct wd_span text)
{
    uint8_t fingerprint[WD_FINGERPRINT_BYTES];
    struct wd_injection_result r;
    enum wd_err err;

    if (text.len == 0 || wd_span_eq(role, WD_SPAN("system")))
        return WD_OK;
    err = wd_injection_scan(&e->d.scan, wd_span_eq(role, WD_SPAN("document")) ? WD_INJECTION_DOCUMENT : WD_INJECTION_USER,
                            &WD_INJECTION_THRESHOLDS, text, &r);
    e->score = err == WD_OK ? r.score : 0;
    if (err != WD_OK || r.rule == NULL)
        return err;
    e->d.scan.direction = WD_INPUT;
    wd_scan_fingerprint(&e->d.scan, r.rule, wd_span(text.ptr + r.start, r.end - r.start), fingerprint);
    wd_findings_add(&e->d.findings, r.rule, WD_INPUT, WD_REDACT, fingerprint);
    eval_on_finding(e, r.rule, r.start, r.end);
    return WD_OK;
}

/* The member of that name: an empty span when it is missing. False when it is no string. */
static bool
eval_member(struct eval *e, const struct wd_json *doc, const char *name, struct wd_span *text, uint32_t *node)
{
    *node = wd_json_get(doc, 0, name);
    *text = wd_span("", 0);
    if (*node == 0)
        return true;
    if (wd_json_type(doc, *node) != WD_JSON_STRING)
        return false;
    *text = wd_json_string(doc, *node, &e->arena);
    return text->ptr != NULL;
}

/* Reads the line and evaluates it. What is wrong with it, or NULL. */
static const char *
eval_read(struct eval *e, struct wd_span line, struct wd_span *id)
{
    struct wd_json doc;
    struct wd_json_error error;
    struct wd_span input, output, role;
    uint32_t input_node, output_node, node;

    if (wd_json_parse(&doc, line, &e->arena, WD_JSON_LIMITS, &error) != WD_OK)
        return error.what;
    if (wd_json_type(&doc, 0) != WD_JSON_OBJECT)
        return "not an object";
    node = wd_json_get(&doc, 0, "id");
    if (node != 0)
        *id = wd_json_raw(&doc, node);
    if (!eval_member(e, &doc, "input", &input, &input_node) || !eval_member(e, &doc, "output", &output, &output_node))
        return "input and output must be strings";
    if (input_node == 0 && output_node == 0)
        return "neither input nor output";
    if (!eval_member(e, &doc, "role", &role, &node))
        return "role must be a string";
    if (node != 0 && !wd_span_eq(role, WD_SPAN("user")) && !wd_span_eq(role, WD_SPAN("document")) &&
        !wd_span_eq(role, WD_SPAN("system")))
        return "unknown role (accepted: user, document, system)";
    if (eval_text(e, WD_INPUT, wd_span_eq(role, WD_SPAN("system")), input) != WD_OK || eval_injection(e, role, input) != WD_OK ||
        eval_text(e, WD_OUTPUT, false, output) != WD_OK || e->err != WD_OK)
        return "out of memory";
    return NULL;
}

static void
eval_count_unread(struct eval *e, const char *why)
{
    if (e->unread++ > 0)
        return;
    e->first = e->line;
    e->why = why;
}

static enum wd_err
eval_line(struct eval *e, struct wd_span line)
{
    struct wd_span id = WD_SPAN("null");
    const char *wrong;
    enum wd_err err;

    e->d.findings = (struct wd_findings){ 0 };
    e->count = 0;
    e->score = 0;
    wd_buf_clear(&e->issues);
    wrong = eval_read(e, line, &id);
    if ((err = wd_buf_add_str(&e->out, "{\"id\":")) != WD_OK || (err = wd_buf_add(&e->out, id)) != WD_OK)
        return err;
    if (wrong != NULL) {
        eval_count_unread(e, wrong);
        return wd_buf_printf(&e->out, ",\"error\":\"%s\"}\n", wrong);
    }
    err = wd_buf_printf(&e->out, ",\"score\":%.6g,\"severity\":\"%s\",\"issues\":[", wd_findings_score(&e->d.findings),
                        e->d.findings.count > 0 ? wd_severity_name(e->d.findings.worst) : "none");
    if (err == WD_OK)
        err = wd_buf_add(&e->out, wd_buf_span(&e->issues));
    if (err == WD_OK && e->scores)
        err = wd_buf_printf(&e->out, "],\"injection_score\":%.6g}\n", e->score);
    else if (err == WD_OK)
        err = wd_buf_add_str(&e->out, "]}\n");
    return err;
}

/* One line, without its line break, and its answer. What went wrong, or NULL. */
static const char *
eval_answer(struct eval *e, struct wd_span line, bool too_long)
{
    enum wd_err err;

    e->line++;
    if (line.len == 0 && !too_long)
        return NULL;
    wd_buf_clear(&e->out);
    if (too_long) {
        eval_count_unread(e, "longer than 128 MiB");
        err = wd_buf_add_str(&e->out, "{\"id\":null,\"error\":\"longer than 128 MiB\"}\n");
    } else {
        err = eval_line(e, line);
    }
    wd_arena_reset(&e->arena);
    if (err != WD_OK)
        return "out of memory";
    return fwrite(e->out.ptr, 1, e->out.len, stdout) == e->out.len ? NULL : strerror(errno);
}

/*
 * Every line of the file. Before it waits for more, all answers so far are out. What went wrong, or NULL.
 */
static const char *
eval_file(struct eval *e, int fd, struct wd_buf *in)
{
    const char *wrong = NULL, *newline;
    bool too_long = false;
    size_t start, from = 0;
    ssize_t n = 1;

    while (wrong == NULL && n != 0) {
        if (fflush(stdout) != 0)
            return strerror(errno);
        if (wd_buf_reserve(in, EVAL_READ) != WD_OK)
            return "out of memory";
        n = read(fd, in->ptr + in->len, EVAL_READ);
        if (n < 0 && errno != EINTR)
            return strerror(errno);
        in->len += n > 0 ? (size_t)n : 0;
        for (start = 0; wrong == NULL && (newline = memchr(in->ptr + from, '\n', in->len - from)) != NULL; start = from) {
            from = (size_t)(newline + 1 - in->ptr);
            wrong = eval_answer(e, wd_span(in->ptr + start, from - 1 - start), too_long);
            too_long = false;
        }
        wd_buf_drop(in, start);
        if (in->len > EVAL_LINE_MAX) {
            too_long = true;
            wd_buf_clear(in);
        }
        from = in->len;
    }
    if (wrong == NULL && (in->len > 0 || too_long))
        wrong = eval_answer(e, wd_buf_span(in), too_long);
    if (wrong == NULL && fflush(stdout) != 0)
        wrong = strerror(errno);
    return wrong;
}

static int
eval_run(int fd, const char *name, bool scores)
{
    struct eval e = { .err = WD_OK, .scores = scores };
    struct wd_buf in;
    const char *wrong;

    if (!detector_init(&e.d, "eval"))
        return 2;
    for (int c = 0; c < WD_CATEGORIES; c++)
        e.d.scan.actions[c] = WD_REDACT;
    e.d.scan.observe = eval_on_finding;
    e.d.scan.observe_ctx = &e;
    wd_arena_init(&e.arena, (size_t)8 * EVAL_LINE_MAX);
    wd_buf_init(&e.issues, 1 << 20);
    wd_buf_init(&e.redacted, SIZE_MAX / 4);
    wd_buf_init(&e.out, EVAL_LINE_MAX + (2 << 20)); /* an id is as long as it likes */
    wd_buf_init(&in, EVAL_LINE_MAX + 2 * EVAL_READ);
    wrong = eval_file(&e, fd, &in);
    if (wrong != NULL)
        fprintf(stderr, "warder: eval: %s\n", wrong);
    if (e.unread > 0)
        fprintf(stderr, "warder: eval: %s:%" PRIu64 ": %s%s\n", name, e.first, e.why,
                e.unread > 1 ? ", and more lines that could not be read" : "");
    wd_buf_wipe(&in);
    wd_buf_wipe(&e.redacted);
    wd_buf_deinit(&e.issues);
    wd_buf_deinit(&e.out);
    wd_arena_deinit(&e.arena);
    detector_deinit(&e.d);
    return wrong != NULL || e.unread > 0 ? 2 : 0;
}

int
cmd_eval(int argc, char **argv)
{
    static const struct option options[] = { { "scores", no_argument, NULL, 's' },
                                             { "help", no_argument, NULL, 'h' },
                                             { NULL, 0, NULL, 0 } };
    const char *name = "standard input";
    bool scores = false;
    int fd = STDIN_FILENO, c, status;

    optind = 1;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 's') {
            scores = true;
            continue;
        }
        fputs(eval_usage, c == 'h' ? stdout : stderr);
        return c == 'h' ? 0 : 2;
    }
    if (optind + 1 < argc) {
        fprintf(stderr, "warder: eval: unexpected \"%s\"\n%s", argv[optind + 1], eval_usage);
        return 2;
    }
    if (optind < argc && strcmp(argv[optind], "-") != 0) {
        name = argv[optind];
        fd = open(name, O_RDONLY | O_CLOEXEC);
    }
    if (fd == -1) {
        fprintf(stderr, "warder: eval: %s: %s\n", name, strerror(errno));
        return 2;
    }
    status = eval_run(fd, name, scores);
    if (fd != STDIN_FILENO)
        close(fd);
    return status;
}
