/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which functions of PCI can be a guest's, and what the host may do to the others meanwhile. A function that is given is alone:
 * no access that is for one of its BARs goes elsewhere, and nothing else has its requester ID. What decides that is looked at
 * when it is given, and kept so: of the bridge that leads to it, of everything on the root bus, where each access begins, and
 * of bus numbers. Whatever lies behind other bridges gets no access that is not for them. Needs no machine.
 *
 * Of this and of configuration space has one at a time the use: pci_config.c's lock.
 */
#ifndef CORDON_PCI_GIVEN_H
#define CORDON_PCI_GIVEN_H

#include "pci_function.h"
#include "plan_pci.h"

#define PCI_ROOT_FUNCTIONS 64u      /* on a root bus; more, and none of the bus can be given */
#define PCI_GIVEN 8u                /* at a time: CORDON_DEVICES */
#define PCI_BUSES_MOST 256u

/* What is known of a root bus and all behind it, from boot on. */
struct pci_segment {
    const struct bridge *bridge;
    struct pci_function root[PCI_ROOT_FUNCTIONS];
    uint32_t roots;
    bool closed;                    /* it has something whose addresses cannot be followed: nothing of it can be given */
    /* The one bridge that has ever led to a bus of that number since boot: 0 none, else its requester ID + 1; or NAMED_TWICE. */
    uint32_t namer[PCI_BUSES_MOST];
};

#define NAMED_TWICE UINT32_MAX

enum pci_reset { RESET_NONE = 0, RESET_BUS, RESET_WAIT };

/* A function that is given, or on its way there or back. */
struct pci_given {
    const struct pci_segment *segment;      /* 0: none */
    uint32_t function;
    uint32_t id;
    uint32_t port;                  /* the root port before it; PCI_NOBODY: it is on the root bus */
    uint32_t buses[2];              /* first and last that the port leads to */
    uint32_t port_power;            /* where the port has these registers; 0: it has none */
    uint32_t port_express;
    uint32_t flr;                   /* where its control register is by which it is reset; 0: it is reset by its bus */
    struct pci_range window[PCI_BARS];      /* whole pages */
    struct pci_header header;       /* as it was */
    enum pci_reset reset;
    uint64_t until;
    bool changed;                   /* it was reset once */
};

/* ---- the host's accesses ---- */

/* Whether a function is not there for the host. */
bool pci_given_hides(const struct pci_given *given, const struct pci_segment *s, uint32_t function);

/*
 * Whether the host may write 1, 2 or 4 bytes: a function that is given is none of its business, the port before one keeps its
 * windows and its power, no other gets over it. Bridges of the root bus send up what comes from behind them, given or not.
 */
bool pci_given_allows(const struct pci_given *given, const struct pci_segment *s, uint32_t function, uint32_t offset,
                      uint32_t bytes, uint32_t value);

/*
 * Before a write of the host's: a bridge that has lost its ACS meanwhile (by a change of its power) has it again, and lets
 * nothing through before the host has written to its command.
 */
void pci_given_before(const struct pci_segment *s, uint32_t function);

/* After a write of the host's: keeps in mind which bus a bridge leads to. */
void pci_given_note(struct pci_segment *s, uint32_t function, uint32_t offset);

/* ---- giving ---- */

/* The window of a bridge's for memory that addresses of the bus lie in; 0, which is configuration space: in none. */
uint32_t pci_window_of(const struct bridge *b, struct pci_range r);

/*
 * Fills a free g with a function that can be given; it is no bus master and answers to nothing then. False: it cannot, and
 * nothing has changed.
 */
bool pci_give(const struct pci_given *given, const struct pci_segment *s, uint32_t function, struct pci_given *g);

/*
 * Begins with a reset, or goes on with it. now: of a clock of microseconds. True: it is over. BARs are as they were, and the
 * function answers to them and has its wire; it is no bus master, and does no I/O.
 */
bool pci_give_reset(struct pci_given *g, uint64_t now);

/* After a reset: it may be a bus master, and its port lets it; or not. */
void pci_give_master(const struct pci_given *g, bool on);

/* It is the host's again, with its command as it was, but no bus master; where it was never reset, as it was altogether. */
void pci_take_back(struct pci_given *g);

#endif
