/* SPDX-License-Identifier: Apache-2.0 */
/* A virtual machine begins: it is created, and its tables are given to it. */
#ifndef CORDON_LIFE_H
#define CORDON_LIFE_H

#include "base/vm.h"

/* Creates a VM as cordon_vm_create() does, with a guest of `vcpus` vCPUs to be; its generation. */
enum cordon_status vm_create(struct cordon *c, uint32_t id, uint64_t root, uint32_t vcpus, uint64_t *generation);

/* Host frames first .. first+n-1, which must lie in one section, become the core's. RANGE, OWNED, SHARED. */
enum cordon_status vm_take_frames(struct cordon *c, uint64_t first, uint64_t n);

#endif
