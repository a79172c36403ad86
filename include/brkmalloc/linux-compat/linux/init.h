/* SPDX-License-Identifier: MIT
 * Marks of functions that the kernel forgets after its start: nothing here. */
#ifndef BRKMALLOC_LINUX_INIT_H
#define BRKMALLOC_LINUX_INIT_H

#define __init
#define __exit
#define __initdata

#endif
