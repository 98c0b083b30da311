#ifndef WD_PEM_H
#define WD_PEM_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A PEM private key (RFC 7468, RFC 1421, OpenPGP armor), read a character at a time from behind "-----BEGIN".
 * The line breaks may be any white space.
 */
enum wd_pem_state {
    WD_PEM_LABEL,
    WD_PEM_BEFORE, /* after the BEGIN line */
    WD_PEM_HEADER, /* in a line such as Proc-Type: */
    WD_PEM_BODY,   /* it is a key, not only a mention of one */
    WD_PEM_DONE,   /* the END line is complete */
};

struct wd_pem {
    uint8_t state;
    uint8_t count, run, dashes;
    uint8_t word; /* characters of the label's words PRIVATE KEY */
    bool end;     /* -----E was read */
};

/* False when c does not belong to the block any more. */
bool wd_pem_step(struct wd_pem *p, uint8_t c);

#endif
