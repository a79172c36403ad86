/* SPDX-License-Identifier: MIT
 * What of the kernel's linux/mm.h concerns allocation. A virtual address is its physical one. */
#ifndef BRKMALLOC_LINUX_MM_H
#define BRKMALLOC_LINUX_MM_H

#include <linux/gfp.h>
#include <linux/slab.h>
#include <unistd.h>

#ifndef PAGE_SIZE
#define PAGE_SIZE ((unsigned long)sysconf(_SC_PAGESIZE))
#endif
#ifndef PAGE_SHIFT
#define PAGE_SHIFT ((unsigned int)__builtin_ctzl(PAGE_SIZE))
#endif
#ifndef PAGE_MASK
#define PAGE_MASK (~(PAGE_SIZE - 1))
#endif
#ifndef PAGE_ALIGN
#define PAGE_ALIGN(address) (((address) + PAGE_SIZE - 1) & PAGE_MASK)
#endif

#define MAX_PAGE_ORDER BRKM_MAX_ORDER
#define MAX_ORDER BRKM_MAX_ORDER

#define page_address(of) brkm_page_address(BRKM_COMPAT_PAGE_(of))
#define page_to_virt(of) page_address(of)
#define virt_to_page(address) \
    ((struct page *)brkm_virt_to_page((const void *)(unsigned long)(address)))
#define get_order(size) brkm_get_order(size)

#define __pa(address) ((phys_addr_t)(uintptr_t)(address))
#define __va(address) ((void *)(uintptr_t)(address))
#define virt_to_phys(address) __pa(address)
#define phys_to_virt(address) __va(address)

#define memalloc_nofs_save() brkm_memalloc_nofs_save()
#define memalloc_nofs_restore(saved) brkm_memalloc_nofs_restore(saved)
#define memalloc_noio_save() brkm_memalloc_noio_save()
#define memalloc_noio_restore(saved) brkm_memalloc_noio_restore(saved)

#ifndef is_vmalloc_addr
#define is_vmalloc_addr(address) brkm_is_vmalloc_addr(address)
#endif

#endif
