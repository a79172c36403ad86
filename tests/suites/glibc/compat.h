/* SPDX-License-Identifier: MIT
 *
 * What glibc's tests and their support library expect of glibc's own build, for one with the
 * installed headers.
 */
#include <features.h>
#include <limits.h>
#include <link.h>
#include <stdbool.h>

#define TIMEOUTFACTOR 3
#define _STACK_GROWS_DOWN 1
#define DEFAULT_STACK_PERMS (PF_R | PF_W)
#define attribute_hidden
#define libc_hidden_proto(name)
#define libc_hidden_def(name)
