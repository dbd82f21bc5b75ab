/* SPDX-License-Identifier: Apache-2.0 */
#include "pci_function.h"

#include "pci_access.h"
#include "pci_registers.h"

#define MOST_CAPABILITIES 48        /* as many as there is room for */
#define MOST_EXTENDED 480
#define PAGE UINT64_C(0x1000)
#define BAR_BITS 0xfu
#define ROM_BITS 0x7ffu
#define MIB UINT64_C(0x100000)

uint32_t pci_capability(uint64_t ecam, uint32_t function, uint32_t id, uint32_t type)
{
    uint32_t at;

    if ((pci_read(ecam, function, PCI_COMMAND) & STATUS_CAPABILITIES) == 0)
        return 0;
    at = pci_read(ecam, function, PCI_CAPABILITIES) & 0xfc;
    for (uint32_t i = 0; i < MOST_CAPABILITIES && at >= PCI_HEADER_SIZE; i++) {
        uint32_t word = pci_read(ecam, function, at);

        if ((word & 0xff) == id && (type == PCI_ANY_TYPE || word >> 24 == type))
            return at;
        at = word >> 8 & 0xfc;
    }
    return 0;
}

uint32_t pci_extended_capability(uint64_t ecam, uint32_t function, uint32_t id)
{
    uint32_t at = PCI_EXTENDED;

    if (pci_capability(ecam, function, CAPABILITY_EXPRESS, PCI_ANY_TYPE) == 0)
        return 0;
    for (uint32_t i = 0; i < MOST_EXTENDED && at >= PCI_EXTENDED; i++) {
        uint32_t word = pci_read(ecam, function, at);

        if (word == 0 || word == PCI_NOBODY)
            return 0;
        if (EXTENDED_ID(word) == id)
            return at;
        at = EXTENDED_NEXT(word);
    }
    return 0;
}

bool pci_is_bridge(uint64_t ecam, uint32_t function)
{
    uint32_t type = HEADER_TYPE(pci_read(ecam, function, PCI_HEADER));

    return type == HEADER_BRIDGE || type == HEADER_CARDBUS;
}

/* ---- requests from behind a bridge ---- */

bool pci_sends_up(uint64_t ecam, const struct pci_function *bridge)
{
    uint32_t word = bridge->acs != 0 ? pci_read(ecam, bridge->number, bridge->acs + ACS_WORD) : 0;

    return bridge->acs != 0 && word >> 16 == (word & ACS_UP);
}

void pci_send_up(uint64_t ecam, const struct pci_function *bridge)
{
    uint32_t word = bridge->acs != 0 ? pci_read(ecam, bridge->number, bridge->acs + ACS_WORD) : 0;

    if (word >> 16 != (word & ACS_UP))
        pci_write(ecam, bridge->number, bridge->acs + ACS_WORD, (word & 0xffff) | (word & ACS_UP) << 16);
}

/* ---- BARs ---- */

static uint32_t bar_at(const struct pci_function *f, uint32_t i)
{
    return i == PCI_ROM_BAR ? f->bridge ? PCI_BRIDGE_ROM : PCI_ROM : PCI_BAR + 4 * i;
}

/* What a BAR keeps of ones in `bits`; it has what it had again afterwards. */
static uint32_t ask(uint64_t ecam, uint32_t function, uint32_t at, uint32_t bits)
{
    uint32_t before = pci_read(ecam, function, at);
    uint32_t kept;

    pci_write(ecam, function, at, bits);
    kept = pci_read(ecam, function, at);
    pci_write(ecam, function, at, before);
    return kept & bits;
}

/* A BAR of size 2^n keeps the bits of an address from n on: the lowest that it keeps. */
static uint64_t size_of(uint64_t kept)
{
    return kept & (~kept + 1);
}

void pci_measure(uint64_t ecam, uint32_t number, struct pci_function *f)
{
    uint32_t type = HEADER_TYPE(pci_read(ecam, number, PCI_HEADER));
    uint32_t bars = type == 0 ? PCI_BARS : type == HEADER_BRIDGE ? 2 : 0;

    *f = (struct pci_function){ .number = number, .bridge = type != 0 };
    f->acs = f->bridge ? (uint16_t)pci_extended_capability(ecam, number, EXTENDED_ACS) : 0;
    for (uint32_t i = 0; i < bars; i++) {
        uint32_t word = pci_read(ecam, number, PCI_BAR + 4 * i);
        uint64_t kept;

        if ((word & BAR_IO) != 0)
            continue;
        kept = ask(ecam, number, PCI_BAR + 4 * i, ~BAR_BITS);
        if (BAR_WIDE(word) && i + 1 < bars) {
            f->wide |= (uint8_t)(1u << i);
            kept |= (uint64_t)ask(ecam, number, PCI_BAR + 4 * i + 4, UINT32_MAX) << 32;
        }
        f->size[i] = size_of(kept);
        i += f->wide >> i & 1;
    }
    if (bars > 0)
        f->size[PCI_ROM_BAR] = size_of(ask(ecam, number, bar_at(f, PCI_ROM_BAR), ~ROM_BITS));
}

struct pci_range pci_bar(const struct pci_header *h, const struct pci_function *f, uint32_t i)
{
    uint32_t at = bar_at(f, i) / 4;
    uint64_t address = h->word[at];

    if ((f->wide >> i & 1) != 0)
        address |= (uint64_t)h->word[at + 1] << 32;
    return (struct pci_range){ f->size[i] > 0 ? address & ~(f->size[i] - 1) : 0, f->size[i] };
}

/* ---- the header ---- */

void pci_header_read(uint64_t ecam, uint32_t function, struct pci_header *h)
{
    for (uint32_t i = 0; i < PCI_HEADER_SIZE / 4; i++)
        h->word[i] = pci_read(ecam, function, 4 * i);
}

void pci_header_change(struct pci_header *h, uint32_t offset, uint32_t bytes, uint32_t value)
{
    uint32_t mask = bytes == 4 ? UINT32_MAX : (1u << 8 * bytes) - 1;
    uint32_t shift = 8 * (offset % 4);
    uint32_t *word = &h->word[offset / 4 % 16];

    *word = (*word & ~(mask << shift)) | (value & mask) << shift;
}

/* Addresses in MiB, of which 4 bits are something else's. The last is one that belongs to the window. */
struct pci_range pci_bridge_window(const struct pci_header *h, uint32_t i)
{
    uint32_t word = h->word[PCI_WINDOW / 4 + i];
    uint64_t first = (uint64_t)(word & 0xfff0) << 16;
    uint64_t last = word & 0xfff00000;

    if (i == 1) {
        first |= (uint64_t)h->word[PCI_WINDOW / 4 + 2] << 32;
        last |= (uint64_t)h->word[PCI_WINDOW / 4 + 3] << 32;
    }
    return (struct pci_range){ first, last < first ? 0 : last - first + MIB };
}

struct pci_range pci_pages(struct pci_range r)
{
    uint64_t first = r.base & ~(PAGE - 1);

    return (struct pci_range){ first, r.size == 0 ? 0 : (r.base - first + r.size + PAGE - 1) & ~(PAGE - 1) };
}

uint32_t pci_claims(const struct pci_header *h, const struct pci_function *f, bool windows, struct pci_range claim[PCI_CLAIMS])
{
    uint32_t n = 0;

    if ((h->word[PCI_COMMAND / 4] & COMMAND_MEMORY) == 0)
        return 0;
    for (uint32_t i = 0; i < PCI_BARS; i++) {
        if (f->size[i] > 0)
            claim[n++] = pci_bar(h, f, i);
    }
    if (f->size[PCI_ROM_BAR] > 0 && (h->word[bar_at(f, PCI_ROM_BAR) / 4] & ROM_ENABLED) != 0)
        claim[n++] = pci_bar(h, f, PCI_ROM_BAR);
    for (uint32_t i = 0; i < 2 && f->bridge && windows; i++)
        claim[n++] = pci_bridge_window(h, i);
    return n;
}
