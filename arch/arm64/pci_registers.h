/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registers of configuration space, by 4 bytes: PCI Local Bus 3.0, 6.1; bridges: PCI-to-PCI Bridge 1.2, 3.2; capabilities: PCI
 * Express 5.0, 7.5 and 7.8.
 */
#ifndef CORDON_PCI_REGISTERS_H
#define CORDON_PCI_REGISTERS_H

#define PCI_NOBODY 0xffffffffu      /* what is read where no function answers */
#define PCI_DEVICES 32u             /* on a bus */
#define PCI_FUNCTIONS 8u            /* of a device */

#define PCI_ID 0x00                 /* vendor, device */
#define PCI_COMMAND 0x04            /* command, status */
#define COMMAND_IO (1u << 0)
#define COMMAND_MEMORY (1u << 1)
#define COMMAND_MASTER (1u << 2)
#define COMMAND_NO_INTERRUPT (1u << 10)
#define COMMAND_BITS 0xffffu        /* the upper half is the status, where a 1 would clear something */
#define STATUS_CAPABILITIES (1u << 20)
#define PCI_CLASS 0x08
#define CLASS(x) ((x) >> 16)
#define CLASS_HOST_BRIDGE 0x0600u
#define PCI_HEADER 0x0c             /* size of a line, a timer, the header's type */
#define HEADER_TYPE(x) ((x) >> 16 & 0x7f)
#define HEADER_SEVERAL (1u << 23)   /* the device has more functions */
#define HEADER_BRIDGE 1u
#define HEADER_CARDBUS 2u           /* a bridge as well, with bus numbers in the same place */
#define PCI_BAR 0x10
#define BAR_IO 1u
#define BAR_WIDE(x) (((x) & 7) == 4)    /* of memory, its upper half in the next */
#define PCI_BUSES 0x18              /* of a bridge: its own bus, the one behind it, the last one behind it; a timer */
#define PCI_WINDOW 0x20             /* of a bridge: first and last MiB; those that may be fetched ahead, their upper halves */
#define PCI_ROM 0x30
#define PCI_BRIDGE_ROM 0x38
#define ROM_ENABLED 1u
#define PCI_CAPABILITIES 0x34
#define PCI_INTERRUPT 0x3c          /* line, pin; of a bridge: its control in the upper half */
#define BRIDGE_RESET (1u << 22)     /* of the bus behind it */
#define PCI_HEADER_SIZE 0x40u

#define CAPABILITY_POWER 0x01u
#define POWER_CONTROL 4u
#define CAPABILITY_VENDOR 0x09u
#define CAPABILITY_EXPRESS 0x10u
#define CAPABILITY_ALLOCATION 0x14u /* Enhanced Allocation: addresses that no BAR has */
#define EXPRESS_TYPE(x) ((x) >> 20 & 0xf)   /* of the capability's first word */
#define EXPRESS_ROOT_PORT 4u
#define EXPRESS_DEVICE 4u           /* what the device can */
#define DEVICE_FLR (1u << 28)
#define EXPRESS_DEVICE_CONTROL 8u   /* control, status */
#define CONTROL_FLR (1u << 15)
#define EXPRESS_LINK_CONTROL 0x10u
#define EXPRESS_SLOT_CONTROL 0x18u

#define PCI_EXTENDED 0x100u         /* the first extended capability */
#define EXTENDED_ID(x) ((x) & 0xffff)
#define EXTENDED_NEXT(x) ((x) >> 20 & 0xffc)
#define EXTENDED_ACS 0x0du          /* what goes up from behind a bridge, and what across (PCI Express 7.7.8) */
#define ACS_WORD 4u                 /* what it can; what is on, in the upper half */
/* Source Validation, Translation Blocking, Request and Completion Redirect, Upstream Forwarding */
#define ACS_UP 0x1fu
#define EXTENDED_ARI 0x0eu          /* a device of up to 256 functions, in place of 8 (PCI Express 7.8.7) */
#define ARI_CAPABILITY 4u
#define ARI_NEXT(x) ((x) >> 8 & 0xff)   /* the next function; 0: there is none */
#define EXTENDED_SRIOV 0x10u
#define EXTENDED_RESIZABLE 0x15u

#endif
