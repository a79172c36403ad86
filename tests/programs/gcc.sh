#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: gcc:gcc
# Serves: *gcc* cc1 *as *ld* made *ar
# Runs: compiles, links and runs a program of several files and a long generated one
set -eu
cat >table.h <<'C'
#include <stddef.h>
struct node { struct node *next; char key[24]; long value; };
struct table { struct node **slots; size_t size, used; };
struct table *table_new(void);
long *table_at(struct table *table, const char *key);
void table_free(struct table *table);
C
cat >table.c <<'C'
#include "table.h"
#include <stdlib.h>
#include <string.h>
static size_t hash(const char *key)
{
    size_t h = 5381;
    while (*key)
        h = h * 33 + (unsigned char)*key++;
    return h;
}
static void widen(struct table *t)
{
    size_t size = t->size ? t->size * 2 : 16;
    struct node **slots = calloc(size, sizeof *slots);
    for (size_t i = 0; i < t->size; i++)
        for (struct node *n = t->slots[i], *next; n; n = next) {
            next = n->next;
            n->next = slots[hash(n->key) % size];
            slots[hash(n->key) % size] = n;
        }
    free(t->slots);
    t->slots = slots;
    t->size = size;
}
struct table *table_new(void) { return calloc(1, sizeof(struct table)); }
long *table_at(struct table *t, const char *key)
{
    if (t->used >= t->size)
        widen(t);
    struct node **slot = &t->slots[hash(key) % t->size];
    for (struct node *n = *slot; n; n = n->next)
        if (!strcmp(n->key, key))
            return &n->value;
    struct node *n = malloc(sizeof *n);
    strcpy(n->key, key);
    n->value = 0;
    n->next = *slot;
    *slot = n;
    t->used++;
    return &n->value;
}
void table_free(struct table *t)
{
    for (size_t i = 0; i < t->size; i++)
        for (struct node *n = t->slots[i], *next; n; n = next) {
            next = n->next;
            free(n);
        }
    free(t->slots);
    free(t);
}
C
cat >main.c <<'C'
#include "table.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
static void *work(void *number)
{
    struct table *t = table_new();
    long sum = 0;
    for (long i = 0; i < 100000; i++) {
        char key[24];
        snprintf(key, sizeof key, "k%ld", i * 7919 % 20011);
        *table_at(t, key) += i;
        sum += *table_at(t, "k17") % 1000;
    }
    table_free(t);
    return (void *)(sum + (long)number);
}
int main(void)
{
    pthread_t threads[4];
    for (long i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, work, (void *)i);
    for (int i = 0; i < 4; i++) {
        void *sum;
        pthread_join(threads[i], &sum);
        printf("%d %ld\n", i, (long)sum);
    }
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    for (int i = 0; i < 50000; i++)
        fprintf(stream, "%d,", i);
    fclose(stream);
    printf("%zu %.10s\n", size, text + size / 2);
    free(text);
    return 0;
}
C
# A long generated file gives the compiler something to allocate for.
for i in $(seq 300); do
    echo "double f$i(double x, int n) { double s = x; for (int i = 0; i < n; i++) {"
    echo "  switch (i % 5) { case 0: s = s * $i.5 + i; break; case 1: s -= x / ($i + i); break;"
    echo "  case 2: s = s > 1e9 ? s / 3 : s + $i; break; default: s += i & $i; } } return s; }"
done >long.c

for level in -O0 '-O2 -g'; do
    # shellcheck disable=SC2086 # several options
    gcc $level -c long.c table.c main.c
    sha256sum long.o table.o main.o
    ar rcsD libtable.a table.o
    # shellcheck disable=SC2086
    gcc $level -o made main.o -L. -ltable -pthread
    sha256sum made
    ./made
done
gcc -O2 -flto -pthread -o made main.c table.c long.c
./made
gcc -O1 -S -o - table.c | sha256sum
gcc -E -dM - </dev/null | sort | sha256sum
printf 'int main(void) { return missing; }\n' >wrong.c
gcc -c wrong.c 2>&1 || echo "status $?"
nm libtable.a
objdump -d table.o | sha256sum
strip -o stripped made
./stripped
