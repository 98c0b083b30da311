#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "serve.h"

static enum wd_err
keys_item(struct wd_buf *frame, struct wd_span item)
{
    uint32_t len = (uint32_t)item.len;
    enum wd_err err = wd_buf_add(frame, wd_span((const char *)&len, sizeof(len)));

    return err != WD_OK ? err : wd_buf_add(frame, item);
}

static enum wd_err
keys_provider(const struct wd_policy *policy, const struct wd_provider *provider, wd_getenv_fn *env, struct wd_buf *frame,
              struct wd_policy_error *error)
{
    struct wd_secret **keys = calloc(provider->key_count, sizeof(*keys));
    enum wd_err err;

    if (keys == NULL)
        return WD_ERR_NOMEM;
    err = wd_keys_load(provider, policy->file, env, keys, error);
    for (uint32_t i = 0; err == WD_OK && i < provider->key_count; i++) {
        err = keys_item(frame, wd_span_str(provider->name));
        if (err == WD_OK)
            err = keys_item(frame, wd_secret_get(keys[i]));
    }
    for (uint32_t i = 0; i < provider->key_count; i++)
        wd_secret_free(keys[i]);
    free(keys);
    return err;
}

/* nginx reads the policy, but not the environment, where the password may come from. */
static enum wd_err
keys_store(const struct wd_policy *policy, struct wd_buf *frame, struct wd_policy_error *error)
{
    enum wd_err err;

    if (policy->store.password == NULL && policy->store.user != NULL) {
        snprintf(error->text, sizeof(error->text),
                 "%s: store: names a user and no password (accepted: USER:PASSWORD, or "
                 "WARDER_STORE_PASSWORD in the environment)",
                 policy->file);
        return WD_ERR_NOTFOUND;
    }
    if (policy->store.password == NULL)
        return WD_OK;
    err = keys_item(frame, WD_SPAN(":store"));
    return err != WD_OK ? err : keys_item(frame, wd_secret_get(policy->store.password));
}

enum wd_err
serve_keys_frame(const struct wd_policy *policy, wd_getenv_fn *env, struct wd_buf *frame, struct wd_policy_error *error)
{
    enum wd_err err = WD_OK;

    snprintf(error->text, sizeof(error->text), "too many or too long keys (accepted: 96 KiB in all)");
    for (uint32_t i = 0; err == WD_OK && i < policy->provider_count; i++)
        err = keys_provider(policy, &policy->providers[i], env, frame, error);
    return err == WD_OK ? keys_store(policy, frame, error) : err;
}

static enum wd_err
keys_send_all(int fd, const char *ptr, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, ptr, len, MSG_NOSIGNAL);
        if (n <= 0)
            return WD_ERR_IO;
        ptr += n;
        len -= (size_t)n;
    }
    return WD_OK;
}

enum wd_err
serve_keys_send(int fd, const struct wd_buf *frame)
{
    uint32_t len = (uint32_t)frame->len;
    enum wd_err err = keys_send_all(fd, (const char *)&len, sizeof(len));

    return err != WD_OK ? err : keys_send_all(fd, frame->ptr, frame->len);
}
