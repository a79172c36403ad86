/* SPDX-License-Identifier: MIT
 * A program that writes heap profiles of call stacks that the tests know, with its real addresses.
 */
#ifndef TESTS_PROFILE_KNOWN_H
#define TESTS_PROFILE_KNOWN_H

#ifdef __cplusplus
extern "C" {
#endif

/* The numbers of a sample, as in docs/profile-format.md. */
struct known_numbers {
    unsigned long numbers[6];
};

/* Writes a sample with the call stack from its caller on. */
void known_sample(const struct known_numbers *numbers);

/* In a shared library: calls the function. */
void known_library_work(void (*work)(const struct known_numbers *),
                        const struct known_numbers *numbers);

/* In a shared library whose name is that of the allocator's: the same. */
void known_allocate(void (*work)(const struct known_numbers *),
                    const struct known_numbers *numbers);

/* In C++: samples from a method of a template, from a lambda and from below operator new. */
void known_cxx(void);

#ifdef __cplusplus
}
#endif

#endif
