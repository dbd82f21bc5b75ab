/* SPDX-License-Identifier: Apache-2.0 */
/* The core's steps that are more than one instruction. arch/README.md. */
#include "arch_guest.h"
#include "base/sha256.h"
#include "sysreg.h"

/* Pages beyond which one invalidation of the whole VMID is cheaper than one for each page. */
#define TLBI_PAGES 64

/* What was in the registers of EL1's translation before another VMID was put there. */
struct before {
    uint64_t vttbr;
    uint64_t tcr;
};

/*
 * Invalidations by IPA or VMID act on the VMID in VTTBR_EL2. Another one is put there for the while, with its own
 * tables. EL1's own tables are those of whoever ran last: no walk of them may meet the other's stage 2, not even a
 * speculative one, so they are switched off meanwhile (TCR_EL1.EPD0, EPD1).
 */
static struct before enter_vmid(struct cordon *c, uint32_t vmid)
{
    struct before before = { .vttbr = sysreg_read(vttbr_el2) };
    uint64_t root = vmid == 0 ? c->host.root : c->vm[vmid - 1].s2.root;

    if (before.vttbr >> 48 == vmid)
        return before;
    before.tcr = sysreg_read(tcr_el1);
    sysreg_write(tcr_el1, before.tcr | TCR_EPD0 | TCR_EPD1);
    isb();
    sysreg_write(vttbr_el2, ((uint64_t)vmid << 48) | root * CORDON_PAGE_SIZE);
    isb();
    return before;
}

static void leave_vmid(uint32_t vmid, struct before before)
{
    if (before.vttbr >> 48 == vmid)
        return;
    __asm__ volatile("dsb ish" ::: "memory");   /* the invalidations are done before the VMID is another one */
    sysreg_write(vttbr_el2, before.vttbr);
    isb();
    sysreg_write(tcr_el1, before.tcr);
}

void arch_tlbi_ipas2e1is(struct cordon *c, uint32_t vmid, uint64_t gfn, uint64_t pages)
{
    struct before before = enter_vmid(c, vmid);

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
    struct before before = enter_vmid(c, vmid);

    __asm__ volatile("tlbi vmalle1is" ::: "memory");
    leave_vmid(vmid, before);
}

void arch_tlbi_vmalls12e1is(struct cordon *c, uint32_t vmid)
{
    struct before before = enter_vmid(c, vmid);

    __asm__ volatile("tlbi vmalls12e1is" ::: "memory");
    leave_vmid(vmid, before);
}

/* Does something to each line of [at, end), 16 a turn: a page is a multiple of that for lines of up to 256 bytes. */
#define EACH_LINE(instruction, at, end, step)                                                                   \
    while ((at) < (end))                                                                                        \
        __asm__ volatile(".rept 16\n " instruction ", %0\n add %0, %0, %1\n .endr" : "+r"(at) : "r"(step) : "memory")
#define MOST_STEP 256

void arch_zero_frames(struct cordon *c, uint64_t pfn, uint64_t n)
{
    uint64_t at = (uint64_t)&c->phys[arch_index(pfn, c->phys_frames)];
    uint64_t end = at + n * CORDON_PAGE_SIZE;
    uint64_t step = c->arch->zva_bytes;

    if (step == 0 || step > MOST_STEP) {
        for (; at < end; at += 8)
            *(uint64_t *)at = 0;
        return;
    }
    EACH_LINE("dc zva", at, end, step);
}

void arch_clean_frames(struct cordon *c, uint64_t pfn, uint64_t n)
{
    uint64_t at = (uint64_t)&c->phys[arch_index(pfn, c->phys_frames)];
    uint64_t end = at + n * CORDON_PAGE_SIZE;
    uint64_t step = c->arch->line_bytes < MOST_STEP ? c->arch->line_bytes : MOST_STEP;

    EACH_LINE("dc civac", at, end, step);
    __asm__ volatile("dsb sy" ::: "memory");
}

/* The host may write to a page meanwhile that it was granted. */
void arch_page_copy(struct cordon *c, uint64_t to, uint64_t from)
{
    const volatile uint64_t *old = c->phys[arch_index(from, c->phys_frames)].e;
    uint64_t *new = c->phys[arch_index(to, c->phys_frames)].e;

    for (uint32_t i = 0; i < 512; i++)
        new[i] = old[i];
}

/* sha256.S */
void sha256_instructions(uint32_t h[8], const uint64_t *word, uint64_t blocks, const uint32_t constants[64]);

bool arch_sha256(struct cordon *c, struct sha256 *s, const uint64_t *word, uint64_t blocks)
{
    if (!c->arch->sha256)
        return false;
    sha256_instructions(s->h, word, blocks, sha256_constants);
    s->blocks += blocks;
    return true;
}
