/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An executable model of the host's and the guests' calls, written from <cordon/abi.h> and docs/EXITS.md: plain arrays, no
 * tables, no locks, nothing shared with core/ but numbers. Each function answers what one call must answer, and changes
 * the model when that is OK. Where the core chooses how far a call goes, the model is told and says what is right then.
 */
#ifndef GUESTS_MODEL_H
#define GUESTS_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "cordon/abi.h"
#include "cordon/addr.h"
#include "cordon/status.h"

#define SLOTS 3
#define VCPUS 3
#define BASE_FRAME UINT64_C(0x40000)
#define FRAMES UINT64_C(1536)
#define CORE_FRAMES 8
#define GUEST_RAM UINT64_C(0x80000000)
#define GUEST_PAGES UINT64_C(2048)

#define CALL_PAGES UINT64_C(16)     /* that one call zeroes at most */
#define HOST 0u
#define CORE UINT32_MAX

enum life { GONE, LIVE, DYING };
enum power { OFF, STARTING, ON };
enum asked { NOTHING, MEMORY, READ, WRITE, CALL };

struct frame_state {
    uint32_t owner;             /* HOST, CORE or a VM's id */
    uint32_t lent;              /* CORE: the VM that it was given for */
    uint32_t count;
    uint64_t gfn;               /* from the start of GUEST_RAM */
    uint64_t word;              /* the first */
};

struct vcpu_state {
    bool made;
    enum power power;
    enum asked asked;
    unsigned rt;                /* of a read */
    uint16_t sgis;
};

/* A device that VMs can be given. Its windows have numbers of BARs; pages 0: there is none. */
#define DEVICES 3

enum stage { THE_HOSTS, LEAVING, GIVEN, OPEN, RETURNING };

struct model_device {
    uint64_t frame;             /* its name */
    uint32_t id;
    uint32_t vm;                /* who has it */
    enum stage stage;
    struct {
        uint64_t first, pages;
        uint64_t gfn, mapped;   /* from guest address 0 */
    } window[CORDON_DEVICE_WINDOWS];
};

struct model_vm {
    enum life life;
    enum cordon_phase phase;
    uint64_t generation;
    bool started;
    uint32_t vcpus;
    struct vcpu_state vcpu[VCPUS];
    struct { uint64_t first, end; } range[CORDON_MEMORY_RANGES];
    uint32_t ranges;
    bool loading;               /* a page is in work */
    uint64_t load_gfn, load_frame;
    uint64_t map[GUEST_PAGES];  /* frame, 0: nothing */
};

struct model {
    struct frame_state frame[FRAMES];
    struct model_vm vm[SLOTS + 1];          /* by id */
    struct model_device device[DEVICES];
    bool smmu;                  /* without one no device is given */
    bool dry;                   /* the VM's pool has too few tables for what is asked: NO_MEMORY is right */
};

void model_init(struct model *m);
struct frame_state *model_frame(struct model *m, uint64_t frame);

/* The VM of a handle in any life; NULL: none. */
struct model_vm *model_vm(struct model *m, uint64_t handle);
uint32_t model_id(struct model *m, const struct model_vm *v);
uint64_t model_frames_of(struct model *m, uint32_t id);
/* Whether gfn .. gfn+n-1 are declared. gfn counts from guest address 0. */
bool model_has(const struct model_vm *v, uint64_t gfn, uint64_t n);

enum cordon_status model_create(struct model *m, uint64_t root, uint64_t vcpus, uint64_t *handle);
enum cordon_status model_donate(struct model *m, uint64_t handle, uint64_t frame, uint64_t n);
enum cordon_status model_memory(struct model *m, uint64_t handle, uint64_t base, uint64_t size);
enum cordon_status model_vcpu_create(struct model *m, uint64_t handle, uint64_t index, uint64_t frame);
/* finished: the core says that the page is done. */
enum cordon_status model_load(struct model *m, uint64_t handle, uint64_t gpa, uint64_t frame, uint64_t num, bool finished);
enum cordon_status model_start(struct model *m, uint64_t handle, uint64_t entry);
enum cordon_status model_map(struct model *m, uint64_t handle, uint64_t gpa, uint64_t frame, uint64_t num, uint64_t *done);
enum cordon_status model_block(struct model *m, uint64_t handle, uint64_t gpa, uint64_t frame);
enum cordon_status model_clear(struct model *m, uint64_t handle, uint64_t frame, uint64_t num, uint64_t *done, uint64_t *changed);
enum cordon_status model_stop(struct model *m, uint64_t handle);
/* What one call of a teardown answers is the core's choice of work: the model says NO_VM or OK, the caller follows. */
enum cordon_status model_destroy(struct model *m, uint64_t handle);
void model_gone(struct model *m, struct model_vm *v);
/* A frame is the host's again, zeroed. */
void model_return(struct model *m, uint64_t frame);

/* finished: the core says that the device is attached, or the host's again; how many calls that takes is its choice. */
enum cordon_status model_attach(struct model *m, uint64_t handle, uint64_t frame, bool finished);
enum cordon_status model_device_map(struct model *m, uint64_t handle, uint64_t frame, uint64_t window, uint64_t gpa,
                                    uint64_t *done);
enum cordon_status model_open(struct model *m, uint64_t handle, uint64_t frame);
enum cordon_status model_detach(struct model *m, uint64_t handle, uint64_t frame, bool finished);
/* Devices of a VM. */
unsigned model_devices_of(const struct model *m, uint32_t id);
/* The frame of a window that the VM has at gfn; 0: none. */
uint64_t model_window_at(const struct model *m, uint32_t id, uint64_t gfn);

/* Before the guest goes on: NO_VM, STATE, NO_VCPU, OFF, ANSWER, or OK. */
enum cordon_status model_run(struct model *m, uint64_t handle, uint64_t index, uint64_t answer);

/* n pages of a guest's from gfn on, counted from GUEST_RAM: how many changed. */
uint64_t model_grant(struct model *m, struct model_vm *v, uint64_t gfn, uint64_t n);
uint64_t model_revoke(struct model *m, struct model_vm *v, uint64_t gfn, uint64_t n);
/* A page that has no grant gets one, or one that has one loses it: KVM's way. Whether it was so. */
bool model_turn(struct model *m, struct model_vm *v, uint64_t gfn, bool shared);
uint64_t model_relinquish(struct model *m, struct model_vm *v, uint64_t gfn, uint64_t n);

#endif
