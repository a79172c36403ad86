/* SPDX-License-Identifier: MIT
 *
 * Faults of a program that has handlers for SIGSEGV of its own, while guarded blocks are on: who
 * gets the signal, in which state, and what is said. Each case runs in a child, whose standard
 * error is a pipe. To be run with BRKMALLOC=guard_sample:1.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../support/check_eq.h"
#include "../support/door.h"

static const char explanation[] = "brkmalloc: write after free of a guarded block at 0x";

/* ---- The handlers of the program ---- */

static sigjmp_buf way_out;
static volatile sig_atomic_t handled;
static void *volatile handled_address;
static volatile sig_atomic_t was_on_alternate_stack;
static volatile sig_atomic_t usr1_was_blocked;

static void note(void)
{
    stack_t stack;
    sigset_t mask;
    handled++;
    sigaltstack(NULL, &stack);
    was_on_alternate_stack = (stack.ss_flags & SS_ONSTACK) != 0;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    usr1_was_blocked = sigismember(&mask, SIGUSR1);
}

static void jump_out(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context;
    handled_address = info->si_addr;
    note();
    siglongjmp(way_out, 1);
}

static void jump_out_simply(int signal)
{
    (void)signal;
    note();
    siglongjmp(way_out, 1);
}

/* Makes the page accessible and returns: the instruction runs again. */
static void repair(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    note();
    mprotect((void *)((uintptr_t)info->si_addr / page * page), page, PROT_READ | PROT_WRITE);
}

static void install(void (*handler)(int, siginfo_t *, void *), int flags)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = handler;
    action.sa_flags = SA_SIGINFO | flags;
    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, SIGUSR1);
    CHECK_EQ_INT(sigaction(SIGSEGV, &action, NULL), 0);
}

static void install_simple(int flags)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = jump_out_simply;
    action.sa_flags = flags;
    CHECK_EQ_INT(sigaction(SIGSEGV, &action, NULL), 0);
}

/* Before the library's constructor, for cases whose name begins with "before_". */
static void before_constructors(int argc, char **argv, char **environment)
{
    (void)environment;
    const char *name = argc > 2 ? argv[2] : "";
    if (strcmp(name, "before_jumps") == 0)
        install(jump_out, SA_ONSTACK);
    else if (strcmp(name, "before_simple") == 0)
        install_simple(0);
    else if (strcmp(name, "before_repairs") == 0)
        install(repair, 0);
    else if (strcmp(name, "before_once") == 0)
        install(jump_out, (int)SA_RESETHAND);
    else if (strcmp(name, "before_ignores") == 0)
        signal(SIGSEGV, SIG_IGN);
}

__attribute__((section(".preinit_array"),
               used)) static void (*const preinit)(int, char **, char **) = before_constructors;

/* ---- Faults ---- */

static volatile char *inaccessible_page(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *start = mmap(NULL, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK_TRUE(start != MAP_FAILED);
    return start;
}

static volatile char *freed_block(void)
{
    char *block = malloc(100);
    free(block);
    return block;
}

/* True when the write faulted and a handler jumped out. */
static int write_to(volatile char *address)
{
    if (sigsetjmp(way_out, 1) != 0)
        return 1;
    *address = 1;
    return 0;
}

/* ---- Cases: what the child does ---- */

static void before_jumps(void)
{
    char stack[64 * 1024];
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    volatile char *page = inaccessible_page();
    CHECK_EQ_INT(sigaltstack(&alternate, NULL), 0);
    for (int i = 1; i <= 3; i++) {
        CHECK_TRUE(write_to(page + i));
        CHECK_EQ_INT(handled, i);
        CHECK_EQ_PTR(handled_address, page + i);
        CHECK_TRUE(was_on_alternate_stack);
        CHECK_TRUE(usr1_was_blocked);
    }
    volatile char *block = freed_block();
    CHECK_TRUE(write_to(block));
    CHECK_EQ_INT(handled, 4);
    CHECK_EQ_PTR(handled_address, block);
}

static void before_simple(void)
{
    CHECK_TRUE(write_to(inaccessible_page()));
    CHECK_TRUE(write_to(freed_block()));
    CHECK_EQ_INT(handled, 2);
}

static void before_repairs(void)
{
    volatile char *page = inaccessible_page();
    *page = 'A';
    CHECK_EQ_INT(*page, 'A');
    CHECK_EQ_INT(handled, 1);
    CHECK_TRUE(usr1_was_blocked);
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    CHECK_TRUE(!sigismember(&mask, SIGUSR1));
    CHECK_TRUE(!sigismember(&mask, SIGSEGV));
}

/* The handler is good for one fault. */
static void before_once(void)
{
    CHECK_TRUE(write_to(inaccessible_page()));
    write_to(inaccessible_page());
}

static void before_ignores(void)
{
    kill(getpid(), SIGSEGV);
    write_to(inaccessible_page());
}

static void none_guarded(void)
{
    write_to(freed_block());
}

static void none_unrelated(void)
{
    write_to(inaccessible_page());
}

static void none_sent(void)
{
    kill(getpid(), SIGSEGV);
    pause();
}

/* Of a program that keeps its own handler for itself nothing is said. */
static void later_jumps(void)
{
    install(jump_out, 0);
    CHECK_TRUE(write_to(inaccessible_page()));
    CHECK_TRUE(write_to(freed_block()));
    CHECK_EQ_INT(handled, 2);
}

static struct sigaction before_ours;

static void pass_on(int signal, siginfo_t *info, void *context)
{
    if (before_ours.sa_flags & SA_SIGINFO)
        before_ours.sa_sigaction(signal, info, context);
}

static void later_passes_on(void)
{
    CHECK_EQ_INT(sigaction(SIGSEGV, NULL, &before_ours), 0);
    install(pass_on, 0);
    write_to(freed_block());
}

/* The least stack on which a handler can run, between pages that nobody may touch. */
static void small_stack(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t size = ((size_t)sysconf(_SC_SIGSTKSZ) + page - 1) / page * page;
    char *start = mmap(NULL, size + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK_TRUE(start != MAP_FAILED);
    CHECK_EQ_INT(mprotect(start + page, size, PROT_READ | PROT_WRITE), 0);
    stack_t alternate = {.ss_sp = start + page, .ss_size = size};
    CHECK_EQ_INT(sigaltstack(&alternate, NULL), 0);
    write_to(freed_block());
}

static int descend(int depth)
{
    volatile char frame[4096];
    frame[0] = (char)depth;
    return depth < 0 ? 0 : descend(depth + 1) + frame[0];
}

/* The end of the stack is no guard of ours. */
static void stack_overflow(void)
{
    static char stack[64 * 1024];
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    struct rlimit limit = {1 << 20, 1 << 20};
    CHECK_EQ_INT(setrlimit(RLIMIT_STACK, &limit), 0);
    CHECK_EQ_INT(sigaltstack(&alternate, NULL), 0);
    _exit(descend(1) & 1);
}

static void *touch(void *block)
{
    *(volatile char *)block = 1;
    return NULL;
}

static void in_thread(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, touch, (void *)(uintptr_t)freed_block());
    pthread_join(thread, NULL);
}

/* Many threads fault at the same time. */
static pthread_barrier_t barrier;

static void *touch_at_once(void *block)
{
    pthread_barrier_wait(&barrier);
    return touch(block);
}

static void in_threads(void)
{
    enum { count = 8 };
    pthread_t threads[count];
    pthread_barrier_init(&barrier, NULL, count);
    for (int i = 0; i < count; i++)
        pthread_create(&threads[i], NULL, touch_at_once, (void *)(uintptr_t)freed_block());
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

static void in_child(void)
{
    volatile char *block = freed_block();
    pid_t child = fork();
    if (child == 0)
        *block = 1;
    int status;
    CHECK_EQ_INT(waitpid(child, &status, 0), child);
    CHECK_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

/* The signal is blocked: the kernel ends the process. */
static void blocked(void)
{
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGSEGV);
    pthread_sigmask(SIG_BLOCK, &mask, NULL);
    *freed_block() = 1;
}

static const struct {
    const char *name;
    void (*run)(void);
    int signal; /* that ends the child; 0 for status 0 */
    int said;   /* times that a fault is explained */
} cases[] = {
    {"before_jumps", before_jumps, 0, 1},
    {"before_simple", before_simple, 0, 1},
    {"before_repairs", before_repairs, 0, 0},
    {"before_once", before_once, SIGSEGV, 0},
    {"before_ignores", before_ignores, SIGSEGV, 0},
    {"none_guarded", none_guarded, SIGSEGV, 1},
    {"none_unrelated", none_unrelated, SIGSEGV, 0},
    {"none_sent", none_sent, SIGSEGV, 0},
    {"later_jumps", later_jumps, 0, 0},
    {"later_passes_on", later_passes_on, SIGSEGV, 1},
    {"small_stack", small_stack, SIGSEGV, 1},
    {"stack_overflow", stack_overflow, SIGSEGV, 0},
    {"in_thread", in_thread, SIGSEGV, 1},
    {"in_threads", in_threads, SIGSEGV, 1},
    {"in_child", in_child, 0, 1},
    {"blocked", blocked, SIGSEGV, 0},
};

/* ---- The parent ---- */

static pid_t start_child(void (*run)(void), int *standard_error)
{
    int ends[2];
    CHECK_EQ_INT(pipe(ends), 0);
    pid_t child = fork();
    CHECK_GE_INT(child, 0);
    if (child == 0) {
        struct rlimit no_core = {0, 0};
        setrlimit(RLIMIT_CORE, &no_core);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        run();
        _exit(0);
    }
    close(ends[1]);
    *standard_error = ends[0];
    return child;
}

static void read_all(int file, char *text, size_t size)
{
    size_t length = 0;
    ssize_t got;
    while (length < size - 1 && (got = read(file, text + length, size - 1 - length)) > 0)
        length += (size_t)got;
    text[length] = '\0';
    close(file);
}

static int count_of(const char *text, const char *part)
{
    int count = 0;
    for (; (text = strstr(text, part)) != NULL; text++)
        count++;
    return count;
}

int main(int argc, char **argv)
{
    static char text[64 * 1024];
    door_require(argc, argv);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (argc != 3 || strcmp(argv[2], cases[i].name) != 0)
            continue;
        int standard_error;
        int status;
        pid_t child = start_child(cases[i].run, &standard_error);
        read_all(standard_error, text, sizeof text);
        CHECK_EQ_INT(waitpid(child, &status, 0), child);
        if (count_of(text, explanation) != cases[i].said || count_of(text, "check failed") != 0)
            check_failed_text("what is said", text, explanation, __FILE__, __LINE__);
        CHECK_EQ_INT(WIFSIGNALED(status) ? WTERMSIG(status) : 0, cases[i].signal);
        CHECK_EQ_INT(WIFEXITED(status) ? WEXITSTATUS(status) : 0, 0);
        return door_done();
    }
    return 2;
}
