/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions of PCI that are given away, on buses that are written here: which can be, that nothing gets in their way, whatever the
 * host writes, and how they are reset. What is in the way is found here from where accesses go, not by the driver's rules: each
 * bridge lets through what its windows and numbers say at the moment, and a device's requester ID is its bus's number now.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pci.h"
#include "pci_access.h"
#include "want.h"

#define ECAM UINT64_C(0x4010000000)
#define LOW UINT64_C(0x10000000)            /* the window of 32-bit memory, 16 MiB */
#define LOW_SIZE UINT64_C(0x1000000)
#define HIGH UINT64_C(0x8000000000)
#define HIGH_SIZE UINT64_C(0x10000000)
#define MOST 40

/* ---- the machine ---- */

struct device {
    int parent;                 /* the bridge that it is behind; -1: on the root bus */
    uint32_t slot;              /* device and function on its bus */
    bool bridge;
    uint64_t size[7];           /* of its BARs and its ROM */
    bool wide[6];
    uint32_t reg[64];
    uint32_t next;              /* function, of a device that has ARI; 0x100: it has not */
    uint32_t acs;               /* of a bridge; 0: it has none */
    bool virtual;               /* it has virtual functions */
    unsigned resets;
};

static struct device devices[MOST];
static int count;
static uint64_t clock_now;
static uint64_t ready_at;               /* until then a device that was reset says so */
static unsigned odd;

static struct bridge machine;
static struct pci_segment segment;
static struct pci_given given[PCI_GIVEN];

static int add(int parent, uint32_t slot, bool express)
{
    struct device *d = &devices[count];

    memset(d, 0, sizeof *d);
    d->parent = parent;
    d->slot = slot;
    d->reg[0] = 0x10001234 + ((uint32_t)count << 16);
    d->reg[2] = 0x01080000;
    d->reg[0x3c / 4] = 0x100;
    d->next = 0x100;
    for (int i = 0; i < count && slot % 8 != 0; i++) {
        if (devices[i].parent == parent && devices[i].slot == (slot & ~7u))
            devices[i].reg[3] |= 1u << 23;
    }
    if (express) {
        d->reg[1] = 1u << 20;
        d->reg[0x34 / 4] = 0x40;
        d->reg[0x40 / 4] = 0x10 | 0x70 << 8 | 2u << 16;
        d->reg[0x70 / 4] = 1;
    }
    return count++;
}

static int add_bridge(int parent, uint32_t slot, bool root_port)
{
    int i = add(parent, slot, true);

    devices[i].bridge = true;
    devices[i].reg[2] = 0x06040000;
    devices[i].reg[3] = 1 << 16;
    devices[i].reg[0x40 / 4] |= (root_port ? 4u : 6u) << 20;
    devices[i].reg[0x24 / 4] = 0x00010001;
    devices[i].acs = 0x5f;
    return i;
}

static void set_flr(int i) { devices[i].reg[0x44 / 4] |= 1u << 28; }

static uint32_t behind(int i) { return i < 0 ? machine.first_bus : devices[i].reg[6] >> 8 & 0xff; }

/* Whether an access for a bus comes to the one behind a bridge. */
static bool is_routed(int i, uint32_t bus)
{
    for (bool last = true; i >= 0; i = devices[i].parent, last = false) {
        uint32_t first = devices[i].reg[6] >> 8 & 0xff;
        uint32_t end = devices[i].reg[6] >> 16 & 0xff;

        if (first == 0 || (devices[i].reg[0x3c / 4] & 1u << 22) != 0 || (last ? bus != first : bus < first || bus > end))
            return false;
    }
    return true;
}

/* Who answers to a number: of several the first, as a bus would have it. */
static int at(uint32_t function, unsigned *n)
{
    int found = -1;

    *n = 0;
    for (int i = count - 1; i >= 0; i--) {
        const struct device *d = &devices[i];

        if (d->slot == (function & 0xff) && behind(d->parent) == function >> 8 && is_routed(d->parent, function >> 8)) {
            found = i;
            ++*n;
        }
    }
    return found;
}

static void reset_device(int i)
{
    struct device *d = &devices[i];

    d->resets++;
    d->reg[1] &= 0xffff0000;
    d->reg[3] &= 0x00ff0000;
    for (unsigned k = 0x10; k < 0x34; k += 4)
        d->reg[k / 4] = !d->bridge && k < 0x28 && d->wide[(k - 0x10) / 4] ? 4 : 0;
    for (unsigned k = 0; k < 2 && d->bridge; k++)
        d->reg[4 + k] = d->wide[k] ? 4 : 0;
    if (d->bridge)
        d->reg[0x24 / 4] = 0x00010001;
    d->reg[0x3c / 4] &= 0xff00;
    d->reg[0x48 / 4] = 0;
    for (int k = 0; k < count; k++) {
        if (devices[k].parent == i)
            reset_device(k);
    }
}

/* The size of the BAR that a register is a half of; 0: none is there. */
static uint64_t bar_size(const struct device *d, uint32_t offset, bool *upper)
{
    uint32_t i = (offset - 0x10) / 4;

    *upper = false;
    if (offset == (d->bridge ? 0x38 : 0x30))
        return d->size[6];
    if (offset < 0x10 || offset >= (d->bridge ? 0x18 : 0x28))
        return 0;
    if (i > 0 && d->wide[i - 1]) {
        *upper = true;
        return d->size[i - 1];
    }
    return d->size[i];
}

/* Writes the bits of a mask, as the device lets. */
static void store(int i, uint32_t offset, uint32_t mask, uint32_t value)
{
    struct device *d = &devices[i];
    uint32_t *reg = &d->reg[offset / 4];
    uint32_t new = (*reg & ~mask) | (value & mask);
    bool upper;
    uint64_t size = bar_size(d, offset, &upper);

    if (offset == 4) {
        odd += (value & mask) >> 16 != 0;
        *reg = (*reg & 0xffff0000) | (new & 0x547);
    } else if (size > 0) {
        bool rom = offset >= 0x30;
        uint64_t bits = ~(size - 1);

        new &= (uint32_t)(upper ? bits >> 32 : bits) | (rom ? 1 : 0);
        *reg = new | (!upper && !rom && d->wide[(offset - 0x10) / 4] ? 4 : 0);
    } else if (d->bridge && offset == 0x18) {
        *reg = new;
    } else if (d->bridge && offset >= 0x20 && offset < 0x30) {
        *reg = offset < 0x28 ? (new & 0xfff0fff0) | (offset == 0x24 ? 0x10001 : 0) : new;
    } else if (offset == 0x3c) {
        bool rises = d->bridge && (new & ~*reg & 1u << 22) != 0;

        *reg = (new & (d->bridge ? 0xffff00ff : 0xff)) | (*reg & 0xff00);
        for (int k = 0; k < count && rises; k++) {
            if (devices[k].parent == i)
                reset_device(k);
        }
    } else if (offset == 0x0c) {
        *reg = (new & 0xffff) | (*reg & 0xffff0000);
    } else if (offset == 0x48 && d->reg[0x34 / 4] != 0) {
        *reg = new & 0x7fff;
        if ((value & mask & 1u << 15) != 0 && (d->reg[0x44 / 4] & 1u << 28) != 0)
            reset_device(i);
    } else if (offset == 0x50 || offset == 0x58 || offset == 0x74) {
        *reg = new;
    }
}

#define SENDS_UP(d) ((d)->acs >> 16 == 0x1f)

/* Errors first; then what a bridge or a device has. */
static uint32_t extended(const struct device *d, uint32_t offset)
{
    if (offset == 0x100)
        return 0x1 | 0x140u << 20;
    if (d->bridge && d->acs != 0)
        return offset == 0x140 ? 0x0d : offset == 0x144 ? d->acs : 0;
    if (d->virtual)
        return offset == 0x140 ? 0x10 : 0;
    if (!d->bridge && d->next < 0x100)
        return offset == 0x140 ? 0x0e : offset == 0x144 ? d->next << 8 : 0;
    return 0;
}

static void store_acs(struct device *d, uint32_t mask, uint32_t value)
{
    mask &= d->acs << 16;
    d->acs = (d->acs & ~mask) | (value & mask);
}

uint32_t pci_read(uint64_t ecam, uint32_t function, uint32_t offset)
{
    unsigned n;
    int i = at(function, &n);

    odd += ecam != ECAM - ((uint64_t)machine.first_bus << 20) + ((uint64_t)machine.first_bus << 20) || offset % 4 != 0 || offset >= 0x1000;
    if (i < 0)
        return 0xffffffff;
    if (clock_now < ready_at && devices[i].resets > 0)
        return offset == 0 ? 0xffff0001 : 0xffffffff;
    return offset < 0x100 ? devices[i].reg[offset / 4] : extended(&devices[i], offset);
}

void pci_write(uint64_t ecam, uint32_t function, uint32_t offset, uint32_t value)
{
    unsigned n;
    int i = at(function, &n);

    odd += ecam != ECAM || offset % 4 != 0 || (offset >= 0x100 && (i < 0 || !devices[i].bridge || offset != 0x144));
    if (i >= 0 && offset == 0x144)
        store_acs(&devices[i], 0xffffffff, value);
    else if (i >= 0)
        store(i, offset, 0xffffffff, value);
}

/* ---- the host ---- */

/* Whether it was let through. */
static bool host_write(uint32_t function, uint32_t offset, uint32_t bytes, uint32_t value)
{
    uint32_t mask = (bytes == 4 ? 0xffffffff : (1u << 8 * bytes) - 1) << 8 * (offset % 4);
    unsigned n;
    int i = at(function, &n);

    pci_given_before(&segment, function);
    if (!pci_given_allows(given, &segment, function, offset, bytes, value))
        return false;
    if (i >= 0 && offset / 4 == 0x144 / 4 && devices[i].bridge)
        store_acs(&devices[i], mask, value << 8 * (offset % 4));
    if (i >= 0 && offset < 0x100 && !(offset / 4 == 1 && offset % 4 >= 2))
        store(i, offset & ~3u, offset / 4 == 1 ? mask & 0xffff : mask, value << 8 * (offset % 4));
    pci_given_note(&segment, function, offset);
    return true;
}

static uint32_t number_of(int i) { return behind(devices[i].parent) << 8 | devices[i].slot; }

static void begin(const char *test)
{
    name = test;
    count = 0;
    odd = 0;
    clock_now = ready_at = 0;
    memset(given, 0, sizeof given);
    machine = (struct bridge){ .window = { { ECAM, 256 << 20 }, { 0x3eff0000, 0x10000 }, { LOW + 0x1000000000, LOW_SIZE }, { HIGH, HIGH_SIZE } },
                               .address = { 0, 0, LOW, HIGH }, .memory = { false, false, true, true }, .windows = 4, .buses = 256 };
    add(-1, 0, false);
    devices[0].reg[2] = 0x06000000;
}

static void confine(void)
{
    const char *reason = pci_confine(&machine, &segment);

    want(reason == NULL && !segment.closed, "these buses cannot be had");
    for (int i = 0; i < count; i++)
        want(devices[i].parent != -1 || devices[i].acs == 0 || SENDS_UP(&devices[i]), "a bridge is left that sends across");
}

/* ---- a machine by hand ---- */

static int port, inner, other_port, other, root_device, plain;

static void number(int i, uint32_t bus, uint32_t last)
{
    want(host_write(number_of(i), 0x18, 4, last << 16 | bus << 8), "the host cannot number a bus");
}

/* Memory base .. base+size-1 comes through a bridge. */
static void open_window(int i, uint64_t base, uint64_t size)
{
    host_write(number_of(i), 0x20, 4, (uint32_t)(base >> 16) | (uint32_t)((base + size - 1) & 0xfff00000));
    host_write(number_of(i), 4, 2, 6);
}

static void build(const char *test)
{
    begin(test);
    port = add_bridge(-1, 0x08, true);
    other_port = add_bridge(-1, 0x10, true);
    root_device = add(-1, 0x18, true);
    plain = add(-1, 0x20, false);
    inner = add(port, 0, true);
    other = add(other_port, 0, true);
    set_flr(root_device);
    devices[inner].size[0] = 0x1000;
    devices[inner].size[4] = 0x4000;
    devices[inner].wide[4] = true;
    devices[inner].reg[8] = 4;
    devices[inner].size[6] = 0x10000;
    devices[root_device].size[0] = 0x4000;
    devices[root_device].wide[0] = true;
    devices[root_device].reg[4] = 4;
    devices[plain].size[0] = 0x800;
    devices[plain].size[1] = 0x1000;
    devices[other].size[0] = 0x1000;
    devices[other_port].size[0] = 0x1000;
}

/* As an operating system would have it. */
static void start(void)
{
    confine();
    number(port, 1, 1);
    number(other_port, 2, 2);
    open_window(port, LOW, 0x100000);
    open_window(other_port, LOW + 0x100000, 0x100000);
    host_write(number_of(inner), 0x10, 4, LOW + 0x8000);
    host_write(number_of(inner), 0x20, 4, LOW + 0x10000);
    host_write(number_of(inner), 0x3c, 1, 0x21);
    host_write(number_of(inner), 0x0c, 1, 0x10);
    host_write(number_of(inner), 4, 2, 0x407);
    host_write(number_of(root_device), 0x10, 4, (uint32_t)(HIGH + 0x40000));
    host_write(number_of(root_device), 0x14, 4, HIGH >> 32);
    host_write(number_of(root_device), 4, 2, 6);
    host_write(number_of(plain), 0x10, 4, LOW + 0x300800);
    host_write(number_of(plain), 0x14, 4, LOW + 0x301000);
    host_write(number_of(plain), 4, 2, 2);
    host_write(number_of(other), 0x10, 4, LOW + 0x100000);
    host_write(number_of(other), 4, 2, 6);
    host_write(number_of(other_port), 0x10, 4, LOW + 0x400000);
}

static struct device before[MOST];

/* Gives a function; a refusal has changed nothing. */
static bool give(int i, unsigned slot)
{
    bool done;

    memcpy(before, devices, sizeof before);
    done = pci_give(given, &segment, number_of(i), &given[slot]);
    want(done || memcmp(before, devices, sizeof before) == 0, "a refusal has changed something");
    want(done || given[slot].segment == NULL, "what is refused counts as given");
    want(!done || (devices[i].reg[1] & 7) == 0, "what is given decodes, or is a bus master, before it is reset");
    return done;
}

static void given_at_all(void)
{
    build("given");
    start();
    want(SENDS_UP(&devices[port]) && SENDS_UP(&devices[other_port]), "a port sends across");
    want(!host_write(number_of(port), 0x146, 2, 0) && SENDS_UP(&devices[port]), "the host may have it send across");
    want(give(inner, 0), "a device behind a port");
    want(given[0].window[0].base == LOW + 0x8000 && given[0].window[0].size == 0x1000 && given[0].window[4].base == LOW + 0x10000 &&
         given[0].window[4].size == 0x4000 && given[0].window[1].size == 0 && given[0].window[5].size == 0, "its windows are not found");
    want(give(root_device, 1), "one on the root bus");
    want(given[1].window[0].base == HIGH + 0x40000 && given[1].window[0].size == 0x4000, "its windows are not found");
    want(!give(inner, 2) && !give(root_device, 2), "one is given twice");
    pci_take_back(&given[0]);
    want((devices[inner].reg[1] & 0xffff) == 0x407, "what is undone is not as it was");
    devices[inner].next = 0;
    want(give(inner, 0), "again, and it has ARI");
}

/* One thing is wrong with the machine each time. */
static void refused(const char *why, int *who, void (*wrong)(void), bool early)
{
    build(why);
    if (early)
        wrong();
    start();
    if (!early)
        wrong();
    want(!give(*who, 0), "it is given");
    want(odd == 0, "an access that nobody should make");
}

static void w_several(void) { devices[inner].reg[3] |= 1u << 23; }
static void w_sibling(void) { (void)add(port, 3, true); }
static void w_sibling_far(void) { (void)add(port, 0xf8, true); }
static void w_sibling_root(void) { (void)add(-1, 0x1b, true); }
static void w_ari(void) { devices[inner].next = 1; }
static void w_unknown_function(void) { (void)add(-1, 0x23, false); }
static void w_virtual(void) { devices[inner].virtual = true; }
static void w_no_acs(void) { devices[other_port].acs = 0; }
static void w_no_acs_at_its_port(void) { devices[port].acs = 0; }
static void w_acs_lost(void) { devices[other_port].acs &= 0xffff; }
static void w_acs_in_part(void) { devices[other_port].acs &= ~(4u << 16); }
static void w_acs_more(void) { devices[other_port].acs |= 0x40u << 16; }
static void w_type(void) { devices[inner].reg[3] = 2u << 16; }
static void w_no_flr(void) { devices[root_device].reg[0x44 / 4] = 0; }
static void w_no_port(void) { devices[port].reg[0x40 / 4] ^= (4u ^ 6u) << 20; }
static void w_rom(void) { host_write(number_of(inner), 0x30, 4, (uint32_t)LOW + 0x20001); }
static void w_allocation(void) { devices[inner].reg[0x70 / 4] = 0x14; }
static void w_unset(void) { host_write(number_of(inner), 0x10, 4, 0); }
static void w_outside(void) { host_write(number_of(inner), 0x10, 4, LOW + 0x200000); }
static void w_beyond(void) { host_write(number_of(root_device), 0x14, 4, (HIGH >> 32) + 1); }
static void w_closed_port(void) { host_write(number_of(port), 4, 2, 4); }
static void w_over_root(void) { host_write(number_of(plain), 0x14, 4, LOW + 0x8000); }
static void w_over_page(void) { host_write(number_of(plain), 0x10, 4, LOW + 0x13800); }
static void w_over_window(void) { open_window(other_port, LOW, 0x200000); }
static void w_over_fetched(void)
{
    host_write(number_of(other_port), 0x28, 4, HIGH >> 32);
    host_write(number_of(other_port), 0x2c, 4, HIGH >> 32);
    host_write(number_of(other_port), 0x24, 4, 0);
}
static void w_over_own_port(void)
{
    devices[port].size[1] = 0x1000;
    segment.root[1].size[1] = 0x1000;
    host_write(number_of(port), 0x14, 4, LOW + 0x10000);
}
static void w_over_itself(void) { host_write(number_of(inner), 0x10, 4, LOW + 0x11000); }
static void w_bus_range(void) { host_write(number_of(other_port), 0x18, 4, 0x00020000); }
static void w_bus_same(void) { host_write(number_of(other_port), 0x18, 4, 0x00000100); }
static void w_named_twice(void)
{
    host_write(number_of(other_port), 0x18, 4, 0x00010100);
    host_write(number_of(other_port), 0x18, 4, 0x00020200);
}
static void w_renamed_deep(void)
{
    /* A bridge behind the other port keeps the bus's number, where nobody sees it. */
    int deep = add_bridge(other_port, 8, false);

    (void)add(deep, 0, true);
    host_write(number_of(deep), 0x18, 4, 0x00010100);
    host_write(number_of(other_port), 0x18, 4, 0);
}
static void w_unknown_root(void) { (void)add(-1, 0x50, false); }
static void w_closed(void) { segment.closed = true; }
static void w_low(void)
{
    machine.address[2] = 0;
    host_write(number_of(port), 0x24, 4, 0xfff1);
    host_write(number_of(other_port), 0x24, 4, 0xfff1);
    host_write(number_of(root_device), 0x14, 4, 0);
    host_write(number_of(root_device), 0x10, 4, 0x80000);
}
static void w_below_fetched(void)
{
    host_write(number_of(port), 0x28, 4, HIGH >> 32);
    host_write(number_of(port), 0x2c, 4, HIGH >> 32);
    host_write(number_of(port), 0x24, 4, 0x00100010);
    host_write(number_of(inner), 0x24, 4, HIGH >> 32);
    host_write(number_of(inner), 0x20, 4, 0x80000);
}
static void w_small(void)
{
    segment.root[4].size[0] = devices[plain].size[0] = 0x200;
    devices[inner].size[0] = 0x400;
    host_write(number_of(plain), 0x10, 4, LOW + 0x8800);
}
static void w_virtio(void) { devices[inner].reg[0] = 0x10411af4; }
static void w_gone(void) { devices[inner].parent = -3; }

static void refusals(void)
{
    refused("more functions", &inner, w_several, false);
    refused("another function of the device", &inner, w_sibling, false);
    refused("another device on the bus", &inner, w_sibling_far, false);
    refused("another function of the device on the root bus", &root_device, w_sibling_root, true);
    refused("more functions by ARI", &inner, w_ari, false);
    refused("a new function of another device on the root bus", &inner, w_unknown_function, false);
    refused("virtual functions", &inner, w_virtual, false);
    refused("a port without ACS", &inner, w_no_acs, true);
    refused("a port without ACS beside one on the root bus", &root_device, w_no_acs, true);
    refused("its own port without ACS", &inner, w_no_acs_at_its_port, true);
    refused("a port that sends across in part", &inner, w_acs_in_part, false);
    refused("a port that sends across for some", &inner, w_acs_more, false);
    refused("a port that sends across again", &inner, w_acs_lost, false);
    name = "a port that sent across, and has ACS again";
    want(host_write(number_of(other_port), 4, 2, 6) && SENDS_UP(&devices[other_port]) && give(inner, 0), "it has not");
    refused("a header of another type", &inner, w_type, false);
    refused("no reset on the root bus", &root_device, w_no_flr, true);
    refused("a bridge that is no root port", &inner, w_no_port, true);
    refused("its ROM is on", &inner, w_rom, false);
    refused("addresses without BARs", &inner, w_allocation, false);
    refused("a BAR that is not set", &inner, w_unset, false);
    refused("a BAR outside of the port's windows", &inner, w_outside, false);
    refused("a BAR outside of the host's windows", &root_device, w_beyond, false);
    refused("a port that lets no memory through", &inner, w_closed_port, false);
    refused("a BAR over it", &inner, w_over_root, false);
    refused("a small BAR on its page", &inner, w_over_page, false);
    refused("a window over it", &inner, w_over_window, false);
    refused("a window that may be fetched ahead over it", &root_device, w_over_fetched, false);
    refused("its port's BAR over it", &inner, w_over_own_port, false);
    refused("its own BAR over it", &inner, w_over_itself, false);
    refused("its bus in another's range", &inner, w_bus_range, false);
    refused("its bus another's", &inner, w_bus_same, false);
    refused("its bus was another's", &inner, w_named_twice, false);
    refused("its bus is another's that is hidden", &inner, w_renamed_deep, false);
    refused("something new on the root bus", &inner, w_unknown_root, false);
    refused("buses that cannot be followed", &inner, w_closed, false);
    refused("a BAR in the first MiB", &root_device, w_low, false);
    refused("a BAR below its port's window that may be fetched ahead", &inner, w_below_fetched, false);
    name = "a BAR in its port's window that may be fetched ahead";
    host_write(number_of(inner), 0x20, 4, 0x100000);
    want(give(inner, 0) && given[0].window[4].base == HIGH + 0x100000, "it is refused");
    refused("two small BARs on a page", &inner, w_small, false);
    refused("virtio past the SMMU", &inner, w_virtio, false);
    refused("nobody", &inner, w_gone, false);
    refused("a bridge", &port, w_closed, false);
    build("a bridge, and the host bridge");
    start();
    want(!give(port, 0) && !give(0, 0), "it is given");
    want(!pci_give(given, &segment, 0x10008, &given[0]), "a bus that there is not");
    name = "what does not answer is in nobody's way";
    w_over_root();
    host_write(number_of(plain), 4, 2, 1);
    want(give(inner, 0), "it is refused");
    build("a root port with more buses");
    start();
    host_write(number_of(port), 0x18, 4, 0x00090100);
    want(!give(inner, 0), "it is given, and its port leads to another's");
    host_write(number_of(other_port), 0x18, 4, 0x000a0a00);
    want(give(inner, 0), "it is refused");
    want(pci_given_hides(given, &segment, 0x500) && pci_given_hides(given, &segment, 0x9ff) && !pci_given_hides(given, &segment, 0xa00),
         "other buses are hidden");
}

/* What the host may write while something is given. */
static void writes(void)
{
    static const struct { int *who; uint32_t offset, bytes, value; bool good; } rows[] = {
        { &inner, 4, 2, 0, false }, { &inner, 0x10, 4, 0, false }, { &inner, 0x48, 2, 0x8000, false }, { &inner, 0xfc, 4, 0, false },
        { &port, 4, 2, 0, false }, { &port, 0x18, 4, 0x50500, false }, { &port, 0x19, 1, 7, false }, { &port, 0x20, 4, 0xfff0, false },
        { &port, 0x3c, 4, 1u << 22, false }, { &port, 0x3e, 2, 0x40, false }, { &port, 0x10, 4, LOW, false }, { &port, 0x38, 4, 1, false },
        { &port, 0x74, 2, 3, false }, { &port, 0x50, 2, 0x10, false }, { &port, 0x58, 2, 0x400, false }, { &port, 0x58, 4, 0, false },
        { &port, 0x5a, 2, 0x1f, true }, { &port, 0x52, 2, 0, true }, { &port, 0x48, 2, 7, true }, { &port, 0x80, 4, 0, true },
        { &other, 0x10, 4, LOW + 0x8000, true }, { &other, 4, 2, 7, true }, { &other, 0x48, 2, 7, true },
        { &other_port, 4, 2, 6, true }, { &other_port, 0x20, 4, 0x10101000, false }, { &other_port, 0x20, 2, 0x1000, false },
        { &other_port, 0x20, 4, 0x10301030, true }, { &other_port, 0x18, 4, 0x50400, true }, { &other_port, 0x18, 4, 0x50100, false },
        { &other_port, 0x19, 1, 1, false }, { &other_port, 0x18, 4, 0x20000, false }, { &other_port, 0x1a, 1, 9, true },
        { &other_port, 0x10, 4, LOW + 0x8000, false }, { &other_port, 0x10, 4, LOW + 0x500000, true },
        { &port, 0x146, 2, 0, false }, { &port, 0x146, 1, 0, false }, { &other_port, 0x144, 4, 0, false }, { &other_port, 0x147, 1, 0, false },
        { &other, 0x146, 2, 0, true }, { &other_port, 0x148, 4, 0, true }, { &other_port, 0x74, 2, 3, true }, { &other_port, 0x3e, 2, 0x40, true }, { &other_port, 0x3e, 2, 0, true },
        { &plain, 0x14, 4, LOW + 0x10000, false }, { &plain, 0x16, 2, (LOW >> 16) + 1, false },
        { &plain, 0x14, 4, LOW + 0x18000, true }, { &plain, 0x15, 1, 0x10, false }, { &plain, 0x15, 1, 0x40, true },
        { &plain, 0x14, 4, LOW + 0x13000, false }, { &plain, 0x10, 4, LOW + 0x13800, false }, { &plain, 0x10, 4, LOW + 0x14000, true },
        { &plain, 4, 2, 0, true }, { &plain, 0x14, 4, LOW + 0x10000, true }, { &plain, 4, 2, 2, false }, { &plain, 4, 1, 2, false },
        { &plain, 4, 2, 5, true }, { &plain, 0x14, 4, LOW + 0x701000, true }, { &plain, 4, 2, 2, true },
        { &root_device, 0x14, 4, 0, true }, { &root_device, 0x10, 4, LOW + 0x10000, false }, { &root_device, 0x10, 4, HIGH & 0xffffffff, true } };

    build("writes");
    start();
    want(give(inner, 0), "it is refused");
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static char text[80];

        snprintf(text, sizeof text, "write %u: %x+%u %x", i, rows[i].offset, rows[i].bytes, rows[i].value);
        name = text;
        want(host_write(number_of(*rows[i].who), rows[i].offset, rows[i].bytes, rows[i].value) == rows[i].good, rows[i].good ? "refused" : "let");
    }
    name = "writes";
    want(pci_given_hides(given, &segment, number_of(inner)) && pci_given_hides(given, &segment, 0x1ff), "it is not hidden");
    want(!pci_given_hides(given, &segment, number_of(port)) && !pci_given_hides(given, &segment, 0x200), "others are hidden");
    want(!host_write(0x50, 4, 2, 2), "what nobody knows on the root bus");
    pci_take_back(&given[0]);
    want(host_write(number_of(port), 4, 2, 6) && host_write(number_of(inner), 4, 2, 6), "what is back is not the host's");
    host_write(number_of(root_device), 0x14, 4, HIGH >> 32);
    want(give(root_device, 0) && !host_write(number_of(root_device), 4, 2, 2) && host_write(number_of(port), 0x19, 1, 0x11), "one on the root bus");
    want(!host_write(number_of(plain), 0x14, 4, HIGH & 0xffffffff) || (HIGH >> 32) != 0, "a BAR of 32 bits");
}

static void resets(bool flr)
{
    unsigned parts = 0;
    uint64_t began;

    build(flr ? "reset of a function" : "reset of a bus");
    if (flr)
        set_flr(inner);
    start();
    host_write(number_of(port), 4, 2, 2);
    want(give(inner, 0), "it is refused");
    for (unsigned back = 0; back < 2; back++) {
        began = clock_now;
        ready_at = began + 150000;
        while (!pci_give_reset(&given[0], clock_now)) {
            clock_now += 700;
            parts++;
            want(clock_now < began + 2000000, "it does not end");
            if (clock_now > began + 2000000)
                return;
            want((devices[inner].reg[1] & 7) == 0, "it does something before it is over");
        }
        want(devices[inner].resets == back + 1, "there was none, or more than one");
        want(clock_now - began >= 150000 && parts > 10, "it was not waited for");
        want(devices[inner].reg[4] == LOW + 0x8000 && devices[inner].reg[8] == (LOW + 0x10000) + 4 && (devices[inner].reg[3] & 0xff) == 0x10 &&
             (devices[inner].reg[0x3c / 4] & 0xff) == 0x21, "it is not as it was");
        want((devices[inner].reg[1] & 0x407) == 2, "its command is another");
        pci_give_master(&given[0], true);
        want((devices[inner].reg[1] & 0x407) == 6 && (devices[port].reg[1] & 7) == 6, "it is no bus master, or behind a port that is none");
        pci_give_master(&given[0], false);
        want((devices[inner].reg[1] & 0x407) == 2, "it is a bus master still");
        want((devices[port].reg[0x3c / 4] & 1u << 22) == 0 && number_of(inner) == 0x100, "the port is left in reset");
    }
    pci_take_back(&given[0]);
    want((devices[inner].reg[1] & 0x407) == 0x403 && given[0].segment == NULL, "it is not back");
    name = "reset of one that answers at once";
    ready_at = 0;
    want(give(inner, 0), "it is refused");
    began = clock_now;
    for (; !pci_give_reset(&given[0], clock_now) && clock_now - began < 110000; clock_now += 300)
        continue;
    want(clock_now - began >= 100000 && clock_now - began < 110000 && devices[inner].resets == 3, "there was none, or more than one");
    pci_take_back(&given[0]);
    name = "reset of one that is gone";
    want(give(inner, 0), "it is refused");
    devices[inner].parent = -3;
    for (clock_now = ready_at; !pci_give_reset(&given[0], clock_now);) {
        clock_now += 10000;
        want(clock_now < ready_at + 3000000, "it does not end");
        if (clock_now > ready_at + 3000000)
            return;
    }
    want(odd == 0, "an access that nobody should make");
}

/* ---- at random ---- */

static bool meets(uint64_t a, uint64_t a_end, uint64_t b, uint64_t b_end) { return a < b_end && b < a_end; }

/* Whether a function of the root bus answers to anything from first to end. */
static bool answers(const struct device *d, uint64_t first, uint64_t end, bool windows)
{
    if ((d->reg[1] & 2) == 0)
        return false;
    for (unsigned i = 0; i < (d->bridge ? 2 : 6); i++) {
        uint64_t base = d->reg[4 + i] & ~15u;

        if (d->wide[i])
            base |= (uint64_t)d->reg[5 + i] << 32;
        if (d->size[i] > 0 && meets(base, base + d->size[i], first, end))
            return true;
    }
    if (d->bridge && windows) {
        uint64_t low = (uint64_t)(d->reg[8] & 0xfff0) << 16, low_end = (uint64_t)(d->reg[8] & 0xfff00000) + 0x100000;
        uint64_t high = (uint64_t)(d->reg[9] & 0xfff0) << 16 | (uint64_t)d->reg[10] << 32;
        uint64_t high_end = ((uint64_t)(d->reg[9] & 0xfff00000) | (uint64_t)d->reg[11] << 32) + 0x100000;

        if ((low < low_end && meets(low, low_end, first, end)) || (high < high_end && meets(high, high_end, first, end)))
            return true;
    }
    return false;
}

static int owner[PCI_GIVEN];            /* the device that is given */

/* Nothing gets across while a function is given, but behind a bridge that lets nothing up either. */
static void look_at_bridges(void)
{
    for (int i = 0; i < count; i++) {
        const struct device *d = &devices[i];

        want(!d->bridge || d->parent != -1 || SENDS_UP(d) || (d->reg[1] & 4) == 0, "a bridge sends across");
    }
}

/* A bridge that is no port of a given function's is switched off, and on again. */
static void lose_power(int i)
{
    for (unsigned k = 0; k < PCI_GIVEN; k++) {
        if (given[k].segment != NULL && given[k].port == number_of(i))
            return;
    }
    devices[i].acs &= 0xffff;
    devices[i].reg[1] &= 0xffff0000;
}

static void look_at_given(void)
{
    for (unsigned k = 0; k < PCI_GIVEN; k++) {
        const struct pci_given *g = &given[k];
        unsigned n;

        if (g->segment == NULL)
            continue;
        look_at_bridges();
        want(at(g->function, &n) == owner[k] && n == 1, "its number is not its alone");
        want(pci_given_hides(given, &segment, g->function), "it is not hidden");
        for (int i = 0; i < count; i++) {
            const struct device *d = &devices[i];
            bool its_port = d->parent == -1 && number_of(i) == g->port;

            want(i == owner[k] || d->parent == -3 || number_of(i) != g->function, "another has its requester ID");
            for (unsigned w = 0; w < 6 && i != owner[k] && d->parent == -1; w++)
                want(g->window[w].size == 0 || !answers(d, g->window[w].base, g->window[w].base + g->window[w].size, !its_port),
                     "another answers to what is its");
            for (unsigned w = 0; w < 6 && its_port; w++)
                want(g->window[w].size == 0 || answers(d, g->window[w].base, g->window[w].base + 1, true), "its port does not let it be reached");
        }
    }
}

static uint32_t some(uint32_t n) { return (uint32_t)rand() % n; }

static uint64_t some_size(void) { return UINT64_C(0x200) << some(8); }

/* Buses that nobody has; children of ports come at device 0. */
static void make_buses(void)
{
    begin("at random");
    for (uint32_t slot = 1; slot < 10; slot++) {
        if (some(3) == 0) {
            int i = add(-1, slot << 3, some(4) != 0);

            if (some(2) == 0)
                set_flr(i);
        } else {
            int p = add_bridge(-1, slot << 3, some(8) != 0);
            int i = some(6) == 0 ? add_bridge(p, 0, false) : p;

            if (some(150) == 0)
                devices[p].acs = 0;

            if (some(8) != 0) {
                (void)add(i, 0, true);
                if (some(12) == 0)
                    (void)add(i, 1 + some(7), true);
            }
        }
    }
    for (int i = 1; i < count; i++) {
        for (unsigned k = 0; k < (devices[i].bridge ? 2 : 6); k++) {
            if (some(3) != 0)
                continue;
            devices[i].size[k] = some_size();
            if (k % 2 == 0 && some(2) == 0) {
                devices[i].wide[k] = true;
                devices[i].reg[4 + k] = 4;
                k++;
            }
        }
    }
}

/* As an operating system sets it up, but for what it gets wrong now and then. */
static void set_up(void)
{
    uint32_t bus = 0;
    uint64_t at_root = LOW + LOW_SIZE / 2, at_port = LOW;

    for (int i = 1; i < count; i++) {
        uint64_t *at = devices[i].parent == -1 ? &at_root : &at_port;

        if (devices[i].bridge) {
            bool more = i + 1 < count && devices[i + 1].bridge && devices[i + 1].parent == i;

            bus++;
            (void)host_write(number_of(i), 0x18, 4, (bus + more) << 16 | bus << 8);
            if (devices[i].parent == -1)
                at_port = (at_port + 0xfffff) & ~UINT64_C(0xfffff);
            (void)host_write(number_of(i), 0x20, 4, (uint32_t)(at_port >> 16) | (uint32_t)(at_port & 0xfff00000));
        }
        for (unsigned k = 0; k < (devices[i].bridge ? 2 : 6); k++) {
            if (devices[i].size[k] == 0)
                continue;
            *at = (*at + 0xfff + devices[i].size[k] - 1) & ~(devices[i].size[k] - 1) & ~UINT64_C(0xfff);
            *at = (*at + devices[i].size[k] - 1) & ~(devices[i].size[k] - 1);
            (void)host_write(number_of(i), 0x10 + 4 * k, 4, (uint32_t)*at);
            *at += devices[i].size[k];
        }
        (void)host_write(number_of(i), 4, 2, 6);
    }
}

static void some_write(void)
{
    int i = (int)some((uint32_t)count);
    uint32_t function = some(20) == 0 ? some(0x500) : number_of(i);
    uint32_t size = 1u << some(3);
    uint64_t address = some(3) == 0 ? LOW + some(16) * 0x100000 : LOW + some(0x1000) * 0x1000;

    if (some(3) == 0 && given[0].segment != NULL)
        address = given[0].window[some(6)].base + some(3) * 0x1000 - 0x1000;
    switch (some(7)) {
    case 6:
        if (devices[i].bridge && devices[i].parent == -1 && some(3) == 0)
            lose_power(i);
        break;
    case 0: (void)host_write(function, 0x10 + 4 * some(6), 4, (uint32_t)(some(8) == 0 ? address >> 32 : address)); break;
    case 1: (void)host_write(function, 0x20, 4, (uint32_t)(address >> 16 & 0xfff0) | ((uint32_t)(address & 0xfff00000) + (some(3) << 20))); break;
    case 2: (void)host_write(function, 0x18, 4, some(10) << 16 | some(8) << 8); break;
    case 3: (void)host_write(function, 4, 2, some(8)); break;
    case 4: (void)host_write(function, some(64) * 4 / size * size, size, (uint32_t)rand()); break;
    default: (void)host_write(function, 0x20 + 4 * some(4), 4, (uint32_t)(address >> 16) | (uint32_t)rand() << 20); break;
    }
}

static unsigned gives, refusals_at_random;

static void some_give(void)
{
    int i = (int)some((uint32_t)count);
    unsigned k = some(PCI_GIVEN);

    if (given[k].segment != NULL) {
        while (!pci_give_reset(&given[k], clock_now))
            clock_now += 50000;
        pci_give_master(&given[k], some(2) == 0);
        if (some(4) == 0)
            pci_take_back(&given[k]);
        return;
    }
    if (at(number_of(i), &(unsigned){ 0 }) == i && give(i, k)) {
        owner[k] = i;
        gives++;
    } else {
        refusals_at_random++;
    }
}

static void at_random(unsigned rounds)
{
    for (unsigned r = 0; r < rounds && failures < 40; r++) {
        make_buses();
        confine();
        set_up();
        for (unsigned turn = 0; turn < 250 && failures < 40; turn++) {
            if (some(6) == 0)
                some_give();
            else
                some_write();
            look_at_given();
        }
        want(odd == 0, "an access that nobody should make");
    }
    want(gives > rounds / 2 && refusals_at_random > rounds, "too few were given, or refused");
}

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : (unsigned)time(NULL);

    printf("pci_given_test: seed %u\n", seed);
    srand(seed);
    given_at_all();
    refusals();
    writes();
    resets(false);
    resets(true);
    at_random(120);
    printf("pci_given_test: %u given, %u refused at random\n", gives, refusals_at_random);
    printf("pci_given_test: %u checks, %u failures\n", checks, failures);
    return failures == 0 ? 0 : 1;
}
