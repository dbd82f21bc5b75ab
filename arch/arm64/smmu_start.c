/* SPDX-License-Identifier: Apache-2.0 */
#include "smmu_start.h"

#include "smmu_access.h"
#include "smmu_events.h"
#include "smmu_queue.h"
#include "smmu_registers.h"
#include "smmu_streams.h"

/* Queues of a page each: a call of the core's needs a few commands, and events are taken with every call. */
#define COMMAND_BITS 8u
#define EVENT_BITS 7u
#define QUEUE_SIZE 4096u

#define LEVEL_1_BITS 39                 /* of addresses, for a table that begins at level 1 */

static uint32_t smaller(uint32_t a, uint32_t b) { return a < b ? a : b; }

/* ---- what it is ---- */

static const char *unusable(const struct smmu *s, uint32_t idr0, uint32_t idr1, uint32_t idr5)
{
    if ((idr0 & (IDR0_S1P | IDR0_S2P)) == 0 || (idr0 & IDR0_TTF_AARCH64) == 0 || IDR0_TTENDIAN(idr0) == TTENDIAN_BIG)
        return "the SMMU of this machine does not walk tables of 64-bit little-endian descriptors: leave it out of the tree";
    if ((idr0 & IDR0_COHACC) == 0)
        return "the SMMU of this machine is not coherent with the CPUs' caches: leave it out of the tree";
    if (IDR0_STALL_MODEL(idr0) == STALL_MODEL_FORCED)
        return "the SMMU of this machine cannot abort an access, but only have it wait: leave it out of the tree";
    if ((idr1 & (IDR1_TABLES_PRESET | IDR1_QUEUES_PRESET | IDR1_REL)) != 0)
        return "the SMMU of this machine has its tables at a fixed place: leave it out of the tree";
    if ((idr5 & IDR5_GRAN4K) == 0)
        return "the SMMU of this machine has no pages of 4 KiB: leave it out of the tree";
    if (IDR1_CMDQS(idr1) == 0 || smmu_stream_bits(s) > smaller(IDR1_SIDSIZE(idr1), MOST_STREAM_BITS))
        return "the SMMU of this machine has no room for all devices of its bus (iommu-map): leave it out of the tree";
    return 0;
}

const char *smmu_identify(struct smmu *s)
{
    uint32_t idr0 = smmu_read(s->base, SMMU_IDR0);
    uint32_t idr1 = smmu_read(s->base, SMMU_IDR1);
    uint32_t idr5 = smmu_read(s->base, SMMU_IDR5);

    s->stage1 = (idr0 & IDR0_S1P) != 0;
    s->stage2 = (idr0 & IDR0_S2P) != 0;
    s->hyp = (idr0 & IDR0_HYP) != 0;
    s->two_level = IDR0_ST_LEVEL(idr0) == ST_LEVEL_TWO;
    s->vmid16 = (idr0 & IDR0_VMID16) != 0;
    s->range = (smmu_read(s->base, SMMU_IDR3) & IDR3_RIL) != 0;
    s->address_size = IDR5_OAS(idr5);
    s->stream_bits = smmu_stream_bits(s);
    s->command_bits = smaller(IDR1_CMDQS(idr1), COMMAND_BITS);
    s->event_bits = smaller(IDR1_EVENTQS(idr1), EVENT_BITS);
    return unusable(s, idr0, idr1, idr5);
}

const char *smmu_choose(const struct smmu *s, uint32_t n, uint64_t end, struct cordon_dma *dma)
{
    uint32_t bits = 48;
    bool stage1 = true;
    bool stage2 = true;

    for (uint32_t i = 0; i < n; i++) {
        stage1 = stage1 && s[i].stage1;
        stage2 = stage2 && s[i].stage2;
        bits = smaller(bits, smmu_address_bits(s[i].address_size));
    }
    if (!stage1 && !stage2)
        return "the SMMUs of this machine have no stage in common: leave one of them out of the tree";
    dma->bits = end > UINT64_C(1) << LEVEL_1_BITS ? 48 : LEVEL_1_BITS;
    dma->page = stage2 ? PAGE_STAGE2 : PAGE_STAGE1;
    if (end > UINT64_C(1) << bits || (stage2 && dma->bits == 48 && bits < LEVEL_0_LEAST))
        return "an SMMU of this machine does not reach all of its memory: give the machine less";
    return 0;
}

uint64_t smmu_place(struct smmu *s, uint64_t at)
{
    at = (at + QUEUE_SIZE - 1) & ~(uint64_t)(QUEUE_SIZE - 1);
    s->commands = at;
    s->events = at + QUEUE_SIZE;
    return smmu_streams_place(s, at + 2 * QUEUE_SIZE);
}

/* ---- on and off ---- */

/* Writes CR0 and waits until it has effect; an SMMU without ATS has no ATSCHK to show. */
static bool control(const struct smmu *s, uint32_t value)
{
    smmu_before_register();
    smmu_write(s->base, SMMU_CR0, value);
    for (uint32_t i = 0; i < SMMU_PATIENCE; i++) {
        if (((smmu_read(s->base, SMMU_CR0ACK) ^ value) & (CR0_SMMUEN | CR0_EVENTQEN | CR0_CMDQEN)) == 0)
            return true;
    }
    return false;
}

/* Switched off, it is to abort all accesses. Whether it has the register: QEMU 7.2 has not. */
static bool close_bypass(const struct smmu *s)
{
    smmu_write(s->base, SMMU_GBPA, GBPA_UPDATE | GBPA_ABORT);
    for (uint32_t i = 0; i < SMMU_PATIENCE; i++) {
        uint32_t gbpa = smmu_read(s->base, SMMU_GBPA);

        if ((gbpa & GBPA_UPDATE) == 0)
            return (gbpa & GBPA_ABORT) != 0;
    }
    return false;
}

/* Nothing that the SMMU may have from before is used: all is forgotten that is not in the tables now. */
static bool forget_all(struct smmu *s)
{
    return smmu_command(s, smmu_cfgi_all()) && (!s->hyp || smmu_command(s, smmu_tlbi_el2_all())) &&
           smmu_command(s, smmu_tlbi_nsnh_all()) && smmu_complete(s);
}

/* Errors that stand from before are acknowledged (GERRORN has what GERROR has). */
static void acknowledge(const struct smmu *s)
{
    smmu_write(s->base, SMMU_GERRORN, smmu_read(s->base, SMMU_GERROR));
}

const char *smmu_start(struct smmu *s, struct smmu_translation t)
{
    t.address_size = s->address_size;
    t.context = s->context;
    s->bypass_closed = close_bypass(s);
    if (!control(s, 0))
        return "the SMMU of this machine cannot be switched off: I cannot begin with it";
    smmu_write(s->base, SMMU_IRQ_CTRL, 0);
    acknowledge(s);
    smmu_streams_open(s, &t);
    smmu_write(s->base, SMMU_CR1, CR1_WALKS | CR1_QUEUES);
    smmu_write(s->base, SMMU_CR2, CR2_PTM | CR2_RECINVSID);
    smmu_streams_set_up(s);
    smmu_queue_set_up(s);
    smmu_events_set_up(s);
    if (!control(s, CR0_CMDQEN) || !forget_all(s))
        return "the SMMU of this machine does not do what it is told: I cannot go on with it";
    if (!control(s, CR0_CMDQEN | CR0_EVENTQEN) || !control(s, CR0_CMDQEN | CR0_EVENTQEN | CR0_ATSCHK | CR0_SMMUEN))
        return "the SMMU of this machine cannot be switched on: I cannot go on with it";
    s->live = true;
    return 0;
}

bool smmu_stop(struct smmu *s)
{
    smmu_streams_close(s);
    return forget_all(s);
}

/* With its command queue off and on again an SMMU has no error of a command any more, and no command. */
static bool begin_anew(struct smmu *s)
{
    uint32_t rest = CR0_EVENTQEN | CR0_ATSCHK | CR0_SMMUEN;

    if (!control(s, rest))
        return false;
    acknowledge(s);
    smmu_queue_set_up(s);
    return control(s, rest | CR0_CMDQEN);
}

/* Its tables are closed by then. To switch it off is good where it aborts then; else it would let everything through. */
bool smmu_cut(struct smmu *s)
{
    bool closed;

    s->live = false;
    smmu_streams_close(s);
    closed = begin_anew(s) && forget_all(s);
    if (s->bypass_closed)
        closed = control(s, 0) || closed;
    return closed;
}
