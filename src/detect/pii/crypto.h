#ifndef WD_CRYPTO_H
#define WD_CRYPTO_H

#include <stdint.h>

#include "../../base/span.h"

/* Addresses of crypto currencies, by their check sums. form: not looked at. */

/* Base58Check with the version of Bitcoin, P2PKH or P2SH. */
bool wd_valid_base58(struct wd_span s, unsigned form);
/* BIP 173 and BIP 350: bc1..., ltc1..., in one letter case. */
bool wd_valid_bech32(struct wd_span s, unsigned form);
/* 0x and 40 hexadecimal digits whose letter cases are a check sum (EIP-55). */
bool wd_valid_eth(struct wd_span s, unsigned form);
/* The same without a check sum: all letters of one case. */
bool wd_valid_eth_plain(struct wd_span s, unsigned form);

/* Keccak-256 as Ethereum has it (the padding is not that of SHA-3). len < 136. */
void wd_crypto_keccak256(const uint8_t *data, size_t len, uint8_t out[32]);

#endif
