#ifndef BENCH_NET_H
#define BENCH_NET_H

#include <stddef.h>
#include <stdint.h>

/* What the programs of the bench share: loopback sockets and the clock. */

_Noreturn void net_die(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void net_fail(const char *what); /* with what errno says */

uint64_t net_now_ns(void); /* CLOCK_MONOTONIC */

/* As many open files as the hard limit allows. */
void net_files_max(void);

/* Non-blocking, on a free port of 127.0.0.1, which is returned. */
int net_listen(unsigned *port);
/* To a port of 127.0.0.1; non-blocking, without Nagle. Dies when nobody listens. */
int net_connect(unsigned port);

/* Adds fd to the epoll for input, with ptr as its data. */
void net_watch(int epoll, int fd, void *ptr);

/* All of it, waiting for room in the socket when there is none; -1 with errno when the peer is gone. */
int net_send_all(int fd, const char *bytes, size_t len);

/* The positive number that an option brings. */
uint64_t net_number(const char *option, const char *value);

#endif
