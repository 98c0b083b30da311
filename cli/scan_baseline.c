#include "scan_baseline.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../src/base/json.h"
#include "scan_escape.h"

enum { BASELINE_FILE_MAX = 256 << 20, BASELINE_NODES_MAX = 8 << 20 };

void
scan_baseline_init(struct scan_baseline *b)
{
    *b = (struct scan_baseline){ 0 };
    wd_buf_init(&b->lines, BASELINE_FILE_MAX);
}

void
scan_baseline_deinit(struct scan_baseline *b)
{
    wd_buf_deinit(&b->lines);
    free(b->starts);
    free(b->known);
    sodium_memzero(b, sizeof(*b));
}

static bool
baseline_fail(const char *file, const char *what)
{
    fprintf(stderr, "warder: scan: %s: %s\n", file, what);
    return false;
}

static int
baseline_compare(const void *a, const void *b)
{
    return memcmp(a, b, WD_FINGERPRINT_BYTES);
}

/* Hex digits of exactly n bytes. */
static bool
baseline_hex(struct wd_span hex, uint8_t *out, size_t n)
{
    size_t len;

    return hex.len == 2 * n && sodium_hex2bin(out, n, hex.ptr, hex.len, NULL, &len, NULL) == 0 && len == n;
}

static const char *
baseline_parse(struct scan_baseline *b, struct wd_span text, bool known, struct wd_arena *arena)
{
    struct wd_json_limits limits = { .depth = 8, .nodes = BASELINE_NODES_MAX };
    struct wd_json_error error;
    struct wd_json doc;
    uint32_t key, list, i, n = 0, fingerprint;
    enum wd_err err = wd_json_parse(&doc, text, arena, limits, &error);

    if (err != WD_OK)
        return err == WD_ERR_NOMEM ? "out of memory" : error.what;
    key = wd_json_get(&doc, 0, "salt");
    list = wd_json_get(&doc, 0, "findings");
    if (key == 0 || wd_json_type(&doc, key) != WD_JSON_STRING || list == 0 || wd_json_type(&doc, list) != WD_JSON_ARRAY ||
        !baseline_hex(wd_json_string(&doc, key, arena), b->key, sizeof(b->key)))
        return "is no baseline (accepted: a file that --write-baseline wrote)";
    b->has_key = true;
    if (!known)
        return NULL;
    for (i = doc.nodes[list].child; i != 0; i = doc.nodes[i].next)
        n++;
    b->known = calloc((size_t)n + 1, sizeof(*b->known));
    if (b->known == NULL)
        return "out of memory";
    for (i = doc.nodes[list].child; i != 0; i = doc.nodes[i].next) {
        fingerprint = wd_json_get(&doc, i, "fingerprint");
        if (fingerprint == 0 || wd_json_type(&doc, fingerprint) != WD_JSON_STRING ||
            !baseline_hex(wd_json_string(&doc, fingerprint, arena), b->known[b->known_count++], WD_FINGERPRINT_BYTES))
            return "a finding without fingerprint (accepted: 32 hex digits)";
    }
    qsort(b->known, b->known_count, sizeof(*b->known), baseline_compare);
    return NULL;
}

bool
scan_baseline_read(struct scan_baseline *b, const char *file, bool known)
{
    const char *wrong = NULL;
    struct wd_arena arena;
    struct wd_buf text;
    FILE *f = fopen(file, "re");
    size_t n;

    if (f == NULL)
        return baseline_fail(file, strerror(errno));
    wd_arena_init(&arena, (size_t)2 << 30);
    wd_buf_init(&text, BASELINE_FILE_MAX);
    do {
        n = 0;
        if (wd_buf_reserve(&text, 65536) != WD_OK)
            wrong = "too long (accepted: up to 256 MiB)";
        else
            n = fread(text.ptr + text.len, 1, 65536, f);
        text.len += n;
    } while (n > 0);
    if (wrong == NULL && ferror(f))
        wrong = strerror(errno);
    fclose(f);
    if (wrong == NULL)
        wrong = baseline_parse(b, wd_buf_span(&text), known, &arena);
    wd_buf_deinit(&text);
    wd_arena_deinit(&arena);
    return wrong == NULL || baseline_fail(file, wrong);
}

bool
scan_baseline_knows(const struct scan_baseline *b, const struct scan_finding *f)
{
    return b->known_count > 0 && bsearch(f->fingerprint, b->known, b->known_count, sizeof(*b->known), baseline_compare) != NULL;
}

enum wd_err
scan_baseline_add(struct scan_baseline *b, const char *path, const struct scan_finding *f)
{
    char hex[2 * WD_FINGERPRINT_BYTES + 1];
    size_t size = b->size == 0 ? 64 : b->size * 2, *starts;
    enum wd_err err;

    if (b->count == b->size) {
        starts = realloc(b->starts, size * sizeof(*starts));
        if (starts == NULL)
            return WD_ERR_NOMEM;
        b->starts = starts;
        b->size = size;
    }
    b->starts[b->count] = b->lines.len;
    sodium_bin2hex(hex, sizeof(hex), f->fingerprint, WD_FINGERPRINT_BYTES);
    err = wd_buf_printf(&b->lines, "{\"fingerprint\":\"%s\",\"rule\":\"%s\",\"path\":", hex, f->rule->id);
    if (err == WD_OK)
        err = scan_escape_json(&b->lines, wd_span_str(path));
    if (err == WD_OK)
        err = wd_buf_add(&b->lines, wd_span("}", 2));
    b->count += err == WD_OK;
    return err;
}

static int
baseline_by_line(const void *a, const void *b, void *lines)
{
    return strcmp((const char *)lines + *(const size_t *)a, (const char *)lines + *(const size_t *)b);
}

/* Sorted, so that what changes between two versions of the file is what changed; once each. */
static bool
baseline_print(struct scan_baseline *b, FILE *f)
{
    char hex[2 * sizeof(b->key) + 1];
    const char *line, *before = NULL;

    sodium_bin2hex(hex, sizeof(hex), b->key, sizeof(b->key));
    fprintf(f, "{\"about\":\"findings that warder scan knows (warder:allow)\",\"salt\":\"%s\",\n\"findings\":[", hex);
    if (b->count > 1)
        qsort_r(b->starts, b->count, sizeof(*b->starts), baseline_by_line, b->lines.ptr);
    for (size_t i = 0; i < b->count; i++) {
        line = b->lines.ptr + b->starts[i];
        if (before == NULL || strcmp(before, line) != 0)
            fprintf(f, "%s\n%s", before != NULL ? "," : "", line);
        before = line;
    }
    fputs("\n]}\n", f);
    return fflush(f) == 0 && !ferror(f);
}

bool
scan_baseline_write(struct scan_baseline *b, const char *file)
{
    size_t len = strlen(file) + sizeof(".XXXXXX");
    char *temp = malloc(len);
    FILE *f = NULL;
    mode_t mask;
    int fd;

    if (temp == NULL)
        return baseline_fail(file, "out of memory");
    snprintf(temp, len, "%s.XXXXXX", file);
    fd = mkostemp(temp, O_CLOEXEC);
    if (fd == -1) {
        baseline_fail(file, strerror(errno));
        free(temp);
        return false;
    }
    umask(mask = umask(0));
    if (fchmod(fd, 0666 & ~mask) == 0)
        f = fdopen(fd, "w");
    if (f != NULL && baseline_print(b, f) && fsync(fd) == 0 && rename(temp, file) == 0) {
        fclose(f);
        free(temp);
        return true;
    }
    baseline_fail(file, strerror(errno));
    unlink(temp);
    if (f != NULL)
        fclose(f);
    else
        close(fd);
    free(temp);
    return false;
}
