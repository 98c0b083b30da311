#ifndef WD_NAMING_H
#define WD_NAMING_H

#include "../match.h"

/*
 * What the text before a number calls it: where in the last characters before it the last word of each sort starts, counted
 * from their beginning; -1: there is none.
 */
struct wd_naming {
    int phone;  /* somebody is to be reached there */
    int number; /* "number is", which says little by itself */
    int thing;  /* it belongs to an order, a page: to nobody */
    int id;     /* to a document or an account */
    int groups; /* an identifier that is written in groups of digits */
    int room;   /* of a house: more numbers of the address follow */
    int birth, address;
    int version; /* it counts editions or paragraphs */
    int host;    /* it is an address of the Internet */
};

/* How far before a number its name may stand, in characters. */
#define WD_NAMING_REACH 48

/* Reads the last `reach` characters before `at`. */
struct wd_naming wd_naming_read(const struct wd_piece *piece, uint32_t at, uint32_t reach);

static inline bool
wd_naming_is_phone(const struct wd_naming *n)
{
    int other = n->thing > n->id ? n->thing : n->id;

    return n->phone > other || (n->number >= 0 && other < 0);
}

#endif
