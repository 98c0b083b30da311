#include "injection_model.h"

#include "src/detect/injection_bin.h" /* of the build */

/* Linked in as it is: 512 KiB of an array in C would take a compiler longer than the whole library. */
__asm__(".section .rodata\n"
        ".balign 64\n"
        "injection_data_begin:\n"
        ".incbin \"" WD_INJECTION_DATA "\"\n"
        "injection_data_end:\n"
        ".byte 0\n"
        ".previous\n");

extern const char injection_data_begin[], injection_data_end[];

struct wd_span
wd_injection_model_file(void)
{
    return wd_span(injection_data_begin, (size_t)(injection_data_end - injection_data_begin));
}
