/* SPDX-License-Identifier: Apache-2.0 */
/* Pseudo-random calls and instructions on all vCPUs at once. Nothing may come of them but answers. */
#include "payload.h"

extern uint8_t head[], image_end[];

static uint64_t next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static uint64_t odd_value(uint64_t *state)
{
    static const uint64_t odd[] = { 0, 1, PAGE - 1, PAGE, BLOCK, HOLE, UART_BASE, GICD_BASE, RAM_BASE, RAM_BASE - PAGE,
                                    1ull << 32, 1ull << 40, 1ull << 48, 1ull << 63, ~0ull, ~0ull - PAGE + 1 };
    uint64_t r = next(state);

    switch (r % 4) {
    case 0: return odd[r / 4 % (sizeof(odd) / sizeof(odd[0]))];
    case 1: return r;
    case 2: return machine.free + r / 4 % (machine_end() - machine.free) / PAGE * PAGE;
    default: return r / 4 % 100000;
    }
}

/* What would end the run, or take away the ground that it stands on. */
static bool is_fatal(uint32_t function, uint64_t x1, uint64_t x2)
{
    uint64_t begin = (uint64_t)(uintptr_t)head;

    if (function == CORDON_GUEST_RELINQUISH)
        return x1 < machine.free && x1 + x2 > begin;
    if (function == CORDON_GUEST_HOST)          /* the launcher may write to where it says */
        return x1 != VMM_CALL_PEEK && x1 != VMM_CALL_SUM && x1 != VMM_CALL_SYSCALL_PEEK && x1 < 100;
    if ((function & 0xbfffff00) != 0x84000000)
        return false;
    return (function & 0xff) != 0 && (function & 0xff) != 4 && (function & 0xff) != 6 && (function & 0xff) != 10;
}

static void call(uint64_t *state)
{
    static const uint32_t bases[] = { CORDON_CALL_FIRST, CORDON_GUEST_FIRST, 0x84000000, 0xc4000000, 0x80000000, 0x8600ff00 };
    uint64_t r = next(state);
    uint32_t function = r % 8 < 6 ? bases[r % 8] + (uint32_t)(r / 8 % 32) : (uint32_t)(r >> 16);
    uint64_t x1 = odd_value(state);
    uint64_t x2 = odd_value(state);

    if (r % 8 == 7)
        function = CORDON_GUEST_FIRST + (uint32_t)(r / 8 % 5);
    if (is_fatal(function, x1, x2) || is_fatal(function & ~0x40000000u, x1, x2))
        return;
    if (r >> 63)
        (void)hvc(function, x1, x2, odd_value(state), odd_value(state));
    else
        (void)smc(function, x1, x2, odd_value(state), odd_value(state));
}

static uint32_t instruction(uint64_t *state)
{
    uint64_t r = next(state);
    uint64_t hole = HOLE + (r >> 8) % 0x100000;

    switch (r % 10) {
    case 0: return FAULTS_OF((void)read8(hole));
    case 1: return FAULTS_OF(write8(hole, 1));
    case 2: return FAULTS_OF((void)read16(hole | 1));
    case 3: return FAULTS_OF(((void (*)(void))(DEVICE_CODE + hole / 4 * 4))());
    case 4: return FAULTS_OF(__asm__ volatile("dc cisw, xzr\n tlbi vmalle1is\n ic ialluis" : : : "memory"));
    case 5: return FAULTS_OF((void)READ_REGISTER(S3_0_C15_C2_0));
    case 6: return FAULTS_OF(WRITE_REGISTER(S2_0_C0_C0_5, r));
    case 7: return FAULTS_OF((void)READ_REGISTER(S3_4_C1_C1_0));
    case 8: return FAULTS_OF(__asm__ volatile("wfe" : : : "memory"));
    default: return FAULTS_OF((void)read64(odd_value(state) % RAM_BASE / 8 * 8));
    }
}

/* Returns the exceptions that it met. */
static uint64_t storm_job(uint64_t seed)
{
    uint64_t n = machine_number("count", 2000);
    uint64_t state = seed * 0x9e3779b97f4a7c15 | 1;
    uint64_t exceptions = 0;

    for (uint64_t i = 0; i < n; i++) {
        if (next(&state) % 2)
            call(&state);
        else
            exceptions += instruction(&state);
    }
    return exceptions;
}

static void storm(void)
{
    uint64_t seed = machine_number("seed", 1);
    uint64_t mine, other = 0;

    say("storm with seed=%u count=%u", seed, machine_number("count", 2000));
    if (machine.cpus > 1)
        CHECK(cpu_start(1, storm_job, seed + 1), "vCPU 1 does not start");
    mine = storm_job(seed);
    if (machine.cpus > 1)
        CHECK(cpu_join(1, &other), "vCPU 1 does not end");
    CHECK(mine > 0, "no exception at all came of it");
    say("storm met %u exceptions here, %u on vCPU 1", mine, other);
    sleep_us(1000);
    /* What it granted is taken back, so that what comes next finds memory as it was. */
    for (uint32_t i = 0; machine.cordon && i < 100; i++)
        if (range_call(CORDON_GUEST_REVOKE, machine.free, machine_end() - machine.free).x2 == 0)
            break;
}

const struct test storm_tests[] = {
    { "storm", "storm", storm, NEEDS_CORDON },
    { NULL, NULL, NULL, 0 },
};
