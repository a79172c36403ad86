/* SPDX-License-Identifier: MIT
 * See functions.h. */
#include "functions.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"

void function_key(struct text *text, const struct profile *profile, uint32_t function)
{
    const struct profile_function *known = &profile->functions[function];
    text_add(text, profile_name(profile, known->name));
    const char *place = profile_name(profile, known->file);
    if (place[0] == '\0' && known->is_named && known->object != PROFILE_NO_OBJECT) {
        place = profile_name(profile, profile->objects[known->object].base_name);
    }
    if (place[0] != '\0') {
        text_format(text, "  %s", base_name_of(place));
    }
}

static struct function_total *total_of(struct function_totals *totals, const char *key)
{
    size_t count = totals->keys.count;
    uint32_t number = name_table_add_text(&totals->keys, key);
    if (number == count) {
        totals->totals =
            memory_grow(totals->totals, count, &totals->capacity, sizeof(*totals->totals));
        totals->totals[number] = (struct function_total){.last_sample = 0};
    }
    return &totals->totals[number];
}

void function_totals_add(struct function_totals *totals, const struct profile *profile,
                         enum profile_value value, enum side side)
{
    struct profile_stack stack = {.count = 0};
    struct text key = {.bytes = NULL};
    for (size_t i = 0; i < profile->sample_count; i++) {
        const struct profile_sample *sample = &profile->samples[i];
        uint64_t amount = sample->values[value];
        totals->sample_count++;
        profile_read_stack(profile, sample, &stack);
        for (size_t j = 0; j < stack.count; j++) {
            text_clear(&key);
            function_key(&key, profile, stack.frames[j].function);
            struct function_total *total = total_of(totals, key.bytes);
            if (j == 0) {
                total->flat[side] = sum_of(total->flat[side], amount);
            }
            if (total->last_sample != totals->sample_count) {
                total->cumulative[side] = sum_of(total->cumulative[side], amount);
                total->last_sample = totals->sample_count;
            }
        }
    }
    text_free(&key);
    free(stack.frames);
}

struct order {
    const struct function_totals *totals;
    int (*compare)(const struct function_total *, const struct function_total *);
};

static int compare_by_order(const void *left, const void *right, void *context)
{
    const struct order *order = context;
    uint32_t first = *(const uint32_t *)left;
    uint32_t second = *(const uint32_t *)right;
    int result = order->compare(&order->totals->totals[first], &order->totals->totals[second]);
    return result != 0 ? result
                       : strcmp(name_table_get(&order->totals->keys, first),
                                name_table_get(&order->totals->keys, second));
}

uint32_t *function_totals_order(const struct function_totals *totals,
                                int (*compare)(const struct function_total *,
                                               const struct function_total *))
{
    size_t count = totals->keys.count;
    uint32_t *numbers = memory_zeroed(count, sizeof(*numbers));
    for (uint32_t i = 0; i < count; i++) {
        numbers[i] = i;
    }
    struct order order = {totals, compare};
    qsort_r(numbers, count, sizeof(*numbers), compare_by_order, &order);
    return numbers;
}

void function_totals_free(struct function_totals *totals)
{
    name_table_free(&totals->keys);
    free(totals->totals);
    *totals = (struct function_totals){.totals = NULL};
}
