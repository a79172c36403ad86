/* SPDX-License-Identifier: MIT
 *
 * The terminal of `brkmalloc top`: a page that is drawn anew, clipped to the terminal and scrolled
 * below its first line, and keys that are read without Enter. In batch mode, and where there is no
 * terminal, pages follow each other as plain text. */
#ifndef BRKM_CTL_SCREEN_H
#define BRKM_CTL_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

/* Lines of a page, and bytes of each; what is more is left out. */
#define SCREEN_LINES 600
#define SCREEN_LINE_SIZE 1024

struct screen {
    bool draws;  /* standard output is a terminal to draw on */
    bool keys;   /* standard input is a terminal to read keys from */
    bool is_new; /* nothing was shown yet */
    size_t count, scroll;
    char lines[SCREEN_LINES][SCREEN_LINE_SIZE];
};

/* Prepares the terminal. It is put back by screen_close, and when a signal ends the program. */
void screen_open(struct screen *screen, bool batch);
void screen_close(const struct screen *screen);

/* Columns of a terminal; of plain text as many as a line may have. */
size_t screen_columns(const struct screen *screen);

/* Begins a page; adds a line, in which control characters become question marks; shows the page.
 * screen_show is false when standard output takes no more. */
void screen_begin_page(struct screen *screen);
__attribute__((format(printf, 2, 3))) void screen_add(struct screen *screen, const char *format,
                                                      ...);
bool screen_show(struct screen *screen);

/* Waits that long, while keys scroll; false when the user pressed q, or interrupted. */
bool screen_wait(struct screen *screen, double seconds);

#endif
