/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulated machine: RAM, an MMU walker and TLBs on several CPUs, around the real core.
 *
 * A program creates a machine, lets threads play its CPUs, calls the core's own functions (cordon/cordon.h) on
 * sim_core() between sim_begin() and sim_end(), and makes memory accesses as the host or as a VM would. The machine
 * watches every step the core makes (arch.h) and reports what real hardware would have punished silently: a stale
 * translation, a missing break-before-make, a lock order, memory given away unzeroed, a broken invariant.
 */
#ifndef CORDON_SIM_H
#define CORDON_SIM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "machine.h"
#include "cordon/cordon.h"

struct sim;

struct sim_config {
    const struct cordon_mem *ram;
    uint32_t rams;
    const struct cordon_mem *core;
    uint32_t cores;
    const struct cordon_mem *hidden;
    uint32_t hiddens;
    const struct cordon_mem *pinned;
    uint32_t pinneds;
    struct cordon_geometry host;    /* all zero: 48 bits, level 0 */
    struct cordon_geometry vm;      /* all zero: 48 bits, level 0 */
    struct cordon_dma dma;          /* bits 0: no SMMU, hence no device of the host's that reaches memory */
    struct cordon_door door;        /* address 0: devices reach no page that is no RAM */
    uint32_t vms;                   /* 0: 255 */
    uint32_t cpus;                  /* 0: 4 */
    uint64_t host_tables;           /* table frames for the host; 0: as many as can ever be needed */
    uint32_t pa_bits;               /* see struct cordon_config; 0: 40 */
    bool no_check;                  /* no invariant and TLB checks in sim_end() */
    FILE *log;                      /* every table write, barrier, invalidation and lock, or NULL; see docs/LOG.md */

    /*
     * Threads call the core at the same time. The checks are then those that need no order between CPUs of the
     * machine's own making (a race detector must see the core's locks and nothing else): what a lock guards is checked
     * when the lock is dropped, the rest by sim_check_all() while no call is under way. No model of the caches.
     * Not set: calls of several threads are done one after the other, and everything is checked.
     */
    bool concurrent;
    /*
     * The machine's private memory (the host's tables, then the VMs') begins at 2^pa_bits, out of the reach of any
     * caller; or right above the RAM when some RAM lies there, or when the host's table does not reach so far.
     * compact: right above the RAM in any case, so that the machine spans little address space. A build with
     * ThreadSanitizer is always compact, and a machine with an SMMU: its table has an entry for each page.
     */
    bool compact;
    uint64_t private_size;          /* of the VMs' part, in bytes; 0: 64 GiB (it is sparse), compact 256 MiB, or what fits */
    uint32_t tlb_entries;           /* for each CPU; 0: 1024 */
    uint64_t seed;                  /* of the TLBs' replacement */
    /* Called when the core stops for good, may longjmp away. NULL, or if it returns: print and abort. */
    void (*panic)(const char *file, int line, const char *text);
};

/* NULL and a reason in `why` when the machine cannot be: core refuses the configuration, no memory. */
struct sim *sim_create(const struct sim_config *config, char *why, size_t why_size);
void sim_destroy(struct sim *s);

struct cordon *sim_core(struct sim *s);

/* This thread plays CPU `cpu` from now on. The thread that created the machine plays CPU 0. */
void sim_cpu(struct sim *s, uint32_t cpu);

/*
 * Around each call into the core. `what` names the operation in the log and in reports. sim_end() checks what the
 * operation touched (unless no_check) and returns the number of new reports.
 */
void sim_begin(struct sim *s, const char *what);
unsigned sim_end(struct sim *s);

/* Creates a VM with tables from the machine's private memory, which no RAM range of the configuration names. */
enum cordon_status sim_vm_create(struct sim *s, uint32_t id);
/* Makes sure that the VM's pool has `tables` free (a replay never runs dry). Private memory again. */
enum cordon_status sim_vm_feed(struct sim *s, uint32_t id, uint64_t tables);
/* All calls of the teardown, to the end. */
enum cordon_status sim_vm_destroy(struct sim *s, uint32_t id);

/* ---- guests ---- */

struct vcpu;
struct trap;

/*
 * Plays every guest from one trap to the next: changes its registers as instructions would, and says in *t why it came
 * out. Called on the CPU that runs it. NULL, as at the start: every guest is interrupted at once.
 */
typedef void sim_guest_fn(void *arg, struct cordon *c, struct vcpu *u, struct trap *t);
void sim_guest(struct sim *s, sim_guest_fn *play, void *arg);

/* Whether the machine has random numbers for guests; it has, unless told otherwise. */
void sim_random(struct sim *s, bool there);

/*
 * What the machine's loader has handed over, and which guest signs (guest/attest.h); *r stays the caller's. NULL, as at the
 * start: nothing.
 */
struct attest_root;
void sim_attest_root(struct sim *s, const struct attest_root *r);

/* The machine's counter goes on. It stands still otherwise. */
void sim_tick(struct sim *s, uint64_t ticks);

/* ---- accesses ---- */

enum sim_outcome { SIM_DONE, SIM_FAULT, SIM_REFUSED };

/*
 * A 64-bit access by the host (who 0) or a VM through MMU and TLB of this thread's CPU. A host fault is served by
 * cordon_map_page_host() as on the real machine. SIM_FAULT: no translation. SIM_REFUSED: *status says why the
 * access is none (unaligned, range, no-vm; private: the host's fault was refused). uncached: with caches off, so that
 * what was not cleaned shows. Devices are not simulated: they read as zero.
 */
enum sim_outcome sim_read(struct sim *s, uint32_t who, uint64_t addr, uint64_t *value, bool uncached,
                          enum cordon_status *status);
enum sim_outcome sim_write(struct sim *s, uint32_t who, uint64_t addr, uint64_t value, bool uncached,
                           enum cordon_status *status);

/*
 * A 64-bit access by a device of the host's, which is coherent, through the SMMU and its TLB. addr: a multiple of 8. SIM_FAULT:
 * no translation; the SMMU counts an event, and nobody serves it.
 */
enum sim_outcome sim_dma_read(struct sim *s, uint64_t addr, uint64_t *value);
enum sim_outcome sim_dma_write(struct sim *s, uint64_t addr, uint64_t value);
/* Accesses of devices that were refused so far. */
uint64_t sim_dma_events(struct sim *s);

/* ---- devices that VMs can be given ---- */

/* A function of PCI. It is the host's at first, and reaches what the host's devices do. */
struct sim_device {
    uint64_t frame;             /* of its configuration space: its name */
    uint32_t id;                /* vendor + device id * 2^16 */
    uint32_t reset;             /* looks at a reset, after the first, until it is over */
    struct {
        uint64_t first;         /* frame number */
        uint64_t pages;         /* 0: there is no such window */
    } window[CORDON_DEVICE_WINDOWS];
};

/* The machine has it from now on, before anybody else looks. False: it has too many. Without an SMMU none can be given. */
bool sim_device(struct sim *s, const struct sim_device *d);
/*
 * An access by the device of that name to an address of its own: the host's, or the VM's once it is open. REFUSED: no such
 * device.
 */
enum sim_outcome sim_device_read(struct sim *s, uint64_t frame, uint64_t addr, uint64_t *value);
enum sim_outcome sim_device_write(struct sim *s, uint64_t frame, uint64_t addr, uint64_t value);

/*
 * The stage 1 that this thread's CPU uses for the host (who 0) or for VMs (any other): 4 KiB granule, va_bits 39 or 48,
 * tables at guest-physical address ttbr. va_bits 0, as at the start: off, virtual and guest-physical address are the
 * same. The guest invalidates its own combined translations at the change.
 */
void sim_stage1(struct sim *s, uint32_t who, uint64_t ttbr, uint32_t va_bits);

/* ---- looking in from outside, without any translation ---- */

uint64_t sim_peek(struct sim *s, uint64_t pfn, uint32_t word);
void sim_poke(struct sim *s, uint64_t pfn, uint32_t word, uint64_t value);

/* One entry of a stage-2 table as the independent walker reads it. */
struct sim_mapping {
    uint64_t gfn;
    uint64_t pfn;
    uint32_t level;     /* 1, 2, 3 */
    bool device;
};
/* All leaf mappings of a principal in ascending order; stops when `each` returns false. */
void sim_mappings(struct sim *s, uint32_t who, bool (*each)(const struct sim_mapping *m, void *arg), void *arg);
/* The leaf that maps gfn, if any. */
bool sim_lookup(struct sim *s, uint32_t who, uint64_t gfn, struct sim_mapping *m);
/* The leaf that maps a page for the host's devices, if any. */
bool sim_dma_lookup(struct sim *s, uint64_t page, struct sim_mapping *m);
/* Frames whose first word is not zero, ascending, within the RAM of the configuration. */
void sim_nonzero(struct sim *s, bool (*each)(uint64_t pfn, uint64_t word0, void *arg), void *arg);

/* ---- reports ---- */

/* Every invariant on the whole machine, not only on what changed. Returns the number of new reports; 0 with no_check. */
unsigned sim_check_all(struct sim *s);
/* Reports so far, and the text of one: invariant, entry, CPU, what is missing. */
unsigned sim_reports(struct sim *s);
const char *sim_report(struct sim *s, unsigned i);

#endif
