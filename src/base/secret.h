#ifndef WD_SECRET_H
#define WD_SECRET_H

#include "err.h"
#include "span.h"

/*
 * A secret in guarded memory (libsodium: guard pages, MADV_DONTDUMP, mlock
 * where the limit allows), read-only after it is made, wiped on free.
 */
struct wd_secret;

/* Copies the bytes; the caller wipes its own copy. */
enum wd_err wd_secret_new(struct wd_secret **secret, struct wd_span bytes) WD_CHECK;
void wd_secret_free(struct wd_secret *secret);
/* Borrowed; valid until free. */
struct wd_span wd_secret_get(const struct wd_secret *secret);
/* Constant time in the bytes; lengths may leak. */
bool wd_secret_equal(struct wd_span a, struct wd_span b);
void wd_secret_wipe(void *ptr, size_t len);

#endif
