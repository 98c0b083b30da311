#ifndef WD_INSTALL_H
#define WD_INSTALL_H

#include <stdbool.h>
#include <stdint.h>

#include "../base/err.h"

/*
 * The key of this installation: 32 random bytes in DIR/install.key (0600, owner of
 * the folder). Fingerprints, the audit chain and limit keys are derived from it (BLAKE2b with a context label).
 * When missing it is made of random, 32 random bytes (NULL: WD_ERR_NOTFOUND). A file that others can read is WD_ERR_DENIED, one
 * of another size WD_ERR_CORRUPT.
 */
enum wd_err wd_install_key(const char *dir, const uint8_t *random, uint8_t key[32]) WD_CHECK;
/* label: short constant text such as "audit", "fingerprint", "limits". */
void wd_install_derive(const uint8_t key[32], const char *label, uint8_t out[32]);
/*
 * The key of the store that is kept in the state folder: 32 bytes of DIR/store.key (as install.key), which a migration brought;
 * without that file derived from the installation's. The ledger's key is derived from it ("ledger"), as that of a shared store.
 */
enum wd_err wd_install_store_key(const char *dir, const uint8_t install_key[32], uint8_t key[32]) WD_CHECK;
/* Makes key that one, in one step, synced to disk; a file that cannot be trusted is left, with the error of
 * wd_install_store_key(). */
enum wd_err wd_install_store_key_set(const char *dir, const uint8_t install_key[32], const uint8_t key[32]) WD_CHECK;
/* Makes the folder (and parents) 0700 when missing; an existing one must not be open to others (WD_ERR_DENIED). */
enum wd_err wd_state_dir(const char *dir) WD_CHECK;
/* A folder inside it: the same, and as root it goes to the owner of the folder around it. */
enum wd_err wd_state_subdir(const char *dir) WD_CHECK;
/*
 * Opens a regular file of the folder, never through a symbolic link; flags as open(2), new files get 0600. As root, a file that
 * is not yet the folder owner's becomes his, so that workers without privileges can use it. -1 with errno.
 */
int wd_install_file(const char *dir, const char *name, int flags) WD_CHECK;

#endif
