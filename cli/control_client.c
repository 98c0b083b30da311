#include "control_client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/uio.h>
#include <unistd.h>

#define CLIENT_PATIENCE_S 20

static bool
client_no_gateway(const char *state, const char *why, char *what, size_t size)
{
    snprintf(what, size, "no gateway runs on the state folder %.200s: %s (accepted: warder serve -c FILE, then this again)",
             state, why);
    return false;
}

/* With the caller's own rights, so that the gateway sees who it is; the folder's owner, root or the caller must be at the other
 * end. */
static bool
client_connect(const char *state, int *fd, char *what, size_t size)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = CONTROL_NAME };
    struct timeval patience = { .tv_sec = CLIENT_PATIENCE_S };
    int dir = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat st;
    struct ucred peer;
    socklen_t len = sizeof(peer);
    bool ok = dir != -1 && fstat(dir, &st) == 0 && fchdir(dir) == 0;

    *fd = -1;
    if (ok)
        *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ok = *fd != -1 && setsockopt(*fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0 &&
         setsockopt(*fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) == 0 &&
         connect(*fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
         getsockopt(*fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0;
    if (!ok)
        client_no_gateway(state, strerror(errno), what, size);
    else if (peer.uid != 0 && peer.uid != geteuid() && peer.uid != st.st_uid)
        ok = client_no_gateway(state, "another user listens there", what, size);
    if (dir != -1)
        close(dir);
    if (!ok && *fd != -1)
        close(*fd);
    return ok;
}

static bool
client_read(int fd, void *to, size_t size)
{
    for (size_t got = 0; got < size;) {
        ssize_t n = recv(fd, (char *)to + got, size - got, 0);
        if (n == -1 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        got += (size_t)n;
    }
    return true;
}

static bool
client_rows(int fd, const struct control_answer *answer, struct control_row **rows)
{
    if (rows == NULL || answer->rows == 0 || answer->rows > CONTROL_ROWS_MAX)
        return answer->rows == 0;
    *rows = calloc(answer->rows, sizeof(**rows));
    if (*rows == NULL || !client_read(fd, *rows, answer->rows * sizeof(**rows))) {
        free(*rows);
        *rows = NULL;
        return false;
    }
    for (uint32_t i = 0; i < answer->rows; i++) {
        struct control_row *row = &(*rows)[i];
        row->provider[sizeof(row->provider) - 1] = '\0';
        row->source[sizeof(row->source) - 1] = '\0';
        row->print[sizeof(row->print) - 1] = '\0';
    }
    return true;
}

bool
control_ask(const char *state, const struct control_request *request, struct wd_span key, struct control_answer *answer,
            struct control_row **rows, char *what, size_t size)
{
    struct iovec iov[2] = { { (void *)request, sizeof(*request) }, { (void *)key.ptr, key.len } };
    struct msghdr msg = { .msg_iov = iov, .msg_iovlen = key.len > 0 ? 2 : 1 };
    bool ok;
    int fd;

    if (!client_connect(state, &fd, what, size))
        return false;
    /* the socket's buffer takes it whole */
    ok = sendmsg(fd, &msg, MSG_NOSIGNAL) == (ssize_t)(sizeof(*request) + key.len) && client_read(fd, answer, sizeof(*answer)) &&
         answer->magic == CONTROL_MAGIC && client_rows(fd, answer, rows);
    close(fd);
    if (!ok)
        snprintf(what, size, "the gateway gave no answer (is it of another version, or of another user?)");
    answer->text[sizeof(answer->text) - 1] = '\0';
    return ok;
}
