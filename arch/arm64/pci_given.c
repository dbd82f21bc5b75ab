/* SPDX-License-Identifier: Apache-2.0 */
#include "pci_given.h"

#include "pci_access.h"
#include "pci_registers.h"
#include "pci_virtio.h"

#define LOWEST UINT64_C(0x100000)   /* below lie windows of bridges that are none, and those for VGA */
#define MICROSECONDS_BUS 2000u      /* a reset of a bus stands for 1 ms at least (PCI Express 7.5.1.3.13) */
#define MICROSECONDS_RESET 100000u  /* until a function can be asked after one (6.6) */
#define MICROSECONDS_MORE 1000000u

static uint64_t ecam_of(const struct pci_segment *s) { return bridge_ecam(s->bridge); }

static uint32_t bus_of(uint32_t function) { return function >> 8; }

static bool is_there(const struct pci_segment *s, uint32_t function)
{
    return pci_read(ecam_of(s), function, PCI_ID) != PCI_NOBODY;
}

static bool is_on_root_bus(const struct pci_segment *s, uint32_t function)
{
    return bus_of(function) == s->bridge->first_bus;
}

static const struct pci_function *find_root(const struct pci_segment *s, uint32_t function)
{
    for (uint32_t i = 0; i < s->roots; i++) {
        if (s->root[i].number == function)
            return &s->root[i];
    }
    return 0;
}

/* ---- addresses ---- */

static bool overlaps_any(const struct pci_range *claim, uint32_t n, const struct pci_range window[PCI_BARS])
{
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t k = 0; k < PCI_BARS; k++) {
            if (pci_overlap(claim[i], window[k]))
                return true;
        }
    }
    return false;
}

/* Whether a function of the root bus with that header would answer to what is another's. */
static bool is_over(const struct pci_header *h, const struct pci_function *f, bool windows,
                    const struct pci_range window[PCI_BARS])
{
    struct pci_range claim[PCI_CLAIMS];

    return overlaps_any(claim, pci_claims(h, f, windows, claim), window);
}

/* Whether a function of the root bus but for g answers to what is g's. Its port does by its windows, and may by nothing else. */
static bool others_are_over(const struct pci_segment *s, const struct pci_given *g)
{
    struct pci_header h;

    for (uint32_t i = 0; i < s->roots; i++) {
        if (s->root[i].number == g->function)
            continue;
        pci_header_read(ecam_of(s), s->root[i].number, &h);
        if (is_over(&h, &s->root[i], s->root[i].number != g->port, g->window))
            return true;
    }
    return false;
}

/* ---- bus numbers ---- */

static uint32_t bus_behind(uint32_t word) { return word >> 8 & 0xff; }
static uint32_t last_behind(uint32_t word) { return word >> 16 & 0xff; }

/* Whether a bridge with such numbers leads to a bus of first .. last. */
static bool leads_to(uint32_t word, uint32_t first, uint32_t last)
{
    return (bus_behind(word) >= first && bus_behind(word) <= last) || (bus_behind(word) <= last && last_behind(word) >= first);
}

void pci_given_note(struct pci_segment *s, uint32_t function, uint32_t offset)
{
    uint32_t *namer;
    uint32_t bus;

    if (offset / 4 != PCI_BUSES / 4 || !pci_is_bridge(ecam_of(s), function))
        return;
    bus = bus_behind(pci_read(ecam_of(s), function, PCI_BUSES));
    namer = &s->namer[bus];
    *namer = *namer == 0 || *namer == function + 1 ? function + 1 : NAMED_TWICE;
}

/* ---- the host's accesses ---- */

static bool is_hidden(const struct pci_given *g, uint32_t function)
{
    if (g->function == function)
        return true;
    return g->port != PCI_NOBODY && bus_of(function) >= g->buses[0] && bus_of(function) <= g->buses[1];
}

bool pci_given_hides(const struct pci_given *given, const struct pci_segment *s, uint32_t function)
{
    for (uint32_t i = 0; i < PCI_GIVEN; i++) {
        if (given[i].segment == s && is_hidden(&given[i], function))
            return true;
    }
    return false;
}

/*
 * Of the port before a function: its header, its power, its link and its slot stay as they are. What is in the upper halves of
 * these registers is a status, which the host acknowledges.
 */
static bool is_kept(const struct pci_given *g, uint32_t offset)
{
    uint32_t word = offset & ~3u;

    if (offset < PCI_HEADER_SIZE)
        return true;
    return offset % 4 < 2 && ((g->port_power != 0 && word == g->port_power + POWER_CONTROL) ||
                              word == g->port_express + EXPRESS_LINK_CONTROL || word == g->port_express + EXPRESS_SLOT_CONTROL);
}

/*
 * Whether a write that makes of a header `after` gets in the way of g. root: what is known of the function; 0: not on the root
 * bus.
 */
static bool is_in_the_way(const struct pci_given *g, const struct pci_function *root, bool bridge, const struct pci_header *after)
{
    if (bridge && g->port != PCI_NOBODY && leads_to(after->word[PCI_BUSES / 4], g->buses[0], g->buses[1]))
        return true;
    return root != 0 && is_over(after, root, true, g->window);
}

bool pci_given_allows(const struct pci_given *given, const struct pci_segment *s, uint32_t function, uint32_t offset,
                      uint32_t bytes, uint32_t value)
{
    const struct pci_function *root = find_root(s, function);
    struct pci_header after = { { 0 } };
    bool begun = false;
    bool bridge = false;

    if (root != 0 && root->acs != 0 && offset / 4 == (root->acs + ACS_WORD) / 4)
        return false;
    for (uint32_t i = 0; i < PCI_GIVEN; i++) {
        const struct pci_given *g = &given[i];

        if (g->segment != s)
            continue;
        if (is_hidden(g, function) || (g->port == function && is_kept(g, offset)) || (root == 0 && is_on_root_bus(s, function)))
            return false;
        if (g->port == function || offset >= PCI_HEADER_SIZE)
            continue;
        if (!begun) {
            pci_header_read(ecam_of(s), function, &after);
            pci_header_change(&after, offset, bytes, value);
            bridge = pci_is_bridge(ecam_of(s), function);
            begun = true;
        }
        if (is_in_the_way(g, root, bridge, &after))
            return false;
    }
    return true;
}

void pci_given_before(const struct pci_segment *s, uint32_t function)
{
    const struct pci_function *root = find_root(s, function);

    if (root != 0)
        pci_send_up(ecam_of(s), root);
}

/* ---- giving ---- */

/* No request from behind a bridge gets to a function that is given but by the SMMU, nor the other way round. */
static bool all_send_up(const struct pci_segment *s)
{
    for (uint32_t i = 0; i < s->roots; i++) {
        if (s->root[i].bridge && !pci_sends_up(ecam_of(s), &s->root[i]))
            return false;
    }
    return true;
}

/*
 * Whether a device has more functions than 0. A device has that one, and it says so of others (PCI 3.0, 6.2.1): pci_confine() has
 * found it so of all that was there at boot.
 */
static bool has_several(const struct pci_segment *s, uint32_t function)
{
    return (pci_read(ecam_of(s), function, PCI_HEADER) & HEADER_SEVERAL) != 0;
}

/* Nobody but the function is at the places that could have its requester ID, or its device's. */
static bool is_alone(const struct pci_segment *s, const struct pci_given *g)
{
    uint32_t devices = g->port == PCI_NOBODY ? 0 : PCI_DEVICES;
    uint32_t ari = pci_extended_capability(ecam_of(s), g->function, EXTENDED_ARI);

    for (uint32_t i = 0; i < devices; i++) {
        uint32_t function = (g->function & ~0xffu) | i << 3;

        if (function != g->function && is_there(s, function))
            return false;
    }
    return !has_several(s, g->function) && (ari == 0 || ARI_NEXT(pci_read(ecam_of(s), g->function, ari + ARI_CAPABILITY)) == 0);
}

/* Everything that is on the root bus is known. */
static bool is_root_bus_known(const struct pci_segment *s)
{
    for (uint32_t i = 0; i < PCI_DEVICES; i++) {
        uint32_t function = s->bridge->first_bus << 8 | i << 3;
        uint32_t n = !is_there(s, function) ? 0 : has_several(s, function) ? PCI_FUNCTIONS : 1;

        for (uint32_t k = 0; k < n; k++) {
            if (is_there(s, function + k) && find_root(s, function + k) == 0)
                return false;
        }
    }
    return true;
}

static bool is_root_port(const struct pci_segment *s, uint32_t function)
{
    uint32_t express = pci_capability(ecam_of(s), function, CAPABILITY_EXPRESS, PCI_ANY_TYPE);

    return express != 0 && EXPRESS_TYPE(pci_read(ecam_of(s), function, express)) == EXPRESS_ROOT_PORT;
}

/* The bridge of the root bus that leads to g's bus. It must be the only one, now and ever, and a root port. */
static bool find_port(const struct pci_segment *s, struct pci_given *g)
{
    uint32_t bus = bus_of(g->function);

    for (uint32_t i = 0; i < s->roots; i++) {
        uint32_t word = pci_read(ecam_of(s), s->root[i].number, PCI_BUSES);

        if (s->root[i].bridge && bus_behind(word) == bus && last_behind(word) >= bus) {
            g->port = s->root[i].number;
            g->buses[0] = bus;
            g->buses[1] = last_behind(word);
        }
    }
    for (uint32_t i = 0; i < s->roots && g->port != PCI_NOBODY; i++) {
        uint32_t word = pci_read(ecam_of(s), s->root[i].number, PCI_BUSES);

        if (s->root[i].bridge && s->root[i].number != g->port && leads_to(word, g->buses[0], g->buses[1]))
            return false;
    }
    return g->port != PCI_NOBODY && s->namer[bus % PCI_BUSES_MOST] == g->port + 1 && is_root_port(s, g->port);
}

/* Where it is, and who else is there. */
static bool find_place(const struct pci_segment *s, struct pci_given *g)
{
    if (bus_of(g->function) >= s->bridge->first_bus + s->bridge->buses || bus_of(g->function) < s->bridge->first_bus)
        return false;
    if (is_on_root_bus(s, g->function)) {
        if (find_root(s, g->function) == 0)
            return false;
    } else {
        if (!find_port(s, g))
            return false;
        g->port_power = pci_capability(ecam_of(s), g->port, CAPABILITY_POWER, PCI_ANY_TYPE);
        g->port_express = pci_capability(ecam_of(s), g->port, CAPABILITY_EXPRESS, PCI_ANY_TYPE);
    }
    return is_root_bus_known(s) && is_alone(s, g) && all_send_up(s);
}

/* A function by itself, which is no bridge, can be reset, and stays behind the SMMU: it may have been plugged in after boot. */
static bool is_suitable(const struct pci_segment *s, struct pci_given *g)
{
    uint64_t ecam = ecam_of(s);
    uint32_t type = g->header.word[PCI_HEADER / 4];
    uint32_t express = pci_capability(ecam, g->function, CAPABILITY_EXPRESS, PCI_ANY_TYPE);

    if (g->function % 8 != 0 || g->id == PCI_NOBODY || HEADER_TYPE(type) != 0 ||
        CLASS(g->header.word[PCI_CLASS / 4]) == CLASS_HOST_BRIDGE || (g->header.word[PCI_ROM / 4] & ROM_ENABLED) != 0 ||
        pci_capability(ecam, g->function, CAPABILITY_ALLOCATION, PCI_ANY_TYPE) != 0 ||
        pci_extended_capability(ecam, g->function, EXTENDED_SRIOV) != 0)
        return false;
    if (express != 0 && (pci_read(ecam, g->function, express + EXPRESS_DEVICE) & DEVICE_FLR) != 0)
        g->flr = express + EXPRESS_DEVICE_CONTROL;
    return (g->flr != 0 || g->port != PCI_NOBODY) && !pci_virtio_goes_past(ecam, g->function);
}

uint32_t pci_window_of(const struct bridge *b, struct pci_range r)
{
    uint32_t found = 0;

    for (uint32_t i = 1; i < b->windows; i++) {
        if (b->memory[i] && pci_inside(r, (struct pci_range){ b->address[i], b->window[i].size }))
            found = i;
    }
    return found;
}

/* Whether accesses to a BAR come to it: by the host bridge, and by the port where there is one. */
static bool is_reached(const struct pci_segment *s, const struct pci_given *g, struct pci_range bar)
{
    struct pci_header port;

    if (pci_window_of(s->bridge, bar) == 0)
        return false;
    if (g->port == PCI_NOBODY)
        return true;
    pci_header_read(ecam_of(s), g->port, &port);
    return (port.word[PCI_COMMAND / 4] & COMMAND_MEMORY) != 0 &&
           (pci_inside(bar, pci_bridge_window(&port, 0)) || pci_inside(bar, pci_bridge_window(&port, 1)));
}

/* The pages of its BARs, which are all set, and have nothing else on them. */
static bool find_windows(const struct pci_segment *s, struct pci_given *g)
{
    struct pci_function f;

    pci_measure(ecam_of(s), g->function, &f);
    for (uint32_t i = 0; i < PCI_BARS; i++) {
        struct pci_range pages = pci_pages(pci_bar(&g->header, &f, i));

        if (f.size[i] == 0)
            continue;
        if (pages.base < LOWEST || !is_reached(s, g, pages) || overlaps_any(&pages, 1, g->window))
            return false;
        g->window[i] = pages;
    }
    return !others_are_over(s, g);
}

static void set_command(const struct pci_given *g, uint32_t command)
{
    pci_write(ecam_of(g->segment), g->function, PCI_COMMAND, command & COMMAND_BITS);
}

bool pci_give(const struct pci_given *given, const struct pci_segment *s, uint32_t function, struct pci_given *g)
{
    *g = (struct pci_given){ .function = function, .port = PCI_NOBODY };
    if (s->closed || pci_given_hides(given, s, function) || !find_place(s, g))
        return false;
    pci_header_read(ecam_of(s), function, &g->header);
    g->id = g->header.word[PCI_ID / 4];
    if (!is_suitable(s, g))
        return false;
    g->segment = s;
    set_command(g, g->header.word[PCI_COMMAND / 4] & ~(COMMAND_IO | COMMAND_MEMORY | COMMAND_MASTER));
    if (find_windows(s, g))
        return true;
    set_command(g, g->header.word[PCI_COMMAND / 4]);
    g->segment = 0;
    return false;
}

/* ---- reset ---- */

static void set_bus_reset(const struct pci_given *g, bool on)
{
    uint32_t word = pci_read(ecam_of(g->segment), g->port, PCI_INTERRUPT);

    pci_write(ecam_of(g->segment), g->port, PCI_INTERRUPT, on ? word | BRIDGE_RESET : word & ~BRIDGE_RESET);
}

static void begin_reset(struct pci_given *g, uint64_t now)
{
    if (g->flr != 0) {
        uint32_t control = pci_read(ecam_of(g->segment), g->function, g->flr) & 0xffff;     /* the rest is a status */

        pci_write(ecam_of(g->segment), g->function, g->flr, control | CONTROL_FLR);
        g->reset = RESET_WAIT;
        g->until = now + MICROSECONDS_RESET;
    } else {
        set_bus_reset(g, true);
        g->reset = RESET_BUS;
        g->until = now + MICROSECONDS_BUS;
    }
}

/* What a reset has taken of the header. */
static void restore(const struct pci_given *g)
{
    uint64_t ecam = ecam_of(g->segment);
    uint32_t command = g->header.word[PCI_COMMAND / 4] & ~(COMMAND_IO | COMMAND_MASTER | COMMAND_NO_INTERRUPT);

    pci_write(ecam, g->function, PCI_HEADER, g->header.word[PCI_HEADER / 4]);
    for (uint32_t at = PCI_BAR; at < PCI_BAR + 4 * PCI_BARS; at += 4)
        pci_write(ecam, g->function, at, g->header.word[at / 4]);
    pci_write(ecam, g->function, PCI_ROM, g->header.word[PCI_ROM / 4]);
    pci_write(ecam, g->function, PCI_INTERRUPT, g->header.word[PCI_INTERRUPT / 4]);
    set_command(g, command | COMMAND_MEMORY);
}

bool pci_give_reset(struct pci_given *g, uint64_t now)
{
    g->changed = true;
    if (g->reset == RESET_NONE) {
        begin_reset(g, now);
        return false;
    }
    if (now < g->until)
        return false;
    if (g->reset == RESET_BUS) {
        set_bus_reset(g, false);
        g->reset = RESET_WAIT;
        g->until = now + MICROSECONDS_RESET;
        return false;
    }
    /* One that takes longer says so by another identity. One that is gone has nothing to be reset. */
    if (pci_read(ecam_of(g->segment), g->function, PCI_ID) != g->id && now - g->until < MICROSECONDS_MORE)
        return false;
    restore(g);
    g->reset = RESET_NONE;
    return true;
}

static void set_master(const struct pci_given *g, uint32_t function, bool on)
{
    uint32_t command = pci_read(ecam_of(g->segment), function, PCI_COMMAND) & COMMAND_BITS;

    pci_write(ecam_of(g->segment), function, PCI_COMMAND, on ? command | COMMAND_MASTER : command & ~COMMAND_MASTER);
}

void pci_give_master(const struct pci_given *g, bool on)
{
    if (on && g->port != PCI_NOBODY)
        set_master(g, g->port, true);
    set_master(g, g->function, on);
}

void pci_take_back(struct pci_given *g)
{
    set_command(g, g->header.word[PCI_COMMAND / 4] & (g->changed ? ~COMMAND_MASTER : COMMAND_BITS));
    *g = (struct pci_given){ 0 };
}
