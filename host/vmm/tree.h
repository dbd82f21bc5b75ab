/* SPDX-License-Identifier: Apache-2.0 */
/* The device tree that tells the guest what its machine has. */
#ifndef VMM_TREE_H
#define VMM_TREE_H

#include <stddef.h>

struct vm;

/* Makes it in buffer (TREE_SIZE bytes, zero behind it); returns its size. Leaves on failure. */
size_t tree_make(void *buffer, const struct vm *vm);
/* Into a file. Leaves on failure. */
void tree_write(const char *name, const void *tree, size_t size);

#endif
