#ifndef WD_KEY_CHANNEL_H
#define WD_KEY_CHANNEL_H

#include <stdint.h>

/*
 * What the supervisor and a worker of nginx say to each other on the worker's channel: a SOCK_SEQPACKET pair, one struct a
 * packet, with the bytes of a key behind it where there is one. Both ends are of one build and one machine, so bytes stand as in
 * memory.
 *
 * The worker makes the pair at its start, says HELLO and hands one end to the supervisor, which tells it all keys and then
 * SYNC; from then on it tells what changed, and SYNC again. A worker answers each SYNC with ACK of the same serial: it uses
 * those keys for every request that it sends from now on.
 */
#define WD_CHANNEL_VERSION 1u
#define WD_CHANNEL_NAME 40      /* bytes of a provider's name, its NUL with it */
#define WD_CHANNEL_KEY_MAX 8192 /* bytes of a key */
#define WD_CHANNEL_RETIRED 16   /* keys that are used no more and must still not show */

enum wd_channel_type {
    WD_CHANNEL_HELLO =
        1,          /* to the supervisor: serial is the generation of the configuration, slot the version of this protocol */
    WD_CHANNEL_KEY, /* to the worker: the key of a provider's slot; no bytes: it has none any more. seconds: how long the one
                       before it must not show */
    WD_CHANNEL_RETIRED_KEY,    /* to the worker: a key that must not show for so many seconds */
    WD_CHANNEL_STORE_PASSWORD, /* to the worker, at its start: of the shared store, when it has one */
    WD_CHANNEL_STORE_KEY,      /* to the worker, at its start: 32 bytes derived from the master key, when there is one */
    WD_CHANNEL_SYNC,           /* to the worker: all changes up to serial were told */
    WD_CHANNEL_ACK,            /* to the supervisor: and are in force */
    WD_CHANNEL_STATE, /* to the supervisor: the provider answered status to this key; 0: it works again. at: since when; seconds:
                         for how long, 0: until told otherwise */
};

struct wd_channel_packet {
    uint32_t type;
    uint32_t slot;
    uint64_t serial;
    int64_t at; /* Unix time, seconds */
    uint32_t seconds;
    uint32_t status; /* of HTTP */
    uint32_t key_len;
    char provider[WD_CHANNEL_NAME];
};

#endif
