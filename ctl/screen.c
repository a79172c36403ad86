/* SPDX-License-Identifier: MIT
 * See screen.h. The control sequences are those that every terminal of the last decades knows
 * (ECMA-48; the alternate screen is xterm's). */
#include "screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define ENTER_PAGE "\033[?1049h\033[?25l"
#define LEAVE_PAGE "\033[?25h\033[?1049l"
#define TO_TOP "\033[H"
#define CLEAR_TO_LINE_END "\033[K"
#define CLEAR_TO_PAGE_END "\033[J"

#define LINES_WITHOUT_SCREEN 40

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

void screen_begin_page(const struct screen *screen, bool first)
{
    if (screen->draws) {
        fputs(TO_TOP, stdout);
    } else if (!first) {
        fputc('\n', stdout);
    }
}

void screen_end_line(const struct screen *screen)
{
    fputs(screen->draws ? CLEAR_TO_LINE_END "\n" : "\n", stdout);
}

bool screen_end_page(const struct screen *screen)
{
    if (screen->draws) {
        fputs(CLEAR_TO_PAGE_END, stdout);
    }
    return fflush(stdout) == 0 && !ferror(stdout);
}

int screen_lines(const struct screen *screen)
{
    struct winsize size;
    bool known = screen->draws && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0;
    return known ? size.ws_row - 1 : LINES_WITHOUT_SCREEN;
}

/* ---- Waiting ---- */

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static bool wants_to_quit(void)
{
    char key;
    ssize_t got = read(STDIN_FILENO, &key, 1);
    return got == 0 || (got == 1 && (key == 'q' || key == 'Q'));
}

bool screen_wait(const struct screen *screen, double seconds)
{
    double end = now() + seconds;
    for (;;) {
        double left = end - now();
        if (left <= 0 || interrupted) {
            return !interrupted;
        }
        struct pollfd input = {.fd = screen->keys ? STDIN_FILENO : -1, .events = POLLIN};
        int ready = poll(&input, 1, (int)(left * 1000) + 1);
        if (ready > 0 && wants_to_quit()) {
            return false;
        }
    }
}
