/* SPDX-License-Identifier: MIT
 * See resident.h. */
#include "stats/resident.h"

#include "system/os.h"

/* Bytes of /proc/self/statm: seven numbers. */
#define STATM_BYTES 160

/* The second number of a line. */
static uint64_t second_number(const char *text, size_t length)
{
    uint64_t number = 0;
    size_t i = 0;
    while (i < length && text[i] != ' ') {
        i++;
    }
    while (++i < length && text[i] >= '0' && text[i] <= '9') {
        number = 10 * number + (uint64_t)(text[i] - '0');
    }
    return number;
}

uint64_t brkm__resident_bytes(void)
{
    char text[STATM_BYTES];
    intptr_t length = brkm__os_read_file("/proc/self/statm", text, sizeof(text));
    return length <= 0 ? 0 : second_number(text, (size_t)length) * brkm__os_page_size();
}
