#ifndef WD_VALIDATE_ID_H
#define WD_VALIDATE_ID_H

#include "../../base/span.h"

/*
 * Numbers that states and insurers give to people, and firms get: is it one by its check digits, its date, its parts? Separators
 * do not count, letters may have any case. form: not looked at.
 */
bool wd_valid_us_ssn(struct wd_span s, unsigned form);
/* As wd_valid_us_ssn(), and not one that is printed everywhere as an example. */
bool wd_valid_us_ssn_plain(struct wd_span s, unsigned form);
bool wd_valid_us_itin(struct wd_span s, unsigned form);
bool wd_valid_us_mbi(struct wd_span s, unsigned form);
bool wd_valid_us_npi(struct wd_span s, unsigned form);
bool wd_valid_us_dea(struct wd_span s, unsigned form);
bool wd_valid_us_routing(struct wd_span s, unsigned form);
bool wd_valid_uk_nhs(struct wd_span s, unsigned form);
/* As wd_valid_uk_nhs(), and no number that can be a telephone in North America. */
bool wd_valid_uk_nhs_plain(struct wd_span s, unsigned form);
bool wd_valid_uk_nino(struct wd_span s, unsigned form);
bool wd_valid_uk_licence(struct wd_span s, unsigned form);
bool wd_valid_de_tax(struct wd_span s, unsigned form);
bool wd_valid_de_pension(struct wd_span s, unsigned form);
bool wd_valid_de_health(struct wd_span s, unsigned form);
bool wd_valid_icao(struct wd_span s, unsigned form); /* the check digit of ICAO 9303: German identity cards */
bool wd_valid_es_nif(struct wd_span s, unsigned form);
bool wd_valid_it_fiscal(struct wd_span s, unsigned form);
bool wd_valid_fr_nir(struct wd_span s, unsigned form);
bool wd_valid_nl_bsn(struct wd_span s, unsigned form);
bool wd_valid_be_nn(struct wd_span s, unsigned form);
bool wd_valid_pl_pesel(struct wd_span s, unsigned form);
bool wd_valid_se_pnr(struct wd_span s, unsigned form);
bool wd_valid_fi_hetu(struct wd_span s, unsigned form);
bool wd_valid_no_fnr(struct wd_span s, unsigned form);
bool wd_valid_dk_cpr(struct wd_span s, unsigned form);
bool wd_valid_pt_nif(struct wd_span s, unsigned form);
bool wd_valid_cz_rc(struct wd_span s, unsigned form);
bool wd_valid_ro_cnp(struct wd_span s, unsigned form);
bool wd_valid_bg_egn(struct wd_span s, unsigned form);
bool wd_valid_hu_taj(struct wd_span s, unsigned form);
bool wd_valid_ch_ahv(struct wd_span s, unsigned form);
bool wd_valid_ie_pps(struct wd_span s, unsigned form);
bool wd_valid_tr_tckn(struct wd_span s, unsigned form);
bool wd_valid_br_cpf(struct wd_span s, unsigned form);
bool wd_valid_br_cnpj(struct wd_span s, unsigned form);
bool wd_valid_mx_curp(struct wd_span s, unsigned form);
bool wd_valid_ar_cuit(struct wd_span s, unsigned form);
bool wd_valid_cl_rut(struct wd_span s, unsigned form);
bool wd_valid_in_aadhaar(struct wd_span s, unsigned form);
/* As wd_valid_in_aadhaar(), and not three years. */
bool wd_valid_in_aadhaar_plain(struct wd_span s, unsigned form);
bool wd_valid_in_pan(struct wd_span s, unsigned form);
bool wd_valid_kr_rrn(struct wd_span s, unsigned form);
/* As wd_valid_kr_rrn(), the day aside. */
bool wd_valid_kr_number(struct wd_span s, unsigned form);
bool wd_valid_sg_nric(struct wd_span s, unsigned form);
bool wd_valid_th_id(struct wd_span s, unsigned form);
bool wd_valid_za_id(struct wd_span s, unsigned form);
bool wd_valid_cn_id(struct wd_span s, unsigned form);
bool wd_valid_jp_number(struct wd_span s, unsigned form);
bool wd_valid_au_tfn(struct wd_span s, unsigned form);
bool wd_valid_au_medicare(struct wd_span s, unsigned form);
bool wd_valid_au_abn(struct wd_span s, unsigned form);
bool wd_valid_ca_sin(struct wd_span s, unsigned form);
/* Letters and digits as in passports and licences: five digits at least. */
bool wd_valid_document(struct wd_span s, unsigned form);
/* ISO 9362: a country that exists in it. */
bool wd_valid_bic(struct wd_span s, unsigned form);
/* Six different octets of hardware: neither nobody nor everybody. */
bool wd_valid_mac(struct wd_span s, unsigned form);

#endif
