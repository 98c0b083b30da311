#ifndef WD_SERVE_H
#define WD_SERVE_H

#include <poll.h>
#include <sys/types.h>
#include <time.h>

#include "../src/base/buf.h"
#include "../src/policy/policy.h"
#include "control.h"
#include "keyring.h"
#include "state.h"

/* What the rendered nginx configuration needs beside the policy. */
struct serve_paths {
    char module[4096]; /* ngx_http_warder_module.so */
    char user[160];    /* "NAME GROUP" to drop to, "" when not root */
    char run[64];      /* the folder of rendered files, by its descriptor: a name that nobody can move */
    unsigned workers;
    unsigned generation;  /* of what is rendered; counts up */
    unsigned files;       /* open files a worker may have */
    unsigned connections; /* of a worker */
};

/* One worker's channel (key_channel.h). Packets go out as the worker takes them; nothing is queued here. */
struct serve_channel {
    int fd;
    bool greeted;
    unsigned generation;
    uint64_t told;    /* all changes up to this one were told */
    uint64_t telling; /* the pass under way ends with this one; equal to told: there is none */
    uint32_t next;    /* what the pass tells next: slots, then retired keys */
    uint64_t acked;
};

/* A key that is used no more and must not show until its time is over. */
struct serve_retired {
    struct wd_secret *key;
    int64_t until; /* of serve_mono() */
    uint64_t serial;
};

/* Somebody at the control socket (control.h). */
struct serve_client {
    int fd; /* -1: free */
    uid_t uid;
    int64_t until;    /* of serve_mono(): patience */
    uint64_t waiting; /* for every worker to have this change; 0: for nothing */
    char *in;         /* CONTROL_IN_MAX bytes */
    size_t in_len;
    struct wd_buf out;
    size_t out_sent;
};
#define SERVE_CLIENTS 8

/* A change of one key, and who wants it. */
struct serve_change {
    const char *event;  /* key_rotated, key_revoked */
    const char *who;    /* a user's name, or "file" */
    int64_t uid;        /* -1: nobody's */
    struct wd_span key; /* empty: none any more */
    uint32_t grace_s;
    bool source; /* the configured source brought it */
};

struct serve {
    const char *file; /* the policy, absolute */
    struct wd_policy *policy;
    struct state state;
    struct serve_paths paths;
    int run_fd;
    int lock_fd;
    int keys_fd; /* our end of the socket to nginx */
    int control_fd;
    struct keyring *keys, *keys_before; /* as policy and before */
    uint64_t key_serial;                /* of the last change of a key */
    struct serve_retired retired[WD_CHANNEL_RETIRED];
    struct serve_channel *channels;
    size_t channel_count, channel_room;
    struct serve_client clients[SERVE_CLIENTS];
    struct pollfd *fds;
    size_t fds_room;
    int64_t looked_at;                    /* serve_mono() of the last look at the files of keys */
    uint8_t print_key[32], audit_key[32]; /* of the installation */
    struct wd_secret *seal_key;           /* NULL: there is no master key */
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

/* serve_poll.c: waits at most timeout_ms (-1: for ever) for anything, and serves workers, control socket and files. False when
 * nginx is gone. *signalled: the signal descriptor is readable. */
bool serve_poll(struct serve *s, int signals, int timeout_ms, bool *signalled);
/* What nginx says: serve.c. False when it is gone. */
void serve_heard(struct serve *s, char what);
/* Seconds that no clock change touches. */
int64_t serve_mono(void);

/* serve_channel.c */
/* Reads what nginx's processes say on the shared socket; takes the channels they pass. False when nginx is gone. */
bool serve_channel_hear(struct serve *s);
/* Reads what a worker says; false: it is gone or talks nonsense. */
bool serve_channel_read(struct serve *s, struct serve_channel *c);
/* Tells a worker what it does not know yet, as far as it takes it. False: it is gone. */
bool serve_channel_tell(struct serve *s, struct serve_channel *c);
bool serve_channel_owes(const struct serve *s, const struct serve_channel *c);
/* Other rings are in force: what every pass under way has told so far is told again. */
void serve_channel_restart(struct serve *s);
void serve_channel_drop(struct serve *s, size_t at);
/* How many workers do not use that change yet. */
size_t serve_channel_behind(const struct serve *s, uint64_t serial);

/* serve_change.c */
/* Puts a change in force and into the audit log. enum control_status; what to say goes to text. *serial: of the change. */
uint32_t serve_change(struct serve *s, struct keyring_slot *slot, const struct serve_change *change, uint64_t *serial, char *text,
                      size_t size);
/* Keys of files that were changed; retired keys whose time is over. */
void serve_change_look(struct serve *s);
/* The policy is in force: sealed keys that its sources have overtaken go. */
void serve_change_tidy(struct serve *s);

/* serve_control.c */
bool serve_control_open(struct serve *s);
void serve_control_accept(struct serve *s);
/* events: of poll(2). Drops the client when it is done, late or gone. */
void serve_control_client(struct serve *s, struct serve_client *c, short events);
short serve_control_events(const struct serve_client *c);
void serve_control_close(struct serve *s);

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
