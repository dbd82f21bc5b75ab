/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's machine, with kvmtool's addresses. For the launcher, and for the bare test guest that runs on it. */
#ifndef VMM_MACHINE_H
#define VMM_MACHINE_H

#define RAM_BASE 0x80000000ull
#define UART_BASE 0x01000000ull
#define UART_SIZE 8ull
#define SECOND_UART_BASE 0x01001000ull
#define RTC_BASE 0x01010000ull
#define RTC_SIZE 0x1000ull
#define VIRTIO_BASE 0x03000000ull   /* virtio devices, one behind the other */
#define VIRTIO_SIZE 0x200ull
#define PCI_ECAM_BASE 0x40000000ull  /* configuration space of one bus */
#define PCI_ECAM_SIZE 0x100000ull
#define PCI_WINDOW_BASE 0x50000000ull   /* BARs; it ends where memory begins */
#define PCI_WINDOW_SIZE 0x30000000ull
#define GICD_BASE 0x3fff0000ull
#define GICD_SIZE 0x10000ull
#define GICR_SIZE 0x20000ull    /* a vCPU; the redistributors end where the distributor begins */

#define UART_SPI 1u             /* shared peripheral interrupt 1, which is INTID 33 */
#define VIRTIO_SPI 2u           /* of the first virtio device */
#define DEVICE_SPI 16u          /* of the first of the guest's own PCI functions */
#define SECOND_UART_SPI 24u
#define RTC_SPI 25u             /* never raised: there is no alarm */
#define GIC_INTERRUPTS 64u
#define CPUS_MAX 16u
#define DISKS_MAX 8u
#define NETS_MAX 2u
#define SLOTS_MAX 14u           /* virtio devices of all kinds */
#define DEVICES_MAX 8u

#endif
