/* SPDX-License-Identifier: MIT
 * Text of any length on its way to somebody's function, put together without allocating
 * and without stdio. */
#ifndef BRKMALLOC_KIT_TEXT_H
#define BRKMALLOC_KIT_TEXT_H

#include "base/base.h"
#include "brkmalloc/brkmalloc.h"

/* Bytes that are handed on at a time. */
#define WRITER_BUFFER 512

struct writer {
    brkm_writer write; /* NULL for standard error */
    void *context;
    size_t length;
    char text[WRITER_BUFFER];
};

void brkm__writer_add(struct writer *writer, const char *text);
void brkm__writer_add_span(struct writer *writer, const char *text, size_t length);
/* In hexadecimal, with 0x. */
void brkm__writer_add_pointer(struct writer *writer, const void *pointer);
void brkm__writer_add_number(struct writer *writer, uint64_t number);

/* Hands on what there is. Once at the end, and where the text so far should stay in one piece. */
void brkm__writer_flush(struct writer *writer);

#endif
