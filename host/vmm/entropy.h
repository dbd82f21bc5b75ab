/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers of the host's, as a virtio device. */
#ifndef VMM_ENTROPY_H
#define VMM_ENTROPY_H

struct vm;

/* If the options want it. */
void entropy_open(struct vm *vm);

#endif
