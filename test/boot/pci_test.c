/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The look at PCI buses before the host has them, on buses that nobody has: bridges in bridges, devices of virtio of each
 * kind, further root buses. A bridge here leads nowhere until it has bus numbers, and a device's place is where it is plugged
 * in, not a bus number.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pci.h"
#include "pci_access.h"
#include "want.h"

#define ECAM UINT64_C(0x4010000000)
#define MOST 600

/* ---- buses ---- */

/* One function. parent: the bridge that it is behind, -1 the first bus, -2 - n the root bus of number n. */
static struct device {
    int parent;
    uint32_t slot;              /* device and function on its bus */
    uint32_t config[128];
    bool bridge;
    uint32_t features[2];       /* of virtio */
    uint32_t select;
    bool seen;
} devices[MOST];
static int count;
static uint32_t first_bus;
static unsigned odd;            /* accesses that nobody should make */

static int add(int parent, uint32_t slot, uint32_t id, uint32_t class)
{
    struct device *d = &devices[count];

    memset(d, 0, sizeof *d);
    d->parent = parent;
    d->slot = slot;
    d->config[0] = id;
    d->config[1] = 0x6;         /* a bus master, from before */
    d->config[2] = class << 16;
    return count++;
}

static int add_bridge(int parent, uint32_t slot, uint32_t type)
{
    int i = add(parent, slot, 0x000c1b36, 0x0604);

    devices[i].bridge = true;
    devices[i].config[3] = type << 16;
    devices[i].config[6] = 0x20000000;      /* its timer */
    return i;
}

/* A capability of virtio at `at`: type, and where it lies in which BAR. */
static void put_capability(struct device *d, uint32_t at, uint32_t next, uint32_t type, uint32_t bar, uint32_t offset)
{
    d->config[at / 4] = 0x09 | next << 8 | 0x10 << 16 | type << 24;
    d->config[at / 4 + 1] = bar;
    d->config[at / 4 + 2] = offset;
    d->config[at / 4 + 3] = 0x38;
}

static int add_virtio(int parent, uint32_t slot, uint32_t number, uint64_t features)
{
    int i = add(parent, slot, number << 16 | 0x1af4, 0x0100);
    struct device *d = &devices[i];

    d->config[1] |= 1u << 20;
    d->config[13] = 0x98;
    d->config[0x98 / 4] = 0x11 | 0x40 << 8;     /* MSI-X */
    put_capability(d, 0x40, 0x50, 4, 4, 0x2000);
    put_capability(d, 0x50, 0x64, 5, 0, 0);
    put_capability(d, 0x64, 0, 1, 4, 0x1000);
    d->features[0] = (uint32_t)features;
    d->features[1] = (uint32_t)(features >> 32);
    return i;
}

/* A function of PCI Express, whose second extended capability has a number. */
static void put_extended(int i, uint32_t id)
{
    struct device *d = &devices[i];

    d->config[1] |= 1u << 20;
    d->config[13] = 0x44;
    d->config[0x44 / 4] = 0x10;
    d->config[0x100 / 4] = 0xb | 0x140u << 20;
    d->config[0x140 / 4] = id;
}

#define CONFINED (UINT64_C(1) << 33 | UINT64_C(1) << 32)
#define BYPASS (UINT64_C(1) << 32 | 0xffffffff)

static void begin(const char *test)
{
    name = test;
    count = 0;
    odd = 0;
    first_bus = 0;
    add(-1, 0, 0x00081b36, 0x0600);
}

/* The bus number behind a bridge, now; 0: none. */
static uint32_t behind(int i)
{
    return i == -1 ? first_bus : i < -1 ? (uint32_t)(-2 - i) : devices[i].config[6] >> 8 & 0xff;
}

/* Whether accesses for the bus behind a bridge come to it: each bridge on the way takes those for its own bus for itself. */
static bool is_routed(int i, uint32_t bus)
{
    bool last = true;

    for (; i >= 0; i = devices[i].parent) {
        uint32_t secondary = devices[i].config[6] >> 8 & 0xff;

        if (secondary == 0 || (last ? bus != secondary : bus <= secondary) || bus > (devices[i].config[6] >> 16 & 0xff))
            return false;
        last = false;
    }
    return true;
}

static struct device *at(uint32_t function)
{
    struct device *found = NULL;

    for (int i = 0; i < count; i++) {
        struct device *d = &devices[i];

        if (d->slot != (function & 0xff) || behind(d->parent) != function >> 8 || !is_routed(d->parent, function >> 8))
            continue;
        want(found == NULL, "two devices answer to one number");
        found = d;
    }
    return found;
}

/* The register that a virtio device's window shows: its offset in the common registers, -1 none. */
static int window(const struct device *d, uint32_t offset)
{
    if (d->features[1] == 0 || offset != 0x60)
        return -1;
    return d->config[0x54 / 4] == 4 && d->config[0x5c / 4] == 4 ? (int)(d->config[0x58 / 4] - 0x1000) : -1;
}

uint32_t pci_read(uint64_t ecam, uint32_t function, uint32_t offset)
{
    struct device *d = at(function);

    if (ecam != ECAM || offset % 4 != 0 || offset >= (d != NULL && d->config[0x100 / 4] != 0 ? 0x200 : 0x100) || function >> 8 < first_bus)
        odd++;
    if (d == NULL)
        return 0xffffffff;
    d->seen = true;
    if (window(d, offset) == 4)
        return d->select < 2 ? d->features[d->select] : 0;
    return d->config[offset / 4 % 128];
}

/* Whether a BAR may be there, or a ROM's. */
static bool is_bar(const struct device *d, uint32_t offset)
{
    uint32_t type = d->config[3] >> 16 & 0x7f;

    if (type == 0)
        return (offset >= 0x10 && offset < 0x28) || offset == 0x30;
    return type == 1 && (offset == 0x10 || offset == 0x14 || offset == 0x38);
}

void pci_write(uint64_t ecam, uint32_t function, uint32_t offset, uint32_t value)
{
    struct device *d = at(function);

    if (ecam != ECAM || offset % 4 != 0 || d == NULL) {
        odd++;
        return;
    }
    if (offset == 4)
        odd += value >> 16 != 0;            /* a status bit would be cleared */
    if (is_bar(d, offset))
        odd += (d->config[1] & 3) != 0;     /* it is looked at while it decodes; none is there */
    else if (offset == 4)
        d->config[1] = (d->config[1] & 0xffff0000) | (value & 0xffff);
    else if (window(d, offset) == 0)
        d->select = value;
    else if ((d->bridge && offset == 0x18) || (d->features[1] != 0 && offset >= 0x54 && offset < 0x60))
        d->config[offset / 4] = value;
    else
        odd++;
}

/* ---- what is wanted ---- */

static struct pci_segment segment;

static const char *confine(uint32_t buses)
{
    static struct bridge b;

    b = (struct bridge){ .window = { { ECAM + ((uint64_t)first_bus << 20), (uint64_t)buses << 20 } }, .windows = 1,
                        .first_bus = first_bus, .buses = buses };

    memset(&segment, 0xa5, sizeof segment);
    return pci_confine(&b, &segment);
}

static bool odd_root;           /* it has something that cannot be followed */

/* Function 0 of the device that i is a function of; there is one afterwards. */
static int first_of(int i)
{
    for (int k = 0; k < count; k++) {
        if (devices[k].parent == devices[i].parent && devices[k].slot == (devices[i].slot & ~7u))
            return k;
    }
    return add(devices[i].parent, devices[i].slot & ~7u, 0x100e8086, 0x0200);
}

/* Each function 0 says that there are others. */
static void tell(void)
{
    for (int i = 0; i < count; i++) {
        if (devices[i].slot % 8 != 0)
            devices[first_of(i)].config[3] |= 0x80 << 16;
    }
}

static void good_as_it_is(uint32_t buses)
{
    const char *reason = confine(buses);
    uint32_t roots = 0;

    want(reason == NULL, reason != NULL ? reason : "");
    want(odd == 0, "an access that nobody should make");
    for (int i = 0; i < count; i++) {
        want(devices[i].seen, "a device was not looked at");
        want((devices[i].config[1] & 4) == 0, "a bus master is left");
        want((devices[i].config[1] & 2) == 2, "something else of its command is changed");
        want(!devices[i].bridge || devices[i].config[6] == 0x20000000, "a bridge is left with bus numbers, or without its timer");
        want(devices[i].select == 0, "a selector is left");
        want(devices[i].features[1] == 0 || (devices[i].config[0x54 / 4] == 0 && devices[i].config[0x58 / 4] == 0 && devices[i].config[0x5c / 4] == 0x38),
             "a window to registers is left");
        roots += devices[i].parent == -1;
    }
    want(segment.closed == odd_root, "what can be followed is not, or what cannot");
    want(odd_root || segment.roots == roots, "functions of the root bus are not known");
}

static void good(uint32_t buses)
{
    tell();
    good_as_it_is(buses);
}

static void bad(uint32_t buses, const char *place, const char *word)
{
    const char *reason = confine(buses);

    want(reason != NULL, "nothing is refused");
    want(reason == NULL || (strncmp(reason, place, strlen(place)) == 0 && strstr(reason, word) != NULL),
         reason != NULL ? reason : "");
}

static void chain(int depth)
{
    int parent = -1;

    for (int i = 0; i < depth; i++)
        parent = add_bridge(parent, 0x08, i % 3 == 2 ? 2 : 1);
    add_virtio(parent, 0xff, 0x1041, CONFINED);
}

int main(void)
{
    int b;

    begin("a bus with nothing");
    good(256);
    begin("devices that stay");
    add_virtio(-1, 0x08, 0x1042, CONFINED);
    add_virtio(-1, 0x13, 0x1041, CONFINED);
    add(-1, 0x18, 0x00101b36, 0x0108);
    add(-1, 0x20, 0x11101af4, 0x0500);      /* shared memory, no virtio */
    good(256);
    odd_root = true;
    begin("a bridge of another kind on the root bus");
    add_bridge(-1, 0x10, 2);
    good(256);
    begin("addresses without BARs");
    b = add(-1, 0x08, 0x00101b36, 0x0108);
    devices[b].config[1] |= 1u << 20;
    devices[b].config[13] = 0x44;
    devices[b].config[0x44 / 4] = 0x14;
    good(256);
    begin("BARs that change their size");
    put_extended(add(-1, 0x08, 0x00101b36, 0x0108), 0x15);
    good(256);
    begin("virtual functions behind a bridge");
    put_extended(add(add_bridge(-1, 0x10, 1), 0, 0x00101b36, 0x0108), 0x10);
    good(256);
    begin("a function of which function 0 does not tell");
    add(-1, 0x10, 0x00101b36, 0x0108);
    add(-1, 0x11, 0x00101b36, 0x0108);
    good_as_it_is(256);
    begin("a function without function 0, behind a bridge");
    add(add_bridge(-1, 0x10, 1), 3, 0x00101b36, 0x0108);
    good_as_it_is(256);
    begin("too many");
    for (uint32_t i = 1; i < 65; i++)
        add(-1, i, 0x00101b36, 0x0108);
    good(256);
    odd_root = false;
    begin("as many as there may be");
    for (uint32_t i = 1; i < 64; i++)
        add(-1, i, 0x00101b36, 0x0108);
    good(256);
    begin("another kind of bridge, addresses without BARs, BARs that change their size, behind a bridge");
    b = add_bridge(-1, 0x10, 1);
    put_extended(add(b, 0, 0x00101b36, 0x0108), 0x15);
    add_bridge(b, 0x18, 2);
    good(256);
    begin("extended capabilities that go round");
    b = add(-1, 0x08, 0x00101b36, 0x0108);
    put_extended(b, 0x1);
    devices[b].config[0x140 / 4] = 0x2 | 0x100u << 20;
    good(256);
    begin("bridges in bridges");
    b = add_bridge(-1, 0x10, 0x81);
    add_virtio(b, 0, 0x1042, CONFINED);
    b = add_bridge(b, 0x09, 1);
    add(b, 0xf8, 0x100e8086, 0x0200);
    b = add_bridge(-1, 0xf8, 1);
    add_virtio(b, 0x07, 0x1041, CONFINED);
    good(256);
    begin("bridges with numbers from before");
    for (uint32_t i = 0; i < 4; i++) {
        b = add_bridge(-1, 0x10 + i, 1);
        devices[b].config[6] |= (i + 2) << 16 | (i + 1) << 8;
        b = add_bridge(b, 0, 1);
        devices[b].config[6] |= (i + 2) << 16 | (i + 2) << 8;
        add(b, 0, 0x100e8086, 0x0200);
    }
    good(256);
    begin("all buses");
    chain(255);
    good(256);
    begin("a bus too many");
    chain(16);
    bad(16, "PCI 0f:01.0 ", "fewer");
    begin("buses from 0x40 on");
    first_bus = 0x40;
    b = add_bridge(-1, 0x10, 1);
    add_virtio(b, 0, 0x1042, CONFINED);
    good(0x20);
    begin("virtio past the SMMU");
    add_virtio(-1, 0x08, 0x1042, CONFINED);
    add_virtio(-1, 0x13, 0x1041, BYPASS);
    bad(256, "PCI 00:02.3 ", "iommu_platform=on,disable-legacy=on");
    begin("virtio past the SMMU behind a bridge");
    b = add_bridge(-1, 0x10, 1);
    b = add_bridge(b, 0xf8, 1);
    add_virtio(b, 0xa8, 0x1000, BYPASS);
    bad(256, "PCI 02:15.0 ", "iommu_platform=on");
    begin("virtio of old");
    b = add(-1, 0x10, 0x10011af4, 0x0100);
    bad(256, "PCI 00:02.0 ", "iommu_platform=on");
    begin("virtio without a window");
    b = add_virtio(-1, 0x10, 0x1042, CONFINED);
    devices[b].config[0x50 / 4] = 0x09 | 0x64 << 8 | 0x10 << 16 | 2u << 24;
    bad(256, "PCI 00:02.0 ", "iommu_platform=on");
    begin("virtio whose capabilities go round");
    b = add_virtio(-1, 0x10, 0x1042, CONFINED);
    devices[b].config[0x64 / 4] = 0x09 | 0x40 << 8 | 0x10 << 16 | 3u << 24;
    bad(256, "PCI 00:02.0 ", "iommu_platform=on");
    begin("a function that function 0 does not tell of");
    add_virtio(-1, 0x0f, 0x1042, BYPASS);
    bad(256, "PCI 00:01.7 ", "iommu_platform=on");
    begin("pxb");
    add(-1, 0x28, 0x00091b36, 0x0600);
    bad(256, "PCI 00:05.0 ", "root bus");
    begin("pxb-pcie, of another class");
    add(-1, 0x28, 0x000b1b36, 0x0604);
    bad(256, "PCI 00:05.0 ", "root bus");
    begin("a second host bridge");
    add(-1, 0x01, 0x12341234, 0x0600);
    bad(256, "PCI 00:00.1 ", "root bus");
    begin("a root bus without a device that says so");
    add(-2 - 0x80, 0xa9, 0x100e8086, 0x0200);
    bad(256, "PCI 80:15.1 ", "no bridge");
    printf("pci_test: %u checks, %u failures\n", checks, failures);
    return failures == 0 ? 0 : 1;
}
