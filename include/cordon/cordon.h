/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory core as a library: boot, virtual machines and the operations on their memory.
 *
 * Every function may be called on any CPU at any time, with any values; it takes the locks that it needs and holds
 * none when it returns. A refusal changes nothing. docs/SEMANTICS.md says what each operation means. Who embeds the core
 * allocates the struct cordon itself and includes core/machine.h for its size.
 */
#ifndef CORDON_CORDON_H
#define CORDON_CORDON_H

#include <stdbool.h>

#include "cordon/addr.h"
#include "cordon/status.h"

struct cordon;

/* ---- boot ---- */

/* A range of physical memory: base and size in bytes, both page aligned. */
struct cordon_mem {
    uint64_t base;
    uint64_t size;
};

/*
 * The shape of a stage-2 table. ipa_bits 32 .. 48; start_level 0 (40 .. 48 bits), 1 (32 .. 43 bits) or 2 (32 .. 34
 * bits); a start level that would need more than one table gets up to 16 concatenated ones (Arm ARM D8.2).
 */
struct cordon_geometry {
    uint32_t ipa_bits;
    uint32_t start_level;
};

/*
 * The table for the host's devices, which an SMMU walks. bits: of a device's address, 39 or 48, and no RAM lies beyond them;
 * 0: no device that the host has reaches memory. page: an entry that maps a page of 4 KiB as normal memory, read-write, all
 * but its address.
 */
struct cordon_dma {
    uint32_t bits;
    uint64_t page;
};

/*
 * A page that is no RAM and that the host's devices reach all the same, to have an interrupt controller send an interrupt. It
 * lies in no 2 MiB that have RAM in them. page: its entry, all but the address. address 0: there is none.
 */
struct cordon_door {
    uint64_t address;
    uint64_t page;
};

/* What the embedder knows of the machine. Ranges may be given in any order. */
struct cordon_config {
    const struct cordon_mem *ram;       /* all RAM; ranges must not overlap */
    uint32_t rams;
    const struct cordon_mem *core;      /* the core's own memory, each range inside one of ram */
    uint32_t cores;
    const struct cordon_mem *hidden;    /* device memory that the host must not reach, outside of ram */
    uint32_t hiddens;
    const struct cordon_mem *pinned;    /* the host's, which a device or firmware uses for ever: nobody else may have it */
    uint32_t pinneds;                   /* what of it is no RAM, or the core's, is left as it is; ranges may overlap */
    struct cordon_geometry host;        /* must reach all of ram */
    struct cordon_geometry vm;
    struct cordon_dma dma;
    struct cordon_door door;            /* where dma.bits is not 0 */
    uint32_t pa_bits;                   /* callers name physical addresses below 2^pa_bits, 32 .. 48; 0: 40, the seed's */
    uint32_t vms;                       /* highest VM id, 1 .. 16383 */
};

/* How much memory the core needs for a machine; cordon_init() takes arrays of these sizes. */
struct cordon_sizes {
    uint32_t spans;         /* struct span */
    uint32_t hiddens;       /* struct hidden */
    uint64_t sections;      /* struct section; 512 times as many struct frame */
    uint32_t vms;           /* struct vm */
    uint32_t host_roots;    /* contiguous table frames, aligned to their total size */
    uint64_t host_tables;   /* table frames, the roots included, with which a host fault never runs out */
    uint64_t dma_tables;    /* table frames for the host's devices */
    uint32_t vm_roots;      /* contiguous aligned frames that a VM's creation takes */
};

struct arch;
struct table;
struct span;
struct hidden;
struct section;
struct frame;
struct vm;

/*
 * The arrays of records, all bytes zero. They and the host's tables must be core memory (or memory that is no RAM and
 * hidden).
 */
struct cordon_storage {
    struct arch *arch;
    struct table *phys;         /* phys[f] is frame f, for every frame of RAM and of the tables */
    uint64_t phys_frames;
    struct span *span;
    struct hidden *hidden;
    struct section *section;
    struct frame *frame;
    struct vm *vm;
    pfn_t host_tables;          /* first of the contiguous table frames, aligned for the roots */
    pfn_t dma_tables;           /* first of the contiguous table frames for devices, all zero; where there are any */
    uint64_t host_table_count;  /* at least host_roots; below cordon_sizes.host_tables faults may be refused */
};

/* How much is needed. CONFIG: the description is not one that can be run. */
enum cordon_status cordon_sizes(const struct cordon_config *config, struct cordon_sizes *sizes);

/* Makes *c a machine whose RAM is the host's, but for the core's own. Single-threaded. CONFIG as cordon_sizes(). */
enum cordon_status cordon_init(struct cordon *c, const struct cordon_config *config, const struct cordon_storage *storage);

/* ---- virtual machines ---- */

/*
 * Creates a VM. root: cordon_sizes.vm_roots contiguous host frames, aligned to their total size, for its root tables.
 * Frames for tables may lie anywhere in RAM, also beyond pa_bits. In this order of check: RANGE: not frames. UNALIGNED.
 * NO_VM: not an id. EXISTS. OWNED, SHARED: not the host's to give.
 */
enum cordon_status cordon_vm_create(struct cordon *c, vmid_t vm, pfn_t root);

/* Gives host frames to a VM's pool of table frames, all or none. num: 1 .. 512 in one section. Errors as above. */
enum cordon_status cordon_vm_donate(struct cordon *c, vmid_t vm, pfn_t pfn, uint64_t num);

/*
 * Takes a VM down: clears every frame that it maps and gives every donated frame back, zeroed. Bounded: AGAIN until
 * it is gone; from the first call on the VM's memory takes no change but clear. BUSY: a vCPU of it is in the guest, or it has a
 * device; or frames that the VM owns and does not map are left, clear them first.
 */
enum cordon_status cordon_vm_destroy(struct cordon *c, vmid_t vm);

/* Table frames in the VM's pool that are free. 0 for a VM that does not exist. */
uint64_t cordon_vm_pool_free(struct cordon *c, vmid_t vm);

/* ---- the four operations of the seed ---- */

/* Pages that one call handles at most before it answers AGAIN. */
#define CORDON_RANGE_PAGES 512

/* A frame may be granted this many times. */
#define CORDON_SHARE_MAX 100

/*
 * What a range call did. done + what the caller still wants = what it asked for; changed + the skipped = done, but for
 * pages that were to be mapped and were there already, which are neither.
 */
struct cordon_progress {
    enum cordon_status status;  /* OK: all done. AGAIN: call again with the range less its first `done` pages. */
    uint64_t done;              /* pages handled from the start of the range on */
    uint64_t changed;           /* of these: pages that the operation changed */
    uint64_t unmapped;          /* skipped: the VM's table does not map the address */
    uint64_t not_owned;         /* skipped: not a settled frame of the VM */
    uint64_t saturated;         /* skipped: granted CORDON_SHARE_MAX times already, or not granted at all */
};

/* Whether a frame that passes from the host to a VM keeps its contents (boot images) or is zeroed. */
enum cordon_contents { CORDON_KEEP, CORDON_ZERO };

/*
 * Takes the frames pfn .. pfn+num-1 that the VM owns back: out of every table, zeroed, the host's. Seed: clear_vm_range.
 * RANGE: pfn + num beyond 2^(pa_bits - 12). NO_VM. NO_MEMORY: a block of the VM must be split and its pool is empty.
 * Done in calls that stop at each 2 MiB boundary of physical memory. Frames of others are skipped (not_owned).
 */
struct cordon_progress cordon_clear_vm_range(struct cordon *c, vmid_t vm, pfn_t pfn, uint64_t num);

/*
 * Makes the frame at pte's address bits 47:12 the VM's and maps it at addr; level 2: 512 frames, a 2 MiB block; any
 * other level: one page. Seed: prot_and_map_vm_s2pt. RANGE, UNALIGNED, NO_VM, STATE, MAPPED, NO_MEMORY, OWNED, SHARED,
 * GFN: in this order of check. A request that the table satisfies already is OK and changes nothing.
 */
enum cordon_status cordon_prot_and_map_vm_s2pt(struct cordon *c, vmid_t vm, ipa_t addr, uint64_t pte, uint32_t level,
                                               enum cordon_contents contents);

/*
 * The same for num pages from addr and pfn on, as 4 KiB pages, in calls that stop at 2 MiB boundaries of either. What
 * one call handles it does wholly or refuses; `done` of earlier calls stands.
 */
struct cordon_progress cordon_prot_and_map_vm_range(struct cordon *c, vmid_t vm, ipa_t addr, pfn_t pfn, uint64_t num,
                                                    enum cordon_contents contents);

/*
 * The VM lets the host map the frames behind addr .. addr+size-1 / no longer. Seed: grant_stage2_sg_gpa and
 * revoke_stage2_sg_gpa. RANGE: beyond the VM's guest addresses. EMPTY. UNALIGNED: addr. NO_VM, STATE.
 * The last page of a size that is no multiple of a page counts whole.
 */
struct cordon_progress cordon_grant_stage2_sg_gpa(struct cordon *c, vmid_t vm, ipa_t addr, uint64_t size);
struct cordon_progress cordon_revoke_stage2_sg_gpa(struct cordon *c, vmid_t vm, ipa_t addr, uint64_t size);

/* What a VM's table has at an address. */
struct cordon_mapping {
    pfn_t pfn;              /* the frame behind the address itself, also inside a block */
    uint32_t level;         /* 3 a page, 2 a block, 0 nothing is mapped */
    bool device;
};

/* Looks an address up in a VM's table. Seed: walk_s2pt and get_level_s2pt. RANGE, NO_VM. */
enum cordon_status cordon_walk_s2pt(struct cordon *c, vmid_t vm, ipa_t addr, struct cordon_mapping *mapping);

/* ---- the host ---- */

/*
 * A translation fault of the host's stage 2 at addr. OK: mapped, try again. PRIVATE: not the host's. RANGE: beyond its
 * table. NO_MEMORY. Not for permission faults: what is mapped already is OK here, and would fault again.
 */
enum cordon_status cordon_map_page_host(struct cordon *c, pa_t addr);

/*
 * Copies `words` words of 64 bits, 1 .. 4, from addr on, out of memory that the host may use as its own at this moment.
 * UNALIGNED: addr is no multiple of 8, or the words are on two pages. RANGE, EMPTY: not 1 .. 4 words. PRIVATE: not the host's
 * memory: nothing of it was read.
 */
enum cordon_status cordon_read_host(struct cordon *c, pa_t addr, uint64_t *word, uint64_t words);

/*
 * Maps one page of a device, no RAM and not hidden, into a VM. RANGE, UNALIGNED, NO_VM, STATE, RAM, MAPPED, NO_MEMORY.
 * Not for pages of devices that VMs are given by the calls of <cordon/abi.h>, which the embedder sees to; RAM: one has it.
 */
enum cordon_status cordon_map_vm_io(struct cordon *c, vmid_t vm, ipa_t gpa, pa_t pa);

#endif
