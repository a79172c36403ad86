/* SPDX-License-Identifier: MIT
 * See sparkline.h. */
#include "sparkline.h"

#include <langinfo.h>
#include <string.h>

/* From nothing to all of the largest value. */
#define BARS 8
static const char *const bars_utf8[BARS] = {"\u2581", "\u2582", "\u2583", "\u2584",
                                            "\u2585", "\u2586", "\u2587", "\u2588"};
static const char *const bars_ascii[BARS] = {"_", ".", ":", "-", "=", "+", "*", "#"};

void sparkline_add(struct sparkline *sparkline, uint64_t value)
{
    sparkline->values[sparkline->count++ % SPARKLINE_VALUES] = value;
}

void sparkline_text(const struct sparkline *sparkline, size_t columns, char *text,
                    uint64_t *largest)
{
    const char *const *bars = strcmp(nl_langinfo(CODESET), "UTF-8") == 0 ? bars_utf8 : bars_ascii;
    size_t shown = sparkline->count < columns ? sparkline->count : columns;
    shown = shown < SPARKLINE_VALUES ? shown : SPARKLINE_VALUES;
    *largest = 0;
    for (size_t i = sparkline->count - shown; i < sparkline->count; i++) {
        uint64_t value = sparkline->values[i % SPARKLINE_VALUES];
        *largest = value > *largest ? value : *largest;
    }
    for (size_t i = sparkline->count - shown; i < sparkline->count; i++) {
        double share =
            *largest == 0 ? 0 : (double)sparkline->values[i % SPARKLINE_VALUES] / (double)*largest;
        text = stpcpy(text, bars[(size_t)(share * (BARS - 1) + 0.5)]);
    }
    *text = '\0';
}
