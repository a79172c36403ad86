/* SPDX-License-Identifier: MIT
 *
 * For the test of the suites' driver: whether calloc clears what malloc used before. Exit status 1
 * when not.
 */
#include <stdlib.h>
#include <string.h>

enum { SIZE = 4000, ROUNDS = 10 };

static int round_is_clear(void)
{
    unsigned char *used = malloc(SIZE);
    if (used == NULL)
        return 0;
    memset(used, 0x5a, SIZE);
    free(used);
    unsigned char *clear = calloc(1, SIZE);
    if (clear == NULL)
        return 0;
    int sum = 0;
    for (int i = 0; i < SIZE; i++)
        sum |= clear[i];
    free(clear);
    return sum == 0;
}

int main(void)
{
    for (int i = 0; i < ROUNDS; i++)
        if (!round_is_clear())
            return 1;
    return 0;
}
