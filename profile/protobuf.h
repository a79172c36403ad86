/* SPDX-License-Identifier: MIT
 * Writes fields of messages as protocol buffers encode them. Numbers that are 0 are left out, as
 * the encoding has it. */
#ifndef PROFILE_PROTOBUF_H
#define PROFILE_PROTOBUF_H

#include <stddef.h>
#include <stdint.h>

#include "text.h"

void protobuf_add_number(struct text *message, unsigned field, uint64_t number);

/* A string or a message inside another one; written even when it is empty. */
void protobuf_add_bytes(struct text *message, unsigned field, const void *bytes, size_t length);

/* Part of a repeated field of numbers: they are gathered in `packed`, which protobuf_add_bytes puts
 * into the message. */
void protobuf_add_packed(struct text *packed, uint64_t number);

#endif
