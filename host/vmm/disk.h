/* SPDX-License-Identifier: Apache-2.0 */
/* Disks: files of the host as virtio block devices. */
#ifndef VMM_DISK_H
#define VMM_DISK_H

#include <stdint.h>

struct vm;

/* Opens the files of the options. Leaves on failure. */
void disk_open(struct vm *vm);
/* Accesses to the registers of a disk that is there. */
uint32_t disk_read(unsigned index, uint64_t offset, unsigned size);
void disk_write(unsigned index, uint64_t offset, uint32_t value);

#endif
