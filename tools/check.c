/* SPDX-License-Identifier: Apache-2.0 */
/* `cordon check`: the invariants after a trace, or in what a replay printed. */
#include <inttypes.h>
#include <stdio.h>

#include "cli.h"
#include "output.h"
#include "run.h"

static const char help[] =
    "usage: cordon check FILE\n"
    "\n"
    "Checks the invariants of memory isolation. FILE ('-': standard input) is either\n"
    "\n"
    "  a trace: it is run, and every invariant is checked after each operation and on the\n"
    "  whole machine at its end; or\n"
    "  the output of 'cordon replay', or of another program that prints the same: what its\n"
    "  dumps show is checked, I1 to I4, and I8 between dumps with no write in between.\n"
    "\n"
    "  I1  the host maps only its own memory, shared memory and devices, as identity\n"
    "  I2  a VM maps only its own frames, at their recorded guest frame number\n"
    "  I3  no frame is mapped by two VMs, nor twice by one\n"
    "  I4  nobody maps the core's frames\n"
    "  I5  device tables map only frames of their owner\n"
    "  I6  no TLB holds what the tables no longer give\n"
    "  I7  table frames form a tree, and all come back\n"
    "  I8  a frame that passes from a VM to the host is zero\n"
    "\n"
    "Each failure is a line 'FILE:LINE: ...' on standard error that names the invariant.\n"
    "\n"
    "Exit status: 0 all hold, 1 one fails, 2 a wrong command line, a malformed FILE, or one\n"
    "that cannot be read.\n";

static enum cli_status check_trace(struct lines *l)
{
    struct run run = { .out = NULL };
    enum cli_status status = run_trace(&run, l);

    if (status == CLI_OK)
        printf("ok: every invariant holds after each of %" PRIu64 " %s\n", run.operations,
               run.operations == 1 ? "operation" : "operations");
    run_free(&run);
    return status;
}

static enum cli_status check(const char *path)
{
    static struct lines lines;
    enum lines_status first;
    enum cli_status status = CLI_BAD;

    if (!lines_open(&lines, path)) {
        lines_complain(&lines, LINES_IO);
        return CLI_BAD;
    }
    first = lines_next(&lines);
    if (first == LINES_END)
        lines_complain(&lines, lines_bad(&lines, "empty file: neither a trace nor the output of a replay"));
    else if (first != LINES_OK)
        lines_complain(&lines, first);
    else {
        lines_unread(&lines);
        status = output_is(&lines) ? output_check(&lines) : check_trace(&lines);
    }
    lines_close(&lines);
    return status;
}

enum cli_status cmd_check(int argc, char **argv)
{
    const struct cli_option options[] = { { NULL, NULL, NULL } };
    const char *path;
    enum cli_status status;

    if (!cli_parse(argc, argv, help, options, &path, &status))
        return status;
    return check(path);
}
