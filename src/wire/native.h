#ifndef WD_NATIVE_H
#define WD_NATIVE_H

#include "op.h"

/*
 * The body of a 200 answer that refuses in the provider's own words (DESIGN 4.3, refusal: native): chat finish_reason
 * content_filter; responses status incomplete for content_filter; messages stop_reason refusal; Google finishReason SAFETY.
 * stream: a complete SSE stream with its terminator. WD_ERR_NOTFOUND for operations that have no such words (embeddings, models,
 * token counts): tell an error there. Appends to out; on WD_ERR_NOMEM and WD_ERR_LIMIT out is unchanged.
 */
enum wd_err wd_native_refusal(struct wd_buf *out, enum wd_op op, bool stream, struct wd_span model, struct wd_span message,
                              struct wd_span request_id) WD_CHECK;

#endif
