/* SPDX-License-Identifier: MIT
 * See options_tell.h. */
#include "kit/options_tell.h"

#include "kit/options.h"
#include "kit/options_value.h"
#include "kit/report.h"

/* ---- Options that count only with another ---- */

#define NEEDS_PROFILE "it counts only with profile:true, or where the program starts the profile"

static const struct need {
    enum option option, first, second; /* one of both must be on */
    const char *remedy;
} needs[] = {
    {OPTION_stats_json, OPTION_stats_at_exit, OPTION_stats_at_exit,
     "it counts only with stats_at_exit:true"},
    {OPTION_guard_sample_slots, OPTION_guard_sample, OPTION_guard_sample,
     "it counts only with guard_sample:NUMBER"},
    {OPTION_profile_interval, OPTION_profile, OPTION_profile_leaks, NEEDS_PROFILE},
    {OPTION_profile_at_exit, OPTION_profile, OPTION_profile_leaks, NEEDS_PROFILE},
    {OPTION_profile_signal, OPTION_profile, OPTION_profile_leaks, NEEDS_PROFILE},
    {OPTION_profile_growth, OPTION_profile, OPTION_profile_leaks, NEEDS_PROFILE},
    {OPTION_profile_peak, OPTION_profile, OPTION_profile_leaks, NEEDS_PROFILE},
    {OPTION_profile_frame_pointers, OPTION_profile, OPTION_profile_leaks, NEEDS_PROFILE},
    {OPTION_profile_leaks_exit_status, OPTION_profile_leaks, OPTION_profile_leaks,
     "it counts only with profile_leaks:true"},
};

/* An option that is off asks for nothing. */
static bool is_missed(const struct need *need)
{
    return brkm__option_is_set(need->option) && brkm__option_get(need->option) != 0 &&
           brkm__option_get(need->first) == 0 && brkm__option_get(need->second) == 0;
}

static void complain_of_needs(void)
{
    for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
        if (is_missed(&needs[i])) {
            struct line value = {0};
            brkm__option_add_value(&value, needs[i].option, brkm__option_get(needs[i].option));
            brkm__option_complain(brkm__option_origin(needs[i].option),
                                  brkm__option_rows[needs[i].option].name,
                                  (struct span){value.text, value.length}, needs[i].remedy);
        }
    }
}

/* ---- The settings in force ---- */

static void confirm(void)
{
    for (enum option option = 0; option < OPTION_COUNT; option++) {
        struct line line = {0};
        brkm__line_add_text(&line, "brkmalloc: option ");
        brkm__option_add_setting(&line, option);
        brkm__line_write(&line);
    }
}

/* ---- Help ---- */

/* Letters of a line; of "key:value" in front of the kind of value; in front of the meaning. */
#define HELP_WIDTH 78
#define HELP_KIND 30
#define HELP_MEANING 6

static void add_blanks(struct line *line, size_t column)
{
    do {
        brkm__line_add_text(line, " ");
    } while (line->length < column);
}

/* Bounds that nobody meets are not told. */
static void add_kind(struct line *line, enum option option)
{
    static const char *const kinds[] = {[OPTION_TYPE_FLAG] = "flag",
                                        [OPTION_TYPE_NUMBER] = "number",
                                        [OPTION_TYPE_SIZE] = "size",
                                        [OPTION_TYPE_SIGNAL] = "signal",
                                        [OPTION_TYPE_WORD] = "one of"};
    const struct option_row *row = &brkm__option_rows[option];
    brkm__line_add_text(line, kinds[row->type]);
    for (size_t word = 0; row->words != NULL && word <= row->largest; word++) {
        brkm__line_add_text(line, " ");
        brkm__line_add_text(line, row->words[word]);
    }
    if (row->words == NULL && row->type != OPTION_TYPE_FLAG && row->largest < UINT32_MAX) {
        brkm__line_add_text(line, " up to ");
        brkm__option_add_readable(line, option, row->largest);
    }
}

static void explain_value(enum option option)
{
    const char *source = brkm__option_source(option);
    struct line line = {0};
    brkm__line_add_text(&line, "  ");
    brkm__line_add_text(&line, brkm__option_rows[option].name);
    brkm__line_add_text(&line, ":");
    brkm__option_add_readable(&line, option, brkm__option_get(option));
    add_blanks(&line, HELP_KIND);
    add_kind(&line, option);
    brkm__line_add_text(&line, "; default ");
    brkm__option_add_readable(&line, option, brkm__option_rows[option].standard);
    brkm__line_add_text(&line, source == NULL ? "" : ", set by ");
    brkm__line_add_text(&line, source == NULL ? "" : source);
    brkm__line_write(&line);
}

static void explain_meaning(enum option option)
{
    struct span rest = span_of(brkm__option_rows[option].meaning);
    struct line line = {0};
    add_blanks(&line, HELP_MEANING - 1);
    while (rest.length > 0) {
        struct span word = span_cut(&rest, " ");
        if (line.length + 1 + word.length > HELP_WIDTH) {
            brkm__line_write(&line);
            add_blanks(&line, HELP_MEANING - 1);
        }
        brkm__line_add_text(&line, " ");
        brkm__line_add_span(&line, word.text, word.length);
    }
    brkm__line_write(&line);
}

static void help(void)
{
    struct line line = {0};
    brkm__line_add_text(&line, "brkmalloc: options, as they are set now; BRKMALLOC=KEY:VALUE,... "
                               "sets others, and so does a file that BRKMALLOC_CONF names:");
    brkm__line_write(&line);
    for (enum option option = 0; option < OPTION_COUNT; option++) {
        explain_value(option);
        explain_meaning(option);
    }
}

void brkm__options_tell(void)
{
    complain_of_needs();
    if (brkm__option_get(OPTION_confirm) != 0) {
        confirm();
    }
    if (brkm__option_get(OPTION_help) != 0) {
        help();
    }
}
