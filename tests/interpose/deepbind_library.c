/* SPDX-License-Identifier: MIT
 *
 * A library that gives its caller memory to free. Loaded with RTLD_DEEPBIND it takes libc's malloc.
 */
#include <stdlib.h>
#include <string.h>

char *deepbind_text(const char *text);

char *deepbind_text(const char *text)
{
    /* libc's strdup would call the program's malloc. */
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    return copy == NULL ? NULL : memcpy(copy, text, size);
}
