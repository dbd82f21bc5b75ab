/* SPDX-License-Identifier: Apache-2.0 */
/* The core's steps for devices of VMs: what pci_config.c and smmu.c do, in order. arch/README.md says what each means. */
#include "arch_guest.h"
#include "base/check.h"
#include "machine_el2.h"
#include "pci_config.h"
#include "plan.h"
#include "smmu.h"

_Static_assert(PCI_GIVEN == CORDON_DEVICES && SMMU_OWN == CORDON_DEVICES && PCI_BARS == CORDON_DEVICE_WINDOWS,
               "there is room for as many devices as the core gives");

/* One that the core has taken. */
static struct pci_given *given(const struct device *d)
{
    struct pci_given *g = pci_config_find(d->frame);

    core_assert(&machine, g != 0);
    return g;
}

static uint64_t smmu_of(const struct pci_given *g)
{
    uint64_t smmu = 0;
    uint32_t stream;

    (void)plan_pci_stream(&board.pci, g->segment->bridge, g->function, &smmu, &stream);
    return smmu;
}

/* The machine's frames behind addresses of the bus, which lie in one of the bridge's windows. */
static uint64_t frame_of(const struct bridge *b, struct pci_range r)
{
    uint32_t i = pci_window_of(b, r);

    return (b->window[i].base + (r.base - b->address[i])) / CORDON_PAGE_SIZE;
}

static void describe(const struct pci_given *g, uint32_t stream, struct device *d)
{
    d->id = g->id;
    d->stream = stream;
    for (uint32_t i = 0; i < PCI_BARS; i++) {
        d->window[i].pages = g->window[i].size / CORDON_PAGE_SIZE;
        d->window[i].first = d->window[i].pages > 0 ? frame_of(g->segment->bridge, g->window[i]) : 0;
    }
}

enum cordon_status arch_device_take(struct cordon *c, uint64_t frame, struct device *d)
{
    struct pci_given *g = pci_config_give(frame);
    uint64_t smmu;
    uint32_t stream;

    (void)c;
    if (g == 0)
        return CORDON_DEVICE;
    if (!plan_pci_stream(&board.pci, g->segment->bridge, g->function, &smmu, &stream) || !smmu_take_stream(smmu, stream)) {
        pci_config_take_back(g);
        return CORDON_DEVICE;
    }
    describe(g, stream, d);
    return CORDON_OK;
}

bool arch_device_reset(struct cordon *c, const struct device *d)
{
    (void)c;
    return pci_config_reset(given(d));
}

/* The table before the first access by it; and the other way round, no access before the table goes. */
void arch_device_open(struct cordon *c, const struct device *d, const struct stage2 *s2)
{
    struct pci_given *g = given(d);

    (void)c;
    smmu_open_stream(smmu_of(g), d->stream, s2);
    pci_config_master(g, true);
}

void arch_device_close(struct cordon *c, const struct device *d, const struct stage2 *s2)
{
    struct pci_given *g = given(d);

    (void)c;
    pci_config_master(g, false);
    smmu_close_stream(smmu_of(g), d->stream, s2);
}

void arch_device_give_back(struct cordon *c, const struct device *d)
{
    struct pci_given *g = given(d);

    (void)c;
    smmu_return_stream(smmu_of(g), d->stream);
    pci_config_take_back(g);
}
