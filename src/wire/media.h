#ifndef WD_MEDIA_H
#define WD_MEDIA_H

#include "reader.h"

/* Attachments: what a media type counts as, and where their bytes need no inspection. */

/* image, audio or video by the media type (letter case ignored, parameters allowed); everything else, SVG too, is a file. */
enum wd_attachment wd_media_kind(struct wd_span type);
/* True when the inside of a JSON string holds only base64 or base64url characters, "=" and line breaks. */
bool wd_media_base64(struct wd_span inside);

/* Marks a string that consists of base64 as opaque; any other stays a text. */
void wd_media_opaque(struct wd_reader *r, uint32_t node);
/* The base64 of an attachment. */
bool wd_media_inline(struct wd_reader *r, enum wd_attachment kind, uint32_t node);
/*
 * A URL that stands for an attachment. data: counts by its media type, and its base64 is opaque for well-known types; http: and
 * https: count as kind; everything else as a file. A URL that is not opaque is a text like any other.
 */
bool wd_media_url(struct wd_reader *r, enum wd_attachment kind, uint32_t node);

#endif
