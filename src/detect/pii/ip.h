#ifndef WD_IP_H
#define WD_IP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Four decimal numbers without leading zeros (RFC 6943, 3.1.1). How many of the n characters they take; 0: it is no address. */
size_t wd_ip_read4(const char *text, size_t n, uint8_t ip[4]);
/* RFC 4291, 2.2: in all its forms, without zone and prefix length. The whole text is one. */
bool wd_ip_read6(const char *text, size_t n, uint8_t ip[16]);

/*
 * Names nobody in particular (IANA special-purpose registries, as of 2025): unspecified, loopback, link-local, multicast,
 * broadcast, net masks, documentation, benchmarking, reserved, and the resolvers that everybody knows.
 */
bool wd_ip_is_nobody4(const uint8_t ip[4]);
/* The same; an IPv4 address in it counts as such. */
bool wd_ip_is_nobody6(const uint8_t ip[16]);

#endif
