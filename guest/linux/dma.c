// SPDX-License-Identifier: GPL-2.0
/*
 * DMA of virtio devices through the pool. The kernel calls the operations of a device that has some, and else maps
 * memory as it is; a notifier gives them to each virtio device, on MMIO or PCI, just before its driver looks at it.
 *
 * virtio uses the DMA API for a device that offers VIRTIO_F_ACCESS_PLATFORM. With one that does not, the driver hands out
 * addresses of the guest's own memory, which the device cannot reach: no I/O, and nothing is given away.
 */
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/platform_device.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/version.h>

#include "cordon_guest.h"

#define MAPS_PHYS (LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0))	/* memory comes by its address, not by its page */

#ifndef DMA_ATTR_MMIO
#define DMA_ATTR_MMIO 0
#endif

/* ---- operations ---- */

static void *op_alloc(struct device *dev, size_t size, dma_addr_t *dma, gfp_t gfp, unsigned long attrs)
{
	return pool_alloc(size, dma);
}

static void op_free(struct device *dev, size_t size, void *at, dma_addr_t dma, unsigned long attrs)
{
	pool_free(at, size);
}

/* What a device is to write is not copied there first: the host would read what the guest had in that memory. */
static void fill(dma_addr_t dma, size_t size, enum dma_data_direction dir)
{
	if (dir == DMA_FROM_DEVICE)
		pool_clear(dma, size);
	else
		pool_copy_in(dma, size);
}

static dma_addr_t op_map_phys(struct device *dev, phys_addr_t phys, size_t size, enum dma_data_direction dir,
			      unsigned long attrs)
{
	dma_addr_t dma;

	if (attrs & DMA_ATTR_MMIO)
		return DMA_MAPPING_ERROR;	/* registers of a device: nothing that can be copied */
	dma = pool_map(phys, size);
	if (dma != DMA_MAPPING_ERROR && !(attrs & DMA_ATTR_SKIP_CPU_SYNC))
		fill(dma, size, dir);
	return dma;
}

static void op_sync_for_cpu(struct device *dev, dma_addr_t dma, size_t size, enum dma_data_direction dir)
{
	if (dir != DMA_TO_DEVICE)
		pool_copy_out(dma, size);
}

/* A device that goes on writing into a buffer finds its own data there. */
static void op_sync_for_device(struct device *dev, dma_addr_t dma, size_t size, enum dma_data_direction dir)
{
	if (dir != DMA_FROM_DEVICE)
		pool_copy_in(dma, size);
}

static void op_unmap_phys(struct device *dev, dma_addr_t dma, size_t size, enum dma_data_direction dir, unsigned long attrs)
{
	if (!(attrs & DMA_ATTR_SKIP_CPU_SYNC))
		op_sync_for_cpu(dev, dma, size, dir);
	pool_unmap(dma, size);
}

static void op_unmap_sg(struct device *dev, struct scatterlist *list, int n, enum dma_data_direction dir, unsigned long attrs)
{
	struct scatterlist *s;
	int i;

	for_each_sg(list, s, n, i)
		op_unmap_phys(dev, sg_dma_address(s), sg_dma_len(s), dir, attrs);
}

static int op_map_sg(struct device *dev, struct scatterlist *list, int n, enum dma_data_direction dir, unsigned long attrs)
{
	struct scatterlist *s;
	int i;

	for_each_sg(list, s, n, i) {
		sg_dma_address(s) = op_map_phys(dev, sg_phys(s), s->length, dir, attrs);
		sg_dma_len(s) = s->length;
		if (sg_dma_address(s) == DMA_MAPPING_ERROR) {
			op_unmap_sg(dev, list, i, dir, attrs | DMA_ATTR_SKIP_CPU_SYNC);
			return -ENOMEM;
		}
	}
	return n;
}

static void op_sync_sg_for_cpu(struct device *dev, struct scatterlist *list, int n, enum dma_data_direction dir)
{
	struct scatterlist *s;
	int i;

	for_each_sg(list, s, n, i)
		op_sync_for_cpu(dev, sg_dma_address(s), sg_dma_len(s), dir);
}

static void op_sync_sg_for_device(struct device *dev, struct scatterlist *list, int n, enum dma_data_direction dir)
{
	struct scatterlist *s;
	int i;

	for_each_sg(list, s, n, i)
		op_sync_for_device(dev, sg_dma_address(s), sg_dma_len(s), dir);
}

static int op_supported(struct device *dev, u64 mask)
{
	return (pool_mask() & ~mask) == 0;
}

static u64 op_required_mask(struct device *dev)
{
	return pool_mask();
}

static size_t op_most(struct device *dev)
{
	return pool_most();
}

#if !MAPS_PHYS
static dma_addr_t op_map_page(struct device *dev, struct page *page, unsigned long offset, size_t size,
			      enum dma_data_direction dir, unsigned long attrs)
{
	return op_map_phys(dev, page_to_phys(page) + offset, size, dir, attrs);
}
#endif

static const struct dma_map_ops ops = {
	.alloc = op_alloc,
	.free = op_free,
#if MAPS_PHYS
	.map_phys = op_map_phys,
	.unmap_phys = op_unmap_phys,
#else
	.map_page = op_map_page,
	.unmap_page = op_unmap_phys,
#endif
	.map_sg = op_map_sg,
	.unmap_sg = op_unmap_sg,
	.sync_single_for_cpu = op_sync_for_cpu,
	.sync_single_for_device = op_sync_for_device,
	.sync_sg_for_cpu = op_sync_sg_for_cpu,
	.sync_sg_for_device = op_sync_sg_for_device,
	.dma_supported = op_supported,
	.get_required_mask = op_required_mask,
	.max_mapping_size = op_most,
};

/* ---- which devices ---- */

void dma_use_pool(struct device *dev)
{
	set_dma_ops(dev, &ops);
}

#ifdef CONFIG_PCI
static const struct bus_type *const pci_bus = &pci_bus_type;

/*
 * Whether a PCI function is the guest's own: Cordon has mapped its registers to it. Such a device reads and writes the guest's
 * memory by itself. One that the host plays answers by exits: nothing is mapped.
 */
static bool is_given(struct device *dev)
{
	struct pci_dev *pci = to_pci_dev(dev);

	for (int i = 0; i < PCI_STD_NUM_BARS; i++) {
		u64 at = pci_resource_start(pci, i) & PAGE_MASK;

		if ((pci_resource_flags(pci, i) & IORESOURCE_MEM) && at && cordon_call(CORDON_GUEST_QUERY, at, 0, 0, 0).x1 != 0)
			return true;
	}
	return false;
}
#else
static const struct bus_type *const pci_bus;

static bool is_given(struct device *dev)
{
	return false;
}
#endif

/* A virtio device that the host plays, at its driver. */
static bool is_virtio(struct device *dev)
{
	if (!dev->driver)
		return false;
	if (pci_bus && dev->bus == pci_bus)
		return strcmp(dev->driver->name, "virtio-pci") == 0 && !is_given(dev);
	return strcmp(dev->driver->name, "virtio-mmio") == 0;
}

/*
 * Devices that use the pool; the module stays as long as there is one. They are remembered here, as the kernel has taken
 * operations and driver off a device when it says that it is unbound. Bind and unbind of a device exclude each other.
 */
struct user {
	struct list_head link;
	struct device *dev;
};

static LIST_HEAD(users);
static DEFINE_MUTEX(users_lock);

static void bind(struct device *dev)
{
	struct user *u = kmalloc(sizeof(*u), GFP_KERNEL);

	__module_get(THIS_MODULE);
	dma_use_pool(dev);
	dev_info(dev, "does DMA through memory that is granted to the host\n");
	if (!u)
		return;		/* nobody will remember to let the module go: it stays */
	u->dev = dev;
	mutex_lock(&users_lock);
	list_add(&u->link, &users);
	mutex_unlock(&users_lock);
}

static void unbind(struct device *dev)
{
	struct user *u, *next;

	mutex_lock(&users_lock);
	list_for_each_entry_safe(u, next, &users, link) {
		if (u->dev != dev)
			continue;
		list_del(&u->link);
		kfree(u);
		set_dma_ops(dev, NULL);
		module_put(THIS_MODULE);
	}
	mutex_unlock(&users_lock);
}

static int on_bus(struct notifier_block *self, unsigned long event, void *data)
{
	if (event == BUS_NOTIFY_BIND_DRIVER && is_virtio(data))
		bind(data);
	if (event == BUS_NOTIFY_UNBOUND_DRIVER || event == BUS_NOTIFY_DRIVER_NOT_BOUND)
		unbind(data);
	return NOTIFY_OK;
}

static struct notifier_block on_platform = { .notifier_call = on_bus };
static struct notifier_block on_pci = { .notifier_call = on_bus };

static int in_use(struct device *dev, void *unused)
{
	return dev->driver != NULL;
}

/* A transport that is in the kernel itself has its devices already. Where nothing uses such a device yet, it is not too late. */
static int take_early(struct device *dev, void *unused)
{
	if (!is_virtio(dev) || get_dma_ops(dev) == &ops)
		return 0;
	if (device_for_each_child(dev, NULL, in_use) == 0)
		bind(dev);
	else
		dev_warn(dev, "is in use already; load cordon_guest before the drivers of virtio devices\n");
	return 0;
}

int dma_start(void)
{
	int ret = bus_register_notifier(&platform_bus_type, &on_platform);

	if (ret != 0)
		return ret;
	bus_for_each_dev(&platform_bus_type, NULL, NULL, take_early);
#ifdef CONFIG_PCI
	ret = bus_register_notifier(&pci_bus_type, &on_pci);
	if (ret != 0)
		bus_unregister_notifier(&platform_bus_type, &on_platform);
	else
		bus_for_each_dev(&pci_bus_type, NULL, NULL, take_early);
#endif
	return ret;
}

void dma_stop(void)
{
#ifdef CONFIG_PCI
	bus_unregister_notifier(&pci_bus_type, &on_pci);
#endif
	bus_unregister_notifier(&platform_bus_type, &on_platform);
}
