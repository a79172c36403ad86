/* SPDX-License-Identifier: MIT
 * Memory from the system. No function changes errno or calls another library; failure is told by
 * the return value alone. Any of them may be called under a lock and before constructors have run.
 */
#ifndef BRKMALLOC_SYSTEM_OS_MEMORY_H
#define BRKMALLOC_SYSTEM_OS_MEMORY_H

#include "base/base.h"

/* What brkm__os_sbrk returns where the break cannot be moved. */
#define OS_SBRK_FAILED ((void *)-1)

/* Moves the break, and libc's note of where it is: a foreign sbrk would otherwise unmap what is
 * ours. Returns the break before the move. Fails where libc has no such note (musl), and in other
 * namespaces than the program's, whose libc would not know. */
void *brkm__os_sbrk(intptr_t increment);

/* Private zeroed memory of whole pages; NULL when the system has none. */
void *brkm__os_map(size_t size);
bool brkm__os_unmap(void *start, size_t size);

/* The same as brkm__os_map at an address, where nothing is mapped yet; false where something is,
 * and when the system does not give that address. */
bool brkm__os_map_at(void *start, size_t size);

/* The same as brkm__os_map, but the first and the last page cannot be accessed. */
void *brkm__os_map_between_guards(size_t size);

/* The same, one page, which reads as zero in each child of a fork, whichever call made it; memory
 * that both share, as after vfork, is left alone. NULL when the system cannot do that. */
void *brkm__os_map_wiped_on_fork(void);

/* Resizes a mapping, which may move; NULL when that fails and the old mapping stands. */
void *brkm__os_remap(void *start, size_t old_size, size_t new_size);

/* Gives the contents of whole pages back, which can be read and written; they read as zero
 * afterwards. False: nothing happened.
 *
 * While there is one thread, fresh memory is mapped over them, as programs go into sandboxes that
 * allow what glibc's malloc calls then: brk, mmap, munmap and mremap. The kernel joins it with what
 * lies around it, but for the child of a fork. Where threads exist, glibc itself calls madvise. */
bool brkm__os_discard(void *start, size_t size);

/* The same for pages that cannot be accessed, and stay so. */
bool brkm__os_discard_guarded(void *start, size_t size);

/* Prepares brkm__os_discard, at the start of the process; and in the child of a fork. */
void brkm__os_discard_begin(void);
void brkm__os_discard_after_fork(void);

/* Makes whole pages inaccessible; or readable and writable again. False: nothing happened. */
bool brkm__os_protect(void *start, size_t size);
bool brkm__os_unprotect(void *start, size_t size);

/* Says whether whole pages are to be backed by huge ones, as soon as the system finds it
 * convenient, or never. False: nothing happened. */
bool brkm__os_advise_huge(void *start, size_t size, bool wanted);

/* Bytes of a transparent huge page; 0 when the system has none for programs that ask for them. */
size_t brkm__os_huge_page_size(void);

/* Says of each of the whole pages whether it is in memory, in bit 0 of a byte: a look at it then
 * takes none. False: the system does not tell. */
bool brkm__os_tell_resident(const void *start, size_t size, unsigned char *pages);

/* Bytes of whole mapped pages that are in memory; SIZE_MAX where the system does not say. */
size_t brkm__os_resident(const void *start, size_t size);

/* True when the 8 bytes there can be read. */
bool brkm__os_is_readable(const void *address);

/* Bytes in a page. Read from the auxiliary vector, since aarch64 kernels have 4, 16 or 64 KiB. */
size_t brkm__os_page_size(void);

#endif
