#ifndef WD_ENVIRON_H
#define WD_ENVIRON_H

#include <stdbool.h>

/*
 * Takes the process's environment into guarded memory and wipes the original, so that /proc/PID/environ shows no key. Once,
 * before any thread. False when memory is out.
 */
bool environ_take(void);
/* As getenv(), from the guarded copy. */
char *environ_get(const char *name);

#endif
