#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../src/store/install.h"

static bool
state_fail(const char *dir, const char *what)
{
    fprintf(stderr, "warder: state folder %s: %s\n", dir, what);
    return false;
}

static bool
state_give(int fd, const char *dir)
{
    const struct passwd *pw = getpwnam("warder");

    if (pw == NULL)
        pw = getpwnam("nobody");
    if (pw == NULL || fchown(fd, pw->pw_uid, pw->pw_gid) != 0)
        return state_fail(dir, "cannot be given to the user warder or nobody");
    return true;
}

bool
state_open(struct state *state, const char *dir)
{
    struct stat st;
    bool made = access(dir, F_OK) != 0;

    if (wd_state_dir(dir) != WD_OK)
        return state_fail(dir, "must be a folder that only its owner can open (mode 0700)");
    state->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (state->fd == -1 || fstat(state->fd, &st) != 0)
        return state_fail(dir, strerror(errno));
    if (geteuid() == 0 && (made || st.st_uid == 0)) {
        if (!state_give(state->fd, dir) || fstat(state->fd, &st) != 0)
            return false;
    }
    if (geteuid() != 0 && st.st_uid != geteuid())
        return state_fail(dir, "belongs to another user");
    state->uid = st.st_uid;
    state->gid = st.st_gid;
    return true;
}

bool
state_enter(const struct state *state)
{
    if (fchdir(state->fd) != 0) {
        perror("warder: state folder");
        return false;
    }
    if (geteuid() == 0 && (setegid(state->gid) != 0 || seteuid(state->uid) != 0)) {
        perror("warder: cannot take the rights of the state folder's owner");
        return false;
    }
    return true;
}

void
state_leave(const struct state *state)
{
    if (getuid() == 0 && (seteuid(0) != 0 || setegid(0) != 0))
        abort(); /* half-dropped rights are worse than none */
}

static bool
state_key_ok(const char *name, enum wd_err err)
{
    if (err != WD_OK)
        fprintf(stderr, "warder: %s in the state folder %s\n", name,
                err == WD_ERR_DENIED ? "can be read by others (accepted: mode 0600)" : "cannot be read");
    return err == WD_OK;
}

bool
state_install_key(uint8_t key[32])
{
    uint8_t random[32];
    bool ok;

    randombytes_buf(random, sizeof(random));
    ok = state_key_ok("install.key", wd_install_key(".", random, key));
    sodium_memzero(random, sizeof(random));
    return ok;
}

bool
state_store_key(uint8_t key[32])
{
    uint8_t install[32];
    bool ok = state_install_key(install) && state_key_ok("store.key", wd_install_store_key(".", install, key));

    sodium_memzero(install, sizeof(install));
    return ok;
}
