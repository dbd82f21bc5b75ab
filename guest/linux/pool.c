// SPDX-License-Identifier: GPL-2.0
/*
 * The pool: chunks of 2 MiB that are granted to the host as long as the module is there, and places in them that stand
 * for memory of the guest's own. What a place stands for is kept in memory that the host cannot reach.
 */
#include <linux/dma-mapping.h>
#include <linux/genalloc.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "cordon_guest.h"

#define CHUNK_SIZE SZ_2M	/* one stage-2 block, if the host has it so */
#define CHUNK_ORDER get_order(CHUNK_SIZE)
#define CHUNKS_MAX 64
#define GRANULE_SHIFT 9
#define GRANULE (1UL << GRANULE_SHIFT)
#define PLACE_MOST SZ_128K	/* small beside a chunk, so that a pool in use still has room of that size */

/* What a granule of a place stands for. */
struct meaning {
	phys_addr_t original;
	u32 left;		/* bytes from here to the end of the place; 0: no place */
};

struct chunk {
	void *at;
	phys_addr_t phys;
	struct meaning *meaning;
};

static struct gen_pool *pool;
static struct chunk chunks[CHUNKS_MAX];
static unsigned int chunk_count;

/* ---- chunks ---- */

/* A chunk that does not come back from the host is not given to the kernel either. */
static void remove_chunk(struct chunk *c)
{
	if (share_revoke(c->at, CHUNK_SIZE) == 0)
		free_pages((unsigned long)c->at, CHUNK_ORDER);
	kvfree(c->meaning);
}

static int add_chunk(struct chunk *c)
{
	int ret = -ENOMEM;

	c->meaning = kvcalloc(CHUNK_SIZE / GRANULE, sizeof(*c->meaning), GFP_KERNEL);
	c->at = (void *)__get_free_pages(GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN, CHUNK_ORDER);
	if (c->meaning && c->at) {
		c->phys = virt_to_phys(c->at);
		ret = share_grant(c->at, CHUNK_SIZE);
		if (ret == 0)
			ret = gen_pool_add_virt(pool, (unsigned long)c->at, c->phys, CHUNK_SIZE, NUMA_NO_NODE);
		if (ret != 0)
			remove_chunk(c);
	} else {
		free_pages((unsigned long)c->at, CHUNK_ORDER);
		kvfree(c->meaning);
	}
	return ret;
}

void pool_destroy(void)
{
	gen_pool_destroy(pool);
	while (chunk_count > 0)
		remove_chunk(&chunks[--chunk_count]);
}

int pool_create(unsigned int mib)
{
	unsigned int wanted = DIV_ROUND_UP(mib, CHUNK_SIZE / SZ_1M);
	int ret = 0;

	if (wanted == 0 || wanted > CHUNKS_MAX)
		return -EINVAL;
	pool = gen_pool_create(GRANULE_SHIFT, NUMA_NO_NODE);
	if (!pool)
		return -ENOMEM;
	while (chunk_count < wanted && ret == 0) {
		ret = add_chunk(&chunks[chunk_count]);
		chunk_count += ret == 0;
	}
	if (ret != 0)
		pool_destroy();
	return ret;
}

/* ---- places ---- */

void *pool_alloc(size_t size, dma_addr_t *dma)
{
	return gen_pool_dma_zalloc_align(pool, PAGE_ALIGN(size), dma, PAGE_SIZE);
}

void pool_free(void *at, size_t size)
{
	gen_pool_free(pool, (unsigned long)at, PAGE_ALIGN(size));
}

static struct chunk *chunk_of(dma_addr_t dma)
{
	for (unsigned int i = 0; i < chunk_count; i++)
		if (dma - chunks[i].phys < CHUNK_SIZE)
			return &chunks[i];
	return NULL;
}

/* What `size` bytes at an address of the pool stand for; false, with a warning, when they are no part of a place. */
static bool find(dma_addr_t dma, size_t size, void **place, void **original)
{
	struct chunk *c = chunk_of(dma);
	struct meaning *m = c ? &c->meaning[(dma - c->phys) / GRANULE] : NULL;
	size_t within = (size_t)(dma % GRANULE);

	if (WARN_ON_ONCE(!m || m->left < within || size > m->left - within))
		return false;
	*place = c->at + (dma - c->phys);
	*original = phys_to_virt(m->original + within);
	return true;
}

static void set_meaning(dma_addr_t dma, phys_addr_t original, size_t size)
{
	struct chunk *c = chunk_of(dma);
	struct meaning *m = &c->meaning[(dma - c->phys) / GRANULE];

	for (size_t done = 0; done < size; done += GRANULE)
		*m++ = (struct meaning){ original + done, (u32)(size - done) };
}

static void forget_meaning(struct meaning *m, size_t size)
{
	for (size_t done = 0; done < size; done += GRANULE)
		*m++ = (struct meaning){ 0 };
}

dma_addr_t pool_map(phys_addr_t original, size_t size)
{
	dma_addr_t dma;

	if (size == 0 || size > PLACE_MOST || !gen_pool_dma_alloc(pool, size, &dma))
		return DMA_MAPPING_ERROR;
	set_meaning(dma, original, size);
	return dma;
}

void pool_unmap(dma_addr_t dma, size_t size)
{
	struct chunk *c = chunk_of(dma);
	struct meaning *m = c ? &c->meaning[(dma - c->phys) / GRANULE] : NULL;

	if (WARN_ON_ONCE(!m || dma % GRANULE || m->left != size))
		return;
	forget_meaning(m, size);
	gen_pool_free(pool, (unsigned long)c->at + (dma - c->phys), size);
}

void pool_copy_in(dma_addr_t dma, size_t size)
{
	void *place, *original;

	if (find(dma, size, &place, &original))
		memcpy(place, original, size);
}

void pool_copy_out(dma_addr_t dma, size_t size)
{
	void *place, *original;

	if (find(dma, size, &place, &original))
		memcpy(original, place, size);
}

void pool_clear(dma_addr_t dma, size_t size)
{
	void *place, *original;

	if (find(dma, size, &place, &original))
		memset(place, 0, size);
}

size_t pool_available(void)
{
	return gen_pool_avail(pool);
}

size_t pool_most(void)
{
	return PLACE_MOST;
}

u64 pool_mask(void)
{
	u64 end = 0;

	for (unsigned int i = 0; i < chunk_count; i++)
		end = max_t(u64, end, chunks[i].phys + CHUNK_SIZE - 1);
	return end ? DMA_BIT_MASK(fls64(end)) : 0;
}
