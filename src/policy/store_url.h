#ifndef WD_STORE_URL_H
#define WD_STORE_URL_H

#include "policy.h"

/*
 * "embedded", "redis://..." or "rediss://..." into *store (DESIGN 4.4). Text lives in the arena, the password in guarded memory,
 * which wd_policy_free() wipes. *what says in constant text what is wrong, never quoting it; ca_file is left as written.
 * WD_ERR_SYNTAX, WD_ERR_RANGE, or WD_ERR_DENIED for plain text to what may be another network.
 */
enum wd_err wd_store_url(struct wd_store_url *store, struct wd_arena *arena, const char *text, const char **what) WD_CHECK;

/* True when bytes can be a password: 1 to 512 printable bytes, blanks and other characters of UTF-8 among them. */
bool wd_store_password_ok(struct wd_span password);

#endif
