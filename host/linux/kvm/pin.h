/* SPDX-License-Identifier: GPL-2.0 */
/* Pages of the process, pinned into vm->batch before they become the guest's. vm->lock is held. */
#ifndef CORDON_KVM_PIN_H
#define CORDON_KVM_PIN_H

struct page;
struct vm;

/* Keeps the kernel away from what is mapped in a range; what is mapped there later is looked at when a page is taken. */
int pin_prepare(struct vm *vm, unsigned long start, unsigned long end);
/* Pins what is there of n pages: the number, or 0 and the bytes of the *hole, or an error. */
long pin_populated(struct vm *vm, unsigned long at, unsigned long n, unsigned long *hole);
/* Pins n pages, which are made where they are missing: the number, or an error. */
long pin_any(struct vm *vm, unsigned long at, unsigned long n);
/* Pins the page at an address to be read: 1, and unpin_user_page() ends it; or 0 and the bytes of the *hole; or an error. */
long pin_to_read(struct vm *vm, unsigned long at, struct page **page, unsigned long *hole);
/* Gives n of them back to the process. No lock is needed. */
void pin_release(struct page **pages, unsigned long n);

#endif
