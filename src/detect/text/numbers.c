#include "numbers.h"

#include "chars.h"

/* 16 bytes, wherever they lie. */
typedef uint8_t numbers_bytes __attribute__((vector_size(16), aligned(1), may_alias));
typedef uint64_t numbers_words __attribute__((vector_size(16), may_alias));

size_t
wd_numbers_digit(struct wd_span text, size_t i)
{
    numbers_words any;

    for (; i + sizeof(any) <= text.len; i += sizeof(any)) {
        any = (numbers_words)(*(const numbers_bytes *)(text.ptr + i) - '0' < 10);
        if ((any[0] | any[1]) != 0)
            break;
    }
    while (i < text.len && !wd_char_is((uint8_t)text.ptr[i], WD_CH_DIGIT))
        i++;
    return i;
}

/* Digits beside this character may belong to something that is more than a number. */
static bool
numbers_is_joined(struct wd_span text, size_t i)
{
    if (i >= text.len)
        return false;
    if (text.ptr[i] == '.')
        return i > 0 && i + 1 < text.len && wd_char_is((uint8_t)text.ptr[i - 1], WD_CH_DIGIT) &&
               wd_char_is((uint8_t)text.ptr[i + 1], WD_CH_DIGIT);
    return wd_char_is((uint8_t)text.ptr[i], WD_CH_ALPHA) || text.ptr[i] == ':';
}

bool
wd_numbers_next(struct wd_span text, unsigned least, size_t *at, struct wd_number *number)
{
    size_t first, last, i, start, end;
    unsigned digits;
    bool joined;

    for (i = *at; (first = wd_numbers_digit(text, i)) < text.len; i = last + 1) {
        last = first;
        joined = (first > 0 && numbers_is_joined(text, first - 1)) || numbers_is_joined(text, first + 1);
        for (digits = 1, i = first + 1; i < text.len && i - last <= WD_NUMBERS_GAP; i++)
            if (wd_char_is((uint8_t)text.ptr[i], WD_CH_DIGIT)) {
                joined = joined || numbers_is_joined(text, i - 1) || numbers_is_joined(text, i + 1);
                last = i;
                digits++;
            }
        if (digits < least)
            continue;
        start = first > WD_NUMBERS_AROUND ? first - WD_NUMBERS_AROUND : 0;
        end = text.len - last > WD_NUMBERS_AROUND ? last + WD_NUMBERS_AROUND : text.len;
        *number = (struct wd_number){ .around = wd_span(text.ptr + start, end - start),
                                      .digits = digits,
                                      .plain = digits <= WD_NUMBERS_PLAIN && !joined };
        *at = last + 1;
        return true;
    }
    *at = text.len;
    return false;
}
