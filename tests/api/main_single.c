/* SPDX-License-Identifier: MIT
 *
 * Runs a contract test in a program that never starts a thread.
 */
#include "../support/door.h"
#include "api.h"

int main(int argc, char **argv)
{
    door_require(argc, argv);
    api_test(1);
    api_test(1);
    return door_done();
}
