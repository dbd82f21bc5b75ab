// SPDX-License-Identifier: GPL-2.0
/*
 * The registers of a GICv3's distributor and redistributors (Arm IHI 0069): one security state, affinity routing on,
 * group 1 alone, no LPIs. What is not here reads as zero, and ignores writes. Registers are words of 32 bits; those of 64
 * are two of them, and a byte or a half word is part of one, with a mask of the bytes that are written.
 */
#include <linux/kvm.h>
#include <linux/log2.h>
#include <linux/spinlock.h>

#include "cordon/abi.h"
#include "dist.h"
#include "irq.h"
#include "machine.h"
#include "vcpu.h"

#define FRAME_SIZE 0x10000
#define REDIST_SIZE (2 * FRAME_SIZE)

#define IIDR 0x4300043b			/* product 'C', implementer Arm, revision 0 */
#define PIDR2 0xffe8
#define PIDR2_GICV3 0x3b
#define PRIORITY_BITS 0xf8f8f8f8	/* five bits of each byte: as many as the CPU interface keeps */

#define GICD_CTLR 0x0000
#define GICD_CTLR_ENABLE_GRP1 (1u << 1)
#define GICD_CTLR_ARE (1u << 4)
#define GICD_CTLR_DS (1u << 6)
#define GICD_TYPER 0x0004
#define GICD_TYPER_ID_BITS (9u << 19)	/* ten bits of INTID */
#define GICD_IIDR 0x0008
#define GICD_IROUTER 0x6000
#define GICD_IROUTER_END 0x8000
#define ROUTER_ANY (1ULL << 31)
#define ROUTER_BITS 0xff80ffffffULL	/* Aff3, IRM, Aff2, Aff1, Aff0 */

#define GICR_IIDR 0x0004
#define GICR_TYPER 0x0008
#define GICR_TYPER_LAST (1ULL << 4)
#define GICR_TYPER_NUMBER_SHIFT 8
#define GICR_TYPER_AFFINITY_SHIFT 32

/* Both frames with interrupts have these at the same offsets. */
#define BITS 0x0080			/* a bit an interrupt, 0x80 bytes a kind */
#define BITS_END 0x0400
#define PRIORITY 0x0400			/* a byte an interrupt */
#define PRIORITY_END 0x0800
#define CONFIG 0x0c00			/* two bits an interrupt */
#define CONFIG_END 0x0d00

enum bits { BITS_GROUP = 1, BITS_SET_ENABLE, BITS_CLEAR_ENABLE, BITS_SET_PENDING, BITS_CLEAR_PENDING, BITS_SET_ACTIVE,
	    BITS_CLEAR_ACTIVE };

/* Which registers an access is to: a vCPU's own or the shared ones, of which VM. */
struct view {
	struct vm *vm;
	struct vcpu *v;		/* NULL: the distributor */
};

static struct irq *find(struct view w, u32 intid)
{
	return irq_find(&w.vm->gic, w.v, intid);
}

/* ---- a bit an interrupt ---- */

static bool bit_of(enum bits kind, const struct irq *irq)
{
	switch (kind) {
	case BITS_GROUP: return true;
	case BITS_SET_ENABLE:
	case BITS_CLEAR_ENABLE: return irq->enabled;
	case BITS_SET_PENDING:
	case BITS_CLEAR_PENDING: return irq_pending(irq);
	case BITS_SET_ACTIVE:
	case BITS_CLEAR_ACTIVE: return irq->active;
	}
	return false;
}

static void write_bit(struct vm *vm, enum bits kind, struct irq *irq)
{
	switch (kind) {
	case BITS_GROUP:
		break;
	case BITS_SET_ENABLE:
		irq->enabled = true;
		break;
	case BITS_CLEAR_ENABLE:
		irq->enabled = false;
		irq_forget(vm, irq, false, false);
		break;
	case BITS_SET_PENDING:		/* an SGI is pending when a vCPU has sent it: that is seen by Cordon */
		irq->latch = irq->latch || (irq->intid >= SGIS && !irq_is_timer(irq->intid));
		break;
	case BITS_CLEAR_PENDING:
		irq->latch = false;
		irq_forget(vm, irq, true, false);
		break;
	case BITS_SET_ACTIVE:
		irq->active = true;
		break;
	case BITS_CLEAR_ACTIVE:
		irq->active = false;
		irq_forget(vm, irq, false, true);
		break;
	}
}

static u32 bits_read(struct view w, enum bits kind, u32 first)
{
	u32 value = 0;

	for (u32 i = 0; i < 32; i++) {
		struct irq *irq = find(w, first + i);

		if (irq && bit_of(kind, irq))
			value |= 1u << i;
	}
	return value;
}

static void bits_write(struct view w, enum bits kind, u32 first, u32 value)
{
	for (u32 i = 0; i < 32; i++) {
		struct irq *irq = (value >> i & 1) != 0 ? find(w, first + i) : NULL;

		if (!irq)
			continue;
		write_bit(w.vm, kind, irq);
		irq_changed(w.vm, w.v, irq);
	}
}

/* ---- priorities, configuration, routes ---- */

static u32 priority_read(struct view w, u32 first)
{
	u32 value = 0;

	for (u32 i = 0; i < 4; i++) {
		struct irq *irq = find(w, first + i);

		value |= irq ? (u32)irq->priority << (8 * i) : 0;
	}
	return value;
}

static void priority_write(struct view w, u32 first, u32 value, u32 mask)
{
	for (u32 i = 0; i < 4; i++) {
		struct irq *irq = (mask >> (8 * i) & 0xff) != 0 ? find(w, first + i) : NULL;

		if (irq)
			irq->priority = (value & PRIORITY_BITS) >> (8 * i);
	}
}

static u32 config_read(struct view w, u32 first)
{
	u32 value = 0;

	for (u32 i = 0; i < 16; i++) {
		struct irq *irq = find(w, first + i);

		value |= irq && irq->edge ? 2u << (2 * i) : 0;
	}
	return value;
}

/* SGIs are edges, and PPIs levels, for good. */
static void config_write(struct view w, u32 first, u32 value, u32 mask)
{
	for (u32 i = 0; i < 16; i++) {
		struct irq *irq = (mask >> (2 * i) & 2) != 0 ? find(w, first + i) : NULL;

		if (!irq || irq->intid < PRIVATE_IRQS)
			continue;
		irq->edge = (value >> (2 * i) & 2) != 0;
		irq_changed(w.vm, w.v, irq);
	}
}

static void route(struct vm *vm, struct irq *irq, u64 router)
{
	u64 affinity = router & ~ROUTER_ANY;

	irq->router = router;
	if (router & ROUTER_ANY)
		irq->target = TARGET_ANY;
	else
		irq->target = affinity < vm->vcpus ? affinity : TARGET_NONE;
	irq_changed(vm, NULL, irq);
}

static u32 router_read(struct view w, u32 offset)
{
	struct irq *irq = find(w, (offset - GICD_IROUTER) / 8);

	return irq ? irq->router >> (offset % 8 * 8) : 0;
}

static void router_write(struct view w, u32 offset, u32 value, u32 mask)
{
	struct irq *irq = find(w, (offset - GICD_IROUTER) / 8);
	u32 shift = offset % 8 * 8;

	if (irq)
		route(w.vm, irq, (irq->router & ~((u64)mask << shift)) | ((u64)(value & mask) << shift & ROUTER_BITS));
}

/* ---- registers that both kinds of frame with interrupts have ---- */

static bool common_read(struct view w, u32 offset, u32 *value)
{
	if (offset >= BITS && offset < BITS_END)
		*value = bits_read(w, offset / 0x80, offset % 0x80 * 8);
	else if (offset >= PRIORITY && offset < PRIORITY_END)
		*value = priority_read(w, offset - PRIORITY);
	else if (offset >= CONFIG && offset < CONFIG_END)
		*value = config_read(w, (offset - CONFIG) * 4);
	else
		return false;
	return true;
}

static void common_write(struct view w, u32 offset, u32 value, u32 mask)
{
	if (offset >= BITS && offset < BITS_END)
		bits_write(w, offset / 0x80, offset % 0x80 * 8, value & mask);
	else if (offset >= PRIORITY && offset < PRIORITY_END)
		priority_write(w, offset - PRIORITY, value, mask);
	else if (offset >= CONFIG && offset < CONFIG_END)
		config_write(w, (offset - CONFIG) * 4, value, mask);
}

/* ---- the distributor ---- */

static u32 dist_read(struct view w, u32 offset)
{
	const struct gic *gic = &w.vm->gic;
	u32 value = 0;

	if (common_read(w, offset, &value))
		return value;
	if (offset >= GICD_IROUTER && offset < GICD_IROUTER_END)
		return router_read(w, offset);
	switch (offset) {
	case GICD_CTLR: return GICD_CTLR_DS | GICD_CTLR_ARE | (gic->enabled ? GICD_CTLR_ENABLE_GRP1 : 0);
	case GICD_TYPER: return GICD_TYPER_ID_BITS | ((PRIVATE_IRQS + gic->spis + 31) / 32 - 1);
	case GICD_IIDR: return IIDR;
	case PIDR2: return PIDR2_GICV3;
	default: return 0;
	}
}

static void enable_all(struct vm *vm, bool enable)
{
	vm->gic.enabled = enable;
	vcpu_kick_all(vm);
}

static void dist_write(struct view w, u32 offset, u32 value, u32 mask)
{
	if (offset == GICD_CTLR && (mask & GICD_CTLR_ENABLE_GRP1) != 0)
		enable_all(w.vm, (value & GICD_CTLR_ENABLE_GRP1) != 0);
	else if (offset >= GICD_IROUTER && offset < GICD_IROUTER_END)
		router_write(w, offset, value, mask);
	else
		common_write(w, offset, value, mask);
}

/* ---- redistributors: a frame for the vCPU, and one for its own interrupts ---- */

static u64 redist_type(const struct vcpu *v)
{
	return (u64)v->index << GICR_TYPER_AFFINITY_SHIFT | (u64)v->index << GICR_TYPER_NUMBER_SHIFT |
	       (v->redist_last ? GICR_TYPER_LAST : 0);
}

static u32 redist_read(struct view w, u32 offset)
{
	u32 value = 0;

	if (offset >= FRAME_SIZE) {
		common_read(w, offset - FRAME_SIZE, &value);
		return value;
	}
	switch (offset) {
	case GICR_IIDR: return IIDR;
	case GICR_TYPER: return redist_type(w.v);
	case GICR_TYPER + 4: return redist_type(w.v) >> 32;
	case PIDR2: return PIDR2_GICV3;
	default: return 0;		/* GICR_WAKER too: it is awake */
	}
}

static void redist_write(struct view w, u32 offset, u32 value, u32 mask)
{
	if (offset >= FRAME_SIZE)
		common_write(w, offset - FRAME_SIZE, value, mask);
}

/* ---- accesses ---- */

static u32 word_read(struct view w, u32 offset)
{
	return w.v ? redist_read(w, offset) : dist_read(w, offset);
}

static void word_write(struct view w, u32 offset, u32 value, u32 mask)
{
	if (w.v)
		redist_write(w, offset, value, mask);
	else
		dist_write(w, offset, value, mask);
}

static void access_words(struct view w, u32 offset, u32 bytes, bool write, u64 *value)
{
	u32 shift = offset % 4 * 8;
	u32 mask = bytes < 4 ? (1u << (8 * bytes)) - 1 : U32_MAX;

	if (write)
		word_write(w, offset & ~3u, (u32)*value << shift, mask << shift);
	else
		*value = word_read(w, offset & ~3u) >> shift & mask;
	if (bytes != 8)
		return;
	if (write)
		word_write(w, offset + 4, *value >> 32, U32_MAX);
	else
		*value |= (u64)word_read(w, offset + 4) << 32;
}

/* The frames that an address is in. */
static bool find_view(struct vm *vm, u64 gpa, struct view *w, u64 *base)
{
	*w = (struct view){ vm, NULL };
	*base = vm->gic.dist;
	if (gpa >= *base && gpa - *base < FRAME_SIZE)
		return true;
	for (u32 i = 0; i < vm->vcpus; i++) {
		w->v = vm->vcpu[i];
		*base = w->v->redist;
		if (gpa >= *base && gpa - *base < REDIST_SIZE)
			return true;
	}
	return false;
}

/* All of its registers are zero, which no ITS has: the guest sees that there is none. */
static bool is_its(const struct gic *gic, u64 gpa)
{
	return gic->mapped && gic->its_ready && gpa >= gic->its && gpa - gic->its < KVM_VGIC_V3_ITS_SIZE;
}

bool dist_access(struct vcpu *v, u64 gpa, u64 bytes, bool write, u64 *value, bool *abort)
{
	struct gic *gic = &v->vm->gic;
	unsigned long flags;
	struct view w;
	u64 base;

	if (is_its(gic, gpa)) {
		*value = 0;
		*abort = false;
		return true;
	}
	if (!gic->mapped || !find_view(v->vm, gpa, &w, &base))
		return false;
	*abort = bytes == 0 || bytes > 8 || !is_power_of_2(bytes) || gpa % bytes != 0;
	if (*abort)
		return true;
	spin_lock_irqsave(&gic->lock, flags);
	access_words(w, gpa - base, bytes, write, value);
	spin_unlock_irqrestore(&gic->lock, flags);
	return true;
}
