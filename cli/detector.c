#include "detector.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "../src/store/rule_cache.h"

/* Where the compiled rules are kept between runs: as the XDG base directory specification says. NULL when there is no place. */
static const char *
detector_cache(char *folder, size_t size)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int len = -1;

    if (cache != NULL && cache[0] == '/')
        len = snprintf(folder, size, "%s", cache);
    else if (home != NULL && home[0] == '/')
        len = snprintf(folder, size, "%s/.cache", home);
    if (len < 0 || (size_t)len + sizeof("/warder") > size)
        return NULL;
    mkdir(folder, 0700);
    strcpy(folder + len, "/warder");
    mkdir(folder, 0700);
    return folder;
}

bool
detector_init(struct detector *d, const char *command)
{
    const char *what = "the rules could not be compiled";
    char folder[1024];

    *d = (struct detector){ .scan = { .direction = WD_INPUT, .replacement = WD_SPAN("[REDACTED]") } };
    d->scan.findings = &d->findings;
    if (wd_rule_cache_open(&d->engine, NULL, detector_cache(folder, sizeof(folder))) != WD_OK ||
        wd_scratch_new(&d->scan.scratch, d->engine) != WD_OK)
        goto failed;
    d->scan.engine = d->engine;
    what = "no randomness for fingerprints";
    if (getrandom(d->scan.fingerprint_key, sizeof(d->scan.fingerprint_key), 0) == (ssize_t)sizeof(d->scan.fingerprint_key))
        return true;

failed:
    fprintf(stderr, "warder: %s: %s\n", command, what);
    detector_deinit(d);
    return false;
}

bool
detector_share(struct detector *d, const struct detector *first)
{
    *d = *first;
    d->shared = true;
    d->scan.findings = &d->findings;
    d->scan.scratch = NULL;
    return wd_scratch_new(&d->scan.scratch, d->engine) == WD_OK;
}

void
detector_deinit(struct detector *d)
{
    wd_scratch_free(d->scan.scratch);
    if (!d->shared)
        wd_engine_free(d->engine);
    *d = (struct detector){ 0 };
}
