#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <sodium.h>

#include "serve.h"

#define CONTROL_PATIENCE_S 5 /* with a client that says or takes nothing */
#define CONTROL_WORKERS_S 10 /* with workers */

bool
serve_control_open(struct serve *s)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = CONTROL_NAME };
    bool ok = false;
    mode_t mask;

    for (size_t i = 0; i < SERVE_CLIENTS; i++)
        s->clients[i].fd = -1;
    if (!state_enter(&s->state))
        return false;
    s->control_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    mask = umask(0177);
    if (s->control_fd != -1 && (unlink(CONTROL_NAME) == 0 || errno == ENOENT))
        ok = bind(s->control_fd, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(s->control_fd, SERVE_CLIENTS) == 0;
    umask(mask);
    if (!ok)
        perror("warder: " CONTROL_NAME " in the state folder");
    state_leave(&s->state);
    return ok;
}

static void
control_drop(struct serve_client *c)
{
    close(c->fd);
    c->fd = -1;
    sodium_memzero(c->in, CONTROL_IN_MAX);
    free(c->in);
    c->in = NULL;
    wd_buf_deinit(&c->out);
}

void
serve_control_close(struct serve *s)
{
    for (size_t i = 0; i < SERVE_CLIENTS; i++)
        if (s->clients[i].fd != -1)
            control_drop(&s->clients[i]);
    if (!state_enter(&s->state))
        return;
    unlink(CONTROL_NAME);
    state_leave(&s->state);
}

void
serve_control_accept(struct serve *s)
{
    int fd = accept4(s->control_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct ucred peer;
    socklen_t len = sizeof(peer);
    struct serve_client *c = NULL;

    if (fd == -1)
        return;
    for (size_t i = 0; c == NULL && i < SERVE_CLIENTS; i++)
        if (s->clients[i].fd == -1)
            c = &s->clients[i];
    if (c == NULL || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 ||
        (peer.uid != 0 && peer.uid != s->state.uid && peer.uid != geteuid())) {
        close(fd);
        return;
    }
    *c = (struct serve_client){ .fd = fd, .uid = peer.uid, .until = serve_mono() + CONTROL_PATIENCE_S };
    wd_buf_init(&c->out, sizeof(struct control_answer) + CONTROL_ROWS_MAX * sizeof(struct control_row));
    c->in = malloc(CONTROL_IN_MAX);
    if (c->in != NULL)
        return;
    close(fd);
    c->fd = -1;
}

short
serve_control_events(const struct serve_client *c)
{
    return c->out.len > 0 ? POLLOUT : POLLIN;
}

/* From here on the client is written to. */
static void
control_answer(struct serve_client *c, struct control_answer *answer, const struct control_row *rows)
{
    answer->magic = CONTROL_MAGIC;
    sodium_memzero(c->in, CONTROL_IN_MAX);
    c->waiting = 0;
    c->until = serve_mono() + CONTROL_PATIENCE_S;
    if (wd_buf_add(&c->out, wd_span((const char *)answer, sizeof(*answer))) != WD_OK ||
        (answer->rows > 0 && wd_buf_add(&c->out, wd_span((const char *)rows, answer->rows * sizeof(*rows))) != WD_OK))
        control_drop(c);
}

static bool
control_failing(const struct keyring_slot *slot)
{
    return slot->failing_status != 0 && (slot->failing_until == 0 || slot->failing_until > time(NULL));
}

/* The slot that a provider's requests go out with: the first that works, else the first that has a key. */
static const struct keyring_slot *
control_serving(const struct keyring *ring, const char *provider)
{
    const struct keyring_slot *first = NULL;

    for (uint32_t i = 0; i < ring->count; i++) {
        const struct keyring_slot *slot = &ring->slots[i];
        if (slot->key == NULL || strcmp(slot->provider, provider) != 0)
            continue;
        if (!control_failing(slot))
            return slot;
        if (first == NULL)
            first = slot;
    }
    return first;
}

static void
control_list(struct serve *s, struct serve_client *c)
{
    struct control_answer answer = { .status = CONTROL_OK };
    uint32_t count = s->keys->count < CONTROL_ROWS_MAX ? s->keys->count : CONTROL_ROWS_MAX;
    struct control_row *rows = calloc(count, sizeof(*rows));
    int64_t now = time(NULL);

    for (uint32_t i = 0; rows != NULL && i < count; i++) {
        const struct keyring_slot *slot = &s->keys->slots[i];
        struct control_row *row = &rows[i];

        memcpy(row->provider, slot->provider, sizeof(row->provider));
        memcpy(row->source, slot->source, sizeof(row->source));
        sodium_bin2hex(row->print, sizeof(row->print), slot->print, 4);
        row->slot = slot->slot;
        row->rotated = slot->rotated;
        row->state = slot->key == NULL                                  ? CONTROL_REVOKED
                     : slot == control_serving(s->keys, slot->provider) ? CONTROL_IN_USE
                                                                        : CONTROL_STANDBY;
        row->failing_status = control_failing(slot) ? slot->failing_status : 0;
        row->failing_since = slot->failing_since;
        row->old_until = slot->old_until > now ? slot->old_until : 0;
    }
    answer.rows = rows != NULL ? count : 0;
    control_answer(c, &answer, rows);
    free(rows);
}

static bool
control_last(const struct serve *s, const struct keyring_slot *slot)
{
    for (uint32_t i = 0; i < s->keys->count; i++) {
        const struct keyring_slot *other = &s->keys->slots[i];
        if (other != slot && other->key != NULL && strcmp(other->provider, slot->provider) == 0)
            return false;
    }
    return true;
}

/* Why a change is refused; NULL: it is not. */
static const char *
control_refusal(const struct serve *s, const struct keyring_slot *slot, const struct control_request *request, struct wd_span key)
{
    static char text[CONTROL_TEXT];
    const struct wd_provider *p = wd_policy_provider(s->keys->policy, wd_span_str(slot->provider));
    const char *what = NULL;
    enum wd_err err;

    if (request->op == CONTROL_REVOKE)
        return slot->key == NULL                          ? "the key was revoked before"
               : control_last(s, slot) && !request->force ? "it is the last key of the provider; its requests would get 502 "
                                                            "provider_unavailable (accepted: --force, or keys rotate)"
                                                          : NULL;
    err = wd_key_check(p, key, &what);
    if (err != WD_OK) {
        snprintf(text, sizeof(text), "standard input %s (accepted: a key that begins with %.8s)", what, p->key_prefix);
        return text;
    }
    if (slot->key != NULL && wd_secret_equal(wd_secret_get(slot->key), key))
        return "this key is in use already";
    return NULL;
}

static void
control_change(struct serve *s, struct serve_client *c, const struct control_request *request, struct wd_span key)
{
    struct control_answer answer = { .status = CONTROL_REFUSED, .kept = s->seal_key != NULL };
    struct keyring_slot *slot = keyring_find(s->keys, request->provider, request->slot);
    const struct passwd *pw = getpwuid(c->uid);
    struct serve_change change = { .event = request->op == CONTROL_ROTATE ? "key_rotated" : "key_revoked",
                                   .uid = c->uid,
                                   .key = key,
                                   .grace_s = request->grace_s,
                                   .who = pw != NULL ? pw->pw_name : "" };
    const char *refusal = slot == NULL ? "the running gateway has no such provider or no key of that index" : NULL;

    if (refusal == NULL)
        refusal = control_refusal(s, slot, request, key);
    if (refusal != NULL)
        snprintf(answer.text, sizeof(answer.text), "%s", refusal);
    else
        answer.status = serve_change(s, slot, &change, &c->waiting, answer.text, sizeof(answer.text));
    if (answer.status != CONTROL_OK) {
        control_answer(c, &answer, NULL);
        return;
    }
    sodium_memzero(c->in, CONTROL_IN_MAX);
    c->until = serve_mono() + CONTROL_WORKERS_S;
}

static void
control_request(struct serve *s, struct serve_client *c)
{
    struct control_request request;

    memcpy(&request, c->in, sizeof(request));
    request.provider[sizeof(request.provider) - 1] = '\0';
    if (request.op == CONTROL_LIST)
        control_list(s, c);
    else if (request.op == CONTROL_ROTATE || (request.op == CONTROL_REVOKE && request.key_len == 0))
        control_change(s, c, &request, wd_span(c->in + sizeof(request), request.key_len));
    else
        control_drop(c);
}

static void
control_read(struct serve *s, struct serve_client *c)
{
    struct control_request request;
    ssize_t n = recv(c->fd, c->in + c->in_len, CONTROL_IN_MAX - c->in_len, MSG_DONTWAIT);

    if (n <= 0) {
        if (n == 0 || (errno != EAGAIN && errno != EINTR))
            control_drop(c);
        return;
    }
    c->in_len += (size_t)n;
    if (c->in_len < sizeof(request))
        return;
    memcpy(&request, c->in, sizeof(request));
    if (request.magic != CONTROL_MAGIC || request.key_len > WD_CHANNEL_KEY_MAX || request.grace_s > 24 * 3600 ||
        c->in_len > sizeof(request) + request.key_len)
        control_drop(c);
    else if (c->in_len == sizeof(request) + request.key_len)
        control_request(s, c);
}

static void
control_write(struct serve_client *c)
{
    ssize_t n = send(c->fd, c->out.ptr + c->out_sent, c->out.len - c->out_sent, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (n > 0)
        c->out_sent += (size_t)n;
    if ((n <= 0 && errno != EAGAIN && errno != EINTR) || c->out_sent == c->out.len)
        control_drop(c);
}

/* Every worker has the change, or the patience with them is over. */
static void
control_wait(struct serve *s, struct serve_client *c)
{
    struct control_answer answer = { .status = CONTROL_OK, .kept = s->seal_key != NULL };
    size_t behind = serve_channel_behind(s, c->waiting);

    if (behind > 0 && serve_mono() < c->until)
        return;
    if (behind > 0) {
        answer.status = CONTROL_REFUSED;
        snprintf(answer.text, sizeof(answer.text),
                 "the change was made, but %zu of the workers did not say within %d s that they use it: they may still use the "
                 "key of before",
                 behind, CONTROL_WORKERS_S);
    }
    control_answer(c, &answer, NULL);
}

void
serve_control_client(struct serve *s, struct serve_client *c, short events)
{
    if (c->out.len > 0) {
        if (events != 0)
            control_write(c);
    } else if (c->waiting != 0)
        control_wait(s, c); /* a client that left meanwhile is noticed when it is written to */
    else if (events != 0)
        control_read(s, c);
    if (c->fd != -1 && c->waiting == 0 && serve_mono() > c->until)
        control_drop(c);
}
