/* SPDX-License-Identifier: MIT
 * The kernel's string functions are libc's. */
#ifndef BRKMALLOC_LINUX_STRING_H
#define BRKMALLOC_LINUX_STRING_H

#include <string.h>

#endif
