#ifndef WD_MAPPED_H
#define WD_MAPPED_H

#include <pthread.h>
#include <stdbool.h>

#include "../base/err.h"

/* What every file has that all processes of the machine map. */

/* Opens it, or makes it (wd_install_file()). -1 with errno. */
int wd_mapped_file(const char *path) WD_CHECK;
/*
 * Everybody who has the file open holds a shared flock(2). Who gets it exclusively is alone, so the lock inside can be made anew:
 * after a power cut it may look held by somebody who is gone. Who was alone shares it when he is done.
 */
enum wd_err wd_mapped_attach(int fd, bool *alone) WD_CHECK;
enum wd_err wd_mapped_share(int fd) WD_CHECK;
/* The robust process-shared lock inside. */
enum wd_err wd_mapped_lock_init(pthread_mutex_t *lock) WD_CHECK;
enum wd_err wd_mapped_lock(pthread_mutex_t *lock) WD_CHECK;

/* The compiler may not move stores over this; a killed process leaves what it had executed. */
#define wd_mapped_order() __atomic_signal_fence(__ATOMIC_SEQ_CST)

#endif
