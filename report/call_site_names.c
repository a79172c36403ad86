/* SPDX-License-Identifier: MIT
 * See call_sites.h: with elfutils, through what reads heap profiles. */
#include <fcntl.h>
#include <gelf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../profile/making.h"
#include "../profile/memory.h"
#include "../profile/stacks.h"
#include "call_sites.h"

/* More than any program or library takes. */
#define OBJECT_BYTES ((uint64_t)1 << 40)

/* ---- Objects ---- */

static uint64_t first_load(Elf *elf)
{
    size_t count = 0;
    GElf_Phdr header;
    if (elf == NULL || elf_getphdrnum(elf, &count) != 0) {
        return 0;
    }
    for (size_t i = 0; i < count && gelf_getphdr(elf, (int)i, &header) != NULL; i++) {
        if (header.p_type == PT_LOAD) {
            return header.p_vaddr & ~(header.p_align - (header.p_align != 0));
        }
    }
    return 0;
}

/* What the file's own tables call its start. */
static uint64_t link_start_of(const char *path)
{
    int descriptor = path[0] == '/' ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : -1;
    if (descriptor < 0) {
        return 0;
    }
    elf_version(EV_CURRENT);
    Elf *elf = elf_begin(descriptor, ELF_C_READ, NULL);
    uint64_t start = first_load(elf);
    elf_end(elf);
    close(descriptor);
    return start;
}

static char *build_of(const struct call_sites *sites, const char *path)
{
    for (uint32_t i = 0; i < sites->builds.count; i++) {
        const char *build = name_table_get(&sites->builds, i);
        const char *of = strstr(build, " of ");
        if (of != NULL && strcmp(of + strlen(" of "), path) == 0) {
            char *copy = memory_copy_text(build);
            copy[of - build] = '\0';
            return copy;
        }
    }
    return memory_copy_text("");
}

/* The index of the object of that path that lies `above` what its tables say. */
static uint32_t object_of(struct raw_profile *raw, const struct call_sites *sites, const char *path,
                          uint64_t above)
{
    for (size_t i = 0; i < raw->object_count; i++) {
        const struct raw_object *object = &raw->objects[i];
        if (strcmp(object->path, path) == 0 && object->start - object->link_start == above) {
            return (uint32_t)i;
        }
    }
    uint64_t link_start = link_start_of(path);
    raw->objects =
        memory_grow(raw->objects, raw->object_count, &raw->object_capacity, sizeof(*raw->objects));
    raw->objects[raw->object_count] = (struct raw_object){
        .start = link_start + above,
        .end = link_start + above + OBJECT_BYTES,
        .link_start = link_start,
        .build_id = build_of(sites, path),
        .path = memory_copy_text(path),
    };
    return (uint32_t)raw->object_count++;
}

/* ---- Stacks ---- */

/* A line "0xADDRESS FILE+0xOFFSET", where what follows the address may be missing. */
static struct raw_address read_frame(struct raw_profile *raw, const struct call_sites *sites,
                                     char *line)
{
    struct raw_address result = {strtoull(line, NULL, 16), RAW_NO_OBJECT};
    char *path = strchr(line, ' ');
    char *offset = path == NULL ? NULL : strrchr(path, '+');
    if (offset != NULL) {
        *offset = '\0';
        result.object =
            object_of(raw, sites, path + 1, result.address - strtoull(offset + 1, NULL, 16));
    }
    return result;
}

static void add_stack(struct raw_profile *raw, const struct call_sites *sites, const char *frames)
{
    char *copy = memory_copy_text(frames);
    raw->samples =
        memory_grow(raw->samples, raw->sample_count, &raw->sample_capacity, sizeof(*raw->samples));
    struct raw_sample *sample = &raw->samples[raw->sample_count++];
    *sample = (struct raw_sample){.first_address = raw->address_count};
    for (char *line = strtok(copy, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        struct raw_address address = read_frame(raw, sites, line);
        raw->addresses = memory_grow(raw->addresses, raw->address_count, &raw->address_capacity,
                                     sizeof(*raw->addresses));
        raw->addresses[raw->address_count++] = address;
        sample->address_count++;
    }
    free(copy);
}

/* ---- Names ---- */

static void give_names(const struct profile *profile,
                       void (*receive)(void *context, const char *lines), void *context)
{
    struct profile_stack stack = {.count = 0};
    struct text key = {.bytes = NULL};
    for (size_t i = 0; i < profile->sample_count; i++) {
        profile_read_stack(profile, &profile->samples[i], &stack);
        text_clear(&key);
        stack_add_key(&key, profile, &stack, true);
        receive(context, key.bytes);
    }
    free(stack.frames);
    text_free(&key);
}

void call_sites_each(const struct call_sites *sites,
                     void (*receive)(void *context, const char *lines), void *context)
{
    struct raw_profile raw = {.program = memory_copy_text(""), .reason = memory_copy_text("")};
    struct profile profile;
    for (uint32_t i = 0; i < sites->stacks.count && i < CALL_SITES_MAX; i++) {
        add_stack(&raw, sites, name_table_get(&sites->stacks, i));
    }
    profile_make(&profile, &raw, (struct profile_options){.is_at_peak = false});
    give_names(&profile, receive, context);
    profile_free(&profile);
    raw_profile_free(&raw);
}
