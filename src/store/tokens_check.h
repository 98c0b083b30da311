#ifndef WD_TOKENS_CHECK_H
#define WD_TOKENS_CHECK_H

#include <lmdb.h>

#include "../base/err.h"

/*
 * LMDB trusts the pages of its file: a damaged one makes it abort or read out of bounds. So what it is going to use is looked
 * at first. The format is that of LMDB 0.9 (data version 1) on a little-endian 64-bit machine, as of 2019.
 */

/* Before mdb_env_open: the two meta pages. A file of no bytes is fine, it is going to be made. */
enum wd_err wd_tokens_check_meta(int fd, size_t map_bytes) WD_CHECK;
/* Every page that this read transaction can reach. Values of the main database have the given sizes. */
enum wd_err wd_tokens_check_tree(int fd, MDB_txn *txn, size_t map_bytes, size_t key_len, size_t value_len) WD_CHECK;

#endif
