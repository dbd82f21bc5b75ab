// SPDX-License-Identifier: GPL-2.0
/*
 * A balloon of virtio's: the VMM says how many pages the guest is to do without, and gets them. They go back to the host zeroed before the VMM hears of
 * them, which then frees what its process keeps in their place. Memory that report.c gives back is told in the same way.
 *
 * Linux' own driver for it, virtio_balloon, asks for no DMA API, so that the host cannot reach its queues. A module of its own, cordon_balloon, as
 * cordon_guest has to be there before virtio is.
 */
#include <linux/completion.h>
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/version.h>
#include <linux/virtio.h>
#include <linux/virtio_balloon.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/workqueue.h>

#include "cordon_guest.h"

#define BATCH 256		/* pages that one buffer of a queue names */
#define PER_PAGE (PAGE_SIZE >> VIRTIO_BALLOON_PFN_SHIFT)
#define TAKE (GFP_HIGHUSER | __GFP_NOMEMALLOC | __GFP_NORETRY | __GFP_NOWARN)

enum { INFLATE, DEFLATE, QUEUES };

struct balloon {
	struct virtio_device *vdev;
	struct virtqueue *queue[QUEUES];
	struct work_struct work;
	struct mutex lock;		/* of all below */
	struct completion done;
	struct list_head pages;
	u32 count;
	u32 names;
	__le32 name[BATCH * PER_PAGE];
};

static struct balloon *balloon;		/* there is one, or none */

/* ---- what the VMM is told ---- */

static void on_done(struct virtqueue *queue)
{
	struct balloon *b = queue->vdev->priv;

	complete(&b->done);
}

static void add_name(struct balloon *b, phys_addr_t at)
{
	for (u32 i = 0; i < PER_PAGE; i++)
		b->name[b->names++] = cpu_to_le32((at >> VIRTIO_BALLOON_PFN_SHIFT) + i);
}

/* The pages that were named so far, and no answer but that they were read. */
static void send(struct balloon *b, struct virtqueue *queue)
{
	struct scatterlist list;
	unsigned int size;

	if (b->names == 0)
		return;
	sg_init_one(&list, b->name, b->names * sizeof(b->name[0]));
	b->names = 0;
	reinit_completion(&b->done);
	if (virtqueue_add_outbuf(queue, &list, 1, b, GFP_KERNEL) != 0)
		return;
	virtqueue_kick(queue);
	while (!virtqueue_get_buf(queue, &size) && !virtqueue_is_broken(queue))
		wait_for_completion_timeout(&b->done, HZ);
}

static void tell(phys_addr_t at, size_t size)
{
	struct balloon *b = balloon;

	mutex_lock(&b->lock);
	for (size_t done = 0; done < size; done += PAGE_SIZE) {
		add_name(b, at + done);
		if (b->names == ARRAY_SIZE(b->name))
			send(b, b->queue[INFLATE]);
	}
	send(b, b->queue[INFLATE]);
	mutex_unlock(&b->lock);
}

/* ---- its size ---- */

/* At most one batch. How many pages went. */
static u32 inflate(struct balloon *b, u32 wanted)
{
	u32 n = 0;

	while (n < min_t(u32, wanted, BATCH)) {
		struct page *page = alloc_page(TAKE);

		if (!page)
			break;
		if (share_give_back(page_to_phys(page), PAGE_SIZE) != 0) {
			__free_page(page);
			break;
		}
		adjust_managed_page_count(page, -1);
		list_add(&page->lru, &b->pages);
		add_name(b, page_to_phys(page));
		n++;
	}
	send(b, b->queue[INFLATE]);
	b->count += n;
	return n;
}

/* What the kernel takes of them it finds new, and zero. */
static u32 deflate(struct balloon *b, u32 wanted)
{
	struct page *page, *next;
	LIST_HEAD(out);
	u32 n = 0;

	list_for_each_entry_safe(page, next, &b->pages, lru) {
		if (n == min_t(u32, wanted, BATCH))
			break;
		list_move(&page->lru, &out);
		add_name(b, page_to_phys(page));
		n++;
	}
	send(b, b->queue[DEFLATE]);
	list_for_each_entry_safe(page, next, &out, lru) {
		list_del(&page->lru);
		adjust_managed_page_count(page, 1);
		__free_page(page);
	}
	b->count -= n;
	return n;
}

/* A batch nearer to `target` pages. Whether it came nearer. */
static bool step(struct balloon *b, u32 target)
{
	u32 n;

	mutex_lock(&b->lock);
	n = b->count < target ? inflate(b, target - b->count) : deflate(b, b->count - target);
	mutex_unlock(&b->lock);
	return n != 0;
}

static void follow(struct work_struct *work)
{
	struct balloon *b = container_of(work, struct balloon, work);
	u32 target;

	do {
		virtio_cread_le(b->vdev, struct virtio_balloon_config, num_pages, &target);
		target /= PER_PAGE;
	} while (b->count != target && step(b, target));
	target = b->count * PER_PAGE;
	virtio_cwrite_le(b->vdev, struct virtio_balloon_config, actual, &target);
}

static void changed(struct virtio_device *vdev)
{
	struct balloon *b = vdev->priv;

	queue_work(system_freezable_wq, &b->work);
}

/* ---- the device ---- */

static int find_queues(struct balloon *b)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
	struct virtqueue_info info[QUEUES] = { { "inflate", on_done }, { "deflate", on_done } };

	return virtio_find_vqs(b->vdev, QUEUES, b->queue, info, NULL);
#else
	vq_callback_t *call[QUEUES] = { on_done, on_done };
	const char *const name[QUEUES] = { "inflate", "deflate" };

	return virtio_find_vqs(b->vdev, QUEUES, b->queue, call, name, NULL);
#endif
}

static int probe(struct virtio_device *vdev)
{
	struct balloon *b;
	int ret;

	if (!virtio_has_feature(vdev, VIRTIO_F_ACCESS_PLATFORM)) {
		dev_err(&vdev->dev, "a balloon without iommu_platform=on: the host cannot reach its queues\n");
		return -ENODEV;
	}
	if (balloon)
		return -EBUSY;
	b = kzalloc(sizeof(*b), GFP_KERNEL);
	if (!b)
		return -ENOMEM;
	b->vdev = vdev;
	vdev->priv = b;
	INIT_WORK(&b->work, follow);
	mutex_init(&b->lock);
	init_completion(&b->done);
	INIT_LIST_HEAD(&b->pages);
	ret = find_queues(b);
	if (ret != 0) {
		kfree(b);
		return ret;
	}
	virtio_device_ready(vdev);
	balloon = b;
	report_by(tell);
	changed(vdev);
	return 0;
}

static void remove(struct virtio_device *vdev)
{
	struct balloon *b = vdev->priv;

	report_by(NULL);
	cancel_work_sync(&b->work);
	while (b->count > 0)
		step(b, 0);
	virtio_reset_device(vdev);
	vdev->config->del_vqs(vdev);
	balloon = NULL;
	kfree(b);
}

static const struct virtio_device_id ids[] = { { VIRTIO_ID_BALLOON, VIRTIO_DEV_ANY_ID }, { 0 } };

static struct virtio_driver balloon_driver = {
	.driver.name = KBUILD_MODNAME,
	.driver.owner = THIS_MODULE,
	.id_table = ids,
	.probe = probe,
	.remove = remove,
	.config_changed = changed,
};

module_virtio_driver(balloon_driver);
MODULE_DEVICE_TABLE(virtio, ids);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Memory that a Linux guest under Cordon gives back when its VMM asks for it");
