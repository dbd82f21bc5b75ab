/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hypercalls of Cordon, version 1: what a host kernel needs to know and nothing else. Plain C for any compiler.
 *
 * Calls follow the SMC Calling Convention (Arm DEN 0028), by HVC #0 or SMC #0, in the range of vendor hypervisors. The
 * function number is in w0, arguments in x1 .., results in x0 .. x3; all other registers are kept. A call that does
 * not exist, or an immediate other than 0, answers CORDON_NOT_SUPPORTED and changes nothing.
 *
 * No call takes an address that Cordon would write to: results are registers alone.
 */
#ifndef CORDON_ABI_H
#define CORDON_ABI_H

#define CORDON_ABI_MAJOR 1      /* raised when a call changes its meaning */
#define CORDON_ABI_MINOR 0      /* raised when calls are added */

/* SMCCC's own answers in x0: 64-bit -1 and -3. Results of calls are never negative. */
#define CORDON_NOT_SUPPORTED (-1)
#define CORDON_INVALID (-3)

/* ---- discovery: the same function numbers for every hypervisor ---- */

/* w0 .. w3: the UID 6f5a2ad1-2c8e-4b0f-9d37-52b1c60e7a94, as SMCCC lays it out. */
#define CORDON_CALL_UID 0x8600ff01u
#define CORDON_UID_0 0x6f5a2ad1u
#define CORDON_UID_1 0x2c8e4b0fu
#define CORDON_UID_2 0x9d3752b1u
#define CORDON_UID_3 0xc60e7a94u

/* x0: CORDON_ABI_MAJOR; x1: CORDON_ABI_MINOR. */
#define CORDON_CALL_REVISION 0x8600ff03u

/* ---- calls of Cordon ---- */

/* x1: a function number of this file. x0: 0 when it exists, else CORDON_NOT_SUPPORTED. */
#define CORDON_CALL_FEATURES 0xc6000000u

/* x1: enum cordon_stat. x0: 0, x1: the count over all CPUs. CORDON_INVALID: no such number. */
#define CORDON_CALL_STATISTIC 0xc6000001u

/*
 * x1: the number of a log record; they count from 0. x0: 0, x1: event + CPU * 2^32, x2, x3: the event's values.
 * x0 = 1: it is gone; x1: the oldest that is there. x0 = 2: it has not been written yet; x1: the number it waits for.
 */
#define CORDON_CALL_LOG 0xc6000002u

/*
 * Who owns the physical memory from the frame x1 on. x0: 0; x1: the frame behind the run of like frames; x2: owner
 * (enum cordon_owner) + VM * 2^16 + grants * 2^32; x3: guest frame number of the first, 0 unless a VM owns it. A run
 * is looked for within 2 MiB of RAM: the next call goes on. CORDON_INVALID: no frame number.
 */
#define CORDON_CALL_MAP 0xc6000003u

#define CORDON_CALL_FIRST CORDON_CALL_FEATURES
#define CORDON_CALL_LAST CORDON_CALL_MAP

/* ---- what is counted ---- */

/* X(NAME, number, word) */
#define CORDON_STAT_LIST(X) \
    X(HYPERCALL, 0, "hypercalls") \
    X(SMC, 1, "SMCs of the host") \
    X(FAULT_MAPPED, 2, "host faults that were served by a mapping") \
    X(FAULT_DENIED, 3, "host accesses that were answered by an abort") \
    X(MMIO, 4, "device accesses that were done on the host's behalf") \
    X(UNDEFINED, 5, "instructions that were answered as undefined") \
    X(CPU_ON, 6, "CPUs that the host has started") \
    X(CPU_OFF, 7, "CPUs that the host has stopped") \
    X(UNKNOWN_CALL, 8, "calls that do not exist")

enum cordon_stat {
#define CORDON_STAT_ENUM(name, number, word) CORDON_STAT_##name = (number),
    CORDON_STAT_LIST(CORDON_STAT_ENUM)
#undef CORDON_STAT_ENUM
    CORDON_STATS
};

/* ---- what is logged ---- */

/* X(NAME, number, text, first value, second value) */
#define CORDON_EVENT_LIST(X) \
    X(BOOT, 1, "booted", "frames of RAM", "frames of the core") \
    X(CPU_ON, 2, "CPU started", "MPIDR", "entry") \
    X(CPU_OFF, 3, "CPU stopped", "MPIDR", "reason") \
    X(DENIED, 4, "access denied", "address", "PC") \
    X(UNDEFINED, 5, "instruction denied", "ESR", "PC") \
    X(UNKNOWN_CALL, 6, "unknown call", "function", "PC") \
    X(MMIO_DENIED, 7, "device register denied", "address", "PC")

enum cordon_event {
#define CORDON_EVENT_ENUM(name, number, text, first, second) CORDON_EVENT_##name = (number),
    CORDON_EVENT_LIST(CORDON_EVENT_ENUM)
#undef CORDON_EVENT_ENUM
};

/* ---- who owns memory ---- */

enum cordon_owner {
    CORDON_OWNER_HOST = 0,
    CORDON_OWNER_CORE = 1,
    CORDON_OWNER_VM = 2,
    CORDON_OWNER_PENDING = 3,   /* handed to a VM through its device tables, not used by it yet */
    CORDON_OWNER_DEVICE = 4,    /* no RAM, and the host may map it */
    CORDON_OWNER_HIDDEN = 5     /* no RAM, and the host may not */
};

#endif
