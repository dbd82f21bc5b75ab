/* SPDX-License-Identifier: Apache-2.0 */
/* Standard input as a terminal, raw while a guest has it, and standard output. */
#include "terminal.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <termios.h>
#include <unistd.h>

/* A signal handler restores the terminal. */
static struct termios before;
static volatile bool raw;

void terminal_restore(void)
{
    if (raw) {
        raw = false;
        tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
    }
}

void terminal_make_raw(void)
{
    struct termios now;

    if (tcgetpgrp(STDIN_FILENO) != getpgrp() || tcgetattr(STDIN_FILENO, &before))
        return;                     /* in the background the terminal is another's */
    now = before;
    cfmakeraw(&now);
    now.c_oflag = before.c_oflag;
    raw = true;
    tcsetattr(STDIN_FILENO, TCSANOW, &now);
}

void terminal_print(const char *text, size_t size)
{
    while (size) {
        ssize_t done = write(STDOUT_FILENO, text, size);

        if (done < 0 && errno == EAGAIN) {
            struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };

            poll(&out, 1, 100);
            continue;
        }
        if (done < 0 && errno != EINTR)
            return;                 /* nobody reads it: the guest goes on */
        if (done > 0) {
            text += done;
            size -= (size_t)done;
        }
    }
}
