/* SPDX-License-Identifier: MIT
 *
 * talk DOOR: threads allocate while others of the same process ask it through its socket, all
 * requests in turn. Every answer is whole, and the heap stays sound.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../api/api.h"
#include "../support/door.h"

enum { workers = 3, askers = 3, questions = 60, slots = 256, patience_ms = 5000 };

static atomic_int stop;
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static socklen_t address_size;

static void *work(void *start)
{
    unsigned long state = (unsigned long)(size_t)start * 2654435761u + 1;
    void *memory[slots] = {0};
    while (!stop) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        size_t slot = (state >> 33) % slots;
        free(memory[slot]);
        memory[slot] = malloc((state >> 41) % ((state >> 20) % 64 == 0 ? 300000 : 3000));
        CHECK_NOT_NULL(memory[slot]);
        memset(memory[slot], 1, 1);
    }
    for (size_t i = 0; i < slots; i++) {
        free(memory[i]);
    }
    return NULL;
}

/* The abstract name of this process's socket. */
static int find_name(void)
{
    char line[512];
    char beginning[64];
    int found = 0;
    FILE *file = fopen("/proc/self/net/unix", "r");
    CHECK_NOT_NULL(file);
    snprintf(beginning, sizeof(beginning), "@brkmalloc/%ld/", (long)getpid());
    while (!found && fgets(line, sizeof(line), file) != NULL) {
        const char *name = strstr(line, beginning);
        if (name != NULL) {
            size_t length = strcspn(name, "\n") - 1;
            memcpy(address.sun_path + 1, name + 1, length);
            address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length);
            found = 1;
        }
    }
    fclose(file);
    return found;
}

/* Sends a request and reads the answer to its end; checks its first line. */
static void ask(const char *request)
{
    static const char good[] = "ok ";
    char bytes[4096];
    unsigned long length = 0;
    size_t all = 0;
    size_t head = 0;
    ssize_t got;
    int file = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_GE_INT(file, 0);
    CHECK_EQ_INT(connect(file, (struct sockaddr *)&address, address_size), 0);
    CHECK_EQ_INT(send(file, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    while ((got = recv(file, bytes, sizeof(bytes) - 1, 0)) > 0) {
        if (all == 0) {
            bytes[got] = '\0';
            CHECK_EQ_INT(strncmp(bytes, good, strlen(good)), 0);
            CHECK_EQ_INT(sscanf(bytes, "ok %lu", &length), 1);
            head = strcspn(bytes, "\n") + 1;
        }
        all += (size_t)got;
    }
    close(file);
    CHECK_EQ_INT(got, 0);
    CHECK_EQ_UINT(all, head + length);
}

static void *ask_often(void *start)
{
    static const char *const requests[] = {"stats\n", "stats json\n", "snapshot\n",
                                           "trim\n",  "get\n",        "set top_pad=100000\n"};
    for (size_t i = 0; i < questions; i++) {
        ask(requests[(i + (size_t)start) % 6]);
    }
    return NULL;
}

int main(int count, char **words)
{
    pthread_t threads[workers + askers];
    door_require(count, words);
    free(malloc(1));
    int waited = 0;
    while (!find_name() && waited++ < patience_ms) {
        usleep(1000);
    }
    CHECK_TRUE(address_size != 0);
    for (size_t i = 0; i < workers + askers; i++) {
        void *(*run)(void *) = i < workers ? work : ask_often;
        CHECK_EQ_INT(pthread_create(&threads[i], NULL, run, (void *)i), 0);
    }
    for (size_t i = workers; i < workers + askers; i++) {
        CHECK_EQ_INT(pthread_join(threads[i], NULL), 0);
    }
    stop = 1;
    for (size_t i = 0; i < workers; i++) {
        CHECK_EQ_INT(pthread_join(threads[i], NULL), 0);
    }
    return door_done();
}
