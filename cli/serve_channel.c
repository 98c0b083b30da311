#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "serve.h"

#define CHANNELS_MAX 4096

static bool
channel_add(struct serve *s, int fd)
{
    if (s->channel_count == s->channel_room) {
        size_t room = s->channel_room == 0 ? 16 : 2 * s->channel_room;
        struct serve_channel *more = room > CHANNELS_MAX ? NULL : realloc(s->channels, room * sizeof(*more));
        if (more == NULL)
            return false;
        s->channels = more;
        s->channel_room = room;
    }
    s->channels[s->channel_count++] = (struct serve_channel){ .fd = fd };
    return true;
}

void
serve_channel_drop(struct serve *s, size_t at)
{
    close(s->channels[at].fd);
    s->channels[at] = s->channels[--s->channel_count];
}

bool
serve_channel_hear(struct serve *s)
{
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    char bytes[64];
    struct iovec iov = { bytes, sizeof(bytes) };
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof(control.space)
    };
    ssize_t n = recvmsg(s->keys_fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    if (n == -1)
        return errno == EAGAIN || errno == EINTR;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c)) {
        int fd;
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(fd)))
            continue;
        memcpy(&fd, CMSG_DATA(c), sizeof(fd));
        if (!channel_add(s, fd))
            close(fd);
    }
    for (ssize_t i = 0; i < n; i++)
        serve_heard(s, bytes[i]);
    return n > 0;
}

static void
channel_state(struct keyring *ring, const struct wd_channel_packet *p)
{
    struct keyring_slot *slot = keyring_find(ring, p->provider, p->slot);

    /* said of the key before: it was changed meanwhile */
    if (slot == NULL || slot->serial != p->serial)
        return;
    slot->failing_status = p->status;
    slot->failing_since = p->at;
    slot->failing_until = p->seconds > 0 ? p->at + p->seconds : 0;
}

bool
serve_channel_read(struct serve *s, struct serve_channel *c)
{
    struct wd_channel_packet p;
    ssize_t n;

    while ((n = recv(c->fd, &p, sizeof(p), MSG_DONTWAIT | MSG_TRUNC)) == sizeof(p)) {
        p.provider[sizeof(p.provider) - 1] = '\0';
        if (p.type == WD_CHANNEL_HELLO && p.slot == WD_CHANNEL_VERSION) {
            c->greeted = true;
            c->generation = (unsigned)p.serial;
        } else if (p.type == WD_CHANNEL_ACK && p.serial <= c->told && p.serial >= c->acked)
            c->acked = p.serial;
        else if (p.type == WD_CHANNEL_STATE) {
            channel_state(s->keys, &p);
            channel_state(s->keys_before, &p);
        } else
            return false;
    }
    return n == -1 && (errno == EAGAIN || errno == EINTR);
}

/* 1: sent; 0: not now; -1: the worker is gone. */
static int
channel_send(const struct serve_channel *c, struct wd_channel_packet *p, const struct wd_secret *key)
{
    struct wd_span bytes = key != NULL ? wd_secret_get(key) : wd_span("", 0);
    struct iovec iov[2] = { { p, sizeof(*p) }, { (void *)bytes.ptr, bytes.len } };
    struct msghdr msg = { .msg_iov = iov, .msg_iovlen = bytes.len > 0 ? 2 : 1 };

    p->key_len = (uint32_t)bytes.len;
    if (sendmsg(c->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
        return 1;
    return errno == EAGAIN || errno == EINTR || errno == ENOBUFS || errno == ENOMEM ? 0 : -1;
}

static uint32_t
channel_seconds(int64_t until)
{
    int64_t left = until - serve_mono();

    return left > 0 ? (uint32_t)left : 0;
}

/* A worker that starts by the policy of before is told that one's keys: nginx may not have read the new one yet. */
static const struct keyring *
channel_ring(const struct serve *s, const struct serve_channel *c)
{
    return s->keys_before != NULL && c->generation == s->keys_before->generation ? s->keys_before : s->keys;
}

bool
serve_channel_owes(const struct serve *s, const struct serve_channel *c)
{
    return c->greeted && (c->telling != c->told || c->told != s->key_serial);
}

bool
serve_channel_tell(struct serve *s, struct serve_channel *c)
{
    const struct keyring *ring = channel_ring(s, c);
    uint32_t password = ring->count + WD_CHANNEL_RETIRED, end = password + 2;

    while (serve_channel_owes(s, c)) {
        struct wd_channel_packet p = { .type = WD_CHANNEL_SYNC, .serial = c->telling };
        const struct wd_secret *key = NULL;
        bool send = true;

        if (c->telling == c->told) {
            c->telling = s->key_serial;
            c->next = 0;
            continue;
        }
        if (c->next < ring->count) {
            const struct keyring_slot *slot = &ring->slots[c->next];
            p = (struct wd_channel_packet){
                .type = WD_CHANNEL_KEY, .slot = slot->slot, .serial = slot->serial, .seconds = slot->grace_s
            };
            memcpy(p.provider, slot->provider, sizeof(p.provider));
            key = slot->key;
            send = slot->serial > c->told;
        } else if (c->next < password) {
            const struct serve_retired *r = &s->retired[c->next - ring->count];
            p = (struct wd_channel_packet){ .type = WD_CHANNEL_RETIRED_KEY, .seconds = channel_seconds(r->until) };
            key = r->key;
            send = key != NULL && r->serial > c->told && p.seconds > 0;
        }
        if (c->next == password) {
            p = (struct wd_channel_packet){ .type = WD_CHANNEL_STORE_PASSWORD };
            key = ring->policy->store.password;
            send = c->told == 0 && key != NULL;
        }
        if (c->next == password + 1) {
            p = (struct wd_channel_packet){ .type = WD_CHANNEL_STORE_KEY };
            key = ring->store_key;
            send = c->told == 0 && key != NULL;
        }
        int sent = send ? channel_send(c, &p, key) : 1;
        if (sent != 1)
            return sent == 0;
        if (c->next++ == end)
            c->told = c->telling;
    }
    return true;
}

void
serve_channel_restart(struct serve *s)
{
    for (size_t i = 0; i < s->channel_count; i++)
        s->channels[i].next = 0;
}

size_t
serve_channel_behind(const struct serve *s, uint64_t serial)
{
    size_t behind = 0;

    for (size_t i = 0; i < s->channel_count; i++)
        behind += s->channels[i].greeted && s->channels[i].acked < serial;
    return behind;
}
