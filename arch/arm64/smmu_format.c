/* SPDX-License-Identifier: Apache-2.0 */
#include "smmu_format.h"

#define BIT(n) (UINT64_C(1) << (n))

/* Walks of tables: write-back inside and outside, inner shareable. */
#define WRITE_BACK UINT64_C(1)
#define INNER_SHAREABLE UINT64_C(3)

/* ---- the stream table, and the context ---- */

#define STE_VALID BIT(0)
#define STE_STAGE1 (UINT64_C(5) << 1)           /* Config: stage 1 alone, or stage 2 alone */
#define STE_STAGE2 (UINT64_C(6) << 1)
#define STE_SHCFG_INCOMING BIT(44)              /* word 1: shareability as the access has it */
#define STE_S1_WALKS (WRITE_BACK << 2 | WRITE_BACK << 4 | INNER_SHAREABLE << 6)         /* word 1: S1CIR, S1COR, S1CSH */
#define STE_S2_WALKS (WRITE_BACK << 40 | WRITE_BACK << 42 | INNER_SHAREABLE << 44)      /* word 2: S2IR0, S2OR0, S2SH0 */
#define STE_S2AA64 BIT(51)
#define STE_S2R BIT(58)                         /* faults are told of */

#define CD_WALKS (WRITE_BACK << 8 | WRITE_BACK << 10 | INNER_SHAREABLE << 12)           /* IR0, OR0, SH0 */
#define CD_EPD1 BIT(30)                         /* no table for the upper half of addresses */
#define CD_VALID BIT(31)
#define CD_AA64 BIT(41)
#define CD_R BIT(45)                            /* faults are told of, and the access is aborted */
#define CD_A BIT(46)
#define CD_ASET BIT(47)                         /* the ASID is none of the CPUs' */
#define MAIR_WRITE_BACK UINT64_C(0xff)

#define L1STD_SPAN_256 UINT64_C(9)

uint32_t smmu_address_bits(uint32_t code)
{
    static const uint8_t bits[] = { 32, 36, 40, 42, 44, 48 };

    return bits[code < 5 ? code : 5];
}

/* How physical addresses' size is coded in entries; at most 48 bits, which is all that pages of 4 KiB need. */
static uint64_t size_code(const struct smmu_translation *t)
{
    return t->address_size < 5 ? t->address_size : 5;
}

/*
 * T0SZ. The host's: 39 bits of addresses from level 1 on; from level 0 on 48, of which stage 2 has no more than physical
 * addresses have.
 */
static uint64_t t0sz(const struct smmu_translation *t)
{
    if (t->bits != 0)
        return 64 - t->bits;
    if (t->start == 1)
        return 64 - 39;
    return t->stage2 ? 64 - smmu_address_bits(t->address_size) : 64 - 48;
}

void smmu_stream_entry(const struct smmu_translation *t, uint64_t entry[STREAM_WORDS])
{
    for (uint32_t i = 0; i < STREAM_WORDS; i++)
        entry[i] = 0;
    entry[1] = STE_SHCFG_INCOMING;
    if (t->stage2) {
        entry[0] = STE_VALID | STE_STAGE2;
        entry[2] = t->vmid | t0sz(t) << 32 | (UINT64_C(2) - t->start) << 38 | STE_S2_WALKS | size_code(t) << 48 | STE_S2AA64 |
                   STE_S2R;
        entry[3] = t->root;
    } else {
        entry[0] = STE_VALID | STE_STAGE1 | t->context;
        entry[1] |= STE_S1_WALKS;
    }
}

void smmu_context_descriptor(const struct smmu_translation *t, uint64_t entry[CONTEXT_WORDS])
{
    for (uint32_t i = 0; i < CONTEXT_WORDS; i++)
        entry[i] = 0;
    entry[0] = t0sz(t) | CD_WALKS | CD_EPD1 | CD_VALID | size_code(t) << 32 | CD_AA64 | CD_R | CD_A | CD_ASET;
    entry[1] = t->root;
    entry[3] = MAIR_WRITE_BACK;
}

uint64_t smmu_stream_table(uint64_t table)
{
    return table | L1STD_SPAN_256;
}

/* ---- commands ---- */

#define CMD_CFGI_STE 0x03u
#define CMD_CFGI_ALL 0x04u
#define CMD_TLBI_NH_ALL 0x10u
#define CMD_TLBI_NH_VA 0x12u
#define CMD_TLBI_EL2_ALL 0x20u
#define CMD_TLBI_S12_VMALL 0x28u
#define CMD_TLBI_S2_IPA 0x2au
#define CMD_TLBI_NSNH_ALL 0x30u
#define CMD_SYNC 0x46u

#define CFGI_ALL_RANGE UINT64_C(31)
#define TLBI_LEAF BIT(0)
#define TLBI_TTL_LEVEL_3 (UINT64_C(3) << 8)
#define TLBI_TTL_ANY UINT64_C(0)
#define TLBI_TG_4K (UINT64_C(1) << 10)
#define RANGE_MOST UINT64_C(32)

struct smmu_command smmu_cfgi_all(void)
{
    return (struct smmu_command){ { CMD_CFGI_ALL, CFGI_ALL_RANGE } };
}

/* Without Leaf: what was read of the first level goes too. */
struct smmu_command smmu_cfgi_stream(uint32_t stream)
{
    return (struct smmu_command){ { CMD_CFGI_STE | (uint64_t)stream << 32, 0 } };
}

struct smmu_command smmu_tlbi_nsnh_all(void)
{
    return (struct smmu_command){ { CMD_TLBI_NSNH_ALL, 0 } };
}

struct smmu_command smmu_tlbi_el2_all(void)
{
    return (struct smmu_command){ { CMD_TLBI_EL2_ALL, 0 } };
}

/* VMID and ASID of the host's streams are 0 in each SMMU, and nobody else's. */
struct smmu_command smmu_tlbi_vm(bool stage2, uint32_t vmid)
{
    return (struct smmu_command){ { (stage2 ? CMD_TLBI_S12_VMALL : CMD_TLBI_NH_ALL) | (uint64_t)vmid << 32, 0 } };
}

/* The power of two in a range: its number of pages is 1 .. 32 times that. */
static uint32_t scale_of(uint64_t pages)
{
    uint32_t scale = 0;

    while (pages >> scale > RANGE_MOST || (pages >> scale) % 2 == 0)
        scale++;
    return scale;
}

uint64_t smmu_range(uint64_t pages)
{
    uint32_t shift = 0;

    while (pages >> shift > RANGE_MOST)
        shift++;
    return pages >> shift << shift;
}

/* A range is (NUM + 1) * 2^SCALE pages. One page needs neither that nor TG: it is the form that each SMMU knows. */
static struct smmu_command with_range(struct smmu_command c, uint64_t pages, uint64_t level)
{
    uint32_t scale = scale_of(pages);

    if (pages > 1) {
        c.w[0] |= ((pages >> scale) - 1) << 12 | (uint64_t)scale << 20;
        c.w[1] |= TLBI_TG_4K | level;
    }
    return c;
}

struct smmu_command smmu_tlbi_pages(bool stage2, uint64_t frame, uint64_t pages)
{
    struct smmu_command c = { { stage2 ? CMD_TLBI_S2_IPA : CMD_TLBI_NH_VA, frame << 12 | TLBI_LEAF } };

    return with_range(c, pages, TLBI_TTL_LEVEL_3);
}

struct smmu_command smmu_tlbi_guest_pages(uint32_t vmid, uint64_t frame, uint64_t pages)
{
    struct smmu_command c = { { CMD_TLBI_S2_IPA | (uint64_t)vmid << 32, frame << 12 } };

    return with_range(c, pages, TLBI_TTL_ANY);
}

struct smmu_command smmu_sync(void)
{
    return (struct smmu_command){ { CMD_SYNC, 0 } };
}
