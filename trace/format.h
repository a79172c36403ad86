/* SPDX-License-Identifier: MIT
 *
 * The layout of a trace file, shared by the recorder and the replayer. docs/trace-format.md
 * describes it byte by byte; numbers are little-endian.
 *
 * A header of one page is followed by chunks of equal size. The chunks of one lane, in the order of
 * their serial numbers, hold a stream of records; one thread at a time writes to a lane. */
#ifndef BRKMALLOC_TRACE_FORMAT_H
#define BRKMALLOC_TRACE_FORMAT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define TRACE_MAGIC "brkmtrac"
#define TRACE_VERSION 1

/* Of a trace that has not all calls: programs that do not know of such traces refuse it. */
#define TRACE_VERSION_PARTIAL 2

/* Of a trace with call stacks; all else is as in one that has not all calls, or is 0. */
#define TRACE_VERSION_STACKS 3

#define TRACE_HEADER_BYTES 4096
#define TRACE_CHUNK_BYTES 65536
#define TRACE_CHUNK_MAGIC 0x6b6e6863u  /* "chnk" */
#define TRACE_CHUNK_VOID 0x64696f76u   /* "void": was the oldest, and is about to be written anew */
#define TRACE_CHUNK_STACKS 0x6b637473u /* "stck": has call stacks, and belongs to no lane */
#define TRACE_COMMAND_BYTES 3968

/* One address in so many at most; of fewer nobody could tell much. */
#define TRACE_SAMPLE_MAX ((uint32_t)1 << 20)

/* Return addresses of a stack, different stacks, and objects that their addresses lie in. */
#define TRACE_DEPTH_MAX 128
#define TRACE_STACKS_MAX ((uint32_t)1 << 20)
#define TRACE_OBJECTS_MAX UINT16_MAX

/* Bytes of the longest record, and how far behind its end the recorder may write while it builds
 * one. */
#define TRACE_RECORD_MAX 43
#define TRACE_RECORD_SLACK 64

/* A limit on the file must leave room for the windows of some threads and for what they wrote. */
#define TRACE_LIMIT_MIN ((uint64_t)1 << 20)

struct trace_header {
    char magic[8];
    uint32_t version;
    uint32_t header_bytes;
    uint32_t chunk_bytes;
    uint32_t process;
    uint32_t parent_process;
    uint32_t sample;      /* only blocks of one address in so many are recorded; version 1: 0 */
    uint64_t chunk_count; /* grows when a chunk has become part of the file */
    uint64_t start_unix_nanoseconds;
    uint64_t start_ticks;
    uint64_t measured_ticks;       /* since the start ... */
    uint64_t measured_nanoseconds; /* ... took so long */
    uint64_t limit;                /* of the file's bytes: the oldest chunks went; 0: none */
    uint64_t lost_stacks;          /* allocations whose call stack had no room */
    uint32_t stack_depth;          /* return addresses of a stack at most; 0: there are none */
    uint8_t unused[128 - 92];
    char command[TRACE_COMMAND_BYTES]; /* words of the command line, each with a final NUL */
};

struct trace_chunk {
    uint32_t magic;
    uint32_t lane;
    uint32_t serial;
    uint32_t used;        /* bytes of records */
    uint32_t sealed;      /* of these so many are covered by the checksum; 0: none */
    uint32_t thread;      /* whose records these are until a TRACE_THREAD record; 0: nobody's yet */
    uint64_t start_ticks; /* what the first record's time is counted from */
    uint64_t checksum;
    uint8_t unused[64 - 40];
};

#define TRACE_CHUNK_ROOM (TRACE_CHUNK_BYTES - sizeof(struct trace_chunk))

/* A record begins with 16 bits: from the lowest on, four bits each for the operation and for the
 * bytes of its time, its address and its size. */
enum trace_operation {
    TRACE_NONE,
    TRACE_MALLOC,
    TRACE_CALLOC,
    TRACE_REALLOC, /* with the old address */
    TRACE_FREE,
    TRACE_FREE_SIZED,
    TRACE_FREE_ALIGNED_SIZED, /* these four with the alignment */
    TRACE_ALIGNED_ALLOC,
    TRACE_MEMALIGN,
    TRACE_POSIX_MEMALIGN,
    TRACE_VALLOC,
    TRACE_PVALLOC,
    TRACE_THREAD, /* the records that follow are those of thread number `size` */
    TRACE_THREAD_END,
    TRACE_STACK, /* number `size` is the stack of the allocations that follow in the chunk */
    TRACE_OPERATION_COUNT,
};

/* In the second part of a record of these operations: one byte more than the 16 bits. */
static inline int trace_has_alignment(unsigned operation)
{
    return operation >= TRACE_FREE_ALIGNED_SIZED && operation <= TRACE_POSIX_MEMALIGN;
}

static inline int trace_has_size(unsigned operation)
{
    return operation != TRACE_FREE && operation != TRACE_THREAD_END;
}

_Static_assert(sizeof(struct trace_header) == TRACE_HEADER_BYTES, "the header is one page");
_Static_assert(sizeof(struct trace_chunk) == 64, "records begin 64 bytes into a chunk");
_Static_assert(TRACE_OPERATION_COUNT <= 16, "an operation fits into four bits");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are copied as they are");

/* What chunks of stacks have, one behind the other: each begins with one of these letters. */
enum trace_stack_record { TRACE_RECORD_OBJECT = 'o', TRACE_RECORD_STACK = 's' };

/* Bytes of a number of up to 64 bits, seven of them to a byte; of an object's path and build id;
 * and of the longest records. */
#define TRACE_NUMBER_MAX 10
#define TRACE_PATH_MAX 4096
#define TRACE_BUILD_ID_MAX 64
#define TRACE_OBJECT_NUMBERS 7
#define TRACE_OBJECT_RECORD_MAX \
    (1 + (TRACE_OBJECT_NUMBERS + 2) * TRACE_NUMBER_MAX + TRACE_BUILD_ID_MAX + TRACE_PATH_MAX)
#define TRACE_STACK_RECORD_MAX (1 + TRACE_NUMBER_MAX + TRACE_DEPTH_MAX * 2 * TRACE_NUMBER_MAX)

_Static_assert(TRACE_OBJECT_RECORD_MAX <= TRACE_CHUNK_ROOM, "any object fits into a chunk");
_Static_assert(TRACE_STACK_RECORD_MAX <= TRACE_CHUNK_ROOM, "any stack fits into a chunk");

/* A sampled trace has the addresses that are mixed into the highest numbers: so 0, the address of
 * no block, is not among them. The factor is the golden ratio, whose multiples lie evenly: whatever
 * the distance of a program's blocks, few in a row have all of them in the sample, or none. */
static inline uint32_t trace_mix_address(uint64_t address)
{
    return (uint32_t)(address * 0x9e3779b97f4a7c15u >> 32);
}

/* What the mixed address must not be below. */
static inline uint32_t trace_sample_floor(uint32_t sample)
{
    return sample <= 1 ? 0 : (uint32_t)(0 - (((uint64_t)1 << 32) / sample));
}

/* Addresses are multiples of 8 nearly always: rotated, their differences are short. */
static inline uint64_t trace_rotate_address(uint64_t address)
{
    return address >> 3 | address << 61;
}

static inline uint64_t trace_unrotate_address(uint64_t rotated)
{
    return rotated << 3 | rotated >> 61;
}

/* Small numbers for small differences of either sign. */
static inline uint64_t trace_zigzag(uint64_t difference)
{
    return difference << 1 ^ (uint64_t)((int64_t)difference >> 63);
}

static inline uint64_t trace_unzigzag(uint64_t folded)
{
    return folded >> 1 ^ (0 - (folded & 1));
}

/* One step of the checksum. Different words make different sums, as the factor is odd. */
static inline uint64_t trace_mix(uint64_t sum, uint64_t word)
{
    return (sum ^ word) * 0x9e3779b97f4a7c15u;
}

/* Of the first `sealed` bytes of records and of the chunk's place in the trace. */
static inline uint64_t trace_checksum(const struct trace_chunk *chunk, const unsigned char *records,
                                      size_t sealed)
{
    /* Four sums beside each other, as a processor can have four multiplications under way. */
    uint64_t sums[4] = {chunk->lane, chunk->serial, chunk->thread, chunk->start_ticks};
    size_t done = 0;
    for (; sealed - done >= 32; done += 32) {
        uint64_t words[4];
        memcpy(words, records + done, sizeof(words));
        sums[0] = trace_mix(sums[0], words[0]);
        sums[1] = trace_mix(sums[1], words[1]);
        sums[2] = trace_mix(sums[2], words[2]);
        sums[3] = trace_mix(sums[3], words[3]);
    }
    uint64_t rest[4] = {0, 0, 0, 0};
    memcpy(rest, records + done, sealed - done);
    uint64_t sum = sealed;
    for (int i = 0; i < 4; i++) {
        sum = trace_mix(trace_mix(sum, sums[i] ^ sums[i] >> 32), rest[i]);
        sum ^= sum >> 32;
    }
    return sum;
}

#endif
