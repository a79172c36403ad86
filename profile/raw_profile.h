/* SPDX-License-Identifier: MIT
 * Reads what the allocator wrote: see docs/profile-format.md. */
#ifndef PROFILE_RAW_PROFILE_H
#define PROFILE_RAW_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum raw_number {
    RAW_LIVE_BLOCKS,
    RAW_LIVE_BYTES,
    RAW_TOTAL_BLOCKS,
    RAW_TOTAL_BYTES,
    RAW_PEAK_BLOCKS,
    RAW_PEAK_BYTES,
    RAW_NUMBER_COUNT
};

struct raw_sample {
    uint64_t numbers[RAW_NUMBER_COUNT]; /* each below 2^63 */
    size_t first_address;               /* index into the profile's addresses */
    size_t address_count;
};

/* A program or library as it lay in memory. */
struct raw_object {
    uint64_t start;
    uint64_t end;
    uint64_t link_start;    /* what its own tables call `start` */
    uint64_t inode;         /* of the file; 0 when it is not known, like the next three */
    uint64_t size;          /* bytes */
    uint64_t changed;       /* seconds since 1970 */
    uint64_t changed_nanos; /* and behind the point */
    char *build_id;         /* hexadecimal, "" when it has none */
    char *path;             /* "" when it is not known */
};

#define RAW_NO_OBJECT UINT32_MAX

/* A return address, and the index of the object that it lay in. */
struct raw_address {
    uint64_t address;
    uint32_t object;
};

struct raw_profile {
    uint64_t process;
    char *program;        /* "" when the file does not say */
    char *reason;         /* the same */
    uint64_t interval;    /* bytes; 0 when the file does not say */
    uint64_t started;     /* seconds since 1970 */
    uint64_t nanoseconds; /* from then to the writing of the file */
    struct raw_sample *samples;
    size_t sample_count;
    struct raw_address *addresses; /* of all samples */
    size_t address_count;
    struct raw_object *objects;
    size_t object_count;
    bool is_complete; /* otherwise the file was cut short behind `line_count` lines */
    size_t line_count;
    size_t sample_capacity, address_capacity, object_capacity;
};

struct raw_problem {
    size_t line; /* from 1; 0: it concerns the whole file */
    char text[256];
};

/* False when the file cannot be read or is damaged, with what is wrong. A file that was cut short
 * is read as far as it goes. */
bool raw_profile_read(struct raw_profile *profile, FILE *file, struct raw_problem *problem);

/* Whether it was written at exit and tells of the peak (option profile_peak). */
bool raw_profile_is_of_whole_run(const struct raw_profile *profile);

void raw_profile_free(struct raw_profile *profile);

#endif
