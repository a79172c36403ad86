/* SPDX-License-Identifier: MIT
 * Names of functions as people read them. */
#ifndef PROFILE_FUNCTION_NAME_H
#define PROFILE_FUNCTION_NAME_H

#include "text.h"

/* Adds the name without what compilers and linkers append (.part.0, @VERSION), and in the words of
 * C++ or Rust, without parameters, when it is mangled. */
void function_name_add(struct text *text, const char *linkage_name);

#endif
