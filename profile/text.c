/* SPDX-License-Identifier: MIT
 * See text.h. */
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

/* Makes room for `count` more bytes and the final NUL. */
static void reserve(struct text *text, size_t count)
{
    while (text->bytes == NULL || text->capacity - text->length <= count) {
        text->bytes = memory_grow(text->bytes, text->capacity, &text->capacity, 1);
    }
}

void text_add_bytes(struct text *text, const void *bytes, size_t count)
{
    reserve(text, count);
    if (count > 0) {
        memcpy(text->bytes + text->length, bytes, count);
    }
    text->length += count;
    text->bytes[text->length] = '\0';
}

void text_add(struct text *text, const char *string)
{
    text_add_bytes(text, string, strlen(string));
}

void text_add_character(struct text *text, char character)
{
    text_add_bytes(text, &character, 1);
}

void text_format(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0) {
        return;
    }
    reserve(text, (size_t)length);
    va_start(arguments, format);
    vsnprintf(text->bytes + text->length, (size_t)length + 1, format, arguments);
    va_end(arguments);
    text->length += (size_t)length;
}

void text_clear(struct text *text)
{
    text->length = 0;
    text_add_bytes(text, NULL, 0);
}

void text_free(struct text *text)
{
    free(text->bytes);
    *text = (struct text){.bytes = NULL};
}

/* ---- UTF-8 ---- */

#define FIRST_OF_TWO 0xc2u
#define FIRST_OF_THREE 0xe0u
#define FIRST_OF_FOUR 0xf0u
#define FIRST_BEYOND 0xf5u

static size_t length_by_first_byte(unsigned char first)
{
    if (first < 0x80) {
        return 1;
    }
    if (first < FIRST_OF_TWO || first >= FIRST_BEYOND) {
        return 0;
    }
    return first < FIRST_OF_THREE ? 2 : first < FIRST_OF_FOUR ? 3 : 4;
}

/* Overlong forms, surrogates and what lies beyond Unicode differ in the second byte. */
static int second_byte_fits(unsigned char first, unsigned char second)
{
    unsigned char lowest = first == FIRST_OF_THREE ? 0xa0 : first == FIRST_OF_FOUR ? 0x90 : 0x80;
    unsigned char highest = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    return second >= lowest && second <= highest;
}

/* Bytes of the character at the start of the string, 0 when there is none. */
static size_t character_length(const unsigned char *string)
{
    size_t length = length_by_first_byte(string[0]);
    if (length == 1) {
        return string[0] >= ' ' && string[0] != 0x7f ? 1 : 0;
    }
    for (size_t i = 1; i < length; i++) {
        if ((string[i] & 0xc0) != 0x80 || (i == 1 && !second_byte_fits(string[0], string[1]))) {
            return 0;
        }
    }
    return length;
}

void text_add_clean(struct text *text, const char *string)
{
    while (*string != '\0') {
        size_t length = character_length((const unsigned char *)string);
        if (length == 0) {
            text_add_character(text, '?');
            length = 1;
        } else {
            text_add_bytes(text, string, length);
        }
        string += length;
    }
}

/* ---- Numbers ---- */

#define BYTES_PER_UNIT 1024.0

static void bytes_with_unit(char number[NUMBER_SIZE], const char *sign, uint64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < (uint64_t)BYTES_PER_UNIT) {
        snprintf(number, NUMBER_SIZE, "%s%" PRIu64 " B", sign, bytes);
        return;
    }
    double amount = (double)bytes / BYTES_PER_UNIT;
    size_t unit = 0;
    while (amount >= BYTES_PER_UNIT - 0.05 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        amount /= BYTES_PER_UNIT;
        unit++;
    }
    snprintf(number, NUMBER_SIZE, "%s%.1f %s", sign, amount, units[unit]);
}

static const char *signed_number(char number[NUMBER_SIZE], const char *sign, uint64_t value,
                                 int are_bytes)
{
    if (are_bytes) {
        bytes_with_unit(number, sign, value);
    } else {
        snprintf(number, NUMBER_SIZE, "%s%" PRIu64, sign, value);
    }
    return number;
}

const char *number_of(char number[NUMBER_SIZE], uint64_t value, int are_bytes)
{
    return signed_number(number, "", value, are_bytes);
}

const char *number_of_growth(char number[NUMBER_SIZE], uint64_t before, uint64_t after,
                             int are_bytes)
{
    if (after < before) {
        return signed_number(number, "-", before - after, are_bytes);
    }
    return signed_number(number, after == before ? "" : "+", after - before, are_bytes);
}

const char *number_of_part(char number[NUMBER_SIZE], uint64_t part, uint64_t whole)
{
    double percent = whole == 0 ? 0 : 100.0 * (double)part / (double)whole;
    snprintf(number, NUMBER_SIZE, "%.1f%%", percent);
    return number;
}

uint64_t sum_of(uint64_t first, uint64_t second)
{
    uint64_t sum = first + second;
    return sum < first ? UINT64_MAX : sum;
}
