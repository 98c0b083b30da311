#ifndef BENCH_PLAN_H
#define BENCH_PLAN_H

#include <stddef.h>
#include <stdint.h>

/* What a load is: options of the command line, the request that is sent, and the processors' time of the processes watched. */

#define PLAN_PIDS_MAX 16

struct plan {
    unsigned port;
    unsigned connections;
    uint64_t rate; /* requests a second; 0: as many as are answered */
    uint64_t warmup_ms;
    uint64_t ms;
    const char *path;
    unsigned pids[PLAN_PIDS_MAX];
    unsigned pid_count;
    char *request; /* head and body */
    size_t request_len;
};

struct plan_cpu {
    double user_s;
    double system_s;
};

/* Options: --port N --connections N --rate N --warmup-ms N --ms N --path PATH --header "NAME: VALUE"... --body FILE --pids N,N...
 */
void plan_read(struct plan *plan, int argc, char **argv);

/* Of all processes in pids. */
struct plan_cpu plan_cpu(const struct plan *plan);

/* The value of that rank (0 to 1) of count sorted values. */
uint64_t plan_rank(const uint64_t *sorted, size_t count, double rank);
void plan_sort(uint64_t *values, size_t count);

#endif
