/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cordon measure: the measurement of a VM, without the machine. The launcher's own code lays out what the guest begins with,
 * and the core itself measures it, driven by the same calls in the same order as a host's driver does (host/linux/kvm), in a
 * simulated machine.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "beginning.h"
#include "cli.h"
#include "cordon/abi.h"
#include "expect.h"
#include "front/hypercall.h"
#include "sim.h"

#define PAGE CORDON_PAGE_SIZE
#define SECTION UINT64_C(0x200000)
#define RAM_BASE UINT64_C(0x40000000)
#define CORE_SIZE SECTION           /* the machine's first section is the core's */
#define TABLES UINT64_C(512)        /* that a VM is given at a time: a section of them */

static const char help[] =
    "usage: cordon measure --kernel IMAGE [OPTION...]\n"
    "\n"
    "Prints the measurement that a VM has which cordon-vmm starts with these options: the SHA-256 that the guest reads\n"
    "with CORDON_GUEST_MEASUREMENT, and that an attestation names. No machine is needed.\n"
    "\n"
    "  --kernel IMAGE    an arm64 Image, not compressed\n"
    "  --keeper IMAGE    the guest that signs tokens, in the place of --kernel\n"
    "  --initrd FILE     initial RAM disk\n"
    "  --append TEXT     the kernel's command line (default: console=ttyS0)\n"
    "  --disk FILE[,ro]  a disk, as often as there are some: that there is one is measured, and not what is on it\n"
    "  --mem SIZE        memory, with K, M or G (default: 192M)\n"
    "  --dma-pool SIZE   so much of it is for virtio's I/O: cordon-vmm --help\n"
    "  --cpus N          vCPUs, 1 to 16 (default: 1)\n"
    "  --personal HEX    64 bytes that tokens have: not measured; --write has it\n"
    "  --dump-dtb FILE   also write the device tree to FILE\n"
    "  --write FILE      also write what 'cordon verify --expect' wants, with --cordon\n"
    "  --cordon FILE     Cordon's image, as it is loaded: build/el2/cordon.bin\n"
    "  --verbose         say where things are\n"
    "  --help, --version\n"
    "\n"
    "Give it what cordon-vmm is given. --random and --device are refused: what they add is not known here.\n"
    "\n"
    "Exit status: 0 it is printed, 2 wrong arguments, or a file that cannot be read.\n";

/* A VM in a simulated machine. Frames are taken from the machine's RAM in ascending order. */
struct measured {
    struct sim *sim;
    struct cordon *core;
    uint64_t handle;
    uint64_t next;
};

struct call {
    uint64_t x[HYPERCALL_REGS];
};

static void fail(const char *what, uint64_t status)
{
    fprintf(stderr, "cordon measure: %s: %s\n", what, cordon_status_meaning((enum cordon_status)status));
    exit(CLI_BAD);
}

static uint64_t call(struct measured *m, struct call *c)
{
    sim_begin(m->sim, "measure");
    hypercall_vm(m->core, c->x);
    sim_end(m->sim);
    return c->x[0];
}

/* A call that is answered CORDON_OK; what it is for, its number and arguments. */
#define DO(m, what, ...) do_call((m), (what), (struct call){ { __VA_ARGS__ } })
static struct call do_call(struct measured *m, const char *what, struct call c)
{
    uint64_t status = call(m, &c);

    if (status != CORDON_OK)
        fail(what, status);
    return c;
}

static uint64_t frames(struct measured *m, uint64_t n, uint64_t align)
{
    uint64_t first = (m->next + align - 1) / align * align;

    m->next = first + n;
    return first;
}

/* ---- pages ---- */

static bool is_zero(const uint8_t *page)
{
    static const uint8_t zero[PAGE];

    return memcmp(page, zero, PAGE) == 0;
}

static uint64_t pages_of(const struct beginning *b)
{
    uint64_t n = 0;

    for (uint64_t at = 0; at < b->size; at += PAGE)
        n += !is_zero(b->memory + at);
    return n;
}

static void load(struct measured *m, uint64_t gpa, const uint8_t *page)
{
    uint64_t frame = frames(m, 1, 1);
    struct call c;

    memcpy(m->core->phys[frame].e, page, PAGE);
    do {
        c = (struct call){ { CORDON_CALL_VM_LOAD, m->handle, gpa, frame, 1 } };
    } while (call(m, &c) == CORDON_AGAIN);
    if (c.x[0] != CORDON_OK)
        fail("a page is not loaded", c.x[0]);
}

/* ---- the VM ---- */

/* RAM for the pages and what the VM needs besides: roots, vCPUs, and tables for every page if none shared one with another. */
static struct measured machine_for(uint64_t pages)
{
    const struct cordon_mem core = { RAM_BASE, CORE_SIZE };
    const struct cordon_mem ram = { RAM_BASE, (pages / TABLES + 8) * SECTION };
    const struct sim_config config = { .ram = &ram, .rams = 1, .core = &core, .cores = 1, .vms = 2, .cpus = 1, .no_check = true,
                                       .compact = true, .private_size = SECTION };
    char why[256] = "";
    struct measured m = { .sim = sim_create(&config, why, sizeof(why)), .next = (RAM_BASE + CORE_SIZE) / PAGE };

    if (m.sim == NULL) {
        fprintf(stderr, "cordon measure: no machine to measure in: %s\n", why);
        exit(CLI_BAD);
    }
    m.core = sim_core(m.sim);
    return m;
}

/* As the driver does: the VM, its memory, its image by ascending addresses, its vCPUs, the start. */
static void build(struct measured *m, const struct beginning *b)
{
    uint64_t roots = DO(m, "the machine has no limits", CORDON_CALL_VM_LIMITS).x[1];

    m->handle = DO(m, "no VM", CORDON_CALL_VM_CREATE, frames(m, roots, roots), b->cpus).x[1];
    DO(m, "no tables", CORDON_CALL_VM_DONATE, m->handle, frames(m, TABLES, TABLES), TABLES);
    DO(m, "this memory", CORDON_CALL_VM_MEMORY, m->handle, b->base, b->size);
    for (uint64_t at = 0; at < b->size; at += PAGE) {
        if (!is_zero(b->memory + at))
            load(m, b->base + at, b->memory + at);
    }
    for (uint32_t i = 0; i < b->cpus; i++)
        DO(m, "no vCPU", CORDON_CALL_VCPU_CREATE, m->handle, i, frames(m, 1, 1));
    DO(m, "this start", CORDON_CALL_VM_START, m->handle, b->entry, b->x0);
}

static void read_measurement(struct measured *m, uint8_t measurement[32])
{
    for (uint64_t half = 0; half < 2; half++) {
        struct call c = DO(m, "no measurement", CORDON_CALL_VM_MEASUREMENT, m->handle, half);

        for (unsigned i = 0; i < 16; i++)
            measurement[half * 16 + i] = (uint8_t)(c.x[1 + i / 8] >> 8 * (i % 8));
    }
}

static void print(const uint8_t measurement[32])
{
    for (unsigned i = 0; i < 32; i++)
        printf("%02x", measurement[i]);
    puts("");
}

/* ---- the command line ---- */

/* An option of ours with its value, which the launcher's code does not see. NULL: it is not there. */
static const char *take_own(int *argc, char **argv, const char *name)
{
    const char *value = NULL;

    for (int i = 1; i + 1 < *argc; i++) {
        if (strcmp(argv[i], name) != 0)
            continue;
        value = argv[i + 1];
        *argc -= 2;
        for (int k = i; k <= *argc; k++)
            argv[k] = argv[k + 2];
        i--;
    }
    return value;
}

enum cli_status cmd_measure(int argc, char **argv)
{
    struct beginning b;
    struct measured m;
    uint8_t measurement[32];
    const char *file = take_own(&argc, argv, "--write");
    const char *cordon = take_own(&argc, argv, "--cordon");

    if ((file == NULL) != (cordon == NULL)) {
        fprintf(stderr, "cordon measure: --write and --cordon go together; see 'cordon measure --help'\n");
        return CLI_BAD;
    }
    beginning_make(&b, "cordon measure", help, argc, argv);
    m = machine_for(pages_of(&b));
    build(&m, &b);
    read_measurement(&m, measurement);
    sim_destroy(m.sim);
    print(measurement);
    return file == NULL || expect_write(file, measurement, cordon, b.personal) ? CLI_OK : CLI_BAD;
}
