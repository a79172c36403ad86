/* SPDX-License-Identifier: MIT
 * See call_tree.h. */
#include "call_tree.h"

#include <stdlib.h>
#include <string.h>

#include "functions.h"
#include "memory.h"
#include "text.h"

#define ROOT 0

static void add_node(struct call_tree *tree, struct call_node node)
{
    tree->nodes = memory_grow(tree->nodes, tree->count, &tree->capacity, sizeof(*tree->nodes));
    tree->nodes[tree->count++] = node;
}

/* The node below `parent` for the function. `edges` gives each pair of both its number, from 1 on.
 */
static uint32_t node_below(struct call_tree *tree, struct name_table *edges, uint32_t parent,
                           uint32_t function, uint32_t key)
{
    const uint32_t edge[] = {parent, key};
    uint32_t node = name_table_add(edges, edge, sizeof(edge)) + 1;
    if (node == tree->count) {
        add_node(tree, (struct call_node){.key = key,
                                          .function = function,
                                          .depth = tree->nodes[parent].depth + 1,
                                          .parent = parent});
    }
    return node;
}

static void add_amount(struct call_tree *tree, uint32_t node, uint64_t amount)
{
    tree->nodes[node].amount = sum_of(tree->nodes[node].amount, amount);
}

void call_tree_make(struct call_tree *tree, const struct profile *profile, enum profile_value value)
{
    struct profile_stack stack = {.count = 0};
    struct name_table edges = {.count = 0};
    struct text key = {.bytes = NULL};
    *tree = (struct call_tree){.count = 0};
    add_node(tree, (struct call_node){.key = name_table_add_text(&tree->keys, "")});
    for (size_t i = 0; i < profile->sample_count; i++) {
        uint64_t amount = profile->samples[i].values[value];
        uint32_t node = ROOT;
        profile_read_stack(profile, &profile->samples[i], &stack);
        add_amount(tree, ROOT, amount);
        for (size_t j = stack.count; j-- > 0 && amount > 0;) {
            uint32_t function = stack.frames[j].function;
            text_clear(&key);
            function_key(&key, profile, function);
            node = node_below(tree, &edges, node, function,
                              name_table_add(&tree->keys, key.bytes, key.length));
            add_amount(tree, node, amount);
        }
    }
    name_table_free(&edges);
    text_free(&key);
    free(stack.frames);
}

void call_tree_free(struct call_tree *tree)
{
    free(tree->nodes);
    name_table_free(&tree->keys);
    *tree = (struct call_tree){.nodes = NULL};
}

/* ---- Order ---- */

/* By parent, so that siblings lie together; of these the largest first. */
static int compare_siblings(const void *left, const void *right, void *context)
{
    const struct call_tree *tree = context;
    const struct call_node *first = &tree->nodes[*(const uint32_t *)left];
    const struct call_node *second = &tree->nodes[*(const uint32_t *)right];
    if (first->parent != second->parent) {
        return first->parent < second->parent ? -1 : 1;
    }
    if (first->amount != second->amount) {
        return first->amount > second->amount ? -1 : 1;
    }
    return strcmp(name_table_get(&tree->keys, first->key),
                  name_table_get(&tree->keys, second->key));
}

/* Where the children of each node begin in `siblings`; one place more tells where the last end. */
static size_t *find_children(const struct call_tree *tree, const uint32_t *siblings)
{
    size_t *first_child = memory_zeroed(tree->count + 1, sizeof(*first_child));
    size_t position = 0;
    for (size_t node = 0; node <= tree->count; node++) {
        while (position + 1 < tree->count && tree->nodes[siblings[position]].parent < node) {
            position++;
        }
        first_child[node] = position;
    }
    return first_child;
}

void call_tree_sort(struct call_tree *tree)
{
    size_t child_count = tree->count - 1; /* all but the root */
    uint32_t *siblings = memory_zeroed(child_count, sizeof(*siblings));
    for (size_t i = 0; i < child_count; i++) {
        siblings[i] = (uint32_t)i + 1;
    }
    qsort_r(siblings, child_count, sizeof(*siblings), compare_siblings, tree);
    size_t *first_child = find_children(tree, siblings);
    struct call_node *sorted = memory_zeroed(tree->count, sizeof(*sorted));
    uint32_t *waiting = memory_zeroed(tree->count, sizeof(*waiting));
    size_t waiting_count = 1; /* the root, which is number 0 */
    for (size_t i = 0; waiting_count > 0; i++) {
        uint32_t node = waiting[--waiting_count];
        sorted[i] = tree->nodes[node];
        for (size_t child = first_child[node + 1]; child-- > first_child[node];) {
            waiting[waiting_count++] = siblings[child];
        }
    }
    free(tree->nodes);
    tree->nodes = sorted;
    tree->capacity = tree->count;
    free(waiting);
    free(first_child);
    free(siblings);
}
