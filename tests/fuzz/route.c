#include <stdint.h>
#include <stdlib.h>

#include "wire/op.h"

/* "METHOD path?query". */

static struct wd_provider providers[] = {
    { .name = "openai", .format = WD_FORMAT_OPENAI, .base_path = "" },
    { .name = "groq", .format = WD_FORMAT_OPENAI, .base_path = "/openai" },
    { .name = "google", .format = WD_FORMAT_GOOGLE, .base_path = "" },
};
static const struct wd_policy policy = { .providers = providers, .provider_count = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data, *end = text + size;
    const char *space = size > 0 ? memchr(text, ' ', size) : NULL;
    const char *path = space != NULL ? space + 1 : end;
    const char *mark = path < end ? memchr(path, '?', (size_t)(end - path)) : NULL;
    const char *query = mark != NULL ? mark + 1 : end;
    struct wd_route route;
    struct wd_buf out;
    const char *message;

    if (wd_route_read(&route, &policy, wd_span(text, (size_t)((space != NULL ? space : end) - text)),
                      wd_span(path, (size_t)((mark != NULL ? mark : end) - path)), wd_span(query, (size_t)(end - query)),
                      &message) != WD_CODE_NONE) {
        if (message == NULL)
            abort();
        return 0;
    }
    wd_buf_init(&out, 4096);
    if (wd_route_upstream(&route, &providers[0], route.model, &out) != WD_OK)
        abort();
    for (size_t i = 0; i < out.len; i++) {
        if (strchr("%#\\;& \r\n", out.ptr[i]) != NULL)
            abort();
    }
    wd_buf_deinit(&out);
    return 0;
}
