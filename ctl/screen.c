/* SPDX-License-Identifier: MIT
 * See screen.h. The control sequences are those that every terminal of the last decades knows
 * (ECMA-48; the alternate screen and the wrapping of lines are xterm's). */
#include "screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define ENTER_PAGE "\033[?1049h\033[?25l\033[?7l"
#define LEAVE_PAGE "\033[?7h\033[?25h\033[?1049l"
#define TO_TOP "\033[H"
#define CLEAR_LINE "\033[K" /* at its start */
#define CLEAR_TO_PAGE_END "\033[J"

/* Of a terminal that does not tell its own. */
#define ROWS_USUAL 24
#define COLUMNS_USUAL 80

static struct termios terminal_before;
static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = interrupt};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

void screen_open(struct screen *screen, bool batch)
{
    screen->is_new = true;
    screen->draws = !batch && isatty(STDOUT_FILENO);
    screen->keys = screen->draws && tcgetattr(STDIN_FILENO, &terminal_before) == 0;
    if (screen->draws) {
        catch_signals();
        fputs(ENTER_PAGE, stdout);
    }
    if (screen->keys) {
        struct termios raw = terminal_before;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
}

void screen_close(const struct screen *screen)
{
    if (screen->keys) {
        tcsetattr(STDIN_FILENO, TCSANOW, &terminal_before);
    }
    if (screen->draws) {
        fputs(LEAVE_PAGE, stdout);
        fflush(stdout);
    }
}

/* ---- Pages ---- */

static struct winsize terminal_size(void)
{
    struct winsize size = {0};
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
    size.ws_row = known && size.ws_row > 0 ? size.ws_row : ROWS_USUAL;
    size.ws_col = known && size.ws_col > 0 ? size.ws_col : COLUMNS_USUAL;
    return size;
}

size_t screen_columns(const struct screen *screen)
{
    return screen->draws ? terminal_size().ws_col : SCREEN_LINE_SIZE - 1;
}

void screen_begin_page(struct screen *screen)
{
    screen->count = 0;
}

void screen_add(struct screen *screen, const char *format, ...)
{
    if (screen->count == SCREEN_LINES) {
        return;
    }
    char *line = screen->lines[screen->count++];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, SCREEN_LINE_SIZE, format, arguments);
    va_end(arguments);
    for (; *line != '\0'; line++) {
        *line = (unsigned char)*line < ' ' || *line == 0x7f ? '?' : *line;
    }
}

/* Bytes of a line, in UTF-8, that fit into so many columns. */
static int bytes_in(const char *line, size_t columns)
{
    size_t bytes = 0;
    for (size_t letters = 0; line[bytes] != '\0'; bytes++) {
        letters += ((unsigned char)line[bytes] & 0xc0) != 0x80;
        if (letters > columns) {
            break;
        }
    }
    return (int)bytes;
}

/* No row ends with a newline but those that another follows, so that nothing ever moves up. */
static void draw_row(const char *line, size_t columns, bool first)
{
    printf("%s" CLEAR_LINE "%.*s", first ? TO_TOP : "\r\n", bytes_in(line, columns), line);
}

/* Draws the first line and, below it, those from the one on that was scrolled to. Where not all fit
 * the last row says so. */
static void draw(struct screen *screen)
{
    struct winsize size = terminal_size();
    size_t rows = size.ws_row;
    size_t most = screen->count > rows ? screen->count - rows : 0;
    screen->scroll = screen->scroll < most ? screen->scroll : most;
    for (size_t row = 0; row < rows && row < screen->count; row++) {
        size_t line = row == 0 ? 0 : row + screen->scroll;
        size_t left = screen->count - line;
        char more[64];
        snprintf(more, sizeof(more), "-- %zu more lines: arrow keys, q --", left);
        bool is_cut = row > 0 && row + 1 == rows && left > 1;
        draw_row(is_cut ? more : screen->lines[line], size.ws_col, row == 0);
    }
    if (screen->count < rows) {
        fputs("\r\n" CLEAR_TO_PAGE_END, stdout);
    }
}

static void print_plain(const struct screen *screen)
{
    if (!screen->is_new) {
        fputc('\n', stdout);
    }
    for (size_t i = 0; i < screen->count; i++) {
        puts(screen->lines[i]);
    }
}

bool screen_show(struct screen *screen)
{
    if (screen->draws) {
        draw(screen);
    } else {
        print_plain(screen);
    }
    screen->is_new = false;
    return fflush(stdout) == 0 && !ferror(stdout);
}

/* ---- Keys ---- */

/* What a key, with the sequences that terminals send for it, does. */
static const struct key {
    const char *text;
    int lines; /* to scroll; PAGE for as many as are shown */
} keys[] = {
#define PAGE 10000
    {"\033[A", -1}, {"\033OA", -1},     {"k", -1},    {"\033[B", 1},     {"\033OB", 1},
    {"j", 1},       {"\033[5~", -PAGE}, {"b", -PAGE}, {"\033[6~", PAGE}, {" ", PAGE},
};

static void scroll(struct screen *screen, int lines)
{
    size_t page = terminal_size().ws_row > 2 ? terminal_size().ws_row - 2u : 1;
    size_t step = lines == PAGE || lines == -PAGE ? page : 1;
    if (lines > 0) {
        screen->scroll += step;
    } else {
        screen->scroll -= step < screen->scroll ? step : screen->scroll;
    }
    screen_show(screen);
}

/* Takes what was typed; true when it was q, or the end of input. */
static bool take_keys(struct screen *screen)
{
    char text[64];
    ssize_t got = read(STDIN_FILENO, text, sizeof(text) - 1);
    if (got <= 0) {
        return got == 0;
    }
    text[got] = '\0';
    for (const char *next = text; *next != '\0'; next++) {
        if (*next == 'q' || *next == 'Q') {
            return true;
        }
        for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
            if (strncmp(next, keys[i].text, strlen(keys[i].text)) == 0) {
                scroll(screen, keys[i].lines);
                next += strlen(keys[i].text) - 1;
                break;
            }
        }
    }
    return false;
}

/* ---- Waiting ---- */

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

bool screen_wait(struct screen *screen, double seconds)
{
    double end = now() + seconds;
    for (;;) {
        double left = end - now();
        if (left <= 0 || interrupted) {
            return !interrupted;
        }
        struct pollfd input = {.fd = screen->keys ? STDIN_FILENO : -1, .events = POLLIN};
        int ready = poll(&input, 1, (int)(left * 1000) + 1);
        if (ready > 0 && take_keys(screen)) {
            return false;
        }
    }
}
