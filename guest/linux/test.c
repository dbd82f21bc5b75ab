// SPDX-License-Identifier: GPL-2.0
/*
 * With test=1: the guest's calls on pages that Linux has given out, DMA through the pool, and the host's own attempts to
 * read and write, which the launcher makes when it is asked (host/vmm/test_calls.h). A line for each test.
 */
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/platform_device.h>
#include <linux/printk.h>
#include <linux/slab.h>

#include "cordon_guest.h"
#include "test_calls.h"

#define SECRET 0x5ec2e75ec2e75ec2ULL
#define FROM_HOST 0x1122334455667788ULL
#define BLOCK SZ_2M
#define EXHAUST_SIZE SZ_64K
#define EXHAUST_MOST 4096

/* In a test: the first claim that is false is told, and ends the test. */
#define CHECK(claim, format, ...)								\
	do {											\
		if (!(claim)) {									\
			pr_emerg("cordon_guest: FAIL %s: " format "\n", name, ##__VA_ARGS__);	\
			return false;								\
		}										\
	} while (0)

static u64 host(u64 operation, u64 a, u64 b, u64 c, u64 *value)
{
	struct answer r = cordon_call(CORDON_GUEST_HOST, operation, a, b, c);

	if (value)
		*value = r.x1;
	return r.x0;
}

#define FAULT ((u64)VMM_ANSWER_FAULT)

/* What the host gets at of a page, or NULL. */
static const char *reachable(const void *page)
{
	u64 gpa = virt_to_phys(page);

	if (host(VMM_CALL_PEEK, gpa, 0, 0, NULL) != FAULT)
		return "the launcher can read it";
	if (host(VMM_CALL_SYSCALL_PEEK, gpa, 0, 0, NULL) != FAULT)
		return "the host's kernel can read it";
	if (host(VMM_CALL_POKE, gpa, FROM_HOST, 0, NULL) != FAULT)
		return "the launcher can write it";
	if (host(VMM_CALL_SYSCALL_POKE, gpa, FROM_HOST, 0, NULL) != FAULT)
		return "the host's kernel can write it";
	return NULL;
}

static u64 peek(const void *at)
{
	u64 value;

	return host(VMM_CALL_PEEK, virt_to_phys(at), 0, 0, &value) == VMM_ANSWER_OK ? value : 0;
}

static u64 grants_of(const void *page)
{
	return cordon_call(CORDON_GUEST_QUERY, virt_to_phys(page), 0, 0, 0).x2;
}

/* ---- tests on one page ---- */

static bool test_measurement(const char *name, u64 *page)
{
	struct answer a = cordon_call(CORDON_GUEST_MEASUREMENT, 0, 0, 0, 0);
	struct answer b = cordon_call(CORDON_GUEST_MEASUREMENT, 1, 0, 0, 0);

	CHECK(a.x0 == 0 && b.x0 == 0, "answers %lld, %lld", a.x0, b.x0);
	CHECK((a.x1 | a.x2) && (b.x1 | b.x2), "it is zero");
	CHECK(cordon_call(CORDON_GUEST_MEASUREMENT, 2, 0, 0, 0).x0 != 0, "it has a third half");
	pr_emerg("cordon_guest: measurement %016llx %016llx %016llx %016llx\n", a.x1, a.x2, b.x1, b.x2);
	return true;
}

static bool test_query(const char *name, u64 *page)
{
	struct answer a = cordon_call(CORDON_GUEST_QUERY, virt_to_phys(page), 0, 0, 0);

	CHECK(a.x0 == 0 && (a.x1 == 2 || a.x1 == 3) && a.x2 == 0, "answers %lld, level %llu, grants %llu", a.x0, a.x1, a.x2);
	a = cordon_call(CORDON_GUEST_QUERY, ~0ULL, 0, 0, 0);
	CHECK(a.x0 != 0, "there is something at the last address");
	return true;
}

static bool test_private(const char *name, u64 *page)
{
	*page = SECRET;
	CHECK(!reachable(page), "%s", reachable(page));
	CHECK(*page == SECRET, "it has become %llx", *page);
	return true;
}

static bool test_grant(const char *name, u64 *page)
{
	*page = SECRET;
	CHECK(share_grant(page, PAGE_SIZE) == 0 && grants_of(page) == 1, "it fails; grants: %llu", grants_of(page));
	CHECK(peek(page) == SECRET, "the host reads %llx", peek(page));
	CHECK(host(VMM_CALL_POKE, virt_to_phys(page + 1), FROM_HOST, 0, NULL) == 0 && READ_ONCE(page[1]) == FROM_HOST,
	      "what the host writes is not seen: %llx", page[1]);
	CHECK(share_revoke(page, PAGE_SIZE) == 0 && grants_of(page) == 0, "no revoke; grants: %llu", grants_of(page));
	CHECK(!reachable(page), "after the revoke %s", reachable(page));
	CHECK(page[0] == SECRET && page[1] == FROM_HOST, "the contents have changed");
	return true;
}

static bool test_count(const char *name, u64 *page)
{
	*page = SECRET;
	CHECK(share_grant(page, PAGE_SIZE) == 0 && share_grant(page, PAGE_SIZE) == 0 && grants_of(page) == 2, "grants: %llu",
	      grants_of(page));
	CHECK(share_revoke(page, PAGE_SIZE) == 0 && peek(page) == SECRET, "one revoke of two takes it from the host");
	CHECK(share_revoke(page, PAGE_SIZE) == 0 && !reachable(page), "after both %s", reachable(page));
	return true;
}

static bool test_relinquish(const char *name, u64 *page)
{
	struct answer a;

	*page = SECRET;
	a = cordon_call(CORDON_GUEST_RELINQUISH, virt_to_phys(page), PAGE_SIZE, 0, 0);
	CHECK(a.x0 == 0 && a.x2 == 1, "answers %lld, changed %llu", a.x0, a.x2);
	CHECK(peek(page) == 0, "the host reads %llx", peek(page));
	CHECK(!memchr_inv(page, 0, PAGE_SIZE), "the new page is not zero: %llx", *page);
	CHECK(!reachable(page), "of the new page %s", reachable(page));
	return true;
}

/* ---- larger ---- */

static u64 checksum(const u8 *at, size_t size)
{
	u64 sum = 0xcbf29ce484222325ULL;	/* FNV-1a, as the launcher's */

	while (size--)
		sum = (sum ^ *at++) * 0x100000001b3ULL;
	return sum;
}

static bool check_block(const char *name, u64 *block)
{
	u64 theirs = 0;

	for (size_t i = 0; i < BLOCK / 8; i++)
		block[i] = SECRET * i;
	CHECK(host(VMM_CALL_SUM, virt_to_phys(block), BLOCK, 0, &theirs) == FAULT, "the host can read all of it");
	CHECK(share_grant(block, BLOCK) == 0, "no grant");
	CHECK(host(VMM_CALL_SUM, virt_to_phys(block), BLOCK, 0, &theirs) == 0 && theirs == checksum((u8 *)block, BLOCK),
	      "the host's checksum is %llx", theirs);
	CHECK(share_revoke(block, BLOCK) == 0, "no revoke");
	CHECK(!reachable(block) && !reachable((u8 *)block + BLOCK - PAGE_SIZE), "the host can reach it after the revoke");
	return true;
}

static bool test_block(const char *name, u64 *page)
{
	u64 *block = (u64 *)__get_free_pages(GFP_KERNEL | __GFP_NOWARN, get_order(BLOCK));
	bool passed;

	CHECK(block, "no memory");
	passed = check_block(name, block);
	if (passed)			/* else it may be the host's still */
		free_pages((unsigned long)block, get_order(BLOCK));
	return passed;
}

/* ---- DMA ---- */

static bool check_dma(const char *name, struct device *dev, u64 *page)
{
	size_t before = pool_available();
	dma_addr_t dma;
	u64 value = 0;

	page[0] = SECRET;
	page[1] = SECRET + 1;
	dma = dma_map_single(dev, page, 16, DMA_TO_DEVICE);
	CHECK(dma != DMA_MAPPING_ERROR && dma != virt_to_phys(page), "not through the pool: %llx", (u64)dma);
	CHECK(host(VMM_CALL_PEEK, dma + 8, 0, 0, &value) == 0 && value == SECRET + 1, "the device reads %llx", value);
	CHECK(!reachable(page), "of the page itself %s", reachable(page));
	dma_unmap_single(dev, dma, 16, DMA_TO_DEVICE);

	dma = dma_map_single(dev, page, PAGE_SIZE, DMA_FROM_DEVICE);
	CHECK(host(VMM_CALL_PEEK, dma, 0, 0, &value) == 0 && value == 0, "the host sees what was in a buffer: %llx", value);
	CHECK(host(VMM_CALL_FILL, dma, PAGE_SIZE, FROM_HOST, NULL) == 0, "the device cannot write");
	CHECK(page[0] == SECRET, "it was written at once");
	dma_sync_single_for_cpu(dev, dma + 1024, 8, DMA_FROM_DEVICE);
	CHECK(page[128] == FROM_HOST && page[127] != FROM_HOST && page[129] != FROM_HOST, "a part is not what is synced");
	dma_unmap_single(dev, dma, PAGE_SIZE, DMA_FROM_DEVICE);
	CHECK(page[0] == FROM_HOST && page[511] == FROM_HOST, "what the device wrote does not arrive: %llx", page[0]);
	CHECK(pool_available() == before, "%zu bytes of the pool are lost", before - pool_available());
	return true;
}

static bool check_coherent(const char *name, struct device *dev)
{
	size_t before = pool_available();
	dma_addr_t dma;
	u64 *at = dma_alloc_coherent(dev, 3 * PAGE_SIZE, &dma, GFP_KERNEL);

	CHECK(at && IS_ALIGNED(dma, PAGE_SIZE) && !memchr_inv(at, 0, 3 * PAGE_SIZE), "no zeroed pages");
	CHECK(host(VMM_CALL_POKE, dma + 2 * PAGE_SIZE, FROM_HOST, 0, NULL) == 0 && READ_ONCE(at[1024]) == FROM_HOST,
	      "what the device writes is not seen");
	dma_free_coherent(dev, 3 * PAGE_SIZE, at, dma);
	CHECK(pool_available() == before, "%zu bytes of the pool are lost", before - pool_available());
	return true;
}

/* A pool that is used up refuses, and serves again afterwards. */
static bool check_exhaustion(const char *name, struct device *dev, void *buffer, dma_addr_t *maps)
{
	size_t before = pool_available();
	unsigned int n = 0;

	while (n < EXHAUST_MOST) {
		maps[n] = dma_map_single(dev, buffer, EXHAUST_SIZE, DMA_TO_DEVICE);
		if (dma_mapping_error(dev, maps[n]))
			break;
		n++;
	}
	CHECK(n > 0 && n < EXHAUST_MOST, "%u mappings", n);
	CHECK(dma_map_single(dev, buffer, pool_most() + 1, DMA_TO_DEVICE) == DMA_MAPPING_ERROR, "a mapping that is too large");
	while (n > 0)
		dma_unmap_single(dev, maps[--n], EXHAUST_SIZE, DMA_TO_DEVICE);
	CHECK(pool_available() == before, "%zu bytes of the pool are lost", before - pool_available());
	return true;
}

static bool with_buffers(const char *name, struct device *dev, u64 *page)
{
	dma_addr_t *maps = kcalloc(EXHAUST_MOST, sizeof(*maps), GFP_KERNEL);
	void *buffer = (void *)__get_free_pages(GFP_KERNEL | __GFP_ZERO, get_order(pool_most() * 2));
	bool passed = false;

	if (!maps || !buffer)
		pr_emerg("cordon_guest: FAIL %s: no memory\n", name);
	else
		passed = check_dma(name, dev, page) && check_coherent(name, dev) && check_exhaustion(name, dev, buffer, maps);
	free_pages((unsigned long)buffer, get_order(pool_most() * 2));
	kfree(maps);
	return passed;
}

static bool test_dma(const char *name, u64 *page)
{
	struct platform_device *device = platform_device_register_simple("cordon_guest_test", PLATFORM_DEVID_NONE, NULL, 0);
	bool passed;

	CHECK(!IS_ERR(device), "no device to try with");
	dma_use_pool(&device->dev);
	passed = dma_coerce_mask_and_coherent(&device->dev, DMA_BIT_MASK(64)) == 0;
	if (!passed)
		pr_emerg("cordon_guest: FAIL %s: 64 bits of address are refused\n", name);
	else
		passed = with_buffers(name, &device->dev, page);
	set_dma_ops(&device->dev, NULL);
	platform_device_unregister(device);
	return passed;
}

/* ---- all of them ---- */

static const struct {
	const char *name;
	bool (*run)(const char *name, u64 *page);
} tests[] = {
	{ "measurement", test_measurement },
	{ "query", test_query },
	{ "private", test_private },
	{ "grant", test_grant },
	{ "count", test_count },
	{ "relinquish", test_relinquish },
	{ "block", test_block },
	{ "dma", test_dma },
};

int test_run(void)
{
	u64 *page = (u64 *)get_zeroed_page(GFP_KERNEL);
	int failed = 0;

	if (!page || host(0, 0, 0, 0, NULL) != (u64)VMM_ANSWER_INVALID) {
		pr_emerg("cordon_guest: FAIL start: no memory, or the launcher answers no test calls (--test-calls)\n");
		free_page((unsigned long)page);
		return 1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
		bool passed = tests[i].run(tests[i].name, page);

		if (passed)
			pr_emerg("cordon_guest: ok %s\n", tests[i].name);
		failed += !passed;
	}
	if (failed == 0)		/* else it may be the host's still */
		free_page((unsigned long)page);
	pr_emerg("cordon_guest: done: %zu passed, %d failed\n", ARRAY_SIZE(tests) - failed, failed);
	return failed;
}
