#include "detector.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

bool
detector_init(struct detector *d, const char *command)
{
    const char *what = "engine: out of memory";

    *d = (struct detector){ .scan = { .direction = WD_INPUT, .replacement = WD_SPAN("[REDACTED]") } };
    d->scan.findings = &d->findings;
    if (wd_engine_new(&d->engine) != WD_OK || wd_scratch_new(&d->scan.scratch, d->engine) != WD_OK)
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
