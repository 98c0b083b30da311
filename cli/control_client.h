#ifndef WD_CONTROL_CLIENT_H
#define WD_CONTROL_CLIENT_H

#include "../src/base/span.h"
#include "control.h"

/*
 * Asks the gateway that runs on the state folder: the request, key_len bytes of key behind it, the answer, and *rows (NULL: none
 * are wanted), which is the caller's to free. False with why in what. At most 20 s.
 */
bool control_ask(const char *state, const struct control_request *request, struct wd_span key, struct control_answer *answer,
                 struct control_row **rows, char *what, size_t size);

#endif
