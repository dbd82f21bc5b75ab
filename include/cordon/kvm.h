/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Cordon's /dev/kvm has beside KVM's own API: functions of PCI that are a VM's alone, and what is said of a VM when it is
 * attested (docs/KVM.md, "Devices", "Attestation"). For a driver and for VMMs. Numbers are our own, and no other driver's of
 * /dev/kvm.
 */
#ifndef CORDON_KVM_H
#define CORDON_KVM_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* The driver that a function has to be bound to before it can be given: by its driver_override. */
#define CORDON_KVM_DRIVER "cordon-device"

#define CORDON_KVM_DEVICES 8    /* of a VM */
#define CORDON_KVM_BARS 6

struct cordon_kvm_device {
    __u32 domain;
    __u8 bus;
    __u8 devfn;                     /* device * 8 + function */
    __u16 flags;                    /* 0 */
    __u32 intid;                    /* the guest's SPI for its INTx, a level; 0: it gets none */
    __u32 reserved;                 /* 0 */
    __u64 bar[CORDON_KVM_BARS];     /* guest address of the page where each memory BAR begins; 0: the guest does not get it */
};

/*
 * Of a VM, before it starts: the function becomes the VM's when it is built, by the first KVM_RUN of vCPU 0, and is the host's
 * again when the VM's last descriptor is closed. ENODEV: no such function, or not bound to CORDON_KVM_DRIVER. EBUSY: it is a
 * VM's already, or this VM has started. ENOSPC: the VM has CORDON_KVM_DEVICES. EAGAIN: an INTID, and the GIC is not
 * initialised. EINVAL: fields; a BAR that is not memory; an INTID that is no SPI of the VM's. ENOTTY, EINVAL from other
 * drivers: they give none.
 */
#define CORDON_KVM_DEVICE_GIVE _IOW(0xcd, 0x20, struct cordon_kvm_device)

#define CORDON_KVM_PERSONAL 64

struct cordon_kvm_personal {
    __u8 value[CORDON_KVM_PERSONAL];
};

/*
 * Of a VM, before it starts: the personalisation value that the guest's tokens have, zeros unless it is given. It is not
 * measured. EBUSY: this VM has started. ENOTTY, EINVAL from other drivers: they attest nothing.
 */
#define CORDON_KVM_PERSONALISE _IOW(0xcd, 0x21, struct cordon_kvm_personal)

#endif
