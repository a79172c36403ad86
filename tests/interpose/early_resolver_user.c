/* SPDX-License-Identifier: MIT
 * For early_resolver.sh: a program of early_resolver_library.c's. */
extern int early_resolver_answer(void);

int main(void)
{
    return early_resolver_answer() != 42;
}
