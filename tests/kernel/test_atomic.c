/* SPDX-License-Identifier: MIT
 * What must not wait does not: no system call, no lock, in a signal handler at any instruction. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "kernel.h"

static struct brkm_kmem_cache *cache;

static void warm_up(void)
{
    void *objects[100];
    for (size_t size = 16; size <= 8192; size *= 2) {
        for (int i = 0; i < 100; i++)
            objects[i] = brkm_kmalloc(size, BRKM_GFP_KERNEL);
        for (int i = 0; i < 100; i++)
            brkm_kfree(objects[i]);
    }
    for (int i = 0; i < 100; i++)
        objects[i] = brkm_kmem_cache_alloc(cache, BRKM_GFP_KERNEL);
    for (int i = 0; i < 100; i++)
        brkm_kmem_cache_free(cache, objects[i]);
    brkm_free_pages(brkm_get_free_pages(BRKM_GFP_KERNEL, 3), 3);
}

/* Takes and gives until there is nothing to be had without waiting; returns how many there were. */
static int exhaust(brkm_gfp_t flags)
{
    enum { most = 20000 };
    static void *objects[most];
    int count = 0;
    for (size_t size = 1; size <= 8192; size = size * 3 / 2 + 1)
        for (int i = 0; i < 500 && count < most; i++)
            if ((objects[count] = brkm_kmalloc(size, flags)) != NULL) {
                memset(objects[count], 1, size);
                count++;
            }
    for (int i = 0; i < count; i++)
        brkm_kfree(objects[i]);
    int objects_of_kmalloc = count;
    for (count = 0; count < 1000; count++)
        if ((objects[count] = brkm_kmem_cache_alloc(cache, flags)) == NULL)
            break;
    while (count > 0)
        brkm_kmem_cache_free(cache, objects[--count]);
    for (unsigned order = 0; order < 4; order++) {
        for (count = 0; count < 1000; count++)
            if ((objects[count] = brkm_get_free_pages(flags, order)) == NULL)
                break;
        while (count > 0)
            brkm_free_pages(objects[--count], order);
    }
    return objects_of_kmalloc;
}

/* Whatever system call is made kills the process, but for the one that ends it. */
static void allow_nothing(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        syscall(SYS_exit_group, CHECK_SKIPPED);
}

static void no_system_call(brkm_gfp_t flags)
{
    pid_t child = fork();
    if (child == 0) {
        allow_nothing();
        int count = exhaust(flags);
        syscall(SYS_exit_group, count > 100 ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    CHECK_TRUE(WIFEXITED(status));
    CHECK_TRUE(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == CHECK_SKIPPED);
}

/* The reserve serves who may use it when all else is taken, and only them; it is made good by the
 * next request that may wait. */
static void reserve(void)
{
    enum { most = 100000 };
    static void *objects[most];
    int count = 0;
    CHECK_EQ_INT(brkm_reserve_set(512 << 10), 0);
    size_t full = brkm_reserve_available();
    CHECK_TRUE(full >= 512 << 10);
    while (count < most && (objects[count] = brkm_kmalloc(2000, BRKM_GFP_NOWAIT)) != NULL)
        count++;
    CHECK_TRUE(brkm_reserve_available() == full);
    CHECK_TRUE(brkm_kmalloc(2000, BRKM_GFP_ATOMIC | 0x80000u) == NULL);
    int urgent = 0;
    while (count < most && (objects[count] = brkm_kmalloc(2000, BRKM_GFP_ATOMIC)) != NULL) {
        memset(objects[count], 1, 2000);
        count++;
        urgent++;
    }
    /* A seventh of the reserve each are objects of 2 and of 4 KiB. */
    CHECK_GE_INT(urgent, (512 << 10) / 7 / 2048 + (512 << 10) / 7 / 4096);
    CHECK_TRUE(brkm_reserve_available() < full);
    brkm_kfree(brkm_kmalloc(2000, BRKM_GFP_KERNEL));
    brkm_kfree(brkm_kmalloc(100000, BRKM_GFP_KERNEL));
    CHECK_TRUE(brkm_reserve_available() == full);
    while (count > 0)
        brkm_kfree(objects[--count]);
    CHECK_EQ_INT(brkm_reserve_set(0), 0);
}

/* The thread sanitizer's runtime has locks of its own, which a handler must not meet. */
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
#define CAN_STEP 1
#else
#define CAN_STEP 0
#endif

#if CAN_STEP

static volatile unsigned long traps;
static unsigned long served;

/* What the handler keeps from one signal to later ones: so it leaves the magazines otherwise than
 * it found them, as one that only takes and gives does not. */
enum { HELD = 5 };
static struct {
    char *object;
    char *thing;
    char *page;
} held[HELD];
static int is_exchanging;

static void exchange_held(void)
{
    size_t at = traps % HELD;
    if (held[at].object != NULL && !is_filled(held[at].object, (int)at, 100))
        _exit(92);
    brkm_kfree(held[at].object);
    brkm_kmem_cache_free(cache, held[at].thing);
    brkm_free_pages(held[at].page, 0);
    held[at].object = traps % 3 == 0 ? NULL : brkm_kmalloc(100, BRKM_GFP_ATOMIC);
    held[at].thing = traps % 4 == 0 ? NULL : brkm_kmem_cache_alloc(cache, BRKM_GFP_ATOMIC);
    held[at].page = traps % 7 == 0 ? NULL : brkm_get_free_pages(BRKM_GFP_ATOMIC, 0);
    if (held[at].object != NULL)
        memset(held[at].object, (int)at, 100);
}

static void on_trap(int number)
{
    (void)number;
    traps++;
    if (is_exchanging) {
        exchange_held();
        return;
    }
    size_t size = 16 + traps * 16 % 2000;
    char *object = brkm_kmalloc(size, BRKM_GFP_ATOMIC);
    char *thing = brkm_kmem_cache_alloc(cache, BRKM_GFP_ATOMIC);
    char *page = traps % 8 == 0 ? brkm_get_free_pages(BRKM_GFP_ATOMIC, 0) : NULL;
    if (object != NULL) {
        memset(object, 0x5a, size);
        served++;
    }
    if (thing != NULL)
        memset(thing, 0xa5, 72);
    if (object != NULL && !is_filled(object, 0x5a, size))
        _exit(91);
    brkm_kfree(object);
    brkm_kmem_cache_free(cache, thing);
    brkm_free_pages(page, 0);
}

static inline void step(int on)
{
    unsigned long flags;
    __asm__ volatile("pushfq; popq %0" : "=r"(flags) : : "memory");
    flags = on ? flags | 0x100 : flags & ~0x100ul;
    __asm__ volatile("pushq %0; popfq" : : "r"(flags) : "memory", "cc");
}

/* The fast ways, one instruction after the other, with a handler that keeps what it takes. */
static void exchange_at_every_instruction(void)
{
    enum { count = 12 };
    char *objects[count];
    char *things[count];
    char *pages[count];
    struct sigaction action = {.sa_handler = on_trap};
    sigaction(SIGTRAP, &action, NULL);
    is_exchanging = 1;
    for (int round = 0; round < 10; round++) {
        step(1);
        for (int i = 0; i < count; i++) {
            objects[i] = brkm_kmalloc(100, BRKM_GFP_KERNEL);
            things[i] = brkm_kmem_cache_alloc(cache, BRKM_GFP_KERNEL);
            pages[i] = brkm_get_free_pages(BRKM_GFP_KERNEL, 0);
        }
        step(0);
        for (int i = 0; i < count; i++) {
            memset(objects[i], ~i, 100);
            memset(things[i], i, 72);
            pages[i][0] = (char)i;
        }
        for (int i = 0; i < count; i++) {
            CHECK_TRUE(is_filled(objects[i], ~i, 100));
            CHECK_TRUE(is_filled(things[i], i, 72));
            CHECK_EQ_INT(pages[i][0], (char)i);
        }
        step(1);
        for (int i = 0; i < count; i++) {
            brkm_kfree(objects[i]);
            brkm_kmem_cache_free(cache, things[i]);
            brkm_free_pages(pages[i], 0);
        }
        step(0);
    }
    is_exchanging = 0;
    for (int i = 0; i < HELD; i++) {
        brkm_kfree(held[i].object);
        brkm_kmem_cache_free(cache, held[i].thing);
        brkm_free_pages(held[i].page, 0);
    }
    CHECK_TRUE(traps > 5000);
    traps = 0;
}

/* More than a magazine holds. */
enum { STEPPED = 70 };

/* Each instruction of the slow ways is followed by a signal whose handler allocates and frees. */
static void at_every_instruction(void)
{
    static char *objects[STEPPED];
    static char *things[STEPPED];
    static void *blocks[STEPPED];
    void *page;
    struct sigaction action = {.sa_handler = on_trap};
    sigaction(SIGTRAP, &action, NULL);
    CHECK_EQ_INT(brkm_reserve_set(64 << 10), 0);
    step(1);
    for (int i = 0; i < STEPPED; i++) {
        objects[i] = brkm_kmalloc(100, BRKM_GFP_KERNEL);
        things[i] = brkm_kmem_cache_alloc(cache, BRKM_GFP_KERNEL);
        blocks[i] = brkm_malloc((size_t)i * 40);
    }
    page = brkm_get_free_pages(BRKM_GFP_KERNEL, 2);
    step(0);
    for (int i = 0; i < STEPPED; i++) {
        CHECK_NOT_NULL(objects[i]);
        CHECK_NOT_NULL(things[i]);
        memset(objects[i], i, 100);
        memset(things[i], ~i, 72);
    }
    step(1);
    brkm_free_pages(page, 2);
    step(0);
    for (int i = 0; i < STEPPED; i++) {
        CHECK_TRUE(is_filled(objects[i], i, 100));
        CHECK_TRUE(is_filled(things[i], ~i, 72));
    }
    step(1);
    for (int i = 0; i < STEPPED; i++) {
        brkm_kfree(objects[i]);
        brkm_kmem_cache_free(cache, things[i]);
        brkm_free(blocks[i]);
    }
    step(0);
    CHECK_TRUE(traps > 10000);
    CHECK_TRUE(served > traps / 10);
    CHECK_EQ_INT(brkm_reserve_set(0), 0);
}

#endif

int main(void)
{
    cache = brkm_kmem_cache_create("atomic", 72, 0, 0, NULL);
    warm_up();
    no_system_call(BRKM_GFP_ATOMIC);
    no_system_call(BRKM_GFP_NOWAIT);
    reserve();
#if CAN_STEP
    exchange_at_every_instruction();
    at_every_instruction();
#endif
    CHECK_EQ_INT(brkm_kmem_cache_shrink(cache), 0);
    brkm_kmem_cache_destroy(cache);
    return check_done();
}
