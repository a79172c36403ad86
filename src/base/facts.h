/* SPDX-License-Identifier: MIT
 * Facts for debuggers: where the allocator's data lies and how it is laid out.
 *
 * Each module states the facts of its own data, beside it, in the words of the compiler (offsetof,
 * sizeof, addresses): they cannot be out of date. The linker joins all of them to one table, the
 * section brkm_facts, which stays in the file and in core dumps when debug information and symbols
 * were stripped. gdb/brkmalloc-gdb.py reads it and knows nothing of the layout by itself. Nothing
 * in the allocator reads it. */
#ifndef BRKMALLOC_BASE_FACTS_H
#define BRKMALLOC_BASE_FACTS_H

#include "base/base.h"

/* Bytes of a fact; also the alignment of each module's facts, so that nothing lies between them. */
#define FACT_SIZE_BYTES 64

struct fact {
    char name[FACT_SIZE_BYTES - sizeof(uint64_t)];
    uint64_t value;
};

_Static_assert(sizeof(struct fact) == FACT_SIZE_BYTES, "facts of all modules make one array");

/* Raised when facts are taken away or change their meaning; not for new ones. */
#define FACTS_EDITION 2

#define FACT(name, value)       \
    {                           \
        name, (uint64_t)(value) \
    }
#define FACT_OFFSET(type, member) FACT(#type "." #member, offsetof(struct type, member))
#define FACT_SIZE(type) FACT("sizeof " #type, sizeof(struct type))
#define FACT_ADDRESS(name, object) FACT(name, (uintptr_t)(object))

/* The linker must keep what nobody refers to, with --gc-sections too. */
#if defined(__has_attribute)
#if __has_attribute(retain)
#define FACTS_KEPT __attribute__((used, retain))
#endif
#endif
#ifndef FACTS_KEPT
#define FACTS_KEPT __attribute__((used))
#endif

/* Once in a file: static const struct fact facts[] FACTS = {FACT(...), ...}; */
#define FACTS FACTS_KEPT __attribute__((section("brkm_facts"), aligned(FACT_SIZE_BYTES)))

#endif
