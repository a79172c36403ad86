/* SPDX-License-Identifier: MIT
 * The options as the environment sets them: BRKMALLOC="key:value,key:value", the file that
 * BRKMALLOC_CONF names, and glibc's own variables where they mean something here. */
#ifndef BRKMALLOC_KIT_OPTIONS_READ_H
#define BRKMALLOC_KIT_OPTIONS_READ_H

/* Reads everything, once, in the constructor: BRKMALLOC counts most, then the file, GLIBC_TUNABLES
 * and the MALLOC_ variables. Bad keys and values are named on standard error and have no effect;
 * the rest has. A set-user-id program takes from BRKMALLOC what is marked as safe, and nothing
 * else. */
void brkm__environment_read(void);

#endif
