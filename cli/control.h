#ifndef WD_CONTROL_H
#define WD_CONTROL_H

#include <stdint.h>

#include "key_channel.h"

/*
 * The control socket of a running gateway, "control" in its state folder: one request, one answer, then the gateway closes. Both
 * ends are on one machine; bytes stand as in memory. A request of another magic (another version) is not answered.
 */
#define CONTROL_NAME "control"
#define CONTROL_MAGIC 0x57444331u /* WDC1 */
#define CONTROL_TEXT 512

enum control_op { CONTROL_LIST = 1, CONTROL_ROTATE, CONTROL_REVOKE };

/* The exit code of the command. */
enum control_status { CONTROL_OK, CONTROL_REFUSED, CONTROL_FAILED };

/* Followed by key_len bytes of the key. */
struct control_request {
    uint32_t magic, op;
    uint32_t slot, force;
    uint32_t grace_s;
    uint32_t key_len;
    char provider[WD_CHANNEL_NAME];
};
#define CONTROL_IN_MAX (sizeof(struct control_request) + WD_CHANNEL_KEY_MAX)

/* Followed by rows of struct control_row. */
struct control_answer {
    uint32_t magic, status;
    uint32_t rows;
    uint32_t kept;           /* a change of a key: it is sealed in the state folder */
    char text[CONTROL_TEXT]; /* what went wrong */
};

enum control_row_state { CONTROL_IN_USE, CONTROL_STANDBY, CONTROL_REVOKED };

struct control_row {
    char provider[WD_CHANNEL_NAME];
    char source[256];
    char print[12]; /* first 8 hex digits of the fingerprint */
    uint32_t slot, state, rotated;
    uint32_t failing_status;          /* 0: not failing */
    int64_t failing_since, old_until; /* Unix time */
};
#define CONTROL_ROWS_MAX 4096

#endif
