#include "pattern.h"

#include <hs.h>
#include <stdio.h>
#include <stdlib.h>

enum { PATTERN_MAX = 512, PATTERN_REPEAT_MAX = 1000, PATTERN_PRODUCT_MAX = 4096, PATTERN_COMPILED_MAX = 256 * 1024 };

/*
 * Repeats by count are what makes a short pattern large. {n,m} within a group that is repeated itself multiply: the product of
 * all counts of a pattern is a bound for that.
 */
static bool
pattern_repeats_ok(struct wd_span p)
{
    unsigned long product = 1, n, most;
    bool set = false;
    size_t i, k;

    for (i = 0; i < p.len; i++) {
        if (p.ptr[i] == '\\') {
            i++;
            continue;
        }
        if (p.ptr[i] == '[' || p.ptr[i] == ']')
            set = p.ptr[i] == '[';
        if (p.ptr[i] != '{' || set)
            continue;
        for (k = i + 1, n = most = 0; k < p.len && p.ptr[k] != '}'; k++) {
            if (p.ptr[k] == ',')
                n = 0;
            else if (p.ptr[k] >= '0' && p.ptr[k] <= '9')
                n = n > PATTERN_REPEAT_MAX ? n : n * 10 + (unsigned long)(p.ptr[k] - '0');
            most = n > most ? n : most;
        }
        if (most > PATTERN_REPEAT_MAX)
            return false;
        product *= most > 1 ? most : 1;
        if (product > PATTERN_PRODUCT_MAX)
            return false;
    }
    return true;
}

/* The compiled form, alone; says what is wrong. */
static enum wd_err
pattern_compile(const char *pattern, char *what, size_t size)
{
    hs_compile_error_t *error;
    hs_database_t *db = NULL;
    size_t bytes = 0;
    hs_error_t rc = hs_compile(pattern, HS_FLAG_SOM_LEFTMOST, HS_MODE_BLOCK, NULL, &db, &error);

    if (rc != HS_SUCCESS) {
        snprintf(what, size, "is not a pattern that can be matched in bounded time: %.60s", error->message);
        hs_free_compile_error(error);
        return rc == HS_NOMEM ? WD_ERR_NOMEM : WD_ERR_SYNTAX;
    }
    rc = hs_database_size(db, &bytes);
    hs_free_database(db);
    if (rc == HS_SUCCESS && bytes <= PATTERN_COMPILED_MAX)
        return WD_OK;
    snprintf(what, size, "is too large when it is compiled");
    return WD_ERR_SYNTAX;
}

enum wd_err
wd_pattern_check(struct wd_span pattern, char *what, size_t size)
{
    char text[PATTERN_MAX + 1];
    hs_compile_error_t *error;
    hs_expr_info_t *info;
    unsigned width;

    if (pattern.len == 0 || pattern.len > PATTERN_MAX) {
        snprintf(what, size, "is empty or too long");
        return WD_ERR_SYNTAX;
    }
    memcpy(text, pattern.ptr, pattern.len);
    text[pattern.len] = '\0';
    if (!pattern_repeats_ok(pattern)) {
        snprintf(what, size, "repeats too often");
        return WD_ERR_SYNTAX;
    }
    if (hs_expression_info(text, HS_FLAG_ALLOWEMPTY, &info, &error) == HS_SUCCESS) {
        width = info->min_width;
        free(info);
        if (width == 0) {
            snprintf(what, size, "matches the empty text");
            return WD_ERR_SYNTAX;
        }
    } else {
        hs_free_compile_error(error);
    }
    return pattern_compile(text, what, size);
}
