/* SPDX-License-Identifier: Apache-2.0 */
#include "pci.h"

#include "pci_access.h"
#include "pci_registers.h"
#include "pci_virtio.h"

#define PXB 0x00091b36u             /* QEMU's roots of further buses */
#define PXB_PCIE 0x000b1b36u

#define FUNCTIONS (PCI_DEVICES * PCI_FUNCTIONS)     /* on a bus */

/* ---- what is said of a device ---- */

#define NAME_AT 4

static const char *about(char *text, uint32_t function)
{
    static const char digits[] = "0123456789abcdef";
    const uint32_t device = function >> 3 & 0x1f;

    text[NAME_AT] = digits[function >> 12 & 0xf];
    text[NAME_AT + 1] = digits[function >> 8 & 0xf];
    text[NAME_AT + 3] = digits[device >> 4];
    text[NAME_AT + 4] = digits[device & 0xf];
    text[NAME_AT + 6] = digits[function & 7];
    return text;
}

static const char *refused_virtio(uint32_t function)
{
    static char text[] = "PCI bb:dd.f is a virtio device that goes past the SMMU "
                         "(QEMU: give it iommu_platform=on,disable-legacy=on)";

    return about(text, function);
}

static const char *refused_root(uint32_t function)
{
    static char text[] = "PCI bb:dd.f is a root bus of its own, which goes past the SMMU (QEMU: leave out pxb and pxb-pcie)";

    return about(text, function);
}

static const char *refused_bus(uint32_t function)
{
    static char text[] = "PCI bb:dd.f is on a bus that no bridge leads to, and which may go past the SMMU: leave it out";

    return about(text, function);
}

static const char *refused_depth(uint32_t function)
{
    static char text[] = "PCI bb:dd.f is a bridge for which there is no bus number left: give the machine fewer of them";

    return about(text, function);
}

/* ---- the buses ---- */

/* A bus on the way to the one in work. */
struct stop {
    uint32_t bus;
    uint32_t next;                  /* of its functions, the one to be looked at next */
    uint32_t bridge;                /* that leads to it */
};

struct scan {
    struct pci_segment *segment;
    uint64_t ecam;                  /* where bus 0 would have it */
    uint32_t first;                 /* buses first .. last are the bridge's */
    uint32_t last;
    uint32_t highest;               /* that was given to a bus */
    uint32_t depth;
    struct stop stop[PCI_BUSES_MOST];
};

/* A function beside function 0 of its device, which is not there or says that it is the only one. */
static bool is_untold(const struct scan *s, uint32_t function)
{
    uint32_t first = pci_read(s->ecam, function & ~(PCI_FUNCTIONS - 1), PCI_HEADER);

    return function % PCI_FUNCTIONS != 0 && (first == PCI_NOBODY || (first & HEADER_SEVERAL) == 0);
}

/*
 * What is kept in mind of a function. Virtual functions have requester IDs that may be another bus's, and who asks only function
 * 0 does not see those that it does not tell of. On the root bus it is what may get in the way of others there: addresses that
 * no BAR has, BARs that change their size, and more than there is room for cannot be followed.
 */
static void record(const struct scan *s, uint32_t function)
{
    struct pci_segment *known = s->segment;
    uint32_t command = pci_read(s->ecam, function, PCI_COMMAND) & COMMAND_BITS;

    known->closed = known->closed || is_untold(s, function) || pci_extended_capability(s->ecam, function, EXTENDED_SRIOV) != 0;
    if (function >> 8 != s->first)
        return;
    if (known->roots == PCI_ROOT_FUNCTIONS || HEADER_TYPE(pci_read(s->ecam, function, PCI_HEADER)) > HEADER_BRIDGE ||
        pci_capability(s->ecam, function, CAPABILITY_ALLOCATION, PCI_ANY_TYPE) != 0 ||
        pci_extended_capability(s->ecam, function, EXTENDED_RESIZABLE) != 0) {
        known->closed = true;
        return;
    }
    pci_write(s->ecam, function, PCI_COMMAND, command & ~(COMMAND_IO | COMMAND_MEMORY));
    pci_measure(s->ecam, function, &known->root[known->roots]);
    pci_send_up(s->ecam, &known->root[known->roots++]);
    pci_write(s->ecam, function, PCI_COMMAND, command);
}

/* One function: it may not be a bus master, and must be one that can be had. */
static const char *look(const struct scan *s, uint32_t function)
{
    uint32_t id = pci_read(s->ecam, function, PCI_ID);

    /* The upper half is the status, where a 1 would clear something. */
    pci_write(s->ecam, function, PCI_COMMAND, pci_read(s->ecam, function, PCI_COMMAND) & COMMAND_BITS & ~COMMAND_MASTER);
    if (id == PXB || id == PXB_PCIE)
        return refused_root(function);
    if (CLASS(pci_read(s->ecam, function, PCI_CLASS)) == CLASS_HOST_BRIDGE && function != s->first << 8)
        return refused_root(function);
    return pci_virtio_goes_past(s->ecam, function) ? refused_virtio(function) : 0;
}

static void set_buses(const struct scan *s, uint32_t function, uint32_t own, uint32_t behind, uint32_t last)
{
    uint32_t timer = pci_read(s->ecam, function, PCI_BUSES) & 0xff000000;

    pci_write(s->ecam, function, PCI_BUSES, timer | last << 16 | behind << 8 | own);
}

/* Begins with a bus, whose bridges lead nowhere yet: numbers from before may be those that others get. */
static void begin(struct scan *s, uint32_t bus, uint32_t bridge)
{
    s->stop[s->depth] = (struct stop){ .bus = bus, .bridge = bridge };
    for (uint32_t function = bus << 8; function < (bus + 1) << 8; function++) {
        if (pci_read(s->ecam, function, PCI_ID) != PCI_NOBODY && pci_is_bridge(s->ecam, function))
            set_buses(s, function, 0, 0, 0);
    }
}

/* Gives the bus behind a bridge the next number, and goes on there. */
static const char *enter(struct scan *s, uint32_t function)
{
    if (s->highest == s->last)
        return refused_depth(function);
    s->highest++;
    s->depth++;
    set_buses(s, function, function >> 8, s->highest, s->last);
    begin(s, s->highest, function);
    return 0;
}

/* All of a bus is seen: the bridge to it leads nowhere again, as after a reset. */
static void leave(struct scan *s)
{
    set_buses(s, s->stop[s->depth].bridge, 0, 0, 0);
    s->depth--;
}

static const char *visit(struct scan *s, uint32_t function)
{
    const char *reason = look(s, function);

    if (reason != 0)
        return reason;
    record(s, function);
    return pci_is_bridge(s->ecam, function) ? enter(s, function) : 0;
}

/* Every function of every bus once, whatever function 0 of a device says of others: at most 256 buses of 256. */
static const char *scan_buses(struct scan *s)
{
    const char *reason = 0;

    while (reason == 0) {
        struct stop *at = &s->stop[s->depth];
        uint32_t function = at->bus << 8 | at->next;

        if (at->next < FUNCTIONS) {
            at->next++;
            if (pci_read(s->ecam, function, PCI_ID) != PCI_NOBODY)
                reason = visit(s, function);
        } else if (s->depth > 0) {
            leave(s);
        } else {
            break;
        }
    }
    return reason;
}

/* With no bridge that leads to them no other bus may answer. */
static const char *scan_others(const struct scan *s)
{
    for (uint32_t function = (s->first + 1) << 8; function < (s->last + 1) << 8; function++) {
        if (pci_read(s->ecam, function, PCI_ID) != PCI_NOBODY)
            return refused_bus(function);
    }
    return 0;
}

const char *pci_confine(const struct bridge *b, struct pci_segment *s)
{
    static struct scan scan;
    const char *reason;

    *s = (struct pci_segment){ .bridge = b };
    scan = (struct scan){ .segment = s, .ecam = bridge_ecam(b), .first = b->first_bus,
                          .last = b->first_bus + b->buses - 1, .highest = b->first_bus };
    begin(&scan, b->first_bus, 0);
    reason = scan_buses(&scan);
    return reason != 0 ? reason : scan_others(&scan);
}
