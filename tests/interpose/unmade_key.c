/* SPDX-License-Identifier: MIT
 * unmade_key: a program sets a value for a key of thread-specific data that it never made, a
 * variable that is 0. That fails, as with libc's malloc, and is not taken for a key of the
 * allocator's; the first key that the program makes is its own, in threads that end, too. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_key_t key;
static int destroyed;

static void destroy(void *value)
{
    destroyed += value == &destroyed;
}

static void expect(int is_right, const char *what)
{
    if (!is_right) {
        fprintf(stderr, "unmade_key: %s\n", what);
        exit(1);
    }
}

static void *set_unmade(void *unused)
{
    free(malloc(100));
    expect(pthread_getspecific(key) == NULL, "a key that was not made has a value");
    expect(pthread_setspecific(key, &destroyed) != 0, "a key that was not made takes a value");
    return unused;
}

static void *set_made(void *unused)
{
    free(malloc(100));
    expect(pthread_getspecific(key) == NULL, "a new thread has a value");
    expect(pthread_setspecific(key, &destroyed) == 0, "a key takes no value");
    return unused;
}

static void run(void *work(void *))
{
    pthread_t thread;
    expect(pthread_create(&thread, NULL, work, NULL) == 0, "no thread");
    pthread_join(thread, NULL);
}

int main(void)
{
    set_unmade(NULL);
    run(set_unmade);
    expect(pthread_key_create(&key, destroy) == 0, "no key");
    run(set_made);
    expect(destroyed == 1, "the destructor did not get the program's value once");
    return 0;
}
