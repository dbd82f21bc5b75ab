/* SPDX-License-Identifier: Apache-2.0 */
/* The CPUs that there are, and what EL2 keeps for each of them. */
#ifndef CORDON_CPU_H
#define CORDON_CPU_H

#include <stdbool.h>
#include <stdint.h>

#include "arch_guest.h"
#include "cordon/abi.h"
#include "base/generator.h"
#include "layout.h"
#include "mitigation.h"
#include "registers.h"
#include "sysreg.h"

/* The host's registers as the vectors save them. x19 .. x28 are not in the frame of an HVC. */
struct regs {
    uint64_t x[31];
    uint64_t unused;
};

/* CPU_ON goes OFF -> STARTING -> ON; CPU_OFF goes ON -> OFF. Changed by compare and exchange. */
enum cpu_state { CPU_STATE_OFF, CPU_STATE_STARTING, CPU_STATE_ON };

struct cpu {
    uint64_t stack;             /* tops; see layout.h */
    uint64_t panic_stack;
    uint64_t step_argument;     /* of what its vectors begin with: see mitigation.h */
    uint64_t host_vectors;      /* those of its step */
    uint64_t guest_vectors;
    struct mitigation mitigation;
    int32_t firmware[PREDICTIONS];  /* what its firmware has, for the host */
    bool bypass_open;           /* the host has told the firmware to let stores be bypassed */
    uint64_t mpidr;             /* affinity fields alone */
    uint32_t number;
    uint32_t state;             /* enum cpu_state */
    uint64_t entry;             /* where the host goes on when this CPU next enters it, and its x0 there */
    uint64_t context;
    uint64_t stat[CORDON_STATS];
    struct control_plan plan;   /* what EL2's control registers hold while the host runs, and while a guest does */
    bool has_pauth;
    bool has_sme;
    bool has_ras;
    bool has_pmu;
    uint64_t redistributor;     /* physical address of the first frame of its redistributor; 0: none was found */
    uint64_t sgi_frame;         /* of its redistributor, where we have it mapped; 0: none was found */
    uint32_t list_registers;    /* that it has, at most CORDON_INTERRUPTS */
    uint32_t priority_registers;    /* of each group: 1, 2 or 4 */
    bool has_legacy;            /* ICC_SRE_EL1.SRE can be 0: then a guest must not have it */
    bool listed;                /* a list register may be other than zero */
    bool timer_enabled;         /* PPI 27, and whether it is active: what was written last */
    bool timer_active;
    uint32_t breakpoints;       /* that it has, and watchpoints */
    uint32_t watchpoints;
    bool debug_loaded;          /* the guest that runs here has its own on this CPU */
    bool vectors_loaded;        /* the guest that runs here has its vector registers on this CPU */
    const struct vcpu *last_vcpu;   /* that has left translations here */
    /* The host's, while a guest runs. */
    uint64_t host_pc;
    uint64_t host_pstate;
    struct el1 host;
    uint64_t host_key[AUTH_KEYS];
    uint64_t host_sre;
    uint64_t host_tpidr2;
    uint64_t pmcr;
    /* And while a guest has its breakpoints and watchpoints here. */
    bool host_locked;
    uint64_t host_double_lock;
    struct debug_pair host_breakpoint[DEBUG_PAIRS], host_watchpoint[DEBUG_PAIRS];
    struct generator random;    /* of what guests draw on this CPU */
};

extern struct cpu *cpus;        /* in memory of the machine's, as many as it has; number 0 is the boot CPU */
extern uint32_t cpu_count;

/* TPIDR_EL2 never changes once a CPU runs C: the compiler may read it once for several uses. */
static inline struct cpu *this_cpu(void)
{
    struct cpu *cpu;

    __asm__("mrs %0, tpidr_el2" : "=r"(cpu));
    return cpu;
}

/* One more of what is counted. */
static inline void count(enum cordon_stat what)
{
    this_cpu()->stat[what]++;
}

#define MPIDR_AFFINITY UINT64_C(0xff00ffffff)

/* Bytes that `n` CPUs need, a multiple of the page size: stacks between guard pages, and a struct cpu for each. */
uint64_t cpus_size(uint32_t n);
/* Gives that memory, zeroed and mapped, to the CPUs. Single-threaded. */
void cpus_place(uint64_t base, uint32_t n);
/* Gives a CPU of the device tree the next slot; there must be one. The first is the boot CPU's. */
void cpu_add(uint64_t mpidr);
/* The CPU of an MPIDR_EL1 value; NULL when there is none. */
struct cpu *cpu_find(uint64_t mpidr);

#endif
