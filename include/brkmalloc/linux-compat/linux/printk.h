/* SPDX-License-Identifier: MIT
 * printk to standard output. Levels are left out, and so are the letters behind %p (%px, %pK),
 * which here shows the address as it is. */
#ifndef BRKMALLOC_LINUX_PRINTK_H
#define BRKMALLOC_LINUX_PRINTK_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#ifndef KERN_EMERG
#define KERN_EMERG ""
#endif
#ifndef KERN_ALERT
#define KERN_ALERT ""
#endif
#ifndef KERN_CRIT
#define KERN_CRIT ""
#endif
#ifndef KERN_ERR
#define KERN_ERR ""
#endif
#ifndef KERN_WARNING
#define KERN_WARNING ""
#endif
#ifndef KERN_NOTICE
#define KERN_NOTICE ""
#endif
#ifndef KERN_INFO
#define KERN_INFO ""
#endif
#ifndef KERN_DEBUG
#define KERN_DEBUG ""
#endif
#ifndef KERN_CONT
#define KERN_CONT ""
#endif

#ifndef pr_fmt
#define pr_fmt(format) format
#endif

#ifndef printk
static inline int printk(const char *format, ...)
{
    char plain[1024];
    size_t length = 0;
    va_list list;
    int written;
    for (const char *at = format; *at != '\0' && length + 1 < sizeof(plain); at++) {
        int is_mark =
            at - format >= 2 && at[-1] == 'p' && at[-2] == '%' && strchr("xK", *at) != NULL;
        if (!is_mark) {
            plain[length++] = *at;
        }
    }
    plain[length] = '\0';
    va_start(list, format);
    written = vprintf(plain, list);
    va_end(list);
    return written;
}
#endif

#define pr_emerg(format, ...) printk(pr_fmt(format), ##__VA_ARGS__)
#define pr_alert(format, ...) printk(pr_fmt(format), ##__VA_ARGS__)
#define pr_crit(format, ...) printk(pr_fmt(format), ##__VA_ARGS__)
#define pr_err(format, ...) printk(pr_fmt(format), ##__VA_ARGS__)
#define pr_warn(format, ...) printk(pr_fmt(format), ##__VA_ARGS__)
#define pr_notice(format, ...) printk(pr_fmt(format), ##__VA_ARGS__)
#define pr_info(format, ...) printk(pr_fmt(format), ##__VA_ARGS__)
#define pr_debug(format, ...) printk(pr_fmt(format), ##__VA_ARGS__)
#define pr_cont(format, ...) printk(format, ##__VA_ARGS__)

#endif
