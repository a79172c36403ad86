/* SPDX-License-Identifier: MIT
 * See control.h. */
#include "profile/control.h"

#include <errno.h>

#include "brkmalloc/brkmalloc.h"
#include "kit/backtrace.h"
#include "kit/options.h"
#include "kit/report.h"
#include "profile/leaks.h"
#include "profile/recorder.h"
#include "profile/records.h"
#include "profile/write.h"
#include "system/os.h"

/* What is to be done at exit. Written once, by the constructor. */
static struct {
    bool write_file;
    bool report_leaks;
} at_exit;

/* Set before the records are there by the first who begins, and taken back when there is no memory
 * for them: of two threads that begin at a time the other goes on without waiting. Relaxed. */
static bool has_begun;

static void complain(const char *what, const char *remedy)
{
    struct line line = {0};
    brkm__line_add_text(&line, "brkmalloc: heap profile: ");
    brkm__line_add_text(&line, what);
    brkm__line_add_text(&line, "; ");
    brkm__line_add_text(&line, remedy);
    brkm__line_write(&line);
}

/* ---- Start ---- */

/* The pattern of file names from the environment, NULL when there is none: an empty one counts as
 * none. An attacker who starts a set-user-id program would have it write files. */
static const char *pattern_of_environment(void)
{
    const char *pattern =
        brkm__os_is_secure_mode() ? NULL : brkm__os_environment("BRKMALLOC_PROFILE");
    return pattern != NULL && pattern[0] != '\0' ? pattern : NULL;
}

static bool begin(const char *pattern)
{
    if (__atomic_exchange_n(&has_begun, true, __ATOMIC_RELAXED)) {
        return true;
    }
    if (!brkm__profile_begin()) {
        relaxed_store(has_begun, false);
        return false;
    }
    brkm__sampling_begin(brkm__option_get(OPTION_profile_interval));
    if (brkm__option_get(OPTION_profile_frame_pointers) != 0) {
        brkm__backtrace_use_frame_pointers();
    }
    if (!brkm__profile_file_begin(pattern)) {
        complain("the file name in BRKMALLOC_PROFILE is longer than 4095 bytes",
                 "no file will be written by that name");
    }
    return true;
}

static void handle_signal(void)
{
    size_t number = brkm__option_get(OPTION_profile_signal);
    if (number != 0 && !brkm__os_handle_signal((int)number, brkm__profile_file_on_signal)) {
        complain("the signal of the option profile_signal cannot be had",
                 "take another, such as USR2");
    }
}

void brkm__profiling_apply(void)
{
    const char *pattern = pattern_of_environment();
    if (pattern != NULL && !brkm__option_is_set(OPTION_profile)) {
        brkm__option_set_from(OPTION_profile, 1, "BRKMALLOC_PROFILE");
    }
    bool wants_file = brkm__option_get(OPTION_profile) != 0;
    at_exit.report_leaks = brkm__option_get(OPTION_profile_leaks) != 0;
    if (!wants_file && !at_exit.report_leaks) {
        return;
    }
    if (at_exit.report_leaks && !wants_file && !brkm__option_is_set(OPTION_profile_interval)) {
        brkm__option_set_from(OPTION_profile_interval, 1, "profile_leaks");
    }
    if (!begin(pattern)) {
        at_exit.report_leaks = false;
        complain("there is no memory for it", "the program runs without");
        return;
    }
    brkm__profile_note_objects();
    at_exit.write_file = wants_file && brkm__option_get(OPTION_profile_at_exit) != 0;
    handle_signal();
    brkm__os_keep_error_open();
    brkm__recorder_turn(true);
}

int brkm__profiling_at_exit(void)
{
    if (at_exit.write_file) {
        brkm__profile_file_report(PROFILE_AT_EXIT);
    }
    if (at_exit.report_leaks && brkm__leaks_report()) {
        return (int)brkm__option_get(OPTION_profile_leaks_exit_status);
    }
    return 0;
}

const struct optional_room brkm__profile_room = {
    .start = brkm__profiling_apply,
    .end = brkm__profiling_at_exit,
    .after_fork = brkm__sampling_forget,
};

/* ---- The program's ways ---- */

int brkm_profile_start(void)
{
    if (!begin(pattern_of_environment())) {
        return ENOMEM;
    }
    brkm__recorder_turn(true);
    return 0;
}

void brkm_profile_stop(void)
{
    brkm__recorder_turn(false);
}

int brkm_profile_dump(const char *path)
{
    return relaxed_load(has_begun) ? brkm__profile_file_write(PROFILE_REQUESTED, path) : ENOTSUP;
}
