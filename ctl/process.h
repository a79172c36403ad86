/* SPDX-License-Identifier: MIT
 *
 * A process that is to be asked: who it is, and what to say when it cannot be. */
#ifndef BRKM_CTL_PROCESS_H
#define BRKM_CTL_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What the command ends with. */
enum status {
    STATUS_DONE = 0,
    STATUS_FAILED = 1,      /* the process could not do it */
    STATUS_USAGE = 2,       /* a wrong request, or a value that the process does not take */
    STATUS_NO_PROCESS = 3,  /* there is none, or it has ended */
    STATUS_NOT_ALLOWED = 4, /* it is another user's */
    STATUS_NO_CONTROL = 5,  /* it does not run on brkmalloc, or without the option control */
    STATUS_NO_ANSWER = 6,   /* none in time, or not all of it */
};

struct process {
    pid_t id;
    pid_t inner_id; /* the number that it has for itself, in a container */
    pid_t thread;   /* the allocator's own, in whose network namespace the socket is; or `id` */
    uid_t user;     /* effective */
    char name[64];
};

/* "brkmalloc SUBCOMMAND: ..." and a line's end, on standard error. */
__attribute__((format(printf, 1, 2))) void complain(const char *format, ...);

/* From now on the last message is kept, since a page is drawn; says it, or forgets it. */
void hold_complaints(void);
void release_complaints(bool say);

/* The words that messages begin with; "brkmalloc" unless set. */
void set_speaker(const char *speaker);

/* Looks at the process of that number. Says what is wrong if it is not one that may be asked. */
enum status find_process(struct process *process, pid_t id);

/* Whether a process that was found is there no more. */
bool has_ended(const struct process *process);

/* What keeps a process from being asked, as far as connecting has shown. */
struct silence {
    bool is_listed; /* its socket was found, */
    int error;      /* but this errno value came of connecting, */
    bool is_apart;  /* in another network namespace, */
    bool is_barred; /* which we may not enter */
};

/* Says why a process cannot be asked that is there. */
enum status explain_silence(const struct process *process, struct silence silence);

/* Whether it has a thread of the allocator's name, of a process that was found. */
bool has_own_thread(const struct process *process);

/* Bytes of it that are resident; 0 when that cannot be read. */
size_t resident_bytes(const struct process *process);

#endif
