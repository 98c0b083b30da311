#include "file.h"
#include "yaml.h"

#include <stdio.h>

#define KEYS_FILE_BYTES 8192
#define KEYS_SHOWN 8 /* characters of an expected prefix */

/* Prefixes of one provider that begin with the prefix of another: sk-ant-... is no key for a provider whose keys begin with sk-.
 */
static const char *const keys_foreign[] = { "sk-ant-" };

static bool
keys_begins(struct wd_span key, const char *prefix)
{
    return key.len >= strlen(prefix) && memcmp(key.ptr, prefix, strlen(prefix)) == 0;
}

static bool
keys_prefix_fits(const char *prefix, struct wd_span key)
{
    if (!keys_begins(key, prefix))
        return false;
    for (size_t i = 0; i < sizeof(keys_foreign) / sizeof(keys_foreign[0]); i++)
        if (prefix[0] != '\0' && strlen(prefix) < strlen(keys_foreign[i]) && keys_begins(key, keys_foreign[i]))
            return false;
    return true;
}

static bool
keys_printable(struct wd_span key)
{
    for (size_t i = 0; i < key.len; i++)
        if (key.ptr[i] <= ' ' || key.ptr[i] > '~')
            return false;
    return true;
}

static enum wd_err
keys_from_file(struct wd_buf *buf, const char *path, const char **what)
{
    enum wd_err err;
    int fd;

    err = wd_file_open(&fd, path, true, what);
    if (err != WD_OK)
        return err;
    err = wd_file_read(buf, fd);
    *what = err == WD_ERR_LIMIT ? "is too large" : "cannot be read";
    if (err == WD_OK && buf->len > 0 && buf->ptr[buf->len - 1] == '\n')
        buf->len--;
    if (err == WD_OK && buf->len > 0 && buf->ptr[buf->len - 1] == '\r')
        buf->len--;
    return err;
}

static enum wd_err
keys_from_env(struct wd_buf *buf, const char *name, wd_getenv_fn *env, const char **what)
{
    const char *value = env(name);
    enum wd_err err;

    *what = "is not set";
    if (value == NULL)
        return WD_ERR_NOTFOUND;
    err = wd_buf_reserve(buf, buf->cap);
    *what = "is too large";
    return err == WD_OK ? wd_buf_add_str(buf, value) : err;
}

enum wd_err
wd_key_check(const struct wd_provider *provider, struct wd_span key, const char **what)
{
    *what = "is empty";
    if (key.len == 0)
        return WD_ERR_SYNTAX;
    *what = "is too large";
    if (key.len > KEYS_FILE_BYTES)
        return WD_ERR_LIMIT;
    *what = "gives a key with spaces, control or non-ASCII characters";
    if (!keys_printable(key))
        return WD_ERR_SYNTAX;
    *what = "gives a key that does not begin as the keys of this provider do";
    return keys_prefix_fits(provider->key_prefix, key) ? WD_OK : WD_ERR_RANGE;
}

/* Everything between the source and the secret passes through buf, which the caller wipes. */
static enum wd_err
keys_read(struct wd_buf *buf, const struct wd_provider *provider, const struct wd_key_source *source, wd_getenv_fn *env,
          struct wd_secret **key, const char **what)
{
    enum wd_err err = source->is_file ? keys_from_file(buf, source->name, what) : keys_from_env(buf, source->name, env, what);

    if (err == WD_OK)
        err = wd_key_check(provider, wd_buf_span(buf), what);
    return err == WD_OK ? wd_secret_new(key, wd_buf_span(buf)) : err;
}

static void
keys_error(const struct wd_provider *provider, const struct wd_key_source *source, const char *file, enum wd_err err,
           const char *what, struct wd_policy_error *error)
{
    char path[64], text[320], accepted[64];

    snprintf(path, sizeof(path), "providers.%s.keys", provider->name);
    if (err == WD_ERR_NOMEM) {
        wd_yaml_error_at(error, file, source->line, path, "out of guarded memory", NULL);
        return;
    }
    snprintf(text, sizeof(text), "%s%.200s %s", source->is_file ? "file:" : "env:", source->name, what);
    if (err == WD_ERR_RANGE)
        snprintf(accepted, sizeof(accepted), "a key that begins with %.*s", KEYS_SHOWN, provider->key_prefix);
    else if (source->is_file)
        snprintf(accepted, sizeof(accepted), "a file of mode 0600, 1 to %d bytes", KEYS_FILE_BYTES);
    else
        snprintf(accepted, sizeof(accepted), "a variable that holds a key");
    wd_yaml_error_at(error, file, source->line, path, text, accepted);
}

enum wd_err
wd_key_load(const struct wd_provider *provider, uint32_t slot, const char *policy_file, wd_getenv_fn *env, struct wd_secret **key,
            struct wd_policy_error *error)
{
    const char *what = NULL;
    struct wd_buf buf;
    enum wd_err err;

    *key = NULL;
    wd_buf_init(&buf, KEYS_FILE_BYTES);
    err = keys_read(&buf, provider, &provider->keys[slot], env, key, &what);
    wd_buf_wipe(&buf);
    if (err != WD_OK)
        keys_error(provider, &provider->keys[slot], policy_file, err, what, error);
    return err;
}
