/* SPDX-License-Identifier: MIT
 * The call stacks of a profile as a tree, from the program's start to the functions that allocated.
 */
#ifndef PROFILE_CALL_TREE_H
#define PROFILE_CALL_TREE_H

#include <stddef.h>
#include <stdint.h>

#include "name_table.h"
#include "profile.h"

struct call_node {
    uint32_t key;      /* what the function reads, in `keys` */
    uint32_t function; /* one of those that read so */
    uint32_t depth;    /* of the root 0 */
    uint32_t parent;
    uint64_t amount; /* with all below */
};

struct call_tree {
    struct call_node *nodes; /* the first is the root, which has no function */
    size_t count;
    size_t capacity;
    struct name_table keys;
};

void call_tree_make(struct call_tree *tree, const struct profile *profile,
                    enum profile_value value);

/* Sorts the nodes: each is followed by what it calls, the largest amount first, and that by what it
 * calls in turn. Afterwards `parent` has no meaning. */
void call_tree_sort(struct call_tree *tree);

void call_tree_free(struct call_tree *tree);

#endif
