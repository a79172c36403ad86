/* SPDX-License-Identifier: MIT
 * printk to standard output. Levels are left out, and so are the letters behind %p (%px, %pK),
 * which here shows the address as it is. */
#ifndef BRKMALLOC_LINUX_PRINTK_H
#define BRKMALLOC_LINUX_PRINTK_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define KERN_EMERG ""
#define KERN_ALERT ""
#define KERN_CRIT ""
#define KERN_ERR ""
#define KERN_WARNING ""
#define KERN_NOTICE ""
#define KERN_INFO ""
#define KERN_DEBUG ""
#define KERN_CONT ""

#ifndef pr_fmt
#define pr_fmt(format) format
#endif

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
