/* SPDX-License-Identifier: Apache-2.0 */
/* The command line. */
#include "options.h"

#include "machine.h"
#include "message.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef CORDON_VERSION
#define CORDON_VERSION "unknown"
#endif

#define KEEPER_MEMORY (2 * BLOCK)

/* A number with an optional K, M or G behind it; false when it is none, or too large for 64 bits. */
static bool read_size(const char *text, uint64_t *size)
{
    static const char units[] = "KMG";
    unsigned shift = 0;
    char *end;

    errno = 0;
    *size = strtoull(text, &end, 0);
    if (errno || end == text || text[0] == '-')
        return false;
    if (*end) {
        const char *unit = strchr(units, *end & ~0x20);

        if (!unit || end[1])
            return false;
        shift = 10 * (unsigned)(unit - units + 1);
    }
    if (*size > UINT64_MAX >> shift)
        return false;
    *size <<= shift;
    return true;
}

static uint64_t memory_size(const char *option, const char *text)
{
    uint64_t size;

    if (!read_size(text, &size))
        die("%s %s: not a size; give one like 192M or 1G", option, text);
    if (size % BLOCK || size == 0)
        die("%s %s: not a multiple of 2M", option, text);
    return size;
}

/* Bytes as hexadecimal digits, exactly so many. */
static void read_hex(const char *option, const char *text, unsigned size, uint8_t *bytes)
{
    if (strlen(text) != 2 * size || strspn(text, "0123456789abcdefABCDEF") != 2 * size)
        die("%s %s: not %u hexadecimal digits", option, text, 2 * size);
    for (unsigned i = 0; i < size; i++) {
        char two[3] = { text[2 * i], text[2 * i + 1], 0 };

        bytes[i] = (uint8_t)strtoul(two, NULL, 16);
    }
}

static unsigned cpu_number(const char *text)
{
    uint64_t n;

    if (!read_size(text, &n) || n == 0 || n > CPUS_MAX)
        die("--cpus %s: not a number from 1 to %u", text, CPUS_MAX);
    return (unsigned)n;
}

enum {
    KERNEL = 1, KEEPER, INITRD, APPEND, DISK, NET, SERIAL, CONSOLE, RNG, DEVICE, MEM, DMA_POOL, CPUS, PERSONAL, RANDOM, DUMP_DTB, TEST_CALLS, QUIET,
    VERBOSE, HELP, VERSION
};

static const struct option names[] = {
    { "kernel", required_argument, NULL, KERNEL },
    { "keeper", required_argument, NULL, KEEPER },
    { "initrd", required_argument, NULL, INITRD },
    { "append", required_argument, NULL, APPEND },
    { "disk", required_argument, NULL, DISK },
    { "net", required_argument, NULL, NET },
    { "serial", required_argument, NULL, SERIAL },
    { "console", required_argument, NULL, CONSOLE },
    { "rng", no_argument, NULL, RNG },
    { "device", required_argument, NULL, DEVICE },
    { "mem", required_argument, NULL, MEM },
    { "dma-pool", required_argument, NULL, DMA_POOL },
    { "cpus", required_argument, NULL, CPUS },
    { "personal", required_argument, NULL, PERSONAL },
    { "random", no_argument, NULL, RANDOM },
    { "dump-dtb", required_argument, NULL, DUMP_DTB },
    { "test-calls", no_argument, NULL, TEST_CALLS },
    { "quiet", no_argument, NULL, QUIET },
    { "verbose", no_argument, NULL, VERBOSE },
    { "help", no_argument, NULL, HELP },
    { "version", no_argument, NULL, VERSION },
    { NULL, 0, NULL, 0 },
};

static void print_and_leave(const char *text, const char *more)
{
    if (printf("%s%s", text, more) < 0 || fflush(stdout))
        die("cannot write to standard output: %s", strerror(errno));
    exit(STATUS_OK);
}

static void add_disk(struct options *o, const char *text)
{
    if (o->disks == DISKS_MAX)
        die("--disk %s: more than %u disks", text, DISKS_MAX);
    o->disk[o->disks++] = text;
}

static void add_net(struct options *o, const char *text)
{
    if (o->nets == NETS_MAX)
        die("--net %s: more than %u network cards", text, NETS_MAX);
    o->net[o->nets++] = text;
}

static void add_device(struct options *o, const char *text)
{
    if (o->devices == DEVICES_MAX)
        die("--device %s: more than %u devices", text, DEVICES_MAX);
    o->device[o->devices++] = text;
}

static void take(struct options *o, const char *help, int option)
{
    switch (option) {
    case KERNEL: o->kernel = optarg; break;
    case KEEPER: o->keeper = optarg; break;
    case INITRD: o->initrd = optarg; break;
    case APPEND: o->append = optarg; break;
    case DISK: add_disk(o, optarg); break;
    case NET: add_net(o, optarg); break;
    case SERIAL: o->serial = optarg; break;
    case CONSOLE: o->console = optarg; break;
    case RNG: o->entropy = true; break;
    case DEVICE: add_device(o, optarg); break;
    case MEM: o->memory = memory_size("--mem", optarg); break;
    case DMA_POOL: o->pool = memory_size("--dma-pool", optarg); break;
    case CPUS: o->cpus = cpu_number(optarg); break;
    case PERSONAL: o->personal = optarg; read_hex("--personal", optarg, PERSONAL_SIZE, o->personal_value); break;
    case RANDOM: o->random = true; break;
    case DUMP_DTB: o->dump_tree = optarg; break;
    case TEST_CALLS: o->test_calls = true; break;
    case QUIET: o->quiet = true; break;
    case VERBOSE: o->verbose = true; break;
    case HELP: print_and_leave(help, ""); break;
    case VERSION: print_and_leave(message_command(), " " CORDON_VERSION "\n"); break;
    default:
        fprintf(stderr, "Try %s --help.\n", message_command());    /* getopt has said what is wrong */
        exit(STATUS_USAGE);
    }
}

/* Where somebody has said nothing of it. */
static void fill_in(struct options *o, const char *append, uint64_t memory)
{
    if (!o->append)
        o->append = append;
    if (!o->memory)
        o->memory = memory;
    if (!o->cpus)
        o->cpus = 1;
}

/* Cordon knows its keeper by all that it begins with. */
static void fill_in_keeper(struct options *o)
{
    if (o->kernel || o->initrd || o->append || o->disks || o->nets || o->serial || o->console || o->entropy || o->devices ||
        o->memory || o->pool || o->cpus || o->random)
        die("--keeper: options that a guest is measured by do not go with it; try %s --help", message_command());
    o->kernel = o->keeper;
    fill_in(o, "", KEEPER_MEMORY);
}

void options_read(struct options *o, const char *help, int argc, char **argv)
{
    int option;

    *o = (struct options){ .kernel = NULL };
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1)
        take(o, help, option);
    if (optind < argc)
        die("%s: an argument that belongs to no option; try %s --help", argv[optind], message_command());
    if (o->keeper)
        fill_in_keeper(o);
    fill_in(o, "console=ttyS0", 192ull << 20);
    if (!o->kernel)
        die("no kernel: give --kernel IMAGE; try %s --help", message_command());
    if (o->quiet && o->verbose)
        die("--quiet and --verbose exclude each other");
}

unsigned options_slots(const struct options *o)
{
    return o->disks + o->nets + (o->entropy ? 1 : 0) + (o->console ? 1 : 0);
}
