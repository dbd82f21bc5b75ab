/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a command on a terminal of its own: waits until it has printed a text, looks whether the terminal is raw, types,
 * copies what the command prints, and looks whether it leaves the terminal as it was.
 *
 *   on_terminal TEXT KEYS COMMAND [ARGUMENT...]       ^A in KEYS is Ctrl-a, ^M the return key, ~ a pause
 */
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

static int is_raw(int terminal)
{
    struct termios now;

    return tcgetattr(terminal, &now) == 0 && !(now.c_lflag & (ICANON | ECHO));
}

/* What the command has printed so far. */
static char seen[65536];
static size_t size;

/* Copies what comes within some time; whether anything came. */
static int copy(int terminal, long us)
{
    struct timeval wait = { .tv_usec = us };
    ssize_t n;
    fd_set set;

    FD_ZERO(&set);
    FD_SET(terminal, &set);
    if (select(terminal + 1, &set, NULL, NULL, &wait) <= 0 || size == sizeof(seen) - 1)
        return 0;
    n = read(terminal, seen + size, sizeof(seen) - 1 - size);
    if (n <= 0)
        return 0;
    fwrite(seen + size, 1, (size_t)n, stdout);
    size += (size_t)n;
    return 1;
}

static void type(int terminal, const char *keys)
{
    for (; *keys; keys++) {
        char key = *keys;

        if (key == '~') {
            for (int i = 0; i < 20; i++)
                if (!copy(terminal, 100000))
                    usleep(100000);
            continue;
        }
        if (key == '^' && keys[1])
            key = (char)(*++keys & 0x1f);
        if (write(terminal, &key, 1) != 1)
            exit(2);
    }
}

int main(int argc, char **argv)
{
    int terminal, other, status;
    int typed = 0;
    pid_t child;

    if (argc < 4 || openpty(&terminal, &other, NULL, NULL, NULL))
        return 2;
    child = fork();
    if (child == 0) {
        close(terminal);
        login_tty(dup(other));
        close(other);
        execv(argv[3], argv + 3);
        _exit(2);
    }
    while (waitpid(child, &status, WNOHANG) == 0) {
        copy(terminal, 100000);
        if (typed || !strstr(seen, argv[1]))
            continue;
        printf("\nterminal: %s\n", is_raw(terminal) ? "raw" : "not raw");
        type(terminal, argv[2]);
        typed = 1;
    }
    while (copy(terminal, 0))
        ;
    printf("\nterminal: %s afterwards; exit status %d\n", is_raw(terminal) ? "raw" : "as before", WEXITSTATUS(status));
    return 0;
}
