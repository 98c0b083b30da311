#ifndef WD_VALIDATE_H
#define WD_VALIDATE_H

#include "../../base/span.h"

/* As much of a value tells what it is. */
#define WD_VALID_LOOK 64

/*
 * Is this what its form says it is? Of a longer value the first WD_VALID_LOOK characters may be given instead. form:
 * WD_VALUE_* bits, meaningful for assigned values.
 */

/* Not a row of the same few characters: for keys that may be made of capital letters alone. */
bool wd_valid_drawn(struct wd_span s, unsigned form);
/* Looks generated: a digit or both letter cases, and not a row of the same few characters. */
bool wd_valid_key(struct wd_span s, unsigned form);
/* As wd_valid_key(), and neither words nor a name: for keys whose form alone says little. */
bool wd_valid_random(struct wd_span s, unsigned form);
/* As wd_valid_key(), and neither another provider's key nor a dashed row of words ("sk-learn-..."). */
bool wd_valid_openai_key(struct wd_span s, unsigned form);
bool wd_valid_aws_secret(struct wd_span s, unsigned form);
/* Not a placeholder, a variable, a call, a path or a sentence; a digit or a special character in it. */
bool wd_valid_assigned(struct wd_span s, unsigned form);
/* As wd_valid_assigned(), and a word of letters when it was quoted or joined by '='. */
bool wd_valid_password(struct wd_span s, unsigned form);
/* Script that an event handler is given: a call, an assignment to the page, an encoded form of one. */
bool wd_valid_handler(struct wd_span s, unsigned form);
/* What follows Basic (RFC 7617): the base64 of name:password. */
bool wd_valid_basic(struct wd_span s, unsigned form);
/* name:password, as curl takes it; not two numbers, which are a user and a group. */
bool wd_valid_login(struct wd_span s, unsigned form);
/* A password before the host of a URL; with WD_VALUE_QUOTED a key that stands there alone. */
bool wd_valid_url(struct wd_span s, unsigned form);
/* 13 to 19 digits of an issuer that exists, with the check digit (ISO/IEC 7812-1). */
bool wd_valid_card(const char *digits, size_t len);
/* The part after the @: names nobody's mailbox when it is a file name, such as logo@2x.png. */
bool wd_valid_mail_domain(struct wd_span s);

#endif
