#ifndef WD_SERVE_H
#define WD_SERVE_H

#include <sys/types.h>
#include <time.h>

#include "../src/base/buf.h"
#include "../src/policy/policy.h"
#include "state.h"

/* What the rendered nginx configuration needs beside the policy. */
struct serve_paths {
    char module[4096]; /* ngx_http_warder_module.so */
    char user[160];    /* "NAME GROUP" to drop to, "" when not root */
    char run[64];      /* the folder of rendered files, by its descriptor: a name that nobody can move */
    unsigned workers;
    unsigned files;       /* open files a worker may have */
    unsigned connections; /* of a worker */
};

struct serve {
    const char *file; /* the policy, absolute */
    struct wd_policy *policy;
    struct state state;
    struct serve_paths paths;
    int run_fd;
    int lock_fd;
    int keys_fd; /* our end of the socket to nginx */
    pid_t nginx;
    unsigned starting, quitting; /* workers that have not yet said so */
    bool reloading;
    struct wd_policy *before; /* until nginx has taken the new one */
    unsigned workers_before;
    time_t answer_by; /* of nginx, to a reload */
    bool again;       /* asked to reload meanwhile */
    time_t deadline;  /* of the drain; 0: not stopping */
};

/* serve_conf.c: appends the nginx configuration of the policy. */
enum wd_err serve_conf_render(const struct wd_policy *policy, const struct serve_paths *paths, struct wd_buf *out) WD_CHECK;
/* True when a path can stand in an nginx configuration. */
bool serve_conf_path_ok(const char *path);

/* serve_keys.c: reads every provider's keys; hands them to nginx's master in one frame. */
enum wd_err serve_keys_frame(const struct wd_policy *policy, wd_getenv_fn *env, struct wd_buf *frame,
                             struct wd_policy_error *error) WD_CHECK;
enum wd_err serve_keys_send(int fd, const struct wd_buf *frame) WD_CHECK;

/* serve_files.c: what stands in the state folder. Each prints its own error. */
bool serve_files_prepare(struct serve *s); /* folders, lock, installation key, limits, audit recovery */
bool serve_files_render(struct serve *s, const struct wd_policy *policy,
                        struct wd_span text); /* nginx.conf, policy.yaml, trust anchors */
bool serve_files_read(const char *path, size_t cap, struct wd_buf *out);

/* serve_nginx.c */
bool serve_nginx_paths(struct serve *s);
unsigned serve_nginx_workers(const struct wd_policy *policy);
bool serve_nginx_start(struct serve *s);

#endif
