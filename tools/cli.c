/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static enum cli_status usage_error(const char *command, const char *what, const char *which)
{
    fprintf(stderr, "cordon %s: %s%s%s%s; see 'cordon %s --help'\n", command, what, which ? " '" : "",
            which ? which : "", which ? "'" : "", command);
    return CLI_BAD;
}

static const struct cli_option *find(const struct cli_option *options, const char *arg, size_t length)
{
    for (; options->name; options++) {
        if (strlen(options->name) == length && memcmp(options->name, arg, length) == 0)
            return options;
    }
    return NULL;
}

/* Takes argv[*i], an option, and its value, which may be the next argument or follow a '='. */
static bool take_option(int argc, char **argv, int *i, const struct cli_option *options, enum cli_status *status)
{
    const char *arg = argv[*i];
    const char *equals = strchr(arg, '=');
    const struct cli_option *o = find(options, arg, equals ? (size_t)(equals - arg) : strlen(arg));

    if (!o || (equals && !o->value)) {
        *status = usage_error(argv[0], "unknown option", arg);
        return false;
    }
    if (!o->value) {
        *o->flag = true;
        return true;
    }
    if (!equals && *i + 1 >= argc) {
        *status = usage_error(argv[0], "no file name after", arg);
        return false;
    }
    *o->value = equals ? equals + 1 : argv[++*i];
    return true;
}

bool cli_parse(int argc, char **argv, const char *help, const struct cli_option *options, const char **file,
               enum cli_status *status)
{
    bool only_files = false;

    *file = NULL;
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];

        if (!only_files && (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0)) {
            fputs(help, stdout);
            *status = CLI_OK;
            return false;
        }
        if (!only_files && strcmp(arg, "--") == 0) {
            only_files = true;
        } else if (!only_files && arg[0] == '-' && arg[1] != '\0') {
            if (!take_option(argc, argv, &i, options, status))
                return false;
        } else if (*file) {
            *status = usage_error(argv[0], "one FILE only, and here is another:", arg);
            return false;
        } else {
            *file = arg;
        }
    }
    if (!*file)
        *status = usage_error(argv[0], "no FILE given ('-' is standard input)", NULL);
    return *file != NULL;
}

enum cli_status cli_finish(enum cli_status status)
{
    bool failed = ferror(stdout) != 0;

    errno = 0;
    if (fclose(stdout) != 0 || failed) {
        fprintf(stderr, "cordon: cannot write standard output: %s\n",
                errno ? strerror(errno) : "an earlier write failed; is the disk full?");
        return CLI_BAD;
    }
    return status;
}
