/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole state of the core: one struct, passed explicitly, and what hangs off it.
 *
 * Only the shape is here; each part is explained and changed in the file of its layer. An embedder allocates the
 * arrays (cordon_sizes() says how much) and hands them over in a cordon_storage; the core has no heap.
 */
#ifndef CORDON_MACHINE_H
#define CORDON_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "cordon/abi.h"
#include "cordon/addr.h"
#include "cordon/status.h"

struct arch;

/* ---- lock: a ticket lock, see lock.h ---- */

/* Locks are taken in this order; at most one of a kind is held at a time. */
enum lock_kind { LOCK_VM = 1, LOCK_SECTION = 2, LOCK_HOST = 3 };

struct lock {
    uint16_t next;      /* the ticket that the next to come will draw */
    uint16_t serving;   /* the ticket that may go in */
};

/* ---- frame: who owns each physical frame, see frame.h ---- */

struct frame {          /* 8 bytes a frame */
    uint32_t gfn_lo;    /* bits 31:0 of the guest frame number; 0 unless a VM owns the frame */
    uint16_t holder;    /* HOLDER_HOST, a VM, HOLDER_PENDING + a VM, HOLDER_CORE or HOLDER_INVALID */
    uint8_t gfn_hi;     /* bits 35:32 of the guest frame number; the upper four bits are 0 */
    uint8_t count;      /* host frame: device mappings of it; VM frame: grants to the host outstanding */
};

/* What is known of 2 MiB of physical memory at once. Its lock also guards the host's level-2 entry and level-3 table. */
struct section {        /* 16 bytes a section */
    struct lock lock;
    uint16_t taken;     /* frames that are not the host's own RAM */
    uint16_t pinned;    /* host frames with count > 0 */
    uint64_t leaf;      /* the host's level-3 table of the section, 0 when it has none */
};

/* ---- region: which physical memory there is, see region.h ---- */

struct span {           /* consecutive sections that hold RAM */
    uint64_t first;     /* number of the first section: pa / 2 MiB */
    uint64_t count;
    uint64_t base;      /* index of the first one's record in cordon.section */
};

struct hidden {         /* device frames that the host must not reach, outside of RAM */
    uint64_t first;     /* frame number */
    uint64_t count;
};

/* ---- pool: table frames, see pool.h ---- */

struct pool {
    uint64_t fresh;     /* first of the tables that were never used */
    uint64_t fresh_n;
    uint64_t head;      /* first of the others that are free; each names the next in its entry 0 */
    uint64_t free;      /* free tables of both kinds */
    uint64_t total;     /* tables free or in use */
};

/* ---- stage2: translation tables, see stage2.h ---- */

struct table {
    uint64_t e[512];
};

struct stage2 {
    uint64_t root;      /* frame number of the first of the concatenated root tables */
    uint64_t gfn_limit; /* guest frame numbers are below this: 2^(IPA bits - 12) */
    uint32_t start;     /* level at which a walk begins: 0, 1 or 2 */
    uint32_t roots;     /* concatenated root tables: 1, 2, 4, 8 or 16 */
    uint32_t vmid;      /* tags the translations in the TLBs; 0 the host */
    uint32_t devices;   /* how many devices have it walked for them: their SMMUs are told too of what is taken out */
};

/* ---- dma: what the host's devices may reach, see dma.h ---- */

struct dma {
    uint64_t leaf;      /* level-3 table of the first section's record; record i's is leaf + i. 0: there is no SMMU */
    uint64_t root;      /* where the SMMU's walks begin */
    uint32_t start;     /* and at which level: 0 or 1 */
    uint64_t page;      /* a leaf, all but its address */
};

/* ---- device: functions of PCI that VMs have, see window.h and guest/device.h ---- */

enum device_state { DEVICE_LEAVING = 1, DEVICE_GIVEN, DEVICE_OPEN, DEVICE_RETURNING };

struct window {         /* frames first .. first+pages-1, which are no RAM, behind a BAR */
    uint64_t first;
    uint64_t pages;     /* 0: there is no such window */
    uint64_t lost;      /* so many of them, from the first on, the host's table maps no more */
    uint64_t gfn;       /* where the VM has them */
    uint64_t mapped;    /* so many of them, from the first on */
};

struct device {
    uint64_t frame;     /* of its configuration space: its name */
    uint32_t vm;        /* who has it; 0: nobody, the record is free */
    uint32_t id;        /* vendor + device id * 2^16, as read */
    uint32_t stream;    /* its accesses, as the SMMU knows them */
    uint16_t state;     /* enum device_state */
    uint16_t number;    /* devices that the VM had before */
    struct window window[CORDON_DEVICE_WINDOWS];
};

/* ---- image: what a VM begins with, and its measurement, see image.h ---- */

struct sha256 {
    uint32_t h[8];
    uint64_t blocks;    /* of 64 bytes that are in h */
};

struct memory_range {   /* guest frame numbers first .. end-1 are memory */
    uint64_t first;
    uint64_t end;
};

struct image {
    struct memory_range range[CORDON_MEMORY_RANGES];
    uint32_t ranges;
    uint32_t load_block;    /* blocks of the page in work that are measured; 0: no page is in work */
    uint64_t load_gfn;      /* the page in work */
    uint64_t load_frame;
    struct sha256 hash;     /* of what came so far; of everything once the VM has started */
};

/* ---- vm: see vm.h ---- */

enum vm_state { VM_NONE = 0, VM_LIVE, VM_DYING };

struct vm {             /* 512 bytes, so that VMs on different CPUs share no cache line */
    struct lock lock;
    uint16_t state;     /* enum vm_state; read without the lock by who looks for a free slot */
    uint16_t measured;  /* the measurement is complete: the VM has started */
    struct stage2 s2;
    struct pool pool;
    uint64_t frames;    /* frames that the VM owns */
    uint64_t cursor;    /* guest frame number up to which a teardown has come */
    uint64_t rest;      /* frames rest .. rest+rest_n-1 of a block that a teardown has unmapped and not cleared yet */
    uint64_t rest_n;
    uint64_t generation;            /* how many VMs have borne this id */
    uint16_t phase;                 /* enum cordon_phase, but DYING; read without the lock by who runs the guest */
    uint16_t vcpus;                 /* how many it has when it is complete; 0: it has no guest */
    uint16_t entries;               /* runs of its vCPUs that have begun, and that are over: equal when none is in the guest */
    uint16_t exits;
    uint64_t vcpu_row[CORDON_VCPUS_MAX];    /* the frames that hold them; 0: not made yet */
    struct image image;
    uint64_t devices;               /* that it has, in whatever state */
    uint64_t unused[7];
};

_Static_assert(sizeof(struct frame) == 8 && sizeof(struct section) == 16 && sizeof(struct vm) == 512,
               "records have the sizes that their comments say");

/* ---- the machine ---- */

struct cordon {
    struct arch *arch;          /* the machine's own state, opaque to core/ */
    struct table *phys;         /* physical memory as the core sees it: frame f is phys[f] */
    uint64_t phys_frames;       /* frame numbers below this may be used with phys */

    uint64_t pfn_limit;         /* frame numbers that callers may name are below this */

    struct span *span;          /* ascending, not adjacent */
    uint32_t spans;
    struct hidden *hidden;
    uint32_t hiddens;

    struct frame *frame;        /* 512 records a section */
    struct section *section;
    uint64_t sections;

    struct lock host_lock;      /* guards the host's levels 0 and 1, its device entries and its pool; who has which windows */
    struct stage2 host;
    struct pool host_pool;

    struct vm *vm;              /* vm[id - 1] */
    uint32_t vms;               /* ids are 1 .. vms */
    struct stage2 vm_shape;     /* start, roots and gfn_limit of every VM's table */

    struct dma dma;             /* each section's lock guards its own table */

    struct device device[CORDON_DEVICES];   /* see guest/device.h for who guards what of it */
};

#endif
