// SPDX-License-Identifier: GPL-2.0
/*
 * With report=1: memory that the kernel has had free for seconds goes back to the host, in runs of 2 MiB. It is zeroed on its way; when the
 * kernel takes such a page again, it finds a new one there, of zeros. The VMM is told as well, as it is its process that the host's
 * kernel keeps the pages for: the launcher by a call, another by its balloon, where there is one.
 */
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/page_reporting.h>
#include <linux/printk.h>
#include <linux/scatterlist.h>

#include "cordon_guest.h"
#include "guest_calls.h"

static void (*teller)(phys_addr_t at, size_t size);
static DEFINE_MUTEX(teller_lock);

void report_by(void (*tell)(phys_addr_t at, size_t size))
{
	mutex_lock(&teller_lock);
	teller = tell;
	mutex_unlock(&teller_lock);
}
EXPORT_SYMBOL_GPL(report_by);

#ifdef CONFIG_PAGE_REPORTING

static void tell(phys_addr_t at, size_t size)
{
	cordon_call(CORDON_GUEST_HOST, GUEST_CALL_GAVE_BACK, at, size, 0);
	mutex_lock(&teller_lock);
	if (teller)
		teller(at, size);
	mutex_unlock(&teller_lock);
}

/* The pages are nobody's meanwhile. An error: they stay as they are, and are asked for again. */
static int report(struct page_reporting_dev_info *dev, struct scatterlist *list, unsigned int n)
{
	struct scatterlist *s;
	unsigned int i;

	for_each_sg(list, s, n, i) {
		if (share_give_back(sg_phys(s), s->length) != 0)
			return -EIO;
		tell(sg_phys(s), s->length);
	}
	return 0;
}

static struct page_reporting_dev_info reporting = { .report = report };
static bool reports;

int report_start(void)
{
	int ret;

	if (page_poisoning_enabled_static())
		return -EOPNOTSUPP;	/* the kernel expects to find its poison again */
	ret = page_reporting_register(&reporting);
	reports = ret == 0;
	return ret;
}

void report_stop(void)
{
	if (reports)
		page_reporting_unregister(&reporting);
}

#else

int report_start(void)
{
	return -EOPNOTSUPP;
}

void report_stop(void)
{
}

#endif
