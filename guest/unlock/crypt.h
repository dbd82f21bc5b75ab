/* SPDX-License-Identifier: Apache-2.0 */
/* A disk's plain text as a device of its own, by Linux' dm-crypt. */
#ifndef CORDON_CRYPT_H
#define CORDON_CRYPT_H

#include <stddef.h>
#include <stdint.h>

#define CRYPT_KEY 64            /* two keys of AES-256, for XTS */

/*
 * Makes /dev/mapper/NAME of a disk that is encrypted as by `cryptsetup open --type plain --cipher aes-xts-plain64 --key-size 512`.
 * NULL, or what could not be done; errno says why, and there is no such device.
 */
const char *crypt_open(const char *name, const char *disk, const uint8_t key[CRYPT_KEY]);

#endif
