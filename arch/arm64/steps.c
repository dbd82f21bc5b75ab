/* SPDX-License-Identifier: Apache-2.0 */
/* The core's steps that are more than one instruction. arch/README.md. */
#include "arch.h"
#include "sysreg.h"

/* Pages beyond which one invalidation of the whole VMID is cheaper than one for each page. */
#define TLBI_PAGES 64

/*
 * Invalidations by IPA or VMID act on the VMID in VTTBR_EL2. Another one is put there for the while, with its own
 * tables: a speculative walk at EL1 then fills the TLB with what that VM may see, and nothing else.
 */
static uint64_t enter_vmid(struct cordon *c, uint32_t vmid)
{
    uint64_t before = sysreg_read(vttbr_el2);
    uint64_t root = vmid == 0 ? c->host.root : c->vm[vmid - 1].s2.root;

    if (before >> 48 == vmid)
        return before;
    sysreg_write(vttbr_el2, ((uint64_t)vmid << 48) | root * CORDON_PAGE_SIZE);
    isb();
    return before;
}

static void leave_vmid(uint32_t vmid, uint64_t before)
{
    if (before >> 48 == vmid)
        return;
    __asm__ volatile("dsb ish" ::: "memory");   /* the invalidations are done before the VMID is another one */
    sysreg_write(vttbr_el2, before);
    isb();
}

void arch_tlbi_ipas2e1is(struct cordon *c, uint32_t vmid, uint64_t gfn, uint64_t pages)
{
    uint64_t before = enter_vmid(c, vmid);

    if (pages > TLBI_PAGES) {
        __asm__ volatile("tlbi vmalls12e1is" ::: "memory");
    } else {
        for (uint64_t i = 0; i < pages; i++)
            __asm__ volatile("tlbi ipas2e1is, %0" ::"r"(gfn + i) : "memory");
    }
    leave_vmid(vmid, before);
}

void arch_tlbi_vmalle1is(struct cordon *c, uint32_t vmid)
{
    uint64_t before = enter_vmid(c, vmid);

    __asm__ volatile("tlbi vmalle1is" ::: "memory");
    leave_vmid(vmid, before);
}

void arch_tlbi_vmalls12e1is(struct cordon *c, uint32_t vmid)
{
    uint64_t before = enter_vmid(c, vmid);

    __asm__ volatile("tlbi vmalls12e1is" ::: "memory");
    leave_vmid(vmid, before);
}

void arch_zero_frames(struct cordon *c, uint64_t pfn, uint64_t n)
{
    uint64_t at = (uint64_t)&c->phys[pfn];
    uint64_t end = at + n * CORDON_PAGE_SIZE;
    uint64_t step = c->arch->zva_bytes;

    if (step == 0) {
        for (; at < end; at += 8)
            *(uint64_t *)at = 0;
        return;
    }
    for (; at < end; at += step)
        __asm__ volatile("dc zva, %0" ::"r"(at) : "memory");
}

void arch_clean_frames(struct cordon *c, uint64_t pfn, uint64_t n)
{
    uint64_t at = (uint64_t)&c->phys[pfn];
    uint64_t end = at + n * CORDON_PAGE_SIZE;

    for (; at < end; at += c->arch->line_bytes)
        __asm__ volatile("dc civac, %0" ::"r"(at) : "memory");
    __asm__ volatile("dsb sy" ::: "memory");
}
