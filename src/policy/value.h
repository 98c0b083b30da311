#ifndef WD_VALUE_H
#define WD_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/err.h"

/*
 * Single values of the policy file as numbers and addresses. All answer WD_ERR_SYNTAX for another form and
 * WD_ERR_RANGE for a number that is too large; the caller checks the bounds of its own key.
 */

/* "0" or digits without a leading zero. */
enum wd_err wd_value_uint(uint64_t *value, const char *text) WD_CHECK;
/* Digits, and up to six after a point. */
enum wd_err wd_value_decimal(double *value, const char *text) WD_CHECK;
/* The same, exactly, in millionths. */
enum wd_err wd_value_micro(uint64_t *micro, const char *text) WD_CHECK;
/* Digits, alone or with KiB or MiB. */
enum wd_err wd_value_bytes(uint64_t *bytes, const char *text) WD_CHECK;

/* "250ms", "2s". */
enum wd_err wd_value_millis(uint64_t *ms, const char *text) WD_CHECK;

#define WD_ADDRESS_SIZE 48 /* an IPv6 address as text */

/* "127.0.0.1:8484", "[::1]:8484", "localhost:8484" (127.0.0.1); host in its shortest form, without brackets. */
enum wd_err wd_value_address(char host[WD_ADDRESS_SIZE], uint16_t *port, const char *text) WD_CHECK;

/* 127.0.0.0/8, ::1, localhost. */
bool wd_value_loopback(const char *host);
/* 0.0.0.0 and ::. */
bool wd_value_any_address(const char *host);

#define WD_URL_SIZE 512

struct wd_url {
    bool tls;
    uint16_t port;
    char host[WD_URL_SIZE]; /* lower case, no brackets */
    char path[WD_URL_SIZE]; /* "" or "/a/b" */
};

/*
 * "host", "host:port", "[::1]:port": a name in lower case or an address in its shortest form without brackets; *port stays
 * as it is where none is given. len may be 0. *what as of wd_value_url().
 */
enum wd_err wd_value_host(char host[WD_URL_SIZE], uint16_t *port, const char *authority, size_t len, const char **what) WD_CHECK;

/* An http(s) URL of a provider; *what says in constant text what is wrong, never quoting it. */
enum wd_err wd_value_url(struct wd_url *url, const char *text, const char **what) WD_CHECK;

/* True for text that is, by its form, rather a secret than a name: it must not be shown. */
bool wd_value_secretive(const char *text);

#endif
