#ifndef WD_RECORD_H
#define WD_RECORD_H

#include "exchange.h"

/*
 * The audit record of an exchange (DESIGN 4.5): the inside of a JSON object, without prev and hash, which the journal adds.
 * begun: the form that is kept while the exchange is under way (decision "interrupted", at most WD_JOURNAL_OPEN_MAX bytes).
 */
enum wd_err wd_record_write(const struct wd_exchange *ex, bool begun, struct wd_buf *out) WD_CHECK;

#endif
