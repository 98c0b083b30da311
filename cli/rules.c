#include "cmd.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../src/detect/secret/validate.h"
#include "rules_example.h"
#include "scan_escape.h"

enum { RULES_OK = 0, RULES_MISSED = 1, RULES_FAILED = 2, RULES_TEXT_MAX = 64 << 20 };

static const char rules_usage[] =
    "usage: warder rules list [--format text|json]\n"
    "       warder rules test RULE [TEXT]\n"
    "       warder rules explain RULE\n"
    "\n"
    "  list      every rule: its name, category, kind and severity\n"
    "  test      what RULE finds in TEXT, or in standard input; when it finds nothing, what the other rules find.\n"
    "            Exit status: 0 the rule finds something, 1 it does not, 2 could not run\n"
    "  explain   what RULE looks for, and how it decides\n"
    "  --help    this text\n";

/* What a rule works with that is not the library's. */
struct rules {
    struct detector d;
    struct scan_wanted wanted;
    struct scan_text *text;
    struct wd_buf buf;
};

static const struct {
    bool (*valid)(struct wd_span value, unsigned form);
    const char *words;
} rules_checks[] = {
    { wd_valid_key, "looks generated: a digit or both letter cases, and not a row of the same few characters" },
    { wd_valid_openai_key, "looks generated, is no other provider's key and no row of words with dashes" },
    { wd_valid_aws_secret, "has the length and the characters of such a key, and looks generated" },
    { wd_valid_assigned, "no placeholder, variable, call, path or sentence; has a digit or a special character" },
    { wd_valid_password,
      "no placeholder, variable, call, path or sentence; a word of letters only when it is quoted or joined by =" },
};

static const char *const rules_shapes[] = {
    [WD_SHAPE_RUN] = "what the pattern matches, and all that follows of the same characters",
    [WD_SHAPE_MATCH] = "what the pattern matches",
    [WD_SHAPE_LINK] = "what the pattern matches, when something follows",
    [WD_SHAPE_TAG] = "to the end of the tag",
    [WD_SHAPE_JWT] = "three parts of base64url with dots between",
    [WD_SHAPE_PEM] = "to the END line of the block",
    [WD_SHAPE_ASSIGNED] = "the value that is assigned to the name",
    [WD_SHAPE_EMAIL] = "the whole address",
    [WD_SHAPE_CARD] = "13 to 19 digits, also in groups, of an issuer that exists, with their check digit",
    [WD_SHAPE_WORD] = "what the pattern matches, within one word",
    [WD_SHAPE_HANDLER] = "the script that is assigned to the attribute",
    [WD_SHAPE_HIDDEN] = "all hidden characters in a row",
    [WD_SHAPE_URL] = "the password, or the key, before the host of the URL",
    [WD_SHAPE_BARE] = "a word of 15 characters or more that looks drawn by lot, behind words that call it a secret",
    [WD_SHAPE_MASK] = "the longest of the forms that fits",
    [WD_SHAPE_IBAN] = "the whole number, also in groups of four, by the length of its country and its check digits (mod 97)",
    [WD_SHAPE_IPV4] = "the whole address, unless it names nobody: loopback, documentation, link-local, well-known resolvers",
    [WD_SHAPE_IPV6] = "the whole address, unless it names nobody: loopback, documentation, link-local, well-known resolvers",
    [WD_SHAPE_PHONE] = "the whole number with its separators and extension",
    [WD_SHAPE_DATE] = "the whole date",
    [WD_SHAPE_POSTAL] = "from the house or the street to the postal code",
    [WD_SHAPE_PHRASE] = "a whole text is read, in every reading: decoded, without hidden characters, look-alikes undone",
    [WD_SHAPE_OWN] = "known by its bytes",
};

static bool
rules_init(struct rules *r)
{
    *r = (struct rules){ .wanted = { .least = WD_LOW, .examples = true } };
    wd_buf_init(&r->buf, RULES_TEXT_MAX);
    for (int c = 0; c < WD_CATEGORIES; c++)
        r->wanted.category.categories[c] = r->wanted.rules.categories[c] = true;
    if (!detector_init(&r->d, "rules"))
        return false;
    if (scan_text_new(&r->text, &r->d, &r->wanted) == WD_OK)
        return true;
    fputs("warder: rules: out of memory\n", stderr);
    detector_deinit(&r->d);
    return false;
}

static void
rules_deinit(struct rules *r)
{
    scan_text_free(r->text);
    detector_deinit(&r->d);
    wd_buf_wipe(&r->buf);
}

static int
rules_flushed(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    if (errno != EPIPE)
        fprintf(stderr, "warder: rules: standard output: %s\n", strerror(errno));
    return RULES_FAILED;
}

static void
rules_print_json(const char *name, const char *value)
{
    struct wd_buf buf;

    wd_buf_init(&buf, 1 << 20);
    if (value == NULL)
        printf(",\"%s\":null", name);
    else if (scan_escape_json(&buf, wd_span_str(value)) == WD_OK)
        printf(",\"%s\":%.*s", name, (int)buf.len, buf.ptr);
    wd_buf_deinit(&buf);
}

static int
rules_list(bool json)
{
    const struct wd_rule *rule;

    if (json)
        fputs("{\"rules\":[", stdout);
    for (size_t i = 0; (rule = wd_rule_listed(i)) != NULL; i++) {
        const char *category = wd_category_name((enum wd_category)rule->category);
        const char *severity = wd_severity_name((enum wd_severity)rule->severity);

        if (!json) {
            printf("%-32s %-10s %-16s %s\n", rule->id, category, rule->kind, severity);
            continue;
        }
        printf("%s\n{\"id\":\"%s\",\"category\":\"%s\",\"kind\":\"%s\",\"severity\":\"%s\",\"directions\":[%s%s%s]",
               i > 0 ? "," : "", rule->id, category, rule->kind, severity, (rule->directions & WD_INPUT) != 0 ? "\"input\"" : "",
               rule->directions == (WD_INPUT | WD_OUTPUT) ? "," : "", (rule->directions & WD_OUTPUT) != 0 ? "\"output\"" : "");
        rules_print_json("pattern", rule->pattern);
        rules_print_json("context", rule->context);
        rules_print_json("stop", rule->stop);
        rules_print_json("source", rule->source);
        putchar('}');
    }
    if (json)
        fputs("\n]}\n", stdout);
    return rules_flushed(RULES_OK);
}

static const char *
rules_check_words(const struct wd_rule *rule)
{
    if (rule->valid == NULL)
        return rule->shape == WD_SHAPE_CARD ? "issuer and check digit (ISO/IEC 7812-1)" : "none: the form says it";
    for (size_t i = 0; i < sizeof(rules_checks) / sizeof(rules_checks[0]); i++)
        if (rules_checks[i].valid == rule->valid)
            return rules_checks[i].words;
    return "of its own, such as check digits or what its parts may be";
}

/* "a|b" as "a, b". */
static void
rules_print_words(const char *label, const char *words, const char *behind)
{
    if (words == NULL)
        return;
    printf("%-11s", label);
    for (; *words != '\0'; words++)
        if (*words == '|')
            fputs(", ", stdout);
        else
            putchar(*words);
    printf("%s\n", behind);
}

static void
rules_print_length(const struct wd_rule *rule)
{
    if (rule->min > 0 && rule->min == rule->max)
        printf("%-11s%u characters\n", "length", rule->min);
    else if (rule->min > 0 && rule->max > 0)
        printf("%-11s%u to %u characters\n", "length", rule->min, rule->max);
    else if (rule->min > 0)
        printf("%-11sfrom %u characters\n", "length", rule->min);
}

static int
rules_explain(struct rules *r, const struct wd_rule *rule)
{
    struct wd_buf shown;
    char behind[64];

    printf("%-11s%s\n%-11s%s\n%-11s%s\n%-11s%s\n", "rule", rule->id, "category",
           wd_category_name((enum wd_category)rule->category), "kind", rule->kind, "severity",
           wd_severity_name((enum wd_severity)rule->severity));
    printf("%-11s%s\n", "looked for",
           rule->directions == (WD_INPUT | WD_OUTPUT) ? "in what is asked and what is answered"
           : rule->directions == WD_INPUT             ? "in what is asked"
                                                      : "in what is answered");
    printf("%-11s%s\n", "pattern",
           rule->pattern == NULL      ? "none: words are looked at one by one"
           : rule->pattern[0] == '\0' ? "none: a linear model weighs the words of a text (docs/injection-training.md)"
                                      : rule->pattern);
    if (rule->mask != NULL)
        printf("%-11s%s (# a digit, @ a letter, * either, ? a separator)\n", "forms", rule->mask);
    if (rule->shape < sizeof(rules_shapes) / sizeof(rules_shapes[0]) && rules_shapes[rule->shape] != NULL)
        printf("%-11s%s\n", "reach", rules_shapes[rule->shape]);
    rules_print_length(rule);
    printf("%-11s%s\n", "check", rules_check_words(rule));
    snprintf(behind, sizeof(behind), ": one of them in the %d characters before", rule->reach > 0 ? rule->reach : WD_CONTEXT_MAX);
    rules_print_words("context", rule->context, behind);
    rules_print_words("with", rule->with, ": only a value that holds one of them is one");
    rules_print_words("stop", rule->stop, ": a value that holds one of them is none");
    printf("%-11s%s\n", "source", rule->source != NULL ? rule->source : "common knowledge");
    wd_buf_init(&shown, RULES_TEXT_MAX);
    if (rules_example(rule, r->text, &r->buf) && scan_escape_terminal(&shown, wd_buf_span(&r->buf)) == WD_OK)
        printf("%-11s%.*s (made up)\n", "example", (int)shown.len, shown.ptr);
    wd_buf_deinit(&shown);
    return rules_flushed(RULES_OK);
}

static bool
rules_read(struct rules *r, const char *text)
{
    ssize_t n = 1;

    if (text != NULL)
        return wd_buf_add_str(&r->buf, text) == WD_OK;
    while (n > 0) {
        if (wd_buf_reserve(&r->buf, 65536) != WD_OK) {
            fprintf(stderr, "warder: rules test: standard input is too long (accepted: up to %d MiB)\n", RULES_TEXT_MAX >> 20);
            return false;
        }
        n = read(STDIN_FILENO, r->buf.ptr + r->buf.len, 65536);
        if (n < 0 && errno == EINTR)
            n = 1;
        else if (n < 0)
            fprintf(stderr, "warder: rules test: standard input: %s\n", strerror(errno));
        else
            r->buf.len += (size_t)n;
    }
    return n == 0;
}

static int
rules_test(struct rules *r, const struct wd_rule *rule, const char *text)
{
    struct scan_found found;
    bool hit = false;

    if (!rules_read(r, text))
        return RULES_FAILED;
    if (!rules_find(r->text, wd_buf_span(&r->buf), &found)) {
        fputs("warder: rules: out of memory\n", stderr);
        return RULES_FAILED;
    }
    for (uint32_t i = 0; i < found.count; i++)
        hit |= found.items[i].rule == rule;
    if (found.binary)
        fputs("warder: rules test: this is no text\n", stderr);
    else if (!hit)
        printf("%s finds nothing\n", rule->id);
    for (uint32_t i = 0; i < found.count; i++) {
        const struct scan_finding *f = &found.items[i];

        if (!hit || f->rule == rule)
            printf("%s finds %" PRIu64 ":%" PRIu64 " to %" PRIu64 ":%" PRIu64 "%s\n", f->rule->id, f->start.line, f->start.column,
                   f->end.line, f->end.column, f->example ? ", a documented example" : "");
    }
    free(found.items);
    return rules_flushed(hit ? RULES_OK : RULES_MISSED);
}

static int
rules_run(const char *what, const char *id, const char *text)
{
    const struct wd_rule *rule = wd_rule_find(wd_span_str(id));
    struct rules r;
    int status;

    if (rule == NULL) {
        fprintf(stderr, "warder: rules %s: there is no rule \"%.80s\" (accepted: one of `warder rules list`)\n", what, id);
        return RULES_FAILED;
    }
    if (!rules_init(&r))
        return RULES_FAILED;
    status = strcmp(what, "test") == 0 ? rules_test(&r, rule, text) : rules_explain(&r, rule);
    rules_deinit(&r);
    return status;
}

int
cmd_rules(int argc, char **argv)
{
    static const struct option options[] = {
        { "format", required_argument, NULL, 'f' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    const char *format = "text", *what;
    int c, count;

    optind = 1;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'h')
            return fputs(rules_usage, stdout) < 0 ? RULES_FAILED : rules_flushed(RULES_OK);
        if (c != 'f') {
            fputs(rules_usage, stderr);
            return RULES_FAILED;
        }
        format = optarg;
    }
    if (strcmp(format, "text") != 0 && strcmp(format, "json") != 0) {
        fprintf(stderr, "warder: rules: --format: unknown \"%.80s\" (accepted: text, json)\n", format);
        return RULES_FAILED;
    }
    count = argc - optind;
    what = count > 0 ? argv[optind] : "";
    if (strcmp(what, "list") == 0 && count == 1)
        return rules_list(format[0] == 'j');
    if ((strcmp(what, "test") == 0 && (count == 2 || count == 3)) || (strcmp(what, "explain") == 0 && count == 2))
        return rules_run(what, argv[optind + 1], count == 3 ? argv[optind + 2] : NULL);
    fputs(rules_usage, stderr);
    return RULES_FAILED;
}
