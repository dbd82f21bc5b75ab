/* SPDX-License-Identifier: Apache-2.0 */
/* What the launcher says. */
#include "message.h"

#include "terminal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char *command = "cordon-vmm";
static bool verbose, quiet;

void message_name(const char *name)
{
    command = name;
}

const char *message_command(void)
{
    return command;
}

void message_set(bool is_verbose, bool is_quiet)
{
    verbose = is_verbose;
    quiet = is_quiet;
}

static void say(const char *format, va_list arguments)
{
    char text[512];
    int size = vsnprintf(text, sizeof(text), format, arguments);

    fprintf(stderr, "%s: %s%s\n", command, text, size >= (int)sizeof(text) ? "..." : "");
}

void complain(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
}

void die(const char *format, ...)
{
    va_list arguments;

    terminal_restore();
    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
    exit(STATUS_USAGE);
}

void tell(const char *format, ...)
{
    va_list arguments;

    if (!verbose)
        return;
    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
}

void notice(const char *format, ...)
{
    va_list arguments;

    if (quiet)
        return;
    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
}
