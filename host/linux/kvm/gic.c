// SPDX-License-Identifier: GPL-2.0
/* The GICv3: where it lies, which interrupts it has, and lines that user space raises and lowers. */
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/kvm.h>
#include <linux/minmax.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "cordon/abi.h"
#include "gic.h"
#include "irq.h"
#include "machine.h"
#include "route.h"

#define UNSET U64_MAX
#define DEFAULT_IRQS 256
#define MIN_IRQS 64
#define MAX_IRQS 1024			/* includes numbers that are no interrupts */

/* The value of KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION. */
#define REGION_INDEX(value) ((value) & 0xfff)
#define REGION_FLAGS(value) ((value) >> 12 & 0xf)
#define REGION_BASE(value) ((value) & GENMASK_ULL(51, 16))
#define REGION_COUNT(value) ((value) >> 52)

/* ---- addresses ---- */

static u64 region_size(const struct vm *vm, const struct redist_region *r)
{
	return (u64)(r->count ? r->count : vm->vcpus) * KVM_VGIC_V3_REDIST_SIZE;
}

static int check_range(const struct vm *vm, u64 base, u64 size)
{
	if (base % SZ_64K != 0 || base + size < base)
		return -EINVAL;
	return base + size > 1ULL << vm->ipa_bits ? -E2BIG : 0;
}

static bool overlap(u64 a, u64 a_size, u64 b, u64 b_size)
{
	return a < b + b_size && b < a + a_size;
}

/* Whether a range meets the distributor's or a region's, or one of the first n regions. */
static bool is_taken(const struct vm *vm, u64 base, u64 size, u32 n)
{
	const struct gic *gic = &vm->gic;

	if (gic->dist != UNSET && overlap(base, size, gic->dist, KVM_VGIC_V3_DIST_SIZE))
		return true;
	for (u32 i = 0; i < n; i++) {
		if (overlap(base, size, gic->region[i].base, region_size(vm, &gic->region[i])))
			return true;
	}
	return false;
}

static int set_dist(struct vm *vm, u64 base)
{
	int ret = check_range(vm, base, KVM_VGIC_V3_DIST_SIZE);

	if (ret != 0)
		return ret;
	if (vm->gic.dist != UNSET)
		return -EEXIST;
	if (is_taken(vm, base, KVM_VGIC_V3_DIST_SIZE, vm->gic.regions))
		return -EINVAL;
	vm->gic.dist = base;
	return 0;
}

static int add_region(struct vm *vm, struct redist_region r)
{
	struct gic *gic = &vm->gic;
	int ret = check_range(vm, r.base, r.count ? region_size(vm, &r) : KVM_VGIC_V3_REDIST_SIZE);

	if (ret != 0)
		return ret;
	if (gic->regions == ARRAY_SIZE(gic->region) || is_taken(vm, r.base, region_size(vm, &r), gic->regions))
		return -EINVAL;
	gic->region[gic->regions++] = r;
	return 0;
}

/* One for all vCPUs. */
static int set_redist(struct vm *vm, u64 base)
{
	if (vm->gic.regions > 0)
		return vm->gic.region[0].count == 0 ? -EEXIST : -EINVAL;
	return add_region(vm, (struct redist_region){ base, 0 });
}

/* One of several, in order. */
static int set_region(struct vm *vm, u64 value)
{
	const struct gic *gic = &vm->gic;

	if (REGION_FLAGS(value) != 0 || REGION_COUNT(value) == 0 || REGION_INDEX(value) != gic->regions)
		return -EINVAL;
	if (gic->regions > 0 && gic->region[0].count == 0)
		return -EINVAL;
	return add_region(vm, (struct redist_region){ REGION_BASE(value), REGION_COUNT(value) });
}

int gic_set_address(struct vm *vm, u64 type, u64 value)
{
	if (vm->state != VM_SETUP)
		return -EBUSY;
	switch (type) {
	case KVM_VGIC_V3_ADDR_TYPE_DIST: return set_dist(vm, value);
	case KVM_VGIC_V3_ADDR_TYPE_REDIST: return set_redist(vm, value);
	case KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION: return set_region(vm, value);
	default: return -ENODEV;
	}
}

int gic_get_address(struct vm *vm, u64 type, u64 *value)
{
	const struct gic *gic = &vm->gic;
	u64 index = REGION_INDEX(*value);

	switch (type) {
	case KVM_VGIC_V3_ADDR_TYPE_DIST:
		*value = gic->dist;
		return 0;
	case KVM_VGIC_V3_ADDR_TYPE_REDIST:
		if (gic->regions > 0 && gic->region[0].count != 0)
			return -EINVAL;
		*value = gic->regions > 0 ? gic->region[0].base : UNSET;
		return 0;
	case KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION:
		if (index >= gic->regions || gic->region[index].count == 0)
			return -ENOENT;
		*value = index | gic->region[index].base | (u64)gic->region[index].count << 52;
		return 0;
	default:
		return -ENODEV;
	}
}

/* The vCPUs' redistributors, one behind the other in the regions as they come. */
static int place_redists(struct vm *vm)
{
	const struct gic *gic = &vm->gic;
	u32 next = 0;

	for (u32 i = 0; i < gic->regions; i++) {
		const struct redist_region *r = &gic->region[i];
		u64 n = region_size(vm, r) / KVM_VGIC_V3_REDIST_SIZE;

		if (check_range(vm, r->base, region_size(vm, r)) != 0 ||
		    (gic->dist != UNSET && overlap(r->base, region_size(vm, r), gic->dist, KVM_VGIC_V3_DIST_SIZE)))
			return -EINVAL;
		for (u64 k = 0; k < n && next < vm->vcpus; k++, next++) {
			vm->vcpu[next]->redist = r->base + k * KVM_VGIC_V3_REDIST_SIZE;
			vm->vcpu[next]->redist_last = k + 1 == n || next + 1 == vm->vcpus;
		}
	}
	return next == vm->vcpus ? 0 : -EINVAL;
}

int gic_map(struct vm *vm)
{
	struct gic *gic = &vm->gic;
	int ret;

	if (!gic->created)
		return 0;
	if (!gic->ready)
		return -EBUSY;
	if (gic->dist == UNSET || gic->regions == 0)
		return -ENXIO;
	ret = place_redists(vm);
	if (ret == 0)
		gic->mapped = true;
	return ret;
}

/* ---- its interrupts ---- */

int gic_set_number(struct vm *vm, u32 irqs)
{
	if (irqs < MIN_IRQS || irqs > MAX_IRQS || irqs % 32 != 0)
		return -EINVAL;
	if (vm->gic.ready || vm->gic.spis != 0)
		return -EBUSY;
	vm->gic.spis = min(irqs, IRQS_LIMIT) - PRIVATE_IRQS;
	return 0;
}

/* Without vCPUs nobody looks at its target. */
static struct irq spi_at_reset(u32 i)
{
	return (struct irq){ .intid = PRIVATE_IRQS + i, .edge = true, .target = 0, .holder = HOLDER_NONE };
}

int gic_make_ready(struct vm *vm)
{
	struct gic *gic = &vm->gic;
	u32 spis = gic->spis ? gic->spis : DEFAULT_IRQS - PRIVATE_IRQS;
	struct irq *spi;

	if (gic->ready)
		return 0;
	for (u32 i = 0; i < vm->vcpus; i++) {
		if (!vm->vcpu[i])
			return -EBUSY;
	}
	spi = kvcalloc(spis, sizeof(*spi), GFP_KERNEL_ACCOUNT);
	if (!spi)
		return -ENOMEM;
	for (u32 i = 0; i < spis; i++)
		spi[i] = spi_at_reset(i);
	spin_lock_irq(&gic->lock);
	gic->spi = spi;
	gic->spis = spis;
	gic->ready = true;
	spin_unlock_irq(&gic->lock);
	return 0;
}

void gic_init(struct gic *gic)
{
	spin_lock_init(&gic->lock);
	gic->dist = UNSET;
	gic->its = UNSET;
}

/* SGIs are edges and always enabled as far as a distributor without LPIs can say; PPIs are levels. */
static struct irq private_at_reset(u32 intid, u32 index)
{
	return (struct irq){ .intid = intid, .edge = intid < SGIS, .target = index, .holder = HOLDER_NONE };
}

void gic_init_vcpu(struct vcpu *v)
{
	v->redist = UNSET;
	for (u32 i = 0; i < PRIVATE_IRQS; i++)
		v->irq[i] = private_at_reset(i, v->index);
}

int gic_create(struct vm *vm)
{
	if (vm->gic.created)
		return -EEXIST;
	if (vm->state != VM_SETUP)
		return -EBUSY;
	smp_store_release(&vm->gic.created, true);
	return 0;
}

void gic_abandon(struct vm *vm)
{
	struct gic *gic = &vm->gic;

	if (gic->ready || !gic->created)
		return;
	gic->dist = UNSET;
	gic->regions = 0;
	gic->spis = 0;
	smp_store_release(&gic->created, false);
}

/* The timers' lines are the guest's own, and come from Cordon. */
static void renew_vcpu(struct vcpu *v)
{
	memset(v->listed, 0, sizeof(v->listed));
	for (u32 i = 0; i < PRIVATE_IRQS; i++) {
		bool line = v->irq[i].line && !irq_is_timer(i);

		v->irq[i] = private_at_reset(i, v->index);
		v->irq[i].line = line;
		irq_changed(v->vm, v, &v->irq[i]);
	}
}

void gic_begin_anew(struct vm *vm)
{
	struct gic *gic = &vm->gic;

	spin_lock_irq(&gic->lock);
	gic->enabled = false;
	for (u32 i = 0; i < vm->vcpus; i++)
		renew_vcpu(vm->vcpu[i]);
	for (u32 i = 0; i < gic->spis && gic->ready; i++) {
		bool line = gic->spi[i].line && !gic->spi[i].resample;

		gic->spi[i] = spi_at_reset(i);
		gic->spi[i].line = line;
		irq_changed(vm, NULL, &gic->spi[i]);
	}
	spin_unlock_irq(&gic->lock);
}

void gic_free(struct gic *gic)
{
	kvfree(gic->spi);
	route_free(gic);
}

/* ---- lines ---- */

static int private_line(struct vm *vm, u32 index, u32 intid, bool level)
{
	if (index >= vm->vcpus || intid < SGIS || intid >= PRIVATE_IRQS || irq_is_timer(intid))
		return -EINVAL;
	irq_set_line(vm, vm->vcpu[index], intid, level);
	return 0;
}

int gic_irq_line(struct vm *vm, const struct kvm_irq_level *level)
{
	u32 type = level->irq >> KVM_ARM_IRQ_TYPE_SHIFT & KVM_ARM_IRQ_TYPE_MASK;
	u32 index = (level->irq >> KVM_ARM_IRQ_VCPU_SHIFT & KVM_ARM_IRQ_VCPU_MASK) +
		    (level->irq >> KVM_ARM_IRQ_VCPU2_SHIFT & KVM_ARM_IRQ_VCPU2_MASK) * (KVM_ARM_IRQ_VCPU_MASK + 1);
	u32 number = level->irq >> KVM_ARM_IRQ_NUM_SHIFT & KVM_ARM_IRQ_NUM_MASK;

	if (type != KVM_ARM_IRQ_TYPE_PPI && type != KVM_ARM_IRQ_TYPE_SPI)
		return type == KVM_ARM_IRQ_TYPE_CPU ? -ENXIO : -EINVAL;
	if (!smp_load_acquire(&vm->gic.created))
		return -ENXIO;
	if (!smp_load_acquire(&vm->gic.ready))
		return -EBUSY;
	if (type == KVM_ARM_IRQ_TYPE_PPI)
		return private_line(vm, index, number, level->level);
	if (number < PRIVATE_IRQS || number - PRIVATE_IRQS >= vm->gic.spis)
		return -EINVAL;
	irq_set_line(vm, NULL, number, level->level);
	return 0;
}
