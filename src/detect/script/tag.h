#ifndef WD_TAG_H
#define WD_TAG_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The tag of an HTML element that runs or loads something (script, iframe, object, meta ...; names in tag.c), read a character
 * at a time: "<" or a character reference for it (HTML, 13.5), blanks and "/", the name, perhaps with a namespace, and all
 * up to ">"; or a name whose letters stand apart.
 */
enum wd_tag_state { WD_TAG_REFERENCE, WD_TAG_BEFORE, WD_TAG_NAME, WD_TAG_SPACED, WD_TAG_REST, WD_TAG_DONE };

struct wd_tag {
    uint8_t state;
    uint8_t count;  /* blanks, or characters of the name */
    bool space;     /* a namespace was read */
    uint16_t len;   /* characters behind the name */
    uint32_t names; /* bits: those that the name may still become */
};

/* Starts one with c; false when no tag starts with it. */
bool wd_tag_start(struct wd_tag *t, uint8_t c);
/* False when c is not part of such a tag any more. */
bool wd_tag_step(struct wd_tag *t, uint8_t c);

#endif
