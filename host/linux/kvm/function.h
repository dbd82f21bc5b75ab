/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Functions of PCI that are bound to this driver, by their driver_override: nobody else's in the kernel, and at most one VM's.
 * No lock is needed where nothing is said.
 */
#ifndef CORDON_KVM_FUNCTION_H
#define CORDON_KVM_FUNCTION_H

#include <linux/types.h>

struct function;
struct pci_dev;
struct vm;

/* When the module comes and goes. */
int function_init(void);
void function_exit(void);

/* The function becomes the VM's: nobody else gets it, and its driver is not unbound, until it is released. -ENODEV, -EBUSY. */
struct function *function_claim(struct vm *vm, u32 domain, u32 bus, u32 devfn);
void function_release(struct function *f);

/* These are the claimant's. */
struct pci_dev *function_pci(const struct function *f);
/* The frame of its configuration space, by which Cordon names it; 0: it has none that a CPU could reach. */
u64 function_frame(const struct function *f);
/* Whether BAR i is memory. */
bool function_has_bar(const struct function *f, u32 i);
/* Before Cordon gets it: decoding, with a way to memory, and its state kept. */
int function_prepare(struct function *f);
/* After Cordon has given it back: as it was before. */
void function_restore(struct function *f);
/* Whether a driver of the host's, or another VM, waits for the same interrupt line: it would have to wait for the guest. */
bool function_line_is_shared(const struct function *f);

#endif
