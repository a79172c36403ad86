/* SPDX-License-Identifier: MIT
 * See text.h. */
#include "kit/text.h"

#include <string.h>

#include "system/os.h"

void brkm__writer_flush(struct writer *writer)
{
    if (writer->length == 0) {
        return;
    }
    if (writer->write == NULL) {
        brkm__os_write_error(writer->text, writer->length);
    } else {
        writer->write(writer->context, writer->text, writer->length);
    }
    writer->length = 0;
}

void brkm__writer_add_span(struct writer *writer, const char *text, size_t length)
{
    while (length > 0) {
        size_t fits = min_size(length, WRITER_BUFFER - writer->length);
        memcpy(writer->text + writer->length, text, fits);
        writer->length += fits;
        text += fits;
        length -= fits;
        if (writer->length == WRITER_BUFFER) {
            brkm__writer_flush(writer);
        }
    }
}

void brkm__writer_add(struct writer *writer, const char *text)
{
    brkm__writer_add_span(writer, text, strlen(text));
}

static void add_digits(struct writer *writer, uint64_t number, unsigned base)
{
    char digits[20];
    size_t start = sizeof(digits);
    do {
        digits[--start] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number != 0);
    brkm__writer_add_span(writer, digits + start, sizeof(digits) - start);
}

void brkm__writer_add_number(struct writer *writer, uint64_t number)
{
    add_digits(writer, number, 10);
}

void brkm__writer_add_pointer(struct writer *writer, const void *pointer)
{
    brkm__writer_add(writer, "0x");
    add_digits(writer, (uintptr_t)pointer, 16);
}
