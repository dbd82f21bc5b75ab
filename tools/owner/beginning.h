/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guest of cordon-vmm begins with: kernel, initrd and device tree in its memory, and where it starts. Laid out by the
 * launcher's own code (host/vmm). This header names nothing of the launcher's or of the core's, which both have a `struct vm`.
 */
#ifndef CORDON_TOOL_BEGINNING_H
#define CORDON_TOOL_BEGINNING_H

#include <stdint.h>

struct beginning {
    const uint8_t *memory;      /* `size` bytes, which the guest has at `base`; sparse */
    uint64_t base;
    uint64_t size;
    uint64_t entry;
    uint64_t x0;                /* the device tree's address */
    uint32_t cpus;
    const uint8_t *personal;    /* 64 bytes, or NULL: none was given */
};

/*
 * From the launcher's options. Leaves the program with status 2 and a message that begins with `command` when there is no such
 * guest, or when it would begin with something that these files do not decide: seeds, PCI functions of the machine's.
 */
void beginning_make(struct beginning *b, const char *command, const char *help, int argc, char **argv);

#endif
