/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is kept of the ITS and of the redistributors' LPIs; no code. One who may use it at a time: its.c's lock, or the boot CPU
 * alone.
 */
#ifndef CORDON_ITS_STATE_H
#define CORDON_ITS_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "its_registers.h"
#include "layout.h"

#define MAX_ITS_RANGES 4
#define ITS_DEVICES 256u            /* that can have a translation table at a time */
#define ITS_EVENT_BITS 12u          /* the most of an event's number: MSI-X has 11 */
#define ITS_UNIT 64u                /* events: translation tables are made of so many */
#define ITS_UNITS 512u
#define ITS_EVENTS (ITS_UNIT * ITS_UNITS)
#define ITS_COLLECTIONS MAX_CPUS
#define LPI_BITS 16u                /* the most of an interrupt's number: what Linux uses */
#define LPIS ((1u << LPI_BITS) - LPI_FIRST)
#define LPI_PENDING_SIZE UINT64_C(0x10000)  /* what it is aligned to; a bit for each is less */

/* Devices first .. first+count-1, as the ITS numbers them, are the host's. */
struct its_range {
    uint32_t first;
    uint32_t count;
};

/* What an event of a device's is. lpi 0: it is mapped to nothing. */
struct its_event {
    uint16_t lpi;
    uint16_t collection;
};

/* A device that the host has mapped: its translation table is made of units first .. first+units-1. units 0: none. */
struct its_device {
    uint32_t id;
    uint16_t first;
    uint16_t units;
    uint32_t events;
};

/* A collection of interrupts, all of which go to one target. */
struct its_collection {
    uint16_t target;                /* its number, and one; 0: it is not mapped */
    uint16_t events;                /* that are mapped to it, of all devices */
};

/* Where LPIs can go. `shown` is what the host reads of what it has written. */
struct its_target {
    uint64_t redistributor;         /* physical address */
    uint64_t name;                  /* as commands have it */
    uint64_t shown_properties;      /* GICR_PROPBASER, GICR_PENDBASER */
    uint64_t shown_pending;
    bool fresh;                     /* the host has named another pending table, or the first */
};

/* A table that the ITS has in memory: one of GITS_BASERn. */
struct its_table {
    uint32_t number;                /* n; GITS_BASERS: there is none */
    uint32_t page;                  /* of its pages' size, the code: 4 KiB, 16 KiB, 64 KiB */
    uint64_t pages;
    uint64_t at;                    /* physical address */
};

/* Why the ITS was given up, as the log has it. */
enum its_failure { ITS_WORKS = 0, ITS_COMMAND_ERROR = 1, ITS_SILENT = 2 };

struct its {
    uint64_t base;                  /* physical address of its registers */
    struct its_range range[MAX_ITS_RANGES];
    uint32_t ranges;
    /* What it says of itself. */
    uint64_t typer;
    uint32_t entry_size;            /* of a translation table, in bytes */
    uint32_t collections;           /* numbers are below this */
    uint32_t lpi_bits;              /* of an interrupt's number */
    uint32_t lpi_end;               /* numbers of interrupts are below this */
    uint64_t fixed[GITS_BASERS];    /* of GITS_BASERn what is read-only; 0: there is none, or it is not shown */
    struct its_table devices;
    struct its_table interrupts;    /* of collections */
    /* Where its other memory is: physical addresses. */
    uint64_t commands;
    uint64_t tables;                /* units of translation tables */
    uint64_t unit_size;             /* bytes */
    uint64_t events;                /* struct its_event, for each of all units */
    uint64_t properties;            /* a byte for each LPI */
    uint64_t used_lpis;             /* a bit for each */
    uint64_t pending;               /* tables of LPIs that wait, LPI_PENDING_SIZE for each target */
    /* Our queue: offsets. */
    uint64_t produced;
    uint64_t consumed;
    bool live;                      /* it is the host's, and obeys */
    enum its_failure failure;
    uint32_t refused;               /* commands of the host's, that were not counted yet */
    /* What the host sees. */
    bool enabled;
    bool forgets;                   /* it has named other tables: nothing of the old ones is to be left when it enables the ITS */
    uint64_t cbaser;
    uint64_t cwriter;
    uint64_t creadr;
    uint64_t baser[GITS_BASERS];
    uint32_t sweep;                 /* how far an INVALL has come */
    /* What the host has mapped. */
    struct its_device device[ITS_DEVICES];
    uint64_t used_units[ITS_UNITS / 64];
    struct its_collection collection[ITS_COLLECTIONS];
    struct its_target target[MAX_CPUS];
    uint32_t targets;
};

#endif
