/* SPDX-License-Identifier: GPL-2.0 */
/* What is kept of an interrupt, of the GIC, and of what a vCPU is given of it. irq.h says what is done with it. */
#ifndef CORDON_KVM_INTERRUPT_H
#define CORDON_KVM_INTERRUPT_H

#include <linux/bitmap.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "cordon/abi.h"

#define PRIVATE_IRQS 32
#define IRQS_LIMIT 1020			/* INTIDs from here on are no interrupts */
#define SGIS 16
#define ROUTES 4096			/* GSIs that user space can route */

#define TARGET_ANY (-1)			/* an SPI that any vCPU may take */
#define TARGET_NONE (-2)		/* an SPI that is routed to a vCPU that is not there */
#define HOLDER_NONE (-1)

/* A line of the host's that is behind an SPI: masked from when it is up until the guest has ended the SPI. */
struct host_line {
	u32 number;			/* the kernel's */
	u32 intid;
	bool masked;
};

struct irq {
	u16 intid;
	u8 priority;
	bool enabled;
	bool edge;
	bool latch;			/* pending by an edge, a guest's write, or an SGI */
	bool line;			/* the level of its line */
	bool active;
	s8 target;			/* vCPU, TARGET_ANY, TARGET_NONE */
	s8 holder;			/* the vCPU in whose list registers it is, or where it is active */
	u64 router;			/* what the guest has written */
	struct host_line *host;		/* what is behind it, or NULL */
	bool resample;			/* raised for an event descriptor that is to hear of its end */
};

/* One with a level that is not the guest's or the host's to set: Cordon knows when a timer fires. */
static inline bool irq_is_timer(u32 intid)
{
	return intid == CORDON_TIMER_INTID || intid == CORDON_PHYSICAL_TIMER_INTID;
}

struct redist_region {
	u64 base;
	u32 count;			/* 0: as many as there are vCPUs */
};

struct gic {
	spinlock_t lock;		/* everything below, once the VM runs, and the vCPUs' own interrupts */
	bool created;
	bool ready;			/* initialised: interrupts are there, and no more vCPUs come */
	bool mapped;			/* its addresses are fixed */
	bool enabled;			/* GICD_CTLR.EnableGrp1 */
	u64 dist;			/* guest addresses; all ones: not set */
	struct redist_region region[CORDON_VCPUS_MAX];
	u32 regions;
	u32 spis;
	struct irq *spi;
	u16 *route;			/* user space's table, or NULL: route.c */
	u64 its;			/* guest address; all ones: not set */
	bool its_created;
	bool its_ready;
	DECLARE_BITMAP(ended, IRQS_LIMIT);	/* SPIs whose end somebody is to hear of */
	bool any_ended;
	DECLARE_BITMAP(busy, IRQS_LIMIT);	/* SPIs that are pending or active */
};

/* What a list register holds while the vCPU is in the guest. */
struct listed {
	struct irq *irq;
	bool pending;
	bool latch;			/* it was pending by its latch */
};

#endif
