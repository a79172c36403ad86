/* SPDX-License-Identifier: MIT
 * The module of the textbooks: kmalloc, a free page and vmalloc side by side. It is kernel code,
 * and compiles as it is against linux-compat. */
#include <linux/init.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

static unsigned char *small_object;
static unsigned long single_page;
static unsigned char *large_area;

static void demonstration_exit(void)
{
    kfree(small_object);
    free_page(single_page);
    vfree(large_area);
    printk(KERN_INFO "all given back\n");
}

static int __init demonstration_init(void)
{
    small_object = kmalloc(100, GFP_KERNEL);
    single_page = __get_free_page(GFP_KERNEL);
    large_area = vmalloc(1000000);
    if (small_object == NULL || single_page == 0 || large_area == NULL) {
        demonstration_exit();
        return -ENOMEM;
    }
    printk(KERN_INFO "kmalloc(100)    at %px, %zu bytes\n", (void *)small_object,
           ksize(small_object));
    printk(KERN_INFO "__get_free_page at %px, page %lx\n", (void *)single_page,
           (unsigned long)(__pa(single_page) >> PAGE_SHIFT));
    printk(KERN_INFO "vmalloc(1000000) at %px, %s\n", (void *)large_area,
           is_vmalloc_addr(large_area) ? "in vmalloc's range" : "elsewhere");
    return 0;
}

module_init(demonstration_init);
module_exit(demonstration_exit);
MODULE_LICENSE("GPL");
