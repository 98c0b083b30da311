#include "scan_example.h"

#include "../src/detect/text/chars.h"

/* As far as two writings of a value are the same: letters and digits, the former in lower case. */
enum { SCAN_EXAMPLE_MAX = 256 };

/*
 * Values that documentation uses without the word EXAMPLE in them, in letters and digits alone and split, so that no scanner
 * takes them for more than they are. Looked up 2025-11.
 */
static const char *const scan_examples[] = {
    /* Stripe's test keys */
    "sktest"
    "4ec39hqlyjwdarjtt1zdp7dc",
    "pktest"
    "tymooqnnj4cfcpqj4ndlmnta",
    /* Test cards of payment providers */
    "4242"
    "424242424242",
    "4000"
    "056655665556",
    "4111"
    "111111111111",
    "4012"
    "888888881881",
    "5555"
    "555555554444",
    "5200"
    "828282828210",
    "5105"
    "105105105100",
    "2223"
    "003122003222",
    "3782"
    "82246310005",
    "3714"
    "49635398431",
    "6011"
    "111111111117",
    "6011"
    "000990139424",
    "3056"
    "9309025904",
    "3852"
    "0000023237",
    "3566"
    "002020360505",
    "3530"
    "111333300000",
    /* Account numbers of the IBAN registry and of Wikipedia */
    "gb82west"
    "12345698765432",
    "gb29nwbk"
    "60161331926819",
    "de89"
    "370400440532013000",
    "fr14"
    "20041010050500013m02606",
    /* Social security numbers that were printed in advertisements */
    "078"
    "051120",
    "219"
    "099999",
};

/* Domains that can never name anybody (RFC 2606, RFC 6761). */
static const char *const scan_example_domains[] = { "example.com", "example.org", "example.net", "example",
                                                    "test",        "invalid",     "localhost" };

static bool
scan_example_domain(struct wd_span value)
{
    const char *at = value.len > 0 ? memrchr(value.ptr, '@', value.len) : NULL;
    struct wd_span domain;
    size_t i, len;

    if (at == NULL)
        return false;
    domain = wd_span(at + 1, value.len - (size_t)(at + 1 - value.ptr));
    for (i = 0; i < sizeof(scan_example_domains) / sizeof(scan_example_domains[0]); i++) {
        len = strlen(scan_example_domains[i]);
        if (domain.len < len || strncasecmp(domain.ptr + domain.len - len, scan_example_domains[i], len) != 0)
            continue;
        if (domain.len == len || domain.ptr[domain.len - len - 1] == '.')
            return true;
    }
    return false;
}

bool
scan_example_is(const struct wd_rule *rule, struct wd_span value)
{
    char plain[SCAN_EXAMPLE_MAX];
    size_t i, n = 0;

    if (rule->category != WD_SECRET && rule->category != WD_PII)
        return false;
    for (i = 0; i < value.len && n < sizeof(plain); i++)
        if (wd_char_is((uint8_t)value.ptr[i], WD_CH_ALNUM))
            plain[n++] = (char)wd_char_lower((uint8_t)value.ptr[i]);
    if (rule->category == WD_SECRET && memmem(plain, n, "example", 7) != NULL)
        return true;
    for (i = 0; i < sizeof(scan_examples) / sizeof(scan_examples[0]); i++)
        if (wd_span_eq(wd_span(plain, n), wd_span_str(scan_examples[i])))
            return true;
    return rule->category == WD_PII && scan_example_domain(value);
}
