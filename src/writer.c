/* SPDX-License-Identifier: MIT
 * Layer 2: see writer.h. */
#include "writer.h"

#include <string.h>

#include "os.h"

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

static void add_span(struct writer *writer, const char *text, size_t length)
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
    add_span(writer, text, strlen(text));
}

void brkm__writer_add_number(struct writer *writer, uint64_t number)
{
    char digits[20];
    size_t start = sizeof(digits);
    do {
        digits[--start] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    add_span(writer, digits + start, sizeof(digits) - start);
}
