#include "chars.h"

enum {
    U = WD_CH_UPPER,
    L = WD_CH_LOWER,
    D = WD_CH_DIGIT,
    J = WD_CH_JOIN,
    P = WD_CH_DOT,
    S = WD_CH_SIGN,
    M = WD_CH_MORE,
    W = WD_CH_SPACE,
};

/* clang-format off */
const uint8_t wd_chars[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, W, W, W, W, W, W, 0, 0, /* 00 */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* 10 */
    W, 0, 0, 0, 0, M, 0, 0, 0, 0, 0, S, 0, J, P, S, /* 20 */
    D, D, D, D, D, D, D, D, D, D, 0, 0, 0, S, 0, 0, /* 30 */
    M, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, /* 40 */
    U, U, U, U, U, U, U, U, U, U, U, 0, 0, 0, 0, J, /* 50 */
    0, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, /* 60 */
    L, L, L, L, L, L, L, L, L, L, L, 0, 0, 0, M, 0, /* 70 */
};
