/* SPDX-License-Identifier: Apache-2.0 */
/* `cordon replay`: runs a trace and prints what each operation answers. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "run.h"

static const char help[] =
    "usage: cordon replay [--log FILE] [--no-check] FILE\n"
    "\n"
    "Runs the trace in FILE ('-': standard input) on the core in a simulated machine and\n"
    "prints one line for each operation:\n"
    "\n"
    "  ok                       done\n"
    "  ok changed=N skipped=N   done: pages that grant, revoke and clear changed and did not\n"
    "  refused REASON           not done, and nothing has changed\n"
    "  value 0xV                what a read saw\n"
    "  fault                    an access that the tables do not allow\n"
    "\n"
    "  --log FILE   write every table write, barrier, invalidation and lock to FILE\n"
    "  --no-check   do not check the invariants after every operation\n"
    "\n"
    "A trace, one item a line; numbers are decimal or 0x hexadecimal, # starts a comment:\n"
    "\n"
    "  ram BASE SIZE                  RAM; ram and core lines come first\n"
    "  core BASE SIZE                 RAM that belongs to the core\n"
    "  vm ID                          create VM 1 .. 255\n"
    "  host_fault ADDR                the host touched ADDR, which its table does not map\n"
    "  prot_and_map ID ADDR PTE LEVEL give the VM the frame in PTE at guest address ADDR;\n"
    "                                 LEVEL 2: 512 frames, as a 2 MiB block\n"
    "  grant ID ADDR SIZE             the VM lets the host see its memory\n"
    "  revoke ID ADDR SIZE            ... no longer\n"
    "  clear ID PFN NUM               take NUM frames back from the VM, zeroed\n"
    "  map_io ID GPA PA               map a device page into the VM\n"
    "  write WHO ADDR VALUE           64-bit store by the host or VM WHO\n"
    "  read WHO ADDR                  64-bit load\n"
    "  dump                           print who owns and maps what\n"
    "\n"
    "Exit status: 0 the trace ran to its end, refusals included; 1 an invariant failed, and\n"
    "standard error says which; 2 a wrong command line, a malformed trace, or a file that\n"
    "cannot be read or written.\n";

static enum cli_status file_error(const char *path, const char *what)
{
    fflush(stdout);
    fprintf(stderr, "%s: %s: %s\n", path, what, errno ? strerror(errno) : "output error");
    return CLI_BAD;
}

static enum cli_status replay(const char *path, const char *log_path, bool no_check)
{
    static struct lines lines;
    struct run run = { .out = stdout, .no_check = no_check };
    enum cli_status status;

    if (!lines_open(&lines, path)) {
        lines_complain(&lines, LINES_IO);
        return CLI_BAD;
    }
    if (log_path && !(run.log = fopen(log_path, "w"))) {
        lines_close(&lines);
        return file_error(log_path, "the log cannot be written");
    }
    status = run_trace(&run, &lines);
    run_free(&run);
    lines_close(&lines);
    if (run.log) {
        bool failed = ferror(run.log) != 0;

        errno = 0;
        if (fclose(run.log) != 0 || failed)
            return file_error(log_path, "the log cannot be written");
    }
    return status;
}

enum cli_status cmd_replay(int argc, char **argv)
{
    const char *path, *log_path = NULL;
    bool no_check = false;
    const struct cli_option options[] = {
        { "--log", NULL, &log_path },
        { "--no-check", &no_check, NULL },
        { NULL, NULL, NULL },
    };
    enum cli_status status;

    if (!cli_parse(argc, argv, help, options, &path, &status))
        return status;
    return replay(path, log_path, no_check);
}
