#include "isolation.h"

#include <stddef.h>

const char *
wd_isolate_kind_name(unsigned kind)
{
    static const char *const names[WD_ISOLATE_COUNT] = {
#define X(id, name) [WD_ISOLATE_##id] = (name),
        WD_ISOLATE_KINDS(X) WD_ISOLATE_MORE(X)
#undef X
    };

    return kind < WD_ISOLATE_COUNT && names[kind] != NULL ? names[kind] : "?";
}
