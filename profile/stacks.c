/* SPDX-License-Identifier: MIT
 * See stacks.h. */
#include "stacks.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

void stack_add_key(struct text *key, const struct profile *profile,
                   const struct profile_stack *stack, bool has_lines)
{
    for (size_t i = 0; i < stack->count; i++) {
        function_key(key, profile, stack->frames[i].function);
        if (has_lines && stack->frames[i].line != 0) {
            text_format(key, ":%" PRIu32, stack->frames[i].line);
        }
        text_add_character(key, '\n');
    }
}

static struct stack_total *total_of(struct stack_totals *totals, const struct text *key)
{
    size_t count = totals->keys.count;
    uint32_t number = name_table_add(&totals->keys, key->bytes, key->length);
    if (number == count) {
        totals->totals =
            memory_grow(totals->totals, count, &totals->capacity, sizeof(*totals->totals));
        totals->totals[number] = (struct stack_total){.blocks = {0}};
    }
    return &totals->totals[number];
}

void stack_totals_add(struct stack_totals *totals, const struct profile *profile,
                      struct stack_choice choice, enum side side)
{
    struct profile_stack stack = {.count = 0};
    struct text key = {.bytes = NULL};
    for (size_t i = 0; i < profile->sample_count; i++) {
        const struct profile_sample *sample = &profile->samples[i];
        profile_read_stack(profile, sample, &stack);
        text_clear(&key);
        stack_add_key(&key, profile, &stack, choice.has_lines);
        struct stack_total *total = total_of(totals, &key);
        total->blocks[side] = sum_of(total->blocks[side], sample->values[choice.blocks]);
        total->bytes[side] = sum_of(total->bytes[side], sample->values[choice.bytes]);
    }
    text_free(&key);
    free(stack.frames);
}

void stack_totals_free(struct stack_totals *totals)
{
    name_table_free(&totals->keys);
    free(totals->totals);
    *totals = (struct stack_totals){.totals = NULL};
}

void stack_add_lines(struct text *text, const char *key, const char *indentation, size_t most)
{
    for (size_t lines = 0; *key != '\0'; lines++) {
        size_t length = strcspn(key, "\n");
        text_add(text, indentation);
        if (lines == most) {
            text_add(text, "...\n");
            return;
        }
        text_add_bytes(text, key, length + 1);
        key += length + 1;
    }
}
