/* SPDX-License-Identifier: Apache-2.0 */
#include "pci_config.h"

#include "log.h"
#include "pci.h"
#include "pci_access.h"
#include "plan.h"
#include "sysreg.h"
#include "ticket.h"

/* Guards configuration space, and all here: an access of the host's is done as a whole. */
static struct lock space;
static struct pci_segment segments[MAX_BRIDGES];
static struct pci_given given[PCI_GIVEN];

const char *pci_config_confine(void)
{
    const char *reason = 0;

    for (uint32_t i = 0; i < board.pci.bridges && reason == 0; i++)
        reason = pci_confine(&board.pci.bridge[i], &segments[i]);
    return reason;
}

/* The buses that have configuration space at an address, and where in it; 0: none. What is predicted of it finds no other. */
static struct pci_segment *find_segment(uint64_t address, uint64_t *offset)
{
    for (uint32_t i = 0; i < board.pci.bridges; i++) {
        const struct cordon_mem *m = &board.pci.bridge[i].window[0];

        if (address >= m->base && address - m->base < m->size) {
            *offset = arch_index(address - m->base, m->size);
            return &segments[i];
        }
    }
    return 0;
}

static uint32_t function_at(const struct pci_segment *s, uint64_t offset)
{
    return s->bridge->first_bus << 8 | (uint32_t)(offset >> 12);
}

/* ---- the host's accesses ---- */

static void write_part(struct pci_segment *s, uint32_t function, uint32_t offset, uint32_t bytes, uint32_t value)
{
    uint64_t ecam = bridge_ecam(s->bridge);

    pci_given_before(s, function);
    if (pci_given_allows(given, s, function, offset, bytes, value)) {
        pci_write_part(ecam, function, offset, bytes, value);
        pci_given_note(s, function, offset);
    } else {
        log_event(CORDON_EVENT_MMIO_DENIED, ecam + ((uint64_t)function << 12) + offset, sysreg_read(elr_el2));
    }
}

static uint32_t read_part(const struct pci_segment *s, uint32_t function, uint32_t offset, uint32_t bytes)
{
    if (pci_given_hides(given, s, function))
        return UINT32_MAX >> (32 - 8 * bytes);
    return pci_read_part(bridge_ecam(s->bridge), function, offset, bytes);
}

/* 1, 2 or 4 bytes. */
static void access_part(struct pci_segment *s, uint64_t at, uint32_t bytes, bool write, uint32_t *value)
{
    if (write)
        write_part(s, function_at(s, at), at & 0xfff, bytes, *value);
    else
        *value = read_part(s, function_at(s, at), at & 0xfff, bytes);
}

bool pci_config_access(uint64_t address, uint64_t bytes, bool write, uint64_t *value)
{
    uint32_t part[2] = { (uint32_t)*value, (uint32_t)(*value >> 32) };
    uint64_t at;
    struct pci_segment *s = find_segment(address, &at);

    if (s == 0)
        return false;
    ticket_lock(&space);
    access_part(s, at, bytes == 8 ? 4 : (uint32_t)bytes, write, &part[0]);
    if (bytes == 8)
        access_part(s, at + 4, 4, write, &part[1]);
    ticket_unlock(&space);
    if (!write)
        *value = bytes == 8 ? part[0] | (uint64_t)part[1] << 32 : part[0];
    return true;
}

/* ---- giving ---- */

static struct pci_given *find_given(const struct pci_segment *s, uint32_t function)
{
    for (uint32_t i = 0; i < PCI_GIVEN; i++) {
        if (given[i].segment == s && (s == 0 || given[i].function == function))
            return &given[i];
    }
    return 0;
}

/* The function whose configuration space is a frame, any number; 0: there is none. */
static struct pci_segment *find_function(uint64_t frame, uint32_t *function)
{
    uint64_t at = 0;
    struct pci_segment *s = frame < PHYS_LIMIT / CORDON_PAGE_SIZE ? find_segment(frame * CORDON_PAGE_SIZE, &at) : 0;

    *function = s != 0 ? function_at(s, at) : 0;
    return s;
}

struct pci_given *pci_config_give(uint64_t frame)
{
    uint32_t function;
    struct pci_segment *s = find_function(frame, &function);
    struct pci_given *g;

    if (s == 0)
        return 0;
    ticket_lock(&space);
    g = find_given(0, 0);
    if (g != 0 && !pci_give(given, s, function, g))
        g = 0;
    ticket_unlock(&space);
    return g;
}

struct pci_given *pci_config_find(uint64_t frame)
{
    uint32_t function;
    struct pci_segment *s = find_function(frame, &function);
    struct pci_given *g;

    if (s == 0)
        return 0;
    ticket_lock(&space);
    g = find_given(s, function);
    ticket_unlock(&space);
    return g;
}

/* The machine's counter, in microseconds. */
static uint64_t now(void)
{
    uint64_t hertz = sysreg_read(cntfrq_el0);
    uint64_t ticks = sysreg_read(cntpct_el0);

    return hertz == 0 ? ticks : ticks / hertz * 1000000 + ticks % hertz * 1000000 / hertz;
}

bool pci_config_reset(struct pci_given *g)
{
    bool over;

    ticket_lock(&space);
    over = pci_give_reset(g, now());
    ticket_unlock(&space);
    return over;
}

void pci_config_master(const struct pci_given *g, bool on)
{
    ticket_lock(&space);
    pci_give_master(g, on);
    ticket_unlock(&space);
}

void pci_config_take_back(struct pci_given *g)
{
    ticket_lock(&space);
    pci_take_back(g);
    ticket_unlock(&space);
}
