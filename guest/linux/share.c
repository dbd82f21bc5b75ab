// SPDX-License-Identifier: GPL-2.0
/* Granting memory to the host, taking it back, and giving it away. */
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/sched.h>

#include "cordon_guest.h"

/* A call for all of a range. How many pages it changed; *done: how far it came. */
static u64 call_range(u32 function, u64 gpa, u64 size, u64 *done)
{
	u64 changed = 0;

	*done = 0;
	while (*done < size / PAGE_SIZE) {
		struct answer a = cordon_call(function, gpa + *done * PAGE_SIZE, size - *done * PAGE_SIZE, 0, 0);

		if (a.x0 != CORDON_OK && a.x0 != CORDON_AGAIN)
			break;
		*done += a.x1;
		changed += a.x2;
		cond_resched();
	}
	return changed;
}

int share_revoke(void *pages, size_t size)
{
	u64 done;
	u64 changed = call_range(CORDON_GUEST_REVOKE, virt_to_phys(pages), size, &done);

	if (changed == size / PAGE_SIZE)
		return 0;
	pr_err("cordon_guest: only %llu of %zu pages came back from the host\n", changed, size / PAGE_SIZE);
	return -EIO;
}

int share_grant(void *pages, size_t size)
{
	u64 done;
	u64 changed = call_range(CORDON_GUEST_GRANT, virt_to_phys(pages), size, &done);

	return changed == size / PAGE_SIZE ? 0 : -EIO;
}

int share_give_back(phys_addr_t at, size_t size)
{
	u64 done;

	call_range(CORDON_GUEST_RELINQUISH, at, size, &done);
	return done == size / PAGE_SIZE ? 0 : -EIO;
}
EXPORT_SYMBOL_GPL(share_give_back);
