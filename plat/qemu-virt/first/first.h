/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first stage, for QEMU: in place of a firmware that would have a secret of the machine's own, it has one that everybody
 * knows. It measures Cordon, derives secrets and a certificate for exactly this Cordon, hands them over, and is gone.
 * docs/BOOT.md.
 */
#ifndef CORDON_FIRST_H
#define CORDON_FIRST_H

/* It moves there from where the loader puts it, which is where Cordon has to be. Between Cordon and the host's kernel. */
#define FIRST_BASE 0x41000000
#define FIRST_LIMIT 0x200000
/* What it hands over, and how much of it may be used. */
#define FIRST_HANDED 0x41f00000
#define FIRST_HANDED_SIZE 0x1000
/* Cordon's image is no larger than its section. */
#define FIRST_CORDON_LIMIT 0x200000

#endif
