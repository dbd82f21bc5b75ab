/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration space of a guest's own function of PCI. */
#include "pci.h"

#include <string.h>

#define COMMAND_WRITABLE 0x0406u        /* memory, bus master, INTx disable: kept, and of no effect */
#define STATUS_CAPABILITIES 0x10u
#define BAR_WIDE 0x4u
#define BAR_PREFETCHABLE 0x8u
#define BAR_FLAGS 0xfu
#define CAPABILITY_VENDOR 0x09u
#define CAPABILITIES_FIRST 0x40u        /* behind the header */
#define CAPABILITIES_MOST 48u
#define VIRTIO_VENDOR 0x1af4u
#define VIRTIO_WINDOW 5u                /* into the BARs, by configuration space: the function's, which nobody reaches */

static void put(uint8_t *at, unsigned size, uint32_t value)
{
    for (unsigned i = 0; i < size; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static uint32_t get(const uint8_t *at, unsigned size)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < size; i++)
        value |= (uint32_t)at[i] << (8 * i);
    return value;
}

/* ---- what it is made of ---- */

static void copy(struct pci *p, const uint8_t *real, unsigned offset, unsigned size)
{
    memcpy(p->config + offset, real + offset, size);
}

static void make_bar(struct pci *p, unsigned i, const struct pci_bar *bar)
{
    uint64_t mask = ~(bar->size - 1);
    uint32_t flags = (bar->wide ? BAR_WIDE : 0) | (bar->prefetchable ? BAR_PREFETCHABLE : 0);

    p->mask[i] = (uint32_t)mask & ~BAR_FLAGS;
    put(p->config + PCI_BAR + 4 * i, 4, (uint32_t)bar->address | flags);
    if (bar->wide) {
        p->mask[i + 1] = (uint32_t)(mask >> 32);
        put(p->config + PCI_BAR + 4 * (i + 1), 4, (uint32_t)(bar->address >> 32));
    }
}

/* A capability that is virtio's: its length is behind the two bytes that all have. */
static bool is_kept(const uint8_t *real, unsigned at)
{
    unsigned length = real[at + 2];

    if (real[at] != CAPABILITY_VENDOR || length < 3 || at + length > PCI_CONFIG_SIZE)
        return false;
    return get(real + PCI_VENDOR_ID, 2) != VIRTIO_VENDOR || length < 4 || real[at + 3] != VIRTIO_WINDOW;
}

/* Where they are, chained past all others. A list that goes round ends where it meets itself. */
static void make_capabilities(struct pci *p, const uint8_t *real)
{
    unsigned link = PCI_CAPABILITIES;
    unsigned at = real[PCI_CAPABILITIES] & 0xfcu;

    if (!(real[PCI_STATUS] & STATUS_CAPABILITIES))
        return;
    for (unsigned i = 0; i < CAPABILITIES_MOST && at >= CAPABILITIES_FIRST && !p->config[at]; i++) {
        if (is_kept(real, at)) {
            copy(p, real, at, real[at + 2]);
            p->config[at + 1] = 0;
            p->config[link] = (uint8_t)at;
            link = at + 1;
            p->config[PCI_STATUS] = STATUS_CAPABILITIES;
        }
        at = real[at + 1] & 0xfcu;
    }
}

void pci_make(struct pci *p, const uint8_t real[PCI_CONFIG_SIZE], const struct pci_bar bar[PCI_BARS], bool pin)
{
    *p = (struct pci){ .config = { 0 } };
    copy(p, real, 0x00, 4);     /* vendor, device */
    copy(p, real, 0x08, 4);     /* revision, class */
    copy(p, real, 0x2c, 4);     /* the same of the subsystem */
    for (unsigned i = 0; i < PCI_BARS; i++) {
        if (bar[i].size)
            make_bar(p, i, &bar[i]);
    }
    make_capabilities(p, real);
    p->config[PCI_INTERRUPT_PIN] = pin;
}

/* ---- accesses ---- */

static bool is_access(uint64_t offset, unsigned size)
{
    return (size == 1 || size == 2 || size == 4) && offset % size == 0;
}

static bool is_bar(uint64_t offset)
{
    return offset >= PCI_BAR && offset < PCI_BAR + 4 * PCI_BARS;
}

/* A BAR register: its address, or its size when it has been asked for that. */
static uint32_t bar_word(const struct pci *p, unsigned i)
{
    uint32_t word = get(p->config + PCI_BAR + 4 * i, 4);

    return p->asked[i] ? p->mask[i] | (word & ~p->mask[i] & BAR_FLAGS) : word;
}

uint32_t pci_read(const struct pci *p, uint64_t offset, unsigned size)
{
    uint8_t word[4];

    if (!is_access(offset, size))
        return UINT32_MAX;
    if (offset >= PCI_CONFIG_SIZE)
        return 0;
    if (!is_bar(offset))
        return get(p->config + offset, size);
    put(word, 4, bar_word(p, (unsigned)(offset - PCI_BAR) / 4));
    return get(word + offset % 4, size);
}

/* A BAR that is written to stays where it is; the two halves of a wide one are asked one by one. */
void pci_write(struct pci *p, uint64_t offset, unsigned size, uint32_t value)
{
    if (!is_access(offset, size) || offset >= PCI_CONFIG_SIZE)
        return;
    if (is_bar(offset)) {
        p->asked[(offset - PCI_BAR) / 4] = size == 4 && value == UINT32_MAX;
        return;
    }
    for (unsigned i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)(value >> (8 * i));

        switch (offset + i) {
        case PCI_COMMAND: p->config[PCI_COMMAND] = byte & (COMMAND_WRITABLE & 0xff); break;
        case PCI_COMMAND + 1: p->config[PCI_COMMAND + 1] = byte & (COMMAND_WRITABLE >> 8); break;
        case PCI_INTERRUPT_LINE: p->config[PCI_INTERRUPT_LINE] = byte; break;
        default: break;
        }
    }
}
