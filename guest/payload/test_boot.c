/* SPDX-License-Identifier: Apache-2.0 */
/* What the guest finds when it starts, and what Cordon says of itself. */
#include "payload.h"

extern uint8_t head[];

static void boot_registers(void)
{
    CHECK(boot.current_el == 1 << 2, "CurrentEL is %x", boot.current_el);
    CHECK((boot.sctlr & SCTLR_ON) == 0, "the MMU or a cache was on: SCTLR %x", boot.sctlr);
    CHECK((boot.x1 | boot.x2 | boot.x3) == 0, "x1, x2, x3 were %x, %x, %x", boot.x1, boot.x2, boot.x3);
    CHECK((READ_REGISTER(mpidr_el1) & 0xff00ffffff) == 0, "MPIDR is %x", READ_REGISTER(mpidr_el1));
}

static void boot_machine(void)
{
    CHECK(machine.ram == RAM_BASE, "memory begins at %x", machine.ram);
    CHECK((uint64_t)(uintptr_t)head == RAM_BASE, "the image is at %x", TEXT(head));
    CHECK(machine.free < machine_end(), "no memory is free");
}

static void uid(void)
{
    struct answer a = smc(CORDON_GUEST_UID, 0, 0, 0, 0);
    struct answer k = smc(CORDON_CALL_UID, 0, 0, 0, 0);
    struct answer r = hvc(CORDON_CALL_REVISION, 0, 0, 0, 0);

    CHECK(k.x0 == CORDON_KVM_UID_0 && k.x1 == CORDON_KVM_UID_1 && k.x2 == CORDON_KVM_UID_2 && k.x3 == CORDON_KVM_UID_3,
          "it is not KVM: %x, %x, %x, %x", k.x0, k.x1, k.x2, k.x3);
    CHECK(a.x0 == CORDON_UID_0 && a.x1 == CORDON_UID_1 && a.x2 == CORDON_UID_2 && a.x3 == CORDON_UID_3,
          "SMC and HVC tell different UIDs: %x, %x, %x, %x", a.x0, a.x1, a.x2, a.x3);
    CHECK(r.x0 == CORDON_ABI_MAJOR && r.x1 >= CORDON_ABI_MINOR, "revision %u.%u", r.x0, r.x1);
}

/* The host's calls do not exist for a guest. */
static void unknown_calls(void)
{
    static const uint32_t functions[] = { 0x84001234, 0xc4001234, 0xc5000000, 0xc600008f, 0xc60000ff, 0xffffffff, 0x00000000 };
    struct answer a;

    for (uint32_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        a = hvc(functions[i], 1, 2, 3, 4);
        CHECK((int64_t)a.x0 == CORDON_NOT_SUPPORTED, "HVC %x answers %d", functions[i], a.x0);
    }
}

/* KVM's calls that are there have numbers that to a host are Cordon's. */
static bool is_kvms(uint32_t function)
{
    return function == KVM_HYP_MEMINFO || function == KVM_MEM_SHARE || function == KVM_MEM_UNSHARE || function == KVM_MMIO_GUARD;
}

static void host_calls(void)
{
    struct answer a;

    for (uint32_t f = CORDON_CALL_FIRST; f <= CORDON_CALL_LAST; f++) {
        if (is_kvms(f))
            continue;
        a = f % 2 ? hvc(f, 1, 0, 0, 0) : smc(f, 1, 0, 0, 0);
        CHECK((int64_t)a.x0 == CORDON_NOT_SUPPORTED, "the host's call %x answers %d", f, a.x0);
    }
    a = hvc_odd(CORDON_CALL_UID, 0, 0, 0, 0);
    CHECK((int64_t)a.x0 == CORDON_NOT_SUPPORTED, "HVC #1 answers %d", a.x0);
}

static void query(void)
{
    struct answer a = hvc(CORDON_GUEST_QUERY, RAM_BASE, 0, 0, 0);

    CHECK(a.x0 == 0 && (a.x1 == 2 || a.x1 == 3) && a.x2 == 0, "of the image: %d, level %u, grants %u", a.x0, a.x1, a.x2);
    a = hvc(CORDON_GUEST_QUERY, HOLE, 0, 0, 0);
    CHECK(a.x0 == 0 && a.x1 == 0 && a.x2 == 0, "of a hole: %d, level %u, grants %u", a.x0, a.x1, a.x2);
    a = hvc(CORDON_GUEST_QUERY, ~0ull, 0, 0, 0);
    CHECK(a.x0 != 0 && a.x0 < 100, "of the last address: %d", a.x0);
}

/* The tests outside compare it with the files; here it must be there, and stay. */
static void measurement(void)
{
    struct answer a = hvc(CORDON_GUEST_MEASUREMENT, 0, 0, 0, 0);
    struct answer b = hvc(CORDON_GUEST_MEASUREMENT, 1, 0, 0, 0);
    struct answer again = hvc(CORDON_GUEST_MEASUREMENT, 0, 0, 0, 0);

    CHECK(a.x0 == 0 && b.x0 == 0, "answers %d, %d", a.x0, b.x0);
    CHECK((a.x1 | a.x2) && (b.x1 | b.x2) && (a.x1 != b.x1 || a.x2 != b.x2), "no hash: %x %x %x %x", a.x1, a.x2, b.x1, b.x2);
    CHECK(a.x1 == again.x1 && a.x2 == again.x2, "it has changed");
    CHECK(hvc(CORDON_GUEST_MEASUREMENT, 2, 0, 0, 0).x0 == CORDON_RANGE, "half 2 answers %d",
          hvc(CORDON_GUEST_MEASUREMENT, 2, 0, 0, 0).x0);
    say("measurement %x %x %x %x", a.x1, a.x2, b.x1, b.x2);
}

const struct test boot_tests[] = {
    { "boot", "boot-registers", boot_registers, 0 },
    { "boot", "boot-machine", boot_machine, 0 },
    { "boot", "boot-unknown-calls", unknown_calls, 0 },
    { "boot", "boot-uid", uid, NEEDS_CORDON },
    { "boot", "boot-host-calls", host_calls, NEEDS_CORDON },
    { "boot", "boot-query", query, NEEDS_CORDON },
    { "boot", "boot-measurement", measurement, NEEDS_CORDON },
    { NULL, NULL, NULL, 0 },
};
