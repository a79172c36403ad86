/* SPDX-License-Identifier: MIT
 * A module as a program: main loads it, which calls its init function, and unloads it at once. The
 * exit status is 1 when the init function fails. */
#ifndef BRKMALLOC_LINUX_MODULE_H
#define BRKMALLOC_LINUX_MODULE_H

#include_next <linux/module.h>

#include <linux/init.h>
#include <linux/kernel.h>

/* Either of these names, as in old texts, or any and module_init and module_exit. */
extern int init_module(void) __attribute__((weak));
extern void cleanup_module(void) __attribute__((weak));

#define module_init(function) \
    int init_module(void)     \
    {                         \
        return function();    \
    }                         \
    extern int init_module(void)
#define module_exit(function) \
    void cleanup_module(void) \
    {                         \
        function();           \
    }                         \
    extern void cleanup_module(void)

#define MODULE_LICENSE(text) _Static_assert(1, "")
#define MODULE_AUTHOR(text) _Static_assert(1, "")
#define MODULE_DESCRIPTION(text) _Static_assert(1, "")
#define MODULE_VERSION(text) _Static_assert(1, "")

int main(void) __attribute__((weak));
int main(void)
{
    int status = init_module != NULL ? init_module() : 0;
    if (status != 0) {
        fprintf(stderr, "the module's init function returned %d\n", status);
        return 1;
    }
    if (cleanup_module != NULL) {
        cleanup_module();
    }
    return 0;
}

#endif
