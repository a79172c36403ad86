/* SPDX-License-Identifier: MIT
 * The heap map in a terminal: colours that fit the window, and keys to zoom and move. */
#ifndef REPORT_MAP_TERMINAL_H
#define REPORT_MAP_TERMINAL_H

#include <stdbool.h>

#include "map_source.h"
#include "map_view.h"

/* Shows the map until q is pressed, of a process with its next snapshot when r is, and from time to
 * time where the source says so; where there is no terminal to draw on, prints it. False when
 * standard output takes no more. */
bool map_terminal_run(struct map_view *view, const char *title, struct map_source *source);

#endif
