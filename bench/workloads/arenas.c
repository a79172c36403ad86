/* SPDX-License-Identifier: MIT
 *
 * Models requests or syntax trees: many small sets of objects live side by side; each set is built
 * object by object, interleaved with others, and freed at once when it is complete and old.
 * Operation: one object, allocated and later freed.
 *   sets=256           at one time
 *   objects=1000       in a set at most
 *   least=16 most=256  bytes of an object, evenly distributed */
#include "bench.h"

static size_t sets, objects, least, most;

struct object {
    struct object *next;
    size_t size;
};

struct set {
    struct object *first;
    size_t count, complete;
};

static void add(struct set *set, struct random *random)
{
    size_t size = random_between(random, least, most);
    struct object *object = allocate(size);
    *object = (struct object){set->first, size};
    set->first = object;
    set->count++;
}

static size_t free_all(struct set *set)
{
    size_t freed = 0;
    while (set->first != NULL) {
        struct object *object = set->first;
        set->first = object->next;
        if (object->size < least || object->size > most) {
            fail("an object has changed");
        }
        free(object);
        freed++;
    }
    if (freed != set->count) {
        fail("objects are missing");
    }
    *set = (struct set){0};
    return freed;
}

static void work(struct worker *worker)
{
    struct random *random = &worker->random;
    struct set *list = checked(calloc(sets, sizeof(*list)));
    for (size_t left = worker->operations; left > 0;) {
        struct set *set = &list[random_below(random, sets)];
        if (set->count >= set->complete) {
            worker->done += free_all(set);
            set->complete = random_between(random, 1, objects);
        }
        for (size_t i = 0; i < 10 && left > 0; i++, left--) {
            add(set, random);
        }
    }
    for (size_t i = 0; i < sets; i++) {
        worker->done += free_all(&list[i]);
    }
    free(list);
}

int main(int argc, char **argv)
{
    arguments_begin(argc, argv);
    size_t operations = argument("operations", 1000000);
    size_t threads = argument("threads", 1);
    sets = argument("sets", 256);
    objects = argument("objects", 1000);
    least = argument("least", 16);
    most = argument("most", 256);
    arguments_end();
    if (least < sizeof(struct object)) {
        fprintf(stderr, "least: an object has at least %zu bytes\n", sizeof(struct object));
        return 2;
    }
    run_workers(threads, operations, work, NULL);
    return 0;
}
