/* SPDX-License-Identifier: MIT
 * Os_fault.h on Linux. */
#define _GNU_SOURCE
#include "system/os_fault.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <ucontext.h>

#include "system/syscall.h"

/* Bytes of an alternate stack that must be left for looking at the stack of the program. */
#define STACK_NEEDED ((size_t)8192)

/* Written once, by the constructor before the handlers are in force, except where
 * SA_RESETHAND asks for it. */
static struct sigaction previous_segv, previous_bus;
static bool (*explainer)(const struct os_fault *fault);

static struct sigaction *previous_of(int signal)
{
    return signal == SIGBUS ? &previous_bus : &previous_segv;
}

/* ---- What the kernel tells ---- */

#if defined(__x86_64__)

/* Bit 1 of a page fault's error code. */
#define ERROR_IS_WRITE 2

static void add_registers(struct os_fault *fault, const ucontext_t *context)
{
    const greg_t *registers = context->uc_mcontext.gregs;
    fault->instruction = (const void *)registers[REG_RIP];
    fault->access = (registers[REG_ERR] & ERROR_IS_WRITE) != 0 ? OS_ACCESS_WRITE : OS_ACCESS_READ;
}

#elif defined(__aarch64__)

/* "Write not read" of a data abort. */
#define SYNDROME_IS_WRITE ((uint64_t)1 << 6)

static void add_registers(struct os_fault *fault, const ucontext_t *context)
{
    const mcontext_t *machine = &context->uc_mcontext;
    fault->instruction = (const void *)machine->pc;
    /* Records of various kinds up to one of size 0. */
    for (size_t at = 0; at + sizeof(struct esr_context) <= sizeof(machine->__reserved);) {
        const struct _aarch64_ctx *record = (const void *)((const char *)machine->__reserved + at);
        if (record->magic == ESR_MAGIC) {
            uint64_t syndrome = ((const struct esr_context *)(const void *)record)->esr;
            fault->access = (syndrome & SYNDROME_IS_WRITE) != 0 ? OS_ACCESS_WRITE : OS_ACCESS_READ;
        }
        if (record->size == 0) {
            return;
        }
        at += record->size;
    }
}

#else

static void add_registers(struct os_fault *fault, const ucontext_t *context)
{
    (void)fault, (void)context;
}

#endif

/* On the ordinary stack there is nearly always enough. */
static bool has_stack(void)
{
    stack_t stack;
    if (os_call2(SYS_sigaltstack, 0, (long)&stack) != 0 || (stack.ss_flags & SS_ONSTACK) == 0) {
        return true;
    }
    return (uintptr_t)&stack - (uintptr_t)stack.ss_sp > STACK_NEEDED;
}

/* True for a fault of an instruction, which comes again when the handler returns; not for a signal
 * that somebody sent. */
static bool comes_again(int signal, const siginfo_t *info)
{
    return info->si_code > 0 && !(signal == SIGBUS && info->si_code == BUS_MCEERR_AO);
}

/* ---- The way to the program's own handlers ---- */

/* The flags are an int, and the constants reach into its sign. */
static bool has_flag(const struct sigaction *action, unsigned flag)
{
    return ((unsigned)action->sa_flags & flag) != 0;
}

/* As the kernel would. Our own return restores the mask. */
static void call_handler(struct sigaction *action, int signal, siginfo_t *info, void *context)
{
    void (*handler)(int) = __atomic_load_n(&action->sa_handler, __ATOMIC_RELAXED);
    pthread_sigmask(SIG_BLOCK, &action->sa_mask, NULL);
    if (has_flag(action, SA_NODEFER)) {
        sigset_t own;
        sigemptyset(&own);
        sigaddset(&own, signal);
        pthread_sigmask(SIG_UNBLOCK, &own, NULL);
    }
    if (has_flag(action, SA_RESETHAND)) {
        __atomic_store_n(&action->sa_handler, SIG_DFL, __ATOMIC_RELAXED);
    }
    if (has_flag(action, SA_SIGINFO)) {
        ((void (*)(int, siginfo_t *, void *))(void (*)(void))handler)(signal, info, context);
    } else {
        handler(signal);
    }
}

static void pass_on(int signal, siginfo_t *info, void *context)
{
    struct sigaction *action = previous_of(signal);
    void (*handler)(int) = __atomic_load_n(&action->sa_handler, __ATOMIC_RELAXED);
    if (handler != SIG_DFL && handler != SIG_IGN) {
        call_handler(action, signal, info, context);
    } else if (comes_again(signal, info)) {
        sigaction(signal, action, NULL);
    } else if (handler == SIG_DFL) {
        /* Blocked until this handler returns. */
        sigaction(signal, action, NULL);
        os_call3(SYS_tgkill, os_call0(SYS_getpid), os_call0(SYS_gettid), signal);
    }
}

static void handle(int signal, siginfo_t *info, void *context)
{
    int saved = errno;
    bool explained = false;
    if (comes_again(signal, info)) {
        struct os_fault fault = {.address = info->si_addr, .has_stack = has_stack()};
        add_registers(&fault, context);
        explained = explainer(&fault);
    }
    if (explained) {
        sigaction(signal, previous_of(signal), NULL);
    } else {
        pass_on(signal, info, context);
    }
    errno = saved;
}

void brkm__os_catch_faults(bool (*explain)(const struct os_fault *fault))
{
    int saved = errno;
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_ONSTACK};
    action.sa_sigaction = handle;
    sigemptyset(&action.sa_mask);
    explainer = explain;
    /* First what is in force, so that no fault finds it unset. */
    if (sigaction(SIGSEGV, NULL, &previous_segv) == 0 &&
        sigaction(SIGBUS, NULL, &previous_bus) == 0) {
        sigaction(SIGSEGV, &action, NULL);
        sigaction(SIGBUS, &action, NULL);
    }
    errno = saved;
}
