/* SPDX-License-Identifier: GPL-2.0 */
/* Accesses of the kernel's that may fail: what a CPU does at an address, and whether it met EFAULT. */
#ifndef ATTACK_ACCESS_H
#define ATTACK_ACCESS_H

#include <linux/errno.h>
#include <linux/types.h>
#include <asm/asm-extable.h>

/* Of one instruction that uses x9 and x10 alone. Where it does not matter how the access fails. */
#define FAILS(instructions, va) ({							\
	int error = 0;									\
	asm volatile("1: " instructions "\n"						\
		     "2:\n" _ASM_EXTABLE_UACCESS_ERR(1b, 2b, %w0)			\
		     : "+r"(error) : "r"(va) : "x9", "x10", "memory");			\
	error == -EFAULT;								\
})

static inline bool load_fails(void *va)
{
	return FAILS("ldr x9, [%1]", va);
}

static inline bool store_fails(void *va)
{
	return FAILS("str xzr, [%1]", va);
}

static inline bool atomic_fails(void *va)
{
	return FAILS("ldaxr x9, [%1]", va);
}

static inline bool zero_fails(void *va)
{
	return FAILS("dc zva, %1", va);
}

#endif
