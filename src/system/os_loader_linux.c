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

#include "base/config.h"

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
