/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cordon-unlock: opens a guest's encrypted disk with a key that the guest's owner sends it (docs/ATTESTATION.md, "A disk's key").
 *
 * The guest's own key is made here, from the kernel's random numbers, and ends with this process: its public part goes into the last
 * of the guest's own measurements, and so into the token. Who sends what comes back is the host; what opens it is the private key alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypt.h"

#define NONCE 64
#define OF_THE_KEY 3            /* which of the guest's measurements it is in */
#define MOST_TOKEN 0x4000
#define LINE 1024

static const char help[] =
    "usage: cordon-unlock NONCE DISK NAME\n"
    "\n"
    "Opens an encrypted DISK as /dev/mapper/NAME, with a key from the guest's owner. NONCE: the owner's 128 hexadecimal digits.\n"
    "Prints two lines for the owner, 'key HEX' and 'token BASE64', and waits for one, 'sealed BASE64': what 'cordon release' has\n"
    "made of them. One that cannot be opened is told, and the next line is read; 'refused', or the end of input, ends it. Once in a guest's\n"
    "life: its measurement is of one key.\n"
    "\n"
    "Exit status: 0 the disk is open, 1 it is not, 2 wrong arguments.\n";

struct keys {
    uint8_t secret[crypto_box_SECRETKEYBYTES];
    uint8_t public[crypto_box_PUBLICKEYBYTES];
    uint8_t disk[CRYPT_KEY];
};

static int fail(const char *what)
{
    printf("not opened: %s: %s\n", what, strerror(errno));
    return EXIT_FAILURE;
}

/* All of it in one write, as these devices want it. */
static int write_device(const char *path, const void *data, size_t size)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t n;
    int error;

    if (fd < 0)
        return -1;
    n = write(fd, data, size);
    error = errno;
    close(fd);
    errno = error;
    return n == (ssize_t)size ? 0 : -1;
}

/* The answer to a request of a token; its size, or -1. */
static ssize_t read_token(uint8_t *token)
{
    int fd = open("/dev/cordon-token", O_RDONLY | O_CLOEXEC);
    ssize_t n, size = 0;
    int error;

    if (fd < 0)
        return -1;
    while ((n = read(fd, token + size, MOST_TOKEN - (size_t)size)) > 0)
        size += n;
    error = errno;
    close(fd);
    errno = error;
    return n < 0 ? -1 : size;
}

/* The token speaks of the key: that is measured first. NULL, or what could not be done. */
static const char *ask(const uint8_t nonce[NONCE], const uint8_t *public)
{
    static uint8_t token[MOST_TOKEN];
    static char text[2 * MOST_TOKEN];
    uint8_t extension[1 + crypto_box_PUBLICKEYBYTES] = { OF_THE_KEY };
    char digits[2 * crypto_box_PUBLICKEYBYTES + 1];
    ssize_t size;

    memcpy(extension + 1, public, crypto_box_PUBLICKEYBYTES);
    if (write_device("/dev/cordon-extend", extension, sizeof extension) != 0)
        return "the key cannot be measured";
    if (write_device("/dev/cordon-token", nonce, NONCE) != 0 || (size = read_token(token)) < 0)
        return "there is no token";
    sodium_bin2hex(digits, sizeof digits, public, crypto_box_PUBLICKEYBYTES);
    sodium_bin2base64(text, sizeof text, token, (size_t)size, sodium_base64_VARIANT_ORIGINAL);
    printf("key %s\ntoken %s\n", digits, text);
    fflush(stdout);
    return NULL;
}

/* Whether a line has the disk's key, for us. */
static int take(const char *line, struct keys *k)
{
    uint8_t sealed[LINE];
    size_t size;

    return strncmp(line, "sealed ", 7) == 0 &&
           sodium_base642bin(sealed, sizeof sealed, line + 7, strlen(line + 7), " \r\n", &size, NULL, sodium_base64_VARIANT_ORIGINAL) == 0 &&
           size == CRYPT_KEY + crypto_box_SEALBYTES && crypto_box_seal_open(k->disk, sealed, size, k->public, k->secret) == 0;
}

static int wait_for_key(struct keys *k)
{
    char line[LINE];

    while (fgets(line, sizeof line, stdin) && strncmp(line, "refused", 7) != 0) {
        if (take(line, k))
            return 0;
        puts("not opened: what was sent is not sealed to this guest's key, or was changed");
        fflush(stdout);
    }
    return -1;
}

static int unlock(const uint8_t nonce[NONCE], const char *disk, const char *name, struct keys *k)
{
    const char *why;

    if (crypto_box_keypair(k->public, k->secret) != 0)
        return fail("no key can be made");
    why = ask(nonce, k->public);
    if (why != NULL)
        return fail(why);
    if (wait_for_key(k) != 0) {
        puts("not opened: the owner has sent no key");
        return EXIT_FAILURE;
    }
    why = crypt_open(name, disk, k->disk);
    if (why != NULL)
        return fail(why);
    printf("opened /dev/mapper/%s\n", name);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    uint8_t nonce[NONCE];
    struct keys *k;
    size_t size;
    int status;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(help, stdout);
        return EXIT_SUCCESS;
    }
    if (argc != 4 || sodium_hex2bin(nonce, sizeof nonce, argv[1], strlen(argv[1]), NULL, &size, NULL) != 0 || size != NONCE ||
        strlen(argv[1]) != 2 * NONCE) {
        fputs(help, stderr);
        return 2;
    }
    k = sodium_init() < 0 ? NULL : sodium_malloc(sizeof *k);     /* not swapped, not dumped, wiped at the end */
    if (k == NULL)
        return fail("no memory for keys");
    status = unlock(nonce, argv[2], argv[3], k);
    sodium_free(k);
    return status;
}
