/* SPDX-License-Identifier: Apache-2.0 */
/* Devices of VMs: there are none yet. */
#include "arch_guest.h"

enum cordon_status arch_device_take(struct cordon *c, uint64_t frame, struct device *d)
{
    (void)c; (void)frame; (void)d;
    return CORDON_DEVICE;
}

bool arch_device_reset(struct cordon *c, const struct device *d)
{
    (void)c; (void)d;
    return true;
}

void arch_device_open(struct cordon *c, const struct device *d, const struct stage2 *s2)
{
    (void)c; (void)d; (void)s2;
}

void arch_device_close(struct cordon *c, const struct device *d, const struct stage2 *s2)
{
    (void)c; (void)d; (void)s2;
}

void arch_device_give_back(struct cordon *c, const struct device *d)
{
    (void)c; (void)d;
}

void arch_dma_forget(struct cordon *c, uint32_t vmid, uint64_t gfn, uint64_t pages)
{
    (void)c; (void)vmid; (void)gfn; (void)pages;
}
