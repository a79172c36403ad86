/* SPDX-License-Identifier: MIT
 * See protobuf.h. */
#include "protobuf.h"

#define WIRE_TYPE_NUMBER 0
#define WIRE_TYPE_BYTES 2
#define WIRE_TYPE_BITS 3
#define BITS_PER_BYTE 7
#define MORE_FOLLOWS 0x80

static void add_varint(struct text *text, uint64_t number)
{
    while (number >= MORE_FOLLOWS) {
        text_add_character(text, (char)(number | MORE_FOLLOWS));
        number >>= BITS_PER_BYTE;
    }
    text_add_character(text, (char)number);
}

void protobuf_add_number(struct text *message, unsigned field, uint64_t number)
{
    if (number != 0) {
        add_varint(message, field << WIRE_TYPE_BITS | WIRE_TYPE_NUMBER);
        add_varint(message, number);
    }
}

void protobuf_add_bytes(struct text *message, unsigned field, const void *bytes, size_t length)
{
    add_varint(message, field << WIRE_TYPE_BITS | WIRE_TYPE_BYTES);
    add_varint(message, length);
    text_add_bytes(message, bytes, length);
}

void protobuf_add_packed(struct text *packed, uint64_t number)
{
    add_varint(packed, number);
}
