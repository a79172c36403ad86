/* SPDX-License-Identifier: MIT
 * Os_start.h on Linux. */
#include "system/os_start.h"

#include <signal.h>
#include <unistd.h>

#include "system/syscall.h"

/* What relocating makes of it is its own address, which code knows without. */
static const volatile uintptr_t own_address = (uintptr_t)&own_address;

static bool is_relocated(void)
{
    return own_address == (uintptr_t)&own_address;
}

#if defined(__x86_64__)

/* Reading the thread pointer means reading the memory at it: where there is none, the system must
 * be asked. */
#define ARCH_GET_FS 0x1003

static bool has_thread_pointer(void)
{
    uintptr_t pointer = 0;
    return os_call2(SYS_arch_prctl, ARCH_GET_FS, (long)&pointer) != 0 || pointer != 0;
}

#else

static bool has_thread_pointer(void)
{
    return __builtin_thread_pointer() != NULL;
}

#endif

bool brkm__os_is_loaded(void)
{
    return is_relocated() && has_thread_pointer();
}

_Noreturn void brkm__os_end_unloaded(const char *text, size_t length)
{
    os_call3(SYS_write, STDERR_FILENO, (long)text, (long)length);
    os_call2(SYS_kill, os_call0(SYS_getpid), SIGABRT);
    /* Where the signal is blocked or ignored. */
    for (;;) {
        os_call1(SYS_exit_group, 128 + SIGABRT);
    }
}
