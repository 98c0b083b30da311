#ifndef CORPUS_H
#define CORPUS_H

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"

/*
 * Appends what a shell command on a file of the shared folder prints ("gzip -dc", "tar xzOf"). False with a printed word when the
 * folder or the file is missing: the test then skips.
 */
static inline bool
corpus_read(struct wd_buf *out, const char *command, const char *path, const char *more)
{
    const char *shared = getenv("WARDER_SHARED");
    char line[4096], chunk[65536];
    FILE *pipe, *file;
    size_t n;

    snprintf(line, sizeof(line), "%s/%s", shared != NULL ? shared : "", path);
    file = shared != NULL ? fopen(line, "r") : NULL;
    if (file == NULL) {
        printf("no %s: skipped\n", path);
        return false;
    }
    fclose(file);
    snprintf(line, sizeof(line), "%s '%s/%s' %s", command, shared, path, more);
    pipe = popen(line, "r");
    if (pipe == NULL)
        abort();
    while ((n = fread(chunk, 1, sizeof(chunk), pipe)) > 0) {
        if (wd_buf_add(out, wd_span(chunk, n)) != WD_OK)
            abort();
    }
    if (pclose(pipe) != 0)
        abort();
    return true;
}

#endif
