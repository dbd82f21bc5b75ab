/* SPDX-License-Identifier: Apache-2.0 */
/* In place of arch/arm64/its_access.h: the driver's accesses go to the model of its_test.c. */
#ifndef CORDON_ITS_ACCESS_H
#define CORDON_ITS_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "cordon/cordon.h"

uint32_t its_read(uint64_t base, uint32_t offset);
void its_write(uint64_t base, uint32_t offset, uint32_t value);
uint64_t its_read_long(uint64_t base, uint32_t offset);
void its_write_long(uint64_t base, uint32_t offset, uint64_t value);
void *its_memory(uint64_t pa);
bool its_read_host(uint64_t addr, uint64_t word[4]);
uint64_t its_index(uint64_t index, uint64_t bound);
void its_before_register(void);
void its_after_register(void);

#endif
