/* SPDX-License-Identifier: MIT
 * See samples.h. */
#include "profile/samples.h"

#include "guard/canary.h"
#include "profile/records.h"
#include "profile/write.h"

atomic_bool brkm__samples_are_taken;

void brkm__samples_take(bool on)
{
    atomic_store_explicit(&brkm__samples_are_taken, on, memory_order_release);
}

struct sample_weight brkm__samples_count(size_t size)
{
    return samples_are_taken() ? brkm__sampling_count(size) : (struct sample_weight){0, 0};
}

struct sample_weight brkm__samples_count_apart(size_t size)
{
    return samples_are_taken() ? brkm__sampling_count_apart(size) : (struct sample_weight){0, 0};
}

unsigned brkm__samples_record(const void *memory, struct sample_weight weight)
{
    if (weight.bytes == 0 || !brkm__profile_add(memory, weight)) {
        return 0;
    }
    brkm__profile_file_if_due();
    return CANARY_MARK_SAMPLED;
}

void brkm__samples_forget(const void *memory, unsigned marks)
{
    if ((marks & CANARY_MARK_SAMPLED) != 0) {
        brkm__profile_remove(memory);
        brkm__profile_file_if_due();
    }
}
