#ifndef WD_SEAL_H
#define WD_SEAL_H

#include <stdint.h>

#include "../base/err.h"
#include "../base/secret.h"
#include "../base/span.h"

/*
 * Provider keys at rest: DIR/PROVIDER.SLOT holds one key, sealed with XChaCha20-Poly1305 under the master key (32 bytes; derive
 * it with wd_install_derive(.., "keys", ..)). Provider, slot and version of the file are bound to it: a file under another's name
 * does not open.
 *
 * The file: "WDSEAL01", 8 bytes that tell which master key, 24 bytes nonce, then sealed: 16 bytes that name the configured
 * key (a keyed fingerprint) which this one stands in place of, and the key. No key: the slot was revoked.
 */
#define WD_SEAL_PRINT 16
#define WD_SEAL_NONCE 24
#define WD_SEAL_KEY_MAX 8192

/*
 * Whole or not at all: a new file, synced, renamed over the old one. dir is made when missing (0700). nonce: random bytes, never
 * used before. WD_ERR_RANGE: a provider's name that can be no file's, a key too long. WD_ERR_IO.
 */
enum wd_err wd_seal_write(const char *dir, const uint8_t master[32], const char *provider, uint32_t slot,
                          const uint8_t print[WD_SEAL_PRINT], struct wd_span key, const uint8_t nonce[WD_SEAL_NONCE]) WD_CHECK;
/*
 * *key is the caller's to free; NULL: revoked. WD_ERR_NOTFOUND: no such file. WD_ERR_DENIED: sealed under another master key, or
 * master is NULL. WD_ERR_CORRUPT: damaged, or of another slot.
 */
enum wd_err wd_seal_read(const char *dir, const uint8_t *master, const char *provider, uint32_t slot,
                         uint8_t print[WD_SEAL_PRINT], struct wd_secret **key) WD_CHECK;
/* Missing is fine. */
enum wd_err wd_seal_remove(const char *dir, const char *provider, uint32_t slot) WD_CHECK;

#endif
