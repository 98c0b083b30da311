#include "naming.h"

#include "../text/chars.h"

/* Sorts of words, a bit each. */
enum {
    NAMING_PHONE = 1,
    NAMING_NUMBER = 2,
    NAMING_THING = 4,
    NAMING_ID = 8,
    NAMING_GROUPS = 16,
    NAMING_ROOM = 32,
    NAMING_BIRTH = 64,
    NAMING_ADDRESS = 128,
    NAMING_VERSION = 256,
    NAMING_HOST = 512,
};

/* In order; each stands for all words that start with it, unless it ends in a blank. */
/* clang-format off */
static const struct {
    const char *word;
    uint16_t sorts;
} naming_words[] = {
    { "abn", NAMING_GROUPS }, { "account", NAMING_ID }, { "acct", NAMING_ID }, { "addr", NAMING_HOST },
    { "addr:", NAMING_ADDRESS }, { "address", NAMING_ADDRESS | NAMING_HOST }, { "adresse", NAMING_ADDRESS },
    { "amount", NAMING_THING }, { "android", NAMING_VERSION }, { "anschrift", NAMING_ADDRESS },
    { "answering at", NAMING_PHONE }, { "appel", NAMING_PHONE }, { "appendix", NAMING_VERSION }, { "apt ", NAMING_ROOM },
    { "apt.", NAMING_ROOM }, { "argument", NAMING_THING }, { "art.", NAMING_THING }, { "article", NAMING_THING },
    { "asin", NAMING_THING }, { "asn.1", NAMING_VERSION }, { "assembly", NAMING_VERSION }, { "bank", NAMING_ID },
    { "batch", NAMING_THING }, { "bestell", NAMING_THING }, { "between", NAMING_THING }, { "birth", NAMING_BIRTH },
    { "booking", NAMING_THING }, { "born", NAMING_BIRTH }, { "box ", NAMING_ROOM }, { "build", NAMING_THING | NAMING_VERSION },
    { "call ", NAMING_PHONE }, { "callback", NAMING_PHONE }, { "called ", NAMING_PHONE }, { "calling ", NAMING_PHONE },
    { "card", NAMING_ID }, { "case", NAMING_THING }, { "catalog", NAMING_THING }, { "cell ", NAMING_PHONE },
    { "cell.", NAMING_PHONE }, { "cell:", NAMING_PHONE }, { "cellphone", NAMING_PHONE }, { "cellular", NAMING_PHONE },
    { "celular", NAMING_PHONE }, { "cep ", NAMING_PHONE }, { "cep:", NAMING_PHONE }, { "chapter", NAMING_VERSION },
    { "chrome", NAMING_VERSION }, { "claim", NAMING_THING }, { "clause", NAMING_VERSION }, { "client", NAMING_HOST },
    { "code", NAMING_THING }, { "commit", NAMING_THING }, { "confirmation", NAMING_THING }, { "contact", NAMING_PHONE },
    { "d.o.b", NAMING_BIRTH }, { "date", NAMING_THING }, { "deliver to", NAMING_ADDRESS }, { "delivery to", NAMING_ADDRESS },
    { "dial ", NAMING_PHONE }, { "dll", NAMING_VERSION }, { "dns", NAMING_HOST }, { "dob", NAMING_BIRTH },
    { "doi", NAMING_THING }, { "downgrade", NAMING_VERSION }, { "driver", NAMING_VERSION }, { "ean", NAMING_THING },
    { "employee", NAMING_ID }, { "equals", NAMING_THING }, { "error", NAMING_THING }, { "exe ", NAMING_VERSION },
    { "fax", NAMING_PHONE }, { "fig.", NAMING_VERSION }, { "figure", NAMING_VERSION }, { "firefox", NAMING_VERSION },
    { "firmware", NAMING_VERSION }, { "flight", NAMING_THING }, { "from", NAMING_HOST }, { "from ", NAMING_THING },
    { "function", NAMING_THING }, { "gateway", NAMING_HOST }, { "geb.", NAMING_BIRTH }, { "geboren", NAMING_BIRTH },
    { "geburt", NAMING_BIRTH }, { "gem ", NAMING_VERSION }, { "gsm", NAMING_PHONE }, { "handy", NAMING_PHONE },
    { "home is", NAMING_ADDRESS }, { "host", NAMING_HOST }, { "hotline", NAMING_PHONE }, { "house is", NAMING_ADDRESS },
    { "iban", NAMING_ID }, { "id ", NAMING_ID }, { "id:", NAMING_ID }, { "imei", NAMING_ID }, { "insee", NAMING_GROUPS },
    { "invoice", NAMING_THING }, { "ios", NAMING_VERSION }, { "ip", NAMING_HOST }, { "isbn", NAMING_THING },
    { "issn", NAMING_THING }, { "item", NAMING_THING }, { "java", NAMING_VERSION }, { "job", NAMING_THING },
    { "kernel", NAMING_VERSION }, { "key", NAMING_THING }, { "landline", NAMING_PHONE }, { "licen", NAMING_ID },
    { "live at", NAMING_ADDRESS }, { "live on", NAMING_ADDRESS }, { "lived at", NAMING_ADDRESS },
    { "lives at", NAMING_ADDRESS }, { "lives on", NAMING_ADDRESS }, { "living at", NAMING_ADDRESS },
    { "located at", NAMING_ADDRESS }, { "lot ", NAMING_THING }, { "macos", NAMING_VERSION }, { "mail to", NAMING_ADDRESS },
    { "member", NAMING_ID }, { "method", NAMING_THING }, { "mobil", NAMING_PHONE }, { "model", NAMING_THING },
    { "movil", NAMING_PHONE }, { "nacida", NAMING_BIRTH }, { "nacido", NAMING_BIRTH }, { "nacimiento", NAMING_BIRTH },
    { "naissance", NAMING_BIRTH }, { "nascimento", NAMING_BIRTH }, { "nascita", NAMING_BIRTH }, { "nata ", NAMING_BIRTH },
    { "nato ", NAMING_BIRTH }, { "nir", NAMING_GROUPS }, { "nuget", NAMING_VERSION }, { "number is", NAMING_NUMBER },
    { "number:", NAMING_NUMBER }, { "numbers:", NAMING_NUMBER }, { "numero", NAMING_NUMBER }, { "nummer", NAMING_NUMBER },
    { "office\n", NAMING_PHONE }, { "office:", NAMING_PHONE }, { "oid", NAMING_VERSION }, { "one is", NAMING_NUMBER },
    { "openssl", NAMING_VERSION }, { "opera", NAMING_VERSION }, { "order", NAMING_THING }, { "page", NAMING_THING },
    { "pager", NAMING_PHONE }, { "paragraph", NAMING_VERSION }, { "parameter", NAMING_THING }, { "part", NAMING_THING },
    { "passport", NAMING_ID }, { "patch", NAMING_VERSION }, { "phone", NAMING_PHONE }, { "php", NAMING_VERSION },
    { "pin ", NAMING_ID }, { "ping", NAMING_HOST }, { "po ", NAMING_THING }, { "policy", NAMING_ID }, { "pp.", NAMING_THING },
    { "price", NAMING_THING }, { "product", NAMING_THING }, { "protocol", NAMING_VERSION }, { "proxy", NAMING_HOST },
    { "python", NAMING_VERSION }, { "range", NAMING_THING }, { "reach ", NAMING_PHONE }, { "receipt", NAMING_THING },
    { "ref ", NAMING_THING }, { "ref.", NAMING_THING }, { "ref:", NAMING_THING }, { "reference", NAMING_THING },
    { "registration", NAMING_ID }, { "release", NAMING_VERSION }, { "remote", NAMING_HOST }, { "request", NAMING_THING },
    { "reservation", NAMING_THING }, { "reside", NAMING_ADDRESS }, { "residence", NAMING_ADDRESS },
    { "residing", NAMING_ADDRESS }, { "rev ", NAMING_VERSION }, { "revision", NAMING_THING | NAMING_VERSION },
    { "rfc", NAMING_THING }, { "ring me", NAMING_PHONE }, { "room", NAMING_ROOM }, { "router", NAMING_HOST },
    { "routing", NAMING_ID }, { "ruby", NAMING_VERSION }, { "ruf", NAMING_PHONE }, { "safari", NAMING_VERSION },
    { "sdk", NAMING_VERSION }, { "section", NAMING_VERSION }, { "secu", NAMING_GROUPS }, { "send it to", NAMING_ADDRESS },
    { "serial", NAMING_THING }, { "server", NAMING_HOST }, { "session", NAMING_THING }, { "ship it to", NAMING_ADDRESS },
    { "ship to", NAMING_ADDRESS }, { "size", NAMING_THING }, { "sku", NAMING_THING }, { "sms", NAMING_PHONE },
    { "social", NAMING_ID }, { "software", NAMING_VERSION }, { "ssn", NAMING_ID }, { "student", NAMING_ID },
    { "subnet", NAMING_HOST }, { "suite", NAMING_ROOM }, { "table", NAMING_VERSION }, { "tax", NAMING_ID },
    { "tel ", NAMING_PHONE }, { "tel.", NAMING_PHONE }, { "tel:", NAMING_PHONE }, { "telef", NAMING_PHONE },
    { "telepho", NAMING_PHONE }, { "telepon", NAMING_PHONE }, { "text me", NAMING_PHONE }, { "text us", NAMING_PHONE },
    { "ticket", NAMING_THING }, { "timestamp", NAMING_THING }, { "total", NAMING_THING }, { "tracking", NAMING_THING },
    { "transaction", NAMING_THING }, { "unit", NAMING_ROOM }, { "upc", NAMING_THING }, { "update to", NAMING_VERSION },
    { "updated to", NAMING_VERSION }, { "upgrade", NAMING_VERSION }, { "v.", NAMING_VERSION }, { "value", NAMING_THING },
    { "ver ", NAMING_VERSION }, { "ver.", NAMING_VERSION }, { "version", NAMING_THING | NAMING_VERSION },
    { "vol.", NAMING_THING }, { "volume", NAMING_THING }, { "whatsapp", NAMING_PHONE }, { "windows", NAMING_VERSION },
    { "wohne", NAMING_ADDRESS }, { "wohnhaft", NAMING_ADDRESS }, { "wohnt", NAMING_ADDRESS }, { "year", NAMING_THING },
    { "zip", NAMING_THING },
};
/* clang-format on */

enum { NAMING_WORDS = sizeof(naming_words) / sizeof(naming_words[0]) };

/* The sorts of the words that start the text, 0 when none does. The table is in order. */
static unsigned
naming_sorts(const char *text, size_t n)
{
    size_t low = 0, high = NAMING_WORDS, middle, k;
    unsigned sorts = 0;
    const char *word;

    while (low < high) {
        middle = (low + high) / 2;
        if (naming_words[middle].word[0] < text[0])
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < NAMING_WORDS && naming_words[low].word[0] == text[0]; low++) {
        word = naming_words[low].word;
        for (k = 1; k < n && word[k] != '\0' && word[k] == text[k]; k++)
            continue;
        if (word[k] == '\0')
            sorts |= naming_words[low].sorts;
    }
    return sorts;
}

struct wd_naming
wd_naming_read(const struct wd_piece *piece, uint32_t at, uint32_t reach)
{
    struct wd_naming found;
    int *const places[] = { &found.phone, &found.number, &found.thing,   &found.id,      &found.groups,
                            &found.room,  &found.birth,  &found.address, &found.version, &found.host };
    char before[WD_CONTEXT_MAX];
    uint32_t len = wd_piece_before(piece, at, before), i;
    unsigned sorts, k;

    for (k = 0; k < sizeof(places) / sizeof(places[0]); k++)
        *places[k] = -1;
    for (i = len > reach ? len - reach : 0; i < len; i++) {
        if (!wd_char_is((uint8_t)before[i], WD_CH_LOWER) || (i > 0 && wd_char_is((uint8_t)before[i - 1], WD_CH_ALNUM)))
            continue;
        sorts = naming_sorts(before + i, len - i);
        for (k = 0; sorts != 0; k++, sorts >>= 1)
            if ((sorts & 1) != 0)
                *places[k] = (int)i;
    }
    return found;
}
