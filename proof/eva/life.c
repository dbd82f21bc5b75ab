/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Eva runs: a machine of four sections, and a VM's life with every operation of the core's interface. Where an
 * argument is `any`, Eva follows all of its values at once; elsewhere it follows the values that stand here.
 */
#include "cordon/cordon.h"
#include "arch.h"

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
    for (int i = 0; i <= 17; i++)
        (void)cordon_status_word((enum cordon_status)i), (void)cordon_status_meaning((enum cordon_status)i);
    return 0;
}
