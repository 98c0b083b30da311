#ifndef WD_YAML_H
#define WD_YAML_H

#include <stdint.h>

#include "../base/arena.h"
#include "policy.h"

/*
 * The part of YAML 1.1 that a policy needs, as a tree with lines: one document of maps with plain keys, lists and
 * scalars. Refused: anchors and aliases, tags, directives, duplicate keys, control characters, and more than the
 * caps in yaml.c. Nodes live in the arena and stand in the order of the file.
 */
enum wd_yaml_kind { WD_YAML_SCALAR, WD_YAML_LIST, WD_YAML_MAP };

struct wd_yaml {
    enum wd_yaml_kind kind;
    int line;         /* of its key, otherwise of its start */
    bool plain;       /* a scalar without quotes */
    const char *key;  /* in a map, otherwise NULL */
    const char *text; /* of a scalar, NUL-terminated, no control characters */
    uint32_t count;   /* children */
    struct wd_yaml *parent, *child, *last, *next;
};

enum wd_err wd_yaml_read(struct wd_yaml **root, struct wd_span text, struct wd_arena *arena, const char *file,
                         struct wd_policy_error *error) WD_CHECK;

/* NULL when the map (or NULL) has no such key. */
const struct wd_yaml *wd_yaml_get(const struct wd_yaml *map, const char *key);
bool wd_yaml_is_null(const struct wd_yaml *node);  /* null or ~ without quotes */
bool wd_yaml_is_blank(const struct wd_yaml *node); /* nothing at all */

/*
 * Fills *error with "FILE:LINE: PATH: what (accepted: ...)". The path is that of the node, then name when it is not
 * NULL; accepted may be NULL. No part of the path that looks like a secret is shown.
 */
void wd_yaml_error(struct wd_policy_error *error, const char *file, const struct wd_yaml *node, const char *name,
                   const char *what, const char *accepted);
/* The same where there is no node; line 0: none is named. */
void wd_yaml_error_at(struct wd_policy_error *error, const char *file, int line, const char *path, const char *what,
                      const char *accepted);
/* A name from the file as it may be shown: itself, or "..." when it is long, unprintable or looks like a secret. */
const char *wd_yaml_shown(const char *name);

#endif
