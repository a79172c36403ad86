/* SPDX-License-Identifier: MIT
 *
 * Models a program of stages: threads that only allocate hand their messages to one that only
 * frees. What that one frees must find its way back to the others. It begins when the queue is
 * full, so that the peak of what is live does not hang on who is faster. live=8388608 bytes in the
 * queue at most; each producer adds a list of its own producers=8 turns=100              how often
 * as many bytes pass least=24 most=1024     bytes of a message; each doubling is equally likely */
#include "scenario.h"

enum { list_length = 64 };

struct message {
    struct message *next;
    size_t size;
};

struct list {
    struct message *first;
    size_t bytes;
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t filled, emptied;
    struct list *lists; /* a ring */
    size_t capacity, first, count, bytes, producers;
    bool was_full;
} queue = {PTHREAD_MUTEX_INITIALIZER,
           PTHREAD_COND_INITIALIZER,
           PTHREAD_COND_INITIALIZER,
           NULL,
           0,
           0,
           0,
           0,
           0,
           false};

static size_t live, least, most, bytes_of_a_producer;
static pthread_barrier_t started, measured;

static void send(struct list list)
{
    pthread_mutex_lock(&queue.lock);
    while (queue.count == queue.capacity || queue.bytes + list.bytes > live) {
        queue.was_full = true;
        pthread_cond_signal(&queue.filled);
        pthread_cond_wait(&queue.emptied, &queue.lock);
    }
    queue.lists[(queue.first + queue.count++) % queue.capacity] = list;
    queue.bytes += list.bytes;
    pthread_mutex_unlock(&queue.lock);
    pthread_cond_signal(&queue.filled);
}

/* An empty list when all producers have ended and nothing is left. */
static struct list receive(void)
{
    struct list list = {NULL, 0};
    pthread_mutex_lock(&queue.lock);
    while ((queue.count == 0 || !queue.was_full) && queue.producers > 0) {
        pthread_cond_wait(&queue.filled, &queue.lock);
    }
    if (queue.count > 0) {
        list = queue.lists[queue.first];
        queue.first = (queue.first + 1) % queue.capacity;
        queue.count--;
        queue.bytes -= list.bytes;
    }
    pthread_mutex_unlock(&queue.lock);
    pthread_cond_broadcast(&queue.emptied);
    return list;
}

static void end_producer(void)
{
    pthread_mutex_lock(&queue.lock);
    queue.producers--;
    pthread_mutex_unlock(&queue.lock);
    pthread_cond_signal(&queue.filled);
}

static struct list make_list(struct random *random)
{
    struct list list = {NULL, 0};
    for (size_t i = 0; i < list_length; i++) {
        struct block block = take(random_skewed(random, least, most));
        struct message *message = block.memory;
        *message = (struct message){list.first, block.size};
        list = (struct list){message, list.bytes + block.size};
    }
    return list;
}

static void *produce(void *argument)
{
    struct random random = random_begin(scenario.seed * 1000 + *(size_t *)argument);
    pthread_barrier_wait(&started);
    pthread_barrier_wait(&measured);
    for (size_t sent = 0; sent < bytes_of_a_producer;) {
        struct list list = make_list(&random);
        send(list);
        sent += list.bytes;
    }
    end_producer();
    return NULL;
}

static void free_list(struct message *message)
{
    while (message != NULL) {
        struct message *next = message->next;
        /* The list's link has replaced the mark in the first byte. */
        if (((unsigned char *)message)[message->size - 1] != (unsigned char)message->size) {
            fail("a message has changed on its way");
        }
        account_less(message->size);
        free(message);
        message = next;
    }
}

static void consume(void)
{
    for (struct list list; (list = receive()).first != NULL;) {
        free_list(list.first);
    }
}

int main(int argc, char **argv)
{
    scenario_begin(argc, argv);
    live = argument("live", 8 * MIB);
    queue.producers = argument("producers", 8);
    size_t turns = argument("turns", 100);
    least = argument("least", 24);
    most = argument("most", 1024);
    arguments_end();
    require(least > sizeof(struct message) && least <= most, "least: from 17 to 'most'");
    require(live >= list_length * most, "live: at least 64 times 'most'");
    size_t count = queue.producers;
    bytes_of_a_producer = live * turns / count;
    queue.capacity = live / (list_length * least) + 1;
    queue.lists = table_of(queue.capacity, sizeof(struct list));
    pthread_t *threads = table_of(count, sizeof(*threads));
    size_t *numbers = table_of(count, sizeof(*numbers));
    pthread_barrier_init(&started, NULL, (unsigned)count + 1);
    pthread_barrier_init(&measured, NULL, (unsigned)count + 1);
    for (size_t i = 0; i < count; i++) {
        numbers[i] = i;
        thread_start(&threads[i], produce, &numbers[i]);
    }
    /* The threads' stacks do not count. */
    pthread_barrier_wait(&started);
    measure_start();
    pthread_barrier_wait(&measured);
    consume();
    for (size_t i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
    }
    measure_end();
    return 0;
}
