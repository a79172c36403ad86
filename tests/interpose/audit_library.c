/* SPDX-License-Identifier: MIT
 *
 * What LD_AUDIT names: the loader calls it for each object and each symbol that is bound, in a
 * namespace with a libc of its own, whose malloc it uses.
 */
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void allocate(size_t size)
{
    char *block = malloc(size);
    if (block == NULL)
        abort();
    memset(block, 1, size);
    free(block);
}

unsigned la_version(unsigned version)
{
    return version < LAV_CURRENT ? version : LAV_CURRENT;
}

unsigned la_objopen(struct link_map *map, Lmid_t namespace, uintptr_t *cookie)
{
    (void)namespace;
    (void)cookie;
    allocate(strlen(map->l_name) + 1000);
    return LA_FLG_BINDTO | LA_FLG_BINDFROM;
}

uintptr_t la_symbind64(Elf64_Sym *symbol, unsigned index, uintptr_t *from, uintptr_t *to,
                       unsigned *flags, const char *name)
{
    (void)index;
    (void)from;
    (void)to;
    (void)flags;
    allocate(strlen(name) + 10);
    return symbol->st_value;
}
