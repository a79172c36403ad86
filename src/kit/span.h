/* SPDX-License-Identifier: MIT
 * A stretch of text, which need not end with a zero. */
#ifndef BRKMALLOC_KIT_SPAN_H
#define BRKMALLOC_KIT_SPAN_H

#include <string.h>

#include "base/base.h"

struct span {
    const char *text;
    size_t length;
};

static inline struct span span_of(const char *text)
{
    return (struct span){text, strlen(text)};
}

static inline bool span_is(struct span span, const char *word)
{
    return strlen(word) == span.length && memcmp(span.text, word, span.length) == 0;
}

static inline bool letter_is_in(const char *letters, char letter)
{
    return letter != '\0' && strchr(letters, letter) != NULL;
}

/* Cuts *rest at the first of `separators` and returns what stands before it. */
static inline struct span span_cut(struct span *rest, const char *separators)
{
    struct span head = {rest->text, 0};
    while (head.length < rest->length && !letter_is_in(separators, rest->text[head.length])) {
        head.length++;
    }
    size_t taken = head.length + (head.length < rest->length);
    rest->text += taken;
    rest->length -= taken;
    return head;
}

static inline struct span span_without_blanks(struct span span)
{
    while (span.length > 0 && letter_is_in(" \t\r\n", span.text[0])) {
        span.text++;
        span.length--;
    }
    while (span.length > 0 && letter_is_in(" \t\r\n", span.text[span.length - 1])) {
        span.length--;
    }
    return span;
}

#endif
