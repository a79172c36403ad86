/* SPDX-License-Identifier: MIT
 * See map_terminal.h. A character is two cells, one above the other: a half block in two colours.
 * Where colours are not wanted, or nobody draws, letters say how full a cell is. */
#include "map_terminal.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "../profile/text.h"
#include "map_picture.h"

#define ENTER_PAGE "\033[?1049h\033[?25l"
#define LEAVE_PAGE "\033[0m\033[?25h\033[?1049l"
#define TO_TOP "\033[H"
#define CLEAR_LINE "\033[K"
#define NO_COLOUR "\033[0m"
#define HALF_BLOCK "\u2580"

/* Lines beside the map: the heading, the range and the keys. */
#define LINES_BESIDE 3

/* Of what is not a terminal, or does not tell. */
#define COLUMNS_USUAL 80
#define ROWS_USUAL 24

static const struct colour outside = {0, 0, 0};
static const struct colour hole = {58, 62, 70};

enum depth { DEPTH_LETTERS, DEPTH_256, DEPTH_FULL };

struct terminal {
    struct map_view *view;
    const char *title;
    struct map_source *source;
    time_t taken; /* the snapshot of a process */
    double due;   /* seconds, as `now` counts them: the next one */
    enum depth depth;
    bool draws;
    uint32_t columns;
    uint32_t rows;     /* of characters */
    size_t site_count; /* rows of the legend by call site */
    struct map_site_row sites[MAP_SITE_RANKS];
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static struct termios terminal_before;
static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
    interrupted = number != SIGWINCH || interrupted;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = interrupt};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    sigaction(SIGWINCH, &action, NULL);
}

static enum depth depth_wanted(bool draws)
{
    const char *none = getenv("NO_COLOR");
    const char *full = getenv("COLORTERM");
    if (!draws || (none != NULL && none[0] != '\0')) {
        return DEPTH_LETTERS;
    }
    return full != NULL && (strcmp(full, "truecolor") == 0 || strcmp(full, "24bit") == 0)
               ? DEPTH_FULL
               : DEPTH_256;
}

/* ---- Drawing ---- */

/* The largest, in a third of the window at most. */
static void fit_sites(struct terminal *terminal, uint32_t rows)
{
    bool is_by_site = terminal->view->colouring == BY_SITE;
    size_t count = is_by_site ? map_view_site_rows(terminal->view, terminal->sites) : 0;
    bool has_room = !terminal->draws || count < rows / 3;
    terminal->site_count = has_room ? count : rows / 3;
}

static void fit(struct terminal *terminal)
{
    struct winsize size = {0};
    bool known = terminal->draws && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
    terminal->columns = known && size.ws_col > 0 ? size.ws_col : COLUMNS_USUAL;
    uint32_t rows = known && size.ws_row > 0 ? size.ws_row : ROWS_USUAL;
    fit_sites(terminal, rows);
    uint32_t beside = LINES_BESIDE + (uint32_t)terminal->site_count;
    terminal->rows = rows > beside ? rows - beside : 1;
    uint32_t cells = terminal->depth == DEPTH_LETTERS ? terminal->rows : terminal->rows * 2;
    if (terminal->view->columns != terminal->columns || terminal->view->rows != cells) {
        map_view_resize(terminal->view, terminal->columns, cells);
    }
}

/* Of the cube of 6 by 6 by 6 colours. */
static unsigned cube_index(struct colour colour)
{
    return 16u + 36u * ((colour.red + 25u) / 51) + 6u * ((colour.green + 25u) / 51) +
           (colour.blue + 25u) / 51;
}

static void add_colour(struct text *text, enum depth depth, bool is_ground, struct colour colour)
{
    if (depth == DEPTH_FULL) {
        text_format(text, "\033[%d;2;%d;%d;%dm", is_ground ? 48 : 38, colour.red, colour.green,
                    colour.blue);
    } else {
        text_format(text, "\033[%d;5;%um", is_ground ? 48 : 38, cube_index(colour));
    }
}

static const struct cell *cell_at(const struct map_view *view, uint32_t row, uint32_t column)
{
    return &view->cells[(size_t)row * view->columns + column];
}

static void add_colour_row(struct text *text, const struct terminal *terminal, uint32_t row)
{
    for (uint32_t column = 0; column < terminal->columns; column++) {
        const struct map_view *view = terminal->view;
        add_colour(text, terminal->depth, false,
                   map_cell_colour(cell_at(view, row * 2, column), hole, outside));
        add_colour(text, terminal->depth, true,
                   map_cell_colour(cell_at(view, row * 2 + 1, column), hole, outside));
        text_add(text, HALF_BLOCK);
    }
    text_add(text, NO_COLOUR);
}

/* '.' for nothing, digits for tenths, '#' for all. */
static void add_letter_row(struct text *text, const struct terminal *terminal, uint32_t row)
{
    for (uint32_t column = 0; column < terminal->columns; column++) {
        const struct cell *cell = cell_at(terminal->view, row, column);
        int tenths = (int)(cell->live * 10);
        text_add_character(text, !cell->is_inside     ? ' '
                                 : cell->live <= 0    ? '.'
                                 : cell->live > 0.99f ? '#'
                                                      : (char)('0' + tenths));
    }
}

/* A line of words, cut to the terminal, of which so many columns are taken. */
static void add_narrow_line(struct text *page, const struct terminal *terminal,
                            const struct text *line, uint32_t taken)
{
    struct text clean = {.bytes = NULL};
    text_clear(&clean);
    text_add_clean(&clean, line->bytes);
    size_t bytes = 0;
    for (size_t letters = 0; clean.bytes[bytes] != '\0'; bytes++) {
        letters += ((unsigned char)clean.bytes[bytes] & 0xc0) != 0x80;
        if (letters + taken > terminal->columns && terminal->draws) {
            break;
        }
    }
    text_add_bytes(page, clean.bytes, bytes);
    text_add(page, terminal->draws ? CLEAR_LINE "\r\n" : "\n");
    text_free(&clean);
}

static void add_line(struct text *page, const struct terminal *terminal, const struct text *line)
{
    add_narrow_line(page, terminal, line, 0);
}

/* When it was taken, and why there is no newer one. */
static void add_taken(struct text *line, const struct terminal *terminal)
{
    char clock[16];
    struct tm parts;
    if (terminal->source->asker != NULL && localtime_r(&terminal->taken, &parts) != NULL &&
        strftime(clock, sizeof(clock), "%H:%M:%S", &parts) != 0) {
        text_format(line, ", %s", clock);
    }
    if (terminal->source->problem[0] != '\0') {
        text_format(line, "; no newer one: %s", terminal->source->problem);
    }
}

static void add_heading(struct text *page, const struct terminal *terminal)
{
    const struct map_file *file = terminal->view->file;
    char number[NUMBER_SIZE];
    struct text line = {.bytes = NULL};
    text_format(&line, "%s: %s %s", terminal->title,
                number_of(number, file->live_bytes[terminal->view->moment], 1),
                file->is_trace ? "live" : "used");
    if (file->is_trace) {
        text_format(&line, ", moment %" PRIu32 " of %" PRIu32 " (%.3f s)",
                    terminal->view->moment + 1, file->moments,
                    file->seconds[terminal->view->moment]);
    }
    add_taken(&line, terminal);
    add_line(page, terminal, &line);
    text_free(&line);
}

static void add_range(struct text *page, const struct terminal *terminal)
{
    const struct map_view *view = terminal->view;
    char number[NUMBER_SIZE];
    struct text line = {.bytes = NULL};
    uint64_t end = view->start + view->row_bytes * view->rows;
    end = end < view->total ? end : view->total;
    text_format(&line, "%#" PRIx64 " to %#" PRIx64 ", %s a row; ",
                map_view_address(view, view->start), map_view_address(view, end - 1),
                number_of(number, view->row_bytes, 1));
    if (terminal->depth == DEPTH_LETTERS) {
        text_add(&line, "'.' free, 0 to 9 tenths covered by blocks, '#' full");
    } else {
        map_add_legend(&line, view);
    }
    add_line(page, terminal, &line);
    text_free(&line);
}

/* A line for each, with its colour in front where there are colours. */
static void add_sites(struct text *page, const struct terminal *terminal)
{
    for (size_t i = 0; i < terminal->site_count; i++) {
        const struct map_site_row *row = &terminal->sites[i];
        char number[NUMBER_SIZE];
        struct text line = {.bytes = NULL};
        if (terminal->depth != DEPTH_LETTERS) {
            add_colour(page, terminal->depth, true, row->colour);
            text_add(page, "  " NO_COLOUR);
        }
        text_format(&line, " %10s  %s", number_of(number, row->bytes, 1), row->name);
        add_narrow_line(page, terminal, &line, terminal->depth == DEPTH_LETTERS ? 0 : 2);
        text_free(&line);
    }
}

static void make_page(struct text *page, struct terminal *terminal)
{
    fit(terminal);
    map_view_fill(terminal->view);
    text_add(page, terminal->draws ? TO_TOP : "");
    add_heading(page, terminal);
    for (uint32_t row = 0; row < terminal->rows; row++) {
        if (terminal->depth == DEPTH_LETTERS) {
            add_letter_row(page, terminal, row);
        } else {
            add_colour_row(page, terminal, row);
        }
        text_add(page, terminal->draws ? "\r\n" : "\n");
    }
    add_sites(page, terminal);
    add_range(page, terminal);
}

static bool show(struct terminal *terminal)
{
    struct text page = {.bytes = NULL};
    make_page(&page, terminal);
    if (terminal->draws) {
        page.length -= strlen("\r\n"); /* the keys follow on the last line */
        text_add(&page, "\r\n+ - zoom  arrows move  [ ] time  c colours  0 all  ");
        text_add(&page, terminal->source->asker != NULL ? "r renew  q end" : "q end");
        text_add(&page, CLEAR_LINE);
    }
    fwrite(page.bytes, 1, page.length, stdout);
    text_free(&page);
    return fflush(stdout) == 0 && !ferror(stdout);
}

/* ---- Keys ---- */

static void step_moment(struct map_view *view, int64_t moments)
{
    int64_t moment = (int64_t)view->moment + moments;
    int64_t last = (int64_t)view->file->moments - 1;
    view->moment = (uint32_t)(moment < 0 ? 0 : moment > last ? last : moment);
}

static void next_colouring(struct map_view *view)
{
    static const enum colouring of_traces[] = {BY_SIZE, BY_SIZE, BY_THREAD, BY_SITE, BY_AGE};
    static const enum colouring of_snapshots[] = {BY_SIZE, BY_STATE, BY_SITE, BY_SITE, BY_STATE};
    const enum colouring *next = view->file->is_trace ? of_traces : of_snapshots;
    view->colouring = next[view->colouring];
    if (view->colouring == BY_SITE && view->file->sites.count == 0) {
        view->colouring = next[BY_SITE];
    }
}

/* The next snapshot of a process. */
static void renew(struct terminal *terminal)
{
    if (terminal->source->asker == NULL) {
        return;
    }
    if (map_source_renew(terminal->source)) {
        map_view_replace(terminal->view, map_source_file(terminal->source));
        terminal->taken = time(NULL);
    }
    terminal->due = now() + (double)terminal->source->seconds;
}

static void act(struct terminal *terminal, char key)
{
    struct map_view *view = terminal->view;
    int page = (int)view->rows / 2;
    switch (key) {
    case '+':
    case '=':
        map_view_zoom(view, true);
        break;
    case '-':
        map_view_zoom(view, false);
        break;
    case '0':
        map_view_show_all(view);
        break;
    case 'k':
    case 'j':
        map_view_move(view, key == 'k' ? -2 : 2);
        break;
    case 'b':
    case ' ':
        map_view_move(view, key == 'b' ? -page : page);
        break;
    case '[':
    case ']':
        step_moment(view, (key == '[' ? -1 : 1) * (int64_t)(1 + view->file->moments / 64));
        break;
    case 'c':
        next_colouring(view);
        break;
    case 'r':
        renew(terminal);
        break;
    default:
        break;
    }
}

/* The letter for a sequence that a terminal sends for a key; its length is stored. */
static char key_of(const char *text, size_t *length)
{
    static const char *const sequences[][2] = {
        {"\033[A", "k"}, {"\033OA", "k"}, {"\033[B", "j"}, {"\033OB", "j"},  {"\033[D", "["},
        {"\033OD", "["}, {"\033[C", "]"}, {"\033OC", "]"}, {"\033[5~", "b"}, {"\033[6~", " "}};
    for (size_t i = 0; i < sizeof(sequences) / sizeof(sequences[0]); i++) {
        *length = strlen(sequences[i][0]);
        if (strncmp(text, sequences[i][0], *length) == 0) {
            return sequences[i][1][0];
        }
    }
    *length = 1;
    return text[0];
}

/* Milliseconds to the next snapshot; negative: for ever. */
static int patience(const struct terminal *terminal)
{
    double left = terminal->due - now();
    return terminal->source->seconds == 0 ? -1 : left <= 0 ? 0 : (int)(left * 1000) + 1;
}

/* Waits for keys, or for the time of the next snapshot; false when the user is done. */
static bool take_keys(struct terminal *terminal)
{
    char text[64];
    struct pollfd keys = {.fd = STDIN_FILENO, .events = POLLIN};
    int found = poll(&keys, 1, patience(terminal));
    if (found == 0) {
        renew(terminal);
    }
    if (found <= 0) {
        return found == 0 || (errno == EINTR && !interrupted);
    }
    ssize_t got = read(STDIN_FILENO, text, sizeof(text) - 1);
    if (got < 0) {
        return errno == EINTR && !interrupted;
    }
    text[got] = '\0';
    size_t length;
    for (const char *next = text; *next != '\0'; next += length) {
        char key = key_of(next, &length);
        if (key == 'q' || key == 'Q' || key == 4) {
            return false;
        }
        act(terminal, key);
    }
    return got > 0;
}

static bool run(struct terminal *terminal)
{
    bool shown;
    do {
        shown = show(terminal);
    } while (shown && !interrupted && take_keys(terminal));
    return shown;
}

/* Without a terminal: once, or each time that one is due. */
static bool print(struct terminal *terminal)
{
    bool shown = show(terminal);
    while (shown && terminal->source->seconds != 0 && terminal->source->problem[0] == '\0') {
        int left = patience(terminal);
        if (left > 0) {
            poll(NULL, 0, left);
        }
        renew(terminal);
        shown = show(terminal);
    }
    return shown;
}

bool map_terminal_run(struct map_view *view, const char *title, struct map_source *source)
{
    struct terminal terminal = {
        .view = view, .title = title, .source = source, .taken = time(NULL)};
    terminal.due = now() + (double)source->seconds;
    terminal.draws = isatty(STDOUT_FILENO) && tcgetattr(STDIN_FILENO, &terminal_before) == 0;
    terminal.depth = depth_wanted(terminal.draws);
    if (!terminal.draws) {
        return print(&terminal);
    }
    struct termios raw = terminal_before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    catch_signals();
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    fputs(ENTER_PAGE, stdout);
    bool done = run(&terminal);
    tcsetattr(STDIN_FILENO, TCSANOW, &terminal_before);
    fputs(LEAVE_PAGE, stdout);
    return fflush(stdout) == 0 && done;
}
