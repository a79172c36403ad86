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

void *brkm__os_next_symbol(const char *name)
{
    int saved = errno;
    void *symbol = dlsym == NULL ? NULL : dlsym(RTLD_NEXT, name);
    errno = saved;
    return symbol;
}

#if defined(__GLIBC__)

static void find_in_tables(const void *address, Dl_info *info, struct os_symbol *symbol)
{
    void *found = NULL;
    if (dladdr1 == NULL || dladdr1(address, info, &found, RTLD_DL_LINKMAP) == 0) {
        return;
    }
    const struct link_map *object = found;
    symbol->object = info->dli_fname;
    symbol->bias = object != NULL ? object->l_addr : 0;
    symbol->is_program = object != NULL && object->l_prev == NULL;
    found = NULL;
    dladdr1(address, info, &found, RTLD_DL_SYMENT);
    const ElfW(Sym) *entry = found;
    /* The nearest name in front may be that of another function: not all are told. */
    if (entry != NULL && info->dli_sname != NULL &&
        (uintptr_t)address - (uintptr_t)info->dli_saddr < entry->st_size) {
        symbol->function = info->dli_sname;
        symbol->start = (uintptr_t)info->dli_saddr;
    }
}

#else

static void find_in_tables(const void *address, Dl_info *info, struct os_symbol *symbol)
{
    if (dladdr(address, info) != 0) {
        symbol->object = info->dli_fname;
        symbol->bias = (uintptr_t)info->dli_fbase;
        symbol->function = info->dli_sname;
        symbol->start = (uintptr_t)info->dli_saddr;
    }
}

#endif

struct os_symbol brkm__os_find_symbol(const void *address)
{
    int saved = errno;
    Dl_info info;
    struct os_symbol symbol = {.object = NULL};
    find_in_tables(address, &info, &symbol);
    errno = saved;
    return symbol;
}
