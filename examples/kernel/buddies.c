/* SPDX-License-Identifier: MIT
 * Draws how buddies split and coalesce: a row for each step, as SVG. Blocks in use are filled, free
 * ones are the largest that are aligned to their size, as the allocator keeps them. */
#include <linux/mm.h>
#include <linux/slab.h>
#include <stdio.h>
#include <stdlib.h>

enum { SECTION = 1 << MAX_PAGE_ORDER, BLOCKS = 16, ROW = 34, LEFT = 150, WIDTH = 1024 };

struct block {
    char *start;
    unsigned order;
};

static struct block blocks[BLOCKS];
static char *section;
static unsigned row;

/* The block that the page is in; NULL when it is free. */
static const struct block *block_of(unsigned page)
{
    for (int i = 0; i < BLOCKS; i++) {
        const struct block *block = &blocks[i];
        size_t first = (size_t)(block->start - section) / PAGE_SIZE;
        if (block->start != NULL && page >= first && page < first + (1u << block->order)) {
            return block;
        }
    }
    return NULL;
}

static int is_free(unsigned page, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (block_of(page + i) != NULL) {
            return 0;
        }
    }
    return 1;
}

static unsigned order_at(unsigned page)
{
    const struct block *block = block_of(page);
    unsigned order = 0;
    if (block != NULL) {
        return block->order;
    }
    while (order < MAX_PAGE_ORDER && page % (2u << order) == 0 && is_free(page, 2u << order)) {
        order++;
    }
    return order;
}

static void draw(const char *step)
{
    unsigned top = 20 + row++ * ROW;
    printf("<text x=\"8\" y=\"%u\">%s</text>\n", top + 16, step);
    for (unsigned page = 0; page < SECTION; page += 1u << order_at(page)) {
        unsigned order = order_at(page);
        unsigned width = (1u << order) * WIDTH / SECTION;
        printf("<rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"24\" class=\"%s\"/>"
               "<text x=\"%u\" y=\"%u\" class=\"order\">%u</text>\n",
               LEFT + page * WIDTH / SECTION, top, width, block_of(page) != NULL ? "used" : "free",
               LEFT + page * WIDTH / SECTION + width / 2, top + 16, order);
    }
}

static void take(int number, unsigned order)
{
    char step[32];
    blocks[number] = (struct block){(char *)__get_free_pages(GFP_KERNEL, order), order};
    if (blocks[number].start == NULL) {
        exit(1);
    }
    if (section == NULL) {
        section = (char *)((uintptr_t)blocks[number].start & ~(PAGE_SIZE * SECTION - 1));
    }
    snprintf(step, sizeof(step), "take order %u", order);
    draw(step);
}

static void give(int number)
{
    char step[32];
    snprintf(step, sizeof(step), "give order %u", blocks[number].order);
    free_pages((unsigned long)blocks[number].start, blocks[number].order);
    blocks[number].start = NULL;
    draw(step);
}

int main(void)
{
    puts("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1200\" height=\"480\">\n"
         "<style>text { font: 13px sans-serif } .order { text-anchor: middle }\n"
         "rect { stroke: #333 } .free { fill: #e8f0e8 } .used { fill: #f0b060 }</style>\n"
         "<rect width=\"1200\" height=\"480\" style=\"fill: white; stroke: none\"/>");
    take(0, 7);
    take(1, 5);
    take(2, 6);
    take(3, 8);
    take(4, 5);
    give(1);
    give(4);
    give(3);
    take(5, 9);
    give(0);
    give(2);
    give(5);
    puts("</svg>");
    return 0;
}
