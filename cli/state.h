#ifndef WD_STATE_H
#define WD_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The state folder belongs to the user that the workers run as. Root works in it with that user's rights, so that what stands in
 * the folder (a link, say) cannot make root touch anything else.
 */
struct state {
    int fd;
    uid_t uid; /* of the folder's owner */
    gid_t gid;
};

/* Makes the folder when missing (0700; when root: of the user warder, else nobody) and opens it. False with a message on stderr.
 */
bool state_open(struct state *state, const char *dir);
/* Working folder: the state folder; effective user: its owner. False with a message on stderr. */
bool state_enter(const struct state *state);
/* Within the state folder: its installation key, made when missing. False with a message on stderr. */
bool state_install_key(uint8_t key[32]);
/* Within the state folder: the key of the store that is kept there (wd_install_store_key). False with a message on stderr. */
bool state_store_key(uint8_t key[32]);
/* Back to the caller's rights; the working folder stays. */
void state_leave(const struct state *state);

#endif
