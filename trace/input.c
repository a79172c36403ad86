/* SPDX-License-Identifier: MIT
 * See input.h. */
#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef TRACE_ZSTD
#define TRACE_ZSTD 0
#endif

#if TRACE_ZSTD
#include <zstd.h>
#endif

#define ZSTD_FRAME_MAGIC "\x28\xb5\x2f\xfd"

/* Logarithm of the bytes that unpacking may keep in memory. */
#define ZSTD_WINDOW_BITS_MAX 27

static bool no_file(struct problem *problem, const char *what)
{
    problem->offset = INPUT_NO_OFFSET;
    snprintf(problem->text, sizeof(problem->text), "%s%s%s", what, what[0] == '\0' ? "" : ": ",
             strerror(errno));
    return false;
}

int input_temporary_file(void)
{
    const char *folder = getenv("TMPDIR");
    if (folder == NULL || folder[0] != '/') {
        folder = "/tmp";
    }
    int descriptor = open(folder, O_TMPFILE | O_RDWR, 0600);
    if (descriptor >= 0) {
        return descriptor;
    }
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/brkmalloc-replay.XXXXXX", folder);
    descriptor = mkstemp(path);
    if (descriptor >= 0) {
        unlink(path);
    }
    return descriptor;
}

static bool map_file(struct input *input, int descriptor, struct problem *problem)
{
    struct stat status;
    if (fstat(descriptor, &status) != 0) {
        return no_file(problem, "");
    }
    if (!S_ISREG(status.st_mode)) {
        errno = S_ISDIR(status.st_mode) ? EISDIR : ESPIPE;
        return no_file(problem, "");
    }
    input->length = (uint64_t)status.st_size;
    if (input->length == 0) {
        return true;
    }
    void *bytes = mmap(NULL, (size_t)input->length, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (bytes == MAP_FAILED) {
        return no_file(problem, "mapping it");
    }
    input->bytes = bytes;
    return true;
}

#if TRACE_ZSTD

static bool wrong(struct problem *problem, uint64_t offset, const char *what)
{
    problem->offset = offset;
    snprintf(problem->text, sizeof(problem->text), "in the compressed file: %s", what);
    return false;
}

static bool write_all(int descriptor, const unsigned char *from, size_t length)
{
    while (length > 0) {
        ssize_t written = write(descriptor, from, length);
        if (written <= 0) {
            return false;
        }
        from += written;
        length -= (size_t)written;
    }
    return true;
}

/* How long the trace says that it is; what is longer is not unpacked. */
static uint64_t promised_bytes(const unsigned char *bytes, size_t length)
{
    struct trace_header header;
    if (length < sizeof(header)) {
        return UINT64_MAX;
    }
    memcpy(&header, bytes, sizeof(header));
    uint64_t chunks = header.chunk_count;
    return chunks > UINT64_MAX / TRACE_CHUNK_BYTES / 2
               ? UINT64_MAX
               : TRACE_HEADER_BYTES + (chunks + 1) * TRACE_CHUNK_BYTES;
}

struct unpacker {
    ZSTD_DCtx *context;
    unsigned char *buffer;
    size_t room; /* bytes of the buffer */
    int descriptor;
    uint64_t written;
    uint64_t promised;
};

static bool write_part(struct unpacker *unpacker, size_t length, uint64_t offset,
                       struct problem *problem)
{
    if (unpacker->written == 0) {
        unpacker->promised = promised_bytes(unpacker->buffer, length);
    }
    unpacker->written += length;
    if (unpacker->written > unpacker->promised) {
        return wrong(problem, offset, "more data than the trace's header promises");
    }
    return write_all(unpacker->descriptor, unpacker->buffer, length) ||
           no_file(problem, "unpacking to a temporary file");
}

static bool unpack_all(struct unpacker *unpacker, const struct input *packed,
                       struct problem *problem)
{
    ZSTD_inBuffer in = {packed->bytes, (size_t)packed->length, 0};
    size_t state = 1;
    bool has_more_out = false; /* of what has been read already */
    while (in.pos < in.size || has_more_out) {
        ZSTD_outBuffer out = {unpacker->buffer, unpacker->room, 0};
        state = ZSTD_decompressStream(unpacker->context, &out, &in);
        if (ZSTD_isError(state)) {
            return wrong(problem, in.pos, ZSTD_getErrorName(state));
        }
        if (!write_part(unpacker, out.pos, in.pos, problem)) {
            return false;
        }
        has_more_out = state != 0 && out.pos == out.size;
    }
    return state == 0 || wrong(problem, in.size, "the file ends too early");
}

static bool unpack(const struct input *packed, int descriptor, struct problem *problem)
{
    struct unpacker unpacker = {.context = ZSTD_createDCtx(),
                                .room = ZSTD_DStreamOutSize(),
                                .descriptor = descriptor,
                                .promised = UINT64_MAX};
    unpacker.buffer = malloc(unpacker.room);
    bool done = false;
    if (unpacker.context == NULL || unpacker.buffer == NULL) {
        errno = ENOMEM;
        no_file(problem, "unpacking it");
    } else {
        ZSTD_DCtx_setParameter(unpacker.context, ZSTD_d_windowLogMax, ZSTD_WINDOW_BITS_MAX);
        done = unpack_all(&unpacker, packed, problem);
    }
    free(unpacker.buffer);
    ZSTD_freeDCtx(unpacker.context);
    return done;
}

static bool open_packed(struct input *input, struct problem *problem)
{
    struct input packed = *input;
    *input = (struct input){NULL, 0};
    int descriptor = input_temporary_file();
    if (descriptor < 0) {
        input_close(&packed);
        return no_file(problem, "a temporary file to unpack to");
    }
    bool done = unpack(&packed, descriptor, problem) && map_file(input, descriptor, problem);
    close(descriptor);
    input_close(&packed);
    return done;
}

#else

static bool open_packed(struct input *input, struct problem *problem)
{
    input_close(input);
    problem->offset = INPUT_NO_OFFSET;
    snprintf(problem->text, sizeof(problem->text),
             "it is compressed, and this program was built without libzstd: unpack it with "
             "'zstd -d' first");
    return false;
}

#endif

bool input_open(struct input *input, const char *path, struct problem *problem)
{
    *input = (struct input){NULL, 0};
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return no_file(problem, "");
    }
    bool done = map_file(input, descriptor, problem);
    close(descriptor);
    if (done && input->length >= 4 && memcmp(input->bytes, ZSTD_FRAME_MAGIC, 4) == 0) {
        done = open_packed(input, problem);
    }
    return done;
}

void input_close(struct input *input)
{
    if (input->bytes != NULL) {
        union {
            const unsigned char *constant;
            void *plain;
        } bytes = {.constant = input->bytes};
        munmap(bytes.plain, (size_t)input->length);
    }
    *input = (struct input){NULL, 0};
}
