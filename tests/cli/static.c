/* SPDX-License-Identifier: MIT
 * A program without a loader, which nothing can be preloaded into. */
int main(void)
{
    return 0;
}
