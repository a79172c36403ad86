/* SPDX-License-Identifier: MIT
 * Os_loader.h on Linux.
 *
 * What glibc has and musl has not is a weak name, here and in the neighbouring files: the library
 * that is built for glibc then also loads where a program of musl is started with it in LD_PRELOAD.
 * dlsym is weak since a static program has no loader, and shall not link one for this. */
#define _GNU_SOURCE
#include "system/os_loader.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "base/config.h"
#include "system/os_memory.h"
#include "system/syscall.h"

#pragma weak dlsym
#pragma weak dladdr1
#pragma weak _dl_find_object

#if BRKM_UNWINDER

bool brkm__os_has_unwind_tables(const void *code)
{
    struct dl_find_object found;
    uintptr_t address = (uintptr_t)code;
    return _dl_find_object != NULL && _dl_find_object((void *)address, &found) == 0 &&
           found.dlfo_eh_frame != NULL;
}

#else

bool brkm__os_has_unwind_tables(const void *code)
{
    return code == NULL;
}

#endif

#if defined(DLFO_EH_SEGMENT_TYPE)

bool brkm__os_can_find_objects(void)
{
    return _dl_find_object != NULL;
}

bool brkm__os_find_object(const void *address, struct os_object *object)
{
    struct dl_find_object found;
    if (_dl_find_object == NULL || _dl_find_object((void *)(uintptr_t)address, &found) != 0) {
        return false;
    }
    const struct link_map *map = found.dlfo_link_map;
    *object = (struct os_object){.start = (uintptr_t)found.dlfo_map_start,
                                 .end = (uintptr_t)found.dlfo_map_end,
                                 .loaded = map,
                                 .name = map->l_name,
                                 .is_program = map->l_name[0] == '\0' && map->l_prev == NULL};
    return true;
}

#else

bool brkm__os_can_find_objects(void)
{
    return false;
}

bool brkm__os_find_object(const void *address, struct os_object *object)
{
    (void)address;
    (void)object;
    return false;
}

#endif

#if defined(__GLIBC__)

/* A value of the object's table of dynamic entries, 0 when it is not there. */
static uintptr_t dynamic_value(const struct link_map *map, long tag)
{
    const ElfW(Dyn) *entry = map->l_ld;
    while (entry->d_tag != DT_NULL && entry->d_tag != tag) {
        entry++;
    }
    return entry->d_tag == tag ? entry->d_un.d_ptr : 0;
}

/* Writes the symbol's value, an address less the object's own, where it is mapped for reading. */
static void set_value(ElfW(Sym) * symbol, uintptr_t value)
{
    uintptr_t page = getauxval(AT_PAGESZ);
    uintptr_t start = (uintptr_t)symbol & ~(page - 1);
    size_t size = align_up((uintptr_t)(symbol + 1) - start, page);
    if (brkm__os_unprotect((void *)start, size)) {
        symbol->st_value = value;
        os_call3(SYS_mprotect, (long)start, (long)size, PROT_READ);
    }
}

/* Linkers put the names behind the symbols, which tells how many these are. */
void brkm__os_replace_symbol(const char *name, void *function, void *replacement)
{
    Dl_info info;
    void *found = NULL;
    if (dladdr1 == NULL || dladdr1(function, &info, &found, RTLD_DL_LINKMAP) == 0) {
        return;
    }
    const struct link_map *map = found;
    uintptr_t names = dynamic_value(map, DT_STRTAB);
    ElfW(Sym) *symbols = (void *)dynamic_value(map, DT_SYMTAB);
    for (ElfW(Sym) *symbol = symbols; (uintptr_t)(symbol + 1) <= names; symbol++) {
        if (symbol->st_value == (uintptr_t)function - map->l_addr &&
            strcmp((const char *)names + symbol->st_name, name) == 0) {
            set_value(symbol, (uintptr_t)replacement - map->l_addr);
        }
    }
}

#else

void brkm__os_replace_symbol(const char *name, void *function, void *replacement)
{
    (void)name;
    (void)function;
    (void)replacement;
}

#endif

#pragma weak _r_debug

void brkm__os_each_object(void (*see)(const void *address))
{
#if defined(__GLIBC__)
    const struct link_map *map = &_r_debug == NULL ? NULL : _r_debug.r_map;
    for (; map != NULL; map = map->l_next) {
        if (map->l_ld != NULL) {
            see(map->l_ld);
        }
    }
#else
    (void)see;
#endif
}

void *brkm__os_next_symbol(const char *name)
{
    int saved = errno;
    void *symbol = dlsym == NULL ? NULL : dlsym(RTLD_NEXT, name);
    errno = saved;
    return symbol;
}

#if defined(__GLIBC__)

/* The nearest name in front may be that of another function: not all are told. */
static bool reaches(const Dl_info *info, const void *address, const ElfW(Sym) * entry)
{
    return entry != NULL && (uintptr_t)address - (uintptr_t)info->dli_saddr < entry->st_size;
}

static void find_in_tables(const void *address, struct os_symbol *symbol)
{
    Dl_info info;
    void *entry = NULL;
    if (dladdr1 != NULL && dladdr1(address, &info, &entry, RTLD_DL_SYMENT) != 0 &&
        info.dli_sname != NULL && reaches(&info, address, entry)) {
        *symbol = (struct os_symbol){info.dli_sname, (uintptr_t)info.dli_saddr};
    }
}

#else

static void find_in_tables(const void *address, struct os_symbol *symbol)
{
    Dl_info info;
    if (dladdr(address, &info) != 0) {
        *symbol = (struct os_symbol){info.dli_sname, (uintptr_t)info.dli_saddr};
    }
}

#endif

struct os_symbol brkm__os_find_symbol(const void *address)
{
    int saved = errno;
    struct os_symbol symbol = {.function = NULL};
    find_in_tables(address, &symbol);
    errno = saved;
    return symbol;
}
