/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Eva runs: a machine of four sections, and a VM's life with every operation of the core's interface. Where an
 * argument is `any`, Eva follows all of its values at once; elsewhere it follows the values that stand here.
 */
#include "cordon/cordon.h"
#include "arch.h"
#include "front/hypercall.h"
#include "guest/exit.h"
#include "guest/vcpu.h"

#define FRAMES 2048
#define ALL(t) (sizeof(t) / sizeof((t)[0]))

extern uint64_t any(void);

static struct table phys[FRAMES];
static struct span span[2];
static struct hidden hidden[1];
static struct section section[4];
static struct frame frame[4 * 512];
static struct vm vm[2];
static struct cordon machine;

static const struct cordon_mem ram[] = { { 0x0, 0x500000 }, { 0x600000, 0x200000 } };
static const struct cordon_mem core_ram[] = { { 0x0, 0x40000 } };
static const struct cordon_mem devices[] = { { 0x40000000, 0x1000 } };

/* Another answer than the wanted one is an alarm. */
static void check(enum cordon_status status, enum cordon_status wanted)
{
    if (status != wanted)
        arch_panic(&machine, __FILE__, __LINE__, "status");
}

static void boot(struct cordon *c)
{
    struct cordon_config config = { .ram = ram, .rams = ALL(ram), .core = core_ram, .cores = ALL(core_ram),
                                    .hidden = devices, .hiddens = ALL(devices), .host = { 32, 1 }, .vm = { 32, 1 },
                                    .pa_bits = 32, .vms = 2 };
    struct cordon_storage storage = { .phys = phys, .phys_frames = FRAMES, .span = span, .hidden = hidden,
                                      .section = section, .frame = frame, .vm = vm, .host_tables = { 16 },
                                      .host_table_count = 32 };
    struct cordon_sizes sizes;

    check(cordon_sizes(&config, &sizes), CORDON_OK);
    check(cordon_init(c, &config, &storage), CORDON_OK);
}

/* Values of every size: each must be refused, or be a VM's or frame's number that the call can stand. */
static void refusals(struct cordon *c)
{
    check(cordon_map_page_host(c, pa(any() | UINT64_C(0x100000000))), CORDON_RANGE);
    check(cordon_vm_create(c, vmid(3), pfn(1024)), CORDON_NO_VM);
    check(cordon_clear_vm_range(c, vmid(1), pfn(any() | UINT64_C(0x100000)), any()).status, CORDON_RANGE);
    check(cordon_prot_and_map_vm_s2pt(c, vmid(1), ipa(any() | UINT64_C(0x100000000)), any(), 3, CORDON_KEEP),
          CORDON_RANGE);
    check(cordon_grant_stage2_sg_gpa(c, vmid(1), ipa(any() | UINT64_C(0x100000000)), any()).status, CORDON_RANGE);
    check(cordon_revoke_stage2_sg_gpa(c, vmid(9), ipa(0x1000), 0x1000).status, CORDON_NO_VM);
    check(cordon_map_vm_io(c, vmid(1), ipa(any() | UINT64_C(0x100000000)), pa(any())), CORDON_RANGE);
}

/* Grants what the VM maps at addr, has the host touch the frame behind it, and takes the grant back. */
static void share(struct cordon *c, uint64_t addr, uint64_t size, uint64_t frame)
{
    check(cordon_grant_stage2_sg_gpa(c, vmid(1), ipa(addr), size).status, CORDON_OK);
    check(cordon_map_page_host(c, pa(frame)), CORDON_OK);
    check(cordon_revoke_stage2_sg_gpa(c, vmid(1), ipa(addr), size).status, CORDON_OK);
    check(cordon_map_page_host(c, pa(frame)), CORDON_PRIVATE);
}

static void clear_all(struct cordon *c, uint64_t first, uint64_t n)
{
    struct cordon_progress p = cordon_clear_vm_range(c, vmid(1), pfn(first), n);

    while (p.status == CORDON_AGAIN) {
        first += p.done;
        n -= p.done;
        p = cordon_clear_vm_range(c, vmid(1), pfn(first), n);
    }
    check(p.status, CORDON_OK);
}

/* ---- a guest ---- */

#define RAM_AT UINT64_C(0x80000000)

static struct trap next_trap;

void arch_vcpu_resume(struct cordon *c, struct vcpu *u, struct trap *t)
{
    (void)c; (void)u;
    *t = next_trap;
    next_trap = (struct trap){ .kind = TRAP_INTERRUPT };
}

void arch_random(struct cordon *c, uint64_t word[3])
{
    (void)c;
    for (int i = 0; i < 3; i++)
        word[i] = any();
}

/* What a machine may say of a window that cannot be given: RAM, hidden, beyond all addresses, in two places, around the end. */
static const struct window bad[] = {
    { .first = 0x100, .pages = 1 }, { .first = 0x5ff, .pages = 2 }, { .first = 0x3ffff, .pages = 2 }, { .first = 0x90002, .pages = 9 },
    { .first = 0xfffff, .pages = 2 }, { .first = UINT64_MAX, .pages = 2 }, { .first = 0x80000, .pages = UINT64_MAX },
};

/* Two windows that can be given; and one more of those above, of the next devices. */
enum cordon_status arch_device_take(struct cordon *c, uint64_t frame, struct device *d)
{
    (void)c;
    d->id = 0x10001af4;
    d->stream = 8;
    d->window[1] = (struct window){ .first = 0x90000, .pages = 3 };
    d->window[4] = (struct window){ .first = 0xa0000, .pages = 0x401 };
    if (frame > 0x3f000 && frame <= 0x3f000 + ALL(bad))
        d->window[0] = bad[frame - 0x3f001];
    return frame >= 0x3f000 && frame < 0x3f010 ? CORDON_OK : CORDON_DEVICE;
}

static int resets;

bool arch_device_reset(struct cordon *c, const struct device *d)
{
    (void)c; (void)d;
    return ++resets % 2 == 0;
}

static uint64_t host(struct cordon *c, uint64_t call, uint64_t x1, uint64_t x2, uint64_t x3, uint64_t x4)
{
    uint64_t x[HYPERCALL_REGS] = { call, x1, x2, x3, x4 };

    if (!hypercall_vm(c, x))
        arch_panic(c, __FILE__, __LINE__, "a call that exists");
    check((enum cordon_status)x[0], CORDON_OK);
    return x[1];
}

/* vCPU 0 runs into a trap. The answer is one that its last exit asked for, or refused; an interrupt comes along. */
static void meet(struct cordon *c, uint64_t handle, struct trap t, uint64_t answer)
{
    next_trap = t;
    (void)hypercall_vm(c, (uint64_t[HYPERCALL_REGS]){ CORDON_CALL_VCPU_RUN, handle, 0, answer, 1, 2, 3, 4,
                                                      0x50a0000000000021, 0, 0x5000000000000003, 0 });
    next_trap = t;
    (void)hypercall_vm(c, (uint64_t[HYPERCALL_REGS]){ CORDON_CALL_VCPU_RUN, handle, 0, answer, 1, 2, 3, 4,
                                                      0x50a0000000000021 });
}

static void guest_call(struct cordon *c, uint64_t handle, uint64_t function, uint64_t x1, uint64_t x2)
{
    struct vcpu *u = vcpu_in(c, c->vm[1].vcpu_row[0]);

    u->x[0] = function;
    u->x[1] = x1;
    u->x[2] = x2;
    u->x[3] = 0;
    meet(c, handle, (struct trap){ .kind = TRAP_SYNC, .esr = UINT64_C(0x16) << 26 }, CORDON_ANSWER_NONE);
}

/* Each kind of trap, and the answers to it. */
static void guest_traps(struct cordon *c, uint64_t handle)
{
    static const struct {
        uint64_t esr, ipa;
    } trap[] = {
        { 0x04000000, 0 }, { 0x04000001, 0 }, { 0x5e000000, 0 }, { 0x00000000, 0 },
        { 0x603a3036, 0 }, { 0x60300009, 0 }, { 0x6034002b, 0 }, { 0x6032dc00, 0 },
        { 0x93c58047, RAM_AT + 0x9123 }, { 0x82000007, RAM_AT + 0x9000 }, { 0x93c58047, RAM_AT + 0x123 },
        { 0x93c58007, 0x9000128 }, { 0x93258007, 0x9000120 }, { 0x93850047, 0x9000128 }, { 0x92000047, 0x9000128 },
    };

    for (int i = 0; i < 15; i++) {
        struct trap t = { .kind = TRAP_SYNC, .esr = trap[i].esr, .far = trap[i].ipa, .ipa = trap[i].ipa };

        meet(c, handle, t, CORDON_ANSWER_NONE);
        meet(c, handle, (struct trap){ .kind = TRAP_INTERRUPT }, CORDON_ANSWER_VALUE);
        meet(c, handle, (struct trap){ .kind = TRAP_INTERRUPT }, CORDON_ANSWER_ABORT);
    }
}

static void guest_calls(struct cordon *c, uint64_t handle)
{
    guest_call(c, handle, CORDON_GUEST_HOST, 1, 2);
    meet(c, handle, (struct trap){ .kind = TRAP_INTERRUPT }, CORDON_ANSWER_VALUE);
    guest_call(c, handle, CORDON_GUEST_GRANT, RAM_AT, 0x2000);
    guest_call(c, handle, CORDON_GUEST_REVOKE, RAM_AT, 0x2000);
    guest_call(c, handle, CORDON_GUEST_QUERY, RAM_AT, 0);
    guest_call(c, handle, CORDON_GUEST_MEASUREMENT, 1, 0);
    guest_call(c, handle, CORDON_GUEST_RELINQUISH, RAM_AT, 0x1000);
    guest_call(c, handle, CORDON_GUEST_RELINQUISH, UINT64_MAX, UINT64_MAX);
    guest_call(c, handle, 0x84000000, 0, 0);
    guest_call(c, handle, 0xc4000004, UINT64_MAX, 0);
    guest_call(c, handle, 0x8400000a, 0x84000002, 0);
    guest_call(c, handle, 0xc4000003, 1, RAM_AT);
    guest_call(c, handle, 0xc4000003, UINT64_MAX, UINT64_MAX);
    guest_call(c, handle, CORDON_CALL_UID, 0, 0);
    guest_call(c, handle, CORDON_GUEST_UID, 0, 0);
    guest_call(c, handle, 0x86000000, 0, 0);
    guest_call(c, handle, 0xc6000002, 0, 0);
    guest_call(c, handle, 0xc6000003, RAM_AT, 0);
    guest_call(c, handle, 0xc6000003, RAM_AT, 0);
    guest_call(c, handle, 0xc6000004, RAM_AT, 0);
    guest_call(c, handle, 0xc6000003, RAM_AT + 0x8000, 0);
    guest_call(c, handle, 0xc6000007, 0x9000000, 0);
    guest_call(c, handle, 0x80000001, 0, 0);
    for (uint64_t i = 0; i < 4; i++)
        guest_call(c, handle, 0x84000050 + i, 0x84000053, 0);
    guest_call(c, handle, 0x84000053, 95, 0);
    guest_call(c, handle, 0xc4000053, 190, 0);
    guest_call(c, handle, 0xc4000053, 64, 0);
    guest_call(c, handle, 0xffffffff, 0, 0);
    guest_call(c, handle, 0x84000002, 0, 0);
}

#define DEVICE UINT64_C(0x3f000)

/* A call of the host until it is no longer to be called again. */
static void again(struct cordon *c, uint64_t call, uint64_t x1, uint64_t x2, uint64_t x3, uint64_t x4)
{
    uint64_t status = CORDON_AGAIN;

    while (status == CORDON_AGAIN) {
        uint64_t x[HYPERCALL_REGS] = { call, x1, x2, x3, x4 };

        (void)hypercall_vm(c, x);
        status = x[0];
    }
    check((enum cordon_status)status, CORDON_OK);
}

static void refused(struct cordon *c, uint64_t call, uint64_t x1, uint64_t x2, uint64_t x3, uint64_t x4, enum cordon_status wanted)
{
    uint64_t x[HYPERCALL_REGS] = { call, x1, x2, x3, x4 };

    (void)hypercall_vm(c, x);
    check((enum cordon_status)x[0], wanted);
}

/* A VM that is built gets a device. */
static void give_device(struct cordon *c, uint64_t handle)
{
    check(cordon_map_page_host(c, pa(0x90001000)), CORDON_OK);
    refused(c, CORDON_CALL_DEVICE_ATTACH, handle, any() | UINT64_C(0x1000000000), 0, 0, CORDON_RANGE);
    refused(c, CORDON_CALL_DEVICE_ATTACH, handle, DEVICE - 1, 0, 0, CORDON_DEVICE);
    again(c, CORDON_CALL_DEVICE_ATTACH, handle, DEVICE, 0, 0);
    refused(c, CORDON_CALL_DEVICE_ATTACH, handle, DEVICE, 0, 0, CORDON_EXISTS);
    check(cordon_map_page_host(c, pa(0x90001000)), CORDON_PRIVATE);
    refused(c, CORDON_CALL_DEVICE_MAP, handle, DEVICE, any() | 8, any() & ~UINT64_C(0xfff), CORDON_RANGE);
    (void)hypercall_vm(c, (uint64_t[HYPERCALL_REGS]){ CORDON_CALL_DEVICE_MAP, handle, DEVICE, 0, any() });
    refused(c, CORDON_CALL_DEVICE_MAP, handle, DEVICE, 1, RAM_AT - 0x1000, CORDON_MAPPED);
    again(c, CORDON_CALL_DEVICE_MAP, handle, DEVICE, 1, 0x9ffe000);
    again(c, CORDON_CALL_DEVICE_MAP, handle, DEVICE, 4, 0x20003000);
}

static void guest_life(struct cordon *c)
{
    uint64_t other = host(c, CORDON_CALL_VM_CREATE, 0x80, 1, 0, 0);
    uint64_t handle = host(c, CORDON_CALL_VM_CREATE, 0x90, 2, 0, 0);    /* VM 2 */
    struct cordon_mapping m;

    (void)host(c, CORDON_CALL_VM_LIMITS, 0, 0, 0, 0);
    (void)hypercall_vm(c, (uint64_t[HYPERCALL_REGS]){ CORDON_CALL_VCPU_FEATURE, any(), any() });
    (void)host(c, CORDON_CALL_VM_DONATE, handle, 0xa0, 10, 0);
    (void)host(c, CORDON_CALL_VM_MEMORY, handle, RAM_AT, 0x400000, 0);
    (void)host(c, CORDON_CALL_VCPU_CREATE, handle, 0, 0xb0, 0);
    (void)host(c, CORDON_CALL_VCPU_CREATE, handle, 1, 0xb1, 0);
    (void)host(c, CORDON_CALL_VM_LOAD, handle, RAM_AT + 0x5000, 0xb5, 1);
    give_device(c, handle);
    (void)host(c, CORDON_CALL_VM_START, handle, RAM_AT, 7, 0);
    (void)host(c, CORDON_CALL_VM_MAP, handle, RAM_AT, 0xc0, 3);
    (void)host(c, CORDON_CALL_VM_INFO, handle, 0, 0, 0);
    (void)host(c, CORDON_CALL_VM_MEASUREMENT, handle, 1, 0, 0);
    check(cordon_walk_s2pt(c, vmid(2), ipa(RAM_AT), &m), CORDON_OK);
    guest_traps(c, handle);
    guest_calls(c, handle);
    (void)host(c, CORDON_CALL_VM_STOP, handle, 0, 0, 0);
    refused(c, CORDON_CALL_VM_DESTROY, handle, 0, 0, 0, CORDON_BUSY);
    again(c, CORDON_CALL_DEVICE_DETACH, handle, DEVICE, 0, 0);
    check(cordon_map_page_host(c, pa(0x90001000)), CORDON_OK);
    (void)host(c, CORDON_CALL_VM_CLEAR, handle, 0xc1, 1, 0);
    /* A VM that does not come to its start. */
    for (uint64_t i = 0; i < ALL(bad); i++)
        refused(c, CORDON_CALL_DEVICE_ATTACH, other, DEVICE + 1 + i, 0, 0, CORDON_DEVICE);
    refused(c, CORDON_CALL_DEVICE_ATTACH, other, DEVICE, 0, 0, CORDON_AGAIN);
    (void)host(c, CORDON_CALL_VM_STOP, other, 0, 0, 0);
    again(c, CORDON_CALL_DEVICE_DETACH, other, DEVICE, 0, 0);
}

int main(void)
{
    struct cordon *c = &machine;
    struct cordon_mapping mapping;
    enum cordon_status status;

    boot(c);
    refusals(c);
    check(cordon_map_page_host(c, pa(0x600000)), CORDON_OK);
    check(cordon_map_page_host(c, pa(0x100000)), CORDON_OK);
    check(cordon_map_page_host(c, pa(0x20000)), CORDON_PRIVATE);
    check(cordon_map_page_host(c, pa(0x550000)), CORDON_OK);
    check(cordon_map_page_host(c, pa(0x80000000)), CORDON_OK);
    check(cordon_vm_create(c, vmid(1), pfn(0x80)), CORDON_OK);
    check(cordon_vm_create(c, vmid(1), pfn(0x90)), CORDON_EXISTS);
    check(cordon_vm_donate(c, vmid(1), pfn(0xa0), 8), CORDON_OK);
    check(cordon_prot_and_map_vm_s2pt(c, vmid(1), ipa(0x100000), 0x100000, 3, CORDON_KEEP), CORDON_OK);
    check(cordon_prot_and_map_vm_range(c, vmid(1), ipa(0x101000), pfn(0x101), 4, CORDON_ZERO).status, CORDON_OK);
    check(cordon_prot_and_map_vm_s2pt(c, vmid(1), ipa(0x40000000), 0x600000, 2, CORDON_KEEP), CORDON_OK);
    check(cordon_map_vm_io(c, vmid(1), ipa(0x9000000), pa(0x9000000)), CORDON_OK);
    check(cordon_map_vm_io(c, vmid(1), ipa(0x9001000), pa(0x100000)), CORDON_RAM);
    share(c, 0x100000, 0x5000, 0x100000);
    share(c, 0x40000000, 0x3000, 0x601000);
    check(cordon_map_page_host(c, pa(0x600000)), CORDON_PRIVATE);
    check(cordon_walk_s2pt(c, vmid(1), ipa(0x40003000), &mapping), CORDON_OK);
    clear_all(c, 0x601, 2);
    clear_all(c, 0x100, 3);
    clear_all(c, 0x400, 0x400);
    check(cordon_vm_pool_free(c, vmid(1)) > 0 ? CORDON_OK : CORDON_NO_MEMORY, CORDON_OK);
    status = cordon_vm_destroy(c, vmid(1));
    while (status == CORDON_AGAIN)
        status = cordon_vm_destroy(c, vmid(1));
    check(status, CORDON_OK);
    check(cordon_map_page_host(c, pa(0x80000)), CORDON_OK);
    guest_life(c);
    for (int i = 0; i <= CORDON_DEVICE + 1; i++)
        (void)cordon_status_word((enum cordon_status)i), (void)cordon_status_meaning((enum cordon_status)i);
    return 0;
}
