#include "nearby.h"

#include "../text/chars.h"

enum {
    NEARBY_NOT = 1,   /* says what else the value is */
    NEARBY_START = 2, /* a word begins with it: api_key and apiKey, not monkey */
    NEARBY_END = 4,   /* a word ends with it, but for an s */
    NEARBY_WORD = NEARBY_START | NEARBY_END,
};

/* In lower case and in order. A blank stands for itself, _, - or nothing. */
/* clang-format off */
static const struct nearby_word {
    const char *text;
    uint8_t flags;
} nearby_words[] = {
    { "access:", NEARBY_START }, { "access=", NEARBY_START }, { "accesskey", NEARBY_END }, { "address", NEARBY_NOT },
    { "airtable", 0 }, { "alchemy", 0 }, { "algolia", 0 }, { "amplitude", 0 }, { "anthropic", 0 }, { "api:", NEARBY_START },
    { "api=", NEARBY_START }, { "apikey", 0 }, { "apikey", NEARBY_END }, { "artifact", NEARBY_NOT }, { "assemblyai", 0 },
    { "auth", NEARBY_WORD }, { "authenticat", 0 }, { "authkey", NEARBY_END }, { "authorization", 0 }, { "base64", NEARBY_NOT },
    { "bearer", NEARBY_WORD }, { "blob", NEARBY_NOT | NEARBY_WORD }, { "branch", NEARBY_NOT },
    { "build", NEARBY_NOT | NEARBY_WORD }, { "bundle", NEARBY_NOT | NEARBY_WORD }, { "cache key", NEARBY_NOT },
    { "call id", NEARBY_NOT }, { "certificate", NEARBY_NOT }, { "checksum", NEARBY_NOT }, { "clave", NEARBY_WORD },
    { "cloudflare", 0 }, { "cluster", NEARBY_NOT | NEARBY_WORD }, { "codecov", 0 }, { "cohere", 0 }, { "commit", NEARBY_NOT },
    { "container", NEARBY_NOT | NEARBY_WORD }, { "continuation token", NEARBY_NOT }, { "cookie", NEARBY_END },
    { "crc", NEARBY_NOT | NEARBY_START }, { "cred", NEARBY_WORD }, { "credential", 0 }, { "cursor", NEARBY_NOT },
    { "datadog", 0 }, { "dedup key", NEARBY_NOT }, { "deepgram", 0 }, { "device", NEARBY_NOT | NEARBY_WORD },
    { "digest", NEARBY_NOT }, { "dropbox", 0 }, { "encrypted content", NEARBY_NOT }, { "encrypted index", NEARBY_NOT },
    { "etag", NEARBY_NOT | NEARBY_START }, { "etherscan", 0 }, { "exposed", NEARBY_WORD }, { "fastly", 0 },
    { "fingerprint", NEARBY_NOT }, { "foreign key", NEARBY_NOT }, { "gpg", NEARBY_NOT | NEARBY_WORD },
    { "guid", NEARBY_NOT | NEARBY_WORD }, { "h1:", NEARBY_NOT | NEARBY_START }, { "hash", NEARBY_NOT }, { "header", NEARBY_WORD },
    { "heroku", 0 }, { "huggingface", 0 }, { "id", NEARBY_NOT | NEARBY_WORD }, { "idempotency key", NEARBY_NOT },
    { "image", NEARBY_NOT | NEARBY_WORD }, { "infura", 0 }, { "instance", NEARBY_NOT | NEARBY_WORD }, { "integrity", NEARBY_NOT },
    { "intercom", 0 }, { "invoice", NEARBY_NOT }, { "isbn", NEARBY_NOT }, { "jwt", NEARBY_WORD }, { "kennwort", 0 },
    { "kernel", NEARBY_NOT }, { "key", NEARBY_WORD }, { "key file", NEARBY_NOT }, { "key id", NEARBY_NOT },
    { "leaked", NEARBY_WORD }, { "leaking", NEARBY_WORD }, { "license", NEARBY_END }, { "log in with", 0 },
    { "login", NEARBY_WORD }, { "lookup key", NEARBY_NOT }, { "mailgun", 0 }, { "md5", NEARBY_NOT }, { "messagebird", 0 },
    { "mistral", 0 }, { "mixpanel", 0 }, { "model", NEARBY_NOT | NEARBY_WORD }, { "next token", NEARBY_NOT },
    { "nonce", NEARBY_NOT }, { "oauth", 0 }, { "object key", NEARBY_NOT }, { "okta", NEARBY_START }, { "openai", 0 },
    { "opsgenie", 0 }, { "order", NEARBY_NOT | NEARBY_WORD }, { "package", NEARBY_NOT | NEARBY_WORD },
    { "page token", NEARBY_NOT }, { "pagerduty", 0 }, { "partition key", NEARBY_NOT }, { "passcode", 0 }, { "passphrase", 0 },
    { "passw", 0 }, { "passwort", 0 }, { "pasted", NEARBY_WORD }, { "pat", NEARBY_WORD }, { "pod", NEARBY_NOT | NEARBY_WORD },
    { "postmark", 0 }, { "primary key", NEARBY_NOT }, { "public key", NEARBY_NOT }, { "public token", NEARBY_NOT },
    { "pusher", NEARBY_START }, { "pwd", NEARBY_WORD }, { "rapidapi", 0 }, { "recv key", NEARBY_NOT },
    { "ref", NEARBY_NOT | NEARBY_WORD }, { "req", NEARBY_NOT | NEARBY_WORD }, { "request", NEARBY_NOT | NEARBY_WORD },
    { "resolved", NEARBY_NOT }, { "rev", NEARBY_NOT | NEARBY_WORD }, { "revision", NEARBY_NOT }, { "rollbar", 0 },
    { "routing key", NEARBY_NOT }, { "schluessel", 0 }, { "secret", NEARBY_END }, { "secretkey", NEARBY_END },
    { "seed", NEARBY_WORD }, { "segment_write", 0 }, { "sendgrid", 0 }, { "senha", NEARBY_WORD },
    { "serial", NEARBY_NOT | NEARBY_WORD }, { "sha", NEARBY_NOT | NEARBY_START }, { "sign in with", 0 },
    { "signature", NEARBY_NOT }, { "snyk", 0 }, { "sort key", NEARBY_NOT }, { "span", NEARBY_NOT | NEARBY_WORD }, { "splunk", 0 },
    { "ssh ed25519", NEARBY_NOT }, { "ssh rsa", NEARBY_NOT }, { "tag", NEARBY_NOT | NEARBY_WORD }, { "tarball", NEARBY_NOT },
    { "thumbprint", NEARBY_NOT }, { "token", NEARBY_END }, { "trace", NEARBY_NOT | NEARBY_END }, { "transaction", NEARBY_NOT },
    { "trello", 0 }, { "twilio", 0 }, { "tx", NEARBY_NOT | NEARBY_WORD }, { "txn", NEARBY_NOT | NEARBY_WORD },
    { "uuid", NEARBY_NOT }, { "version", NEARBY_NOT | NEARBY_END }, { "vonage", 0 }, { "zendesk", 0 },
};
/* clang-format on */

enum { NEARBY_COUNT = sizeof(nearby_words) / sizeof(nearby_words[0]) };

/* Bit b of row a: a word begins with the letters a, b, or for bit 26 with a and a digit. The unit test checks that all are there.
 */
static const uint32_t nearby_pairs[26] = {
    0x016b90c, 0x0120811, 0x0124891, 0x0020111, 0x0882000, 0x0004101, 0x0108000, 0x4100011, 0x0043008,
    0x0400000, 0x0000010, 0x0004110, 0x0004119, 0x0004010, 0x0028403, 0x0524001, 0x0000000, 0x0004011,
    0x004e194, 0x0c24081, 0x0100000, 0x0004010, 0x0000000, 0x0000000, 0x0000000, 0x0000010,
};

static bool
nearby_is_pair(uint8_t a, uint8_t b)
{
    if (!wd_char_is(a, WD_CH_LOWER))
        return false;
    return (nearby_pairs[a - 'a'] >> (wd_char_is(b, WD_CH_LOWER) ? b - 'a' : wd_char_is(b, WD_CH_DIGIT) ? 26 : 31) & 1) != 0;
}

/* The first word that begins with two characters, or where it would stand. */
static size_t
nearby_first(uint8_t a, uint8_t b)
{
    size_t low = 0, high = NEARBY_COUNT, middle;
    const uint8_t *text;

    while (low < high) {
        middle = (low + high) / 2;
        text = (const uint8_t *)nearby_words[middle].text;
        if (text[0] < a || (text[0] == a && text[1] < b))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
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

/* The end of the last word at i of each kind, where that is further than what is known. */
static void
nearby_at(struct wd_span s, size_t i, size_t *is, size_t *is_not)
{
    uint8_t a = wd_char_lower((uint8_t)s.ptr[i]), b = wd_char_lower((uint8_t)s.ptr[i + 1]);
    const struct nearby_word *word;
    size_t k, end;

    if (!nearby_is_pair(a, b))
        return;
    for (k = nearby_first(a, b); k < NEARBY_COUNT; k++) {
        word = &nearby_words[k];
        if ((uint8_t)word->text[0] != a || (uint8_t)word->text[1] != b)
            break;
        end = nearby_match(s, i, word);
        if ((word->flags & NEARBY_NOT) != 0)
            *is_not = end > *is_not ? end : *is_not;
        else
            *is = end > *is ? end : *is;
    }
}

/* Words are looked for from the end on, until no other can reach as far as the last one does. */
bool
wd_nearby_secret(struct wd_span before, size_t reach)
{
    size_t is = 0, is_not = 0, far = reach + WD_NEARBY_WORD_MAX, i;
    size_t from = before.len > far ? before.len - far : 0;

    for (i = before.len; i > from + 1 && i + WD_NEARBY_WORD_MAX > is && i + WD_NEARBY_WORD_MAX > is_not; i--)
        nearby_at(before, i - 2, &is, &is_not);
    return is > is_not && before.len - is <= reach;
}

size_t
wd_nearby_last(struct wd_span s)
{
    size_t is = 0, is_not = 0, i;

    for (i = s.len; i > 1 && i + WD_NEARBY_WORD_MAX > is; i--)
        nearby_at(s, i - 2, &is, &is_not);
    return is;
}
