/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every subcommand shares: exit statuses, options, and a standard output whose write errors are noticed.
 */
#ifndef CORDON_TOOL_CLI_H
#define CORDON_TOOL_CLI_H

#include <stdbool.h>
#include <stddef.h>

enum cli_status {
    CLI_OK = 0,         /* ran to the end; refusals in a trace are part of it */
    CLI_BROKEN = 1,     /* an invariant failed; a token is not trusted */
    CLI_BAD = 2,        /* a wrong command line, malformed input, or a file that cannot be read or written */
};

/* One option: a flag, or (value not NULL) a name that takes a value. A list ends with a NULL name. */
struct cli_option {
    const char *name;
    bool *flag;
    const char **value;
};

/*
 * Reads the options and the one FILE of a subcommand. Returns false when there is nothing left to do: *status says
 * how it went (--help printed, or a wrong command line that stderr explains).
 */
bool cli_parse(int argc, char **argv, const char *help, const struct cli_option *options, const char **file,
               enum cli_status *status);

/* Closes standard output. A full disk or a closed reader must not look like success: CLI_BAD then. */
enum cli_status cli_finish(enum cli_status status);

/* The subcommands: argv[0] is their name. */
enum cli_status cmd_replay(int argc, char **argv);
enum cli_status cmd_map(int argc, char **argv);
enum cli_status cmd_check(int argc, char **argv);
enum cli_status cmd_measure(int argc, char **argv);
enum cli_status cmd_verify(int argc, char **argv);
enum cli_status cmd_release(int argc, char **argv);

#endif
