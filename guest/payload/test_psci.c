/* SPDX-License-Identifier: Apache-2.0 */
/* PSCI, Arm DEN 0022: the calls that a guest has, and the same with arguments that are wrong. */
#include "payload.h"

#define SUCCESS 0
#define NOT_SUPPORTED (-1)
#define INVALID_PARAMETERS (-2)
#define ALREADY_ON (-4)
#define INVALID_ADDRESS (-9)
#define ON 0
#define OFF 1
#define ROUNDS 1000u

extern void secondary_entry(void);

static int64_t psci(uint32_t function, uint64_t a, uint64_t b, uint64_t c)
{
    return (int64_t)hvc(function, a, b, c, 0).x0;
}

static void version(void)
{
    static const uint32_t has[] = { PSCI_VERSION, PSCI_CPU_SUSPEND, PSCI_CPU_OFF, PSCI_CPU_ON, PSCI_AFFINITY_INFO,
                                    PSCI_SYSTEM_OFF, PSCI_SYSTEM_RESET, PSCI_FEATURES };

    CHECK(psci(PSCI_VERSION, 0, 0, 0) >= 0x10000, "version %x", psci(PSCI_VERSION, 0, 0, 0));
    for (uint32_t i = 0; i < sizeof(has) / sizeof(has[0]); i++)
        CHECK(psci(PSCI_FEATURES, has[i], 0, 0) >= 0, "%x is missing", has[i]);
    CHECK(psci(PSCI_FEATURES, 0x8400ffff, 0, 0) == NOT_SUPPORTED, "FEATURES knows 0x8400ffff");
    CHECK(psci(PSCI_MIGRATE_INFO_TYPE, 0, 0, 0) == 2 || psci(PSCI_MIGRATE_INFO_TYPE, 0, 0, 0) == NOT_SUPPORTED,
          "MIGRATE_INFO_TYPE: %d", psci(PSCI_MIGRATE_INFO_TYPE, 0, 0, 0));
}

/*
 * What the guest is told against predictions: of branch targets, of stores, of branch history. Who starts it knows what is true of
 * the CPU. A call that was offered is done, or need not be; one that was not is none.
 */
static void workarounds(void)
{
    static const uint32_t call[] = { 0x80008000, 0x80007fff, 0x80003fff };
    int64_t told[3];

    for (uint32_t i = 0; i < 3; i++) {
        told[i] = psci(0x80000001, call[i], 0, 0);
        CHECK(psci(call[i], 0, 0, 0) == (told[i] == NOT_SUPPORTED ? NOT_SUPPORTED : SUCCESS), "%x is not as was told: %d", call[i], told[i]);
    }
    say("psci: workarounds: %d %d %d", told[0], told[1], told[2]);
}

static void affinity(void)
{
    CHECK(psci(PSCI_AFFINITY_INFO, 0, 0, 0) == ON, "of itself: %d", psci(PSCI_AFFINITY_INFO, 0, 0, 0));
    for (uint32_t i = 1; i < machine.cpus; i++)
        CHECK(psci(PSCI_AFFINITY_INFO, i, 0, 0) == OFF, "of vCPU %u: %d", i, psci(PSCI_AFFINITY_INFO, i, 0, 0));
    CHECK(psci(PSCI_AFFINITY_INFO, machine.cpus, 0, 0) == INVALID_PARAMETERS, "of no vCPU: %d",
          psci(PSCI_AFFINITY_INFO, machine.cpus, 0, 0));
    CHECK(psci(PSCI_AFFINITY_INFO, ~0ull, 0, 0) == INVALID_PARAMETERS, "of -1: %d", psci(PSCI_AFFINITY_INFO, ~0ull, 0, 0));
}

static void bad_calls(void)
{
    uint64_t entry = (uint64_t)(uintptr_t)secondary_entry;

    CHECK(psci(PSCI_CPU_ON, 0, entry, 0) == ALREADY_ON, "CPU_ON of itself: %d", psci(PSCI_CPU_ON, 0, entry, 0));
    CHECK(psci(PSCI_CPU_ON, machine.cpus, entry, 0) == INVALID_PARAMETERS, "CPU_ON of no vCPU: %d",
          psci(PSCI_CPU_ON, machine.cpus, entry, 0));
    CHECK(psci(PSCI_CPU_ON, 1ull << 40, entry, 0) == INVALID_PARAMETERS, "CPU_ON of 2^40: %d",
          psci(PSCI_CPU_ON, 1ull << 40, entry, 0));
    CHECK(psci(PSCI_FEATURES, ~0ull, 0, 0) == NOT_SUPPORTED, "FEATURES of -1: %d", psci(PSCI_FEATURES, ~0ull, 0, 0));
}

/* Entries that lie outside of memory, or on no instruction. */
static void bad_entries(void)
{
    static const uint64_t entries[] = { 0, HOLE, UART_BASE, 1ull << 50, ~0ull, RAM_BASE + 2 };
    int64_t answer;

    for (uint32_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        answer = psci(PSCI_CPU_ON, 1, entries[i], 0);
        CHECK(answer == INVALID_ADDRESS, "CPU_ON at %x: %d", entries[i], answer);
    }
    answer = psci(PSCI_CPU_ON, 1, machine_end(), 0);
    CHECK(answer == INVALID_ADDRESS, "CPU_ON behind memory: %d", answer);
}

/* ---- two at once ---- */

static volatile uint32_t turn;

static uint64_t count_odd(uint64_t argument)
{
    for (uint32_t i = 0; i < ROUNDS; i++) {
        while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) != 2 * i + 1)
            relax();
        __atomic_store_n(&turn, 2 * i + 2, __ATOMIC_RELEASE);
    }
    return argument + READ_REGISTER(mpidr_el1);
}

/* Each waits for the other's step: neither can go on unless both run. */
static void both_run(void)
{
    uint64_t limit = now_us() + 20000000;
    uint64_t result = 0;

    turn = 0;
    CHECK(cpu_start(1, count_odd, 1000), "CPU_ON failed");
    for (uint32_t i = 0; i < ROUNDS; i++) {
        while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) != 2 * i)
            CHECK(now_us() < limit, "vCPU 1 stops at %u", turn);
        __atomic_store_n(&turn, 2 * i + 1, __ATOMIC_RELEASE);
    }
    CHECK(cpu_join(1, &result), "vCPU 1 does not end");
    CHECK((result & 0xffffff) == 1001, "it returns %x: argument and MPIDR", result);
}

static uint64_t wait_for_turn(uint64_t argument)
{
    while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) != argument)
        relax();
    return 0;
}

static void on_and_off(void)
{
    for (uint32_t i = 1; i <= 20; i++) {
        turn = 0;
        CHECK(cpu_start(1, wait_for_turn, i), "turn %u: CPU_ON failed", i);
        CHECK(psci(PSCI_CPU_ON, 1, (uint64_t)(uintptr_t)secondary_entry, 0) != SUCCESS, "turn %u: started twice", i);
        while (psci(PSCI_AFFINITY_INFO, 1, 0, 0) != ON)
            relax();
        CHECK(psci(PSCI_CPU_ON, 1, (uint64_t)(uintptr_t)secondary_entry, 0) == ALREADY_ON, "turn %u: not ALREADY_ON", i);
        turn = i;
        CHECK(cpu_join(1, NULL), "turn %u: vCPU 1 does not end", i);
    }
}

/* What a vCPU finds that PSCI has started is head.S's secondary_entry and its x0; here all of them at once. */
static uint64_t square(uint64_t n)
{
    return n * n;
}

static void all_run(void)
{
    uint64_t result;

    for (uint32_t i = 1; i < machine.cpus; i++)
        CHECK(cpu_start(i, square, i + 5), "vCPU %u does not start", i);
    for (uint32_t i = 1; i < machine.cpus; i++)
        CHECK(cpu_join(i, &result) && result == (i + 5) * (i + 5), "vCPU %u does not end well", i);
}

/* A suspension ends with an interrupt. */
static void suspend(void)
{
    uint64_t limit = now_us() + 10000000;
    struct cpu *cpu = this_cpu();
    uint32_t before = cpu->irqs[TIMER_INTID];

    timer_set(20000);
    while (cpu->irqs[TIMER_INTID] == before) {
        int64_t answer = psci(PSCI_CPU_SUSPEND, 0, 0, 0);

        CHECK(answer == SUCCESS, "it answers %d", answer);
        CHECK(now_us() < limit, "the timer does not wake it");
    }
}

const struct test psci_tests[] = {
    { "psci", "psci-version", version, 0 },
    { "psci", "psci-workarounds", workarounds, NEEDS_CORDON },
    { "psci", "psci-affinity", affinity, 0 },
    { "psci", "psci-bad-calls", bad_calls, 0 },
    { "psci", "psci-bad-entries", bad_entries, NEEDS_CORDON | NEEDS_TWO },
    { "psci", "psci-both-run", both_run, NEEDS_TWO },
    { "psci", "psci-on-and-off", on_and_off, NEEDS_TWO },
    { "psci", "psci-all-run", all_run, NEEDS_TWO },
    { "psci", "psci-suspend", suspend, 0 },
    { NULL, NULL, NULL, 0 },
};
