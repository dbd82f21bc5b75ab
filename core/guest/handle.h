/* SPDX-License-Identifier: Apache-2.0 */
/* Handles: by what the host and the keeper name a virtual machine. */
#ifndef CORDON_HANDLE_H
#define CORDON_HANDLE_H

#include "cordon/addr.h"

/* A handle is the generation above 16 bits of id: no two VMs have ever had the same. */
static inline uint64_t handle_of(uint32_t id, uint64_t generation)
{
    return generation * 65536 + id;
}

/* A handle of generation 0 is nobody's: it must not stand for whichever VM there is. */
static inline vmid_t handle_name(uint64_t handle)
{
    if (handle / 65536 == 0)
        return vmid(0);
    return (vmid_t){ (uint32_t)(handle % 65536), handle / 65536 };
}

#endif
