/* The shapes of IP addresses in text. */
#include "../text/chars.h"
#include "ip.h"
#include "measure_pii.h"
#include "naming.h"

enum { MEASURE_IP_MAX = 45, MEASURE_ZONE_MAX = 16, MEASURE_NAME_REACH = 20 };

static bool
measure_ip_is(const struct wd_piece *p, int64_t i, unsigned classes)
{
    int c = wd_piece_at(p, i);

    return c >= 0 && wd_char_is((uint8_t)c, classes);
}

/* Behind the address: /24 belongs to it when it can be a prefix length. */
static uint32_t
measure_ip_prefix(const struct wd_piece *p, uint32_t end, unsigned most)
{
    unsigned value = 0;
    uint32_t i = end + 1;

    if (wd_piece_at(p, end) != '/')
        return end;
    for (; i < p->len && i < end + 4 && wd_char_is(p->chars[i], WD_CH_DIGIT); i++)
        value = value * 10 + (unsigned)(p->chars[i] - '0');
    return i > end + 1 && value <= most && !measure_ip_is(p, i, WD_CH_ALNUM) ? i : end;
}

/* A version, a section, an object identifier: what four numbers with dots are besides. */
static bool
measure_ip_is_version(const struct wd_piece *p, uint32_t at, const uint8_t ip[4])
{
    struct wd_naming naming = wd_naming_read(p, at, MEASURE_NAME_REACH);
    int before = wd_piece_at(p, (int64_t)at - 1);

    if (before == '=' && wd_piece_at(p, (int64_t)at - 2) == '=')
        return true;
    if (naming.version > naming.host || wd_piece_near(p, at, "<|>|~|^", 2))
        return true;
    /* 1.2.3.4, as it stands in examples */
    return ip[0] < 10 && ip[1] < 10 && ip[2] < 10 && ip[3] < 10 && naming.host < 0;
}

bool
wd_measure_ipv4(const struct wd_piece *p, struct wd_match *m)
{
    uint32_t most, end;
    int before, next;
    uint8_t ip[4];
    size_t n;

    for (end = m->start; m->start > 0 && end - m->start < 3 && wd_char_is(p->chars[m->start - 1], WD_CH_DIGIT); m->start--)
        continue;
    before = wd_piece_at(p, (int64_t)m->start - 1);
    most = p->len - m->start;

    if (before >= 0 && (wd_char_is((uint8_t)before, WD_CH_ALNUM | WD_CH_DOT) || before == '_' || before == '-' || before == '$'))
        return false;
    /* Chrome/91.0.1.2, name@1.2.3.4 and +1.2.3.4 are versions. */
    if ((before == '/' || before == '+' || before == '~') && measure_ip_is(p, (int64_t)m->start - 2, WD_CH_ALNUM))
        return false;
    n = wd_ip_read4((const char *)p->chars + m->start, most < 16 ? most : 16, ip);
    if (n == 0 || wd_ip_is_nobody4(ip))
        return false;
    end = m->start + (uint32_t)n;
    next = wd_piece_at(p, end);
    if (next >= 0 && (wd_char_is((uint8_t)next, WD_CH_ALNUM) || next == '_'))
        return false;
    /* A dot and a digit or a name go on with it; a dash does unless another address follows. */
    if (next == '.' && measure_ip_is(p, (int64_t)end + 1, WD_CH_ALNUM))
        return false;
    if (next == '-' && measure_ip_is(p, (int64_t)end + 1, WD_CH_ALPHA))
        return false;
    if (measure_ip_is_version(p, m->start, ip))
        return false;
    m->end = measure_ip_prefix(p, end, 32);
    return true;
}

static bool
measure_ip_is_part6(uint8_t c)
{
    return wd_char_is(c, WD_CH_DIGIT) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':';
}

/* fe80::1%eth0 */
static uint32_t
measure_ip_zone(const struct wd_piece *p, uint32_t end)
{
    uint32_t i = end + 1;

    if (wd_piece_at(p, end) != '%')
        return end;
    while (i < p->len && i <= end + MEASURE_ZONE_MAX && wd_char_is(p->chars[i], WD_CH_KEY))
        i++;
    return i > end + 1 ? i : end;
}

bool
wd_measure_ipv6(const struct wd_piece *p, struct wd_match *m)
{
    uint32_t start = m->start, end = m->start, groups;
    int before;
    uint8_t ip[16];

    while (start > 0 && m->start - start < MEASURE_IP_MAX && measure_ip_is_part6(p->chars[start - 1]))
        start--;
    while (end < p->len && end - start <= MEASURE_IP_MAX && (measure_ip_is_part6(p->chars[end]) || p->chars[end] == '.'))
        end++;
    while (end > start && (p->chars[end - 1] == '.' || (p->chars[end - 1] == ':' && p->chars[end - 2] != ':')))
        end--;
    before = wd_piece_at(p, (int64_t)start - 1);
    if (before >= 0 && (wd_char_is((uint8_t)before, WD_CH_ALNUM | WD_CH_DOT) || before == '_' || before == ':' || before == '-'))
        return false;
    if (measure_ip_is(p, end, WD_CH_ALNUM | WD_CH_JOIN))
        return false;
    if (!wd_ip_read6((const char *)p->chars + start, end - start, ip) || wd_ip_is_nobody6(ip))
        return false;
    /* Of a::b and the like, which is code, no group is as long as those of an address are. */
    for (groups = start; groups < end && !(groups + 2 < end && p->chars[groups] != ':' && p->chars[groups + 1] != ':' &&
                                           p->chars[groups + 2] != ':');
         groups++)
        continue;
    if (groups == end)
        return false;
    m->start = start;
    end = measure_ip_zone(p, end);
    m->end = measure_ip_prefix(p, end, 128);
    return true;
}
