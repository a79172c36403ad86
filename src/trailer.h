/* SPDX-License-Identifier: MIT
 * Layer 5: the trailer of a watched block: how many bytes the program asked for, and a canary right
 * behind them.
 *
 *   payload                  requested           room - 8      room
 *   | the program's bytes    | canary bytes      | trailer     | next header, or the fencepost
 *
 * `room` is what the block has for a payload. The trailer's lowest byte is a canary byte, so that
 * there is always one behind the last requested byte. The other seven tell the request and the
 * marks, mixed with the address and a secret: a change of any bit makes another request of it, and
 * nearly always an impossible one. */
#ifndef BRKMALLOC_TRAILER_H
#define BRKMALLOC_TRAILER_H

#include "base.h"

#define TRAILER_SIZE ((size_t)8)

/* What else is known of a watched block. */
enum trailer_mark {
    /* The heap profile has a record of it. */
    TRAILER_MARK_SAMPLED = 1,
    TRAILER_MARKS_ALL = 1,
};

struct trailer {
    size_t requested; /* bytes */
    unsigned marks;   /* of enum trailer_mark */
};

/* Draws the secret unless that is done. */
void brkm__trailer_draw_secret(void);

/* Writes canary and trailer. `room` is a multiple of 8, and trailer.requested at most
 * room - TRAILER_SIZE and less than TRAILER_REQUEST_MAX. */
void brkm__trailer_write(void *payload, size_t room, struct trailer trailer);

/* False when the trailer or a byte of the canary was overwritten. */
bool brkm__trailer_read(const void *payload, size_t room, struct trailer *trailer);

/* Bytes. The trailer has 40 bits for the request. */
#define TRAILER_REQUEST_MAX ((size_t)1 << 40)

#endif
