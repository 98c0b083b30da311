#ifndef WD_SCAN_ESCAPE_H
#define WD_SCAN_ESCAPE_H

#include "../src/base/buf.h"

/* How text that nobody vouches for is written down: names of files, the start of what was found. */

/* For a terminal: what does not print, or moves or hides other text, as \xHH (a byte) or \u{HHHH}; a backslash as two. */
enum wd_err scan_escape_terminal(struct wd_buf *out, struct wd_span text) WD_CHECK;
/* A JSON string with its quotes; what is no UTF-8 becomes U+FFFD. */
enum wd_err scan_escape_json(struct wd_buf *out, struct wd_span text) WD_CHECK;
/* A path as a URI reference (RFC 3986); an absolute one with file://. */
enum wd_err scan_escape_uri(struct wd_buf *out, struct wd_span path) WD_CHECK;

#endif
