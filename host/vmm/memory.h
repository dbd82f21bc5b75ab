/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's memory, and what it boots from. */
#ifndef VMM_MEMORY_H
#define VMM_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

struct options;

#define TREE_SIZE 0x10000u      /* room for the device tree */

/* Guest memory, and where things were put in it: guest addresses. */
struct memory {
    uint8_t *host;
    uint64_t size;
    uint64_t entry;
    uint64_t kernel_end;
    uint64_t tree;
    uint64_t initrd;
    uint64_t initrd_size;
};

/* Reserves the guest's memory and loads kernel and initrd; decides where the tree goes. Leaves on failure. */
void memory_load(struct memory *m, const struct options *o);
/* Leaves if the guest is protected and the host cannot keep so much memory for it. */
void memory_must_fit(const struct memory *m);
/* The guest has relinquished whole pages: the host gets them. False if they are no such memory. */
bool memory_give_back(const struct memory *m, uint64_t gpa, uint64_t size);
/* The launcher's address of guest memory, NULL if [gpa, gpa + size) is not all in it. */
void *memory_at(const struct memory *m, uint64_t gpa, uint64_t size);

#endif
