/* SPDX-License-Identifier: MIT
 * The heap map as a picture in a file. */
#ifndef REPORT_MAP_PICTURE_H
#define REPORT_MAP_PICTURE_H

#include "../profile/text.h"
#include "map_view.h"

/* Lines of words that a picture has below the map. */
void map_add_legend(struct text *text, const struct map_view *view);

/* The bytes of a PNG: the view's columns are its pixels, each row several of them high. */
void map_add_png(struct text *picture, const struct map_view *view);

/* The same as SVG, with a heading and the legend. */
void map_add_svg(struct text *picture, const struct map_view *view, const char *title);

#endif
