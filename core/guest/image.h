/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a VM begins with: which guest addresses are memory, the pages that the host loads, and the measurement of both.
 *
 * The measurement is the SHA-256 of records of 64 bytes, numbers little endian, the rest zero; docs/MEASUREMENT.md:
 *   "CORDONMM" base size            for each range of memory, in the order in which the host declared them
 *   "CORDONPG" guest address        and 4096 bytes: for each page that was loaded and is not all zero, in that order
 *   "CORDONDV" number id            for each device that was attached, in that order: number counts from 0
 *   "CORDONDW" number BAR address size  for each window of it that is mapped, when the mapping begins
 *   "CORDONVM" entry x0 vCPUs       when the VM starts
 */
#ifndef CORDON_IMAGE_H
#define CORDON_IMAGE_H

#include "base/lock.h"
#include "cordon/cordon.h"

/* The VM is held for each; it must be BUILT, but for what only looks. */

/* Begins the measurement of a new VM. */
void image_init(struct image *image);

/* Declares memory. RANGE, EMPTY, UNALIGNED, MAPPED: it overlaps another range. NO_MEMORY: there are as many as can be. */
enum cordon_status image_declare(const struct cordon *c, struct image *image, uint64_t base, uint64_t size);

/* Whether the pages gfn .. gfn+n-1 are memory, within one range. */
bool image_has(const struct image *image, uint64_t gfn, uint64_t n);

/*
 * Loads num pages: the first of them, or a part of it, and says how many are *done. AGAIN: there is more to do.
 * RANGE, EMPTY, UNALIGNED, NOT_MEMORY; BUSY: another page is in work; MAPPED, NO_MEMORY, OWNED, SHARED.
 */
enum cordon_status image_load(struct cordon *c, struct vm_locked v, uint64_t gpa, uint64_t frame, uint64_t num,
                              uint64_t *done);

/* Whether a frame, which stands still or is looked at again, is all zero. */
bool image_is_zero(const struct cordon *c, uint64_t frame);

/* Whether one of the pages first .. end-1 is memory. */
bool image_overlaps(const struct image *image, uint64_t first, uint64_t end);

/* Pages that are memory, all of them. */
uint64_t image_pages(const struct image *image);

/* Whether a page is half measured: then no other record may come. */
bool image_in_page(const struct image *image);

/* Measures a device, and a window of one. No page is half measured. */
void image_device(struct image *image, uint64_t number, uint64_t id);
void image_window(struct image *image, uint64_t number, uint64_t window, uint64_t gfn, uint64_t pages);

/* The last record. UNALIGNED, NOT_MEMORY: the entry. BUSY: a page is half measured. */
enum cordon_status image_end(struct image *image, uint64_t entry, uint64_t x0, uint32_t vcpus);

/* Whether the measurement, which is complete, is this one: four words in the order of memory. */
bool image_is(const struct image *image, const uint64_t hash[4]);

#endif
