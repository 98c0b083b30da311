#ifndef WD_ERR_H
#define WD_ERR_H

/* What a fallible function can answer. Must be checked by the caller. */
enum wd_err {
    WD_OK = 0,
    WD_ERR_NOMEM,    /* allocation failed */
    WD_ERR_LIMIT,    /* a cap of ours was reached (size, depth, count) */
    WD_ERR_SYNTAX,   /* input is not what the format says */
    WD_ERR_RANGE,    /* a value is out of its accepted range */
    WD_ERR_NOTFOUND, /* no such entry */
    WD_ERR_DENIED,   /* known, but not allowed (expired, revoked, limit used up) */
    WD_ERR_REFUSED,  /* a finding whose action is to refuse */
    WD_ERR_IO,       /* the operating system said no; errno tells */
    WD_ERR_FULL,     /* a store has no room */
    WD_ERR_CORRUPT,  /* a store's content cannot be trusted */
};

#define WD_CHECK __attribute__((warn_unused_result))

#endif
