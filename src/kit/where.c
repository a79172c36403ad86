/* SPDX-License-Identifier: MIT
 * See where.h. */
#include "kit/where.h"

#include "kit/backtrace.h"
#include "kit/image.h"
#include "kit/proc_maps.h"
#include "kit/report.h"
#include "system/os.h"
#include "system/os_loader.h"

/* Frames of a stack: the allocator's, and some of the program's. */
#define FRAMES_MAX 24

/* Bytes of a path that count. */
#define PATH_SHOWN 512

/* Files whose builds are told. */
#define FILES_MAX 12

static void begin(struct line *line, const char *words)
{
    brkm__line_add_text(line, "brkmalloc:   ");
    brkm__line_add_text(line, words);
}

void brkm__where_tell_process(void)
{
    char path[PATH_SHOWN];
    struct line line = {0};
    begin(&line, "process ");
    brkm__line_add_number(&line, (uint64_t)brkm__os_process_id());
    brkm__line_write(&line);
    begin(&line, "program ");
    size_t length = brkm__os_program(path, sizeof(path));
    brkm__line_add_span(&line, length == 0 ? "?" : path, max_size(length, 1));
    brkm__line_write(&line);
}

/* "0xADDRESS FILE+0xOFFSET", or ? where there is no file. */
static void tell_frame(const void *address)
{
    struct line line = {0};
    begin(&line, "  ");
    brkm__line_add_pointer(&line, address);
    brkm__line_add_text(&line, " ");
    if (!brkm__modules_add_place(&line, address, MODULES_FULL_PATH)) {
        brkm__line_add_text(&line, "?");
    }
    brkm__line_write(&line);
}

void brkm__where_tell_stack(const char *done, int thread, void *const *frames, size_t count)
{
    struct line line = {0};
    begin(&line, done);
    brkm__line_add_text(&line, " by thread ");
    brkm__line_add_number(&line, (uint64_t)thread);
    brkm__line_add_text(&line, count == 0 ? "" : ":");
    brkm__line_write(&line);
    for (size_t i = 0; i < count; i++) {
        tell_frame(frames[i]);
    }
}

/* ---- Builds ---- */

/* In static programs the loader's object begins behind the headers. */
static bool find_object(const void *address, struct os_object *object)
{
    char path[PATH_SHOWN];
    struct mapped_file file;
    brkm__proc_maps_file((uintptr_t)address, path, sizeof(path), &file);
    *object = (struct os_object){.start = file.start, .end = file.end};
    return file.inode != 0 || brkm__os_find_object(address, object);
}

static void add_build_id(struct line *line, const struct image *image)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < image->build_id_length; i++) {
        brkm__line_add_span(line, &digits[image->build_id[i] >> 4], 1);
        brkm__line_add_span(line, &digits[image->build_id[i] & 15], 1);
    }
}

static void tell_build(const void *address, const struct os_object *object)
{
    struct image image;
    struct line line = {0};
    brkm__image_read(&image, object, false);
    if (image.build_id_length == 0) {
        return;
    }
    begin(&line, "build ");
    add_build_id(&line, &image);
    brkm__line_add_text(&line, " of ");
    if (brkm__modules_add_place(&line, address, MODULES_FILE_ALONE)) {
        brkm__line_write(&line);
    }
}

void brkm__where_tell_builds(void *const *frames, size_t count)
{
    uintptr_t told[FILES_MAX];
    size_t told_count = 0;
    for (size_t i = 0; i < count && told_count < FILES_MAX; i++) {
        struct os_object object;
        size_t seen = 0;
        if (!find_object(frames[i], &object)) {
            continue;
        }
        while (seen < told_count && told[seen] != object.start) {
            seen++;
        }
        if (seen == told_count) {
            told[told_count++] = object.start;
            tell_build(frames[i], &object);
        }
    }
}

void brkm__where_tell(void)
{
    void *frames[FRAMES_MAX];
    size_t count = brkm__backtrace_with_entry(frames, FRAMES_MAX);
    brkm__where_tell_process();
    brkm__where_tell_stack("found", brkm__os_thread_id(), frames, count);
    brkm__where_tell_builds(frames, count);
}
