#include "plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net.h"

#define PLAN_REQUEST_MAX (1024 * 1024)

static size_t
plan_read_file(const char *path, char *out, size_t size)
{
    FILE *f = fopen(path, "rb");
    size_t n = f != NULL ? fread(out, 1, size, f) : 0;

    if (f == NULL || ferror(f) || n == size)
        net_die("%s: cannot be read, or is too large", path);
    fclose(f);
    return n;
}

static void
plan_read_pids(struct plan *plan, char *list)
{
    for (char *save, *pid = strtok_r(list, ",", &save); pid != NULL; pid = strtok_r(NULL, ",", &save)) {
        if (plan->pid_count == PLAN_PIDS_MAX)
            net_die("--pids: at most %d", PLAN_PIDS_MAX);
        plan->pids[plan->pid_count++] = (unsigned)net_number("--pids", pid);
    }
}

static void
plan_write_request(struct plan *plan, const char *headers, const char *body)
{
    static char bytes[PLAN_REQUEST_MAX];
    size_t len = plan_read_file(body, bytes, sizeof(bytes));
    size_t size = len + strlen(headers) + strlen(plan->path) + 256;

    plan->request = malloc(size);
    if (plan->request == NULL)
        net_die("out of memory");
    plan->request_len = (size_t)snprintf(plan->request, size,
                                         "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nContent-Type: application/json\r\n"
                                         "%sContent-Length: %zu\r\n\r\n",
                                         plan->path, plan->port, headers, len);
    memcpy(plan->request + plan->request_len, bytes, len);
    plan->request_len += len;
}

void
plan_read(struct plan *plan, int argc, char **argv)
{
    const char *body = NULL;
    char headers[2048] = "";

    *plan = (struct plan){ .connections = 1, .ms = 1000, .path = "/v1/chat/completions" };
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *option = argv[i];
        char *value = argv[i + 1];

        if (strcmp(option, "--port") == 0)
            plan->port = (unsigned)net_number(option, value);
        else if (strcmp(option, "--connections") == 0)
            plan->connections = (unsigned)net_number(option, value);
        else if (strcmp(option, "--rate") == 0)
            plan->rate = net_number(option, value);
        else if (strcmp(option, "--warmup-ms") == 0)
            plan->warmup_ms = net_number(option, value);
        else if (strcmp(option, "--ms") == 0)
            plan->ms = net_number(option, value);
        else if (strcmp(option, "--path") == 0)
            plan->path = value;
        else if (strcmp(option, "--body") == 0)
            body = value;
        else if (strcmp(option, "--pids") == 0)
            plan_read_pids(plan, value);
        else if (strcmp(option, "--header") == 0 && strlen(headers) + strlen(value) + 3 < sizeof(headers))
            strcat(strcat(headers, value), "\r\n");
        else
            net_die("%s %s: what is that?", option, value);
    }
    if (argc % 2 == 0 || plan->port == 0 || body == NULL || plan->connections == 0 || plan->ms == 0)
        net_die("--port, --body, --connections and --ms are wanted");
    plan_write_request(plan, headers, body);
}

struct plan_cpu
plan_cpu(const struct plan *plan)
{
    struct plan_cpu sum = { 0, 0 };

    for (unsigned i = 0; i < plan->pid_count; i++) {
        unsigned long user, system;
        char path[64], text[1024], *after;

        snprintf(path, sizeof(path), "/proc/%u/stat", plan->pids[i]);
        text[plan_read_file(path, text, sizeof(text))] = '\0';
        after = strrchr(text, ')');
        if (after == NULL || sscanf(after, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
            net_die("%s: cannot be read", path);
        sum.user_s += (double)user / (double)sysconf(_SC_CLK_TCK);
        sum.system_s += (double)system / (double)sysconf(_SC_CLK_TCK);
    }
    return sum;
}

static int
plan_compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

void
plan_sort(uint64_t *values, size_t count)
{
    if (count > 0)
        qsort(values, count, sizeof(*values), plan_compare);
}

uint64_t
plan_rank(const uint64_t *sorted, size_t count, double rank)
{
    return count > 0 ? sorted[(size_t)(rank * (double)(count - 1))] : 0;
}
