/* SPDX-License-Identifier: MIT
 * See recorder.h. */
#include "profile/recorder.h"

#include "malloc/watcher.h"
#include "profile/frame.h"
#include "profile/records.h"
#include "profile/sampling.h"
#include "profile/write.h"

static void note(const void *memory, struct sample_weight weight)
{
    if (brkm__profile_add(memory, weight)) {
        brkm__profile_file_if_due();
    }
}

static void forget(const void *memory)
{
    brkm__profile_remove(memory);
    brkm__profile_file_if_due();
}

static bool try_forget(const void *memory)
{
    return brkm__profile_try_remove(memory);
}

static struct note take(const void *memory)
{
    struct profile_record record = brkm__profile_remove(memory);
    return (struct note){record.address, record.stack, record.weight};
}

static void put_back(struct note note)
{
    brkm__profile_put_back((struct profile_record){note.address, note.stack, note.weight});
}

static void count(struct watch_figures *figures)
{
    struct profile_totals profile = brkm__profile_totals();
    figures->noted.ever = profile.samples;
    figures->noted.live = profile.live;
    figures->noted.lost = profile.lost;
    figures->noted.stacks = profile.stacks;
    figures->noted.own_bytes = profile.bytes;
    figures->noted.contended = profile.contended;
}

static struct note find(const void *memory)
{
    struct profile_record record = brkm__profile_find(memory);
    return (struct note){record.address, record.stack, record.weight};
}

static const struct recorder recorder = {
    .weigh = brkm__sampling_count,
    .weigh_apart = brkm__sampling_count_apart,
    .note = note,
    .forget = forget,
    .try_forget = try_forget,
    .take = take,
    .put_back = put_back,
    .count = count,
    .find = find,
    .add_frame = brkm__frame_add,
    .add_build = brkm__frame_add_build,
    .write = brkm__profile_write_to,
};

void brkm__recorder_turn(bool on)
{
    brkm__record_by(&recorder, on);
}
