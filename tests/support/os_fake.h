/* SPDX-License-Identifier: MIT
 *
 * A system for unit tests: src/system/os.h on an address range of its own, in place of os_linux.c.
 *
 * The range has two parts, a break and a space for mappings. Both behave as the kernel's do: fresh
 * pages read as zero, what is given back cannot be touched any more, the page that a lowered break
 * lies in keeps its bytes. What no correct allocator does (unmapping what it never mapped, lowering
 * the break over memory of others) ends the test with a message. Any call can be made to fail.
 *
 * There is one fake per process; the tests run in a process each (Check forks), and each begins
 * with fake_os_start. */
#ifndef BRKM_TESTS_OS_FAKE_H
#define BRKM_TESTS_OS_FAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "system/os.h"
#include "system/os_loader.h"

struct os_fault;

enum fake_call {
    FAKE_BREAK_READ,  /* sbrk(0) */
    FAKE_BREAK_RAISE, /* sbrk of more */
    FAKE_BREAK_LOWER, /* sbrk of less */
    FAKE_MAP,
    FAKE_UNMAP,
    FAKE_REMAP,
    FAKE_DISCARD,
    FAKE_PROTECT,
    FAKE_ADVISE,
    FAKE_UNPROTECT,
    FAKE_CALL_COUNT
};

#define FAKE_ONLY(call) (1u << (call))
/* Where memory comes from. */
#define FAKE_GIVERS                                                                   \
    (FAKE_ONLY(FAKE_BREAK_READ) | FAKE_ONLY(FAKE_BREAK_RAISE) | FAKE_ONLY(FAKE_MAP) | \
     FAKE_ONLY(FAKE_REMAP))
#define FAKE_EVERY_CALL ((1u << FAKE_CALL_COUNT) - 1)

/* What tests may change at any time. */
struct fake_os {
    bool secure_mode;
    uint64_t entropy, entropy_drawn; /* of the start, and drawn from the kernel */
    uint64_t milliseconds;           /* the clock */
    uint64_t look_takes;     /* microseconds by which each look at the fine clock moves it */
    const char *environment; /* value of the variable BRKMALLOC, or NULL */
    /* Other variables: their names and values in turn, NULL behind the last. */
    const char *const *variables;
    const char *file_path;             /* the only file there is, or NULL */
    struct os_object object;           /* the only one that the loader knows; none when empty */
    bool no_objects;                   /* the loader cannot be asked */
    struct os_file_status file_status; /* of every path; none where its inode is 0 */
    const char *file_text;
    void *(*next_symbol)(const char *name); /* what other libraries have, or NULL */
    bool remap_moves;                       /* even where there is room behind the mapping */
    bool map_never_reuses;                  /* each mapping at a fresh address, with a gap behind */
    int create_error;                       /* errno values with which files cannot be created, */
    int write_error;                        /* or not be written, */
    int close_error;                        /* or not be closed */
    uint64_t time;                          /* seconds since 1970 */
    const char *program;                    /* path of the program's file, or NULL */
    const char *directory;                  /* the working directory, or NULL */
    bool signal_in_use;                     /* no signal can be had */
    size_t race_bytes;     /* the next raise of the break comes after a foreign one of these */
    size_t huge_page_size; /* 0: the system has no huge pages */
    size_t advised_wanted; /* bytes that huge pages were asked for, and refused for */
    size_t advised_refused;
    int process_id;
    int thread_id;               /* of every thread */
    unsigned processors;         /* 0 for 2 */
    void (*error_written)(void); /* called once, after the next error text was written; or NULL */
    /* What the allocator gave to be called for faults, or NULL. */
    bool (*explain_fault)(const struct os_fault *fault);
    /* Called before each call for memory, or NULL. */
    void (*before_call)(void);
    bool has_no_wiping;  /* no page is wiped in the child of a fork */
    size_t memory_limit; /* bytes of break and mappings together; 0 for no limit */
    unsigned calls[FAKE_CALL_COUNT];
};

extern struct fake_os fake_os;

/* Whether the allocator believes that there are several threads. libc itself notices real ones. */
void fake_os_set_threads(bool several);

/* A new system: pages of `page_size`, a first break `break_offset` bytes above a page's start. The
 * bytes of that page are not zero. */
void fake_os_start(size_t page_size, size_t break_offset);

/* The n-th of the following calls of the kinds in `mask` fails, and all after it when `for_ever`.
 * The first is 1; 0 ends all failing. */
void fake_os_fail(unsigned mask, unsigned nth, bool for_ever);

/* How many calls were made to fail since fake_os_fail, and of which kinds. */
unsigned fake_os_failed(void);
unsigned fake_os_failed_kinds(void);

/* sbrk by other code of the program. What it gets is filled, and watched by
 * fake_os_foreign_is_intact; it may also take away what the allocator got. */
void *fake_os_foreign_sbrk(intptr_t increment);
bool fake_os_foreign_is_intact(void);

uintptr_t fake_os_break(void);
size_t fake_os_break_raised(void); /* bytes that the allocator got from the break and still has */
size_t fake_os_mapped_bytes(void);
size_t fake_os_mapped_count(void);

/* True when all of the bytes can be touched. */
bool fake_os_is_accessible(const void *start, size_t size);

/* What was written as error text since the start or the last fake_os_forget_text. */
const char *fake_os_text(void);
void fake_os_forget_text(void);

/* The file that was created last, and what was written into it; NULL when there is none. */
const char *fake_os_created_path(void);
const char *fake_os_created_text(void);

/* The handler that brkm__os_handle_signal was given for the signal, or NULL. */
void (*fake_os_signal_handler(int number))(int);

/* Calls `function`; true when it ended in brkm__os_abort. */
bool fake_os_dies(void (*function)(void *), void *argument);

#endif
