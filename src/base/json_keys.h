#ifndef WD_JSON_KEYS_H
#define WD_JSON_KEYS_H

#include "json.h"

/*
 * Looks for two equal keys, compared after unescaping, among the children of an object of which nodes are complete. *twin is
 * the later one of a pair, 0 when all differ. n log n in the bytes of the keys, whatever they are. WD_ERR_NOMEM.
 */
enum wd_err wd_json_keys_twin(const struct wd_json *doc, uint32_t object, struct wd_arena *arena, uint32_t *twin) WD_CHECK;

#endif
