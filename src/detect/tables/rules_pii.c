/* The rules for personal data. */
#include "../text/chars.h"
#include "../pii/crypto.h"
#include "../rules.h"
#include "../pii/validate_id.h"

#define BOTH (WD_INPUT | WD_OUTPUT)
#define PII .category = WD_PII, .directions = BOTH
#define DIGITS "0123456789"
/* A form that may do without digits. */
#define SIGNED PII, .shape = WD_SHAPE_MASK
#define MASK PII, .shape = WD_SHAPE_MASK, .needs = DIGITS
/* Where a number may be whose form says little, and a word with digits in it: what a rule with a context starts from. */
#define NUMBER PII, .shape = WD_SHAPE_MASK, .needs = DIGITS, .glued = 1, .pattern = "[0-9]{7}|[0-9]{2}[ ./-][0-9]{2}"
#define WORD PII, .shape = WD_SHAPE_MASK, .needs = DIGITS, .glued = 1, .pattern = "[0-9A-Za-z][0-9]{2}"
#define NATIONAL .kind = "national-id", .severity = WD_HIGH
#define TAX .kind = "tax-id", .severity = WD_HIGH
#define SSN "[0-9]{3}[ .-][0-9]{2}[ .-][0-9]{4}"
#define COLONS ":[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{0,4}:|::[0-9A-Fa-f]{0,4}[0-9/:]"
#define ADDRESS                                                                                                                  \
    "address|addr:|live|living|reside|residing|wohn|anschrift|adresse|ship |ship to|deliver|located at|residence|home is|"       \
    "house is|send it to|mail to"
#define PERSON "national id|identity number|identity card|id number|id card|identification number"

/* clang-format off */
static const struct wd_rule rows[] = {
    { .id = "email", .kind = "email", .severity = WD_MEDIUM, PII, .shape = WD_SHAPE_EMAIL,
      .glued = 1, .pattern = "[A-Za-z0-9._%+-]@[A-Za-z0-9]", .needs = "@" },
    { .id = "card", .kind = "card", .severity = WD_HIGH, PII, .shape = WD_SHAPE_CARD,
      .pattern = "[2-6][0-9]{3}(?:[0-9]{8}|[ .-][0-9]{4,6}[ .-][0-9]{4})", .needs = DIGITS, .source = "ISO/IEC 7812-1" },
    { .id = "card-code", .kind = "card-code", .severity = WD_HIGH, WORD, .mask = "<###|####", .reach = 24,
      .context = "cvv|cvc|cvv2|cvc2|cid:|security code|verification code on the card|card verification|kartenpruefnummer" },
    { .id = "iban", .kind = "iban", .severity = WD_HIGH, PII, .shape = WD_SHAPE_IBAN, .glued = 1,
      .pattern = "[A-Z][0-9]{2}[A-Z0-9 -][A-Z0-9]{4}[A-Z0-9 -][A-Z0-9]{3}", .needs = DIGITS, .source = "ISO 13616" },
    { .id = "iban-named", .kind = "iban", .severity = WD_HIGH, PII, .shape = WD_SHAPE_IBAN,
      .pattern = "[a-z]{2}[0-9]{2}(?:[a-z0-9]{11}|-[a-z0-9]{4}-)", .needs = DIGITS, .context = "iban|konto|account|bank|wire|transfer" },
    { .id = "us-routing", .kind = "bank-account", .severity = WD_HIGH, NUMBER,
      .mask = "<#########|####-####-#", .valid = wd_valid_us_routing, .context = "routing|aba |aba:|rtn|bank transit|wire" },
    { .id = "bank-account", .kind = "bank-account", .severity = WD_HIGH, NUMBER, .reach = 40,
      .mask = "<#################|################|###############|##############|#############|############|###########|"
              "##########|#########|########|#######",
      .context = "account number|account no|account #|acct|bank account|checking account|savings account|kontonummer|a/c no" },

    { .id = "ipv4", .kind = "ip", .severity = WD_LOW, PII, .shape = WD_SHAPE_IPV4, .glued = 1, .pattern = "[0-9]\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]", .needs = ".", .source = "RFC 6943" },
    { .id = "ipv6", .kind = "ip", .severity = WD_LOW, PII, .shape = WD_SHAPE_IPV6, .glued = 1, .pattern = COLONS,
      .needs = ":", .source = "RFC 4291" },
    { .id = "mac", .kind = "mac", .severity = WD_LOW, SIGNED, .needs = ":", .valid = wd_valid_mac, .glued = 1, .pattern = COLONS,
      .mask = "<**:**:**:**:**:**", .source = "IEEE 802" },
    { .id = "mac-dashed", .kind = "mac", .severity = WD_LOW, SIGNED, .needs = "-", .valid = wd_valid_mac, .glued = 1,
      .pattern = "-[0-9A-Fa-f]{2}-[0-9A-Fa-f]{2}-[0-9A-Fa-f]{2}-", .mask = "<**-**-**-**-**-**" },
    { .id = "mac-dotted", .kind = "mac", .severity = WD_LOW, SIGNED, .needs = ".-", .valid = wd_valid_mac, .glued = 1,
      .pattern = "\\.[0-9A-Fa-f]{4}\\.[0-9A-Fa-f]{4}", .mask = "<****.****.****" },

    /* A number that is written as only telephone numbers are; one that is called a telephone number. */
    { .id = "phone", .kind = "phone", .severity = WD_MEDIUM, PII, .shape = WD_SHAPE_PHONE, .glued = 1,
      .pattern = "\\+[1-9][0-9 ().-]{6}|\\([0-9]{2,5}\\)[ .-]?[0-9]{3}|[0-9]{3}[.-][0-9]{3}[.-][0-9]{4}|"
                 "0[1-9][0-9]{0,3}[ .][0-9]{2,4}[ .][0-9]{2}|0[1-9][0-9]{0,3}-[0-9]{2,4}-[0-9]{3}|"
                 "0[1-9]-[0-9]{2}-[0-9]{2}-[0-9]{2}|06[ -][0-9]{8}|00[1-9][0-9]{0,2}[ .-][0-9]{2}|"
                 "[0-9]{2}-(?i:office|fax|mobile|cell|home|work)",
      .needs = DIGITS, .source = "ITU-T E.164" },
    { .id = "phone-named", .kind = "phone", .severity = WD_MEDIUM, PII, .shape = WD_SHAPE_PHONE, .glued = 1,
      .pattern = "[0-9]{7}|[0-9]{2}[ ./-][0-9]{2}",
      .needs = DIGITS,
      .context = "answering at|appel|call|cell|celular|cep |cep:|contact|dial |fax|gsm|handy|hotline|landline|mobil|movil|"
                 "number is|number:|numbers:|numero|nummer|one is|office|pager|phone|reach |ring me|ruf|sms|tel|text me|text us|"
                 "whatsapp" },

    { .id = "us-ssn", .kind = "ssn", .severity = WD_HIGH, MASK, .pattern = SSN,
      .mask = "###-##-####|### ## ####|###.##.####", .valid = wd_valid_us_ssn_plain, .source = "SSA, RM 10201" },
    { .id = "us-ssn-named", .kind = "ssn", .severity = WD_HIGH, NUMBER,
      .mask = "<###?##?####", .valid = wd_valid_us_ssn, .reach = 48,
      .context = "ssn|social security|social sec|social:|socials|soc sec|ss#|my social" },
    { .id = "us-itin", .kind = "tax-id", .severity = WD_HIGH, MASK, .pattern = SSN,
      .mask = "###-##-####|### ## ####", .valid = wd_valid_us_itin, .source = "IRS" },
    { .id = "us-itin-named", .kind = "tax-id", .severity = WD_HIGH, NUMBER,
      .mask = "<#########", .valid = wd_valid_us_itin, .context = "itin|taxpayer|tax id|tax payer" },
    { .id = "us-mbi", NATIONAL, MASK, .glued = 1, .pattern = "[0-9]-[A-Za-z][0-9A-Za-z][0-9]-[A-Za-z]{2}[0-9]{2}",
      .mask = "<#@*#-@*#-@@##", .valid = wd_valid_us_mbi, .source = "CMS" },
    { .id = "us-mbi-named", NATIONAL, WORD,
      .mask = "<#@*#@*#@@##", .valid = wd_valid_us_mbi, .context = "mbi|medicare|beneficiary" },
    { .id = "us-npi", .kind = "medical-licence", .severity = WD_LOW, NUMBER,
      .mask = "<##########|####-###-###", .valid = wd_valid_us_npi, .context = "npi|national provider|provider identifier" },
    { .id = "us-dea", .kind = "medical-licence", .severity = WD_LOW, WORD,
      .mask = "<@*#######", .valid = wd_valid_us_dea, .context = "dea |dea:|dea#|medical|certificate|prescriber|registrant" },

    { .id = "uk-nhs", NATIONAL, MASK, .pattern = "[0-9]{3}[ -][0-9]{3}[ -][0-9]{3}", .mask = "### ### ####|###-###-####",
      .valid = wd_valid_uk_nhs_plain, .source = "NHS data dictionary" },
    { .id = "uk-nhs-named", NATIONAL, NUMBER, .mask = "<##########|###-###-####|### ### ####",
      .valid = wd_valid_uk_nhs, .context = "nhs|national health" },
    { .id = "uk-nino", NATIONAL, MASK, .pattern = "[A-Z]{2} ?[0-9]{2} ?[0-9]{2}", .valid = wd_valid_uk_nino,
      .mask = "@@######@|@@ ## ## ## @|@@ ######@|@@ ###### @", .source = "HMRC NIM39110" },
    { .id = "uk-nino-named", NATIONAL, WORD, .valid = wd_valid_uk_nino, .mask = "<@@######@", .context = "nino|national insurance|ni number|ni no" },

    { .id = "de-tax-id", TAX, NUMBER, .mask = "<###########", .valid = wd_valid_de_tax,
      .context = "steuer-id|steuerid|steueridentifikation|steuer-identifikation|idnr|identifikationsnummer|steuernummer|tax id|tin " },
    { .id = "de-pension", NATIONAL, MASK, .pattern = "[0-9]{8}[A-Z][0-9]{3}", .mask = "########@###", .valid = wd_valid_de_pension },
    { .id = "de-health", NATIONAL, WORD, .mask = "<@#########", .valid = wd_valid_de_health,
      .context = "krankenkasse|krankenversicher|kvnr|versichertennummer|versicherten-nr|egk|gesundheitskarte|health insurance" },
    { .id = "de-id-card", NATIONAL, WORD, .mask = "<*********", .valid = wd_valid_icao,
      .reach = 40, .context = "personalausweis|ausweis|ausweisnummer|identity card|reisepass|pass-nr|passnummer" },
    { .id = "es-nif", NATIONAL, MASK, .glued = 1, .pattern = "[0-9]{7}-?[A-Z]",
      .mask = "<########@|########-@|@#######@|@#######-@", .valid = wd_valid_es_nif, .source = "Ministerio del Interior" },
    { .id = "it-fiscal-code", NATIONAL, MASK, .glued = 1, .pattern = "[0-9]{2}[A-EHLMPRSTa-ehlmprst][0-9]{2}[A-Za-z][0-9]{3}[A-Za-z]",
      .mask = "<@@@@@@**@**@***@", .valid = wd_valid_it_fiscal },
    { .id = "fr-nir", NATIONAL, MASK, .pattern = "[12] [0-9]{2} [0-9]{2} [0-9]{2} [0-9]{3}|[12][0-9]{14}",
      .mask = "###############|# ## ## ## ### ### ##", .valid = wd_valid_fr_nir, .reach = 48, .context = "nir|insee|secu",
      .source = "INSEE" },
    { .id = "nl-bsn", NATIONAL, NUMBER, .mask = "<#########|####.##.###|###.###.###", .valid = wd_valid_nl_bsn,
      .context = "bsn|burgerservicenummer|sofi|dutch" },
    { .id = "be-national-number", NATIONAL, MASK, .pattern = "[0-9]{2}\\.[0-9]{2}\\.[0-9]{2}-[0-9]{3}\\.[0-9]{2}", .mask = "##.##.##-###.##",
      .valid = wd_valid_be_nn },
    { .id = "be-national-number-named", NATIONAL, NUMBER, .mask = "<###########|######-###-##",
      .valid = wd_valid_be_nn, .context = "rijksregister|registre national|numero national|nrn|insz|niss|belgian|" PERSON },
    { .id = "pl-pesel", NATIONAL, NUMBER, .mask = "<###########", .valid = wd_valid_pl_pesel,
      .context = "pesel|polish|" PERSON },
    { .id = "se-personnummer", NATIONAL, MASK, .glued = 1, .pattern = "[0-9]{6}[-+A-FU-Y][0-9]{3}", .mask = "<######-####|######+####", .valid = wd_valid_se_pnr },
    { .id = "se-personnummer-long", NATIONAL, MASK, .glued = 1, .pattern = "[0-9]{6}[-+A-FU-Y][0-9]{3}", .mask = "<########-####|########+####",
      .valid = wd_valid_se_pnr },
    { .id = "se-personnummer-named", NATIONAL, NUMBER, .mask = "<##########|############", .valid = wd_valid_se_pnr,
      .context = "personnummer|pnr|samordningsnummer|swedish|personal identity|" PERSON },
    { .id = "fi-hetu", NATIONAL, MASK, .glued = 1, .pattern = "[0-9]{6}[-+A-FU-Y][0-9]{3}", .mask = "<######-###*|######+###*|######@###*",
      .valid = wd_valid_fi_hetu },
    { .id = "no-fodselsnummer", NATIONAL, NUMBER, .mask = "<###########", .valid = wd_valid_no_fnr,
      .context = "fodselsnummer|f\xc3\xb8" "dselsnummer|personnummer|fnr|norwegian|" PERSON },
    { .id = "dk-cpr", NATIONAL, NUMBER, .mask = "<######-####|##########", .valid = wd_valid_dk_cpr,
      .context = "cpr|personnummer|danish" },
    { .id = "pt-nif", TAX, NUMBER, .mask = "<#########", .valid = wd_valid_pt_nif,
      .context = "nif|contribuinte|identificacao fiscal|portugu" },
    { .id = "cz-rodne-cislo", NATIONAL, MASK, .pattern = "[0-9]{6}/[0-9]{4}", .mask = "######/####", .valid = wd_valid_cz_rc },
    { .id = "ro-cnp", NATIONAL, NUMBER, .mask = "<#############", .valid = wd_valid_ro_cnp,
      .context = "cnp|numeric personal|romanian|" PERSON },
    { .id = "bg-egn", NATIONAL, NUMBER, .mask = "<##########", .valid = wd_valid_bg_egn, .context = "egn|bulgarian" },
    { .id = "hu-taj", NATIONAL, NUMBER, .mask = "<#########|###-###-###|### ### ###", .valid = wd_valid_hu_taj,
      .context = "taj|hungarian" },
    { .id = "ch-ahv", NATIONAL, MASK, .pattern = "756\\.?[0-9]{4}\\.?[0-9]{4}\\.?[0-9]{2}", .mask = "756.####.####.##", .valid = wd_valid_ch_ahv },
    { .id = "ch-ahv-named", NATIONAL, NUMBER, .mask = "<#############", .valid = wd_valid_ch_ahv,
      .context = "ahv|avs|sozialversicherung|swiss" },
    { .id = "ie-pps", NATIONAL, NUMBER, .mask = "<#######@|#######@@", .valid = wd_valid_ie_pps,
      .context = "pps|personal public|irish|revenue" },
    { .id = "tr-tckn", NATIONAL, NUMBER, .mask = "<###########", .valid = wd_valid_tr_tckn,
      .context = "tckn|kimlik|tc no|turkish|t.c.|vatandas|kisi|ki\xc5\x9fi|" PERSON },

    { .id = "br-cpf", NATIONAL, MASK, .pattern = "[0-9]{3}\\.[0-9]{3}\\.[0-9]{3}-[0-9]{2}", .mask = "###.###.###-##", .valid = wd_valid_br_cpf },
    { .id = "br-cpf-named", NATIONAL, NUMBER, .mask = "<###########", .valid = wd_valid_br_cpf, .context = "cpf|brazil" },
    { .id = "br-cnpj", TAX, MASK, .pattern = "[0-9]{2}\\.[0-9]{3}\\.[0-9]{3}/[0-9]{4}-[0-9]{2}", .mask = "##.###.###/####-##",
      .valid = wd_valid_br_cnpj },
    { .id = "mx-curp", NATIONAL, MASK, .glued = 1, .pattern = "[0-9]{6}[HMXhmx][A-Za-z]{5}", .mask = "<@@@@######@@@@@@*#",
      .valid = wd_valid_mx_curp },
    { .id = "ar-cuit", TAX, MASK, .pattern = "[23][0-9]-[0-9]{8}-[0-9]", .mask = "##-########-#", .valid = wd_valid_ar_cuit },
    { .id = "cl-rut", NATIONAL, MASK, .pattern = "[0-9]{1,2}\\.[0-9]{3}\\.[0-9]{3}-[0-9Kk]", .mask = "##.###.###-*|#.###.###-*",
      .valid = wd_valid_cl_rut },
    { .id = "in-aadhaar", NATIONAL, MASK, .pattern = "[2-9][0-9]{3}[ :-][0-9]{4}[ :-][0-9]{4}", .mask = "#### #### ####|####-####-####|####:####:####",
      .valid = wd_valid_in_aadhaar_plain, .source = "UIDAI" },
    { .id = "in-aadhaar-named", NATIONAL, NUMBER, .mask = "<############", .valid = wd_valid_in_aadhaar,
      .context = "aadhaar|aadhar|adhaar|uidai|uid " },
    { .id = "in-pan", TAX, MASK, .glued = 1, .pattern = "[0-9]{4}[A-Z]", .mask = "<@@@@@####@", .valid = wd_valid_in_pan,
      .source = "Income Tax Department" },
    { .id = "kr-rrn", NATIONAL, MASK, .glued = 1, .pattern = "[0-9]{6}[-+A-FU-Y][0-9]{3}", .mask = "<######-#######", .valid = wd_valid_kr_rrn },
    { .id = "kr-rrn-named", NATIONAL, NUMBER, .mask = "<#############|######-#######",
      .valid = wd_valid_kr_number, .context = "rrn|frn|resident registration|jumin|korean" },
    { .id = "sg-nric", NATIONAL, MASK, .glued = 1, .pattern = "[0-9]{7}-?[A-Z]", .mask = "<@#######@", .valid = wd_valid_sg_nric },
    { .id = "th-id", NATIONAL, MASK, .pattern = "[1-8]-[0-9]{4}-[0-9]{5}-[0-9]{2}-[0-9]", .mask = "#-####-#####-##-#", .valid = wd_valid_th_id },
    { .id = "th-id-named", NATIONAL, NUMBER, .mask = "<#############", .valid = wd_valid_th_id,
      .context = "thai|tnin|\xe0\xb8\x9a\xe0\xb8\xb1\xe0\xb8\x95\xe0\xb8\xa3|\xe0\xb8\x9b\xe0\xb8\xa3\xe0\xb8\xb0\xe0\xb8\x88\xe0\xb8\xb3\xe0\xb8\x95\xe0\xb8\xb1\xe0\xb8\xa7|" PERSON },
    { .id = "za-id", NATIONAL, NUMBER, .mask = "<#############", .valid = wd_valid_za_id,
      .context = "south african|rsa |rsa:|sa id|said |resident|refugee|" PERSON },
    { .id = "cn-id", NATIONAL, MASK, .pattern = "[0-9]{17}[0-9Xx]", .mask = "#################*", .valid = wd_valid_cn_id },
    { .id = "jp-my-number", NATIONAL, NUMBER, .mask = "<############|####-####-####|#### #### ####",
      .valid = wd_valid_jp_number, .context = "my number|individual number|mynumber|\xe3\x83\x9e\xe3\x82\xa4\xe3\x83\x8a\xe3\x83\xb3\xe3\x83\x90\xe3\x83\xbc" },
    { .id = "au-tfn", TAX, NUMBER, .mask = "<#########|### ### ###|###-###-###", .valid = wd_valid_au_tfn,
      .context = "tfn|tax file" },
    { .id = "au-medicare", NATIONAL, MASK, .pattern = "[2-6][0-9]{3} [0-9]{5} [0-9]", .mask = "#### ##### #", .valid = wd_valid_au_medicare },
    { .id = "au-medicare-named", NATIONAL, NUMBER, .mask = "<##########", .valid = wd_valid_au_medicare,
      .context = "medicare" },
    { .id = "au-abn", TAX, NUMBER, .mask = "<###########|## ### ### ###", .valid = wd_valid_au_abn, .reach = 48, .context = "abn" },
    { .id = "ca-sin", NATIONAL, MASK, .pattern = "[0-9]{3}[ -][0-9]{3}[ -][0-9]{3}", .mask = "###-###-###", .valid = wd_valid_ca_sin },
    { .id = "ca-sin-named", NATIONAL, NUMBER, .mask = "<#########|### ### ###|###-###-###",
      .valid = wd_valid_ca_sin, .context = "sin |sin:|sin#|social insurance|nas |nas:|assurance sociale" },

    { .id = "passport", .kind = "passport", .severity = WD_HIGH, WORD, .valid = wd_valid_document, .reach = 48,
      .mask = "<#########|########|#######|@########|@#######|@######|@@#######|@@######|@@@######|@###@####|@##@#####|##@@#####",
      .context = "passport|pasaporte|passeport|passaporto|reisepass|paspoort|travel document|\xec\x97\xac\xea\xb6\x8c" },
    { .id = "driving-licence", .kind = "driving-licence", .severity = WD_HIGH, WORD,
      .valid = wd_valid_document, .reach = 48,
      .mask = "<############|###########|##########|#########|########|#######|@##############|@#############|@############|@###########|@#########|"
              "@########|@#######|@######|@@######@|@@#######|@@######|@@########@|@@#######@|@#@##@###@|##-##-######-##|@@#########",
      .context = "driver's licen|driver licen|drivers licen|driving licen|driver\xe2\x80\x99s licen|dl number|dl:|dl#|fuehrerschein|"
                 "f\xc3\xbchrerschein|fahrerlaubnis|permis de conduire|patente|rijbewijs|licencia de conducir|license number|"
                 "license is|licence is" },
    { .id = "uk-driving-licence", .kind = "driving-licence", .severity = WD_HIGH, MASK,
      .glued = 1, .pattern = "[0-9]{6}[A-Za-z9]{2}[0-9A-Za-z][A-Za-z]{2}", .mask = "<*****######*****",
      .valid = wd_valid_uk_licence, .source = "DVLA" },

    { .id = "birth-date", .kind = "birth-date", .severity = WD_LOW, PII, .shape = WD_SHAPE_DATE, .needs = DIGITS,
      .glued = 1, .pattern = "[0-9][./-] ?[0-9]{1,2}[./-] ?[0-9]{1,4}|[0-9]{4}",
      .context = "born|birth|dob|d.o.b|geboren|geburt|geb.|naissance|nacimiento|nacid|nascita|nato |nata |nascimento" },
    { .id = "address", .kind = "address", .severity = WD_LOW, PII, .shape = WD_SHAPE_POSTAL, .glued = 1, .needs = DIGITS,
      .pattern = "[0-9] [A-Z]", .context = ADDRESS },
    { .id = "address-german", .kind = "address", .severity = WD_LOW, PII, .shape = WD_SHAPE_POSTAL, .glued = 1, .needs = DIGITS,
      .pattern = "(?:tra\xc3\x9f"
                 "e|asse|str\\.|weg|latz|llee|ring|damm|ufer) [0-9]", .context = ADDRESS },

    { .id = "bitcoin", .kind = "crypto-address", .severity = WD_LOW, PII, .shape = WD_SHAPE_RUN, .value = WD_CH_ALNUM, .min = 26, .max = 35,
      .pattern = "[13][1-9a-f]{0,12}[A-HJ-NP-Zg-km-z][1-9A-HJ-NP-Za-km-z]{12}", .needs = DIGITS, .valid = wd_valid_base58 },
    { .id = "bech32", .kind = "crypto-address", .severity = WD_LOW, PII, .shape = WD_SHAPE_RUN, .value = WD_CH_ALNUM, .min = 14, .max = 90,
      .pattern = "(?i:bc1|ltc1)[02-9ac-hj-np-zAC-HJ-NP-Z]{11}", .needs = "1", .valid = wd_valid_bech32, .source = "BIP 173, BIP 350" },
    { .id = "ethereum", .kind = "crypto-address", .severity = WD_LOW, PII, .shape = WD_SHAPE_RUN, .value = WD_CH_ALNUM, .min = 42, .max = 42,
      .pattern = "0x[0-9a-fA-F]{40}", .needs = "0", .valid = wd_valid_eth, .source = "EIP-55" },
    { .id = "ethereum-named", .kind = "crypto-address", .severity = WD_LOW, PII, .shape = WD_SHAPE_RUN, .value = WD_CH_ALNUM, .min = 42,
      .max = 42, .pattern = "0x[0-9a-fA-F]{40}", .needs = "0", .valid = wd_valid_eth_plain, .reach = 48,
      .context = "wallet|eth |eth:|ethereum|address|metamask|usdt|usdc|erc20|erc-20" },
};
/* clang-format on */

const struct wd_rule_table wd_rules_pii = { rows, sizeof(rows) / sizeof(rows[0]) };
