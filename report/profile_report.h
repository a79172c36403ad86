/* SPDX-License-Identifier: MIT
 * What the page shows of one heap profile or several, in the order of time, as JSON. */
#ifndef REPORT_PROFILE_REPORT_H
#define REPORT_PROFILE_REPORT_H

#include <stddef.h>

#include "../profile/raw_profile.h"
#include "../profile/text.h"

/* Adds the report; looks up functions in the files that the programs ran. */
void profile_report_make(struct text *report, const struct raw_profile *profiles, size_t count,
                         char *const *files);

#endif
