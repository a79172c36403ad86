/* SPDX-License-Identifier: MIT
 * See output.h. */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "memory.h"

/* zlib: the largest window, with the header and the checksum of gzip. */
#define GZIP_WINDOW_BITS (MAX_WBITS + 16)
#define GZIP_MEMORY_LEVEL 9

static bool fail(const char *path)
{
    fprintf(stderr, "%s: cannot write %s: %s\n", program_name, path, strerror(errno));
    return false;
}

static bool write_all(int descriptor, const struct text *content)
{
    size_t done = 0;
    while (done < content->length) {
        ssize_t count = write(descriptor, content->bytes + done, content->length - done);
        if (count < 0 && errno != EINTR) {
            return false;
        }
        done += count < 0 ? 0 : (size_t)count;
    }
    return true;
}

static mode_t default_mode(void)
{
    mode_t mask = umask(0);
    umask(mask);
    return (mode_t)(0666 & ~mask);
}

static bool replace_file(const char *path, const struct text *content)
{
    char temporary[PATH_MAX];
    int length = snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
    if (length < 0 || (size_t)length >= sizeof(temporary)) {
        errno = ENAMETOOLONG;
        return false;
    }
    int descriptor = mkstemp(temporary);
    if (descriptor < 0) {
        return false;
    }
    bool is_written = write_all(descriptor, content) && fchmod(descriptor, default_mode()) == 0;
    is_written = close(descriptor) == 0 && is_written;
    if (is_written && rename(temporary, path) == 0) {
        return true;
    }
    int error = errno;
    unlink(temporary);
    errno = error;
    return false;
}

/* A device, a pipe or a link is written to and stays what it is. */
static bool write_in_place(const char *path, const struct text *content)
{
    int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (descriptor < 0) {
        return false;
    }
    bool is_written = write_all(descriptor, content);
    return close(descriptor) == 0 && is_written;
}

bool output_write(const char *path, const struct text *content)
{
    struct stat status;
    if (strcmp(path, "-") == 0) {
        return write_all(STDOUT_FILENO, content) || fail("to standard output");
    }
    bool is_there = lstat(path, &status) == 0;
    bool is_written = is_there && !S_ISREG(status.st_mode) ? write_in_place(path, content)
                                                           : replace_file(path, content);
    return is_written || fail(path);
}

void output_compress(struct text *text)
{
    z_stream stream = {.next_in = (Bytef *)text->bytes};
    if (text->length > UINT_MAX / 2 ||
        deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW_BITS,
                     GZIP_MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
        fprintf(stderr, "%s: zlib cannot compress so much\n", program_name);
        exit(1);
    }
    uLong bound = deflateBound(&stream, (uLong)text->length);
    struct text compressed = {.bytes = memory_zeroed(bound + 1, 1), .capacity = bound + 1};
    stream.avail_in = (uInt)text->length;
    stream.next_out = (Bytef *)compressed.bytes;
    stream.avail_out = (uInt)bound;
    deflate(&stream, Z_FINISH); /* one call: there is room for all */
    compressed.length = stream.total_out;
    deflateEnd(&stream);
    text_free(text);
    *text = compressed;
}
