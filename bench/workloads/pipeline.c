/* SPDX-License-Identifier: MIT
 *
 * Models a pipeline: producers allocate messages, consumers read and free them, and no thread frees
 * what it allocated. Messages go through one bounded queue in lists of 64, so that the queue's lock
 * costs little beside malloc and free.
 * Operation: one message, allocated, sent, read and freed.
 *   producers=1 consumers=1
 *   depth=64             lists in the queue at most
 *   least=24 most=1024   bytes of a message; each doubling is equally likely */
#include "bench.h"

enum { list_length = 64 };

struct message {
    struct message *next;
    size_t size;
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t filled, emptied;
    struct message **lists;
    size_t depth, first, count, producers;
} queue = {PTHREAD_MUTEX_INITIALIZER,
           PTHREAD_COND_INITIALIZER,
           PTHREAD_COND_INITIALIZER,
           NULL,
           0,
           0,
           0,
           0};

static size_t producers, least, most;

static void send(struct message *list)
{
    pthread_mutex_lock(&queue.lock);
    while (queue.count == queue.depth) {
        pthread_cond_wait(&queue.emptied, &queue.lock);
    }
    queue.lists[(queue.first + queue.count++) % queue.depth] = list;
    pthread_mutex_unlock(&queue.lock);
    pthread_cond_signal(&queue.filled);
}

/* NULL when all producers have ended and nothing is left. */
static struct message *receive(void)
{
    struct message *list = NULL;
    pthread_mutex_lock(&queue.lock);
    while (queue.count == 0 && queue.producers > 0) {
        pthread_cond_wait(&queue.filled, &queue.lock);
    }
    if (queue.count > 0) {
        list = queue.lists[queue.first];
        queue.first = (queue.first + 1) % queue.depth;
        queue.count--;
    }
    pthread_mutex_unlock(&queue.lock);
    pthread_cond_signal(&queue.emptied);
    return list;
}

static void end_producer(void)
{
    pthread_mutex_lock(&queue.lock);
    queue.producers--;
    pthread_mutex_unlock(&queue.lock);
    pthread_cond_broadcast(&queue.filled);
}

static void produce(struct worker *worker, size_t messages)
{
    while (messages > 0) {
        struct message *list = NULL;
        size_t count = messages < list_length ? messages : list_length;
        for (size_t i = 0; i < count; i++) {
            size_t size = random_skewed(&worker->random, least, most);
            struct message *message = allocate(size);
            *message = (struct message){list, size};
            list = message;
        }
        send(list);
        messages -= count;
    }
    end_producer();
}

static void consume(struct worker *worker)
{
    for (struct message *list; (list = receive()) != NULL;) {
        while (list != NULL) {
            struct message *message = list;
            list = message->next;
            /* The header of the message has replaced the mark in its first byte. */
            const unsigned char *last = (unsigned char *)message + message->size - 1;
            if (*last != (unsigned char)message->size) {
                fail("a message has changed on its way");
            }
            free(message);
            worker->done++;
        }
    }
}

static void work(struct worker *worker)
{
    const size_t *operations = worker->user;
    if (worker->index < producers) {
        produce(worker, share(*operations, worker->index, producers));
    } else {
        consume(worker);
    }
}

int main(int argc, char **argv)
{
    arguments_begin(argc, argv);
    size_t operations = argument("operations", 1000000);
    producers = argument("producers", 1);
    size_t consumers = argument("consumers", 1);
    queue.depth = argument("depth", 64);
    least = argument("least", 24);
    most = argument("most", 1024);
    arguments_end();
    if (least <= sizeof(struct message)) {
        fprintf(stderr, "least: a message has more than %zu bytes\n", sizeof(struct message));
        return 2;
    }
    queue.producers = producers;
    queue.lists = checked(calloc(queue.depth, sizeof(struct message *)));
    run_workers(producers + consumers, operations, work, &operations);
    return 0;
}
