/* SPDX-License-Identifier: Apache-2.0 */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE
#endif
#include "terminal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROGRESS_STEP 50000

unsigned terminal_width(void)
{
    struct winsize size;

    if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 80;
}

bool terminal_colour(void)
{
    const char *no_colour = getenv("NO_COLOR");
    const char *term = getenv("TERM");

    return isatty(STDOUT_FILENO) && !(no_colour && *no_colour) && !(term && strcmp(term, "dumb") == 0);
}

struct progress progress_start(FILE *input)
{
    struct progress p = { .on = isatty(STDERR_FILENO), .next = PROGRESS_STEP };
    struct stat st;

    if (fstat(fileno(input), &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
        p.size = (uint64_t)st.st_size;
    return p;
}

void progress_show(struct progress *p, uint64_t operations, uint64_t bytes)
{
    if (!p->on || operations < p->next)
        return;
    p->next = operations + PROGRESS_STEP;
    p->shown = true;
    if (p->size > 0)
        fprintf(stderr, "\r%3" PRIu64 " %%, ", bytes < p->size ? bytes * 100 / p->size : 100);
    else
        fputc('\r', stderr);
    fprintf(stderr, "%" PRIu64 " operations", operations);
    fflush(stderr);
}

void progress_end(struct progress *p)
{
    if (p->shown)
        fputs("\r\033[K", stderr);
}
