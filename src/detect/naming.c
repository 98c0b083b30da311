#include "naming.h"

#include "chars.h"

enum { NAMING_PHONE, NAMING_NUMBER, NAMING_THING, NAMING_ID, NAMING_GROUPS, NAMING_ROOM, NAMING_BIRTH, NAMING_ADDRESS };

/* In order; each stands for all words that start with it, unless it ends in a blank. */
/* clang-format off */
static const struct {
    const char *word;
    uint8_t sort;
} naming_words[] = {
    { "abn", NAMING_GROUPS }, { "account", NAMING_ID }, { "acct", NAMING_ID }, { "addr:", NAMING_ADDRESS },
    { "address", NAMING_ADDRESS }, { "adresse", NAMING_ADDRESS }, { "amount", NAMING_THING }, { "anschrift", NAMING_ADDRESS },
    { "answering at", NAMING_PHONE }, { "appel", NAMING_PHONE }, { "apt ", NAMING_ROOM }, { "apt.", NAMING_ROOM },
    { "argument", NAMING_THING }, { "art.", NAMING_THING }, { "article", NAMING_THING }, { "asin", NAMING_THING },
    { "bank", NAMING_ID }, { "batch", NAMING_THING }, { "bestell", NAMING_THING }, { "between", NAMING_THING },
    { "birth", NAMING_BIRTH }, { "booking", NAMING_THING }, { "born", NAMING_BIRTH }, { "box ", NAMING_ROOM },
    { "build", NAMING_THING }, { "call ", NAMING_PHONE }, { "callback", NAMING_PHONE }, { "called ", NAMING_PHONE },
    { "calling ", NAMING_PHONE }, { "card", NAMING_ID }, { "case", NAMING_THING }, { "catalog", NAMING_THING },
    { "cell ", NAMING_PHONE }, { "cell.", NAMING_PHONE }, { "cell:", NAMING_PHONE }, { "cellphone", NAMING_PHONE },
    { "cellular", NAMING_PHONE }, { "celular", NAMING_PHONE }, { "cep ", NAMING_PHONE }, { "cep:", NAMING_PHONE },
    { "claim", NAMING_THING }, { "code", NAMING_THING }, { "commit", NAMING_THING }, { "confirmation", NAMING_THING },
    { "contact", NAMING_PHONE }, { "d.o.b", NAMING_BIRTH }, { "date", NAMING_THING }, { "deliver to", NAMING_ADDRESS },
    { "delivery to", NAMING_ADDRESS }, { "dial ", NAMING_PHONE }, { "dob", NAMING_BIRTH }, { "doi", NAMING_THING },
    { "ean", NAMING_THING }, { "employee", NAMING_ID }, { "equals", NAMING_THING }, { "error", NAMING_THING },
    { "fax", NAMING_PHONE }, { "flight", NAMING_THING }, { "from ", NAMING_THING }, { "function", NAMING_THING },
    { "geb.", NAMING_BIRTH }, { "geboren", NAMING_BIRTH }, { "geburt", NAMING_BIRTH }, { "gsm", NAMING_PHONE },
    { "handy", NAMING_PHONE }, { "home is", NAMING_ADDRESS }, { "hotline", NAMING_PHONE }, { "house is", NAMING_ADDRESS },
    { "iban", NAMING_ID }, { "id ", NAMING_ID }, { "id:", NAMING_ID }, { "imei", NAMING_ID }, { "insee", NAMING_GROUPS },
    { "invoice", NAMING_THING }, { "isbn", NAMING_THING }, { "issn", NAMING_THING }, { "item", NAMING_THING },
    { "job", NAMING_THING }, { "key", NAMING_THING }, { "landline", NAMING_PHONE }, { "licen", NAMING_ID },
    { "live at", NAMING_ADDRESS }, { "live on", NAMING_ADDRESS }, { "lived at", NAMING_ADDRESS },
    { "lives at", NAMING_ADDRESS }, { "lives on", NAMING_ADDRESS }, { "living at", NAMING_ADDRESS },
    { "located at", NAMING_ADDRESS }, { "lot ", NAMING_THING }, { "mail to", NAMING_ADDRESS }, { "member", NAMING_ID },
    { "method", NAMING_THING }, { "mobil", NAMING_PHONE }, { "model", NAMING_THING }, { "movil", NAMING_PHONE },
    { "nacida", NAMING_BIRTH }, { "nacido", NAMING_BIRTH }, { "nacimiento", NAMING_BIRTH }, { "naissance", NAMING_BIRTH },
    { "nascimento", NAMING_BIRTH }, { "nascita", NAMING_BIRTH }, { "nata ", NAMING_BIRTH }, { "nato ", NAMING_BIRTH },
    { "nir", NAMING_GROUPS }, { "number is", NAMING_NUMBER }, { "number:", NAMING_NUMBER }, { "numbers:", NAMING_NUMBER },
    { "numero", NAMING_NUMBER }, { "nummer", NAMING_NUMBER }, { "office:", NAMING_PHONE }, { "office\n", NAMING_PHONE },
    { "one is", NAMING_NUMBER }, { "order", NAMING_THING }, { "page", NAMING_THING }, { "pager", NAMING_PHONE },
    { "parameter", NAMING_THING }, { "part", NAMING_THING }, { "passport", NAMING_ID }, { "phone", NAMING_PHONE },
    { "pin ", NAMING_ID }, { "po ", NAMING_THING }, { "policy", NAMING_ID }, { "pp.", NAMING_THING },
    { "price", NAMING_THING }, { "product", NAMING_THING }, { "range", NAMING_THING }, { "reach ", NAMING_PHONE },
    { "receipt", NAMING_THING }, { "ref ", NAMING_THING }, { "ref.", NAMING_THING }, { "ref:", NAMING_THING },
    { "reference", NAMING_THING }, { "registration", NAMING_ID }, { "request", NAMING_THING }, { "reservation", NAMING_THING },
    { "reside", NAMING_ADDRESS }, { "residence", NAMING_ADDRESS }, { "residing", NAMING_ADDRESS },
    { "revision", NAMING_THING }, { "rfc", NAMING_THING }, { "ring me", NAMING_PHONE }, { "room", NAMING_ROOM },
    { "routing", NAMING_ID }, { "ruf", NAMING_PHONE }, { "secu", NAMING_GROUPS }, { "send it to", NAMING_ADDRESS },
    { "serial", NAMING_THING }, { "session", NAMING_THING }, { "ship it to", NAMING_ADDRESS }, { "ship to", NAMING_ADDRESS },
    { "size", NAMING_THING }, { "sku", NAMING_THING }, { "sms", NAMING_PHONE }, { "social", NAMING_ID }, { "ssn", NAMING_ID },
    { "student", NAMING_ID }, { "suite", NAMING_ROOM }, { "tax", NAMING_ID }, { "tel ", NAMING_PHONE },
    { "tel.", NAMING_PHONE }, { "tel:", NAMING_PHONE }, { "telef", NAMING_PHONE }, { "telepho", NAMING_PHONE },
    { "telepon", NAMING_PHONE }, { "text me", NAMING_PHONE }, { "text us", NAMING_PHONE }, { "ticket", NAMING_THING },
    { "timestamp", NAMING_THING }, { "total", NAMING_THING }, { "tracking", NAMING_THING }, { "transaction", NAMING_THING },
    { "unit", NAMING_ROOM }, { "upc", NAMING_THING }, { "value", NAMING_THING }, { "version", NAMING_THING },
    { "vol.", NAMING_THING }, { "volume", NAMING_THING }, { "whatsapp", NAMING_PHONE }, { "wohne", NAMING_ADDRESS },
    { "wohnhaft", NAMING_ADDRESS }, { "wohnt", NAMING_ADDRESS }, { "year", NAMING_THING }, { "zip", NAMING_THING },
};
/* clang-format on */

enum { NAMING_WORDS = sizeof(naming_words) / sizeof(naming_words[0]) };

/* The sort of the word that starts the text, -1 when it is none. The table is in order. */
static int
naming_sort(const char *text, size_t n)
{
    size_t low = 0, high = NAMING_WORDS, middle, len;
    int sort = -1;

    while (low < high) {
        middle = (low + high) / 2;
        if (naming_words[middle].word[0] < text[0])
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < NAMING_WORDS && naming_words[low].word[0] == text[0]; low++) {
        len = strlen(naming_words[low].word);
        if (len <= n && memcmp(naming_words[low].word, text, len) == 0)
            sort = naming_words[low].sort;
    }
    return sort;
}

struct wd_naming
wd_naming_read(const struct wd_piece *piece, uint32_t at, uint32_t reach)
{
    struct wd_naming found = { -1, -1, -1, -1, -1, -1, -1, -1 };
    char before[WD_CONTEXT_MAX];
    uint32_t len = wd_piece_before(piece, at, before), i;

    for (i = len > reach ? len - reach : 0; i < len; i++) {
        if (!wd_char_is((uint8_t)before[i], WD_CH_LOWER) || (i > 0 && wd_char_is((uint8_t)before[i - 1], WD_CH_ALNUM)))
            continue;
        switch (naming_sort(before + i, len - i)) {
        case NAMING_PHONE:
            found.phone = (int)i;
            break;
        case NAMING_NUMBER:
            found.number = (int)i;
            break;
        case NAMING_THING:
            found.thing = (int)i;
            break;
        case NAMING_ID:
            found.id = (int)i;
            break;
        case NAMING_GROUPS:
            found.groups = (int)i;
            break;
        case NAMING_ROOM:
            found.room = (int)i;
            break;
        case NAMING_BIRTH:
            found.birth = (int)i;
            break;
        case NAMING_ADDRESS:
            found.address = (int)i;
            break;
        default:
            break;
        }
    }
    return found;
}
