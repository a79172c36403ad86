/* SPDX-License-Identifier: MIT
 * The process's secrets, all drawn from what is random about it: the kernel's random bytes of two
 * kinds, a clock, addresses. One that is weak or refused is made up for by the others. Who knows
 * some secrets learns nothing about the rest. */
#ifndef BRKMALLOC_KIT_SECRET_H
#define BRKMALLOC_KIT_SECRET_H

#include "base/base.h"

/* What a secret is for. */
enum secret {
    SECRET_SEAL,        /* heap/block.h */
    SECRET_MULTIPLIER,  /* the same: how seals depend on the size */
    SECRET_LINK,        /* heap/sealed_list.h */
    SECRET_CANARY,      /* guard/canary.h */
    SECRET_PLACEMENT,   /* kit/random.h */
    SECRET_SAMPLING,    /* profile/sampling.h */
    SECRET_SOCKET_NAME, /* service/socket.h: the only one that others can read */
    SECRET_COUNT
};

/* The secret for a purpose, one for each value of `which`; the same in every call of a process and
 * of its children, different in every process that was exec'ed. Takes no lock. */
uint64_t brkm__secret(enum secret purpose, uint64_t which);

#endif
