/* SPDX-License-Identifier: Apache-2.0 */
/* The `cordon` command: picks the subcommand. */
#include <stdio.h>
#include <string.h>

#include "cli.h"

#ifndef CORDON_VERSION
#define CORDON_VERSION "0.1.0"
#endif

static const char help[] =
    "usage: cordon COMMAND [OPTION...] [FILE]\n"
    "\n"
    "Runs hypervisor memory operations on the Cordon core in a simulated machine.\n"
    "\n"
    "  replay FILE   run a trace, print what each operation answers\n"
    "  map FILE      run a trace, draw who owns which memory afterwards\n"
    "  check FILE    check the invariants after a trace, or in the output of a replay\n"
    "  measure       the measurement of a VM that cordon-vmm starts, without a machine\n"
    "  verify TOKEN  whether an attestation token can be trusted\n"
    "  release TOKEN a secret for the guest alone whose token is trusted\n"
    "\n"
    "  cordon COMMAND --help   what a command takes\n"
    "  cordon --version        the version\n"
    "\n"
    "FILE may be '-', standard input. A trace in three lines:\n"
    "\n"
    "  ram 0x40000000 0x8000000               # 128 MiB\n"
    "  vm 1                                   # create VM 1\n"
    "  prot_and_map 1 0x0 0x40200000 2        # give it 2 MiB at guest address 0\n"
    "\n"
    "Exit status: 0 done, 1 an invariant failed or a token is not trusted, 2 a wrong command line, a malformed\n"
    "FILE, or a file that cannot be read or written.\n";

static const struct {
    const char *name;
    enum cli_status (*run)(int argc, char **argv);
} commands[] = {
    { "replay", cmd_replay },
    { "map", cmd_map },
    { "check", cmd_check },
    { "measure", cmd_measure },
    { "verify", cmd_verify },
    { "release", cmd_release },
};

static enum cli_status dispatch(int argc, char **argv)
{
    if (argc < 2) {
        fputs(help, stderr);
        return CLI_BAD;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        fputs(help, stdout);
        return CLI_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("cordon " CORDON_VERSION);
        return CLI_OK;
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    }
    fprintf(stderr, "cordon: no command '%s': use replay, map, check, measure, verify or release; see 'cordon --help'\n", argv[1]);
    return CLI_BAD;
}

int main(int argc, char **argv)
{
    return (int)cli_finish(dispatch(argc, argv));
}
