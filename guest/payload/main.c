/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The payload: what the words of its command line choose, a line for each test, and the end by PSCI.
 *
 *   boot memory grant relinquish psci timer sgi fp sysreg debug random storm secret     the tests of that group; all: all of them
 *   process         another process of the host reads the guest's memory; only by name, as the host's kernel may not live on
 *   bench, load     no tests: what is counted from outside; turns=N of each, 200 without (bench.c)
 *   bare            tests that need Cordon or the launcher's test calls are skipped where these are missing; without
 *                   this word they fail
 *   spin, reset     ends in an endless loop, or by a reset
 *   seed=N count=N  of the storm      mib=N seconds=N  of the secret
 */
#include "payload.h"

#define STACK_SIZE 16384u

static uint8_t stacks[CPUS_MAX][STACK_SIZE] __attribute__((aligned(16)));

#define CPU(i) { .stack = stacks[i] + STACK_SIZE, .index = (i) }
struct cpu cpus[CPUS_MAX] = { CPU(0), CPU(1), CPU(2), CPU(3), CPU(4), CPU(5), CPU(6), CPU(7),
                              CPU(8), CPU(9), CPU(10), CPU(11), CPU(12), CPU(13), CPU(14), CPU(15) };
_Static_assert(offsetof(struct cpu, stack) == CPU_STACK, "head.S");

static const struct test *const groups[] = {
    boot_tests, memory_tests, share_tests, psci_tests, time_tests, register_tests, storm_tests, secret_tests,
    random_tests, debug_tests, bench_tests,
};

struct boot boot;

static const struct test *running;
static volatile bool failed;
static uint32_t passed_count, failed_count, skipped_count;

void test_fail(const char *format, const uint64_t *values)
{
    failed = true;
    say_about(running ? running->name : "start", format, values);
}

static void __attribute__((noreturn)) power_off(uint32_t function)
{
    hvc(function, 0, 0, 0, 0);
    say("FAIL power: PSCI came back");
    for (;;)
        __asm__ volatile("wfi");
}

void die(const char *format, const uint64_t *values)
{
    test_fail(format, values);
    power_off(PSCI_SYSTEM_OFF);
}

/* NULL when a test can be run, else why not. */
static const char *obstacle(const struct test *t)
{
    if ((t->needs & NEEDS_CORDON) && !machine.cordon)
        return "the hypervisor does not say that it is Cordon";
    if ((t->needs & NEEDS_HOST) && !machine.host)
        return "the launcher answers no test calls (--test-calls)";
    return NULL;
}

static void run(const struct test *t)
{
    const char *why = obstacle(t);

    running = t;
    failed = false;
    if ((t->needs & NEEDS_TWO) && machine.cpus < 2) {
        say("skip %s: it needs two vCPUs", TEXT(t->name));
        skipped_count++;
        return;
    }
    if (why && machine_word("bare")) {
        say("skip %s: %s", TEXT(t->name), TEXT(why));
        skipped_count++;
        return;
    }
    if (why)
        test_fail("%s", (const uint64_t[]){ TEXT(why) });
    else
        t->run();
    if (!failed)
        say("ok %s", TEXT(t->name));
    passed_count += !failed;
    failed_count += failed;
}

static bool is_cordon(void)
{
    struct answer a = hvc(CORDON_GUEST_UID, 0, 0, 0, 0);

    return a.x0 == CORDON_UID_0 && a.x1 == CORDON_UID_1 && a.x2 == CORDON_UID_2 && a.x3 == CORDON_UID_3;
}

static void run_groups(void)
{
    bool all = machine_word("all");

    for (uint32_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++)
        for (const struct test *t = groups[g]; t->word; t++)
            if ((all && !(t->needs & NEEDS_NAME)) || machine_word(t->word))
                run(t);
    running = NULL;
    if (passed_count + failed_count + skipped_count == 0 && !machine_word("spin") && !machine_word("reset"))
        say("FAIL start: no word that names a test; see main.c");
}

/* Called by head.S with what the loader left in the registers. */
void main(uint64_t x0, uint64_t x1, uint64_t x2, uint64_t x3, uint64_t sctlr, uint64_t current_el)
{
    boot = (struct boot){ x0, x1, x2, x3, sctlr, current_el };
    if (!machine_read((const void *)(uintptr_t)x0))
        die("no device tree at x0 = %x", (const uint64_t[]){ x0 });
    machine.cordon = is_cordon();
    machine.host = (int64_t)host(0, 0, 0, 0).x0 == VMM_ANSWER_INVALID;
    say("%u vCPUs, memory %x + %x, Cordon: %s, test calls: %s", machine.cpus, machine.ram, machine.ram_size,
        TEXT(machine.cordon ? "yes" : "no"), TEXT(machine.host ? "yes" : "no"));
    gic_start();
    gic_start_cpu();
    run_groups();
    say("done: %u passed, %u failed, %u skipped", passed_count, failed_count, skipped_count);
    if (machine_word("spin")) {
        say("spins");
        for (;;)
            relax();
    }
    power_off(machine_word("reset") ? PSCI_SYSTEM_RESET : PSCI_SYSTEM_OFF);
}

/* ---- other CPUs ---- */

extern void secondary_entry(void);

/* Called by head.S on a CPU that PSCI has started. */
void secondary_main(void)
{
    struct cpu *cpu = this_cpu();

    gic_start_cpu();
    cpu->result = cpu->job(cpu->argument);
    interrupts_off();
    __atomic_store_n(&cpu->done, true, __ATOMIC_RELEASE);
    hvc(PSCI_CPU_OFF, 0, 0, 0, 0);
    die("CPU_OFF came back", NULL);
}

bool cpu_start(uint32_t index, uint64_t (*job)(uint64_t argument), uint64_t argument)
{
    struct cpu *cpu = &cpus[index];

    cpu->job = job;
    cpu->argument = argument;
    cpu->done = false;
    __asm__ volatile("dsb sy" : : : "memory");      /* what the new CPU reads, before it is started */
    return hvc(PSCI_CPU_ON, index, (uint64_t)(uintptr_t)secondary_entry, (uint64_t)(uintptr_t)cpu, 0).x0 == 0;
}

bool cpu_join(uint32_t index, uint64_t *result)
{
    uint64_t limit = now_us() + 20 * 1000 * 1000;
    struct cpu *cpu = &cpus[index];

    while (!__atomic_load_n(&cpu->done, __ATOMIC_ACQUIRE))
        if (now_us() > limit)
            return false;
    while (hvc(PSCI_AFFINITY_INFO, index, 0, 0, 0).x0 != 1)
        if (now_us() > limit)
            return false;
    if (result)
        *result = cpu->result;
    return true;
}

/* ---- what several tests need ---- */

struct answer range_call(uint64_t function, uint64_t gpa, uint64_t size)
{
    struct answer total = { 0 };

    for (;;) {
        struct answer a = hvc(function, gpa, size, 0, 0);

        total.x0 = a.x0;
        if (a.x0 != CORDON_OK && a.x0 != CORDON_AGAIN)
            return total;
        total.x1 += a.x1;
        total.x2 += a.x2;
        total.x3 += a.x3;
        if (a.x0 == CORDON_OK || a.x1 * PAGE >= size)
            return total;
        gpa += a.x1 * PAGE;
        size -= a.x1 * PAGE;
    }
}

bool page_is_zero(uint64_t page)
{
    const volatile uint64_t *at = word_at(page);

    for (uint32_t i = 0; i < PAGE / 8; i++)
        if (at[i])
            return false;
    return true;
}

uint64_t now_us(void)
{
    __asm__ volatile("isb" : : : "memory");        /* the counter is not read before what came first */
    return READ_REGISTER(cntvct_el0) / (READ_REGISTER(cntfrq_el0) / 1000000);
}
