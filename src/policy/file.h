#ifndef WD_FILE_H
#define WD_FILE_H

#include "../base/buf.h"
#include "../base/err.h"

/*
 * Opens a regular file for reading; secret: only its owner may have rights on it, and that is root or the user at
 * hand. WD_ERR_IO or WD_ERR_DENIED with *what in constant text.
 */
enum wd_err wd_file_open(int *fd, const char *path, bool secret, const char **what) WD_CHECK;
/* As above, and closes it again. */
enum wd_err wd_file_check(const char *path, bool secret, const char **what) WD_CHECK;
/* Appends the rest of the file, closes it. WD_ERR_LIMIT above the cap of out. */
enum wd_err wd_file_read(struct wd_buf *out, int fd) WD_CHECK;

#endif
