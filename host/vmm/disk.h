/* SPDX-License-Identifier: Apache-2.0 */
/* Disks: files of the host as virtio block devices. */
#ifndef VMM_DISK_H
#define VMM_DISK_H

struct vm;

/* Opens the files of the options. Leaves on failure. */
void disk_open(struct vm *vm);

#endif
