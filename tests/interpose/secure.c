/* SPDX-License-Identifier: MIT
 *
 * Run as a set-user-id program: works, whatever the environment asks for.
 */
#include <stdio.h>
#include <sys/auxv.h>

#include "../support/check_eq.h"
#include "../support/door.h"
#include "busy.h"

int main(int argc, char **argv)
{
    door_require(argc, argv);
    if (argc > 2 && getauxval(AT_SECURE) == 0) {
        puts("the kernel does not treat this as a set-user-id program");
        return CHECK_SKIPPED;
    }
    churn(1, 5000);
    return door_done();
}
