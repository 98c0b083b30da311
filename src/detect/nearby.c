#include "nearby.h"

#include "chars.h"

enum {
    NEARBY_NOT = 1,   /* says what else the value is */
    NEARBY_START = 2, /* a word begins with it: api_key and apiKey, not monkey */
    NEARBY_END = 4,   /* a word ends with it, but for an s */
    NEARBY_WORD = NEARBY_START | NEARBY_END,
};

/* In lower case. A blank stands for itself, _, - or nothing. */
/* clang-format off */
static const struct nearby_word {
    const char *text;
    uint8_t flags;
} nearby_words[] = {
    { "key", NEARBY_WORD }, { "apikey", NEARBY_END }, { "accesskey", NEARBY_END }, { "secretkey", NEARBY_END },
    { "authkey", NEARBY_END }, { "token", NEARBY_END }, { "secret", NEARBY_END }, { "passw", 0 }, { "passphrase", 0 },
    { "passcode", 0 }, { "pwd", NEARBY_WORD }, { "credential", 0 }, { "cred", NEARBY_WORD }, { "bearer", NEARBY_WORD },
    { "authorization", 0 }, { "authenticat", 0 }, { "auth", NEARBY_WORD }, { "oauth", 0 }, { "access=", NEARBY_START },
    { "access:", NEARBY_START }, { "api=", NEARBY_START }, { "api:", NEARBY_START }, { "apikey", 0 },
    { "header", NEARBY_WORD }, { "pasted", NEARBY_WORD }, { "leaked", NEARBY_WORD }, { "leaking", NEARBY_WORD },
    { "exposed", NEARBY_WORD }, { "login", NEARBY_WORD }, { "log in with", 0 }, { "sign in with", 0 }, { "cookie", NEARBY_END },
    { "jwt", NEARBY_WORD }, { "pat", NEARBY_WORD }, { "license", NEARBY_END }, { "seed", NEARBY_WORD },
    { "schluessel", 0 }, { "kennwort", 0 }, { "passwort", 0 }, { "clave", NEARBY_WORD }, { "senha", NEARBY_WORD },
    /* services whose keys have no form of their own */
    { "algolia", 0 }, { "datadog", 0 }, { "twilio", 0 }, { "mailgun", 0 }, { "sendgrid", 0 }, { "cloudflare", 0 }, { "fastly", 0 },
    { "heroku", 0 }, { "deepgram", 0 }, { "assemblyai", 0 }, { "cohere", 0 }, { "mistral", 0 }, { "zendesk", 0 }, { "intercom", 0 },
    { "okta", NEARBY_START }, { "snyk", 0 }, { "codecov", 0 }, { "rapidapi", 0 }, { "splunk", 0 }, { "airtable", 0 },
    { "amplitude", 0 }, { "segment_write", 0 }, { "mixpanel", 0 }, { "pusher", NEARBY_START }, { "trello", 0 }, { "dropbox", 0 },
    { "openai", 0 }, { "anthropic", 0 }, { "huggingface", 0 }, { "alchemy", 0 }, { "infura", 0 }, { "etherscan", 0 },
    { "postmark", 0 }, { "opsgenie", 0 }, { "pagerduty", 0 }, { "rollbar", 0 }, { "vonage", 0 }, { "messagebird", 0 },

    { "commit", NEARBY_NOT }, { "sha", NEARBY_NOT | NEARBY_START }, { "digest", NEARBY_NOT }, { "hash", NEARBY_NOT },
    { "etag", NEARBY_NOT | NEARBY_START }, { "trace", NEARBY_NOT | NEARBY_END }, { "span", NEARBY_NOT | NEARBY_WORD },
    { "request", NEARBY_NOT | NEARBY_WORD }, { "req", NEARBY_NOT | NEARBY_WORD }, { "order", NEARBY_NOT | NEARBY_WORD },
    { "integrity", NEARBY_NOT }, { "checksum", NEARBY_NOT }, { "build", NEARBY_NOT | NEARBY_WORD },
    { "pod", NEARBY_NOT | NEARBY_WORD }, { "uuid", NEARBY_NOT }, { "guid", NEARBY_NOT | NEARBY_WORD },
    { "tx", NEARBY_NOT | NEARBY_WORD }, { "txn", NEARBY_NOT | NEARBY_WORD }, { "transaction", NEARBY_NOT },
    { "version", NEARBY_NOT | NEARBY_END }, { "md5", NEARBY_NOT }, { "crc", NEARBY_NOT | NEARBY_START },
    { "revision", NEARBY_NOT }, { "rev", NEARBY_NOT | NEARBY_WORD }, { "id", NEARBY_NOT | NEARBY_WORD },
    { "fingerprint", NEARBY_NOT }, { "thumbprint", NEARBY_NOT }, { "invoice", NEARBY_NOT }, { "serial", NEARBY_NOT | NEARBY_WORD },
    { "signature", NEARBY_NOT }, { "encrypted content", NEARBY_NOT }, { "encrypted index", NEARBY_NOT }, { "cursor", NEARBY_NOT },
    { "nonce", NEARBY_NOT }, { "bundle", NEARBY_NOT | NEARBY_WORD }, { "resolved", NEARBY_NOT }, { "tarball", NEARBY_NOT },
    { "branch", NEARBY_NOT }, { "tag", NEARBY_NOT | NEARBY_WORD }, { "ref", NEARBY_NOT | NEARBY_WORD },
    { "image", NEARBY_NOT | NEARBY_WORD }, { "container", NEARBY_NOT | NEARBY_WORD }, { "cluster", NEARBY_NOT | NEARBY_WORD },
    { "instance", NEARBY_NOT | NEARBY_WORD }, { "certificate", NEARBY_NOT }, { "base64", NEARBY_NOT }, { "address", NEARBY_NOT },
    { "model", NEARBY_NOT | NEARBY_WORD }, { "device", NEARBY_NOT | NEARBY_WORD }, { "blob", NEARBY_NOT | NEARBY_WORD },
    { "artifact", NEARBY_NOT }, { "package", NEARBY_NOT | NEARBY_WORD }, { "isbn", NEARBY_NOT }, { "kernel", NEARBY_NOT },
    { "public key", NEARBY_NOT }, { "primary key", NEARBY_NOT }, { "foreign key", NEARBY_NOT }, { "cache key", NEARBY_NOT },
    { "partition key", NEARBY_NOT }, { "sort key", NEARBY_NOT }, { "object key", NEARBY_NOT }, { "lookup key", NEARBY_NOT },
    { "routing key", NEARBY_NOT }, { "idempotency key", NEARBY_NOT }, { "dedup key", NEARBY_NOT }, { "key id", NEARBY_NOT },
    { "page token", NEARBY_NOT }, { "next token", NEARBY_NOT }, { "continuation token", NEARBY_NOT }, { "key file", NEARBY_NOT },
    { "public token", NEARBY_NOT }, { "ssh rsa", NEARBY_NOT }, { "ssh ed25519", NEARBY_NOT }, { "call id", NEARBY_NOT },
    { "recv key", NEARBY_NOT }, { "gpg", NEARBY_NOT | NEARBY_WORD }, { "h1:", NEARBY_NOT | NEARBY_START },
};
/* clang-format on */

enum { NEARBY_COUNT = sizeof(nearby_words) / sizeof(nearby_words[0]) };

/* Bit c - 'a': a word begins with the letter. */
static uint32_t
nearby_initials(void)
{
    uint32_t bits = 0;
    size_t i;

    for (i = 0; i < NEARBY_COUNT; i++)
        bits |= (uint32_t)1 << (nearby_words[i].text[0] - 'a');
    return bits;
}

static bool
nearby_is_letter(struct wd_span s, size_t i)
{
    return i < s.len && wd_char_is((uint8_t)s.ptr[i], WD_CH_ALPHA);
}

/* A word may begin at i: behind no letter, or as the hump of a camel. */
static bool
nearby_begins(struct wd_span s, size_t i)
{
    return i == 0 || !nearby_is_letter(s, i - 1) ||
           (wd_char_is((uint8_t)s.ptr[i], WD_CH_UPPER) && wd_char_is((uint8_t)s.ptr[i - 1], WD_CH_LOWER));
}

/* A word may end before i, or before an s at i. */
static bool
nearby_ends(struct wd_span s, size_t i)
{
    if (nearby_is_letter(s, i) && wd_char_lower((uint8_t)s.ptr[i]) == 's')
        i++;
    return !nearby_is_letter(s, i) ||
           (wd_char_is((uint8_t)s.ptr[i], WD_CH_UPPER) && wd_char_is((uint8_t)s.ptr[i - 1], WD_CH_LOWER));
}

/* Where the word that stands at i ends, 0 when it does not stand there. */
static size_t
nearby_match(struct wd_span s, size_t i, const struct nearby_word *word)
{
    const char *w;
    size_t at = i;

    for (w = word->text; *w != '\0'; w++) {
        if (*w == ' ') {
            at += at < s.len && (s.ptr[at] == ' ' || s.ptr[at] == '_' || s.ptr[at] == '-');
            continue;
        }
        if (at == s.len || wd_char_lower((uint8_t)s.ptr[at]) != (uint8_t)*w)
            return 0;
        at++;
    }
    if ((word->flags & NEARBY_START) != 0 && !nearby_begins(s, i))
        return 0;
    return (word->flags & NEARBY_END) != 0 && !nearby_ends(s, at) ? 0 : at;
}

/* Where the last word of each kind ends, 0 when there is none. */
static void
nearby_find(struct wd_span s, size_t *is, size_t *is_not)
{
    uint32_t initials = nearby_initials();
    size_t i, k, end;
    uint8_t c;

    *is = *is_not = 0;
    for (i = 0; i < s.len; i++) {
        c = wd_char_lower((uint8_t)s.ptr[i]);
        if (!wd_char_is(c, WD_CH_LOWER) || (initials >> (c - 'a') & 1) == 0)
            continue;
        for (k = 0; k < NEARBY_COUNT; k++) {
            if ((uint8_t)nearby_words[k].text[0] != c)
                continue;
            end = nearby_match(s, i, &nearby_words[k]);
            if ((nearby_words[k].flags & NEARBY_NOT) != 0)
                *is_not = end > *is_not ? end : *is_not;
            else
                *is = end > *is ? end : *is;
        }
    }
}

bool
wd_nearby_secret(struct wd_span before, size_t reach)
{
    size_t is, is_not;

    nearby_find(before, &is, &is_not);
    return is > is_not && before.len - is <= reach;
}

size_t
wd_nearby_last(struct wd_span s)
{
    size_t is, is_not;

    nearby_find(s, &is, &is_not);
    return is;
}
