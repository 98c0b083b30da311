#include "journal_chain.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define CHAIN_PREV_KEY "\"prev\":\""
#define CHAIN_HASH_KEY ",\"hash\":\""

static size_t
chain_put(char *out, size_t at, const char *bytes, size_t len)
{
    memcpy(out + at, bytes, len);
    return at + len;
}

static void
chain_hash(char hex[CHAIN_HEX + 1], const char prev[CHAIN_HEX], const char *line, size_t len, const uint8_t key[32])
{
    crypto_generichash_state state;
    uint8_t hash[32];

    crypto_generichash_init(&state, key, 32, sizeof(hash));
    crypto_generichash_update(&state, (const uint8_t *)prev, CHAIN_HEX);
    crypto_generichash_update(&state, (const uint8_t *)line, len);
    crypto_generichash_final(&state, hash, sizeof(hash));
    sodium_bin2hex(hex, CHAIN_HEX + 1, hash, sizeof(hash));
}

size_t
chain_line(char *out, struct wd_span body, char prev[CHAIN_HEX], const uint8_t key[32])
{
    char hex[CHAIN_HEX + 1];
    size_t at = chain_put(out, 0, "{", 1);

    if (body.len > 0) {
        at = chain_put(out, at, body.ptr, body.len);
        at = chain_put(out, at, ",", 1);
    }
    at = chain_put(out, at, CHAIN_PREV_KEY, strlen(CHAIN_PREV_KEY));
    at = chain_put(out, at, prev, CHAIN_HEX);
    at = chain_put(out, at, "\"", 1);
    chain_hash(hex, prev, out, at, key);
    at = chain_put(out, at, CHAIN_HASH_KEY, strlen(CHAIN_HASH_KEY));
    at = chain_put(out, at, hex, CHAIN_HEX);
    at = chain_put(out, at, "\"}\n", 3);
    memcpy(prev, hex, CHAIN_HEX);
    return at;
}

static bool
chain_hex(const char *s)
{
    for (size_t i = 0; i < CHAIN_HEX; i++)
        if ((s[i] < '0' || s[i] > '9') && (s[i] < 'a' || s[i] > 'f'))
            return false;
    return true;
}

enum chain_fault
chain_check(struct wd_span line, char prev[CHAIN_HEX], const uint8_t key[32])
{
    const size_t key_len = strlen(CHAIN_PREV_KEY), hash_len = strlen(CHAIN_HASH_KEY) + CHAIN_HEX + 2;
    const size_t tail = key_len + CHAIN_HEX + 1 + hash_len;
    char hex[CHAIN_HEX + 1];

    if (line.len < 1 + tail || line.len > CHAIN_LINE_MAX || line.ptr[0] != '{')
        return CHAIN_MALFORMED;
    const char *p = line.ptr + line.len - tail, *claimed_prev = p + key_len, *h = claimed_prev + CHAIN_HEX + 1;
    const char *claimed = h + strlen(CHAIN_HASH_KEY);
    if (memcmp(p, CHAIN_PREV_KEY, key_len) != 0 || p[-1] != (line.len == 1 + tail ? '{' : ',') ||
        memcmp(h, CHAIN_HASH_KEY, strlen(CHAIN_HASH_KEY)) != 0 || claimed_prev[CHAIN_HEX] != '"' ||
        memcmp(claimed + CHAIN_HEX, "\"}", 2) != 0 || !chain_hex(claimed_prev) || !chain_hex(claimed))
        return CHAIN_MALFORMED;
    chain_hash(hex, claimed_prev, line.ptr, (size_t)(h - line.ptr), key);
    if (sodium_memcmp(hex, claimed, CHAIN_HEX) != 0)
        return CHAIN_HASH;
    if (memcmp(claimed_prev, prev, CHAIN_HEX) != 0)
        return CHAIN_PREV;
    memcpy(prev, claimed, CHAIN_HEX);
    return CHAIN_OK;
}

int
chain_number(const char *name, const char *suffix)
{
    char again[32];
    unsigned n;

    if (sscanf(name, "%4u", &n) != 1 || n >= CHAIN_WRITERS_MAX)
        return -1;
    snprintf(again, sizeof(again), "%u%s", n, suffix);
    return strcmp(name, again) == 0 ? (int)n : -1;
}
