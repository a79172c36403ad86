/* SPDX-License-Identifier: MIT
 *
 * What targets that read files share. */
#ifndef BRKM_TESTS_FUZZ_FILE_H
#define BRKM_TESTS_FUZZ_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of the target; the programs' own messages begin with it, too. */
extern const char program_name[];

#define expect(condition) ((condition) ? (void)0 : finding(#condition, __LINE__))

static inline _Noreturn void finding(const char *condition, int line)
{
    fprintf(stderr, "%s: not %s (line %d)\n", program_name, condition, line);
    abort();
}

/* Parts of which files are put together. */
struct pieces {
    const char *const *all;
    size_t count;
};

#define FILE_OF_PIECES_MAX (1 << 16)

/* The pieces in the order that the bytes say, as many as there is room for; returns the length. */
static inline size_t put_together(char file[FILE_OF_PIECES_MAX], struct pieces pieces,
                                  const uint8_t *bytes, size_t length)
{
    size_t end = 0;
    for (size_t i = 0; i < length; i++) {
        const char *piece = pieces.all[bytes[i] % pieces.count];
        size_t more = strlen(piece);
        if (end + more > FILE_OF_PIECES_MAX) {
            break;
        }
        memcpy(file + end, piece, more);
        end += more;
    }
    return end;
}

/* Has the input read: as it is, or with a first byte above 127 the pieces that the others name. */
static inline void read_input(const uint8_t *bytes, size_t length, struct pieces pieces,
                              void read_file(char *file, size_t length))
{
    static char made[FILE_OF_PIECES_MAX];
    bool is_made = length != 0 && bytes[0] > 127;
    size_t file_length = is_made ? put_together(made, pieces, bytes + 1, length - 1) : length;
    /* Exactly as long, so that a sanitizer notices a step beyond its end. */
    char *copy = malloc(file_length + (file_length == 0));
    if (copy == NULL) {
        return;
    }
    if (file_length != 0) {
        memcpy(copy, is_made ? (const void *)made : bytes, file_length);
    }
    read_file(copy, file_length);
    free(copy);
}

#endif
