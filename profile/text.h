/* SPDX-License-Identifier: MIT
 * Text and bytes that grow, and numbers as people read them. */
#ifndef PROFILE_TEXT_H
#define PROFILE_TEXT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct text {
    char *bytes; /* `length` of them and a final NUL; NULL while the text is empty */
    size_t length;
    size_t capacity;
};

void text_add_bytes(struct text *text, const void *bytes, size_t count);
void text_add(struct text *text, const char *string);
void text_add_character(struct text *text, char character);
__attribute__((format(printf, 2, 3))) void text_format(struct text *text, const char *format, ...);

/* Makes the text empty, with `bytes` not NULL. */
void text_clear(struct text *text);
void text_free(struct text *text);

/* Adds the string as UTF-8: bytes that are none, and control characters, become question marks. */
void text_add_clean(struct text *text, const char *string);

/* What a number that people read may take. */
#define NUMBER_SIZE 32

/* Writes "512 B", "1.5 KiB" ... or, of blocks, the plain number. */
const char *number_of(char number[NUMBER_SIZE], uint64_t value, int are_bytes);

/* The same with a sign, for `after` minus `before`. */
const char *number_of_growth(char number[NUMBER_SIZE], uint64_t before, uint64_t after,
                             int are_bytes);

/* Writes `part` of `whole` as "12.5%". */
const char *number_of_part(char number[NUMBER_SIZE], uint64_t part, uint64_t whole);

/* The sum, or the highest number where it would be higher. */
uint64_t sum_of(uint64_t first, uint64_t second);

#endif
