/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An executable model of the semantics, written from docs/SEMANTICS.md and the contracts in cordon/cordon.h alone:
 * plain arrays, no tables, no locks, nothing shared with core/ but the status numbers and the page size.
 *
 * Guest frames are kept for a few windows of the address space; whoever drives the model maps nothing elsewhere.
 */
#ifndef RANDOM_MODEL_H
#define RANDOM_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "cordon/cordon.h"

#define MODEL_VMS 6
#define MODEL_WINDOWS 12
#define MODEL_WINDOW_PAGES UINT64_C(1024)
#define MODEL_WORDS 4               /* words of each frame whose contents are followed */
#define MODEL_RAMS 4
#define MODEL_HIDDENS 2

#define MODEL_HOST 0u
#define MODEL_CORE UINT32_MAX
#define MODEL_INVALID (UINT32_MAX - 1)

extern const uint32_t model_word[MODEL_WORDS];

struct model_frame {
    uint32_t owner;                 /* MODEL_HOST, a VM's id, MODEL_CORE */
    uint32_t lent;                  /* a frame of the core's: the VM whose tables it feeds, 0 none */
    uint32_t count;
    uint64_t gfn;
    uint64_t word[MODEL_WORDS];
    bool dirty;                     /* written since the core last had it in memory: caches may hide it */
};

struct model_ram {
    uint64_t first;
    uint64_t count;
    struct model_frame *frame;
};

struct model_entry {
    uint8_t level;                  /* 0 unmapped, 2, 3 */
    bool device;
    uint64_t pfn;
};

enum model_state { MODEL_NONE, MODEL_LIVE, MODEL_DYING };

#define MODEL_TABLES (MODEL_WINDOWS * 6)

struct model_vm {
    uint32_t id;
    enum model_state state;
    struct model_entry map[MODEL_WINDOWS][1024];
    int64_t free;                   /* tables in the pool that are free */
    uint64_t table[MODEL_TABLES];   /* tables below the roots: level << 60 | number among those of the level */
    uint32_t tables;
};

struct model {
    struct model_ram ram[MODEL_RAMS];
    uint32_t rams;
    struct cordon_mem hidden[MODEL_HIDDENS];
    uint32_t hiddens;
    uint64_t foreign_first;         /* frames of which the model knows nothing: the simulator's own */
    uint64_t foreign_end;
    uint64_t pfn_limit;
    uint64_t host_limit;            /* guest frame numbers of the host */
    uint64_t vm_limit;              /* of every VM */
    uint32_t vm_start;              /* level of the VMs' roots */
    uint32_t vm_roots;
    uint32_t max_vm;
    bool host_may_run_dry;
    bool devices;                   /* the host has some that reach memory */
    uint64_t window[MODEL_WINDOWS]; /* first guest frame number of each, ascending, a multiple of 512 */
    uint32_t windows;
    struct model_vm vm[MODEL_VMS];
};

/* ---- looking ---- */

/* NULL: not RAM. */
struct model_frame *model_frame(struct model *m, uint64_t pfn);
uint32_t model_owner(struct model *m, uint64_t pfn);
bool model_hidden(const struct model *m, uint64_t pfn);
/* Whether the host may map the frame: I1. */
bool model_host_may(struct model *m, uint64_t pfn);
/* Whether the host's devices reach the frame: I5. */
bool model_device_may(struct model *m, uint64_t pfn);
/* NULL: no such VM exists. */
struct model_vm *model_vm(struct model *m, uint32_t id);
/* NULL: outside of the windows, hence unmapped. */
struct model_entry *model_entry(struct model *m, struct model_vm *v, uint64_t gfn);

/* ---- operations: each answers what the core must answer, and changes the model when that is OK ---- */

enum cordon_status model_create(struct model *m, uint32_t id, uint64_t root);
enum cordon_status model_donate(struct model *m, uint32_t id, uint64_t pfn, uint64_t num);
/* A VM whose tables come from memory that the model does not know. */
enum cordon_status model_create_elsewhere(struct model *m, uint32_t id);
enum cordon_status model_map(struct model *m, uint32_t id, uint64_t addr, uint64_t pte, uint32_t level,
                             enum cordon_contents contents);
enum cordon_status model_map_io(struct model *m, uint32_t id, uint64_t gpa, uint64_t pa);
/* The entry is that of the address's own page, also inside a block. */
enum cordon_status model_walk(struct model *m, uint32_t id, uint64_t addr, struct model_entry *entry);
/* May also be NO_MEMORY where host_may_run_dry. */
enum cordon_status model_host_fault(struct model *m, uint64_t addr);

/*
 * Calls that may stop early. model_*_call() says what one call must answer when it does its first `done` pages, of which
 * done is what the core reported; model and core agree when the answers are equal.
 */
struct cordon_progress model_map_range_call(struct model *m, uint32_t id, uint64_t addr, uint64_t pfn, uint64_t num,
                                            enum cordon_contents contents);
struct cordon_progress model_share_call(struct model *m, uint32_t id, uint64_t addr, uint64_t size, bool grant, uint64_t done);
struct cordon_progress model_clear_call(struct model *m, uint32_t id, uint64_t pfn, uint64_t num, uint64_t done);

/* One frame goes back to the host, zeroed: for teardowns, whose order is the core's own. */
void model_reclaim(struct model *m, struct model_vm *v, uint64_t pfn);
/* The slot is free again: everything that was the VM's or fed its tables is the host's. */
void model_gone(struct model *m, struct model_vm *v);

#endif
