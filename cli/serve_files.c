#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../src/store/install.h"
#include "../src/store/journal.h"
#include "../src/store/ledger.h"
#include "../src/store/limits.h"
#include "serve.h"

#define FILES_LIMITS_BYTES (64 * 1024 * 1024)
#define FILES_CA_MAX (8 * 1024 * 1024)
#define FILES_SYSTEM_CA "/etc/ssl/certs/ca-certificates.crt"

static bool
files_fail(const char *what)
{
    fprintf(stderr, "warder: %s: %s\n", what, strerror(errno));
    return false;
}

bool
serve_files_read(const char *path, size_t cap, struct wd_buf *out)
{
    char block[16384];
    ssize_t n;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd == -1)
        return files_fail(path);
    wd_buf_init(out, cap);
    while ((n = read(fd, block, sizeof(block))) > 0) {
        if (wd_buf_add(out, wd_span(block, (size_t)n)) != WD_OK) {
            fprintf(stderr, "warder: %s: larger than %zu bytes\n", path, cap);
            n = -2;
            break;
        }
    }
    if (n == -1)
        files_fail(path);
    close(fd);
    if (n < 0)
        wd_buf_deinit(out);
    return n >= 0;
}

/* Whole or not at all: written beside, then renamed. */
static bool
files_write(int dir, const char *name, struct wd_span text)
{
    char beside[128];
    int fd;

    snprintf(beside, sizeof(beside), "%s.new", name);
    unlinkat(dir, beside, 0);
    fd = openat(dir, beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd == -1)
        return files_fail(name);
    while (text.len > 0) {
        ssize_t n = write(fd, text.ptr, text.len);
        if (n <= 0) {
            close(fd);
            return files_fail(name);
        }
        text = wd_span(text.ptr + n, text.len - (size_t)n);
    }
    if (close(fd) != 0 || renameat(dir, beside, dir, name) != 0)
        return files_fail(name);
    return true;
}

/* The provider's own trust anchor beside those of the system. */
static bool
files_write_ca(struct serve *s, const struct wd_provider *p)
{
    struct wd_buf system, extra;
    char name[64];
    bool ok;

    if (!p->tls || p->ca_file == NULL)
        return true;
    if (!serve_files_read(p->ca_file, FILES_CA_MAX, &extra))
        return false;
    /* among those of the system nginx would not miss it */
    if (memmem(extra.ptr, extra.len, "-----BEGIN ", 11) == NULL) {
        fprintf(stderr, "warder: providers.%s.ca_file: holds no certificate (accepted: a PEM file)\n", p->name);
        wd_buf_deinit(&extra);
        return false;
    }
    if (access(FILES_SYSTEM_CA, R_OK) != 0)
        wd_buf_init(&system, 2 * FILES_CA_MAX);
    else if (!serve_files_read(FILES_SYSTEM_CA, 2 * FILES_CA_MAX, &system)) {
        wd_buf_deinit(&extra);
        return false;
    }
    snprintf(name, sizeof(name), "ca-%s.pem", p->name);
    ok = wd_buf_add(&system, WD_SPAN("\n")) == WD_OK && wd_buf_add(&system, wd_buf_span(&extra)) == WD_OK &&
         files_write(s->run_fd, name, wd_buf_span(&system));
    wd_buf_deinit(&system);
    wd_buf_deinit(&extra);
    return ok;
}

bool
serve_files_render(struct serve *s, const struct wd_policy *policy, struct wd_span text)
{
    struct wd_buf conf;
    bool ok;

    if (!serve_conf_path_ok(policy->base_dir) || (policy->tls_cert != NULL && !serve_conf_path_ok(policy->tls_cert)) ||
        (policy->tls_key != NULL && !serve_conf_path_ok(policy->tls_key))) {
        fprintf(stderr, "warder: paths must not hold quotes, backslashes, control characters or any of $ { } ;\n");
        return false;
    }
    for (uint32_t i = 0; i < policy->provider_count; i++) {
        const struct wd_provider *p = &policy->providers[i];
        if (p->tls && p->ca_file == NULL && access(FILES_SYSTEM_CA, R_OK) != 0)
            return files_fail(FILES_SYSTEM_CA " (package ca-certificates)");
        if (!files_write_ca(s, p))
            return false;
    }
    wd_buf_init(&conf, 4 * 1024 * 1024);
    ok = serve_conf_render(policy, &s->paths, &conf) == WD_OK && files_write(s->run_fd, "policy.yaml", text) &&
         files_write(s->run_fd, "nginx.conf", wd_buf_span(&conf));
    wd_buf_deinit(&conf);
    return ok;
}

/*
 * One gateway a state folder. The lock is inherited by nginx and its workers, so after a kill -9 of this process a new start
 * waits until the last of them is gone.
 */
static bool
files_lock(struct serve *s)
{
    struct timespec step = { .tv_nsec = 20 * 1000 * 1000 };

    s->lock_fd = openat(s->run_fd, "lock", O_RDWR | O_CREAT, 0600);
    if (s->lock_fd == -1)
        return files_fail("run/lock");
    for (int tries = 0; flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0; tries++) {
        if (errno != EWOULDBLOCK || tries == 500) {
            fprintf(stderr, "warder: another gateway serves the state folder %s\n", s->policy->state);
            return false;
        }
        nanosleep(&step, NULL);
    }
    return true;
}

static uint64_t
files_clock_us(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* With the rights of the folder's owner. */
static bool
files_stores(struct serve *s)
{
    uint8_t random[32], key[32];
    uint32_t closed = 0;
    enum wd_err err;

    randombytes_buf(random, sizeof(random));
    err = wd_install_key(".", random, key);
    wd_secret_wipe(random, sizeof(random));
    if (err != WD_OK) {
        fprintf(stderr, "warder: install.key in the state folder %s\n",
                err == WD_ERR_DENIED    ? "can be read by others (accepted: mode 0600)"
                : err == WD_ERR_CORRUPT ? "has not its 32 bytes; with another key the audit log of before cannot be checked"
                                        : "cannot be read or made");
        return false;
    }
    wd_install_derive(key, "audit", s->audit_key);
    wd_install_derive(key, "fingerprint", s->print_key);
    wd_secret_wipe(key, sizeof(key));
    if (wd_limits_prepare("limits.map", FILES_LIMITS_BYTES, files_clock_us(CLOCK_REALTIME), files_clock_us(CLOCK_MONOTONIC)) !=
        WD_OK)
        return files_fail("limits.map");
    err = wd_ledger_prepare("ledger.map", 0, files_clock_us(CLOCK_REALTIME) / 1000000);
    if (err == WD_ERR_CORRUPT) {
        fprintf(stderr,
                "warder: ledger.map in the state folder is damaged: nobody can say any more which provider was shown what; "
                "remove it to start with an empty one\n");
        return false;
    }
    if (err != WD_OK)
        return files_fail("ledger.map");
    if (!s->policy->audit)
        return true;
    if ((mkdir("audit", 0700) != 0 && errno != EEXIST))
        return files_fail("audit");
    err = wd_journal_recover("audit", s->audit_key, &closed);
    if (err != WD_OK)
        return files_fail("audit: the records of an earlier run cannot be closed");
    if (closed > 0)
        fprintf(stderr, "warder: %u exchange%s of an earlier run recorded as interrupted\n", closed, closed == 1 ? "" : "s");
    return true;
}

/* run belongs to the user that started the gateway, so that a worker cannot change what nginx's master reads. */
static bool
files_run_dir(struct serve *s)
{
    struct stat st;

    if (mkdirat(s->state.fd, "run", 0711) != 0 && errno != EEXIST)
        return files_fail("run");
    s->run_fd = openat(s->state.fd, "run", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (s->run_fd == -1 || fstat(s->run_fd, &st) != 0)
        return files_fail("run");
    if (st.st_uid != geteuid() || (st.st_mode & 022) != 0) {
        fprintf(stderr, "warder: run in the state folder belongs to another user; remove it\n");
        return false;
    }
    snprintf(s->paths.run, sizeof(s->paths.run), "/proc/self/fd/%d", s->run_fd);
    return true;
}

bool
serve_files_prepare(struct serve *s)
{
    bool ok;

    if (!state_open(&s->state, s->policy->state) || !files_run_dir(s) || !files_lock(s))
        return false;
    if (!state_enter(&s->state))
        return false;
    ok = files_stores(s);
    state_leave(&s->state);
    return ok;
}
