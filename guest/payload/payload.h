/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bare guest at EL1 that tests what a guest can see of its hypervisor. Words on its command line choose the tests
 * (main.c). It runs with the MMU on, memory mapped flat; C code touches no FP register.
 */
#ifndef PAYLOAD_H
#define PAYLOAD_H

#include "layout.h"
#include "machine.h"
#include "test_calls.h"

#include <cordon/abi.h>
#include <cordon/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE 4096ull
#define BLOCK 0x200000ull
#define HOLE 0x02000000ull          /* an address with nothing behind it */

/* Calls of KVM's protected guests. */
#define KVM_FEATURES 0x86000000u
#define KVM_HYP_MEMINFO 0xc6000002u
#define KVM_MEM_SHARE 0xc6000003u
#define KVM_MEM_UNSHARE 0xc6000004u
#define KVM_MMIO_GUARD 0xc6000007u
#define KVM_INVALID (-3)

/* ---- CPUs ---- */

#define DEBUG_EVENTS 16

struct cpu {
    uint8_t *stack;                 /* CPU_STACK: its end */
    uint32_t index;
    volatile bool expects;          /* an exception is looked for */
    volatile uint32_t faults;       /* how many came */
    volatile uint64_t esr;          /* the last one */
    volatile uint64_t far;
    volatile uint32_t irqs[64];     /* taken, by INTID */
    volatile bool debugs;           /* debug exceptions are looked for: how many came, of which class, and where */
    volatile uint32_t debugged;
    volatile uint64_t debug_class[DEBUG_EVENTS], debug_at[DEBUG_EVENTS];
    uint64_t (*volatile job)(uint64_t argument);
    volatile uint64_t argument, result;
    volatile bool done;
};

extern struct cpu cpus[CPUS_MAX];

static inline struct cpu *this_cpu(void)
{
    struct cpu *cpu;

    __asm__ volatile("mrs %0, tpidr_el1" : "=r"(cpu));
    return cpu;
}

/* Starts vCPU `index` on a job; waits for its result and until it is off again. False: it did not, within seconds. */
bool cpu_start(uint32_t index, uint64_t (*job)(uint64_t argument), uint64_t argument);
bool cpu_join(uint32_t index, uint64_t *result);

/* ---- how it was started ---- */

struct boot {
    uint64_t x0, x1, x2, x3;
    uint64_t sctlr;
    uint64_t current_el;
};

extern struct boot boot;

/* ---- the machine, from the device tree ---- */

struct machine {
    const uint8_t *tree;
    uint32_t tree_size;
    uint64_t ram, ram_size;
    uint32_t cpus;
    const char *words;              /* the command line */
    uint64_t free;                  /* where memory begins that nothing uses: a multiple of BLOCK */
    bool cordon;                    /* the hypervisor says that it is Cordon */
    bool host;                      /* the launcher answers test calls */
};

extern struct machine machine;

/* Reads the tree; false when it is none, or lacks what is needed. */
bool machine_read(const void *tree);
/* A word of the command line: its text behind "name=", or NULL. */
const char *machine_word(const char *name);
uint64_t machine_number(const char *name, uint64_t otherwise);
/* The end of memory that may be used. */
static inline uint64_t machine_end(void)
{
    return machine.ram + machine.ram_size;
}

/* ---- printing: %s needs TEXT(); all others are 64-bit numbers: %u, %d, %x ---- */

#define TEXT(s) ((uint64_t)(uintptr_t)(s))
#define say(format, ...) say_values(format, (const uint64_t[]){ 0, ##__VA_ARGS__ } + 1)
void say_values(const char *format, const uint64_t *values);
/* The same behind "FAIL NAME: ". */
void say_about(const char *name, const char *format, const uint64_t *values);

/* ---- tests ---- */

struct test {
    const char *word;               /* the group */
    const char *name;
    void (*run)(void);
    uint32_t needs;
};

#define NEEDS_CORDON 1u
#define NEEDS_HOST 2u               /* and --test-calls */
#define NEEDS_TWO 4u                /* vCPUs */
#define NEEDS_NAME 8u               /* its word; "all" does not do */

/* In a test: the first claim that is false is told with these values, and ends the test. */
#define CHECK(claim, format, ...) \
    do { \
        if (!(claim)) { \
            test_fail(format, (const uint64_t[]){ 0, ##__VA_ARGS__ } + 1); \
            return; \
        } \
    } while (0)
void test_fail(const char *format, const uint64_t *values);
/* For an exception that no test expects: tells it and powers off. */
void die(const char *format, const uint64_t *values) __attribute__((noreturn));

extern const struct test boot_tests[], memory_tests[], share_tests[], psci_tests[], time_tests[], register_tests[], storm_tests[],
    secret_tests[], random_tests[], debug_tests[], bench_tests[];

/* ---- calls ---- */

struct answer {
    uint64_t x0, x1, x2, x3;
};

#define CALL(name, instruction) \
    static inline struct answer name(uint64_t f, uint64_t a, uint64_t b, uint64_t c, uint64_t d) \
    { \
        register uint64_t x0 __asm__("x0") = f; \
        register uint64_t x1 __asm__("x1") = a; \
        register uint64_t x2 __asm__("x2") = b; \
        register uint64_t x3 __asm__("x3") = c; \
        register uint64_t x4 __asm__("x4") = d; \
        __asm__ volatile(instruction : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3), "+r"(x4) : : "memory"); \
        return (struct answer){ x0, x1, x2, x3 }; \
    }
CALL(hvc, "hvc #0")
CALL(hvc_odd, "hvc #1")
CALL(smc, "smc #0")

static inline struct answer host(uint64_t operation, uint64_t a, uint64_t b, uint64_t c)
{
    return hvc(CORDON_GUEST_HOST, operation, a, b, c);
}

/* A call for a range, until it is done. The totals; x0: the last status, x1: pages done. */
struct answer range_call(uint64_t function, uint64_t gpa, uint64_t size);

#define PSCI_VERSION 0x84000000u
#define PSCI_CPU_SUSPEND 0xc4000001u
#define PSCI_CPU_OFF 0x84000002u
#define PSCI_CPU_ON 0xc4000003u
#define PSCI_AFFINITY_INFO 0xc4000004u
#define PSCI_MIGRATE_INFO_TYPE 0x84000006u
#define PSCI_SYSTEM_OFF 0x84000008u
#define PSCI_SYSTEM_RESET 0x84000009u
#define PSCI_FEATURES 0x8400000au

/* ---- registers, memory, time ---- */

#define STRINGIFY(x) #x
#define READ_REGISTER(name) \
    ({ \
        uint64_t value_; \
        __asm__ volatile("mrs %0, " STRINGIFY(name) : "=r"(value_) : : "memory"); \
        value_; \
    })
#define WRITE_REGISTER(name, value) __asm__ volatile("msr " STRINGIFY(name) ", %x0\n isb" : : "rZ"((uint64_t)(value)) : "memory")

/* Runs a statement that may meet an exception, which is then skipped. How many came. */
#define FAULTS_OF(statement) \
    ({ \
        struct cpu *cpu_ = this_cpu(); \
        cpu_->faults = 0; \
        cpu_->expects = true; \
        statement; \
        __asm__ volatile("dsb sy\n isb" : : : "memory"); /* what it does has been done */ \
        cpu_->expects = false; \
        cpu_->faults; \
    })
#define EXCEPTION_CLASS(esr) ((esr) >> 26 & 0x3f)
#define EC_UNKNOWN 0
#define EC_FETCH 0x21               /* from the same exception level */
#define EC_DATA 0x25
#define EC_BREAKPOINT 0x31
#define EC_STEP 0x33
#define EC_WATCHPOINT 0x35

static inline volatile uint64_t *word_at(uint64_t address)
{
    return (volatile uint64_t *)(uintptr_t)address;
}

/* Devices: the plainest instructions, as the hypervisor has to see from them what they do. */
#define DEVICE_ACCESS(bits, type, suffix, register) \
    static inline type read##bits(uint64_t at) \
    { \
        type value; \
        __asm__ volatile("ldr" suffix " %" register "0, [%1]" : "=r"(value) : "r"(at) : "memory"); \
        return value; \
    } \
    static inline void write##bits(uint64_t at, type value) \
    { \
        __asm__ volatile("str" suffix " %" register "0, [%1]" : : "r"(value), "r"(at) : "memory"); \
    }
DEVICE_ACCESS(8, uint8_t, "b", "w")
DEVICE_ACCESS(16, uint16_t, "h", "w")
DEVICE_ACCESS(32, uint32_t, "", "w")
DEVICE_ACCESS(64, uint64_t, "", "x")

/* Whether all of a page is zero. */
bool page_is_zero(uint64_t page);

uint64_t now_us(void);
static inline void relax(void)
{
    __asm__ volatile("yield" : : : "memory");
}

void fp_fill(const uint64_t value[64]);
void fp_store(uint64_t value[64]);
#define ACROSS_READ 0               /* a byte at the address */
#define ACROSS_WRITE 1
#define ACROSS_CALL 2
#define ACROSS_READ_64 3
#define ACROSS_WFE 4
uint64_t registers_across(int what, uint64_t seed, uint64_t address);

/* ---- interrupts ---- */

#define TIMER_INTID CORDON_TIMER_INTID
#define PHYSICAL_INTID CORDON_PHYSICAL_TIMER_INTID

void gic_start(void);                       /* the distributor, once */
void gic_start_cpu(void);                   /* this CPU's part; takes interrupts from then on */
void gic_enable_private(uint32_t intid, bool on);       /* this CPU's */
void gic_enable_spi(uint32_t intid, bool on);
void gic_send(uint64_t targets, uint32_t intid, bool all_others);
uint32_t gic_take(void);                    /* an interrupt on this CPU: acknowledged, counted, ended */
static inline void interrupts_off(void)
{
    __asm__ volatile("msr daifset, #2" : : : "memory");
}
static inline void interrupts_on(void)
{
    __asm__ volatile("msr daifclr, #2" : : : "memory");
}

/* The virtual timer: fires once, its handler switches it off. */
void timer_set(uint64_t us);
/* Sleeps by WFI. */
void sleep_us(uint64_t us);
void sleep_until_irq(uint32_t intid, uint32_t before);

#endif
