/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fixture of the guests' unit tests: host calls as a host makes them, VMs in each phase, and a guest that does what
 * a list of traps says. A guest's registers are set and looked at in its vCPU, which the core keeps in its frame.
 */
#ifndef TEST_GUEST_H
#define TEST_GUEST_H

#include "machine.h"

#include "guest/abort.h"
#include "front/hypercall.h"
#include "guest/exit.h"
#include "guest/vcpu.h"

/* ---- host calls ---- */

struct regs {
    uint64_t x[HYPERCALL_REGS];
};

/* One host call between sim_begin() and sim_end(); it must exist. */
struct regs host_call(struct machine *m, struct regs r);
/* HC(m, function, x1, ...): the rest is zero. */
#define HC(m, ...) host_call((m), (struct regs){ { __VA_ARGS__ } })
/* Its status alone. */
#define HS(m, ...) ((enum cordon_status)HC(m, __VA_ARGS__).x[0])

/* ---- guests ---- */

#define GUEST_RAM UINT64_C(0x80000000)
#define GUEST_RAM_SIZE (16 * MIB)
#define GUEST_GFN (GUEST_RAM / PAGE)
#define GUEST_ENTRY (GUEST_RAM + 0x1000)
#define GUEST_DEVICE UINT64_C(0x0a000000)
#define GUEST_X0 UINT64_C(0x1234567812345678)
#define GUEST_TRAPS 16
/* Pages that a call zeroes at most. */
#define CALL_PAGES UINT64_C(16)

struct guest {
    struct machine *m;
    uint64_t handle;
    uint32_t id;
    uint64_t next;          /* host frames from here on are nobody's; see guest_frames() */
    struct trap trap[GUEST_TRAPS];  /* why it comes out, one after the other; afterwards it is interrupted */
    uint32_t traps;
    uint32_t at;
    uint32_t resumes;       /* how often it went on */
    /* Called instead, when it is not NULL. */
    void (*play)(struct guest *g, struct vcpu *u, struct trap *t);
    uint64_t arg;           /* for it */
};

/* A VM that is built: memory, 16 free tables, vCPUs; its guest's traps come from *g. */
void guest_built(struct guest *g, struct machine *m, uint32_t vcpus);
/* It runs, vCPU 0 at GUEST_ENTRY with GUEST_X0. */
void guest_start(struct guest *g);
/* A small machine, with one that runs. */
void guest_new(struct guest *g, uint32_t vcpus);
/* A second VM on g's machine, played by the same traps. */
void guest_another(struct guest *other, struct guest *g, uint32_t vcpus);
/* Destroys the VM when it is there still, and checks and frees the machine. */
void guest_free(struct guest *g);
/* All calls of a teardown. */
enum cordon_status guest_destroy(struct guest *g);

/* n host frames that nobody has, the first a multiple of `align`. */
uint64_t guest_frames(struct guest *g, uint64_t n, uint64_t align);
/* Pages from host memory at a guest address, zeroed, by VM_MAP to its end; the first frame. */
uint64_t guest_map(struct guest *g, uint64_t gpa, uint64_t n);
/* The same as one 2 MiB block. */
uint64_t guest_map_block(struct guest *g, uint64_t gpa);

struct vm *guest_vm(struct guest *g);
struct vcpu *guest_vcpu(struct guest *g, uint32_t index);

/* ---- what it does ---- */

void guest_does(struct guest *g, struct trap t);

struct trap trap_sync(uint64_t class, uint64_t iss);
struct trap trap_hvc(uint64_t immediate);
struct trap trap_smc(uint64_t immediate);
/* iss: the syndrome's flags; a translation fault at level 3. */
struct trap trap_data(uint64_t ipa, uint64_t iss);
struct trap trap_fetch(uint64_t ipa);
struct trap trap_system(uint64_t op0, uint64_t op1, uint64_t crn, uint64_t crm, uint64_t op2, uint64_t rt, bool read);
/* A load or store that the syndrome describes. */
uint64_t iss_access(uint64_t bytes, uint64_t rt, bool write, bool sign, bool wide);

/* vCPU i runs, with an answer and without interrupts, and must come out; what the host then has. */
struct regs guest_run(struct guest *g, uint32_t index);
struct regs guest_answer(struct guest *g, uint32_t index, enum cordon_answer answer, uint64_t v0, uint64_t v1, uint64_t v2,
                         uint64_t v3);
/* The status of a run that is only tried. */
enum cordon_status guest_try(struct guest *g, uint32_t index);

/* HVC with these registers; x0 .. x3 afterwards. *out, if not NULL, is what the host has. */
struct regs guest_call(struct guest *g, uint32_t index, uint32_t function, uint64_t x1, uint64_t x2, uint64_t x3,
                       struct regs *out);

/* ---- assertions ---- */

/* Every register of what the host has, to the bit: the exit and its values, no timer, no interrupts. */
void exit_is(struct regs r, enum cordon_exit exit, uint64_t x2, uint64_t x3, uint64_t x4, uint64_t x5, const char *file,
             int line);
#define assert_exit(r, exit, x2, x3, x4, x5) exit_is((r), (exit), (x2), (x3), (x4), (x5), __FILE__, __LINE__)
#define assert_interrupted(r) assert_exit((r), CORDON_EXIT_INTERRUPTED, 0, 0, 0, 0)

/* All of a vCPU's registers get values that are seen nowhere else. */
void guest_secrets(struct vcpu *u, uint64_t salt);

/* ---- a call with many registers ---- */

#define GUEST_CALL_REGS 18

struct guest_call {
    uint64_t x[GUEST_CALL_REGS];
};

/*
 * By HVC of vCPU 0 of `who`, whatever it had in its registers before; `player` is the guest that plays them all. The registers
 * behind these are as they were. What is in these afterwards.
 */
struct guest_call guest_calls(struct guest *player, struct guest *who, struct guest_call c);

#endif
