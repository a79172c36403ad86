/* SPDX-License-Identifier: MIT
 * A static program with brkmalloc inside: an ordinary use of malloc, and a look at who served it.
 */
#include <brkmalloc/brkmalloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    size_t before = brkm_mallinfo2().uordblks;
    char *text = malloc(100000);
    if (text == NULL) {
        perror("malloc");
        return 1;
    }
    memset(text, 'x', 99999);
    text[99999] = '\0';
    printf("%zu characters; brkmalloc %s handed out %zu bytes for them\n", strlen(text),
           brkm_version(), brkm_mallinfo2().uordblks - before);
    free(text);
    return 0;
}
