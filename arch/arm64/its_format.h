/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands of an ITS (Arm IHI 0069, 5.3 and 5.13). What the host writes is taken apart, and what the ITS gets is put together
 * anew from the parts: no bit goes through that is not one of these. Needs no machine.
 */
#ifndef CORDON_ITS_FORMAT_H
#define CORDON_ITS_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#define ITS_COMMAND_WORDS 4u
#define ITS_COMMAND_SIZE (8u * ITS_COMMAND_WORDS)

enum its_kind {
    ITS_MOVI = 0x01, ITS_INT = 0x03, ITS_CLEAR = 0x04, ITS_SYNC = 0x05, ITS_MAPD = 0x08, ITS_MAPC = 0x09, ITS_MAPTI = 0x0a,
    ITS_MAPI = 0x0b, ITS_INV = 0x0c, ITS_INVALL = 0x0d, ITS_MOVALL = 0x0e, ITS_DISCARD = 0x0f
};

/* What a kind does not have is zero. */
struct its_command {
    enum its_kind kind;
    bool valid;             /* MAPD, MAPC: maps, or takes a mapping away */
    uint32_t device;
    uint32_t event;
    uint32_t lpi;
    uint32_t collection;
    uint32_t event_bits;    /* MAPD */
    uint64_t table;         /* MAPD: a physical address; never the host's */
    uint64_t target;        /* MAPC, SYNC, MOVALL: a redistributor, as the ITS names it */
    uint64_t second;        /* MOVALL: where to */
};

/* False: not a command that there is. The host's address of a table is not looked at. */
bool its_decode(const uint64_t word[ITS_COMMAND_WORDS], struct its_command *c);

void its_encode(const struct its_command *c, uint64_t word[ITS_COMMAND_WORDS]);

#endif
