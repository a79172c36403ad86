/* SPDX-License-Identifier: MIT
 * What sites.c calls in a shared library. */
#ifndef TESTS_TRACE_SITES_H
#define TESTS_TRACE_SITES_H

#include <stddef.h>

void *library_site(size_t size);
void short_site_of_library(void);

void kept_site(void);
void short_site(void);
void unmoved_site(void);
void moved_site(void);
void child_site(void);
void *thread_site(void *unused);

#endif
