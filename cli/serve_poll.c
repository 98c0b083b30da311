#include <stdlib.h>
#include <time.h>

#include "serve.h"

#define POLL_SIGNALS 0
#define POLL_NGINX 1
#define POLL_CONTROL 2
#define POLL_CLIENTS 3
#define POLL_CHANNELS (POLL_CLIENTS + SERVE_CLIENTS)
#define POLL_TICK_MS 500

int64_t
serve_mono(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_BOOTTIME, &ts);
    return ts.tv_sec;
}

static bool
poll_room(struct serve *s)
{
    size_t wanted = POLL_CHANNELS + s->channel_count;
    struct pollfd *more;

    if (wanted <= s->fds_room)
        return true;
    more = realloc(s->fds, 2 * wanted * sizeof(*more));
    if (more == NULL)
        return false;
    s->fds = more;
    s->fds_room = 2 * wanted;
    return true;
}

static void
poll_fill(struct serve *s, int signals)
{
    bool room = false;

    for (size_t i = 0; i < SERVE_CLIENTS; i++) {
        struct serve_client *c = &s->clients[i];
        s->fds[POLL_CLIENTS + i] = (struct pollfd){ .fd = c->waiting != 0 ? -1 : c->fd, .events = serve_control_events(c) };
        room = room || c->fd == -1;
    }
    s->fds[POLL_SIGNALS] = (struct pollfd){ .fd = signals, .events = POLLIN };
    s->fds[POLL_NGINX] = (struct pollfd){ .fd = s->keys_fd, .events = POLLIN };
    s->fds[POLL_CONTROL] = (struct pollfd){ .fd = room ? s->control_fd : -1, .events = POLLIN };
    for (size_t i = 0; i < s->channel_count; i++) {
        struct serve_channel *c = &s->channels[i];
        s->fds[POLL_CHANNELS + i] =
            (struct pollfd){ .fd = c->fd, .events = (short)(POLLIN | (serve_channel_owes(s, c) ? POLLOUT : 0)) };
    }
}

/* Whether there is something to do without anybody saying so. */
static bool
poll_ticks(const struct serve *s)
{
    for (size_t i = 0; i < SERVE_CLIENTS; i++)
        if (s->clients[i].fd != -1)
            return true;
    for (size_t i = 0; i < WD_CHANNEL_RETIRED; i++)
        if (s->retired[i].key != NULL)
            return true;
    for (uint32_t i = 0; s->keys != NULL && i < s->keys->count; i++)
        if (s->keys->slots[i].file != NULL)
            return true;
    return false;
}

bool
serve_poll(struct serve *s, int signals, int timeout_ms, bool *signalled)
{
    size_t channels = s->channel_count;
    bool alive = true;
    int n;

    *signalled = false;
    if (!poll_room(s))
        return false;
    poll_fill(s, signals);
    if (poll_ticks(s) && (timeout_ms < 0 || timeout_ms > POLL_TICK_MS))
        timeout_ms = POLL_TICK_MS;
    n = poll(s->fds, POLL_CHANNELS + channels, timeout_ms);
    if (n > 0) {
        *signalled = (s->fds[POLL_SIGNALS].revents & POLLIN) != 0;
        /* backwards: one that is dropped gives its place to the last */
        for (size_t i = channels; i-- > 0;) {
            short events = s->fds[POLL_CHANNELS + i].revents;
            if ((events != 0 && !serve_channel_read(s, &s->channels[i])) ||
                ((events & POLLOUT) != 0 && !serve_channel_tell(s, &s->channels[i])))
                serve_channel_drop(s, i);
        }
        if (s->fds[POLL_NGINX].revents != 0 && !serve_channel_hear(s))
            alive = false;
        if (s->fds[POLL_CONTROL].revents != 0)
            serve_control_accept(s);
    }
    for (size_t i = 0; i < SERVE_CLIENTS; i++)
        if (s->clients[i].fd != -1)
            serve_control_client(s, &s->clients[i], n > 0 ? s->fds[POLL_CLIENTS + i].revents : 0);
    serve_change_look(s);
    return alive;
}
