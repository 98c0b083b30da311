#ifndef WD_RESPONSE_PRIV_H
#define WD_RESPONSE_PRIV_H

#include "response.h"

/* Shared by the files that read answers only. */

/* A name under construction. full: too long, or memory was out. odd: an index that clients may take for another one. */
struct wd_name {
    char text[WD_CHANNEL_MAX];
    size_t len;
    bool full, odd;
};

void wd_name_add(struct wd_name *n, struct wd_span s);
/* "a/0/b/" from below top down to node; an element of a list by its index member, otherwise by its position. */
void wd_name_add_path(const struct wd_response *r, struct wd_name *n, uint32_t top, uint32_t node);
/* tag and the number that the event has under key, if it has one */
void wd_name_add_index(const struct wd_response *r, struct wd_name *n, const char *tag, const char *key);
void wd_name_responses_item(const struct wd_response *r, struct wd_name *n);
void wd_name_responses(const struct wd_response *r, struct wd_name *n, struct wd_span stem);
/* "0/": the block of an Anthropic event; one without an index is the first, as JavaScript has it */
void wd_name_messages_block(const struct wd_response *r, struct wd_name *n);
void wd_name_messages(const struct wd_response *r, struct wd_name *n, uint32_t node);
void wd_name_google_candidate(const struct wd_response *r, struct wd_name *n, uint32_t node);
void wd_name_google(const struct wd_response *r, struct wd_name *n, uint32_t node);
/* type without its tail, if it has it */
struct wd_span wd_name_stem(struct wd_span type, struct wd_span tail);
bool wd_span_ends(struct wd_span s, struct wd_span tail);

/* As wd_json_get(), but of node 0 there is nothing. */
uint32_t wd_response_get(const struct wd_json *doc, uint32_t node, const char *name);
/* True when node is there and not null. */
bool wd_response_is_set(const struct wd_json *doc, uint32_t node);
/* A plain non-negative integer of at most 15 digits. */
bool wd_response_number(const struct wd_json *doc, uint32_t node, uint64_t *value);
/* The "type" of an object; ptr NULL when it has none. */
struct wd_span wd_response_type(const struct wd_response *r, uint32_t object);
/* items with room for one more; NULL when memory is out */
void *wd_response_room(struct wd_arena *arena, void *items, uint32_t count, uint32_t *size, size_t item_size) WD_CHECK;

enum wd_err wd_response_steer(struct wd_response *r) WD_CHECK;

#endif
