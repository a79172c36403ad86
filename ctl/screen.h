/* SPDX-License-Identifier: MIT
 *
 * The terminal of `brkmalloc top`: a page that is drawn anew, and keys that are read without Enter.
 * In batch mode, and where there is no terminal, pages follow each other as plain text. */
#ifndef BRKM_CTL_SCREEN_H
#define BRKM_CTL_SCREEN_H

#include <stdbool.h>

struct screen {
    bool draws; /* standard output is a terminal to draw on */
    bool keys;  /* standard input is a terminal to read keys from */
};

/* Prepares the terminal. It is put back by screen_close, and when a signal ends the program. */
void screen_open(struct screen *screen, bool batch);
void screen_close(const struct screen *screen);

/* Begins a page; `first` is the first of all. */
void screen_begin_page(const struct screen *screen, bool first);

/* Ends a line of the page, and the page. False when standard output takes no more. */
void screen_end_line(const struct screen *screen);
bool screen_end_page(const struct screen *screen);

/* Lines of a page; many where nothing limits them. */
int screen_lines(const struct screen *screen);

/* Waits that long; false when the user pressed q, or interrupted. */
bool screen_wait(const struct screen *screen, double seconds);

#endif
