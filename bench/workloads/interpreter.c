/* SPDX-License-Identifier: MIT
 *
 * Models the interpreter of a dynamic language at work on text: reference-counted numbers, strings
 * and lists in variables. It makes small numbers, joins and cuts strings, appends to lists (which
 * grow by realloc), and copies references, so that blocks of many sizes live short and long.
 * Operation: one instruction of the interpreter.
 *   variables=4096
 *   longest=4096    bytes of a string and elements of a list at most */
#include "bench.h"

enum kind { NUMBER, STRING, LIST };

struct value {
    unsigned references;
    enum kind kind;
    union {
        double number;
        struct {
            char *bytes;
            size_t length;
        } string;
        struct {
            struct value **items;
            size_t count, capacity;
        } list;
    } as;
};

static size_t variables, longest;

static struct value *value_new(enum kind kind)
{
    struct value *value = checked(malloc(sizeof(*value)));
    value->references = 1;
    value->kind = kind;
    return value;
}

static struct value *hold(struct value *value)
{
    value->references++;
    return value;
}

static void drop(struct value *value)
{
    if (value == NULL || --value->references > 0) {
        return;
    }
    if (value->kind == STRING) {
        if (value->as.string.bytes[value->as.string.length] != '\0') {
            fail("a string has lost its end");
        }
        free(value->as.string.bytes);
    } else if (value->kind == LIST) {
        for (size_t i = 0; i < value->as.list.count; i++) {
            drop(value->as.list.items[i]);
        }
        free(value->as.list.items);
    }
    free(value);
}

static struct value *number_new(double number)
{
    struct value *value = value_new(NUMBER);
    value->as.number = number;
    return value;
}

static struct value *string_join(const char *left, size_t left_length, const char *right,
                                 size_t right_length)
{
    struct value *value = value_new(STRING);
    size_t length = left_length + right_length;
    char *bytes = checked(malloc(length + 1));
    memcpy(bytes, left, left_length);
    memcpy(bytes + left_length, right, right_length);
    bytes[length] = '\0';
    value->as.string.bytes = bytes;
    value->as.string.length = length;
    return value;
}

static struct value *string_of(const struct value *value)
{
    char text[40] = "list";
    if (value->kind == STRING) {
        return string_join(value->as.string.bytes, value->as.string.length, "", 0);
    }
    if (value->kind == NUMBER) {
        snprintf(text, sizeof(text), "%d", (int)value->as.number);
    }
    return string_join(text, strlen(text), "", 0);
}

static struct value *join(const struct value *left, const struct value *right)
{
    struct value *a = string_of(left), *b = string_of(right);
    struct value *joined = string_join(a->as.string.bytes, a->as.string.length, b->as.string.bytes,
                                       b->as.string.length);
    drop(a);
    drop(b);
    return joined;
}

static struct value *cut(const struct value *value, struct random *random)
{
    size_t length = value->as.string.length;
    size_t start = random_below(random, length + 1);
    size_t part = random_below(random, length - start + 1);
    return string_join(value->as.string.bytes + start, part, "", 0);
}

/* Lists hold numbers and strings only, so that no cycle keeps them alive. */
static void append(struct value *list, struct value *item)
{
    if (list->as.list.count == list->as.list.capacity) {
        list->as.list.capacity += list->as.list.capacity / 2 + 4;
        list->as.list.items =
            checked(realloc(list->as.list.items, list->as.list.capacity * sizeof(struct value *)));
    }
    list->as.list.items[list->as.list.count++] = hold(item);
}

static struct value *list_new(void)
{
    struct value *list = value_new(LIST);
    list->as.list.items = NULL;
    list->as.list.count = list->as.list.capacity = 0;
    return list;
}

/* The new value of `old`; NULL when the operation has changed it in place. */
static struct value *step(struct value *old, struct value *other, struct random *random)
{
    bool full = (old->kind == STRING && old->as.string.length >= longest) ||
                (old->kind == LIST && old->as.list.count >= longest);
    size_t choice = full ? 0 : random_below(random, 16);
    if (choice == 0) {
        return old->kind == LIST ? number_new(0) : list_new();
    }
    if (old->kind == LIST) {
        if (other->kind != LIST) {
            append(old, other);
        }
        return NULL;
    }
    if (choice <= 4) {
        return number_new((double)random_below(random, 1000000));
    }
    if (choice <= 11) {
        bool fits = other->kind != STRING || other->as.string.length < longest;
        return fits ? join(old, other) : number_new(1);
    }
    if (choice <= 13) {
        return old->kind == STRING ? cut(old, random) : string_of(old);
    }
    return other->kind != LIST ? hold(other) : number_new(2);
}

static void work(struct worker *worker)
{
    struct random *random = &worker->random;
    struct value **table = checked(calloc(variables, sizeof(struct value *)));
    for (size_t i = 0; i < variables; i++) {
        table[i] = number_new((double)i);
    }
    for (size_t i = 0; i < worker->operations; i++) {
        struct value **target = &table[random_below(random, variables)];
        struct value *result = step(*target, table[random_below(random, variables)], random);
        if (result != NULL) {
            drop(*target);
            *target = result;
        }
        worker->done++;
    }
    for (size_t i = 0; i < variables; i++) {
        drop(table[i]);
    }
    free(table);
}

int main(int argc, char **argv)
{
    arguments_begin(argc, argv);
    size_t operations = argument("operations", 1000000);
    size_t threads = argument("threads", 1);
    variables = argument("variables", 4096);
    longest = argument("longest", 4096);
    arguments_end();
    run_workers(threads, operations, work, NULL);
    return 0;
}
