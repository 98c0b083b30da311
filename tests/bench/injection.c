/* What looking for injection costs: bench_injection FILE... ; nanoseconds of processor time a byte, and a kilobyte's percentiles.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "detect/injection/injection.h"

enum { BENCH_MAX = 64 << 20, BENCH_BLOCK = 4096, BENCH_ROUNDS = 5, BENCH_KILOBYTES = 1 << 16 };

static double
bench_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int
bench_order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double
bench_scan(const struct wd_scan *scan, enum wd_injection_role role, struct wd_span text)
{
    struct wd_injection_result r;
    double best = 1e30, from;

    for (int round = 0; round < BENCH_ROUNDS; round++) {
        from = bench_now();
        for (size_t i = 0; i < text.len; i += BENCH_BLOCK)
            if (wd_injection_scan(scan, role, &WD_INJECTION_THRESHOLDS,
                                  wd_span(text.ptr + i, text.len - i < BENCH_BLOCK ? text.len - i : BENCH_BLOCK), &r) != WD_OK)
                exit(1);
        from = bench_now() - from;
        best = from < best ? from : best;
    }
    return best / (double)text.len;
}

static void
bench_file(const struct wd_scan *scan, const char *path, char *buf, double *times)
{
    FILE *f = fopen(path, "rb");
    struct wd_injection_result r;
    struct wd_span text;
    uint32_t n = 0;

    if (f == NULL) {
        perror(path);
        exit(2);
    }
    text = wd_span(buf, fread(buf, 1, BENCH_MAX, f));
    fclose(f);
    if (text.len < 1024)
        return;
    for (size_t i = 0; i + 1024 <= text.len && n < BENCH_KILOBYTES; i += 1024) {
        times[n] = bench_now();
        if (wd_injection_scan(scan, WD_INJECTION_USER, &WD_INJECTION_THRESHOLDS, wd_span(buf + i, 1024), &r) != WD_OK)
            exit(1);
        times[n] = bench_now() - times[n];
        n++;
    }
    qsort(times, n, sizeof(*times), bench_order);
    printf("%s: user %.2f ns a byte, document %.2f; 1 KB p50 %.1f us, p99 %.1f us\n", path,
           bench_scan(scan, WD_INJECTION_USER, text), bench_scan(scan, WD_INJECTION_DOCUMENT, text), times[n / 2] / 1e3,
           times[n * 99 / 100] / 1e3);
}

int
main(int argc, char **argv)
{
    struct wd_engine *engine;
    struct wd_scan scan = { .direction = WD_INPUT };
    char *buf = malloc(BENCH_MAX);
    double *times = malloc(BENCH_KILOBYTES * sizeof(*times));

    if (buf == NULL || times == NULL || wd_engine_new(&engine, NULL) != WD_OK || wd_scratch_new(&scan.scratch, engine) != WD_OK)
        return 1;
    scan.engine = engine;
    for (int i = 1; i < argc; i++)
        bench_file(&scan, argv[i], buf, times);
    wd_scratch_free(scan.scratch);
    wd_engine_free(engine);
    free(buf);
    free(times);
    return 0;
}
